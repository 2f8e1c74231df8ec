/**
 * Nothing is destroyed before the holds are as the incidents are: the row of an incident is durable before its hold is, and a vault
 * that is away in between must not come back to an erasure that nothing holds.
 */
import type { Clock } from '#base/clock.ts'
import type { ErasingVault } from '#vault/erasure-port.ts'
import type { EpochVault } from '#vault/port.ts'
import type { IncidentBook } from './incident-book.ts'

type Book = Pick<IncidentBook, 'mend' | 'isBehind'>

/** `book` is asked for when it is needed: it is made of the vault too. */
export function heldFirst<Erasing extends ErasingVault & EpochVault>(vault: Erasing, book: () => Pick<Book, 'mend'>): Erasing {
  return {
    ...vault,
    unlinkErased: async (id) => {
      await book().mend()
      return vault.unlinkErased(id)
    },
    destroyEpoch: async (of, look) => {
      await book().mend()
      return vault.destroyEpoch(of, look)
    },
  }
}

const EVERY_MS = 5000

/** Holds follow as soon as the vault is there. */
export async function keepHolds(book: Book, given: { clock: Pick<Clock, 'sleep'>; signal: AbortSignal }): Promise<void> {
  while (!given.signal.aborted) {
    // One that fails again is behind as before.
    if (book.isBehind) await book.mend().catch(() => 0)
    await given.clock.sleep(EVERY_MS, given.signal)
  }
}
