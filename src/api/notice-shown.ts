/** Versions of notices as numbers: what answers about them say. */
import { BulkheadError } from '#base/errors.ts'
import { countOf, type NoticeCounts } from '#notices/counts.ts'
import type { Of } from '#notices/desk.ts'
import type { Draft, NoticeContent } from '#notices/draft.ts'
import type { ApprovalState } from '#records/approvals.ts'
import type { NoticeVersion, RecipientCount } from '#records/notice-rows.ts'
import type { Approval } from '#records/port.ts'
import type { StaffDeps } from './deps.ts'
import { isoOrNull } from './incident-print.ts'
import type { NotifyResult } from './notice-contract.ts'

/** Kind of what is approved. */
export const NOTICE = 'notice'

export function shown(version: NoticeVersion, deps: Pick<StaffDeps, 'notices' | 'approvals'>): NotifyResult {
  const { notices, approvals } = deps
  // Of one that a restore has lost nothing else is known.
  const content = version.content === '' ? undefined : (JSON.parse(version.content) as NoticeContent)
  const proposal = proposalOf(version, approvals)
  const fault = notices.fault(version)
  const countsFrom = proposal === undefined ? null : isoOrNull(approvals.countsFrom(proposal) ?? null)
  return {
    ...counted(version.version, notices.counts(version), version),
    incident: version.incident,
    scopeVersion: version.scopeVersion,
    state: version.state,
    way: version.way,
    trouble: notices.trouble(version),
    fault: fault === undefined ? null : { code: fault.code, message: fault.message, hint: fault.hint },
    languages: content?.languages ?? [],
    shapes: content?.shapes.length ?? 0,
    sha256: version.sha256,
    approval: proposal?.id ?? null,
    countsFrom,
    startedAt: isoOrNull(version.startedAt),
    endedAt: isoOrNull(version.endedAt),
  }
}

/** The newest, unless it was closed without an approval: then somebody has to propose it again. */
function proposalOf({ id }: NoticeVersion, approvals: StaffDeps['approvals']): Approval | undefined {
  const found = approvals.list().find(({ kind, what }) => kind === NOTICE && what.endsWith(`, id ${id}`))
  return found === undefined || CLOSED.has(approvals.stateOf(found)) ? undefined : found
}

const CLOSED: ReadonlySet<ApprovalState> = new Set(['rejected', 'expired', 'altered'])

function counted(version: number, counts: NoticeCounts, { noAddress, erased }: { noAddress: number; erased: number }) {
  const { recipients, sent, skipped, failed, unknown, waiting, filed, organisations, why } = counts
  return { version, recipients, sent, skipped, failed, unknown, noTrustedAddress: noAddress, waiting, filed, erased, organisations, why }
}

export function shownDraft({ content, sha256, recipients, noAddress, erased }: Draft, scopeVersion: number): NotifyResult {
  const rows = recipients.map(({ organisation, joined }): RecipientCount => {
    const why = joined === 0 ? null : 'same_address'
    return { isOrganisation: organisation !== 0, state: joined === 0 ? 'waiting' : 'skipped', why, count: 1 }
  })
  return {
    ...counted(content.subject.version, countOf(rows), { noAddress, erased }),
    incident: content.subject.incident,
    scopeVersion,
    state: 'draft',
    way: null,
    trouble: null,
    fault: null,
    languages: content.languages,
    shapes: content.shapes.length,
    sha256,
    approval: null,
    countsFrom: null,
    startedAt: null,
    endedAt: null,
  }
}

export function begunVersion(id: number, number: number | undefined, deps: StaffDeps): NoticeVersion {
  deps.incidents.state(id)
  const begun = deps.notices.versions(id).filter(({ state }) => state !== 'proposed')
  const found = number === undefined ? begun.at(-1) : begun.find(({ version }) => version === number)
  if (found === undefined) throw noVersion(id, number)
  return found
}

export function noVersion(id: number, number: number | undefined): BulkheadError {
  const which = number === undefined ? 'no notices that were begun' : `no notices of version ${number}`
  return new BulkheadError('notice_unknown', `incident ${id} has ${which}`)
}

export function versionNow({ incident, version }: Of, deps: StaffDeps): NoticeVersion {
  return deps.records.noticeVersion(incident, version) as NoticeVersion
}
