/** Versions of notices as numbers: what answers about them say. */
import { countOf, type NoticeCounts } from '#notices/counts.ts'
import type { Draft, NoticeContent } from '#notices/draft.ts'
import type { NoticeVersion, RecipientCount } from '#records/notice-rows.ts'
import type { StaffDeps } from './deps.ts'
import { isoOrNull } from './incident-print.ts'
import type { NotifyResult } from './notice-contract.ts'

/** Kind of what is approved. */
export const NOTICE = 'notice'

export function shown(version: NoticeVersion, deps: Pick<StaffDeps, 'notices' | 'approvals'>): NotifyResult {
  const { notices, approvals } = deps
  // Of one that a restore has lost nothing else is known.
  const content = version.content === '' ? undefined : (JSON.parse(version.content) as NoticeContent)
  const proposal = approvals.list().findLast(({ kind, what }) => kind === NOTICE && what.endsWith(`, id ${version.id}`))
  const countsFrom = proposal === undefined ? null : isoOrNull(approvals.countsFrom(proposal) ?? null)
  return {
    ...counted(version.version, notices.counts(version), version),
    incident: version.incident,
    scopeVersion: version.scopeVersion,
    state: version.state,
    way: version.way,
    trouble: notices.trouble(version),
    languages: content?.languages ?? [],
    shapes: content?.shapes.length ?? 0,
    sha256: version.sha256,
    approval: proposal?.id ?? null,
    countsFrom,
    startedAt: isoOrNull(version.startedAt),
    endedAt: isoOrNull(version.endedAt),
  }
}

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
    languages: content.languages,
    shapes: content.shapes.length,
    sha256,
    approval: null,
    countsFrom: null,
    startedAt: null,
    endedAt: null,
  }
}
