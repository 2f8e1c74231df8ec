/** Decoded records of one request: to their sources, through the split, into the commit window. */
import type { IncomingMessage } from 'node:http'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { BulkheadError } from '#base/errors.ts'
import type { SourceConfig } from '#model/config.ts'
import type { Refusal } from '#model/protocol.ts'
import type { Split } from '#model/split-draft.ts'
import type { WireRecord } from '#model/wire-record.ts'
import { consentOf, hasBrowserMarks } from './client.ts'
import type { CommitQueue } from './commit.ts'
import type { GatewayCounts } from './counts.ts'
import type { Origin } from './network.ts'
import type { Quotas } from './quota.ts'
import type { SourceTable } from './sources.ts'
import type { WindowPart } from './window.ts'

/** A version of the policy and the split that is made of it. */
export interface PolicyInForce {
  version: number
  split: Split
}

export interface Intake {
  sources: SourceTable
  policy: () => PolicyInForce
  commits: CommitQueue
  counts: GatewayCounts
  quotas: Quotas
  onFailure: (stage: string, error: BulkheadError) => void
}

export interface Arrival {
  request: IncomingMessage
  origin: Origin
  records: readonly WireRecord[]
  /** Of the body, unpacked. */
  bytes: number
  protocol: string
  receivedAt: number
}

export interface Refused {
  refusal: Refusal
  retryAfterMs?: number
}

/** Each slice becomes an entry of the log; all entries of a request are written in one commit. */
const SLICE_RECORDS = 250

/** Undefined: everything that has a source is durable. A refusal: nothing of the request was kept. */
export async function keepRecords(intake: Intake, given: Arrival): Promise<Refused | undefined> {
  const { network, place } = given.origin
  const groups = bySource(intake, given)
  if (groups.size === 0) intake.quotas.stray(place, given.receivedAt)
  const retryAfterMs = intake.quotas.take(groups, { network, bytes: given.bytes, now: given.receivedAt })
  if (retryAfterMs > 0) return { refusal: 'over_quota', retryAfterMs }
  const parts: WindowPart[] = []
  try {
    for (const [source, records] of groups) {
      for (let from = 0; from < records.length; from += SLICE_RECORDS) {
        // Between the slices of a large request others are served.
        if (from > 0) await letOthersRun()
        const slice = records.length <= SLICE_RECORDS ? records : records.slice(from, from + SLICE_RECORDS)
        parts.push(splitPart(intake, { ...given, source, records: slice }))
      }
    }
  } catch (thrown) {
    // Never the text of what was thrown: it may quote a value.
    intake.onFailure('split', thrown instanceof BulkheadError ? thrown : new BulkheadError('internal', 'the split failed'))
    return { refusal: 'internal' }
  }
  if (parts.length === 0) return undefined
  const outcome = await intake.commits.submit(parts)
  if (outcome.kind === 'failed') return { refusal: 'overloaded' }
  for (const { kept, repeats } of outcome.results) intake.counts.committed(kept, repeats)
  for (const { draft } of parts) intake.counts.destroyed(draft.destroyed)
  return undefined
}

/** Records without a source, and those that a server source refuses, are dropped and counted; the sender is told nothing. */
function bySource(intake: Intake, given: Arrival): Map<SourceConfig, WireRecord[]> {
  const { request, records, protocol } = given
  const groups = new Map<SourceConfig, WireRecord[]>()
  const marked = hasBrowserMarks(request.headers)
  for (const record of records) {
    const source = intake.sources.find(protocol, record.token)
    if (source === undefined) {
      intake.counts.dropped('unknown_token', 1)
      intake.counts.unknownTokens.add(record.token)
      continue
    }
    if (source.trust === 'server' && marked) {
      intake.counts.dropped('refused_browser_mark', 1)
      continue
    }
    const group = groups.get(source)
    if (group === undefined) groups.set(source, [record])
    else group.push(record)
  }
  return groups
}

function splitPart(intake: Intake, given: Arrival & { source: SourceConfig }): WindowPart {
  const { request, origin, source, records, protocol, receivedAt } = given
  const { version, split } = intake.policy()
  const draft = split(records, {
    receivedAt,
    source,
    // Behind a server source stands the company's own machine, not the person.
    clientAddress: source.trust === 'browser' ? origin.address : undefined,
    userAgent: source.trust === 'browser' ? request.headers['user-agent'] : undefined,
    consent: consentOf(request.headers),
  })
  return { receivedAt, protocol, source, network: source.trust === 'browser' ? origin.network : undefined, policy: version, draft }
}
