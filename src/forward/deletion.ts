/**
 * Asks one destination's vendor to delete what it holds of people, and how far that is. A request that names people goes the way
 * of every request to a vendor: intent durable, sent, outcome (laws 2 and 3). Its grant is the destination's deletion token, and
 * no other: it goes out while the flow is cut too, since it gives a vendor nothing but names that the vendor has (law 5). What is
 * not answered stays due with whoever asks; asking twice does no harm.
 */
import { createHash } from 'node:crypto'
import { canonicalRows } from '#ledger/canonical.ts'
import type { IntentDraft, Ledger } from '#ledger/port.ts'
import type { Clock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { DestinationConfig } from '#model/config.ts'
import { DELETION_PURPOSE, type Intent, type ManifestRow, type OutcomeState } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { DeletionOutcome, DeletionProgress, DeletionProtocol, EgressContext, EgressRequest, Protocol } from '#model/protocol.ts'
import type { RecordsReader } from '#records/port.ts'
import type { DeletionVault } from '#vault/port.ts'
import { packSubjects } from '#vault/pseudonym.ts'
import type { Manifests } from './manifest-memory.ts'
import { type Send, type SendAnswer, SendError } from './port.ts'

export interface DeletionRequest {
  epoch: number
  users: readonly Ordinal[]
  devices: readonly Ordinal[]
}

/** `why`: a reason code; `refused`: the vendor said no, and will again until something changes. */
export type DeletionAnswer =
  | { state: 'asked'; entry: number; tasks: string[] }
  | { state: 'due'; why: string; entry?: number; refused?: true; retryAfterMs?: number }

export interface DeletionOptions {
  destination: DestinationConfig
  context: EgressContext
  protocol: Protocol
  ledger: Ledger
  vault: DeletionVault
  manifests: Manifests
  records: RecordsReader
  /** Its own: a cut of the flow destroys all sockets of the forwarder. */
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
  readonly #closing = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  /** When the vendor may be called again, UTC ms. */
  #freeAt = 0

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

  /** One call after another; asks once. */
  ask(request: DeletionRequest): Promise<DeletionAnswer> {
    return this.#inTurn(() => this.#ask(request))
  }

  /** How far a task is. No intent: the call names nobody. */
  progress(task: string): Promise<DeletionProgress> {
    return this.#inTurn(() => this.#progress(task))
  }

  close(): void {
    this.#closing.abort()
    this.#options.send.destroyAll()
  }

  #inTurn<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#turn.then(act)
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  async #ask(request: DeletionRequest): Promise<DeletionAnswer> {
    const { destination, protocol } = this.#options
    if (protocol.deletion === undefined) return { state: 'due', why: 'no_route' }
    if (destination.deletionToken === undefined) return { state: 'due', why: 'no_deletion_token' }
    const subjects = [
      ...request.users.map((ordinal): Subject => ({ kind: 'user', ordinal })),
      ...request.devices.map((ordinal): Subject => ({ kind: 'device', ordinal })),
    ]
    const { idsMax } = protocol.deletion
    const tasks: string[] = []
    let answer: DeletionAnswer = { state: 'due', why: 'nobody' }
    for (let from = 0; from < subjects.length; from += idsMax) {
      answer = await this.#askOnce(subjects.slice(from, from + idsMax), request.epoch, protocol.deletion)
      if (answer.state === 'due') return answer
      tasks.push(...answer.tasks)
    }
    return answer.state === 'due' ? answer : { ...answer, tasks }
  }

  async #askOnce(subjects: readonly Subject[], epoch: number, deletion: DeletionProtocol): Promise<DeletionAnswer> {
    const { destination, context, vault, ledger } = this.#options
    const pseudonyms = await pseudonymsOf(vault, { destination: destination.id, epoch, subjects })
    if (pseudonyms === undefined) return { state: 'due', why: 'epoch_destroyed', refused: true }
    const named = subjects.map(({ kind }, index) => ({ kind, pseudonym: pseudonyms[index] as string }))
    const request = deletion.request(named, context, destination.deletionToken?.reveal() ?? '')
    const bodySha256 = createHash('sha256').update(request.body).digest('hex')
    const intent = await this.#writeIntent({ subjects, epoch, bodySha256 })
    const close = async (state: OutcomeState, status: number, refused: string | undefined): Promise<void> => {
      const refusals = refused === undefined ? [] : [{ reason: refused, count: subjects.length }]
      await ledger.appendOutcomes([{ intent, state, attempts: 1, status, refused: refusals }])
    }
    let answer: SendAnswer
    try {
      answer = await this.#send(request, deletion)
    } catch (thrown) {
      if (!(thrown instanceof SendError)) throw thrown
      await close(thrown.handed ? 'possible' : 'not_sent', 0, undefined)
      return { state: 'due', why: thrown.reason, entry: intent }
    }
    const { status, body, headers } = answer
    const outcome: DeletionOutcome = deletion.classify(status, body, { retryAfter: headers['retry-after'] })
    await close('delivered', status, outcome.kind === 'refused' ? outcome.reason : undefined)
    if (outcome.kind === 'asked') return { state: 'asked', entry: intent, tasks: outcome.task === undefined ? [] : [outcome.task] }
    if (outcome.kind === 'refused') return { state: 'due', why: outcome.reason, entry: intent, refused: true }
    const { reason, retryAfterMs } = outcome
    return { state: 'due', why: reason, entry: intent, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }

  async #progress(task: string): Promise<DeletionProgress> {
    const { destination, protocol, context } = this.#options
    const { deletion } = protocol
    if (deletion === undefined) return { kind: 'unknown', reason: 'no_route' }
    if (destination.deletionToken === undefined) return { kind: 'unknown', reason: 'no_deletion_token' }
    try {
      const { status, body } = await this.#send(deletion.statusRequest(task, context, destination.deletionToken.reveal()), deletion)
      return deletion.classifyStatus(status, body)
    } catch (thrown) {
      if (!(thrown instanceof SendError)) throw thrown
      return { kind: 'unknown', reason: thrown.reason }
    }
  }

  /** At the pace that the vendor asks for. */
  async #send(request: EgressRequest, { intervalMs }: DeletionProtocol): Promise<SendAnswer> {
    const { clock, send } = this.#options
    const { signal } = this.#closing
    // A clock that was set back must not make it wait for longer than that.
    await clock.sleep(Math.min(intervalMs, Math.max(0, this.#freeAt - clock.now())), signal)
    try {
      return await send(request, { signal, onFirstByte: () => undefined })
    } finally {
      this.#freeAt = clock.now() + intervalMs
    }
  }

  async #writeIntent(of: { subjects: readonly Subject[]; epoch: number; bodySha256: string }): Promise<number> {
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
      fence: records.flow(destination.vendor).fence,
    }
    const [intent] = await ledger.appendSealed([draft], (entries) => manifests.seal(entries, [rows]))
    return (intent as Intent).entry
  }
}

/** Undefined when nobody can say any more whom the epoch's identifiers named. */
async function pseudonymsOf(
  vault: DeletionVault,
  of: { destination: string; epoch: number; subjects: readonly Subject[] },
): Promise<string[] | undefined> {
  try {
    return await vault.deletionPseudonyms({ ...of, subjects: packSubjects(of.subjects) })
  } catch (thrown) {
    if (thrown instanceof BulkheadError && thrown.code === 'vault_refused') return undefined
    throw thrown
  }
}
