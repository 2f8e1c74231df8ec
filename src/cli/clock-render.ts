/** Legal clocks as lines for people. */
import type { ClockShown } from '#api/clock-contract.ts'
import { table, when } from './render.ts'

const WHY_MAX = 3
const REMOTE_MAX = 6

export function renderClocks(id: number, clocks: readonly ClockShown[]): string {
  if (clocks.length === 0) return 'No rule reaches anybody in the scope; `--all` lists all that were looked at.'
  const shown = clocks.filter((clock) => clock.state !== 'not_applicable' && !isRemote(clock))
  const remote = clocks.filter(isRemote)
  const not = clocks.filter(({ state }) => state === 'not_applicable')
  return [
    `Legal clocks of incident ${id}; ${clocks[0]?.review ?? ''}. Research with sources, not legal advice.`,
    '',
    table([
      ['STATE', 'DUE', 'THERE', 'RULE', 'TO', 'PERIOD', 'FROM'],
      ...shown.map((clock) => [
        clock.state.replaceAll('_', ' '),
        clock.dueAt === null ? '-' : when(clock.dueAt),
        clock.dueLocal ?? '-',
        clock.basis === 'clock' ? clock.rule : `${clock.rule} (${clock.basis})`,
        `${clock.to}: ${clock.whom}`,
        clock.period,
        startText(clock),
      ]),
    ]),
    ...shown.flatMap(detailLines),
    ...openLines(id, shown),
    ...remoteLines(remote),
    ...(not.length === 0 ? [] : ['', 'Not applicable', ...not.map(({ rule, why }) => `  ${rule}: ${why.at(-1) ?? ''}`)]),
  ].join('\n')
}

function startText({ state, startsAt, trigger }: ClockShown): string {
  if (startsAt !== null) return `${trigger} ${when(startsAt)}`
  if (state === 'planned') return 'not in force yet'
  return state === 'met' ? '-' : `waits for ${trigger}`
}

const QUESTIONS = ['not assessed: ', 'taken as yes until it is assessed: ']

/** What only people can say, each once, with the rules that hang on it and the command that records it. */
function openLines(id: number, clocks: readonly ClockShown[]): string[] {
  const questions = new Map<string, string[]>()
  const events = new Map<string, string[]>()
  const add = (to: Map<string, string[]>, what: string, rule: string): void => {
    const rules = to.get(what) ?? []
    to.set(what, rules.includes(rule) ? rules : [...rules, rule])
  }
  for (const { rule, state, trigger, startsAt, why, assumed } of clocks) {
    for (const text of [...why, ...assumed]) {
      const before = QUESTIONS.find((start) => text.startsWith(start))
      if (before !== undefined && state !== 'met') add(questions, text.slice(before.length), rule)
    }
    // What waits for another filing starts when that is recorded as done.
    if (state === 'waiting' && startsAt === null && !trigger.startsWith('done:')) add(events, trigger, rule)
  }
  const part = (title: string, found: ReadonlyMap<string, readonly string[]>, command: string): string[] => {
    if (found.size === 0) return []
    const lines = [...found].map(([what, rules]) => `  ${what}: ${rules.join(', ')}`)
    return ['', title, ...lines, `  bulkhead incident clock ${id} ${command} --reason "…"`]
  }
  return [
    ...part('Not answered yet', questions, 'assess --regime R --rule RULE --applies yes|no'),
    ...part('Not recorded yet', events, 'mark --event EVENT --at INSTANT'),
    '',
    'What was filed or told',
    `  bulkhead incident clock ${id} done --rule RULE --at INSTANT --reason "…"`,
  ]
}

/** Nobody is known to live there and the company is not there: one line says it of all of them. */
function isRemote({ state, residents, why }: ClockShown): boolean {
  const isUnclear = why.some((text) => text.startsWith('only people of unknown residence') || text.includes('is not said to be among'))
  return residents.known === 0 && isUnclear && (state === 'needs_assessment' || state === 'waiting' || state === 'met')
}

function remoteLines(clocks: readonly ClockShown[]): string[] {
  if (clocks.length === 0) return []
  const due = clocks.flatMap(({ dueAt, rule }) => (dueAt === null ? [] : [`${rule} ${when(dueAt)}`]))
  const more = due.length > REMOTE_MAX ? ', …' : ''
  const next = due.length === 0 ? '' : `; due, should they apply: ${due.slice(0, REMOTE_MAX).join(', ')}${more}`
  const names = [...new Set(clocks.map(({ regime }) => regime))].join(', ')
  return [
    '',
    `${clocks.length} more rules could apply: only people of unknown residence may live there, or clocks.sectors does not say (${names})${next}.`,
    'Find out where those people live, say the sectors in bulkhead.yaml, or record an assessment; --json has each of them.',
  ]
}

function detailLines({ rule, basis, law, why, assumed, source, asOf, confidence, moved, unverified }: ClockShown): string[] {
  const lines = [
    ...why.slice(-WHY_MAX).map((text) => `because ${text}`),
    ...assumed.map((text) => `assumed: ${text}`),
    ...moved.map((before) => `before a time was corrected: from ${before.startsAt} to ${before.dueAt ?? 'no fixed time'}`),
    `${law}; confidence ${confidence}, as of ${asOf}; ${source}`,
    ...(unverified.length === 0 ? [] : [`not verified: ${unverified.join(', ')}`]),
  ]
  return ['', basis === 'clock' ? rule : `${rule} (${basis})`, ...lines.map((line) => `  ${line}`)]
}
