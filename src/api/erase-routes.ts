/** Erasing people, what holds erasures up, and the epochs of vendors. Each needs a reason and is on record. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { ErasureJob, Hold } from '#vault/erasure-port.ts'
import type { Look } from '#vault/port.ts'
import { assertVendorKnown, destinationsOf, vendorNames } from '#vendors/register.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import {
  DestroyEpochRequest,
  type DestroyEpochResult,
  type EraseBody,
  EraseRequest,
  type EraseResult,
  HoldCloseRequest,
  HoldRequest,
  type HoldResult,
  KeysRotateRequest,
  type KeysRotateResult,
  type KeysShowResult,
  RotateRequest,
  type RotateResult,
} from './erase-contract.ts'

export function addErasureRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { erasing, erasures } = deps

  app.post<{ Body: EraseBody }>(ROUTES.erase, { schema: { body: EraseRequest } }, async (request, reply) => {
    const { query, reason, suppress = false } = request.body
    const begun = await erasing.beginErasure(query, { suppress }, lookFor(request, 'erase', reason))
    try {
      return await receipt(await erasures.finish(begun.id), deps)
    } catch (thrown) {
      // The job stands and goes on by itself: the answer carries what is known beside the error.
      const error = toBulkheadError(thrown)
      const result = await receipt(await erasing.erasure(begun.id), deps)
      return reply.code(error.status).send({ ...error.toJSON(), result })
    }
  })

  app.get(ROUTES.holds, async () => ({ holds: (await erasing.holds()).map(holdAnswer) }))
  app.post<{ Body: Static<typeof HoldRequest> }>(ROUTES.holds, { schema: { body: HoldRequest } }, async (request) => {
    const { vendor, reason } = request.body
    if (vendor !== undefined) assertVendorKnown(vendor, vendorNames(deps.records, deps.config.vendors))
    return holdAnswer(await erasing.openHold({ vendor }, lookFor(request, 'hold open', reason)))
  })
  app.post<{ Params: { id: string }; Body: Static<typeof HoldCloseRequest> }>(
    `${ROUTES.holds}/:id/close`,
    { schema: { body: HoldCloseRequest } },
    async (request) => {
      const look = lookFor(request, 'hold close', request.body.reason)
      return holdAnswer(await erasing.closeHold(Number(request.params.id), look))
    },
  )
}

export function addEpochRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const destinationsNamed = (vendor: string, named: string | undefined): string[] => {
    assertVendorKnown(vendor, vendorNames(deps.records, deps.config.vendors))
    const all = destinationsOf(vendor, deps.records, deps.config.vendors)
    if (named === undefined) return all
    if (all.includes(named)) return [named]
    throw new BulkheadError('destination_unknown', `${vendor} has no destination ${JSON.stringify(named.slice(0, 64))}`)
  }

  app.post<{ Params: { vendor: string }; Body: Static<typeof RotateRequest> }>(
    `${ROUTES.vendors}/:vendor/rotate`,
    { schema: { body: RotateRequest } },
    async (request): Promise<RotateResult> => {
      const { vendor } = request.params
      const { body } = request
      const look = lookFor(request, 'vendor rotate', body.reason)
      const named = destinationsNamed(vendor, body.destination)
      if (deps.records.flow(vendor).state === 'retired') {
        throw new BulkheadError('vendor_retired', `${vendor} was left: its epochs are closed, and no other begins`)
      }
      // What was begun under the old epoch ends before it: first what is under way, then what began until the new one stood.
      await deps.worker.turnOver(vendor)
      const destinations: RotateResult['destinations'] = []
      for (const destination of named) destinations.push({ destination, epoch: await deps.erasing.rotateEpoch(destination, look) })
      await deps.worker.turnOver(vendor)
      return { vendor, epoch: Math.max(...destinations.map(({ epoch }) => epoch)), destinations }
    },
  )
  app.post<{ Params: { vendor: string }; Body: Static<typeof DestroyEpochRequest> }>(
    `${ROUTES.vendors}/:vendor/destroy-epoch`,
    { schema: { body: DestroyEpochRequest } },
    async (request): Promise<DestroyEpochResult> => {
      const { vendor } = request.params
      const { destination, epoch, reason } = request.body
      destinationsNamed(vendor, destination)
      await deps.erasing.destroyEpoch({ vendor, destination, epoch }, lookFor(request, 'vendor destroy-epoch', reason))
      return { vendor, destination, epoch, state: 'destroyed' }
    },
  )
}

export function addKeyRoutes(app: FastifyInstance, deps: StaffDeps): void {
  app.get(ROUTES.keys, async (): Promise<KeysShowResult> => {
    const { keyFolder, root, keyBackups } = await deps.vault.describe()
    return {
      folder: keyFolder,
      wrap: root.wrap,
      rootRotatedAt: root.rotatedAt === null ? null : new Date(root.rotatedAt).toISOString(),
      rotating: root.rotating,
      backups: keyBackups.map(({ at, dir }) => ({ at: new Date(at).toISOString(), dir })),
    }
  })
  app.post<{ Body: Static<typeof KeysRotateRequest> }>(
    `${ROUTES.keys}/rotate`,
    { schema: { body: KeysRotateRequest } },
    async (request): Promise<KeysRotateResult> => {
      const { what, reason } = request.body
      const { wrapped, at } = await deps.erasing.rotateKeys(what as 'root' | 'kek', lookFor(request, `keys rotate ${what}`, reason))
      return { what, wrapped, rotatedAt: new Date(at).toISOString() } as KeysRotateResult
    },
  )
}

async function receipt(job: ErasureJob, deps: StaffDeps): Promise<EraseResult> {
  const [subject = ''] = await deps.vault.staffPseudonyms([{ kind: 'user', ordinal: job.person }])
  const instant = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
  return {
    subject,
    erasure: job.id,
    erasedAt: instant(job.erasedAt),
    finalAt: instant(job.finalAt),
    vendorsAsked: job.deletions.map(({ vendor, destination, epoch, users, devices, state, at, why }) => ({
      vendor,
      destination,
      epoch,
      identifiers: users.length + devices.length,
      state: state === 'due' ? state : ('asked' as const),
      at: new Date(at).toISOString(),
      ...(why === undefined ? {} : { why }),
    })),
    others: job.others,
  }
}

function holdAnswer({ id, openedAt, closedAt, vendor, reason }: Hold): HoldResult {
  return {
    id,
    openedAt: new Date(openedAt).toISOString(),
    closedAt: closedAt === null ? null : new Date(closedAt).toISOString(),
    vendor: vendor ?? null,
    reason,
  }
}

function lookFor({ operator }: Pick<FastifyRequest, 'operator'>, action: string, reason: string): Look {
  if (reason.trim() === '') throw new BulkheadError('reason_required', `${action} needs a reason`)
  return { actor: operator, action, reason: reason.trim() }
}
