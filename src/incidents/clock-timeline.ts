/** What is recorded of legal clocks, as lines of the timeline. */
import type { AssessedBody, ClocksBody, ClocksSignedBody, ClockWarnedBody, DoneBody, MarkBody, SurveyedBody } from '#model/clock.ts'
import type { Event } from './incident-state.ts'

const NAMED_MAX = 8

export function clockEntry<Entry>(event: Event, entry: (detail: string, text?: string, when?: number) => Entry[], reason: string): Entry[] {
  switch (event.kind) {
    case 'mark': {
      const { event: what, at, regime, dayIn, corrects } = event.body as MarkBody
      const only = regime === null ? '' : ` for ${regime}`
      return entry(
        `${what}${only}${dayIn === null ? '' : ` (the day alone is known, ${dayIn})`}${corrects ? ', stated anew' : ''}`,
        reason,
        at,
      )
    }
    case 'assessed': {
      const { regime, rule, applies } = event.body as AssessedBody
      return entry(`assessed: ${rule ?? regime} ${applies ? 'applies' : 'does not apply'}`, reason)
    }
    case 'done': {
      const { rule, at, corrects } = event.body as DoneBody
      return entry(`done: ${rule}${corrects ? ', stated anew' : ''}`, reason, at)
    }
    case 'surveyed': {
      const { subjects, residents } = event.body as SurveyedBody
      const unknown = residents.find(({ of }) => of === 'unknown')?.people ?? 0
      const places = residents.filter(({ of }) => of !== 'unknown').length
      return entry(`residences counted: ${subjects} people in ${places} jurisdictions, ${unknown} unknown`)
    }
    case 'clocks': {
      const { clocks } = event.body as ClocksBody
      const [moved, started] = [clocks.filter((each) => each.moved), clocks.filter((each) => !each.moved)]
      return [
        ...(started.length === 0 ? [] : entry(`clocks started: ${named(started)}`)),
        ...(moved.length === 0 ? [] : entry(`clocks moved, since a time was corrected: ${named(moved)}`)),
      ]
    }
    case 'clock-warned':
      return (event.body as ClockWarnedBody).warnings.length === 0 ? [] : entry(warnedText(event.body as ClockWarnedBody))
    case 'clocks-signed-off': {
      const { as, upTo } = event.body as ClocksSignedBody
      return entry(`clocks signed off as ${as}, up to row ${upTo}`, reason)
    }
    default:
      return []
  }
}

function warnedText({ warnings }: ClockWarnedBody): string {
  const byPercent = Map.groupBy(warnings, ({ percent }) => percent)
  const parts = [...byPercent].map(([percent, of]) => `${percent === 100 ? 'due' : `${percent} % of the time`}: ${named(of)}`)
  return `clocks warned: ${parts.join('; ')}`
}

function named(clocks: readonly { rule: string; basis: string }[]): string {
  const names = clocks.slice(0, NAMED_MAX).map(({ rule, basis }) => (basis === 'clock' ? rule : `${rule} (${basis})`))
  const more = clocks.length - names.length
  return more === 0 ? names.join(', ') : `${names.join(', ')} and ${more} more`
}
