/** What has become of a version so far, in numbers alone. */
import { type RecipientCount, UNREACHABLE } from '#records/notice-rows.ts'

export interface Counted {
  recipients: number
  sent: number
  skipped: number
  failed: number
  unknown: number
  /** Not handed over yet, or being handed over. */
  waiting: number
  filed: number
}

export interface NoticeCounts extends Counted {
  /** Notices to administrators of organisations, who are not among the others. */
  organisations: Counted
  /** Of those that failed and were skipped, by our word for why. */
  why: Record<string, number>
}

export function countOf(rows: readonly RecipientCount[]): NoticeCounts {
  const counts: NoticeCounts = { ...none(), organisations: none(), why: {} }
  for (const { isOrganisation, state, why, count } of rows) {
    if (why === UNREACHABLE) continue
    const into = isOrganisation ? counts.organisations : counts
    into.recipients += count
    into[state === 'sending' ? 'waiting' : state] += count
    if (why !== null && (state === 'failed' || state === 'skipped')) counts.why[why] = (counts.why[why] ?? 0) + count
  }
  return counts
}

function none(): Counted {
  return { recipients: 0, sent: 0, skipped: 0, failed: 0, unknown: 0, waiting: 0, filed: 0 }
}
