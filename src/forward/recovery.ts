/**
 * After a crash the ledger holds intents without outcomes. Their requests are made again from what the intents name; when
 * the bytes are the same, the same intents go on. Otherwise nobody knows what left, and they end as `possible`.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Ledger } from '#ledger/port.ts'
import { comparePositions } from '#ledger/position.ts'
import type { Intent } from '#model/disclosure.ts'
import type { EgressContext, EgressProtocol } from '#model/protocol.ts'
import type { VendorFlow } from '#records/port.ts'
import type { WorkerVault } from '#vault/port.ts'
import { halveRequest, type Plan, type PlannedRequest, planRequests, readRange } from './batch.ts'
import type { Batch } from './delivery.ts'
import type { ClearReader } from './clear-values.ts'
import type { ErasedSubjects } from './erased.ts'
import type { DestinationDecider, ForwardLog, PeopleConsent } from './port.ts'

export interface RecoveryOptions {
  destination: string
  flow: VendorFlow
  /** Of the policy that holds now. */
  decider: DestinationDecider
  protocol: EgressProtocol
  context: EgressContext
  log: ForwardLog
  ledger: Ledger
  vault: WorkerVault
  /** Another value than was sent makes other bytes: the intent then ends as `possible`. */
  clear?: ClearReader | undefined
  /** Who has withdrawn since makes other bytes: the intent then ends as `possible`, and its records are decided anew. */
  people?: PeopleConsent | undefined
  erased?: ErasedSubjects | undefined
}

/** Undefined when the open intents cannot be made again, byte for byte. Throws when the vault is away. */
export async function rebuildBatch(intents: readonly Intent[], options: RecoveryOptions): Promise<Batch | undefined> {
  const [first] = intents
  if (first === undefined || !intents.every((intent) => isOfBatch(intent, first, options))) return undefined
  const plan = await replan(first, options)
  if (plan === undefined) return undefined
  const open = matchIntents(intents, plan.requests, options)
  if (open === undefined) return undefined
  // Some request of it, closed or open, may have carried once-only operations to the vendor.
  const onceOnlyTried = plan.requests.some((planned) => planned.onceOnly)
  return { destination: options.destination, to: first.to, fence: first.fence, open, counts: plan.dropped, onceOnlyTried }
}

function isOfBatch(intent: Intent, first: Intent, { destination, flow, decider, protocol, ledger }: RecoveryOptions): boolean {
  return (
    intent.fence === flow.fence &&
    intent.encoder === protocol.encoderVersion &&
    // Bytes made under another policy may hold what is not granted any more.
    intent.policy === decider.version &&
    intent.epoch === first.epoch &&
    comparePositions(intent.from, ledger.cursor(destination)) === 0 &&
    comparePositions(intent.to, first.to) === 0
  )
}

async function replan(first: Intent, options: RecoveryOptions): Promise<Plan | undefined> {
  if (first.from.seq < options.log.tail()) return undefined
  const range = readRange(options.log, first.from, Number.MAX_SAFE_INTEGER, first.to)
  if (range === undefined || comparePositions(range.to, first.to) !== 0) return undefined
  const { destination, decider, protocol, context, vault, clear, people, erased } = options
  const asThen = { at: first.at, epoch: first.epoch }
  try {
    return await planRequests(range.records, { ...asThen, destination, decider, protocol, context, vault, clear, people, erased })
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError) || thrown.code === 'vault_unavailable') throw thrown
    return undefined
  }
}

/** Finds each intent's request among those of the plan and the halves that a vendor's limit may have made of them. */
function matchIntents(
  intents: readonly Intent[],
  requests: readonly PlannedRequest[],
  options: RecoveryOptions,
): Batch['open'] | undefined {
  const known = new Map<string, PlannedRequest>()
  const wanted = new Set(intents.map(keyOf))
  let level = [...requests]
  while (level.length > 0) {
    for (const planned of level) known.set(keyOf(planned), planned)
    if ([...wanted].every((key) => known.has(key))) break
    level = level.flatMap((planned) => halveRequest(planned, options) ?? [])
  }
  const open: Batch['open'] = []
  for (const intent of intents) {
    const planned = known.get(keyOf(intent))
    if (planned === undefined) return undefined
    open.push({ planned, intent, attempts: 0, handed: true, status: 0, uncertain: true })
  }
  return open
}

function keyOf({ route, bodySha256 }: { route: string; bodySha256: string }): string {
  return `${route} ${bodySha256}`
}
