/** The ledger as seen by other processes, also when no worker runs or none has ever run. */
import type { Gap, Intent, LedgerEntry, LogPosition } from '#model/disclosure.ts'
import type { HeldRange, LedgerReader } from './port.ts'
import { FIRST_POSITION } from './position.ts'
import {
  type LedgerStore,
  lastEntry,
  openStore,
  readEntry,
  readGaps,
  readHeld,
  readLoadCursor,
  readOpenIntents,
  readPosition,
  storeExists,
} from './store.ts'

export function openLedgerReader(options: { dir: string }): LedgerReader {
  let store: LedgerStore | undefined

  /** The newest commit; undefined while there is no file. */
  function current(): LedgerStore | undefined {
    if (store === undefined && storeExists(options.dir)) store = openStore(options.dir, true)
    store?.refresh()
    return store
  }

  return {
    head: () => {
      const from = current()
      return from === undefined ? 0 : lastEntry(from)
    },
    cursor: (destination: string): LogPosition => {
      const from = current()
      return from === undefined ? FIRST_POSITION : readPosition(from, `cursor/${destination}`)
    },
    held: (destination: string): HeldRange[] => {
      const from = current()
      return from === undefined ? [] : readHeld(from, destination)
    },
    openIntents: (destination?: string): Intent[] => {
      const from = current()
      const intents = from === undefined ? [] : readOpenIntents(from)
      return destination === undefined ? intents : intents.filter((intent) => intent.destination === destination)
    },
    gaps: (): Gap[] => {
      const from = current()
      return from === undefined ? [] : readGaps(from)
    },
    loadCursor: (table) => {
      const from = current()
      return from === undefined ? 1 : readLoadCursor(from, table)
    },
    entry: (number: number): LedgerEntry | undefined => {
      const from = current()
      return from === undefined ? undefined : readEntry(from, number)
    },
    close: () => {
      void store?.close()
      store = undefined
    },
  }
}
