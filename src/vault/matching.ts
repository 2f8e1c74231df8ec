/**
 * Whom the identifiers of a foreign data set name. Columns come in batches: the candidates of thousands of pseudonyms are
 * deciphered in one call, in slices, since the same loop answers the gateway. Nothing is added to the vault, and what is
 * kept of people's names for a session goes with it.
 */
import { createDecipheriv, type KeyObject } from 'node:crypto'
import { endianness } from 'node:os'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { assert, BulkheadError } from '#base/errors.ts'
import { canonicalEmail, canonicalId, canonicalPhone } from './canonical.ts'
import { type Committer, factBinding } from './commit.ts'
import type { KeyStore } from './key-store.ts'
import { checkLook } from './looks.ts'
import {
  type FoundPerson,
  type FoundPseudonym,
  MATCH_BATCH_MAX,
  MATCH_FIELDS,
  type MatchEpoch,
  type MatchField,
  type MatchSession,
  type MatchVault,
} from './match-port.ts'
import type { Look } from './port.ts'
import { KIND_CODES, type PseudonymKind } from './pseudonym.ts'
import type { Rows } from './rows.ts'
import { hmac, open } from './seal.ts'

const BLOCK = 16
const CANDIDATES = 64
/** Pseudonyms deciphered before others get their turn: about five milliseconds. */
const PSEUDONYMS_A_SLICE = 2048
const VALUES_A_SLICE = 200
const NAMES_A_SLICE = 500
/** Of one name or address; more say nothing. */
const PEOPLE_MAX = 8

const KINDS = new Map<number, PseudonymKind>(Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as PseudonymKind]))

interface Session {
  number: number
  keys: KeyObject[]
  names: Map<string, number[]> | undefined
}

export interface MatchingParts {
  keys: KeyStore
  rows: Rows
  committer: Committer
  staff: KeyObject
  record: (look: Look, counts: Record<string, number>) => void
}

export class Matching implements MatchVault {
  readonly #parts: MatchingParts
  #session: Session | undefined
  #last = 0

  constructor(parts: MatchingParts) {
    assert(endianness() === 'LE', 'blocks are worked on as words of this order')
    this.#parts = parts
  }

  async beginMatch(first: readonly string[], look: Look): Promise<MatchSession> {
    checkLook(look)
    this.#parts.record(look, {})
    const { epochs: known } = this.#parts.keys
    const epochs: MatchEpoch[] = []
    const keys: KeyObject[] = []
    const destroyed: MatchSession['destroyed'] = []
    const rank = (destination: string): number => (first.includes(destination) ? 0 : 1)
    const list = known.list().sort((a, b) => rank(a.destination) - rank(b.destination) || b.epoch - a.epoch)
    for (const { destination, epoch, state } of list) {
      const own = known.keys(destination, epoch)
      if (own === undefined || state === 'destroyed') {
        destroyed.push({ destination, epoch })
        continue
      }
      epochs.push({ destination, epoch, state })
      keys.push(own.pseudonym)
    }
    epochs.push({ destination: null, epoch: 0, state: 'active' })
    keys.push(this.#parts.staff)
    this.#last += 1
    this.#session = { number: this.#last, keys, names: undefined }
    return { session: this.#last, epochs, destroyed }
  }

  async matchPseudonyms(number: number, uuids: Uint8Array): Promise<(FoundPseudonym | undefined)[]> {
    const session = this.#open(number)
    const count = uuids.length / BLOCK
    if (!Number.isInteger(count) || count > MATCH_BATCH_MAX) throw refused('a batch of pseudonyms is not as long as that')
    const found: (FoundPseudonym | undefined)[] = Array.from({ length: count })
    for (let from = 0; from < count; from += PSEUDONYMS_A_SLICE) {
      const to = Math.min(count, from + PSEUDONYMS_A_SLICE)
      let left = Array.from({ length: to - from }, (_, index) => from + index)
      for (const [epoch, key] of session.keys.entries()) {
        left = reverseSome(key, uuids, left, (at, kind, ordinal) => {
          found[at] = { kind, ordinal, epoch }
        })
        if (left.length === 0) break
        await letOthersRun()
      }
    }
    return found
  }

  async matchValues(number: number, field: MatchField, values: readonly string[]): Promise<FoundPerson[][]> {
    const session = this.#open(number)
    if (!MATCH_FIELDS.includes(field) || values.length > MATCH_BATCH_MAX) throw refused('a batch of values is not like that')
    const find = field === 'name' ? await this.#nameFinder(session) : this.#finder(field)
    const found: FoundPerson[][] = []
    for (const [index, value] of values.entries()) {
      found.push(find(value))
      if (index % VALUES_A_SLICE === VALUES_A_SLICE - 1) await letOthersRun()
    }
    return found
  }

  async endMatch(number: number): Promise<void> {
    if (this.#session?.number === number) this.#session = undefined
  }

  #open(number: number): Session {
    if (this.#session?.number === number) return this.#session
    throw refused('that matching is over: it was ended, the vault was started anew, or another one began')
  }

  #finder(field: Exclude<MatchField, 'name'>): (value: string) => FoundPerson[] {
    if (field === 'email') {
      const byId = this.#byIdentifier((kind) => kind === 'id', canonicalEmail)
      const byFact = this.#byFact('email', canonicalEmail)
      return (value) => {
        const said = byFact(value)
        return said.length > 0 ? said : byId(value)
      }
    }
    if (field === 'phone') return this.#byFact('phone', canonicalPhone)
    return this.#byIdentifier(field === 'id' ? (kind) => kind === 'id' : (kind) => kind.startsWith('group:'), canonicalId)
  }

  #byIdentifier(isWanted: (kind: string) => boolean, form: (value: string) => string): (value: string) => FoundPerson[] {
    const { keys, rows } = this.#parts
    const scopes = keys.scopes().filter(({ kind }) => isWanted(kind))
    return (value) => {
      const text = form(value)
      const found: FoundPerson[] = []
      for (const scope of scopes) {
        const row = rows.findIdentifier(scope.id, hmac(scope.index, text))
        if (row !== undefined) found.push({ ordinal: row.ordinal, at: 0 })
      }
      return found
    }
  }

  /** Of several who are said to have the value, those of whom the most trusted says so. */
  #byFact(field: 'email' | 'phone', form: (value: string) => string): (value: string) => FoundPerson[] {
    const { keys, rows } = this.#parts
    const scopes = keys.scopes().filter(({ kind }) => kind === `fact:${field}`)
    return (value) => {
      const text = form(value)
      const all = scopes.flatMap((scope) => rows.findByFact(field, hmac(scope.index, text)))
      const best = all.reduce((rank, row) => Math.max(rank, row.rank), -1)
      return all
        .filter(({ rank }) => rank === best)
        .slice(0, PEOPLE_MAX)
        .map(({ ordinal, at }) => ({ ordinal, at }))
    }
  }

  async #nameFinder(session: Session): Promise<(value: string) => FoundPerson[]> {
    session.names ??= await this.#readNames()
    const { names } = session
    return (value) => (names.get(canonicalName(value)) ?? []).map((ordinal) => ({ ordinal, at: 0 }))
  }

  /** Names have no index, so they are opened once for a session that asks for one, and forgotten with it. */
  async #readNames(): Promise<Map<string, number[]>> {
    const { rows, committer } = this.#parts
    const names = new Map<string, number[]>()
    let after = 0
    for (;;) {
      const ordinals = rows.ordinalsAfter(after)
      for (const [index, ordinal] of ordinals.entries()) {
        for (const name of namesOf(ordinal, rows, committer)) addName(names, name, ordinal)
        if (index % NAMES_A_SLICE === NAMES_A_SLICE - 1) await letOthersRun()
      }
      const last = ordinals.at(-1)
      if (last === undefined) return names
      after = last
    }
  }
}

function addName(names: Map<string, number[]>, name: string, ordinal: number): void {
  const known = names.get(name)
  if (known === undefined) names.set(name, [ordinal])
  else if (known.length < PEOPLE_MAX && known.at(-1) !== ordinal) known.push(ordinal)
}

const NAME_FIELDS: ReadonlySet<string> = new Set(['name', 'first_name', 'last_name'])

/** A whole name, and one that is put together of first and last. */
function namesOf(ordinal: number, rows: Rows, committer: Committer): string[] {
  const said = rows.facts(ordinal).filter(({ field }) => NAME_FIELDS.has(field))
  const key = said.length === 0 ? undefined : committer.sealKey(ordinal)
  if (key === undefined) return []
  const best = new Map<string, string>()
  for (const { field, trust, sealed } of said) {
    if (best.has(field)) continue
    const value = open(key, factBinding(ordinal, field, trust), sealed)
    if (value !== undefined) best.set(field, value.toString('utf8'))
  }
  const [whole, first, last] = [best.get('name'), best.get('first_name'), best.get('last_name')]
  const texts = [whole, first !== undefined && last !== undefined ? `${first} ${last}` : undefined]
  return [...new Set(texts.filter((text) => text !== undefined).map(canonicalName))].filter((text) => text !== '')
}

function canonicalName(value: string): string {
  return canonicalEmail(value.replaceAll(/\s+/g, ' '))
}

/**
 * Tries one key on the pseudonyms at these places; gives the places that it did not make. All 64 candidates of each lie side by
 * side and are deciphered together. The check is that of `reversePseudonyms`: a known kind, seven zero bytes, a small ordinal.
 */
function reverseSome(
  key: KeyObject,
  uuids: Uint8Array,
  places: readonly number[],
  onFound: (at: number, kind: PseudonymKind, ordinal: number) => void,
): number[] {
  const candidates = new Uint32Array(places.length * CANDIDATES * 4)
  const given = Buffer.from(uuids.buffer, uuids.byteOffset, uuids.byteLength)
  let to = 0
  for (const at of places) {
    const offset = at * BLOCK
    const [first, fourth] = [given.readUInt32LE(offset), given.readUInt32LE(offset + 12)]
    // The high half of byte 6 and the two highest bits of byte 8 are what UUID v4 took.
    const second = given.readUInt32LE(offset + 4) & ~(0xf0 << 16)
    const third = given.readUInt32LE(offset + 8) & ~0xc0
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      candidates[to] = first
      candidates[to + 1] = second | ((candidate >> 2) << 20)
      candidates[to + 2] = third | ((candidate & 3) << 6)
      candidates[to + 3] = fourth
      to += 4
    }
  }
  const plain = decipher(key, new Uint8Array(candidates.buffer))
  const words = new Uint32Array(plain.buffer, plain.byteOffset, plain.length / 4)
  const left: number[] = []
  for (const [index, at] of places.entries()) {
    let isFound = false
    for (let word = index * CANDIDATES * 4, end = word + CANDIDATES * 4; word < end; word += 4) {
      if (words[word + 3] !== 0 || (words[word + 2] as number) > 0xff) continue
      const kind = KINDS.get(words[word + 2] as number)
      const ordinal = plain.readUInt32BE(word * 4) * 0x1_0000_0000 + plain.readUInt32BE(word * 4 + 4)
      if (kind === undefined || ordinal === 0 || !Number.isSafeInteger(ordinal)) continue
      onFound(at, kind, ordinal)
      isFound = true
      break
    }
    if (!isFound) left.push(at)
  }
  return left
}

/** Aligned, so that the answer can be read as words. */
function decipher(key: KeyObject, blocks: Uint8Array): Buffer {
  const cipher = createDecipheriv('aes-256-ecb', key, null)
  cipher.setAutoPadding(false)
  const plain = cipher.update(blocks)
  cipher.final()
  return plain.byteOffset % 4 === 0 ? plain : Buffer.from(new Uint8Array(plain).buffer)
}

function refused(message: string): BulkheadError {
  return new BulkheadError('vault_refused', message)
}
