/** The staff API's routes: each names its action, decodes, asks, answers. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { funnel } from '#analytics/funnel.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { type AffectedAnswer, affected } from '#incidents/affected.ts'
import { printBaseline } from '#incidents/baseline-statement.ts'
import type { PersonSet } from '#incidents/person-set.ts'
import { assertSurfaces } from '#incidents/surfaces.ts'
import { who } from '#incidents/who.ts'
import { decodeWindows } from '#incidents/windows.ts'
import type { DirectoryRow, Look } from '#vault/port.ts'
import { credentialsToRotate } from '#vendors/credentials.ts'
import { cutVendor, restoreVendor, unfencedError } from '#vendors/cut.ts'
import { assertVendorKnown, describeVendor, destinationsOf, summarizeVendor, vendorNames } from '#vendors/register.ts'
import { gapText, type LedgerGap } from './backup-contract.ts'
import {
  type AffectedBody,
  AffectedRequest,
  type DirectoryBody,
  DirectoryRequest,
  type FlowChange,
  FlowChangeRequest,
  type FunnelBody,
  FunnelRequest,
  ROUTES,
  type WhoBody,
  WhoRequest,
} from './contract.ts'
import { ALL_ROLES, type StaffDeps } from './deps.ts'
import { examine } from './doctor.ts'
import { incidentPorts } from './incident-ports.ts'
import { describeLeaving, heldEvents } from './leaving-routes.ts'
import { assertDestinations, assertVendorEverKnown } from './vendor-known.ts'

export function addStatusRoutes(app: FastifyInstance, deps: StaffDeps): void {
  app.get(ROUTES.health, async (_request, reply) => {
    const roles = await deps.supervisor.status()
    // While Bulkhead starts, the supervisor does not list the roles yet that come last.
    const ready = ALL_ROLES.every((name) => roles.some((role) => role.role === name && role.state === 'ready'))
    return reply.code(ready ? 200 : 503).send({ ready, roles: Object.fromEntries(roles.map((role) => [role.role, role.state])) })
  })
  app.get(ROUTES.metrics, async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics()))
  app.get(ROUTES.doctor, async () => examine(deps))
}

export function addVendorRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { records, config, clock } = deps
  const known = (vendor: string): string => {
    assertVendorKnown(vendor, vendorNames(records, config.vendors))
    return vendor
  }
  const held = (vendor: string): Promise<number> => heldEvents(vendor, deps)

  app.get(ROUTES.vendors, async () => ({
    vendors: vendorNames(records, config.vendors).map((vendor) => summarizeVendor(vendor, records, config.vendors)),
  }))
  app.get<{ Params: { vendor: string } }>(`${ROUTES.vendors}/:vendor`, async (request) => {
    const { vendor } = request.params
    await assertVendorEverKnown(vendor, deps)
    const held = deps.heldInWarehouse(destinationsOf(vendor, records, config.vendors))
    const { kind, saidAt, people } = printBaseline(records.baselines(vendor).at(-1))
    return {
      ...describeVendor(vendor, records, config.vendors),
      held,
      ...(await describeLeaving(vendor, deps)),
      baseline: { kind, saidAt, people },
    }
  })
  app.post<{ Params: { vendor: string }; Body: FlowChange }>(
    `${ROUTES.vendors}/:vendor/cut`,
    { schema: { body: FlowChangeRequest } },
    async (request, reply) => {
      const result = await cutVendor({
        vendor: known(request.params.vendor),
        actor: request.operator,
        reason: request.body.reason ?? '',
        records,
        fence: deps.worker.fence,
        killWorker: deps.supervisor.killWorker,
        heldEvents: held,
        clock,
      })
      const answer = { ...result, credentials: credentialsToRotate(result.vendor, records, config.vendors) }
      // The cut stands even so: the answer carries what is known beside the error.
      if (result.unfenced.length > 0) return reply.code(500).send({ ...unfencedError(result).toJSON(), result: answer })
      return answer
    },
  )
  app.post<{ Params: { vendor: string }; Body: FlowChange }>(
    `${ROUTES.vendors}/:vendor/restore`,
    { schema: { body: FlowChangeRequest } },
    async (request) => {
      const { operator: actor, body, params } = request
      const vendor = known(params.vendor)
      // What was decided to be kept from it does not go.
      const goes = () => deps.heldEvents(destinationsOf(vendor, records, config.vendors), records.heldSkips(vendor).kept)
      return restoreVendor({ vendor, actor, reason: body.reason ?? '', records, heldEvents: goes, clock })
    },
  )
}

/** For analysts: counts only, in the warehouse's bounded session. An asker who goes away ends the question in the engine. */
export function addAnalyticsRoutes(app: FastifyInstance, deps: StaffDeps): void {
  app.post<{ Body: FunnelBody }>(ROUTES.funnel, { schema: { body: FunnelRequest } }, async (request, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return funnel(request.body, deps.clock.now(), deps.warehouse, gone.signal)
  })
}

export function addPeopleRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const ports = incidentPorts(deps)

  app.post<{ Body: WhoBody }>(ROUTES.who, { schema: { body: WhoRequest } }, async (request) => {
    const look = lookFor(request, 'who', request.body.reason)
    const answer = await who(request.body.query, look, { ...ports, namespaces: deps.config.sources.map((source) => source.namespace) })
    return { ...answer, checked: { checkpoint: await deps.checkpoint() }, ...ledgerGaps(deps) }
  })

  app.post<{ Body: AffectedBody }>(ROUTES.affected, { schema: { body: AffectedRequest } }, async (request, reply) => {
    const { vendor, destination, surfaces, list = false, organisations = false, identities = false, reason } = request.body
    if (list && organisations) throw new BulkheadError('bad_usage', 'people and organisations are two lists')
    if (identities && !list && !organisations) throw new BulkheadError('bad_usage', 'identities are given in a list only')
    const listed = `incident affected, ${organisations ? 'organisations' : 'list'}${identities ? ' with identities' : ''}`
    const look = list || organisations ? lookFor(request, listed, reason) : undefined
    const windows = decodeWindows(request.body)
    await assertVendorEverKnown(vendor, deps)
    if (destination !== undefined) await assertDestinations([destination], vendor, deps)
    if (surfaces !== undefined)
      await assertSurfaces(surfaces, { vendor, configured: deps.config.sources.map(({ surface }) => surface) }, ports.warehouse)
    const found = await withCheckpoint(withGaps(await affected({ vendor, destination, surfaces, windows }, ports), deps), deps)
    if (look === undefined) return found.summary
    const answer = organisations ? { ...found, lines: found.organisations } : found
    return reply.type('application/x-ndjson').send(Readable.from(listLines(answer, look, { identities }, deps), { objectMode: false }))
  })

  app.post<{ Body: DirectoryBody }>(ROUTES.directory, { schema: { body: DirectoryRequest } }, async (request) => {
    const { rows, namespace, reason } = request.body
    const look = { actor: request.operator, action: 'directory import', reason: reason ?? 'directory import' }
    return deps.vault.importDirectory(rows as DirectoryRow[], namespace, look)
  })
}

/** What restores from older backups have lost: no report is silent about it. */
export function ledgerGaps(deps: StaffDeps): { ledgerGaps?: LedgerGap[] } {
  const gaps = deps.gaps().map(({ from, to, exact, at }) => ({ from, to, exact, restoredAt: new Date(at).toISOString() }))
  return gaps.length === 0 ? {} : { ledgerGaps: gaps }
}

export function withGaps(answer: AffectedAnswer, deps: StaffDeps): AffectedAnswer {
  const { ledgerGaps: gaps } = ledgerGaps(deps)
  if (gaps === undefined) return answer
  const lost = gaps.map(({ from, to, exact }) => gapText({ from, to, exact })).join('; ')
  const reason = [answer.summary.upperBoundReason, `a restore lost part of the ledger: ${lost}`].filter(Boolean).join('; ')
  const summary = { ...answer.summary, upperBound: false, upperBoundReason: reason, ledgerGaps: gaps }
  return { ...answer, summary }
}

/** By its size and root whoever reads the answer later can tell whether the ledger is still the one that it rests on. */
export async function withCheckpoint(answer: AffectedAnswer, deps: StaffDeps): Promise<AffectedAnswer> {
  const checked = { ...answer.summary.checked, checkpoint: await deps.checkpoint() }
  return { ...answer, summary: { ...answer.summary, checked } }
}

export function lookFor({ operator }: Pick<FastifyRequest, 'operator'>, action: string, reason: string | undefined): Look {
  if (reason === undefined || reason.trim() === '') throw new BulkheadError('reason_required', `${action} needs a reason`)
  return { actor: operator, action, reason: reason.trim() }
}

/** The last line is the summary or an error: a caller that sees neither knows that the list is not whole. */
export async function* listLines(
  answer: AffectedAnswer,
  look: Look,
  options: { identities: boolean; without?: PersonSet },
  deps: StaffDeps,
): AsyncGenerator<Buffer, void> {
  let last: string
  try {
    yield* answer.lines({ look, ...options })
    last = JSON.stringify({ affected: answer.summary })
  } catch (thrown) {
    last = JSON.stringify(hideFault(thrown, ROUTES.affected, deps).toJSON())
  }
  yield Buffer.from(`${last}\n`)
}

/** An unexpected error's message may quote what was asked; only its name and place go out. */
export function hideFault(thrown: unknown, place: string, deps: Pick<StaffDeps, 'trace'>): BulkheadError {
  const error = toBulkheadError(thrown)
  if (error.code !== 'internal') return error
  const stack = thrown instanceof Error ? (thrown.stack ?? '').split('\n').find((line) => line.trim().startsWith('at ')) : undefined
  deps.trace(`${place} failed: ${thrown instanceof Error ? thrown.name : typeof thrown}${stack === undefined ? '' : ` ${stack.trim()}`}`)
  return new BulkheadError('internal', `${place} failed unexpectedly; the diagnostics name the code path`)
}
