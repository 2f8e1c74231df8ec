/** Checks of what people were sent. */
import { type CheckRule, type Facts, type Finding, named, warn } from './facts.ts'

export const NOTICE_CHECKS: readonly CheckRule[] = [{ id: 'notice_codes', look: codes }]

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
