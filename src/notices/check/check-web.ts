/**
 * The check page over HTTP: `GET` gives the form, `POST` an answer, as HTML or, where it is asked for, as JSON. One shape of
 * answer for everything: what is asked about somebody who got no notice looks like any other miss.
 */
import { PaidMap, type Rate, rateOf, SteadyTime, take, waitFor } from '#base/gcra.ts'
import type { NoticeContact } from '#model/notices-config.ts'
import { busy, type CheckDesk } from './check-desk.ts'
import { type CheckForm, readForm, SMALL_FORM_BYTES } from './form.ts'
import { checkPage, type PageParts } from './page.ts'
import { PAGE_STYLE_HASH } from './page-style.ts'
import { type OfficialMarks, READ_LIMITS } from './read-notice.ts'
import type { NoticeReader } from './reader.ts'
import type { Judgement } from './verdict.ts'
import { reasonText, wordsAsked, wordsOf } from './words.ts'
import type { CheckWords } from './words-shape.ts'

export const CHECK_BODY_BYTES_MAX = READ_LIMITS.mailBytes + 300_000
const NETWORKS_MAX = 20_000
/** Of one network: a large office may stand behind it. */
const PER_NETWORK = { units: 60, perMs: 60_000, burst: 40 }
/** So much reading counts as one question more: what is made to be slow is paid for by who sends it. */
const READING_MS = 100
/** Of one network at a time: the thread that reads is one for all. */
const READINGS_MAX = 2
const OF_ALL = { units: 30, perMs: 1000, burst: 300 }

export interface WebRequest {
  method: string
  query: URLSearchParams
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Uint8Array
  /** The smallest net that one sender has; undefined: it says nothing. */
  place: string | undefined
  network: string | undefined
}

export interface WebReply {
  status: number
  headers: Record<string, string>
  body: string
}

export interface CheckWebParts {
  desk: CheckDesk
  reader: NoticeReader
  marks: OfficialMarks
  contact: NoticeContact
  defaultLanguage: string
  now: () => number
}

export class CheckWeb {
  readonly #parts: CheckWebParts
  readonly #host: string
  readonly #path: string
  readonly #limits = new CheckLimits()
  /** By place, how many of its messages are being read or wait for it. */
  readonly #readings = new Map<string, number>()

  constructor(parts: CheckWebParts) {
    this.#parts = parts
    const url = new URL(parts.marks.checkUrl)
    this.#host = url.hostname
    this.#path = url.pathname.replace(/\/$/, '')
  }

  /** Under `/check` on every name; under the page's own name also at its own path and at the root. */
  isAt(path: string, host: string | undefined): boolean {
    const plain = path.length > 1 ? path.replace(/\/$/, '') : ''
    if (plain === '/check') return true
    const name = URL.parse(`http://${host ?? ''}`)?.hostname
    return name === this.#host && (plain === this.#path || plain === '')
  }

  /** How long somebody must wait before a question of theirs is read; 0: not at all. */
  waitMs({ place }: Pick<WebRequest, 'place'>): number {
    return this.#limits.take(place, this.#parts.now())
  }

  async answer(request: WebRequest): Promise<WebReply> {
    const words = this.#words(request)
    if (request.method === 'GET' || request.method === 'HEAD') return this.#reply(200, request, { words })
    const spent = (ms: number): void => this.#limits.charge(request.place, Math.floor(ms / READING_MS), this.#parts.now())
    const asked = await this.#readForm(request, spent)
    if (asked === 'busy') return this.refused(request, 503)
    if (asked === undefined || asked === 'unreadable') return this.refused(request, 400)
    const { code, address, content } = asked
    const network = request.network === undefined ? {} : { network: request.network }
    const question = { code, address, ...(content === undefined ? {} : { content }), ...network, spent }
    const check = (): Promise<Judgement> => this.#parts.desk.check(question)
    const judgement = content === undefined ? await check() : await this.#inTurn(request.place, check)
    if (judgement === 'busy') return this.refused(request, 503)
    return this.#reply(200, request, { words, judgement, typed: { code, address, hasText: content !== undefined } })
  }

  /** Whoever has some being read waits with the next; others go on. */
  async #inTurn<Result>(place: string | undefined, read: () => Promise<Result>): Promise<Result | 'busy'> {
    if (place === undefined) return read()
    const count = this.#readings.get(place) ?? 0
    if (count >= READINGS_MAX) return 'busy'
    this.#readings.set(place, count + 1)
    try {
      return await read()
    } finally {
      const left = (this.#readings.get(place) ?? 1) - 1
      if (left > 0) this.#readings.set(place, left)
      else this.#readings.delete(place)
    }
  }

  /** What could not be taken: 400 unreadable, 405 another method, 413 too large, 429 and 503 too many. */
  refused(request: WebRequest, status: 400 | 405 | 413 | 429 | 503, waitMs = 1000): WebReply {
    const words = this.#words(request)
    const code = status === 413 ? 'too_large' : status === 400 || status === 405 ? 'unreadable' : undefined
    const judgement: Judgement = code === undefined ? busy() : { verdict: 'cannot_tell', reasons: [{ code, values: {} }] }
    const reply = this.#reply(status, request, { words, judgement })
    if (status === 405) reply.headers.allow = 'GET, HEAD, POST'
    if (status === 429 || status === 503) reply.headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1000)))
    return reply
  }

  #readForm({ headers, body, place }: WebRequest, spent: (ms: number) => void): Promise<CheckForm | 'busy' | 'unreadable' | undefined> {
    const form = { type: textOf(headers['content-type']) ?? '', body }
    return body.length <= SMALL_FORM_BYTES ? readForm(form) : this.#inTurn(place, () => this.#parts.reader.readForm(form, spent))
  }

  #words({ query, headers }: WebRequest): CheckWords {
    return wordsOf(query.get('lang') ?? undefined) ?? wordsAsked(textOf(headers['accept-language']), this.#parts.defaultLanguage)
  }

  #reply(status: number, request: WebRequest, page: Pick<PageParts, 'words' | 'judgement' | 'typed'>): WebReply {
    const { marks, contact } = this.#parts
    const { words, judgement } = page
    const isJson = judgement !== undefined && /^application\/json\b/i.test(textOf(request.headers.accept) ?? '')
    const body = isJson
      ? `${JSON.stringify({ verdict: judgement.verdict, reasons: reasonsIn(words, judgement, marks) })}\n`
      : checkPage({ ...page, marks, contact })
    return {
      status,
      headers: { ...HEADERS, 'content-type': isJson ? 'application/json' : 'text/html; charset=utf-8', 'content-language': words.language },
      body,
    }
  }
}

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src ${PAGE_STYLE_HASH}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  vary: 'Accept, Accept-Language',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
}

export function reasonsIn(words: CheckWords, { reasons }: Judgement, marks: OfficialMarks): { code: string; text: string }[] {
  return reasons.map((reason) => ({ code: reason.code, text: reasonText(words, reason, marks) }))
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}

/** How many questions one place, and all together, may ask. Only what is taken is counted. */
class CheckLimits {
  readonly #time = new SteadyTime()
  readonly #places = new PaidMap<{ paidAt: number }>(NETWORKS_MAX, (meter, now) => meter.paidAt <= now)
  readonly #rate: Rate = rateOf(PER_NETWORK)
  readonly #all: Rate = rateOf(OF_ALL)
  #paidAt = 0

  take(place: string | undefined, wallNow: number): number {
    const now = this.#time.at(wallNow)
    const meter = place === undefined ? undefined : this.#places.findOrAdd(place, () => ({ paidAt: 0 }), now)
    const wait = Math.max(meter === undefined ? 0 : waitFor(this.#rate, meter.paidAt, now, 1), waitFor(this.#all, this.#paidAt, now, 1))
    if (wait > 0) return wait
    if (meter !== undefined) meter.paidAt = take(this.#rate, meter.paidAt, now, 1)
    this.#paidAt = take(this.#all, this.#paidAt, now, 1)
    return 0
  }

  /** Afterwards: what it comes to is known only then. All together are not charged, or one network could silence the others. */
  charge(place: string | undefined, units: number, wallNow: number): void {
    const meter = place === undefined || units <= 0 ? undefined : this.#places.find(place)
    if (meter !== undefined) meter.paidAt = take(this.#rate, meter.paidAt, this.#time.at(wallNow), units)
  }
}
