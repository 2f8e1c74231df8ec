/**
 * Writes what the gateway (and the directory import) states about identifiers. Calls that arrive while a commit runs are
 * written together by the next one.
 *
 * Two files, so an order: first the secrets (`keys.db`), then the rows that use them (`vault.db`), each flushed. A crash
 * between leaves secrets that no row names, and nobody was told their ordinals.
 */
import type { KeyObject } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { RecentMap } from '#base/recent-map.ts'
import { isKnownField, TRUSTS, type Trust } from '#model/field.ts'
import { canonicalId, LOOKUP_FORMS } from './canonical.ts'
import type { KeyStore, Scope } from './key-store.ts'
import { LABELS } from './labels.ts'
import type { Newcomers } from './newcomers.ts'
import type { Ref, WindowRequest } from './port.ts'
import { EDGE_CODES, ROLE_BITS, type Rows } from './rows.ts'
import { bind, deriveKey, hmac, seal } from './seal.ts'
import { factTag, identifierTag } from './suppression.ts'

export interface Change extends Pick<WindowRequest, 'identifiers' | 'newcomers' | 'facts' | 'edges'> {
  memberships: { person: Ref; group: Ref; trust: Trust; at: number; admin?: boolean }[]
}

/** Told of what is written, within the commit that writes it. */
export interface Witness {
  fact(fact: { ordinal: number; field: string; trust: Trust; value: string }): void
  membership(row: { id: number; person: number; target: number; trust: number; admin: boolean }): void
  /** What it was told may not be there: a commit failed. */
  lost(): void
  /** These identifiers are gone. */
  removed(ordinals: readonly number[]): void
}

export interface Committed {
  ordinals: number[]
  newUsers: number
}

interface Pending {
  change: Change
  resolve: (committed: Committed) => void
  reject: (error: Error) => void
}

interface Fresh {
  ordinal: number
  scope: Scope
  hash: Buffer
  roles: number
  value: string
}

const CHANGES_PER_COMMIT_MAX = 64
/** 320: the longest address that mail allows (RFC 3696, errata 1690). */
const EMAIL_LIKE = /^(?=.{3,320}$)[^\s@]+@[^\s@]+$/

/** Fields of text from outside are kept under a keyed tag; the known vocabulary stands plain. */
export function storedField(keys: KeyStore, field: string): string {
  return isKnownField(field) || field === 'language' ? field : keys.fieldTag(field)
}

export function factBinding(ordinal: number, field: string, trust: Trust): string {
  return bind('fact', ordinal, field, trust)
}

export function identifierBinding(ordinal: number, scope: number): string {
  return bind('identifier', ordinal, scope)
}

export class Committer {
  readonly #keys: KeyStore
  readonly #rows: Rows
  readonly #newcomers: Newcomers | undefined
  readonly #factMac: KeyObject
  readonly #ordinals = new RecentMap<string, { ordinal: number; roles: number }>(200_000)
  readonly #scopes = new RecentMap<number, number>(400_000)
  readonly #sealKeys = new RecentMap<number, KeyObject>(10_000)
  readonly #commitKeys = new RecentMap<number, KeyObject>(100_000)
  readonly #facts = new RecentMap<string, { mac: string; at: number }>(100_000)
  readonly #memberships = new RecentMap<string, true>(100_000)
  #queue: Pending[] = []
  #scheduled = false
  #high: number
  /** Raised whenever what makes people of identifiers changes. */
  revision = 0
  /** Merges that a browser asked for since the start; none was kept. */
  refusedMerges = 0
  witness: Witness | undefined

  constructor(keys: KeyStore, rows: Rows, newcomers?: Newcomers) {
    this.#newcomers = newcomers
    this.#keys = keys
    this.#rows = rows
    this.#factMac = deriveKey(keys.named('dedup'), LABELS.factMac)
    this.#high = Math.max(keys.ordinalHigh, rows.ordinalHigh)
  }

  /** Resolves when all of it is durable. Rejects with nothing of it kept. */
  commit(change: Change): Promise<Committed> {
    this.#check(change)
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve, reject })
      this.#schedule()
    })
  }

  /** Key of a person's values, cached; undefined when it was destroyed. */
  sealKey(ordinal: number): KeyObject | undefined {
    let key = this.#sealKeys.get(ordinal)
    if (key === undefined) {
      key = this.#keys.sealKey(ordinal)
      if (key !== undefined) this.#sealKeys.set(ordinal, key)
    }
    return key
  }

  /** Key of the commitments to a person's rows in the ledger, cached as well. */
  commitKey(ordinal: number): KeyObject | undefined {
    const key = this.#commitKeys.get(ordinal) ?? this.#keys.commitKey(ordinal)
    if (key !== undefined) this.#commitKeys.set(ordinal, key)
    return key
  }

  scopeOf(ordinal: number): number | undefined {
    let scope = this.#scopes.get(ordinal)
    if (scope === undefined) {
      scope = this.#rows.identifier(ordinal)?.scope
      if (scope !== undefined) this.#scopes.set(ordinal, scope)
    }
    return scope
  }

  /** Writes what still waits; afterwards nothing more may be committed. */
  drain(): void {
    while (this.#queue.length > 0) this.#flush()
  }

  /** Rows and secrets of these identifiers were removed behind the caches. */
  forget(ordinals: readonly number[]): void {
    this.#clearCaches()
    this.revision += 1
    this.witness?.removed(ordinals)
  }

  #clearCaches(): void {
    const caches = [this.#ordinals, this.#scopes, this.#sealKeys, this.#commitKeys, this.#facts, this.#memberships]
    for (const cache of caches) cache.clear()
    this.#newcomers?.load()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the poll phase, so that every call that is already in a socket's buffer joins this commit.
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      if (this.#queue.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const batch = this.#queue.splice(0, CHANGES_PER_COMMIT_MAX)
    if (batch.length === 0) return
    try {
      const committed = this.#write(batch.map((pending) => pending.change))
      batch.forEach((pending, at) => pending.resolve(committed[at] as Committed))
    } catch (thrown) {
      // The caches may name what was rolled back; the secrets already written keep their ordinals taken for ever.
      this.#clearCaches()
      this.witness?.lost()
      const error =
        thrown instanceof BulkheadError ? thrown : new BulkheadError('vault_unavailable', 'the vault could not write', { cause: thrown })
      for (const pending of batch) pending.reject(error)
    }
  }

  #write(changes: readonly Change[]): Committed[] {
    const fresh: Fresh[] = []
    const roles = new Map<number, number>()
    const ordinals = changes.map((change) => {
      const mayBeNew = change.newcomers === undefined ? undefined : this.#newcomers?.gate(change.newcomers)
      return change.identifiers.map((identifier, index) => this.#ordinalOf(identifier, { index, mayBeNew, fresh, roles }))
    })
    const newUsers = fresh.reduce((sum, { roles: bits }) => sum + (bits & ROLE_BITS.user), 0)
    const becameUsers = [...roles.values()].filter((bits) => (bits & ROLE_BITS.user) !== 0).length
    const batch = fresh.length > 0 ? this.#keys.addPersons(fresh.map(({ ordinal }) => ordinal)) : undefined
    const hasRows = changes.some(({ facts, edges, memberships }) => facts.length + edges.length + memberships.length > 0)
    if (batch !== undefined || roles.size > 0 || hasRows) {
      this.#rows.transact(() => {
        fresh.forEach((identifier, at) => this.#addIdentifier(identifier, batch?.sealKeys[at] as KeyObject))
        for (const [ordinal, bits] of roles) this.#rows.setRoles(ordinal, (this.#rows.identifier(ordinal)?.roles ?? 0) | bits)
        changes.forEach((change, at) => this.#writeRows(change, ordinals[at] as number[]))
        if (batch !== undefined) {
          this.#rows.setMeta('batch', batch.batch)
          this.#newcomers?.save()
        }
        if (newUsers + becameUsers > 0) this.#rows.setMeta('people', (this.#rows.meta('people') as number) + newUsers + becameUsers)
      })
    }
    if (roles.size > 0) this.revision += 1
    const firstFresh = fresh[0]?.ordinal ?? Infinity
    const users = new Set(fresh.filter(({ roles: bits }) => (bits & ROLE_BITS.user) !== 0).map(({ ordinal }) => ordinal))
    return ordinals.map((list) => {
      const own = new Set(list.filter((ordinal) => ordinal >= firstFresh && users.has(ordinal)))
      return { ordinals: list, newUsers: own.size }
    })
  }

  /** 0: new, and more than its source or network may bring. */
  #ordinalOf(
    [namespace, kind, value, role]: WindowRequest['identifiers'][number],
    given: { index: number; mayBeNew: ((index: number) => boolean) | undefined; fresh: Fresh[]; roles: Map<number, number> },
  ): number {
    const { index, mayBeNew, fresh, roles } = given
    const scope = this.#keys.scope(namespace, kind)
    const text = canonicalId(value)
    const hash = hmac(scope.index, text)
    const name = `${scope.id}:${hash.toString('latin1')}`
    const bit = ROLE_BITS[role]
    let known = this.#ordinals.get(name)
    if (known === undefined) {
      known = this.#rows.findIdentifier(scope.id, hash)
      if (known === undefined) {
        if (this.#keys.erasures.isSuppressed(() => identifierTag(this.#keys, scope.id, hash))) return 0
        if (mayBeNew?.(index) === false) return 0
        this.#high += 1
        const ordinal = this.#high
        fresh.push({ ordinal, scope, hash, roles: bit, value: text })
        known = { ordinal, roles: bit }
        // Within this call the caches stand in for rows that are about to be written.
        this.#scopes.set(ordinal, scope.id)
      }
      this.#ordinals.set(name, known)
    }
    if ((known.roles & bit) === 0) {
      known.roles |= bit
      // New ordinals are consecutive.
      const created = fresh[known.ordinal - (fresh[0]?.ordinal ?? Infinity)]
      if (created !== undefined) created.roles |= bit
      else roles.set(known.ordinal, (roles.get(known.ordinal) ?? 0) | bit)
    }
    return known.ordinal
  }

  #addIdentifier(identifier: Fresh, sealKey: KeyObject): void {
    const { ordinal, scope, hash, roles, value } = identifier
    this.#sealKeys.set(ordinal, sealKey)
    this.#rows.addIdentifier({
      ordinal,
      scope: scope.id,
      version: scope.version,
      hash,
      roles,
      sealed: seal(sealKey, identifierBinding(ordinal, scope.id), value),
    })
    // Ids keep their case, addresses do not: one that is an address must be found however it is asked for.
    if (scope.kind === 'id' && EMAIL_LIKE.test(value)) {
      this.#putFact(ordinal, { of: ordinal, field: 'email', value, once: true, trust: 'browser', at: 0 })
    }
  }

  #writeRows(change: Change, ordinals: readonly number[]): void {
    const at = (ref: Ref): number => (ref > 0 ? ref : (ordinals[-ref - 1] as number))
    // What names an identifier that was not taken is not taken either.
    for (const fact of change.facts) if (at(fact.of) !== 0) this.#putFact(at(fact.of), fact)
    for (const edge of change.edges) {
      const [source, target] = [at(edge.from), at(edge.to)]
      if (source === 0 || target === 0) continue
      if (edge.kind === 'merge' && edge.trust === 'browser') this.refusedMerges += 1
      else if (source !== target && this.#rows.addEdge(EDGE_CODES[edge.kind], source, target, Math.trunc(edge.at), edge.trust))
        this.revision += 1
    }
    for (const { person, group, trust, admin = false, at: since } of change.memberships) {
      if (at(person) === 0 || at(group) === 0) continue
      const name = `${at(person)}:${at(group)}:${trust}:${admin}`
      if (this.#memberships.get(name) !== undefined) continue
      const row = { person: at(person), target: at(group), trust: TRUSTS.indexOf(trust), admin }
      this.witness?.membership({ ...row, id: this.#rows.putMembership({ ...row, since: Math.trunc(since) }) })
      this.#memberships.delete(`${at(person)}:${at(group)}:${trust}:${!admin}`)
      this.#memberships.set(name, true)
    }
  }

  #putFact(ordinal: number, fact: Change['facts'][number]): void {
    const { trust, value, once } = fact
    const field = storedField(this.#keys, fact.field)
    const at = Math.trunc(fact.at)
    const name = `${ordinal}:${trust}:${field}`
    const mac = hmac(this.#factMac, value).toString('latin1')
    const last = this.#facts.get(name)
    if (last !== undefined && (once || at < last.at)) return
    if (last?.mac === mac) {
      if (at > last.at) this.#rows.touchFact(ordinal, field, trust, at)
      last.at = at
      return
    }
    const sealKey = this.sealKey(ordinal)
    // Erased between the call and this commit: what was said about them is not kept.
    if (sealKey === undefined) return
    const form = LOOKUP_FORMS[field]
    const scope = form === undefined ? undefined : this.#keys.scope(this.#namespaceOf(ordinal), `fact:${field}`)
    const lookup = scope === undefined || form === undefined ? null : hmac(scope.index, form(value))
    if (lookup !== null && this.#keys.erasures.isSuppressed(() => factTag(this.#keys, field, lookup))) return
    const sealed = seal(sealKey, factBinding(ordinal, field, trust), value)
    if (!this.#rows.putFact({ ordinal, field, trust, at, sealed, lookup, once })) return
    this.#facts.set(name, { mac, at })
    this.witness?.fact({ ordinal, field, trust, value })
  }

  #namespaceOf(ordinal: number): string {
    const scope = this.scopeOf(ordinal)
    return (scope === undefined ? undefined : this.#keys.scopeById(scope))?.namespace ?? ''
  }

  /** Before anything is queued, so that a broken call fails alone. */
  #check(change: Change): void {
    const known = (ref: Ref): void => {
      const isKnown =
        Number.isSafeInteger(ref) && (ref < 0 ? -ref <= change.identifiers.length : ref > 0 && this.scopeOf(ref) !== undefined)
      if (!isKnown) throw new BulkheadError('vault_refused', 'the call names an identifier that the vault does not know')
    }
    const isTime = (at: number): void => {
      if (!Number.isFinite(at)) throw new BulkheadError('vault_refused', 'the call names a time that is none')
    }
    for (const identifier of change.identifiers) {
      if (identifier.some((part) => typeof part !== 'string') || !Object.hasOwn(ROLE_BITS, identifier[3])) {
        throw new BulkheadError('vault_refused', 'the call names an identifier without namespace, kind, value or role')
      }
    }
    for (const fact of change.facts) {
      known(fact.of)
      isTime(fact.at)
      if (typeof fact.value !== 'string') throw new BulkheadError('vault_refused', 'the call states a fact that is not text')
    }
    for (const edge of change.edges) {
      known(edge.from)
      known(edge.to)
      isTime(edge.at)
    }
    for (const membership of change.memberships) {
      known(membership.person)
      known(membership.group)
      isTime(membership.at)
    }
  }
}
