/**
 * What waits in the waiting room, told by names and never by values: each key and event name with its types, the shape of its
 * texts, what the detectors say, and of how many people. Names are text that nobody approved, so this is a look; a name of
 * fewer than `k` people, or one that looks personal itself, is told as a shape.
 */
import type { PersonalKind } from '#model/personal-kind.ts'
import { identityKeyOf, personalKindIn, personalKindOfNumber } from '#policy/policy.ts'
import type { WaitingProposal, WaitingRecords } from './port.ts'

export interface WaitingText {
  record: number
  name?: string
  pairs?: [key: string, value: unknown][]
}

interface Seen {
  kind: WaitingProposal['kind']
  name: string
  records: number
  people: Set<number>
  types: Map<string, number>
  shapes: Map<string, number>
  personal: Map<PersonalKind | 'unscanned', number>
  /** Distinct texts and numbers, up to a bound. */
  values: Set<string>
}

const NAMES_MAX = 20_000
const VALUES_MAX = 101
const DEPTH_MAX = 4
/** Work between two turns of the loop, which answers the gateway. */
const VALUES_A_TURN = 400

export class WaitingNames {
  readonly #seen = new Map<string, Seen>()
  #records = 0
  #unreadable = 0
  #beyond = 0

  /** `text`: the opened blob; undefined when nobody can open it any more. */
  async add(text: string | undefined, records: readonly WaitingRecords[], turn: () => Promise<unknown>): Promise<void> {
    const texts = text === undefined ? undefined : new BlobTexts(text)
    let work = 0
    for (const { part, record, person, isStray } of records) {
      const waiting = texts?.find(part, record)
      if (waiting === undefined) {
        this.#unreadable += 1
        continue
      }
      this.#records += 1
      if (waiting.name !== undefined) this.#note('event', waiting.name, undefined, person)
      for (const [index, [key, value]] of (waiting.pairs ?? []).entries()) {
        // Of a group whose key nobody configured the first pair is the group itself.
        work += this.#walk(isStray && index === 0 ? 'group' : 'property', key, value, person, 0)
        if (work < VALUES_A_TURN) continue
        work = 0
        await turn()
      }
    }
  }

  /** Names of at least `k` people first; those that look personal, and rarer ones, without their name. */
  proposals(k: number): { proposals: WaitingProposal[]; records: number; unreadable: number; beyond: number } {
    const proposals = [...this.#seen.values()].map((seen): WaitingProposal => {
      const withheld = seen.people.size < k ? 'few' : looksPersonal(seen.name) ? 'personal' : null
      return {
        kind: seen.kind,
        name: withheld === null ? seen.name : null,
        nameWithheld: withheld,
        nameShape: shapeOf(seen.name),
        identity: identityOf(seen),
        records: seen.records,
        // Fewer than k people are told as such: a person must not be counted out.
        people: seen.people.size < k ? null : seen.people.size,
        types: Object.fromEntries(seen.types),
        shapes: Object.fromEntries(seen.shapes),
        distinct:
          seen.values.size <= 1 ? 'one' : seen.values.size <= 10 ? 'up to 10' : seen.values.size < VALUES_MAX ? 'up to 100' : 'more',
        personal: Object.fromEntries(seen.personal),
      }
    })
    proposals.sort((a, b) => (b.people ?? 0) - (a.people ?? 0) || b.records - a.records)
    return { proposals, records: this.#records, unreadable: this.#unreadable, beyond: this.#beyond }
  }

  /** Whoever asks knows the names already. */
  kindsOf(names: readonly string[]): Record<string, WaitingProposal['kind'][]> {
    const found = (name: string) => (['event', 'property', 'group'] as const).filter((kind) => this.#seen.has(`${kind} ${name}`))
    return Object.fromEntries(names.map((name) => [name, found(name)]))
  }

  /** Returns how many values it looked at. */
  #walk(kind: Seen['kind'], key: string, value: unknown, person: number, depth: number): number {
    const seen = this.#note(kind, key, value, person)
    if (typeof value !== 'object' || value === null || seen === undefined) return 1
    let work = 1
    if (Array.isArray(value)) {
      for (const member of value.slice(0, 20)) work += this.#judge(seen, member)
      return work
    }
    if (depth >= DEPTH_MAX) return work
    for (const [name, member] of Object.entries(value))
      work += this.#walk(kind, `${key}.${name.normalize('NFC')}`, member, person, depth + 1)
    return work
  }

  #note(kind: Seen['kind'], name: string, value: unknown, person: number): Seen | undefined {
    const id = `${kind} ${name}`
    let seen = this.#seen.get(id)
    if (seen === undefined) {
      if (this.#seen.size >= NAMES_MAX) {
        this.#beyond += 1
        return undefined
      }
      seen = { kind, name, records: 0, people: new Set(), types: new Map(), shapes: new Map(), personal: new Map(), values: new Set() }
      this.#seen.set(id, seen)
    }
    seen.records += 1
    if (person > 0) seen.people.add(person)
    if (value === undefined) return seen
    count(seen.types, typeOf(value))
    this.#judge(seen, value)
    return seen
  }

  #judge(seen: Seen, value: unknown): number {
    if (typeof value !== 'string' && typeof value !== 'number') return 1
    const found = typeof value === 'string' ? personalKindIn(value) : personalKindOfNumber(value)
    if (found !== undefined) count(seen.personal, found)
    if (typeof value === 'string') count(seen.shapes, textShape(value))
    if (seen.values.size < VALUES_MAX) seen.values.add(String(value))
    return 1
  }
}

/** One blob holds the texts of several requests, or of one when it was written before blobs were lists. */
export class BlobTexts {
  readonly #texts: readonly unknown[]

  constructor(text: string) {
    this.#texts = JSON.parse(text) as unknown[]
  }

  find(part: number | null, record: number): WaitingText | undefined {
    const of = part === null ? this.#texts : this.#texts[part]
    return Array.isArray(of) ? (of as WaitingText[]).find((text) => text.record === record) : undefined
  }
}

function looksPersonal(name: string): boolean {
  return personalKindIn(name) !== undefined || /\d{5,}/.test(name)
}

/** A key that names identity is sealed whatever is approved. */
function identityOf({ kind, name }: Seen): string | null {
  if (kind !== 'property') return null
  const found = name.split('.').map(identityKeyOf)
  return found.find((known) => known?.own === true)?.field ?? null
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

const SHAPES: readonly (readonly [shape: string, pattern: RegExp])[] = [
  ['empty', /^\s*$/],
  ['uuid', /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i],
  ['date', /^\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$/],
  ['number', /^[+-]?\d{1,15}(?:[.,]\d{1,15})?$/],
  ['url', /^[a-z][a-z0-9+.-]{1,15}:\/\//i],
  ['word', /^\p{L}+$/u],
  ['code', /^[\p{L}\p{N}_.:/-]{1,64}$/u],
]

/** A class of texts, not a text. */
function textShape(text: string): string {
  const known = text.length > 512 ? undefined : SHAPES.find(([, pattern]) => pattern.test(text))
  return known?.[0] ?? (text.length > 80 ? 'long text' : 'text')
}

/** Letters as `a`, digits as `9`, runs as one: `invoice_2024-17` is `a_9-9`. Other characters that are no ASCII count as letters. */
function shapeOf(name: string): string {
  return name
    .slice(0, 64)
    .replaceAll(/[^\x20-\x7e]|[A-Za-z]/g, 'a')
    .replaceAll(/a+/g, 'a')
    .replaceAll(/\d+/g, '9')
}
