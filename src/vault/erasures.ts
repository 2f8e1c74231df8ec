/**
 * Erasing and its replay. The key store is the truth: first the secret goes and the erasure is written down, durable; then
 * the rows. A crash between, or an older copy of the rows, leaves rows of people whose secret is gone: the next opening
 * removes them, before anybody is answered. A backup therefore never brings an erased person back.
 */
import type { ErasureJob } from './erasure-port.ts'
import type { KeyStore } from './key-store.ts'
import { PeopleFinder } from './people.ts'
import { EDGE_CODES, type Rows } from './rows.ts'

/** Number of the last erasure that these rows have been through. */
const APPLIED = 'erasures'

export function erasePeople(keys: KeyStore, rows: Rows, ordinals: readonly number[], at: number, job?: ErasureJob): number {
  keys.erasures.destroyPersons(ordinals, at, job)
  return replayErasures(keys, rows)
}

/** Identifiers removed. */
export function replayErasures(keys: KeyStore, rows: Rows): number {
  const { ordinals, last } = keys.erasures.erasedSince((rows.meta(APPLIED) as number | undefined) ?? 0)
  if (ordinals.length === 0) return 0
  const removed = rows.transact(() => {
    rows.setMeta(APPLIED, last)
    return removePeople(rows, ordinals)
  })
  rows.checkpoint()
  return removed
}

/** Leaves numbers where rows were (`TOMBSTONES` in rows.ts). Within a transaction of the caller's. */
export function removePeople(rows: Rows, ordinals: readonly number[]): number {
  const finder = new PeopleFinder(rows)
  for (const ordinal of ordinals) {
    if (rows.identifier(ordinal) === undefined) continue
    const person = finder.personOf(ordinal)
    if (person !== ordinal) rows.bury(EDGE_CODES.merge, ordinal, person, 0)
    for (const { source, at } of rows.edgesTo(EDGE_CODES.device, ordinal)) rows.bury(EDGE_CODES.device, source, person, at)
  }
  return rows.remove(ordinals)
}

/** For rows of any origin: whoever has no secret cannot be read by anybody and must not be found either. */
export function removeUnreadable(keys: KeyStore, rows: Rows): number {
  let removed = 0
  for (let after = 0; ; ) {
    const ordinals = rows.ordinalsAfter(after)
    if (ordinals.length === 0) break
    after = ordinals.at(-1) as number
    const unreadable = ordinals.filter((ordinal) => !keys.hasSecret(ordinal))
    if (unreadable.length > 0) removed += rows.transact(() => removePeople(rows, unreadable))
  }
  if (removed > 0) rows.checkpoint()
  return removed
}
