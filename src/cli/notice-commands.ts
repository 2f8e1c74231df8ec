/** `incident notify` and `incident notice …`. All of them need a running Bulkhead. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { INCIDENTS_ROUTE } from '#api/incident-contract.ts'
import type { NoticeListResult, NoticePreviewResult, NoticeSettleResult, NotifyResult } from '#api/notice-contract.ts'
import { BulkheadError, isErrorCode } from '#base/errors.ts'
import { clearFile } from './clear-file.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { renderNoticeList, renderNotify, renderPreview, renderSettled } from './notice-render.ts'
import { connect, type StaffClient } from './staff-client.ts'

export interface NotifyOptions {
  lang?: string
  dryRun?: boolean
  preview?: boolean
  shape?: number
  html?: string
  propose?: boolean
  send?: boolean
  outbox?: string
  resendUnknown?: boolean
  resendFailed?: boolean
  continue?: boolean
  wait: boolean
  reason?: string
}

export interface SettleOptions {
  all?: boolean
  was?: string
  noticeVersion?: number
  reason?: string
}

const LOOK_MS = 300
const SAY_MS = 2000
/** A drafted scope of millions takes its time. */
const DRAFT_MS = 30 * 60_000

export async function notifyCommand(context: Context, id: number, options: NotifyOptions): Promise<void> {
  const { dryRun = false, preview = false, propose = false, send = false, lang, outbox, reason } = options
  const { resendUnknown = false, resendFailed = false } = options
  if ([dryRun, preview, propose, send].filter(Boolean).length !== 1)
    throw new BulkheadError('bad_usage', 'give one of --dry-run, --preview, --propose and --send')
  if (!send && (outbox !== undefined || resendUnknown || resendFailed))
    throw new BulkheadError('bad_usage', '--outbox, --resend-unknown and --resend-failed go with --send')
  if (!send && !propose && options.continue === true) throw new BulkheadError('bad_usage', '--continue goes with --send or --propose')
  if (!preview && (options.shape !== undefined || options.html !== undefined))
    throw new BulkheadError('bad_usage', '--shape and --html go with --preview')
  const client = connect(context)
  const route = `${INCIDENTS_ROUTE}/${id}/notify`
  if (preview) return previewNotice(context, client, id, options)
  const body = {
    act: dryRun ? 'dry-run' : propose ? 'propose' : 'send',
    ...(lang !== undefined && { lang }),
    ...(reason !== undefined && { reason }),
    ...(propose && { reason: demandReason(reason) }),
    ...(outbox !== undefined && { outbox: path.resolve(outbox) }),
    ...(resendUnknown && { resendUnknown, reason: demandReason(reason) }),
    ...(resendFailed && { resendFailed, reason: demandReason(reason) }),
    ...(options.continue === true && { continue: true, reason: demandReason(reason) }),
  }
  const first = await client.post<NotifyResult>(route, body, DRAFT_MS)
  const last = send && options.wait ? await follow(context, client, id, first) : first
  printAnswer(context, last, renderNotify)
  if (send && last.fault !== null)
    throw new BulkheadError(isErrorCode(last.fault.code) ? last.fault.code : 'internal', last.fault.message, { hint: last.fault.hint })
}

/** Until nothing goes on any more; who ends the command does not end the sending. */
async function follow(context: Context, client: StaffClient, id: number, first: NotifyResult): Promise<NotifyResult> {
  let now = first
  let said = ''
  let saidAt = 0
  while (now.state === 'sending' && now.way !== 'outbox' && now.fault === null) {
    await sleep(LOOK_MS)
    const { notices } = await client.get<NoticeListResult>(`${INCIDENTS_ROUTE}/${id}/notices`)
    const found = notices.find(({ version }) => version === first.version)
    if (found === undefined) break
    const { open, ...rest } = found
    now = rest
    const text = progressText(now)
    if (text === said || Date.now() - saidAt < SAY_MS) continue
    said = text
    saidAt = Date.now()
    context.err(`${text}\n`)
  }
  return now
}

function progressText({ recipients, organisations, sent, filed, failed, unknown, waiting, trouble }: NotifyResult): string {
  const done = sent + filed + organisations.sent + organisations.filed
  const all = recipients + organisations.recipients
  const left = waiting + organisations.waiting
  const parts = [`${done} of ${all} sent`, `${left} wait`, `${failed} failed`, `${unknown} unknown`]
  return `${parts.join(', ')}${trouble === null ? '' : ` (the mail server: ${trouble}; it is tried again)`}`
}

async function previewNotice(context: Context, client: StaffClient, id: number, options: NotifyOptions): Promise<void> {
  const { shape, lang } = options
  const html = options.html === undefined ? undefined : clearFile(context, options.html)
  const body = { ...(shape !== undefined && { shape }), ...(lang !== undefined && lang !== 'auto' && { lang }) }
  const answer = await client.post<NoticePreviewResult>(`${INCIDENTS_ROUTE}/${id}/notices/preview`, body, DRAFT_MS)
  if (html !== undefined) {
    try {
      writeFileSync(html, answer.html, { mode: 0o600 })
    } catch (cause) {
      throw new BulkheadError('bad_usage', `${html} cannot be written (${(cause as NodeJS.ErrnoException).code})`, { cause })
    }
  }
  printAnswer(context, answer, renderPreview)
}

export async function listCommand(context: Context, id: number): Promise<void> {
  printAnswer(context, await connect(context).get<NoticeListResult>(`${INCIDENTS_ROUTE}/${id}/notices`), renderNoticeList)
}

export async function settleCommand(context: Context, id: number, message: string | undefined, options: SettleOptions): Promise<void> {
  const { all = false, was, noticeVersion: version, reason } = options
  if (was !== 'sent' && was !== 'not-sent' && was !== 'refused')
    throw new BulkheadError('bad_usage', '--was sent, --was not-sent or --was refused')
  const body = {
    as: was,
    reason: demandReason(reason),
    ...(all && { all }),
    ...(message !== undefined && { message }),
    ...(version !== undefined && { version }),
  }
  printAnswer(context, await connect(context).post<NoticeSettleResult>(`${INCIDENTS_ROUTE}/${id}/notices/settle`, body), renderSettled)
}

export async function stopCommand(context: Context, id: number, { noticeVersion: version, reason }: SettleOptions): Promise<void> {
  const body = { reason: demandReason(reason), ...(version !== undefined && { version }) }
  printAnswer(context, await connect(context).post<NotifyResult>(`${INCIDENTS_ROUTE}/${id}/notices/stop`, body), renderNotify)
}
