/**
 * Asks one destination's vendor to delete what it holds of people, by the way that every request to a vendor takes: intent
 * durable, sent under the fence, outcome (laws 2, 3 and 5). Its grant is the destination's deletion token. What is not
 * answered stays due with whoever asks; asking twice does no harm.
 */
import { createHash } from 'node:crypto'
import { canonicalRows } from '#ledger/canonical.ts'
import type { IntentDraft, Ledger } from '#ledger/port.ts'
import type { Clock } from '#base/clock.ts'
import type { DestinationConfig } from '#model/config.ts'
import { DELETION_PURPOSE, type Intent, type ManifestRow, type OutcomeState } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { DeletionOutcome, EgressContext, Protocol } from '#model/protocol.ts'
import type { RecordsReader } from '#records/port.ts'
import type { DeletionVault } from '#vault/port.ts'
import { packSubjects } from '#vault/pseudonym.ts'
import type { Manifests } from './manifest-memory.ts'
import { type Send, SendError } from './port.ts'

export interface DeletionRequest {
  epoch: number
  users: readonly Ordinal[]
  devices: readonly Ordinal[]
}

/** `why`: a reason code. */
export type DeletionAnswer = { state: 'asked'; entry: number } | { state: 'due'; why: string; entry?: number }

export interface DeletionOptions {
  destination: DestinationConfig
  context: EgressContext
  protocol: Protocol
  ledger: Ledger
  vault: DeletionVault
  manifests: Manifests
  records: RecordsReader
  /** Its own: a fence destroys all its sockets. */
  send: Send
  clock: Clock
}

type Subject = { kind: 'user' | 'device'; ordinal: Ordinal }

const SHAPES = { user: 'user_id:pseudonym', device: 'device_id:pseudonym' } as const

/** Intents of such requests are no batch of the forwarder's. */
export function isDeletion(intent: Pick<Intent, 'purpose'>): boolean {
  return intent.purpose === DELETION_PURPOSE
}

export class DeletionSender {
  readonly #options: DeletionOptions
  #fence = 0
  #cut = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: DeletionOptions) {
    this.#options = options
  }

  /** What an earlier life left open may have reached the vendor. */
  async settle(): Promise<void> {
    const { ledger, destination } = this.#options
    const left = ledger.openIntents(destination.id).filter(isDeletion)
    if (left.length === 0) return
    await ledger.appendOutcomes(
      left.map(({ entry }) => ({ intent: entry, state: 'possible' as const, attempts: 0, status: 0, refused: [] })),
    )
  }

  /** One request after another; asks once. */
  ask(request: DeletionRequest): Promise<DeletionAnswer> {
    const answer = this.#turn.then(() => this.#ask(request))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  /** When it returns nothing under a lower fence starts any more, and what was on the wire has its outcome. */
  async fence(fence: number): Promise<void> {
    if (fence <= this.#fence) return
    this.#fence = fence
    this.#cut.abort()
    this.#cut = new AbortController()
    this.#options.send.destroyAll()
    await this.#turn
  }

  close(): void {
    this.#cut.abort()
    this.#options.send.destroyAll()
  }

  async #ask(request: DeletionRequest): Promise<DeletionAnswer> {
    const { destination, protocol } = this.#options
    if (protocol.deletion === undefined) return { state: 'due', why: 'no_route' }
    if (destination.deletionToken === undefined) return { state: 'due', why: 'no_deletion_token' }
    const subjects = [
      ...request.users.map((ordinal): Subject => ({ kind: 'user', ordinal })),
      ...request.devices.map((ordinal): Subject => ({ kind: 'device', ordinal })),
    ]
    let answer: DeletionAnswer = { state: 'due', why: 'nobody' }
    for (let from = 0; from < subjects.length; from += protocol.deletion.idsMax) {
      answer = await this.#askOnce(subjects.slice(from, from + protocol.deletion.idsMax), request.epoch)
      if (answer.state === 'due') return answer
    }
    return answer
  }

  async #askOnce(subjects: readonly Subject[], epoch: number): Promise<DeletionAnswer> {
    const { destination, context, protocol, vault, records, ledger } = this.#options
    const { deletion } = protocol
    const flow = records.flow(destination.vendor)
    if (deletion === undefined || !this.#allowed(flow.fence)) return { state: 'due', why: 'cut' }
    const pseudonyms = await vault.deletionPseudonyms({ destination: destination.id, epoch, subjects: packSubjects(subjects) })
    const named = subjects.map(({ kind }, index) => ({ kind, pseudonym: pseudonyms[index] as string }))
    const request = deletion.request(named, context, destination.deletionToken?.reveal() ?? '')
    const bodySha256 = createHash('sha256').update(request.body).digest('hex')
    const intent = await this.#writeIntent({ subjects, epoch, fence: flow.fence, bodySha256 })
    const close = async (state: OutcomeState, status: number, refused: string | undefined): Promise<void> => {
      const refusals = refused === undefined ? [] : [{ reason: refused, count: subjects.length }]
      await ledger.appendOutcomes([{ intent, state, attempts: 1, status, refused: refusals }])
    }
    if (!this.#allowed(flow.fence)) {
      await close('not_sent', 0, undefined)
      return { state: 'due', why: 'cut', entry: intent }
    }
    try {
      const { status, body } = await this.#options.send(request, { signal: this.#cut.signal, onFirstByte: () => undefined })
      const outcome: DeletionOutcome = deletion.classify(status, body)
      await close('delivered', status, outcome.kind === 'refused' ? outcome.reason : undefined)
      return outcome.kind === 'asked' ? { state: 'asked', entry: intent } : { state: 'due', why: outcome.reason, entry: intent }
    } catch (thrown) {
      if (!(thrown instanceof SendError)) throw thrown
      await close(thrown.handed ? 'possible' : 'not_sent', 0, undefined)
      return { state: 'due', why: thrown.reason, entry: intent }
    }
  }

  async #writeIntent(of: { subjects: readonly Subject[]; epoch: number; fence: number; bodySha256: string }): Promise<number> {
    const { destination, protocol, ledger, manifests, records, clock } = this.#options
    const at = clock.now()
    const rows = canonicalRows(
      of.subjects.map(({ kind, ordinal }): ManifestRow => {
        return { subject: ordinal, kind, surface: '', shape: SHAPES[kind], events: 0, first: at, last: at, groups: [] }
      }),
    )
    // It takes nothing from the log: its range is empty, at the place that the destination has reached.
    const place = ledger.cursor(destination.id)
    const draft: IntentDraft = {
      vendor: destination.vendor,
      destination: destination.id,
      route: protocol.deletion?.route ?? '',
      epoch: of.epoch,
      policy: records.currentPolicy()?.version ?? 0,
      encoder: protocol.egress.encoderVersion,
      purpose: DELETION_PURPOSE,
      from: place,
      to: place,
      bodySha256: of.bodySha256,
      records: 0,
      subjects: rows.length,
      first: at,
      last: at,
      fence: of.fence,
    }
    const [intent] = await ledger.appendSealed([draft], (entries) => manifests.seal(entries, [rows]))
    return (intent as Intent).entry
  }

  #allowed(fence: number): boolean {
    const flow = this.#options.records.flow(this.#options.destination.vendor)
    return fence >= this.#fence && flow.state === 'open' && flow.fence === fence
  }
}
