/** What staff may ask: questions over the rows, and the plain values of people. Who may ask and the look are the caller's. */
import { setImmediate as turn } from 'node:timers/promises'
import { BulkheadError } from '#base/errors.ts'
import { TRUSTS } from '#model/field.ts'
import { canonicalEmail, canonicalId, canonicalPhone, LOOKUP_FORMS } from './canonical.ts'
import { type Committer, factBinding, identifierBinding } from './commit.ts'
import type { KeyStore } from './key-store.ts'
import { buildGraph, PeopleFinder } from './people.ts'
import type { Identity, PeopleGraph, Person } from './port.ts'
import { CHUNK_ROWS, type EdgeRow, ROLE_BITS, type Rows } from './rows.ts'
import { hmac, open } from './seal.ts'

/** Identifiers that are opened before others get their turn. */
const OPENED_AT_ONCE = 200

/** Beside the ranks of trust: above and below what anybody says. */
const OWN_ID_RANK = TRUSTS.length
const DEVICE_RANK = -1

interface Plain {
  value: string
  rank: number
}

export class Reading {
  readonly #keys: KeyStore
  readonly #rows: Rows
  readonly #committer: Committer
  #graph: { revision: number; graph: PeopleGraph } | undefined

  constructor(keys: KeyStore, rows: Rows, committer: Committer) {
    this.#keys = keys
    this.#rows = rows
    this.#committer = committer
  }

  /**
   * By id in every namespace, by email, and by phone number when the question begins with `+`. The best founded match comes
   * first: whose identifier it is, then what the directory, a server and a browser said, last who signed in on it as a device.
   * A public token can claim anybody's address or id, so its claims never stand before the person's own.
   */
  resolve(query: string): Person[] {
    const ids = new Set([canonicalId(query)])
    if (query.includes('@')) ids.add(canonicalEmail(query))
    const matches: { ordinal: number; at?: number; rank: number }[] = []
    for (const scope of this.#keys.scopes()) {
      if (scope.kind === 'id') {
        for (const id of ids) {
          const found = this.#rows.findIdentifier(scope.id, hmac(scope.index, id))
          if (found !== undefined) matches.push({ ordinal: found.ordinal, rank: OWN_ID_RANK })
        }
      }
      for (const [field, form] of Object.entries(LOOKUP_FORMS)) {
        if (scope.kind !== `fact:${field}` || (form === canonicalPhone && !query.trim().startsWith('+'))) continue
        matches.push(...this.#rows.findByFact(field, hmac(scope.index, form(query))))
      }
    }
    const finder = new PeopleFinder(this.#rows)
    const people = new Map<number, { person: Person; rank: number }>()
    for (const { ordinal, at, rank } of matches) {
      const named = finder.peopleOf(ordinal, at)
      // A user's id in the place of a device names others only by somebody's claim that they signed in "on" it.
      const hasOwner = named.some(({ users }) => users.includes(ordinal))
      for (const person of named) {
        const here = hasOwner && !person.users.includes(ordinal) ? DEVICE_RANK : rank
        people.set(person.person, { person, rank: Math.max(here, people.get(person.person)?.rank ?? DEVICE_RANK) })
      }
    }
    const sorted = [...people.values()].sort((left, right) => right.rank - left.rank || left.person.person - right.person.person)
    return sorted.map(({ person }) => person)
  }

  /** Read in chunks, so that a large graph does not keep the gateway waiting; kept until an edge or a role changes. */
  async graph(): Promise<PeopleGraph> {
    const revision = this.#committer.revision
    if (this.#graph?.revision === revision) return this.#graph.graph
    const edges: EdgeRow[] = []
    const users = new Set<number>()
    let last = 0
    for (;;) {
      const chunk = this.#rows.edgesAfter(last)
      for (const edge of chunk) {
        last = edge.id
        edges.push(edge)
        if ((edge.sourceRoles & ROLE_BITS.user) !== 0) users.add(edge.source)
        if ((edge.targetRoles & ROLE_BITS.user) !== 0) users.add(edge.target)
      }
      if (chunk.length < CHUNK_ROWS) break
      await turn()
    }
    for (const tombstone of this.#rows.tombstones()) {
      edges.push(tombstone)
      users.add(tombstone.target)
    }
    const graph = buildGraph(edges, (ordinal) => users.has(ordinal))
    if (this.#committer.revision === revision) this.#graph = { revision, graph }
    return graph
  }

  async identities(people: readonly (readonly number[])[]): Promise<Identity[]> {
    const identities: Identity[] = []
    let opened = 0
    for (const ordinals of people) {
      identities.push(this.#identity(ordinals))
      opened += ordinals.length
      if (opened < OPENED_AT_ONCE) continue
      opened = 0
      await turn()
    }
    return identities
  }

  /** Of each field only what the most trusted origin said: an address that a browser claimed never stands beside a known one. */
  #identity(ordinals: readonly number[]): Identity {
    const ids: string[] = []
    const emails: Plain[] = []
    const names: Plain[] = []
    for (const ordinal of ordinals) {
      const row = this.#rows.identifier(ordinal)
      const key = this.#committer.sealKey(ordinal)
      if (row === undefined || key === undefined) continue
      const id = open(key, identifierBinding(ordinal, row.scope), row.sealed)
      if (id === undefined) throw new BulkheadError('key_wrong', 'a sealed identifier does not open')
      ids.push(id.toString('utf8'))
      const best = this.#bestFacts(ordinal, key)
      const email = best.get('email')
      if (email !== undefined) emails.push(email)
      const name = best.get('name') ?? joinNames(best.get('first_name'), best.get('last_name'))
      if (name !== undefined) names.push(name)
    }
    return {
      ids: [...new Set(ids)],
      emails: mostTrusted(emails, canonicalEmail),
      names: mostTrusted(names, canonicalId),
      trust: { emails: TRUSTS[highestRank(emails)] ?? null, names: TRUSTS[highestRank(names)] ?? null },
    }
  }

  #bestFacts(ordinal: number, key: NonNullable<ReturnType<Committer['sealKey']>>): Map<string, Plain> {
    const best = new Map<string, Plain>()
    for (const fact of this.#rows.facts(ordinal)) {
      if (best.has(fact.field) || !IDENTITY_FIELDS.has(fact.field)) continue
      const value = open(key, factBinding(ordinal, fact.field, fact.trust), fact.sealed)
      if (value === undefined) throw new BulkheadError('key_wrong', 'a sealed fact does not open')
      best.set(fact.field, { value: value.toString('utf8'), rank: TRUSTS.indexOf(fact.trust) })
    }
    return best
  }
}

const IDENTITY_FIELDS = new Set(['email', 'name', 'first_name', 'last_name'])

function joinNames(first: Plain | undefined, last: Plain | undefined): Plain | undefined {
  const parts = [first, last].filter((part) => part !== undefined)
  if (parts.length === 0) return undefined
  return { value: parts.map(({ value }) => value).join(' '), rank: Math.min(...parts.map(({ rank }) => rank)) }
}

/** -1 when nobody said anything. */
function highestRank(plains: readonly Plain[]): number {
  return Math.max(-1, ...plains.map((plain) => plain.rank))
}

function mostTrusted(plains: readonly Plain[], canonical: (value: string) => string): string[] {
  const rank = highestRank(plains)
  const values = new Map<string, string>()
  for (const plain of plains)
    if (plain.rank === rank && !values.has(canonical(plain.value))) values.set(canonical(plain.value), plain.value)
  return [...values.values()]
}
