/**
 * The verdicts for one record and all purposes of a destination, as one number: two bits a purpose, 0 where all is allowed.
 * So what is decided stays one answer for all records of a kind (`kinds.ts`).
 */
import type { LogRecord, Ordinal } from '#model/log-entry.ts'
import type { ConsentRule } from '#model/policy.ts'
import { type CompiledConsentTable, type ConsentCase, type Judgement, judge, VERDICTS, type Verdict } from './consent.ts'
import type { PersonConsent } from './person-consent.ts'

/** Two bits each in a number of 31. */
export const PURPOSES_MAX = 15

/** Where the record stands, and under which policy it arrived. */
export interface Place {
  seq: number
  policy: number
}

/** What people have said, up to now. */
export interface PeopleConsent {
  of(ordinal: Ordinal): PersonConsent | undefined
}

const NOBODY: readonly PersonConsent[] = []

export class DestinationConsent {
  /** All purposes of the destination's grants, in the order of the bits. */
  readonly purposes: readonly string[]
  readonly #rules: readonly (ConsentRule | undefined)[]
  readonly #table: CompiledConsentTable
  /** Of records that say nothing, by country. */
  readonly #silent = new Map<string | undefined, number>()

  /** A purpose without a rule needs no consent: so it is in policies from before consent was part of the decision. */
  constructor(purposes: readonly string[], rules: readonly ConsentRule[], table: CompiledConsentTable) {
    this.purposes = purposes
    this.#rules = purposes.map((purpose) => rules.find((rule) => rule.purpose === purpose))
    this.#table = table
  }

  verdicts(record: LogRecord, seq: number, people: PeopleConsent | undefined): number {
    // What removes somebody's data needs nobody's consent.
    if (record.op === 'delete') return 0
    const named = people === undefined ? NOBODY : peopleIn(record, people)
    const bits = record.consent
    const country = record.context?.country
    if (bits === undefined && named.length === 0) return this.#ofSilence(country)
    return this.#judgeAll({ bits, country, seq, people: named })
  }

  explain(record: LogRecord, seq: number, people: PeopleConsent | undefined): (Judgement & { purpose: string })[] {
    const named = people === undefined ? NOBODY : peopleIn(record, people)
    const asked: ConsentCase = { bits: record.consent, country: record.context?.country, seq, people: named }
    return this.purposes.map((purpose, index) => {
      const rule = this.#rules[index]
      if (record.op === 'delete') return { purpose, verdict: 'allowed', rule: 'consent:deletion' }
      return { purpose, ...(rule === undefined ? { verdict: 'allowed', rule: 'consent:no-rule' } : judge(rule, this.#table, asked)) }
    })
  }

  #ofSilence(country: string | undefined): number {
    const known = this.#silent.get(country)
    if (known !== undefined) return known
    const verdicts = this.#judgeAll({ bits: undefined, country, seq: 0, people: NOBODY })
    this.#silent.set(country, verdicts)
    return verdicts
  }

  #judgeAll(asked: ConsentCase): number {
    let verdicts = 0
    for (const [index, rule] of this.#rules.entries()) {
      if (rule !== undefined) verdicts |= VERDICTS.indexOf(judge(rule, this.#table, asked).verdict) << (2 * index)
    }
    return verdicts
  }
}

export function verdictAt(verdicts: number, index: number): Verdict {
  return VERDICTS[(verdicts >> (2 * index)) & 3] as Verdict
}

/** For each purpose what the first says, or the second where the first allows it. */
export function stricter(verdicts: number, other: number): number {
  if (other === 0 || verdicts === other) return verdicts
  let both = verdicts
  for (let shift = 0; shift < 2 * PURPOSES_MAX; shift += 2) if (((both >> shift) & 3) === 0) both |= other & (3 << shift)
  return both
}

export function peopleIn({ user, device, linked }: LogRecord, people: PeopleConsent): readonly PersonConsent[] {
  const first = user === undefined ? undefined : people.of(user)
  const second = device === undefined ? undefined : people.of(device)
  const others = linked === undefined ? NOBODY : linked.flatMap(({ ordinal }) => people.of(ordinal) ?? [])
  if (first === undefined && second === undefined && others.length === 0) return NOBODY
  return [...(first === undefined ? [] : [first]), ...(second === undefined ? [] : [second]), ...others]
}
