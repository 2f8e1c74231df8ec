/** Checks of what people were sent. */
import type { StaffDeps } from './deps.ts'
import { type CheckRule, type Facts, type Finding, named, warn } from './facts.ts'

export const NOTICE_CHECKS: readonly CheckRule[] = [
  { id: 'notice_codes', look: codes },
  { id: 'notices_standing', look: standing },
]

/** For `doctor`: stopped, by a person or a restore, or standing still since words, configuration or a measure are not as approved. */
export function noticesStanding({ notices, records }: Pick<StaffDeps, 'notices' | 'records'>): NonNullable<Facts['noticesStanding']> {
  const begun = records.noticeVersions().filter(({ state }) => state !== 'proposed')
  return begun.flatMap((each) => {
    const why = each.state === 'stopped' ? 'stopped' : each.state === 'sending' ? notices.fault(each)?.code : undefined
    // Of one that a restore has lost nobody knows who waits, until a later one was begun.
    const isLast = !begun.some(({ incident, version }) => incident === each.incident && version > each.version)
    const waits = each.content === '' ? isLast : records.nextDue(each) !== undefined
    return why === undefined || !waits ? [] : [{ incident: each.incident, version: each.version, why }]
  })
}

function standing({ noticesStanding: all = [] }: Facts): Finding[] {
  return all.map(({ incident, version, why }) =>
    named(
      `${incident}.${version}`,
      warn(
        `notices of incident ${incident}, version ${version}, stand still (${why}): people wait to be told`,
        `\`bulkhead incident notice list ${incident}\` says who waits, why, and what goes on from there.`,
      ),
    ),
  )
}

/** Somebody sends a real notice around, or a page collects what people type. Whose it is nobody here knows. */
function codes({ noticeAlerts = [] }: Facts): Finding[] {
  const versions = Map.groupBy(noticeAlerts, ({ incident, version }) => `${incident}.${version}`)
  return [...versions].map(([name, alerts]) => {
    const count = alerts.length === 1 ? 'a code' : `${alerts.length} codes`
    const last = new Date(Math.max(...alerts.map(({ at }) => at))).toISOString()
    const [{ incident, version }] = alerts as [(typeof alerts)[number]]
    return named(
      name,
      warn(
        `${count} of incident ${incident}, notice version ${version}, tried from many networks within a day, last at ${last}`,
        'Somebody may be mailing copies of a notice: tell the help desk (docs/checking.md), and look for mails in your name.',
      ),
    )
  })
}
