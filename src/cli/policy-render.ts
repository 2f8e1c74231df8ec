/** Answers about policy as lines for people. */
import type { PolicyApply, PolicyApprove, PolicyExplain, PolicyPlan, PolicyPropose, PolicyShow } from '#api/policy-contract.ts'
import { recipientName } from '#model/recipient.ts'
import { count, table, when } from './render.ts'

const SEALS: Record<PolicyShow['seal'], string> = {
  ok: 'signed',
  unsigned: 'not signed',
  broken: 'NOT AS IT WAS SIGNED',
}

export function renderPolicy(policy: PolicyShow): string {
  const lines = [
    `Version ${policy.version}${policy.inForce ? ', in force' : ''} since ${when(policy.appliedAt)}, ${SEALS[policy.seal]}`,
    ...(policy.actor === null
      ? []
      : [`  by ${policy.actor}${policy.approvedBy === null ? '' : `, approved by ${policy.approvedBy}`}: ${policy.reason ?? ''}`]),
    ...renderPending(policy.pending),
    ...(policy.file === 'differs'
      ? ['  The configuration file says something else; only what is changed in it is taken at the next start.']
      : []),
  ]
  for (const { vendor, destination, recipient, grants, events, properties } of policy.destinations) {
    lines.push('', `${destination} (${vendor})${recipient === undefined ? '' : `: to ${recipientName(recipient)}`}`)
    if (grants.length === 0) lines.push('  nothing is granted')
    else {
      const rows = grants.map((grant) => [
        grant.field,
        grant.form,
        grant.purpose,
        grant.until === null ? '' : `${grant.active ? 'until' : 'ENDED'} ${when(grant.until)}`,
        grant.rule,
      ])
      lines.push(table(rows, '  '))
    }
    lines.push(`  events: ${events.join(', ') || 'none'}`, `  properties: ${properties.join(', ') || 'none'}`)
  }
  const { events, properties, paths, referrers } = policy.store
  lines.push('', 'own store', `  events: ${events.join(', ') || 'none'}`, `  properties: ${properties.join(', ') || 'none'}`)
  if (paths.length > 0) lines.push(`  paths: ${paths.join(', ')}`)
  if (referrers.length > 0) lines.push(`  referrers: ${referrers.join(', ')}`)
  lines.push('', 'versions')
  lines.push(
    table(
      policy.versions.map((each) => [String(each.version), when(each.appliedAt), SEALS[each.seal], each.actor ?? '-', each.reason ?? '-']),
      '  ',
    ),
  )
  return lines.join('\n')
}

/** What waits for a second person. */
function renderPending(pending: PolicyShow['pending']): string[] {
  return pending.map(({ approval, destination, recipient, field, until, countsFrom }) => {
    const when_ = countsFrom === null ? 'somebody else has to agree' : `counts from ${when(countsFrom)}`
    const which = approval === null ? 'to be proposed' : `proposal ${approval}`
    const to = recipient === undefined ? destination : `${destination}, ${recipientName(recipient)},`
    return `  PENDING (${which}): \`${field}\` in the clear to ${to} until ${when(until)}: ${when_}`
  })
}

/** `starts sending `city` (clear) to mixpanel-main: 18,204 subjects in 30 days`. */
export function renderPlan({ changes, days, pending }: PolicyPlan): string {
  if (changes.length === 0) return ['Nothing would change.', ...renderPending(pending)].join('\n')
  const lines = changes.map(({ destination, field, from, to, subjects, events }) => {
    const extent =
      destination === 'store' || (subjects === 0 && events === 0)
        ? 'no event of those days shows it'
        : `${count(subjects, 'subject')}, ${count(events, 'event')}`
    const to_ = destination === 'store' ? 'in the own store' : destination
    if (destination === 'store') return `${to === 'withheld' ? 'stops opening' : 'starts opening'} \`${field}\` ${to_}`
    if (to === 'withheld') return `stops sending \`${field}\` (${from}) to ${destination}: ${extent}`
    if (from === 'withheld') return `starts sending \`${field}\` (${to}) to ${destination}: ${extent}`
    return `sends \`${field}\` as ${to} instead of ${from} to ${destination}: ${extent}`
  })
  return [...lines, `by the events of the last ${count(days, 'day')}`, ...renderPending(pending)].join('\n')
}

export function renderApplied({ version, changed, changes, gateway, pending }: PolicyApply): string {
  if (!changed) return [`Version ${version} says the same already.`, ...renderPending(pending)].join('\n')
  const lines = [`Version ${version} is in force.`]
  for (const { destination, field, from, to } of changes) lines.push(`  ${destination}: ${field} ${from} → ${to}`)
  if (gateway === 'not_confirmed') lines.push('The gateway has not confirmed it; it looks for it twice a second.')
  return [...lines, ...renderPending(pending)].join('\n')
}

export function renderProposals({ proposals, records, unreadable, days, k }: PolicyPropose): string {
  const closed = unreadable > 0 ? `; ${unreadable} more cannot be opened any more` : ''
  const head = `${count(records, 'record')} of the last ${count(days, 'day')} have text that waits${closed}.`
  if (proposals.length === 0) return head
  const told = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([what, number]) => `${what} ${number}`)
      .join(', ') || '-'
  const rows = proposals.map((each) => [
    each.kind,
    each.name ?? `(${each.nameShape}: ${each.nameWithheld === 'few' ? `fewer than ${k} people` : 'looks personal'})`,
    each.people === null ? `< ${k}` : String(each.people),
    told(each.types),
    told(each.shapes),
    each.distinct,
    each.approved
      ? `approved; held back: ${told(each.personal)}`
      : each.identity === null
        ? told(each.personal)
        : `names ${each.identity}: cannot be approved`,
  ])
  return [head, '', table([['KIND', 'NAME', 'PEOPLE', 'TYPES', 'TEXTS', 'DISTINCT', 'LOOKS PERSONAL'], ...rows])].join('\n')
}

export function renderApproved(answer: PolicyApprove): string {
  const { approved, destination, backfill } = answer
  const names = [...approved.events.map((name) => `event ${name}`), ...approved.properties.map((key) => `property ${key}`)]
  const lines = [`Approved for ${destination ?? 'the own store'}, from now on: ${names.join(', ')}.`, renderApplied(answer)]
  if (backfill !== null) {
    lines.push(
      `Filled back: ${count(backfill.records, 'record')} in ${count(backfill.days, 'day')}, of log entries below ${backfill.below}.`,
    )
  }
  return lines.join('\n')
}

export function renderExplanation({ policy, vendor, records, fields }: PolicyExplain): string {
  const lines = [`${vendor}, policy version ${policy}`]
  for (const { destination, record, sent, dropped } of records) {
    const title = records.length > 1 ? `${destination}, record ${record}` : destination
    lines.push('', sent ? `${title}: is sent` : `${title}: is not sent (${dropped})`)
    const own = fields.filter((field) => field.destination === destination && field.record === record)
    lines.push(
      table(
        own.map(({ field, form, rule, reason }) => [field, form, rule, reason]),
        '  ',
      ),
    )
  }
  return lines.join('\n')
}
