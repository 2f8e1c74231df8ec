/** Sending what was approved: by the way that there is, once for everybody, and again by somebody's word. */
import type { FastifyRequest } from 'fastify'
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import { currentScope } from '#incidents/incident-state.ts'
import type { NoticeMeasure } from '#model/notice-text.ts'
import { type NoticeContent, textsSha256 } from '#notices/draft.ts'
import type { Settled } from '#notices/settling.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import type { Approval } from '#records/port.ts'
import type { Look } from '#vault/port.ts'
import type { StaffDeps } from './deps.ts'
import { lookOf } from './incident-print.ts'
import { textsOf } from './incident-routes.ts'
import type { NotifyBody, NotifyResult } from './notice-contract.ts'
import { draftNotices, fromConfiguration, listsMembers, measuresOf } from './notice-draft.ts'
import { keepDraft, proposeVersion, stoppedError, textOfVersion } from './notice-proposal.ts'
import { NOTICE, shown, versionNow } from './notice-shown.ts'
import { lookFor } from './routes.ts'

export async function send(id: number, request: FastifyRequest<{ Body: NotifyBody }>, deps: StaffDeps): Promise<NotifyResult> {
  const { notices } = deps
  const { lang, outbox, reason, resendUnknown = false, resendFailed = false } = request.body
  const begun = notices.versions(id).findLast(({ state }) => state !== 'proposed')
  if (resendUnknown || resendFailed) return sendAgain(id, request, deps)
  const look = lookOf(request, 'incident notify, send', reason)
  const taken = await goOnWithLeft(id, outbox, deps)
  let proposed = notices.versions(id).find(({ state }) => state === 'proposed')
  const stopped =
    notices.left(id).find(({ state }) => state === 'stopped') ?? (begun?.state === 'stopped' && begun.content !== '' ? begun : undefined)
  if (proposed === undefined && stopped !== undefined) return goOn(stopped, request, deps)
  // Whoever calls again joins.
  const running = taken ?? (begun?.state === 'sending' ? begun : undefined)
  if (proposed === undefined && running !== undefined) return shown(versionNow(running, deps), deps)
  if (proposed === undefined) {
    const { draft } = await draftNotices(id, lang, look, deps)
    if (draft.recipients.length === 0 && begun !== undefined) return { ...shown(begun, deps), noTrustedAddress: draft.noAddress }
    proposed = await keepDraft(id, request.body, look, deps)
    await proposeVersion(proposed, look, deps)
  }
  assertUnchanged(proposed, lang, deps)
  await assertStillTrue(proposed, deps)
  const approval = await deps.approvals.require(NOTICE, textOfVersion(proposed, deps))
  await begin(proposed, { outbox, approval, look }, deps)
  return shown(versionNow(proposed, deps), deps)
}

/** Of the newest version that has such ones; of an older one when that is asked for again. */
async function sendAgain(id: number, request: FastifyRequest<{ Body: NotifyBody }>, deps: StaffDeps): Promise<NotifyResult> {
  const { notices } = deps
  const { reason, resendUnknown = false, resendFailed = false } = request.body
  const begun = notices.versions(id).filter(({ state, content }) => state !== 'proposed' && content !== '')
  const newest = begun.at(-1)
  if (newest === undefined) throw new BulkheadError('notice_unknown', `no notices of incident ${id} were begun`)
  const asked: [Settled, string][] = [
    ...(resendUnknown ? [[{ was: 'again', of: 'all' }, 'unknown'] as [Settled, string]] : []),
    ...(resendFailed ? [[{ was: 'failed-again' }, 'failed'] as [Settled, string]] : []),
  ]
  const version = begun.findLast((each) => asked.some(([which]) => notices.settlable(each, which) > 0)) ?? newest
  for (const [which, name] of asked)
    await settle(version, which, lookFor(request, `incident notify, send ${name} ones again`, reason), deps)
  return shown(versionNow(version, deps), deps)
}

/**
 * Nobody of an earlier version is forgotten for a newer one: what lies in the sealed outbox takes the way that there is by now, what stands
 * still is tried again. They go one after the other; the newest of them.
 */
async function goOnWithLeft(id: number, outbox: string | undefined, deps: StaffDeps): Promise<NoticeVersion | undefined> {
  const { notices } = deps
  const left = notices.left(id).filter(({ state }) => state === 'sending')
  for (const each of left) {
    notices.assertApproved(each)
    await assertStillTrue(each, deps)
  }
  for (const each of left) {
    const way = each.way === 'outbox' ? notices.wayOf(outbox) : { way: each.way ?? ('outbox' as const), dir: each.dir }
    notices.begin(each, { ...way, approval: null })
  }
  return left.at(-1)
}

export async function begin(
  version: NoticeVersion,
  given: { outbox: string | undefined; approval: Approval; look: Look },
  deps: StaffDeps,
): Promise<void> {
  const { notices, incidents: book, approvals } = deps
  const { approval, look } = given
  const taken = notices.wayOf(given.outbox)
  const { recipients, organisations } = notices.counts(version)
  const body = {
    version: version.version,
    id: version.id,
    sha256: version.sha256,
    scopeVersion: version.scopeVersion,
    recipients,
    organisations: organisations.recipients,
    noAddress: version.noAddress,
    erased: version.erased,
    way: taken.way,
    approval: approval.id,
    proposedBy: approval.proposedBy,
    approvedBy: approval.approvedBy ?? '',
  }
  // Whom the clocks count as told by this version.
  await deps.clocks.keeper.now(version.incident, { recount: true })
  const personOf = await notices.personOf()
  await book.add(version.incident, look, (state) => {
    // Somebody may have amended the scope, or taken the approval back, meanwhile.
    assertScope(version, currentScope(state).version)
    // Until its use is on record it counts: whoever sends at the same moment finds that it was begun.
    if (versionNow(version, deps).state !== 'proposed' || approvals.stateOf(approvals.get(approval.id)) !== 'counts')
      throw new BulkheadError('approval_needed', `proposal ${approval.id} does not count any more`)
    return { kind: 'notice-begun', body, texts: textsOf({ reason: look.reason }) }
  })
  // First: a crash in between leaves them to this version or to the next proposal, never to two.
  notices.takeOver(version, personOf)
  notices.begin(version, { ...taken, approval: approval.id })
  await approvals.use(approval.id)
}

/** One that was stopped, by a person or by a restore, goes on by somebody's word alone. */
async function goOn(version: NoticeVersion, request: FastifyRequest<{ Body: NotifyBody }>, deps: StaffDeps): Promise<NotifyResult> {
  if (request.body.continue !== true) {
    throw stoppedError(version)
  }
  deps.notices.assertApproved(version)
  await assertStillTrue(version, deps)
  const personOf = await deps.notices.personOf()
  const look = lookFor(request, 'incident notify, continue', request.body.reason)
  const body = { version: version.version, as: 'continued' }
  await deps.incidents.add(version.incident, look, () => ({ kind: 'notice-settled', body, texts: textsOf({ reason: look.reason }) }))
  // Who waits here may have become one with somebody whom a later version tells.
  for (const later of deps.notices.versions(version.incident))
    if (later.version > version.version && later.state !== 'proposed') deps.notices.takeOver(later, personOf)
  const way = version.way === 'smtp' || request.body.outbox !== undefined ? deps.notices.wayOf(request.body.outbox) : undefined
  deps.notices.begin(version, { way: way?.way ?? version.way ?? 'outbox', dir: way?.dir ?? version.dir, approval: null })
  return shown(versionNow(version, deps), deps)
}

/** Who and why are on record before anything changes. */
export async function settle(version: NoticeVersion, which: Settled, look: Look, deps: StaffDeps): Promise<number> {
  const { notices, incidents: book } = deps
  const open = notices.settlable(version, which)
  if (open === 0) {
    if (!('of' in which) || which.of === 'all') return 0
    throw new BulkheadError('notice_unknown', 'no notice of that Message-ID is open in this version')
  }
  const goesAgain = which.was === 'again' || which.was === 'failed-again'
  if (goesAgain) {
    notices.assertApproved(version)
    await assertStillTrue(version, deps)
  }
  const isOne = 'of' in which && which.of !== 'all'
  const body = { version: version.version, as: which.was, open, ...(isOne && { messageId: which.of }) }
  await book.add(version.incident, look, () => ({ kind: 'notice-settled', body, texts: textsOf({ reason: look.reason }) }), {
    closed: true,
  })
  const settled = notices.settle(version, which)
  // Also where nobody waits by now: then it ends.
  if (which.was !== 'sent' && version.state !== 'stopped')
    notices.begin(version, { way: version.way ?? 'outbox', dir: version.dir, approval: null })
  return settled
}

function assertScope({ version, scopeVersion }: NoticeVersion, now: number): void {
  if (now === scopeVersion) return
  throw new BulkheadError(
    'notice_changed',
    `version ${version} was proposed for scope version ${scopeVersion}, and the scope has version ${now}`,
  )
}

/** What is told of our measures is true when it is told. Throws `notice_changed`. */
export async function assertStillTrue({ incident, version, content }: NoticeVersion, deps: StillTrueDeps): Promise<void> {
  const { measures } = (JSON.parse(content) as NoticeContent).subject
  if (measures.length === 0) return
  const now = await measuresOf(deps.incidents.state(incident), deps)
  const gone = measures.filter((measure) => !now.includes(measure)).map((measure) => MEASURES[measure])
  if (gone.length === 0) return
  throw new BulkheadError('notice_changed', `version ${version} says that ${gone.join(', and that ')}, and that is not so any more`, {
    hint:
      'Propose again: `bulkhead incident notify ID --propose --reason "…"`. One that was begun: `incident notice stop` first, and then ' +
      '`--propose --continue`.',
  })
}

type StillTrueDeps = Parameters<typeof measuresOf>[1] & { incidents: Pick<StaffDeps['incidents'], 'state'> }

const MEASURES: Record<NoticeMeasure, string> = {
  cut: 'nothing is sent to the vendor any more',
  retired: 'the vendor was left',
  'deletion-asked': 'the vendor was asked to delete',
  'credentials-rotated': 'credentials were replaced',
}

function assertUnchanged(version: NoticeVersion, lang: string | undefined, deps: StaffDeps): void {
  const { notices } = deps
  const state = deps.incidents.state(version.incident)
  assertScope(version, currentScope(state).version)
  const content = JSON.parse(version.content) as NoticeContent
  const now = { ...content.subject, ...fromConfiguration(state, notices.config, deps) }
  const isSame = canonicalJson(JSON.parse(JSON.stringify(now))) === canonicalJson(JSON.parse(JSON.stringify(content.subject)))
  // A notice of many members has no list whatever the configuration says.
  const isListed = content.shapes.some(({ memberList }) => memberList === true)
  if (!isSame || (isListed && !listsMembers(notices.config)))
    throw new BulkheadError('notice_changed', 'the configuration or the times of the incident are not as they were when it was proposed')
  if (lang !== undefined && lang !== content.asked)
    throw new BulkheadError('notice_changed', `it was proposed with --lang ${content.asked}, and --lang ${lang} is another text`)
  if (textsSha256(content, notices.words) !== version.sha256)
    throw new BulkheadError('notice_changed', 'the words of notices are not as they were when it was proposed')
}
