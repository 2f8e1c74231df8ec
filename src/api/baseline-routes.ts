/** What vendors held before Bulkhead. Whoever says so is on record before it counts. */
import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { importBaseline } from '#incidents/baseline-import.ts'
import { baselineOf, decodeDeclaration, printBaseline } from '#incidents/baseline-statement.ts'
import type { Look } from '#vault/port.ts'
import { type BaselineBody, BaselineImportRequest, BaselineRequest, type BaselineResult } from './baseline-contract.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import { claimsOf, FILES } from './incident-routes.ts'
import { namingOf } from './match-routes.ts'
import { inTurn } from './match-turn.ts'
import { assertVendorEverKnown } from './vendor-known.ts'

interface OfVendor {
  Params: { vendor: string }
}

export function addBaselineRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const route = `${ROUTES.vendors}/:vendor/baseline`
  const known = async (vendor: string): Promise<string> => {
    await assertVendorEverKnown(vendor, deps)
    return vendor
  }
  addImportRoute(app, deps, known)
  app.get<OfVendor>(route, async (request) => answerOf(await known(request.params.vendor), deps))
  app.post<OfVendor & { Body: BaselineBody }>(route, { schema: { body: BaselineRequest } }, async (request) => {
    const vendor = await known(request.params.vendor)
    const { kind, reason, declaration } = request.body
    const said = {
      kind,
      at: deps.clock.now(),
      actor: request.operator,
      reason: reasonOf(reason),
      ...(declaration === undefined ? {} : { declaration: decodeDeclaration(declaration) }),
    }
    const baseline = baselineOf(vendor, said)
    const look: Look = { actor: said.actor, action: `vendor baseline ${vendor}: ${kind}`, reason: said.reason }
    await deps.vault.recordLook({ ...look, subjects: 0 })
    deps.records.recordBaseline(baseline, [])
    return answerOf(vendor, deps)
  })
}

/** An export is read as it comes and kept nowhere; what is said of it counts when all of it was read. */
function addImportRoute(app: FastifyInstance, deps: StaffDeps, known: (vendor: string) => Promise<string>): void {
  app.register(async (files) => {
    files.addContentTypeParser(FILES, (_request, payload, done) => done(null, payload))
    files.post<OfVendor & { Body: Readable }>(`${ROUTES.vendors}/:vendor/baseline/import`, async (request): Promise<BaselineResult> => {
      const vendor = await known(request.params.vendor)
      if (request.headers['content-type'] !== FILES) throw new BulkheadError('bad_usage', 'the request carries no file')
      const { reason, sha256, complete, saidBy = '', surfaces = [], format, map = [] } = claimsOf(request, BaselineImportRequest)
      const look: Look = { actor: request.operator, action: `vendor baseline ${vendor}: import of ${sha256}`, reason: reasonOf(reason) }
      const approved = new Set(approvedProperties(deps.records))
      const naming = namingOf(vendor, map, deps)
      const hash = createHash('sha256')
      const content = request.body.pipe(
        new Transform({
          transform: (chunk: Buffer, _encoding, done) => {
            hash.update(chunk)
            done(null, chunk)
          },
        }),
      )
      request.body.on('error', (error) => content.destroy(error))
      const devices = new Set((await deps.vault.graph()).devices.map(({ device }) => device))
      const query = { format, naming, approved, look }
      const { shapes, fields, people, from, to, counts, parts } = await inTurn(deps.matching, () =>
        importBaseline(content, query, { vault: deps.matching, devices }),
      )
      if (hash.digest('hex') !== sha256) throw new BulkheadError('baseline_invalid', 'the file is not the one whose hash was given')
      const { actor } = look
      const said = {
        vendor,
        kind: 'imported' as const,
        at: deps.clock.now(),
        actor,
        reason: look.reason,
        saidBy,
        surfaces: [...surfaces].sort(),
      }
      deps.records.recordBaseline({ ...said, fields, shapes, from, to, people, import: { sha256, complete, ...counts } }, parts)
      return answerOf(vendor, deps)
    })
  })
}

/** In any version of the policy: what was approved once is no text that nobody looked at. */
function approvedProperties({ policyNumber, policy }: StaffDeps['records']): string[] {
  const versions = Array.from({ length: policyNumber() }, (_, index) => policy(index + 1))
  return versions.flatMap((version) => version?.policy.store.properties ?? [])
}

export function reasonOf(reason: string): string {
  if (reason.trim() === '') throw new BulkheadError('reason_required', 'vendor baseline needs a reason')
  return reason.trim()
}

export function answerOf(vendor: string, { records }: Pick<StaffDeps, 'records'>): BaselineResult {
  const history = records.baselines(vendor)
  return { vendor, baseline: printed(history.at(-1)), history: history.map(printed) }
}

function printed(said: Parameters<typeof printBaseline>[0]): BaselineResult['baseline'] {
  const { fields, ...rest } = printBaseline(said)
  return { ...rest, fields: fields.map((pair) => ({ ...pair })), import: rest.import ?? null }
}
