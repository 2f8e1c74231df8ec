/**
 * Ledger → warehouse: the rows of an intent are loaded when its outcome is final, under the day on which it was sent.
 * What was certainly not sent is no disclosure and is not loaded. Same plan and token as for events; a plan whose intents
 * were sent on several days makes one insert a day, each with the plan's token and the day.
 */
import { BulkheadError } from '#base/errors.ts'
import { dayOf, formatDay } from '#base/clock.ts'
import type { Clock } from '#base/clock.ts'
import type { Ledger, LoadPlan } from '#ledger/port.ts'
import type { Intent, LedgerEntry, ManifestRow, Outcome } from '#model/disclosure.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { createLoader, insertOnce, reloadIfEmpty } from '#forward/load-step.ts'
import type { Loader } from '#forward/load-step.ts'

export interface DisclosureLoaderOptions {
  ledger: Ledger
  warehouse: Warehouse
  /** Opens the sealed manifests: rows of each intent, in the order given. */
  manifests: (intents: readonly Intent[]) => Promise<ManifestRow[][]>
  clock: Clock
  /** A plan ends with the outcome that reaches this many subjects. */
  batchRows?: number
}

interface Closed {
  intent: Intent
  state: DisclosureRow['state']
}

const PRESENT = `SELECT count() AS present FROM disclosures
  WHERE day = {day:Date} AND entry IN (SELECT arrayJoin({entries:Array(UInt64)}))`

const SLICE_ENTRIES = 1_000
/** So that a plan over outcomes of small requests stays small enough to be opened in a few calls. */
const PLAN_ENTRIES_MAX = 20_000
/** Manifests for one call to the vault. */
const OPEN_AT_ONCE = 500
const NOT_LOADED_MAX = 500_000

export function createDisclosureLoader(options: DisclosureLoaderOptions): Loader {
  const { ledger, warehouse } = options
  const batchRows = options.batchRows ?? 50_000
  const cursor = (): number => Math.max(1, ledger.loadCursor('disclosures'))

  const load = async (): Promise<number | undefined> => {
    const unfinished = ledger.plan('disclosures')
    const plan = unfinished ?? (await makePlan())
    if (plan === undefined) return undefined
    let loaded = 0
    for (const [day, rows] of await rowsOf(closedIn(ledger, plan), options.manifests)) {
      const place = { day: formatDay(day), entries: [...new Set(rows.map((row) => row.entry))] }
      if (rows.length === 0) continue
      await insertOnce({
        repeated: unfinished !== undefined,
        rows: rows.length,
        token: `${plan.token}:${place.day}`,
        present: async () => (await warehouse.query<{ present: number }>(PRESENT, place, 'loader'))[0]?.present ?? 0,
        write: (token) => warehouse.insertDisclosures(rows, token),
      })
      loaded += rows.length
    }
    await ledger.finishPlan(plan)
    return loaded
  }

  const makePlan = async (): Promise<LoadPlan | undefined> => {
    const from = cursor()
    const to = endOfPlan(from)
    if (to === from) return undefined
    const plan: LoadPlan = { table: 'disclosures', from, to, token: `disclosures:${from}-${to}` }
    await ledger.savePlan(plan)
    return plan
  }

  const endOfPlan = (from: number): number => {
    let subjects = 0
    let next = from
    while (next - from < PLAN_ENTRIES_MAX) {
      const slice = ledger.read(next, SLICE_ENTRIES)
      if (slice.length === 0) return next
      for (const entry of slice) {
        next = entry.entry + 1
        const closed = closedBy(ledger, entry)
        if (closed !== undefined) subjects += closed.intent.subjects
        if (subjects >= batchRows) return next
      }
    }
    return next
  }

  const check = (): Promise<void> => reloadIfEmpty({ table: 'disclosures', ledger, warehouse, from: 1 })

  return createLoader({ table: 'disclosures', head: () => ledger.head, cursor, check, load }, options.clock)
}

/** In the order of the outcomes: a function of the range alone, since entries are never changed. */
function closedIn(ledger: Ledger, plan: Pick<LoadPlan, 'from' | 'to'>): Closed[] {
  const found: Closed[] = []
  let next = plan.from
  while (next < plan.to) {
    const slice = ledger.read(next, Math.min(SLICE_ENTRIES, plan.to - next))
    if (slice.length === 0) throw new BulkheadError('ledger_corrupt', `ledger entry ${next} is not there`)
    for (const entry of slice) {
      next = entry.entry + 1
      const closed = closedBy(ledger, entry)
      if (closed !== undefined) found.push(closed)
    }
  }
  return found
}

function closedBy(ledger: Ledger, entry: LedgerEntry): Closed | undefined {
  if (entry.type !== 'outcome' || entry.state === 'not_sent') return undefined
  return { intent: intentOf(ledger, entry), state: entry.state }
}

async function rowsOf(closed: Closed[], open: DisclosureLoaderOptions['manifests']): Promise<Map<number, DisclosureRow[]>> {
  const byDay = new Map<number, DisclosureRow[]>()
  for (let from = 0; from < closed.length; from += OPEN_AT_ONCE) {
    const part = closed.slice(from, from + OPEN_AT_ONCE)
    const manifests = await open(part.map((one) => one.intent))
    part.forEach((one, index) => {
      const rows = manifests[index]
      if (rows === undefined) throw new BulkheadError('ledger_corrupt', `the manifest of entry ${one.intent.entry} was not opened`)
      const day = dayOf(one.intent.at)
      const rowsOfDay = byDay.get(day) ?? []
      for (const row of rows) rowsOfDay.push(disclosureRow(one, row))
      byDay.set(day, rowsOfDay)
    })
  }
  return byDay
}

function intentOf(ledger: Ledger, outcome: Outcome): Intent {
  const intent = ledger.entry(outcome.intent)
  if (intent?.type !== 'intent') throw new BulkheadError('ledger_corrupt', `outcome ${outcome.entry} closes no intent`)
  return intent
}

/**
 * Rows of all closed entries up to `upTo` that are not loaded: for questions that cannot wait until a warehouse without space
 * takes them. Undefined when there are too many to be handed over.
 */
export async function rowsNotLoaded(
  { ledger, manifests }: Pick<DisclosureLoaderOptions, 'ledger' | 'manifests'>,
  upTo: number,
): Promise<DisclosureRow[] | undefined> {
  const closed = closedIn(ledger, { from: Math.max(1, ledger.loadCursor('disclosures')), to: upTo + 1 })
  if (closed.reduce((sum, { intent }) => sum + intent.subjects, 0) > NOT_LOADED_MAX) return undefined
  return [...(await rowsOf(closed, manifests)).values()].flat()
}

/** Also the shape of an open intent's rows, which count as `possible` until their outcome is known. */
export function disclosureRow({ intent, state }: Closed, row: ManifestRow): DisclosureRow {
  return {
    entry: intent.entry,
    vendor: intent.vendor,
    destination: intent.destination,
    epoch: intent.epoch,
    route: intent.route,
    purpose: intent.purpose,
    policy: intent.policy,
    surface: row.surface,
    shape: row.shape,
    subject: row.subject,
    kind: row.kind,
    groups: row.groups,
    events: row.events,
    first: row.first,
    last: row.last,
    sentAt: intent.at,
    state,
  }
}
