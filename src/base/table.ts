/** Port for an ordered table with integer, text or byte keys: the part of LMDB that log and ledger use, by LMDB's own names. */
export interface Table<Value, Key> {
  get(key: Key): Value | undefined
  /** Ascending from `start` (inclusive), or descending from the end with `reverse`. */
  getRange(options: { start?: Key; limit?: number; reverse?: boolean }): Iterable<{ key: Key; value: Value }>
  getKeys(options?: { limit?: number; reverse?: boolean }): Iterable<Key>
  /** Holds `entryCount`. */
  getStats(): object
  /** Within a commit only, as `remove`. What it returns says nothing: the commit does. */
  put(key: Key, value: Value): unknown
  remove(key: Key): unknown
}

export function countOf(table: Pick<Table<never, never>, 'getStats'>): number {
  return (table.getStats() as { entryCount: number }).entryCount
}
