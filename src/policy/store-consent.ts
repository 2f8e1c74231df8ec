/** What the own store may keep of a record: it with its person, or a mark that there was one. */
import type { ConsentBits, LogRecord } from '#model/log-entry.ts'
import type { CompiledStore } from './compiled-policy.ts'
import { type ConsentCase, judge } from './consent.ts'
import { type PeopleConsent, peopleIn } from './consent-of-record.ts'

export type StoreConsent = NonNullable<CompiledStore['consent']>

/** Nearly every record says nothing, and nearly every store takes that for a yes. */
export function takesSilence({ rule }: StoreConsent): boolean {
  return rule.basis === 'opt-out' || rule.basis === 'not-needed'
}

/** Undefined when it may be kept with its person. A deletion is for the person, and must know whom. */
export function whyWithoutPerson(
  op: LogRecord['op'],
  { rule, table }: StoreConsent,
  asked: ConsentCase,
): NonNullable<ConsentBits['withoutPerson']> | undefined {
  if (op === 'delete') return undefined
  const { verdict } = judge(rule, table, asked)
  if (verdict === 'allowed') return undefined
  return verdict === 'missing' ? 'missing' : 'denied'
}

/** For a record that was kept on arrival, of somebody who has withdrawn elsewhere: itself, or its mark. */
export function asStoreMayKeep(record: LogRecord, seq: number, store: StoreConsent, people: PeopleConsent): LogRecord {
  const named = peopleIn(record, people)
  if (named.length === 0 || record.consent?.withoutPerson !== undefined) return record
  const asked = { bits: record.consent, country: record.context?.country, seq, people: named }
  const why = whyWithoutPerson(record.op, store, asked)
  if (why === undefined) return record
  const { country: _, ...said } = record.consent ?? {}
  return markOf(record, { ...said, withoutPerson: why })
}

const DAY_MS = 86_400_000

/** That there was a record of this kind on that day. */
export function markOf({ type, op, name, reserved, time }: LogRecord, consent: ConsentBits): LogRecord {
  return {
    type,
    ...(name !== undefined && { name }),
    ...(reserved !== undefined && { reserved }),
    time: Math.floor(time / DAY_MS) * DAY_MS,
    ...(op !== undefined && { op }),
    consent,
  }
}
