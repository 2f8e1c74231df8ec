/** Test support: the record of an incident as its rows would make it. */
import type { ClockEvent, MarkBody, SurveyedBody } from '#model/clock.ts'
import type { ClockRecord, Profile } from './facts.ts'
import { type Clock, clocksOf } from './clocks.ts'
import { type ClockRow, readClockRecord, type SaidTimes } from './record.ts'
import { readRulePack } from './rule-pack.ts'

export const PACK = readRulePack()
export const NOBODY: Profile = { establishedIn: [], sectors: [], roles: [] }

export function utc(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new TypeError(`${text} is no instant`)
  return at
}

export interface Said {
  told: string
  aware?: string
  vendorAware?: string
  marks?: [ClockEvent, string, string?][]
  done?: [string, string][]
  assessed?: [string, string | null, boolean][]
  /** Residents by jurisdiction; undefined: not counted. */
  people?: Record<string, number>
  fields?: string[]
  freeText?: string[]
  days?: SaidTimes['days']
}

export function surveyOf(people: Record<string, number>, fields: string[] = [], freeText: string[] = []): SurveyedBody {
  const residents = Object.entries(people).map(([of, count]) => ({
    of,
    people: count,
    directory: of === 'unknown' ? 0 : count,
    server: 0,
    place: 0,
  }))
  const subjects = Object.values(people).reduce((sum, count) => sum + count, 0)
  return { version: 1, entries: 1, subjects, residents, fields, freeText }
}

export function rowsOf(said: Said): ClockRow[] {
  const rows: Omit<ClockRow, 'row'>[] = [
    { at: 0, kind: 'opened', body: {} },
    ...(said.people === undefined ? [] : [{ at: 1, kind: 'surveyed', body: surveyOf(said.people, said.fields, said.freeText) }]),
    ...(said.marks ?? []).map(([event, at, regime]) => {
      const body: MarkBody = { event, at: utc(at), dayIn: null, regime: regime ?? null, corrects: false }
      return { at: 2, kind: 'mark', body }
    }),
    ...(said.done ?? []).map(([rule, at]) => ({ at: 3, kind: 'done', body: { rule, at: utc(at), dayIn: null, corrects: false } })),
    ...(said.assessed ?? []).map(([regime, rule, applies]) => ({ at: 4, kind: 'assessed', body: { regime, rule, applies } })),
  ]
  return rows.map((row, index) => ({ ...row, row: index + 1 }))
}

export function recordOf(said: Said): ClockRecord {
  const { told, aware, vendorAware, days } = said
  const maybe = (text: string | undefined): number | null => (text === undefined ? null : utc(text))
  return readClockRecord(rowsOf(said), {
    told: utc(told),
    aware: maybe(aware),
    vendorAware: maybe(vendorAware),
    ...(days === undefined ? {} : { days }),
  })
}

export function clocksFor(said: Said, now: string, profile: Profile = NOBODY): Clock[] {
  return clocksOf({ record: recordOf(said), profile, pack: PACK, now: utc(now) })
}
