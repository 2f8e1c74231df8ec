/** Telling people: a version is drafted, proposed, approved by somebody else, and sent; what becomes of it is counted. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import type { NoticeContent } from '#notices/draft.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
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
import { draftNotices } from './notice-draft.ts'
import { isAsProposed, keepDraft, proposeVersion } from './notice-proposal.ts'
import { send, settle } from './notice-send.ts'
import { begunVersion, noVersion, shown, shownDraft, versionNow } from './notice-shown.ts'
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
        if (as === 'refused' && !all) throw new BulkheadError('bad_usage', '--was refused goes with --all')
        const of = all ? 'all' : (message as string)
        const settled = await settle(version, as === 'refused' ? { was: as } : { was: as === 'sent' ? 'sent' : 'again', of }, look, deps)
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

function openOf(version: NoticeVersion, deps: StaffDeps): NoticeListResult['notices'][number]['open'] {
  return deps.notices.open(version).map(({ messageId, at, why }) => ({ messageId, at: iso(at), why }))
}
