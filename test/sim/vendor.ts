/**
 * The simulated vendors behind the `Send` port: connections that fail, answers that are lost or late, 429 and 5xx, partial
 * refusals, answers nobody can read, and requests that arrive although their sender is dead. What a vendor received is
 * told to the laws: each first byte, and each body that arrived whole.
 */
import { createHash } from 'node:crypto'
import { type Send, type SendAnswer, SendError, type SendFailure } from '#forward/port.ts'
import type { EgressRequest } from '#model/protocol.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export type Mode = 'sound' | 'down' | 'slow' | 'busy' | 'broken' | 'losing' | 'picky' | 'garbled' | 'narrow' | 'refusing'

export interface VendorRecord {
  mark: number | undefined
  insertId: string | undefined
  once: boolean
  /** Every identifier in it, without prefixes. */
  ids: string[]
  event: string | undefined
  keys: string[]
  text: string
}

export interface Receipt {
  destination: string
  route: string
  sha256: string
  records: VendorRecord[]
  life: Life
  /**
   * The intents that were open for these bytes when the first one left. Two are, when a crash came between the intents of two
   * halves and the end of the whole, and the whole was halved again.
   */
  intents: number[]
  /** Whole body received; then what the vendor made of it: kept (perhaps without some records), or not. */
  arrived: boolean
  final: boolean
  applied: boolean
  /** The answer reached the worker. */
  answered: boolean
}

export interface Witness {
  firstByte(receipt: Receipt): void
}

const ANSWER_TIMEOUT_MS = 30_000

export class SimVendor {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #witness: Witness
  readonly modes = new Map<string, Mode>()
  readonly receipts: Receipt[] = []

  constructor(scheduler: Scheduler, random: Random, witness: Witness) {
    this.#scheduler = scheduler
    this.#random = random
    this.#witness = witness
  }

  /** One for each destination and worker, as `createHttpSend` makes them. */
  openSend(life: Life): Send {
    const inFlight = new Set<(reason: SendFailure) => void>()
    const send = (request: EgressRequest, options: { signal: AbortSignal; onFirstByte(): void }): Promise<SendAnswer> =>
      new Promise((resolve, reject) => {
        let handed = false
        let over = false
        const end = (settle: () => void): void => {
          if (over) return
          over = true
          inFlight.delete(fail)
          options.signal.removeEventListener('abort', onAbort)
          settle()
        }
        const fail = (reason: SendFailure): void => end(() => reject(new SendError(reason, handed)))
        const onAbort = (): void => fail('aborted')
        if (options.signal.aborted) return reject(new SendError('aborted', false))
        options.signal.addEventListener('abort', onAbort, { once: true })
        inFlight.add(fail)
        const receipt = this.#receiptOf(request, life)
        const mode = this.modes.get(receipt.destination) ?? 'sound'
        this.#scheduler.at(life, this.#random.delay(2), `connects to ${receipt.destination}`, () => {
          if (over) return
          if (mode === 'down' && this.#random.chance(0.8)) return fail(this.#random.pick(['connect_failed', 'tls_failed'] as const))
          options.onFirstByte()
          handed = true
          this.receipts.push(receipt)
          this.#witness.firstByte(receipt)
          this.#scheduler.at(life, ANSWER_TIMEOUT_MS, `${receipt.destination}: timeout`, () => fail('timeout'))
          this.#deliver(receipt, mode, { isOver: () => over, fail, answer: (answer) => end(() => resolve(answer)) })
        })
      })
    return Object.assign(send, {
      destroyAll: () => {
        for (const fail of [...inFlight]) fail('broken_off')
      },
    })
  }

  /** The vendor's own course: it goes on whatever becomes of the worker. */
  #deliver(
    receipt: Receipt,
    mode: Mode,
    worker: { isOver(): boolean; fail(reason: SendFailure): void; answer(answer: SendAnswer): void },
  ): void {
    const { destination, life } = receipt
    const late = mode === 'slow' ? this.#random.between(100, 40_000) : 0
    this.#scheduler.at(undefined, this.#random.delay(3), `bytes reach ${destination}`, () => {
      // A reset overtakes what the kernel still holds, or not.
      const gone = worker.isOver() || !life.alive
      if ((gone && this.#random.chance(0.5)) || (mode === 'losing' && this.#random.chance(0.3))) {
        return void this.#scheduler.at(life, this.#random.delay(2), `${destination}: reset`, () => worker.fail('broken_off'))
      }
      receipt.arrived = true
      const { answer, final, applied } = this.#judge(receipt, mode)
      receipt.final = final
      receipt.applied = applied
      this.#scheduler.note(
        `${destination} received ${receipt.records.length} for intent ${receipt.intents.join('/')}: ${answer?.status ?? 'no answer'}`,
      )
      if (answer === undefined || (mode === 'losing' && this.#random.chance(0.5))) {
        const isSilent = this.#random.chance(0.3)
        if (!isSilent) this.#scheduler.at(life, this.#random.delay(5), `${destination}: answer lost`, () => worker.fail('broken_off'))
        return
      }
      this.#scheduler.at(life, this.#random.delay(5) + late, `${destination} answers`, () => {
        if (worker.isOver()) return
        receipt.answered = true
        worker.answer(answer)
      })
    })
  }

  #judge(receipt: Receipt, mode: Mode): { answer: SendAnswer | undefined; final: boolean; applied: boolean } {
    const { records } = receipt
    const reply = (status: number, body: unknown, headers: Record<string, string> = {}): SendAnswer => ({
      status,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers,
    })
    const taken = { code: 200, status: receipt.route === '/import' ? 'OK' : 1, num_records_imported: records.length }
    if (mode === 'busy' && this.#random.chance(0.7)) {
      const wait = this.#random.pick<Record<string, string>>([{}, { 'retry-after': '1' }, { 'retry-after': 'soon' }])
      return { answer: reply(429, '', wait), final: false, applied: false }
    }
    if (mode === 'broken' && this.#random.chance(0.7)) {
      return { answer: reply(this.#random.pick([500, 502, 503]), 'oops'), final: false, applied: this.#random.chance(0.5) }
    }
    if (mode === 'garbled' && this.#random.chance(0.5)) return { answer: reply(200, '<html>'), final: false, applied: true }
    if (mode === 'narrow' && records.length > 1 && this.#random.chance(0.8)) return { answer: reply(413, ''), final: false, applied: false }
    if (mode === 'refusing') return { answer: reply(401, ''), final: false, applied: false }
    if (mode === 'picky' && this.#random.chance(0.5)) {
      const index = this.#random.whole(0, records.length - 1)
      const failed = [{ index, field: 'properties.time', message: 'bad' }]
      return {
        answer: reply(400, { code: 400, num_records_imported: records.length - 1, failed_records: failed }),
        final: true,
        applied: true,
      }
    }
    return { answer: mode === 'losing' && this.#random.chance(0.3) ? undefined : reply(200, taken), final: true, applied: true }
  }

  #receiptOf(request: EgressRequest, life: Life): Receipt {
    const url = new URL(request.url)
    const records = (JSON.parse(request.body.toString()) as Record<string, unknown>[]).map(readRecord)
    return {
      destination: url.hostname.replace(/\.invalid$/, ''),
      route: url.pathname,
      sha256: createHash('sha256').update(request.body).digest('hex'),
      records,
      life,
      intents: [],
      arrived: false,
      final: false,
      applied: false,
      answered: false,
    }
  }
}

/** Read as a vendor reads it, without any code of ours. */
function readRecord(record: Record<string, unknown>): VendorRecord {
  const once = '$add' in record || '$append' in record || '$remove' in record
  const properties = (record['properties'] ?? record['$set'] ?? record['$set_once'] ?? record['$add'] ?? {}) as Record<string, unknown>
  const uuids = JSON.stringify(record).match(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g) ?? []
  const insertId = properties['$insert_id'] as string | undefined
  return {
    mark: properties['n'] as number | undefined,
    insertId,
    once,
    ids: [...new Set(uuids)].filter((id) => id !== insertId),
    event: record['event'] as string | undefined,
    keys: Object.keys(properties),
    text: JSON.stringify(record),
  }
}
