/** What the forwarder takes from outside: the policy of one destination, and the way onto the wire. */
import type { LogReader } from '#log/port.ts'
import type { LogPosition } from '#model/disclosure.ts'
import type { ClearField } from '#model/field.ts'
import type { LogRecord, Ordinal } from '#model/log-entry.ts'
import type { PersonConsent } from '#policy/policy.ts'
import type { EgressRequest, OutgoingField, OutgoingValue } from '#model/protocol.ts'

/**
 * What one destination gets of records of one kind, built up from grants; one object for all of them. `purposes` are those
 * of the grants that were used.
 */
export interface SendDecision {
  readonly kind: 'send'
  readonly outgoing: readonly OutgoingField[]
  /** One value for each of `outgoing`, of a record of this kind. */
  valuesOf(record: LogRecord): OutgoingValue[]
  readonly user: boolean
  readonly device: boolean
  readonly linked: boolean
  readonly groups: boolean
  readonly unset: readonly string[]
  /** Identity that leaves in the clear as far as the vault has it, and until when. */
  readonly clear?: readonly ClearField[]
  readonly clearUntil?: number
  readonly shape: string
  readonly purposes: readonly string[]
}

/** `reason` is a reason code; it is counted. */
export interface DropDecision {
  readonly kind: 'drop'
  readonly reason: string
}

/** What people have said of consent, as far as the log has been read. */
export interface PeopleConsent {
  of(ordinal: Ordinal): PersonConsent | undefined
}

/** One version of the policy, compiled for one destination. Pure: equal arguments give equal decisions. */
export interface DestinationDecider {
  version: number
  /** `place`: where the record stands and under which policy it arrived; `people`: what they have said of consent up to now. */
  decide(record: LogRecord, at: number, place?: { seq: number; policy: number }, people?: PeopleConsent): SendDecision | DropDecision
  /** Event time as this destination gets it, UTC ms. `phase` is the subject's, 0 ≤ phase < 2^32. */
  timeOf(time: number, phase: number): number
}

/** Where a forwarder reads from: the log, or what stands in its place for entries that the log has given up. */
export interface ForwardLog extends Pick<LogReader, 'head' | 'tail' | 'read'> {
  /** Returns when `read(seq)` can answer at once. */
  ready?(seq: number): Promise<void>
}

export interface SendOptions {
  /** Aborting destroys the socket at once. */
  signal: AbortSignal
  /** Called at most once, right before the first byte of the request is given to the socket. */
  onFirstByte(): void
}

export interface SendAnswer {
  status: number
  /** Text, cut at a limit. */
  body: string
  headers: Record<string, string | undefined>
}

export interface Send {
  /** Resolves with any answer, whatever its status; throws `SendError` when there was none. Redirects are answers. */
  (request: EgressRequest, options: SendOptions): Promise<SendAnswer>
  /** Destroys every socket at once; bytes that the kernel has not sent yet are discarded. */
  destroyAll(): void
}

export type SendFailure = 'connect_failed' | 'tls_failed' | 'timeout' | 'aborted' | 'broken_off'

export class SendError extends Error {
  /** False only when certainly no byte of the request was given to a socket. */
  readonly handed: boolean
  readonly reason: SendFailure

  constructor(reason: SendFailure, handed: boolean, cause?: unknown) {
    super(`request not answered: ${reason}`, cause === undefined ? {} : { cause })
    this.name = 'SendError'
    this.reason = reason
    this.handed = handed
  }
}

/**
 * `sent`: the cursor moved. `idle`: nothing to read. `held`: the vendor is cut. `blocked`: the vendor refuses our
 * credentials. `interrupted`: stopped or fenced within a batch; what is open is taken up by a later step.
 */
export type StepResult = 'sent' | 'idle' | 'held' | 'blocked' | 'interrupted'

export interface ForwarderStatus {
  vendor: string
  destination: string
  state: 'running' | 'retrying' | 'cut' | 'blocked' | 'failed'
  /** Reason code of `retrying` and `blocked`, error code of `failed`. */
  reason: string | undefined
  /** Open: so many failures in a row that only a probe goes out now and then. */
  breaker: 'closed' | 'open'
  cursor: LogPosition
  /** Log entries behind the head. */
  lag: number
  openIntents: number
}

export interface Forwarder {
  /** One batch, at once. Never two at a time. */
  step(): Promise<StepResult>
  /** Steps until aborted; then what is on the wire may finish for a moment, and the rest stays open in the ledger. */
  run(signal: AbortSignal): Promise<void>
  /** When it returns, nothing begun under a lower fence starts any more, and what was on the wire has its outcome. */
  fence(fence: number): Promise<{ inFlight: number }>
  /** When it returns, no request is under way that was decided before the call. */
  turnOver(): Promise<void>
  status(): ForwarderStatus
  close(): Promise<void>
}
