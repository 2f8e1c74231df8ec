/**
 * Whether a purpose has a person's consent. Judged from what stands in the log and what the person has said since; the
 * stricter of all that was said wins, under the policy of the arrival and under the one in force.
 */
import type { ConsentBits } from '#model/log-entry.ts'
import type { ConsentRule, ConsentTable } from '#model/policy.ts'
import { type PersonConsent, standingOf } from './person-consent.ts'

/** `denied`: said with the record. `withdrawn`: said elsewhere, before or after it. `missing`: nobody said yes where law wants one. */
export const VERDICTS = ['allowed', 'denied', 'missing', 'withdrawn'] as const
export type Verdict = (typeof VERDICTS)[number]

export interface Judgement {
  verdict: Verdict
  /** Names what decided: `consent:gpc`, `consent:opt-in/DE`, … */
  rule: string
}

/** What is asked about: one record, whose position tells what came before and after it. */
export interface ConsentCase {
  bits: ConsentBits | undefined
  country: string | undefined
  seq: number
  /** Of the identifiers that the record names; what nobody has said anything of is left out. */
  people: readonly PersonConsent[]
}

export interface CompiledConsentTable {
  optIn: ReadonlySet<string>
  gpcBinds: ReadonlySet<string>
  unknownCountry: 'opt-in' | 'opt-out'
}

export function compileConsentTable(table: ConsentTable): CompiledConsentTable {
  return { optIn: new Set(table.optIn), gpcBinds: new Set(table.gpcBinds), unknownCountry: table.unknownCountry }
}

const ALLOWED_ANYWAY: Judgement = { verdict: 'allowed', rule: 'consent:not-needed' }

export function judge(rule: ConsentRule, table: CompiledConsentTable, asked: ConsentCase): Judgement {
  const { bits, seq, people } = asked
  if (bits?.withoutPerson !== undefined) return { verdict: bits.withoutPerson, rule: 'consent:store' }
  if (rule.basis === 'not-needed') return ALLOWED_ANYWAY
  const country = asked.country ?? bits?.country
  const uses = (signal: 'gpc' | 'dnt'): boolean =>
    rule[signal] === 'everywhere' || (rule[signal] === 'where-binding' && (country === undefined || table.gpcBinds.has(country)))
  if (bits?.optOut === true) return { verdict: 'denied', rule: 'consent:opt-out' }
  if (bits?.denies?.includes(rule.purpose) === true) return { verdict: 'denied', rule: 'consent:category' }
  for (const signal of ['gpc', 'dnt'] as const)
    if (bits?.[signal] === true && uses(signal)) return { verdict: 'denied', rule: `consent:${signal}` }

  let isGiven = bits?.optOut === false || bits?.collected === true || bits?.allows?.includes(rule.purpose) === true
  for (const person of people) {
    for (const channel of ['switch', `purpose:${rule.purpose}`] as const) {
      const standing = standingOf(person[channel], seq)
      if (standing === 'refused') return { verdict: 'withdrawn', rule: channel === 'switch' ? 'consent:opt-out' : 'consent:category' }
      if (standing === 'agreed') isGiven = true
    }
    for (const signal of ['gpc', 'dnt'] as const) {
      if (standingOf(person[signal], seq) === 'refused' && uses(signal)) return { verdict: 'withdrawn', rule: `consent:${signal}` }
    }
  }
  if (isGiven) return { verdict: 'allowed', rule: 'consent:given' }
  const silence = rule.basis === 'by-country' ? silenceIn(country, table) : rule.basis
  const place = rule.basis === 'by-country' ? `/${country ?? 'unknown'}` : ''
  return { verdict: silence === 'opt-in' ? 'missing' : 'allowed', rule: `consent:${silence}${place}` }
}

function silenceIn(country: string | undefined, table: CompiledConsentTable): 'opt-in' | 'opt-out' {
  if (country === undefined) return table.unknownCountry
  return table.optIn.has(country) ? 'opt-in' : 'opt-out'
}
