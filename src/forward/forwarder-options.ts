/** What a forwarder is made of. */
import type { Registry } from 'prom-client'
import type { Clock } from '#base/clock.ts'
import type { Ledger } from '#ledger/port.ts'
import type { DestinationConfig } from '#model/config.ts'
import type { Protocol } from '#model/protocol.ts'
import type { RecordsReader } from '#records/port.ts'
import type { ClearVault } from '#vault/clear-port.ts'
import type { WorkerVault } from '#vault/port.ts'
import type { Consents } from './consents.ts'
import type { ErasedSubjects } from './erased.ts'
import type { Manifests } from './manifest-memory.ts'
import type { PaceOptions } from './pace.ts'
import type { DestinationDecider, ForwardLog, Send } from './port.ts'

export const DEFAULT_TEMPO: Tempo = { recordsMax: 2_000, lingerMs: 1_000, pollMs: 50, heldPollMs: 250, failedMs: 5_000, stopGraceMs: 3_000 }

/** Figures that tests turn down. */
export interface Tempo {
  recordsMax: number
  /** Wait for more records while the oldest waiting one is younger. */
  lingerMs: number
  pollMs: number
  heldPollMs: number
  failedMs: number
  /** What is on the wire may finish for so long after the order to stop. */
  stopGraceMs: number
}

export interface ForwarderOptions {
  destination: DestinationConfig
  /** The policy in force, compiled for this destination. Asked before each request: another may be applied while this runs. */
  decider: () => DestinationDecider
  protocol: Protocol
  log: ForwardLog
  ledger: Ledger
  vault: WorkerVault
  /** Absent: nothing that names somebody leaves in the clear. */
  clear?: ClearVault | undefined
  manifests: Manifests
  records: RecordsReader
  /** Absent: consent is what the records themselves say. */
  consents?: Consents
  erased?: ErasedSubjects | undefined
  /** This forwarder's own: a fence destroys all its sockets. */
  send: Send
  clock: Clock
  /** In [0, 1); for jitter only. */
  random: () => number
  registry: Registry
  tempo?: Partial<Tempo>
  pace?: PaceOptions
}
