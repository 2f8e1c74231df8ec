/**
 * A ledger that comes from a backup may lack entries that had been written. That is never passed over: an entry of its own,
 * signed, says from where to where, and begins another origin. The tree over the entries (RFC 6962) takes it as a leaf like
 * any other, so that no later checkpoint can be shown without it.
 */
import { createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { type Gap, LEDGER_ENTRY_VERSION } from '#model/disclosure.ts'
import { gapHeader } from './canonical.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import { comparePositions } from './position.ts'
import { LEDGER_FORMAT, lastEntry, openStore, readEntry, readGaps, readPosition } from './store.ts'

export interface Lost {
  /** Last number that is known to have been given out. */
  known: number
  exact: boolean
  backupAt: number
  at: number
}

export async function ledgerHead(dir: string): Promise<number> {
  const store = openStore(dir, true)
  try {
    return lastEntry(store)
  } finally {
    await store.close()
  }
}

/** Destinations and epochs of all intents; on the way every entry is decoded once. */
export async function epochsUsed(dir: string): Promise<{ destination: string; epoch: number }[]> {
  const store = openStore(dir, true)
  try {
    const used = new Map<string, { destination: string; epoch: number }>()
    for (let number = lastEntry(store); number > 0; number--) {
      const entry = readEntry(store, number)
      if (entry?.type !== 'intent') continue
      used.set(`${entry.destination}/${entry.epoch}`, { destination: entry.destination, epoch: entry.epoch })
    }
    return [...used.values()]
  } finally {
    await store.close()
  }
}

/** Appends the gap. `sign` gets the canonical header, which begins with a label of its own. */
export async function appendGap(dir: string, lost: Lost, sign: (header: Buffer) => { signature: string; key: string }): Promise<Gap> {
  const store = openStore(dir, false)
  try {
    const entry = lastEntry(store) + 1
    const plain = {
      type: 'gap' as const,
      version: LEDGER_ENTRY_VERSION,
      entry,
      at: lost.at,
      from: entry,
      to: Math.max(entry - 1, lost.known),
      exact: lost.exact,
      origin: randomUUID(),
      backupAt: lost.backupAt,
      salt: randomBytes(32).toString('hex'),
    }
    const { signature, key } = sign(gapHeader(plain))
    const gap: Gap = { ...plain, key, signature }
    const bytes = encodeEntry(gap)
    decodeEntry(entry, bytes)
    const gaps = [...readGaps(store).map((known) => known.entry), entry]
    await store.commit(() => {
      store.entries.put(entry, bytes)
      store.state.put('gaps', gaps)
      store.state.put('format', LEDGER_FORMAT)
    })
    return gap
  } finally {
    await store.close()
  }
}

/**
 * Everything up to `logLast` may have been sent by entries that are lost: operations that must go at most once are left out
 * there. Idempotent ones go again with the insert ids that they had.
 */
export async function distrustUpTo(dir: string, logLast: number): Promise<void> {
  const store = openStore(dir, false)
  try {
    const end = { seq: logLast + 1, index: 0 }
    const destinations = [...store.state.getKeys()].flatMap((key) => (key.startsWith('cursor/') ? [key.slice('cursor/'.length)] : []))
    await store.commit(() => {
      for (const destination of destinations) {
        if (comparePositions(end, readPosition(store, `reached/${destination}`)) > 0)
          store.state.put(`reached/${destination}`, [end.seq, 0])
      }
    })
  } finally {
    await store.close()
  }
}

/** Whether the gap was signed by the holder of `key` (SPKI, base64), the one that the key store names. */
export function isSignedBy(gap: Gap, key: string | null): boolean {
  if (key === null || gap.key !== key) return false
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
    return verify(null, gapHeader(gap), publicKey, Buffer.from(gap.signature, 'base64'))
  } catch (cause) {
    throw new BulkheadError('ledger_corrupt', `the key of ledger entry ${gap.entry} is none`, { cause })
  }
}
