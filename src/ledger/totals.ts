/** Rows, people and events of each destination and state, as the ledger's manifests have them; what the warehouse has must be the same. */
import type { Intent, ManifestRow, Outcome } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'

export interface Total {
  destination: string
  state: 'delivered' | 'possible'
  rows: number
  people: number
  events: number
}

interface Waiting {
  destination: string
  rows: number
  events: number
  subjects: Ordinal[]
}

interface Counted {
  rows: number
  events: number
  people: OrdinalSet
}

export class Totals {
  readonly #counted = new Map<string, { destination: string; state: Total['state']; counted: Counted }>()
  /** Intents without an outcome so far. */
  readonly #open = new Map<number, Waiting>()

  intent({ entry, destination }: Intent, rows: readonly ManifestRow[]): void {
    const events = rows.reduce((sum, row) => sum + row.events, 0)
    this.#open.set(entry, { destination, rows: rows.length, events, subjects: rows.map(({ subject }) => subject) })
  }

  outcome({ intent, state }: Outcome): void {
    const waiting = this.#open.get(intent)
    if (waiting === undefined) return
    this.#open.delete(intent)
    if (state === 'not_sent') return
    const { destination, rows, events, subjects } = waiting
    const name = JSON.stringify([destination, state])
    const known = this.#counted.get(name) ?? { destination, state, counted: { rows: 0, events: 0, people: new OrdinalSet() } }
    known.counted.rows += rows
    known.counted.events += events
    for (const subject of subjects) known.counted.people.add(subject)
    this.#counted.set(name, known)
  }

  /** Numbers of intents whose outcome has not come. */
  open(): number[] {
    return [...this.#open.keys()]
  }

  result(): Total[] {
    const totals = [...this.#counted.values()].map(({ destination, state, counted: { rows, events, people } }) => {
      return { destination, state, rows, people: people.size, events }
    })
    return totals.sort((a, b) => compare(a.destination, b.destination) || compare(a.state, b.state))
  }
}

/** Which totals are not the same, in words. */
export function differences(ledger: readonly Total[], warehouse: readonly Total[]): string[] {
  const nameOf = ({ destination, state }: Total): string => `${destination}, ${state}`
  const said = (total: Total | undefined): string =>
    total === undefined ? 'nothing' : `${total.rows} rows, ${total.people} people, ${total.events} events`
  const theirs = new Map(warehouse.map((total) => [nameOf(total), total]))
  const ours = new Map(ledger.map((total) => [nameOf(total), total]))
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((name) => {
    const [own, other] = [said(ours.get(name)), said(theirs.get(name))]
    return own === other ? [] : [`${name}: the ledger says ${own}; the warehouse ${other}`]
  })
}

const PAGE_BITS = 65_536

/** Ordinals are given one after another, so a bit for each takes less than a list of any kind. */
class OrdinalSet {
  readonly #pages = new Map<number, Uint8Array>()
  size = 0

  add(ordinal: Ordinal): void {
    const number = Math.floor(ordinal / PAGE_BITS)
    const page = this.#pages.get(number) ?? new Uint8Array(PAGE_BITS / 8)
    const at = ordinal % PAGE_BITS
    const bit = 1 << (at & 7)
    const byte = page[at >> 3] as number
    if ((byte & bit) !== 0) return
    page[at >> 3] = byte | bit
    this.#pages.set(number, page)
    this.size += 1
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
