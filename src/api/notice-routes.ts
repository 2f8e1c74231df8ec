/** Telling people: a version is drafted, proposed, approved by somebody else, and sent; what becomes of it is counted. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import { currentScope } from '#incidents/incident-state.ts'
import type { Of } from '#notices/desk.ts'
import { type Draft, type NoticeContent, saysTheSame, textsSha256 } from '#notices/draft.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import type { Approval } from '#records/port.ts'
import type { Look } from '#vault/port.ts'
import type { StaffDeps } from './deps.ts'
import { INCIDENTS_ROUTE } from './incident-contract.ts'
import { iso, lookOf, numberOf } from './incident-print.ts'
import { textsOf } from './incident-routes.ts'
import {
  type NoticeListResult,
  type NoticePreviewBody,
  NoticePreviewRequest,
  type NoticePreviewResult,
  type NoticeSettleBody,
  NoticeSettleRequest,
  type NoticeSettleResult,
  type NoticeStopBody,
  NoticeStopRequest,
  type NotifyBody,
  NotifyRequest,
  type NotifyResult,
} from './notice-contract.ts'
import { draftNotices, fromConfiguration, listsMembers } from './notice-draft.ts'
import { NOTICE, shown, shownDraft } from './notice-shown.ts'
import { lookFor } from './routes.ts'

interface OfIncident {
  Params: { id: string }
}

export function addNoticeRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { notices, incidents: book } = deps
  /** Two that propose at once would draw up one version between them. */
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(act: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(act, act)
    turn = mine.catch(() => undefined)
    return mine
  }

  app.post<OfIncident & { Body: NotifyBody }>(
    `${INCIDENTS_ROUTE}/:id/notify`,
    { schema: { body: NotifyRequest } },
    (request): Promise<NotifyResult> =>
      inTurn(async () => {
        const id = numberOf(request.params.id)
        const { act, reason } = request.body
        // That there is such an incident, before anything else is said of it.
        book.state(id)
        if (act === 'dry-run') return dryRun(id, request, deps)
        if (act === 'propose') {
          const look = lookFor(request, 'incident notify, propose', reason)
          const kept = await keepDraft(id, request.body, look, deps)
          await proposeVersion(kept, look, deps)
          return shown(kept, deps)
        }
        return send(id, request, deps)
      }),
  )

  app.get<OfIncident>(`${INCIDENTS_ROUTE}/:id/notices`, async (request): Promise<NoticeListResult> => {
    const id = numberOf(request.params.id)
    book.state(id)
    return { incident: id, notices: notices.versions(id).map((version) => ({ ...shown(version, deps), open: openOf(version, deps) })) }
  })

  app.post<OfIncident & { Body: NoticePreviewBody }>(
    `${INCIDENTS_ROUTE}/:id/notices/preview`,
    { schema: { body: NoticePreviewRequest } },
    (request): Promise<NoticePreviewResult> =>
      inTurn(async () => {
        const id = numberOf(request.params.id)
        book.state(id)
        return preview(id, request.body, lookOf(request, 'incident notify, preview', undefined), deps)
      }),
  )

  app.post<OfIncident & { Body: NoticeSettleBody }>(
    `${INCIDENTS_ROUTE}/:id/notices/settle`,
    { schema: { body: NoticeSettleRequest } },
    (request): Promise<NoticeSettleResult> =>
      inTurn(async () => {
        const id = numberOf(request.params.id)
        const { message, all = false, as, reason } = request.body
        if ((message === undefined) !== all) throw new BulkheadError('bad_usage', 'either one Message-ID is settled, or all')
        const look = lookFor(request, `incident notice settle as ${as}`, reason)
        const version = begunVersion(id, request.body.version, deps)
        const settled = await settle(version, all ? 'all' : (message as string), as === 'sent' ? 'sent' : 'again', look, deps)
        return { incident: id, version: version.version, settled, unknown: notices.counts(version).unknown }
      }),
  )

  app.post<OfIncident & { Body: NoticeStopBody }>(
    `${INCIDENTS_ROUTE}/:id/notices/stop`,
    { schema: { body: NoticeStopRequest } },
    async (request): Promise<NotifyResult> => {
      const id = numberOf(request.params.id)
      const look = lookFor(request, 'incident notice stop', request.body.reason)
      const version = begunVersion(id, request.body.version, deps)
      // Stopping waits for nobody: what is on record of it comes after.
      await notices.stop(version)
      await book.add(
        id,
        look,
        () => ({ kind: 'notice-settled', body: { version: version.version, as: 'stopped' }, texts: textsOf({ reason: look.reason }) }),
        {
          closed: true,
        },
      )
      return shown(versionNow(version, deps), deps)
    },
  )
}

// ------------------------------------------------------------------------------------------------------ drafting

/** Of whom somebody is still to be told; when all were told, what became of the newest version. */
async function dryRun(id: number, request: FastifyRequest<{ Body: NotifyBody }>, deps: StaffDeps): Promise<NotifyResult> {
  const { notices } = deps
  const look = lookOf(request, 'incident notify, dry run', request.body.reason)
  const { draft, scopeVersion } = await draftNotices(id, request.body.lang, look, deps)
  const proposed = notices.versions(id).find(({ state }) => state === 'proposed')
  if (proposed !== undefined && isAsProposed(proposed, draft, scopeVersion, deps)) return shown(proposed, deps)
  const newest = notices.versions(id).findLast(({ state }) => state !== 'proposed')
  if (draft.recipients.length === 0 && newest !== undefined) return { ...shown(newest, deps), noTrustedAddress: draft.noAddress }
  return shownDraft(draft, scopeVersion)
}

async function keepDraft(id: number, asked: Pick<NotifyBody, 'lang' | 'continue'>, look: Look, deps: StaffDeps): Promise<NoticeVersion> {
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

function isAsProposed(proposed: NoticeVersion, draft: Draft, scopeVersion: number, deps: StaffDeps): boolean {
  const content = JSON.parse(proposed.content) as NoticeContent
  const isSame = proposed.scopeVersion === scopeVersion && saysTheSame(content, draft.content)
  return isSame && textsSha256(content, deps.notices.words) === proposed.sha256
}

/** The very text that a second person approves. It names nobody; `incident notify ID --preview` shows all of it. */
function textOfVersion(version: NoticeVersion, deps: StaffDeps): string {
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

function proposeVersion(version: NoticeVersion, look: Look, deps: StaffDeps): Promise<Approval> {
  const { actor: by, reason } = look
  return deps.approvals.propose({ kind: NOTICE, what: textOfVersion(version, deps), by, reason })
}

async function preview(id: number, body: NoticePreviewBody, look: Look, deps: StaffDeps): Promise<NoticePreviewResult> {
  const { notices } = deps
  const kept =
    body.version === undefined ? notices.versions(id).at(-1) : notices.versions(id).find(({ version }) => version === body.version)
  if (kept === undefined && body.version !== undefined) throw noVersion(id, body.version)
  const drafted = kept === undefined ? await draftNotices(id, undefined, look, deps) : undefined
  const content = kept === undefined ? (drafted?.draft.content as NoticeContent) : (JSON.parse(kept.content) as NoticeContent)
  const { subject, shapes, languages } = content
  const number = body.shape ?? 1
  const shape = shapes[number - 1]
  const language = body.lang ?? languages[0]
  if (shape === undefined || language === undefined || !languages.includes(language)) {
    const has = `it has ${shapes.length} in ${languages.join(', ') || 'no language'}`
    throw new BulkheadError('notice_unknown', `version ${subject.version} has no such text: ${has}`)
  }
  const { subject: subjectLine, text, html } = notices.words.preview(language, subject, shape)
  return {
    version: subject.version,
    sha256: kept?.sha256 ?? drafted?.draft.sha256 ?? '',
    state: kept?.state ?? 'draft',
    languages,
    shapes: shapes.map(({ kind, sent, possibleOnly }, index) => ({
      number: index + 1,
      kind,
      sent: sent.map(({ field, form }) => `${field} (${form})`),
      possibleOnly,
    })),
    shape: number,
    language,
    subject: subjectLine,
    text,
    html,
  }
}

// ------------------------------------------------------------------------------------------------------- sending

async function send(id: number, request: FastifyRequest<{ Body: NotifyBody }>, deps: StaffDeps): Promise<NotifyResult> {
  const { notices } = deps
  const { lang, outbox, reason, resendUnknown = false } = request.body
  const begun = notices.versions(id).findLast(({ state }) => state !== 'proposed')
  if (resendUnknown) {
    if (begun === undefined) throw new BulkheadError('notice_unknown', `no notices of incident ${id} were begun`)
    const look = lookFor(request, 'incident notify, send unknown ones again', reason)
    await settle(begun, 'all', 'again', look, deps)
    return shown(versionNow(begun, deps), deps)
  }
  const look = lookOf(request, 'incident notify, send', reason)
  const taken = goOnWithLeft(id, outbox, deps)
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
  const approval = await deps.approvals.require(NOTICE, textOfVersion(proposed, deps))
  await begin(proposed, { outbox, approval, look }, deps)
  return shown(versionNow(proposed, deps), deps)
}

/**
 * Nobody of an earlier version is forgotten for a newer one: what lies in the sealed outbox takes the way that there is by now, what stands
 * still is tried again. They go one after the other; the newest of them.
 */
function goOnWithLeft(id: number, outbox: string | undefined, { notices }: StaffDeps): NoticeVersion | undefined {
  const left = notices.left(id).filter(({ state }) => state === 'sending')
  for (const each of left) notices.assertApproved(each)
  for (const each of left) {
    const way = each.way === 'outbox' ? notices.wayOf(outbox) : { way: each.way ?? ('outbox' as const), dir: each.dir }
    notices.begin(each, { ...way, approval: null })
  }
  return left.at(-1)
}

async function begin(version: NoticeVersion, given: { outbox: string | undefined; approval: Approval; look: Look }, deps: StaffDeps) {
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
  await book.add(version.incident, look, (state) => {
    // Somebody may have amended the scope, or taken the approval back, meanwhile.
    assertScope(version, currentScope(state).version)
    if (approvals.stateOf(approvals.get(approval.id)) !== 'counts')
      throw new BulkheadError('approval_needed', `proposal ${approval.id} does not count any more`)
    return { kind: 'notice-begun', body, texts: textsOf({ reason: look.reason }) }
  })
  // First: a crash in between leaves them to this version or to the next proposal, never to two.
  notices.takeOver(version)
  notices.begin(version, { ...taken, approval: approval.id })
  approvals.use(approval.id)
}

function stoppedError({ version }: NoticeVersion): BulkheadError {
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

/** One that was stopped, by a person or by a restore, goes on by somebody's word alone. */
async function goOn(version: NoticeVersion, request: FastifyRequest<{ Body: NotifyBody }>, deps: StaffDeps): Promise<NotifyResult> {
  if (request.body.continue !== true) {
    throw stoppedError(version)
  }
  deps.notices.assertApproved(version)
  const look = lookFor(request, 'incident notify, continue', request.body.reason)
  const body = { version: version.version, as: 'continued' }
  await deps.incidents.add(version.incident, look, () => ({ kind: 'notice-settled', body, texts: textsOf({ reason: look.reason }) }))
  const way = version.way === 'smtp' || request.body.outbox !== undefined ? deps.notices.wayOf(request.body.outbox) : undefined
  deps.notices.begin(version, { way: way?.way ?? version.way ?? 'outbox', dir: way?.dir ?? version.dir, approval: null })
  return shown(versionNow(version, deps), deps)
}

/** Who and why are on record before anything changes. */
async function settle(version: NoticeVersion, which: string, as: 'sent' | 'again', look: Look, deps: StaffDeps): Promise<number> {
  const { notices, incidents: book } = deps
  const open = notices.counts(version).unknown
  if (open === 0 && which === 'all') return 0
  if (!notices.isOpen(version, which)) throw new BulkheadError('notice_unknown', 'no notice of that Message-ID is open in this version')
  if (as === 'again') notices.assertApproved(version)
  const body = { version: version.version, as, open, ...(which === 'all' ? {} : { messageId: which }) }
  await book.add(version.incident, look, () => ({ kind: 'notice-settled', body, texts: textsOf({ reason: look.reason }) }), {
    closed: true,
  })
  const settled = notices.settle(version, which, as)
  if (as === 'again' && version.state !== 'stopped')
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

// -------------------------------------------------------------------------------------------------------- shown

function begunVersion(id: number, number: number | undefined, deps: StaffDeps): NoticeVersion {
  deps.incidents.state(id)
  const begun = deps.notices.versions(id).filter(({ state }) => state !== 'proposed')
  const found = number === undefined ? begun.at(-1) : begun.find(({ version }) => version === number)
  if (found === undefined) throw noVersion(id, number)
  return found
}

function noVersion(id: number, number: number | undefined): BulkheadError {
  const which = number === undefined ? 'no notices that were begun' : `no notices of version ${number}`
  return new BulkheadError('notice_unknown', `incident ${id} has ${which}`)
}

function versionNow({ incident, version }: Of, deps: StaffDeps): NoticeVersion {
  return deps.records.noticeVersion(incident, version) as NoticeVersion
}

function openOf(version: NoticeVersion, deps: StaffDeps): NoticeListResult['notices'][number]['open'] {
  return deps.notices.open(version).map(({ messageId, at, why }) => ({ messageId, at: iso(at), why }))
}
