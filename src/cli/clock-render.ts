/** Legal clocks as lines for people. */
import type { ClockShown } from '#api/clock-contract.ts'
import { table, when } from './render.ts'

const WHY_MAX = 3

export function renderClocks(id: number, clocks: readonly ClockShown[]): string {
  if (clocks.length === 0) return 'No rule reaches anybody in the scope; `--all` lists all that were looked at.'
  const shown = clocks.filter(({ state }) => state !== 'not_applicable')
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
        clock.startsAt === null ? `waits for ${clock.trigger}` : `${clock.trigger} ${when(clock.startsAt)}`,
      ]),
    ]),
    ...shown.flatMap(detailLines),
    ...(not.length === 0 ? [] : ['', 'Not applicable', ...not.map(({ rule, why }) => `  ${rule}: ${why.at(-1) ?? ''}`)]),
  ].join('\n')
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
