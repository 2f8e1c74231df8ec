/**
 * What counts of people are made of, kept in memory for all of them: where they live, whether an address of theirs is to be
 * trusted, whether they were erased, and who belongs to which group. A question after a breach asks about millions, and
 * reading their rows one by one would take longer than it may. Read once, in slices between the vault's other work, then kept
 * by being told of each commit.
 */
import type { KeyObject } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { TRUSTS } from '#model/field.ts'
import { type Committer, factBinding, type Witness } from './commit.ts'
import type { KeyStore } from './key-store.ts'
import { staffUserIds } from './identifiers.ts'
import { LABELS } from './labels.ts'
import { MembershipBook } from './membership-book.ts'
import { countryOf, openResidences, sealResidence, stateOf } from './residence.ts'
import { CHUNK_ROWS, type MembershipRow, type Rows } from './rows.ts'
import { deriveKey, open } from './seal.ts'
import {
  type CensusVault,
  type GroupQuestion,
  type GroupSurvey,
  MARKS,
  type Members,
  type OrdinalPages,
  type People,
  type Survey,
} from './survey.ts'

/** Set when every country that was ever told has its block: rows of before have none. */
const COMPLETE = 'residences'
const SAID_BY: readonly number[] = [0, MARKS.byServer, MARKS.byDirectory]
/** People looked up before others get their turn. */
const PEOPLE_AT_ONCE = 500_000
/** People whose sealed country is opened before others get their turn. */
const OPENED_AT_ONCE = 500

export class Census implements Witness, CensusVault {
  readonly #keys: KeyStore
  readonly #rows: Rows
  readonly #committer: Committer
  readonly #key: KeyObject
  /** By ordinal. */
  #residence = new Uint16Array(1024)
  #marks = new Uint8Array(1024)
  readonly #places: string[] = ['']
  readonly #placeNumbers = new Map([['', 0]])
  readonly #members = new MembershipBook()
  #ready: Promise<void> | undefined
  /** Raised when what was read may be wrong. */
  #attempt = 0
  #stopped = false

  constructor(keys: KeyStore, rows: Rows, committer: Committer) {
    this.#keys = keys
    this.#rows = rows
    this.#committer = committer
    this.#key = deriveKey(keys.named('scope'), LABELS.residence)
    committer.witness = this
  }

  /** Reads everything, unless it is known: a first question then need not wait. */
  async warm(): Promise<void> {
    while (!this.#stopped) {
      const attempt = this.#attempt
      this.#ready ??= this.#read()
      try {
        await this.#ready
      } catch (thrown) {
        this.#ready = undefined
        throw thrown
      }
      if (this.#attempt === attempt) return
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async survey({ single, joined }: People): Promise<Survey> {
    await this.warm()
    const residence = new Uint16Array(single.length + joined.length)
    const marks = new Uint8Array(single.length + joined.length)
    for (let at = 0; at < single.length; at++) {
      if (at > 0 && at % PEOPLE_AT_ONCE === 0) await turn()
      const ordinal = single[at] as number
      residence[at] = this.#residence[ordinal] ?? 0
      marks[at] = this.#marks[ordinal] ?? 0
    }
    for (const [index, ordinals] of joined.entries()) {
      const at = single.length + index
      let best = -1
      for (const ordinal of ordinals) {
        const own = this.#marks[ordinal] ?? 0
        marks[at] = (marks[at] as number) | (own & (MARKS.address | MARKS.erased))
        const rank = own & (MARKS.byServer | MARKS.byDirectory)
        if ((this.#residence[ordinal] ?? 0) === 0 || rank <= best) continue
        best = rank
        residence[at] = this.#residence[ordinal] as number
      }
      if (best > 0) marks[at] = (marks[at] as number) | best
    }
    return { places: [...this.#places], residence, marks }
  }

  async staffUserIds(users: Float64Array): Promise<Uint8Array> {
    return staffUserIds(deriveKey(this.#keys.named('staff-view'), LABELS.staffView), users)
  }

  async groups(question: GroupQuestion): Promise<GroupSurvey> {
    await this.warm()
    return this.#members.survey(question, (group) => {
      const scope = this.#committer.scopeOf(group)
      return (scope === undefined ? '' : (this.#keys.scopeById(scope)?.kind ?? '')).replace(/^group:/, '')
    })
  }

  async members(users: OrdinalPages): Promise<Members> {
    await this.warm()
    return this.#members.members(users)
  }

  // ------------------------------------------------------------------------------------- told by commits

  fact({ ordinal, field, trust, value }: Parameters<Witness['fact']>[0]): void {
    const rank = TRUSTS.indexOf(trust)
    if (rank === 0) return
    if (field === 'email') this.#mark(ordinal, MARKS.address)
    if (field === 'country' || field === 'region') this.#putPlace(ordinal, rank, { [field]: value })
  }

  membership(row: MembershipRow): void {
    this.#members.put(row)
  }

  lost(): void {
    this.#attempt += 1
    this.#ready = undefined
    this.#residence.fill(0)
    this.#marks.fill(0)
    this.#members.clear()
  }

  removed(ordinals: readonly number[]): void {
    for (const ordinal of ordinals) {
      this.#grow(ordinal)
      this.#residence[ordinal] = 0
      this.#marks[ordinal] = MARKS.erased
    }
    this.#members.remove(new Set(ordinals))
  }

  // ------------------------------------------------------------------------------------------- reading

  async #read(): Promise<void> {
    const attempt = this.#attempt
    const goesOn = (): boolean => !this.#stopped && this.#attempt === attempt
    if (this.#rows.meta(COMPLETE) !== 1) await this.#sealEarlier(goesOn)
    for (let after = 0; goesOn(); await turn()) {
      const chunk = this.#rows.residencesAfter(after)
      for (const row of openResidences(this.#key, chunk)) if (row !== undefined) this.#set(row.ordinal, row.trust, row.place)
      after = chunk.at(-1)?.ordinal ?? after
      if (chunk.length < CHUNK_ROWS) break
    }
    for (let after = 0; goesOn(); await turn()) {
      const chunk = this.#rows.trustedAfter('email', after)
      for (const ordinal of chunk) this.#mark(ordinal, MARKS.address)
      after = chunk.at(-1) ?? after
      if (chunk.length < CHUNK_ROWS) break
    }
    for (let after = 0; goesOn(); await turn()) {
      const chunk = this.#rows.membershipsAfter(after)
      for (const row of chunk) this.#members.put(row)
      after = chunk.at(-1)?.id ?? after
      if (chunk.length < CHUNK_ROWS) break
    }
    if (!goesOn()) return
    const jobs = this.#keys.erasures.jobs().filter(({ step }) => step !== 'unlink')
    for (const ordinal of [...jobs.flatMap((job) => job.ordinals), ...this.#keys.erasures.erasedSince(0).ordinals]) {
      if (this.#rows.identifier(ordinal) === undefined) this.#mark(ordinal, MARKS.erased)
    }
  }

  /** Countries that were told before there were blocks are opened once, each under its person's secret. */
  async #sealEarlier(goesOn: () => boolean): Promise<void> {
    for (let after = 0; goesOn(); await turn()) {
      const chunk = this.#rows.trustedAfter('country', after).slice(0, OPENED_AT_ONCE)
      this.#rows.transact(() => {
        for (const ordinal of chunk) this.#sealOne(ordinal)
        if (chunk.length === 0) this.#rows.setMeta(COMPLETE, 1)
      })
      if (chunk.length === 0) return
      after = chunk.at(-1) as number
    }
  }

  #sealOne(ordinal: number): void {
    const key = this.#committer.sealKey(ordinal)
    if (key === undefined) return
    // The best comes last and stays.
    for (const { field, trust, sealed } of this.#rows.facts(ordinal).reverse()) {
      if (trust === 'browser' || field !== 'country') continue
      const value = open(key, factBinding(ordinal, field, trust), sealed)?.toString('utf8')
      if (value !== undefined) this.#putPlace(ordinal, TRUSTS.indexOf(trust), { country: value })
    }
  }

  /** Within a commit. A state is told beside its country or after it. */
  #putPlace(ordinal: number, rank: number, said: { country?: string; region?: string }): void {
    // From the row: it may be told before everything was read.
    const block = this.#rows.residence(ordinal)
    const [row] = block === undefined ? [] : openResidences(this.#key, [{ ordinal, block }])
    const { place: known, trust: knownRank } = row ?? { place: '', trust: 0 }
    if (rank < knownRank) return
    let place = said.country === undefined ? known.slice(0, 2) : (countryOf(said.country) ?? '')
    if (said.region === undefined) {
      if (place === 'US' && rank === knownRank && known.startsWith('US-')) place = known
    } else {
      const state = place === 'US' ? stateOf(said.region) : undefined
      if (state === undefined) return
      place = `US-${state}`
    }
    this.#rows.putResidence(ordinal, sealResidence(this.#key, { ordinal, trust: rank, place }))
    this.#set(ordinal, rank, place)
  }

  #set(ordinal: number, rank: number, place: string): void {
    this.#grow(ordinal)
    let number = this.#placeNumbers.get(place)
    if (number === undefined) {
      number = this.#places.push(place) - 1
      this.#placeNumbers.set(place, number)
    }
    this.#residence[ordinal] = number
    const others = (this.#marks[ordinal] as number) & (MARKS.address | MARKS.erased)
    this.#marks[ordinal] = others | (SAID_BY[rank] ?? 0)
  }

  #mark(ordinal: number, mark: number): void {
    this.#grow(ordinal)
    this.#marks[ordinal] = (this.#marks[ordinal] as number) | mark
  }

  #grow(ordinal: number): void {
    if (ordinal < this.#marks.length) return
    const length = Math.max(ordinal + 1, this.#marks.length * 2)
    const [residence, marks] = [new Uint16Array(length), new Uint8Array(length)]
    residence.set(this.#residence)
    marks.set(this.#marks)
    this.#residence = residence
    this.#marks = marks
  }
}
