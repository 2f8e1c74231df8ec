import { ROUTES } from '#api/contract.ts'
import { RISK_DEFAULTS, type RiskResult } from '#api/risk-contract.ts'
import { type Context, printAnswer } from './context.ts'
import { count, table } from './render.ts'
import { connect } from './staff-client.ts'

export async function policyRiskCommand(context: Context, options: { days?: number; k?: number }): Promise<void> {
  const query = { days: options.days ?? RISK_DEFAULTS.days, k: options.k ?? RISK_DEFAULTS.k }
  printAnswer(context, await connect(context).post<RiskResult>(ROUTES.risk, query), renderRisk)
}

/** The first fields that matter: the rest would bury them. */
const FIELDS_SHOWN = 8

export function renderRisk({ days, destinations, pairs }: RiskResult): string {
  if (destinations.length === 0) return 'No destination is configured: nothing leaves.'
  const lines: string[] = [`People about whom something was sent in ${count(days, 'day')}, under the policy in force.`]
  for (const { id, k, people, unique, below, groupsBelow, fields, sampled, clear } of destinations) {
    lines.push('', `${id}: ${count(people, 'person', 'people')}${sampled === 1 ? '' : `, one in ${sampled}`}`)
    if (clear.length > 0) lines.push(`  gets ${clear.join(', ')} in the clear: of whom it has that nobody hides among others`)
    if (people === 0) continue
    lines.push(`  ${of(unique, people)} unique by what it receives of them`)
    lines.push(`  ${of(below, people)} among fewer than ${k}, in ${count(groupsBelow, 'combination')}`)
    const rows = fields.slice(0, FIELDS_SHOWN).map(({ field, values, alone, saved }) => [field, ...[values, alone, saved].map(String)])
    if (rows.length > 0) lines.push(table([['FIELD', 'VALUES', 'UNIQUE ALONE', 'SAVED WITHOUT IT'], ...rows], '  '))
    if (fields.length > FIELDS_SHOWN) lines.push(`  and ${count(fields.length - FIELDS_SHOWN, 'field')} more (--json)`)
  }
  for (const { destinations: both, people, sampled, withoutRounding, withRounding, byEvents, granted } of pairs) {
    lines.push(
      '',
      `${both.join(' and ')}: ${count(people, 'person', 'people')} with events at both${sampled === 1 ? '' : `, one in ${sampled}`}`,
    )
    if (people === 0) continue
    lines.push(`  Matched by what they did, without any identifier (times are sent ${granted.join(' and ')}):`)
    const row = (what: string, without: number, rounded: number): string[] => [what, percent(without), percent(rounded)]
    const rows = [
      row('order of events', withoutRounding.sequence, withRounding.sequence),
      row('events by day', withoutRounding.daily, withRounding.daily),
      row('events and times', withoutRounding.times, withRounding.times),
      ...byEvents
        .filter((each) => each.people > 0)
        .map((each) => {
          const range = each.to === null ? `${each.from} and more` : each.from === each.to ? `${each.from}` : `${each.from} to ${each.to}`
          return row(`  of ${count(each.people, 'person', 'people')} with ${range}`, each.withoutRounding, each.withRounding)
        }),
    ]
    lines.push(table([['BY', 'EXACT TIMES', 'ROUNDED TIMES'], ...rows], '  '))
  }
  if ([...destinations, ...pairs].some(({ sampled }) => sampled > 1))
    lines.push('', 'Of a sample, shares are too high: fewer people share less.')
  return lines.join('\n')
}

function of(some: number, all: number): string {
  return `${some.toLocaleString('en-US')} (${percent(some / all)})`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
