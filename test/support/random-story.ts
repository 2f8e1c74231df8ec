/** Stories that nobody thought of: sends, kills, silent vendors, cuts, new epochs, growing scopes and notices in any order, from a seed. */
import type { Step, StoryFile } from '#drill/story-format.ts'
import { randomFrom } from './random.ts'

const HOUR_MS = 3_600_000
const ROLES = ['supervisor', 'gateway', 'vault', 'worker', 'staff', 'warehouse'] as const
const STEPS = 14

export function randomStory(seed: number): StoryFile {
  const random = randomFrom(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const sources = ['app', 'site', 'desk'].map((id) => ({ id, trust: id === 'site' ? ('browser' as const) : ('server' as const) }))
  const vendors = [{ id: 'first' }, { id: 'second' }]
  const people = ['reds', 'blues', 'greens'].map((id) => ({
    id,
    count: 3 + below(10),
    directory: random() < 0.7,
    organisations: 1 + below(3),
    administrators: random() < 0.5,
    language: pick(['en', 'hi'] as const),
  }))
  const steps: Step[] = []
  let at = Date.UTC(2025, 2, 1) + below(1000) * HOUR_MS
  const iso = (instant: number): string => new Date(instant).toISOString().replace('.000', '')
  const closed = new Map<string, 'cut' | 'silent'>()
  const add = (step: Record<string, unknown>): void => {
    at += (1 + below(200)) * HOUR_MS
    steps.push({ at: iso(at), ...step } as Step)
  }
  const send = (): void =>
    add({ do: 'send', people: pick(people).id, source: pick(sources).id, events: 1 + below(3), profile: random() < 0.4 })
  const reopen = (vendor: string): void => {
    add(closed.get(vendor) === 'cut' ? { do: 'restore', vendor } : { do: 'vendor-answers', vendor, status: 200 })
    closed.delete(vendor)
  }
  const trouble = (): void => {
    const vendor = pick(vendors).id
    if (closed.has(vendor)) return reopen(vendor)
    const isCut = random() < 0.5
    add(isCut ? { do: 'cut', vendor } : { do: 'vendor-answers', vendor, status: 503 })
    closed.set(vendor, isCut ? 'cut' : 'silent')
  }
  send()
  while (steps.length < STEPS) {
    const turn = random()
    if (turn < 0.5) send()
    else if (turn < 0.75) add({ do: 'kill', role: pick(ROLES) })
    else if (turn < 0.9) trouble()
    else add({ do: 'rotate', vendor: pick(vendors).id })
  }
  for (const { id } of vendors) if (closed.get(id) === 'silent') reopen(id)
  // The end of what the intruder could read lies an hour before some step, so nothing was sent at that moment.
  const ends = steps.slice(1).map((step) => iso(Date.parse(step.at) - HOUR_MS / 2))
  for (const { id } of vendors) {
    const kills = (): object[] =>
      Array.from({ length: below(3) }, (_, index) => ({
        role: pick(['staff', 'supervisor', 'vault']),
        after: 1 + index * 3 + below(3),
        mayNotCome: true,
      }))
    const notify = (): void => {
      const killed = kills()
      add({ do: 'notify', incident: id, ...(killed.length > 0 && { kills: killed }) })
    }
    add({ do: 'open', as: id, vendor: id, told: iso(at), accessTo: pick(ends), surfaces: [pick(sources).id] })
    add({ do: 'expect', incident: id })
    if (random() < 0.7) notify()
    add({ do: 'kill', role: pick(ROLES) })
    add({ do: 'amend', incident: id, surfaces: sources.map((source) => source.id), reason: 'other surfaces too' })
    add({ do: 'expect', incident: id })
    add({ do: 'amend', incident: id, accessTo: iso(at), reason: 'they stayed longer' })
    add({ do: 'expect', incident: id })
    notify()
  }
  return { story: 'random', about: `seed ${seed}`, sources, vendors, people, steps }
}
