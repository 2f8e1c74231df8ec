/**
 * A seeded population as product analytics knows them: few people do much and many little, they come in sessions, by day
 * more than by night, and what they use is spread as such things are. The figures are chosen, not measured at anybody.
 */
import { DAY_MS } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'

export interface Population {
  people: number
  days: number
  /** UTC ms at which the last day ends. */
  until: number
  seed: number
}

export const POPULATION_EVENTS: readonly string[] = [
  'Page opened',
  'Search done',
  'Item opened',
  'Item shared',
  'Comment written',
  'File uploaded',
  'Report run',
  'Filter changed',
  'Settings opened',
  'Invoice paid',
  'Member invited',
  'Plan changed',
]

type Weighted<T> = readonly (readonly [value: T, weight: number])[]

const COUNTRIES: Weighted<string> = [
  ['US', 38],
  ['IN', 14],
  ['BR', 8],
  ['CA', 6],
  ['AU', 5],
  ['JP', 5],
  ['MX', 4],
  ['ZA', 3],
  ['SG', 2],
  ['NZ', 1],
  ['IS', 0.2],
  ['MT', 0.1],
]
const CLIENTS: Weighted<readonly [os: string, browser: string]> = [
  [['Windows', 'Chrome'], 38],
  [['macOS', 'Chrome'], 18],
  [['macOS', 'Safari'], 10],
  [['iOS', 'Safari'], 13],
  [['Android', 'Chrome'], 12],
  [['Windows', 'Edge'], 6],
  [['Linux', 'Firefox'], 2],
  [['Chrome OS', 'Chrome'], 1],
]
const PLANS: Weighted<string> = [
  ['free', 70],
  ['team', 22],
  ['business', 7],
  ['enterprise', 1],
]
/** By the hour, UTC. */
const HOURS: Weighted<number> = Array.from({ length: 24 }, (_, hour): [number, number] => [
  hour,
  1 + 4 * Math.max(0, Math.sin(((hour - 6) / 24) * 2 * Math.PI)),
])

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function pick<T>(values: Weighted<T>, random: () => number): T {
  let left = random() * values.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [value, weight] of values) {
    left -= weight
    if (left <= 0) return value
  }
  return (values.at(-1) as readonly [T, number])[0]
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Records of one person, in order. */
function personEvents(user: number, { days, until }: Population, random: () => number): LogRecord[] {
  const country = pick(COUNTRIES, random)
  const [os, browser] = pick(CLIENTS, random)
  const plan = pick(PLANS, random)
  const seats = plan === 'free' ? 1 : Math.ceil(Math.exp(1.5 + normal(random)))
  const company = 1_000_000 + Math.floor(random() ** 2 * Math.max(4, user / 8))
  // Half of all people have come once or twice in two weeks.
  const sessions = Math.max(1, Math.round(Math.exp(0.7 + 1.1 * normal(random)) * (days / 14)))
  const names: Weighted<string> = POPULATION_EVENTS.map((name, rank): [string, number] => [name, (0.3 + random()) / (rank + 1) ** 1.2])
  const records: LogRecord[] = []
  for (let session = 0; session < sessions; session++) {
    const day = until - DAY_MS * Math.ceil(random() * days)
    let time = day + 3_600_000 * pick(HOURS, random) + random() * 3_600_000
    for (let left = Math.max(1, Math.round(Math.exp(1 + 0.9 * normal(random)))); left > 0; left--) {
      records.push({
        type: 'event',
        name: pick(names, random),
        time: Math.floor(time),
        user,
        context: { country, os, browser },
        properties: { plan, seats },
        ...(plan === 'free' ? {} : { groups: [{ key: 'company', ordinal: company }] }),
      })
      time += 1000 * Math.exp(2.2 + 1.3 * normal(random))
    }
  }
  return records.filter(({ time }) => time < until).sort((a, b) => a.time - b.time)
}

/** In the order in which they happened, a few to an entry; `seq` begins at 1. An entry holds records of one day. */
export function populationEntries(population: Population): LogEntry[] {
  const random = seeded(population.seed)
  const records = Array.from({ length: population.people }, (_, index) => personEvents(index + 1, population, random)).flat()
  records.sort((a, b) => a.time - b.time)
  const entries: LogEntry[] = []
  for (const record of records) {
    const last = entries.at(-1)
    if (last !== undefined && last.records.length < 10 && Math.floor(last.at / DAY_MS) === Math.floor(record.time / DAY_MS)) {
      last.records.push(record)
      last.at = record.time
    } else {
      entries.push({
        seq: entries.length + 1,
        at: record.time,
        source: 'web',
        protocol: 'mixpanel',
        surface: 'app',
        trust: 'browser',
        policy: 1,
        records: [record],
      })
    }
  }
  return entries
}
