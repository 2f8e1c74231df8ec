/** What vendors held before Bulkhead. Whoever says so is on record before it counts. */
import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { baselineOf, decodeDeclaration, printBaseline } from '#incidents/baseline-statement.ts'
import type { Look } from '#vault/port.ts'
import { assertVendorKnown, vendorNames } from '#vendors/register.ts'
import { type BaselineBody, BaselineRequest, type BaselineResult } from './baseline-contract.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'

interface OfVendor {
  Params: { vendor: string }
}

export function addBaselineRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const route = `${ROUTES.vendors}/:vendor/baseline`
  const known = (vendor: string): string => {
    assertVendorKnown(vendor, vendorNames(deps.records, deps.config.vendors))
    return vendor
  }
  app.get<OfVendor>(route, async (request) => answerOf(known(request.params.vendor), deps))
  app.post<OfVendor & { Body: BaselineBody }>(route, { schema: { body: BaselineRequest } }, async (request) => {
    const vendor = known(request.params.vendor)
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
