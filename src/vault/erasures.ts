/**
 * Erasing and its replay. The key store is the truth: first the secret goes and the erasure is written down, durable; then
 * the rows. A crash between, or an older copy of the rows, leaves rows of people whose secret is gone: the next opening
 * removes them, before anybody is answered. A backup therefore never brings an erased person back.
 */
import type { KeyStore } from './key-store.ts'
import type { Rows } from './rows.ts'

/** Number of the last erasure that these rows have been through. */
const APPLIED = 'erasures'

export function erasePeople(keys: KeyStore, rows: Rows, ordinals: readonly number[], at: number): number {
  keys.destroyPersons(ordinals, at)
  return replayErasures(keys, rows)
}

/** Identifiers removed. */
export function replayErasures(keys: KeyStore, rows: Rows): number {
  const { ordinals, last } = keys.erasedSince((rows.meta(APPLIED) as number | undefined) ?? 0)
  if (ordinals.length === 0) return 0
  const removed = rows.transact(() => {
    rows.setMeta(APPLIED, last)
    return rows.remove(ordinals)
  })
  rows.checkpoint()
  return removed
}

/** For rows of any origin: whoever has no secret cannot be read by anybody and must not be found either. */
export function removeUnreadable(keys: KeyStore, rows: Rows): number {
  let removed = 0
  for (let after = 0; ; ) {
    const ordinals = rows.ordinalsAfter(after)
    if (ordinals.length === 0) break
    after = ordinals.at(-1) as number
    const unreadable = ordinals.filter((ordinal) => !keys.hasSecret(ordinal))
    if (unreadable.length > 0) removed += rows.transact(() => rows.remove(unreadable))
  }
  if (removed > 0) rows.checkpoint()
  return removed
}
