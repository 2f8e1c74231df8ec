/** Entries as they are written. */
import { randomBytes } from 'node:crypto'
import type { Intent, LedgerEntry } from '#model/disclosure.ts'
import { LEDGER_ENTRY_VERSION } from '#model/disclosure.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import type { IntentDraft } from './port.ts'

/** What would not be read back must not be written: a commit with it could not be taken back. */
export function encodeChecked(entry: LedgerEntry): Buffer {
  const bytes = encodeEntry(entry)
  decodeEntry(entry.entry, bytes)
  return bytes
}

export function intentOf(draft: IntentDraft, entry: number, at: number, manifest: string): Intent {
  return {
    type: 'intent',
    version: LEDGER_ENTRY_VERSION,
    entry,
    at,
    vendor: draft.vendor,
    destination: draft.destination,
    route: draft.route,
    epoch: draft.epoch,
    policy: draft.policy,
    encoder: draft.encoder,
    purpose: draft.purpose,
    from: { seq: draft.from.seq, index: draft.from.index },
    to: { seq: draft.to.seq, index: draft.to.index },
    bodySha256: draft.bodySha256,
    records: draft.records,
    subjects: draft.subjects,
    first: draft.first,
    last: draft.last,
    fence: draft.fence,
    salt: randomBytes(32).toString('hex'),
    manifest,
  }
}
