/** The score of a drill, what is wrong with it, and the story around it in words. */
import type { LootScore } from './loot.ts'

/** What `--json` prints. Field by field as in the documentation; nothing may be renamed. */
export interface DrillScore {
  loot: LootScore
  affected: { expected: number; found: number; precision: number; recall: number; answerMs: number }
  cut: { returnMs: number; requestsAfter: number }
  events: { sent: number; warehouse: number; vendorDistinct: number; lost: number }
  ok: boolean
}

/** The part of `incident affected --json` that the story tells. */
export interface Affected {
  subjects: number
  delivered: number
  possible: number
  ambiguousDevices: number
  groups: number
  fields: { field: string; form: string; subjects: number }[]
  notSent: string[]
  baseline: unknown
  upperBound: unknown
}

/** One line of the list, as far as it is needed here. */
export interface AffectedRow {
  subject: string
  ids?: string[]
}

export interface Story {
  samples: string[]
  stolenRows: number
  answer: Affected
  sinceCut: number
  held: number
  faults: string[]
}

/** Every figure that is not as it has to be, in words. */
export function faultsOf(score: DrillScore, run: { errors: readonly string[]; schemaErrors: readonly string[]; stolen: number }): string[] {
  const faults: string[] = []
  const { rows, ...leaks } = score.loot
  if (run.stolen === 0 || rows === 0) faults.push('the vendor received nothing, so nothing was rehearsed')
  for (const [kind, count] of Object.entries(leaks))
    if (count > 0) faults.push(`loot.${kind} is ${count}: planted values reached the vendor`)
  const { expected, precision, recall } = score.affected
  if (expected === 0) faults.push('nobody was in the loot, so the list says nothing')
  if (recall < 1) faults.push(`affected.recall is ${recall}: people in the loot are not on the list`)
  if (precision < 1) faults.push(`affected.precision is ${precision}: people on the list are not in the loot`)
  if (score.cut.requestsAfter > 0) faults.push(`cut.requestsAfter is ${score.cut.requestsAfter}: requests began after the cut had returned`)
  const { sent, warehouse, lost } = score.events
  if (lost > 0) faults.push(`events.lost is ${lost}: acknowledged events are not in the warehouse`)
  if (warehouse > sent) faults.push(`events.warehouse is ${warehouse} for ${sent} sent: something was counted twice`)
  for (const error of [...new Set(run.errors)].slice(0, 5)) faults.push(`an SDK complained: ${error}`)
  for (const error of [...new Set(run.schemaErrors)].slice(0, 5)) faults.push(`the vendor's request schema: ${error}`)
  return faults
}

export function writeStory(score: DrillScore, story: Story): string {
  const { loot, affected, cut, events } = score
  const { answer } = story
  const shown = answer.fields.map(({ field, form, subjects }) => `${field} (${form}, ${subjects})`).join(', ')
  return [
    '',
    `What the thief has: ${story.stolenRows} rows. Some of them:`,
    ...story.samples.map((row) => `  ${row.length > 230 ? `${row.slice(0, 230)}…` : row}`),
    `  Found in them: ${loot.names} names, ${loot.emails} email addresses, ${loot.ids} of your ids, ${loot.ips} network addresses,`,
    `  ${loot.userAgents} user agents, ${loot.referrerUrls} page or referrer addresses.`,
    '',
    `Who may be affected: ${answer.subjects} people (${answer.delivered} delivered, ${answer.possible} possible),`,
    `  answered in ${affected.answerMs} ms.`,
    `  Sent about them: ${shown}`,
    `  Not among the fields that we sent: ${answer.notSent.join(', ')}`,
    `  Against the loot: ${affected.expected} people are in it, ${affected.found} on the list;`,
    `  precision ${affected.precision}, recall ${affected.recall}.`,
    '',
    `Cut: returned after ${cut.returnMs} ms in the middle of traffic; ${cut.requestsAfter} requests began afterwards;`,
    `  ${story.held} events wait.`,
    `What still flows: the own warehouse took ${story.sinceCut} more events after the cut`,
    `  and holds ${events.warehouse} of ${events.sent} sent; ${events.lost} lost.`,
    '',
    score.ok ? 'Score: all as it has to be.' : `Score: not as it has to be:\n${story.faults.map((fault) => `  - ${fault}`).join('\n')}`,
  ].join('\n')
}
