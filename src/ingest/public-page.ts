/** A page for people on the public port, beside what SDKs send: it is looked for only where no protocol answers. */
import type { IncomingMessage } from 'node:http'
import type { Reading } from './connection.ts'
import type { GatewayLimits } from './limits.ts'
import type { Origin } from './network.ts'
import { type Hold, readBody } from './request-body.ts'

export interface PageRequest {
  method: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Uint8Array
  place: string | undefined
  network: string | undefined
}

export interface PageReply {
  status: number
  headers: Record<string, string>
  body: string
}

export interface PublicPage {
  readonly bodyBytesMax: number
  isAt(path: string, host: string | undefined): boolean
  /** Asked before a body is read: how long its sender must wait; 0: not at all. */
  waitMs(request: Pick<PageRequest, 'place'>): number
  answer(request: PageRequest): Promise<PageReply>
  refused(request: PageRequest, status: 400 | 405 | 413 | 429 | 503, waitMs?: number): PageReply
}

const NO_BODY = new Uint8Array()

/** Undefined: nobody is there any more to be answered. */
export async function answerPage(given: {
  page: PublicPage
  request: IncomingMessage
  query: URLSearchParams
  origin: Origin
  hold: Hold
  connection: { reading: Reading; bodyRead(): void }
  limits: Pick<GatewayLimits, 'inflatedBytesMax' | 'discardBytesMax'>
}): Promise<{ reply: PageReply; close: boolean } | undefined> {
  const { page, request, query, origin, hold, connection, limits } = given
  const { method = '', headers } = request
  const asked = { method, query, headers, body: NO_BODY, place: origin.place, network: origin.network }
  const isQuestion = method === 'POST'
  const waitMs = isQuestion ? page.waitMs(asked) : 0
  const isKnown = isQuestion || method === 'GET' || method === 'HEAD'
  const refusal = !isKnown ? 'bad_method' : waitMs > 0 ? 'over_quota' : undefined
  const bodyBytesMax = isQuestion ? page.bodyBytesMax : 0
  const body = await readBody(request, { limits: { bodyBytesMax, ...limits }, hold, reading: connection.reading, refusal })
  connection.bodyRead()
  if (body.kind === 'gone') return undefined
  if (body.kind === 'body') {
    const isEncoded = (headers['content-encoding'] ?? 'identity') !== 'identity'
    return { reply: isEncoded ? page.refused(asked, 400) : await page.answer({ ...asked, body: body.bytes }), close: false }
  }
  const status = STATUSES[body.refusal] ?? 503
  return { reply: page.refused(asked, status, waitMs), close: body.close }
}

const STATUSES: Partial<Record<string, 405 | 413 | 429>> = { bad_method: 405, too_large: 413, over_quota: 429 }
