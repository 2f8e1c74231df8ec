/** A version of notices as it is proposed: what of it is kept, and the very text that a second person approves. */
import { BulkheadError } from '#base/errors.ts'
import { type Draft, type NoticeContent, saysTheSame, textsSha256 } from '#notices/draft.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import type { Approval } from '#records/port.ts'
import type { Look } from '#vault/port.ts'
import type { StaffDeps } from './deps.ts'
import { textsOf } from './incident-routes.ts'
import type { NotifyBody } from './notice-contract.ts'
import { draftNotices } from './notice-draft.ts'
import { NOTICE } from './notice-shown.ts'

export async function keepDraft(
  id: number,
  asked: Pick<NotifyBody, 'lang' | 'continue'>,
  look: Look,
  deps: StaffDeps,
): Promise<NoticeVersion> {
  const { notices, incidents: book } = deps
  assertNoneLost(id, asked, deps)
  const { draft, scopeVersion } = await draftNotices(id, asked.lang, look, deps)
  if (draft.recipients.length === 0) throw new BulkheadError('notice_nobody', `nobody is left to tell in incident ${id}`)
  const proposed = notices.versions(id).find(({ state }) => state === 'proposed')
  if (proposed !== undefined && isAsProposed(proposed, draft, scopeVersion, deps)) return proposed
  const kept = await notices.keep(draft, scopeVersion, look.actor)
  const { recipients, organisations } = notices.counts(kept)
  const { version, sha256, noAddress, erased } = kept
  const body = { version, id: kept.id, sha256, scopeVersion, recipients, organisations: organisations.recipients, noAddress, erased }
  await book.add(id, look, () => ({ kind: 'notice-proposed', body, texts: textsOf({ reason: look.reason }) }))
  return kept
}

/**
 * Of a version that was stopped somebody waits, and of one that a restore has lost nobody here knows whom it reached: to tell them by a
 * new one takes somebody's word.
 */
function assertNoneLost(id: number, asked: Pick<NotifyBody, 'continue'>, { notices }: StaffDeps): void {
  if (asked.continue === true) return
  const stopped = notices.left(id).find(({ state }) => state === 'stopped')
  if (stopped !== undefined) throw stoppedError(stopped)
  const lost = notices.versions(id).find(({ content }) => content === '')
  if (lost === undefined) return
  throw new BulkheadError(
    'notice_stopped',
    `version ${lost.version} was begun before the restore, and these records do not know whom it reached`,
    {
      hint: 'Look at the mail server’s log; `--propose --continue --reason "…"` proposes notices to all who are in scope, once more.',
    },
  )
}

export function isAsProposed(proposed: NoticeVersion, draft: Draft, scopeVersion: number, deps: StaffDeps): boolean {
  const content = JSON.parse(proposed.content) as NoticeContent
  const isSame = proposed.scopeVersion === scopeVersion && saysTheSame(content, draft.content)
  return isSame && textsSha256(content, deps.notices.words) === proposed.sha256
}

/** The very text that a second person approves. It names nobody; `incident notify ID --preview` shows all of it. */
export function textOfVersion(version: NoticeVersion, deps: StaffDeps): string {
  const { incident, sha256, scopeVersion, id } = version
  const { recipients, skipped, organisations } = deps.notices.counts(version)
  const content = JSON.parse(version.content) as NoticeContent
  const people = `${recipients - skipped} people`
  const administrators = organisations.recipients === 0 ? '' : ` and ${organisations.recipients} administrators of organisations`
  const lists = content.shapes.some(({ memberList }) => memberList === true) ? ', with the lists of their members' : ''
  return (
    `notices of incident ${incident}, version ${version.version}, to ${people}${administrators}${lists}, ` +
    `of scope version ${scopeVersion}, in ${content.languages.join(', ')}: ` +
    `${content.shapes.length * content.languages.length} texts, SHA-256 ${sha256}, id ${id}`
  )
}

export function proposeVersion(version: NoticeVersion, look: Look, deps: StaffDeps): Promise<Approval> {
  const { actor: by, reason } = look
  return deps.approvals.propose({ kind: NOTICE, what: textOfVersion(version, deps), by, reason })
}

export function stoppedError({ version }: NoticeVersion): BulkheadError {
  return new BulkheadError(
    'notice_stopped',
    `version ${version} was stopped: people of it wait, and it may have reached people of whom these records do not know`,
    {
      hint:
        'Look at the mail server’s log. `--send --continue --reason "…"` goes on with it; ' +
        '`--propose --continue --reason "…"` tells those who wait by a new version instead.',
    },
  )
}
