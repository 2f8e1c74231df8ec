/** Leaving a vendor: what it owes, what waits for it, by what it knows us, and the end. Each change needs a reason and is on record. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { type DeletionState, dueOf, stateOf } from '#erasure/asking.ts'
import type { Asking, LeavingVault } from '#vault/erasure-port.ts'
import { credentialsOf, credentialsToRotate, tickRotated } from '#vendors/credentials.ts'
import { unfencedError } from '#vendors/cut.ts'
import { heldKinds } from '#vendors/held-kinds.ts'
import { decideHeld, retireVendor } from '#vendors/leave.ts'
import { assertVendorKnown, destinationsOf, vendorNames } from '#vendors/register.ts'
import { ROUTES, type VendorShow } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import type { LeavingFacts } from './facts.ts'
import {
  CredentialRequest,
  type CredentialResult,
  type DeletionsResult,
  HeldDecisionRequest,
  type HeldResult,
  type leavingOfVendor,
  RetireRequest,
  type RetireResult,
} from './leaving-contract.ts'
import { assertVendorEverKnown } from './vendor-known.ts'

/** What came in last is loaded within that, or not counted. */
const LOADED_MS = 5000

interface ToVendor {
  Params: { vendor: string }
}

export function addLeavingRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { records, config, clock, leaving } = deps
  const known = (vendor: string): string => {
    assertVendorKnown(vendor, vendorNames(records, config.vendors))
    return vendor
  }

  app.get<ToVendor & { Querystring: { refresh?: string } }>(`${ROUTES.vendors}/:vendor/deletions`, async ({ params, query }) => {
    const { vendor } = params
    await assertVendorEverKnown(vendor, deps)
    if (query.refresh === '1') await leaving.look(vendor)
    return deletionsAnswer(await leaving.vault.deletions(vendor), clock.now())
  })

  app.get<ToVendor>(`${ROUTES.vendors}/:vendor/held`, async ({ params }) => heldAnswer(known(params.vendor), deps))
  app.post<ToVendor & { Body: Static<typeof HeldDecisionRequest> }>(
    `${ROUTES.vendors}/:vendor/held`,
    { schema: { body: HeldDecisionRequest } },
    async ({ params, operator: actor, body: { decision, reason } }) => {
      const vendor = known(params.vendor)
      const { state } = records.flow(vendor)
      if (state === 'retired') throw new BulkheadError('vendor_retired', `${vendor} was left: it gets nothing that waited`)
      if (state === 'open') throw new BulkheadError('vendor_not_cut', `the flow to ${vendor} is open: nothing is held to decide on`)
      const given = { vendor, decision, actor, reason: reasonFor('vendor held --decide', reason), records, clock }
      await decideHeld({ ...given, head: () => deps.held.logHead(), heldEvents: () => heldEvents(vendor, deps) })
      return heldAnswer(vendor, deps)
    },
  )

  app.post<ToVendor & { Body: Static<typeof CredentialRequest> }>(
    `${ROUTES.vendors}/:vendor/credentials`,
    { schema: { body: CredentialRequest } },
    async ({ params, operator: actor, body }): Promise<CredentialResult> => {
      const vendor = known(params.vendor)
      const tick = { vendor, name: body.name, actor, reason: reasonFor('vendor credential', body.reason), at: clock.now() }
      return { vendor, credential: tickRotated(tick, records, config.vendors) }
    },
  )

  app.post<ToVendor & { Body: Static<typeof RetireRequest> }>(
    `${ROUTES.vendors}/:vendor/retire`,
    { schema: { body: RetireRequest } },
    async ({ params, operator, body }, reply) => {
      const result = await retire(known(params.vendor), { ...body, actor: operator }, deps)
      if (result.unfenced.length === 0) return result
      const { retiredAt, ...rest } = result
      return reply.code(500).send({ ...unfencedError({ ...rest, cutAt: retiredAt }).toJSON(), result })
    },
  )
}

async function retire(vendor: string, body: Static<typeof RetireRequest> & { actor: string }, deps: StaffDeps): Promise<RetireResult> {
  const { records, config, clock, leaving } = deps
  const destinations = destinationsOf(vendor, records, config.vendors)
  const result = await retireVendor({
    ...{ vendor, destinations, records, clock, actor: body.actor, reason: reasonFor('vendor retire', body.reason) },
    deletes: body.delete === true,
    fence: deps.worker.fence,
    killWorker: deps.supervisor.killWorker,
    heldEvents: () => deps.heldEvents(destinations, records.heldSkips(vendor).dropped),
    closeEpochs: (names, look) => leaving.vault.closeEpochs(names, look),
    wishDeletion: async (name) => {
      await leaving.vault.wishLeaving(name)
      leaving.wake()
    },
  })
  const { epochs } = await deps.vault.describe()
  const closedEpochs = epochs.filter(({ destination, state }) => destinations.includes(destination) && state === 'closed')
  return {
    ...result,
    state: 'retired',
    closedEpochs: closedEpochs.map(({ destination, epoch }) => ({ destination, epoch })),
    // A leaving that is repeated takes no wish back.
    deletionWanted: body.delete === true || (await leaving.vault.deletions(vendor)).leaving.length > 0,
    credentials: credentialsToRotate(vendor, records, config.vendors),
  }
}

/** Events that wait for a vendor and may still go to it. */
export async function heldEvents(vendor: string, { records, config, heldEvents: count }: StaffDeps): Promise<number> {
  if (records.flow(vendor).state === 'retired') return 0
  return count(destinationsOf(vendor, records, config.vendors), records.heldSkips(vendor).dropped)
}

/** For `vendor show`. */
export async function describeLeaving(vendor: string, deps: StaffDeps): Promise<Pick<VendorShow, keyof typeof leavingOfVendor>> {
  const { records, config, clock, leaving } = deps
  const owed = await leaving.vault.deletions(vendor).catch(() => undefined)
  return {
    credentials: credentialsOf(vendor, records, config.vendors),
    deletions: owed === undefined ? null : countDeletions(owed, clock.now()),
    heldDecided: isHeldDecided(vendor, deps),
  }
}

/** For `doctor`. A token that deletions still need is no left-over. */
export async function leavingFacts(vendors: readonly string[], deps: StaffDeps): Promise<LeavingFacts[]> {
  const now = deps.clock.now()
  const owed = await deps.leaving.vault.deletions().catch(() => undefined)
  const facts: LeavingFacts[] = []
  for (const vendor of vendors) {
    const deletions = owed && countDeletions(ofVendor(owed, vendor), now)
    const isOwed = deletions !== undefined && deletions.due + deletions.asked + deletions.overdue + deletions.refused > 0
    const isNeeded = (name: string): boolean => isOwed && name.endsWith('.deletionToken')
    const open = credentialsOf(vendor, deps.records, deps.config.vendors).filter(({ toRotate, name }) => toRotate && !isNeeded(name))
    const { state } = deps.records.flow(vendor)
    facts.push({ vendor, state, toRotate: open.map(({ name }) => name), deletions, heldDecided: isHeldDecided(vendor, deps) })
  }
  return facts
}

function ofVendor({ erasures, leaving }: Deletions, vendor: string): Deletions {
  return {
    erasures: erasures.map(({ erasure, deletions }) => ({ erasure, deletions: deletions.filter((each) => each.vendor === vendor) })),
    leaving: leaving.filter((each) => each.vendor === vendor),
  }
}

function isHeldDecided(vendor: string, { records, config, held }: StaffDeps): boolean {
  if (records.flow(vendor).state !== 'cut') return true
  const decided = Math.max(0, ...records.heldDecisions(vendor).map(({ upTo }) => upTo))
  const head = held.logHead()
  return held.from(destinationsOf(vendor, records, config.vendors), decided).every(({ from }) => from.seq > head)
}

async function heldAnswer(vendor: string, deps: StaffDeps): Promise<HeldResult> {
  const { records, config, warehouse, held } = deps
  const { state } = records.flow(vendor)
  const decisions = records.heldDecisions(vendor)
  const destinations = state === 'retired' ? [] : destinationsOf(vendor, records, config.vendors)
  const exact = await within(deps, held.eventsLoaded(), LOADED_MS)
  const decided = Math.max(0, ...decisions.map(({ upTo }) => upTo))
  const found: Awaited<ReturnType<typeof heldKinds>>[] = []
  for (const from of held.from(destinations, records.heldSkips(vendor).dropped)) found.push(await heldKinds(from, decided, warehouse))
  return {
    vendor,
    state,
    events: Math.max(0, ...found.map(({ events }) => events)),
    undecided: Math.max(0, ...found.map(({ undecided }) => undecided)),
    exact,
    destinations: found.map(({ destination, events, counts }) => ({ destination, events, counts })),
    decisions: decisions.map(({ decision, upTo, events, at, actor, reason }) => {
      return { decision, upTo, events, at: new Date(at).toISOString(), actor, reason }
    }),
  }
}

async function within({ clock }: Pick<StaffDeps, 'clock'>, done: Promise<unknown>, ms: number): Promise<boolean> {
  const waiting = new AbortController()
  const isDone = done.then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([isDone, clock.sleep(ms, waiting.signal).then(() => false)])
  } finally {
    waiting.abort()
  }
}

type Deletions = Awaited<ReturnType<LeavingVault['deletions']>>

function deletionsAnswer({ erasures, leaving }: Deletions, now: number): DeletionsResult {
  const instant = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
  const answer = (owed: Asking, about: Pick<DeletionsResult[number], 'id' | 'origin' | 'subjectCount'>): DeletionsResult[number] => ({
    ...about,
    destination: owed.destination,
    epoch: owed.epoch,
    // Those that a program before this one asked for say only since when it is so.
    askedAt: instant(owed.askedAt ?? (owed.state === 'asked' ? owed.at : undefined)),
    dueAt: instant(dueOf(owed)),
    state: stateOf(owed, now),
    stateAt: new Date(owed.at).toISOString(),
    requests: owed.attempts ?? 0,
    entry: owed.entry ?? null,
    why: owed.why ?? null,
  })
  return [
    ...erasures.flatMap(({ erasure, deletions }) =>
      deletions.map((each) => {
        const id = `erasure-${erasure}-${each.destination}-${each.epoch}`
        return answer(each, { id, origin: 'erasure', subjectCount: each.users.length + each.devices.length })
      }),
    ),
    ...leaving.map((each) => answer(each, { id: `leaving-${each.id}`, origin: 'leaving', subjectCount: each.count })),
  ]
}

const COUNTED: Record<DeletionState, 'due' | 'asked' | 'done' | 'overdue' | 'refused'> = {
  due: 'due',
  asked: 'asked',
  'vendor says done': 'done',
  overdue: 'overdue',
  refused: 'refused',
}

/** Identifiers by state. */
export function countDeletions(deletions: Deletions, now: number): Record<'due' | 'asked' | 'done' | 'overdue' | 'refused', number> {
  const counts = { due: 0, asked: 0, done: 0, overdue: 0, refused: 0 }
  for (const { state, subjectCount } of deletionsAnswer(deletions, now)) counts[COUNTED[state]] += subjectCount
  return counts
}

function reasonFor(action: string, reason: string): string {
  if (reason.trim() === '') throw new BulkheadError('reason_required', `${action} needs a reason`)
  return reason.trim()
}
