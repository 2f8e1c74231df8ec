/** Asks the vault about what a batch of rows names, each thing once; what was asked of late is remembered. */
import { RecentMap } from '#base/recent-map.ts'
import { type FoundPerson, type FoundPseudonym, MATCH_BATCH_MAX, type MatchField, type MatchVault } from '#vault/match-port.ts'
import type { Keys } from './match-cells.ts'

const REMEMBERED = 300_000
const A_CALL = 8192

const FIELDS: readonly { field: MatchField; of: keyof Pick<Keys, 'ids' | 'groups' | 'emails' | 'phones' | 'names'> }[] = [
  { field: 'id', of: 'ids' },
  { field: 'group', of: 'groups' },
  { field: 'email', of: 'emails' },
  { field: 'phone', of: 'phones' },
  { field: 'name', of: 'names' },
]

/** Of what a batch names. */
export interface Found {
  pseudonyms: Map<string, FoundPseudonym | undefined>
  values: Record<MatchField, Map<string, readonly FoundPerson[]>>
}

export class Finder {
  readonly #vault: MatchVault
  readonly #session: number
  readonly #pseudonyms = new RecentMap<string, FoundPseudonym | 'nobody'>(REMEMBERED)
  readonly #values = new RecentMap<string, readonly FoundPerson[]>(REMEMBERED)

  readonly #isGenuine: (found: FoundPseudonym) => boolean

  /** `isGenuine`: whether a pseudonym is the vendor's own and stands in the ledger. */
  constructor(vault: MatchVault, session: number, isGenuine: (found: FoundPseudonym) => boolean) {
    this.#vault = vault
    this.#session = session
    this.#isGenuine = isGenuine
  }

  async find(rows: readonly Keys[]): Promise<Found> {
    const found: Found = {
      pseudonyms: new Map(),
      values: { id: new Map(), group: new Map(), email: new Map(), phone: new Map(), name: new Map() },
    }
    await this.#findPseudonyms(rows, found)
    for (const { field, of } of FIELDS) {
      const wanted = new Set<string>()
      for (const row of rows) {
        // Who is named by a pseudonym needs no weaker word; a name alone is looked for where nothing better is known.
        const isNamed = row.uuids.some((uuid) => {
          const pseudonym = found.pseudonyms.get(uuid)
          return pseudonym !== undefined && this.#isGenuine(pseudonym)
        })
        if (!isNamed && (field !== 'name' || !hasBetter(row, found))) for (const value of row[of]) wanted.add(value)
      }
      await this.#findValues(field, wanted, found)
    }
    return found
  }

  async #findPseudonyms(rows: readonly Keys[], found: Found): Promise<void> {
    const missing: string[] = []
    for (const row of rows) {
      for (const uuid of row.uuids) {
        if (found.pseudonyms.has(uuid)) continue
        const known = this.#pseudonyms.get(uuid)
        if (known === undefined) missing.push(uuid)
        found.pseudonyms.set(uuid, known === 'nobody' ? undefined : known)
      }
    }
    for (let from = 0; from < missing.length; from += A_CALL) {
      const some = missing.slice(from, from + Math.min(A_CALL, MATCH_BATCH_MAX))
      const answers = await this.#vault.matchPseudonyms(this.#session, Buffer.from(some.join(''), 'hex'))
      for (const [at, uuid] of some.entries()) {
        const answer = answers[at]
        this.#pseudonyms.set(uuid, answer ?? 'nobody')
        found.pseudonyms.set(uuid, answer)
      }
    }
  }

  async #findValues(field: MatchField, wanted: ReadonlySet<string>, found: Found): Promise<void> {
    const missing: string[] = []
    for (const value of wanted) {
      const known = this.#values.get(`${field}\0${value}`)
      if (known === undefined) missing.push(value)
      else found.values[field].set(value, known)
    }
    for (let from = 0; from < missing.length; from += A_CALL) {
      const some = missing.slice(from, from + A_CALL)
      const answers = await this.#vault.matchValues(this.#session, field, some)
      for (const [at, value] of some.entries()) {
        const answer = answers[at] ?? []
        // A text of its own: a piece of a row would keep all of that row.
        this.#values.set(Buffer.from(`${field}\0${value}`).toString(), answer)
        found.values[field].set(value, answer)
      }
    }
  }
}

function hasBetter(row: Keys, found: Found): boolean {
  const known = (field: MatchField, values: readonly string[]): boolean =>
    values.some((value) => (found.values[field].get(value)?.length ?? 0) > 0)
  return known('id', row.ids) || known('email', row.emails) || known('phone', row.phones)
}
