/**
 * What a changed policy would send and no longer send, found by deciding the events of the last days under both: by the very
 * code that decides when they are sent. Nothing is applied.
 */
import type { Form } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { DestinationPolicy, Policy } from '#model/policy.ts'
import { type CompiledDestination, compilePolicy, decide } from '#policy/policy.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { countPeople, type EventKind, eventKinds, firstDay } from './event-kinds.ts'

export interface FieldChange {
  destination: string
  field: string
  from: Form
  to: Form
}

export interface PlannedChange extends FieldChange {
  /** People whose events of those days it concerns, and those events. */
  subjects: number
  events: number
}

export interface Plan {
  changes: PlannedChange[]
  days: number
}

export interface PlanRequest {
  before: Policy
  after: Policy
  days: number
  now: number
}

export async function planPolicy(
  { before, after, days, now }: PlanRequest,
  warehouse: Pick<Warehouse, 'query'>,
  signal?: AbortSignal,
): Promise<Plan> {
  const from = firstDay(days, now)
  const kinds = await eventKinds(from, warehouse, signal)
  const found = changesOf(kinds, before, after, now)
  const people = await countPeople(
    found.map((change) => change.kinds),
    from,
    warehouse,
    signal,
  )
  const seen = found.map(({ kinds: _, ...change }, at) => ({ ...change, subjects: people[at] as number }))
  const unseen = statedChanges(before, after, now).filter((stated) => !seen.some((change) => isSameChange(change, stated)))
  const changes = [...seen, ...unseen.map((change) => ({ ...change, subjects: 0, events: 0 }))]
  return { changes: changes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)), days }
}

/** Fields that leave of a record, in their forms; none when it is not sent. */
function leaving(record: LogRecord, destination: CompiledDestination | undefined, at: number): ReadonlyMap<string, Form> {
  const decision = destination === undefined ? undefined : decide(record, destination, at)
  if (decision?.kind !== 'send') return new Map()
  return new Map(decision.fields.map(({ field, form }) => [field, form]))
}

export interface FoundChange extends FieldChange {
  events: number
  /** Ids of the kinds in which it shows. */
  kinds: string[]
}

/** Pure: how the records of these kinds are decided differently. */
export function changesOf(kinds: readonly EventKind[], before: Policy, after: Policy, at: number): FoundChange[] {
  const changes = new Map<string, FoundChange>()
  const [was, will] = [compilePolicy(before), compilePolicy(after)]
  for (const destination of new Set([...was.destinations.keys(), ...will.destinations.keys()])) {
    const [old, next] = [was.destinations.get(destination), will.destinations.get(destination)]
    for (const { id, record, events } of kinds) {
      const [left, leaves] = [leaving(record, old, at), leaving(record, next, at)]
      for (const field of new Set([...left.keys(), ...leaves.keys()])) {
        const change = { destination, field, from: left.get(field) ?? 'withheld', to: leaves.get(field) ?? 'withheld' } as const
        if (change.from === change.to) continue
        const known = changes.get(keyOf(change))
        if (known === undefined) changes.set(keyOf(change), { ...change, events, kinds: [id] })
        else {
          known.events += events
          known.kinds.push(id)
        }
      }
    }
  }
  return [...changes.values()]
}

/** What the two policies say differently, whether or not any event shows it. */
export function statedChanges(before: Policy, after: Policy, at: number): FieldChange[] {
  const none: Pick<DestinationPolicy, 'grants' | 'events' | 'properties'> = { grants: [], events: [], properties: [] }
  const ids = new Set([...before.destinations, ...after.destinations].map(({ destination }) => destination))
  const of = (policy: Policy, id: string) => formsOf(policy.destinations.find(({ destination }) => destination === id) ?? none, at)
  const named = [...ids].flatMap((id) => differences(id, of(before, id), of(after, id)))
  return [...named, ...differences('store', openIn(before.store), openIn(after.store))]
}

function differences(destination: string, was: ReadonlyMap<string, Form>, will: ReadonlyMap<string, Form>): FieldChange[] {
  return [...new Set([...was.keys(), ...will.keys()])].flatMap((field) => {
    const [from, to] = [was.get(field) ?? 'withheld', will.get(field) ?? 'withheld']
    return from === to ? [] : [{ destination, field, from, to }]
  })
}

/** Approved names count as fields: what is approved opens. */
function openIn(store: Policy['store']): ReadonlyMap<string, Form> {
  const names = [
    ...store.events.map((name) => `event.${name}`),
    ...store.properties.map((key) => `property.${key}`),
    ...store.paths.map((path) => `url.${path}`),
    ...store.referrers.map((domain) => `referrer.${domain}`),
  ]
  return new Map(names.map((name) => [name, 'clear']))
}

function formsOf(
  { grants, events, properties }: Pick<DestinationPolicy, 'grants' | 'events' | 'properties'>,
  at: number,
): ReadonlyMap<string, Form> {
  const forms = new Map<string, Form>()
  const active = grants.filter(({ until }) => until === null || until > at)
  for (const { field, form } of active) if (field !== 'property.*' && !forms.has(field)) forms.set(field, form)
  const every = active.find(({ field }) => field === 'property.*')
  for (const key of properties) if (every !== undefined && !forms.has(`property.${key}`)) forms.set(`property.${key}`, every.form)
  if (forms.has('event')) for (const name of events) forms.set(`event.${name}`, 'clear')
  return forms
}

function isSameChange(one: FieldChange, other: FieldChange): boolean {
  return keyOf(one) === keyOf(other)
}

function keyOf({ destination, field, from, to }: FieldChange): string {
  return JSON.stringify([destination, field, from, to])
}
