/**
 * The ledger on a full disk. Commits are made one after another; one that finds no space is made again with space from the
 * reserve, and when that is used up too it waits, before anything that came later: numbers have no gap on disk, and
 * nobody is told that an outcome was written before it was.
 */
import type { Clock } from '#base/clock.ts'
import { isDiskFull, type Reserve } from '#base/reserve.ts'
import type { LedgerStore } from './store.ts'

const FULL_DISK_MS = 500

interface Write {
  puts: () => void
  resolve: () => void
  reject: (thrown: unknown) => void
}

export function withReserve(store: LedgerStore, reserve: Reserve, clock: Clock): LedgerStore {
  const closing = new AbortController()
  let waiting: Write[] = []
  let writing: Promise<void> | undefined
  let failure: { thrown: unknown } | undefined

  const commitOnce = async (puts: () => void): Promise<void> => {
    for (;;) {
      try {
        await store.commit(puts)
        return
      } catch (thrown) {
        if (!isDiskFull(await causeOf(thrown)) || closing.signal.aborted) throw thrown
        if (!reserve.release()) await clock.sleep(FULL_DISK_MS, closing.signal)
      }
    }
  }

  const commitAll = async (): Promise<void> => {
    // What is put in one turn of the loop goes together, and what comes during a commit goes into the next.
    await Promise.resolve()
    while (waiting.length > 0) {
      const writes = waiting
      waiting = []
      try {
        await commitOnce(() => {
          for (const { puts } of writes) puts()
        })
        for (const { resolve } of writes) resolve()
      } catch (thrown) {
        // What follows would leave a gap behind what was not written.
        failure = { thrown }
        for (const { reject } of [...writes, ...waiting.splice(0)]) reject(thrown)
      }
    }
    writing = undefined
  }

  return {
    ...store,
    commit: (puts) =>
      new Promise<void>((resolve, reject) => {
        if (failure !== undefined) return reject(failure.thrown)
        waiting.push({ puts, resolve, reject })
        writing ??= commitAll()
      }),
    close: async () => {
      closing.abort()
      await writing
      await store.close()
    },
  }
}

/** The binding says only that a commit failed, and why in a promise beside it. */
async function causeOf(thrown: unknown): Promise<unknown> {
  const { commitError } = thrown as { commitError?: Promise<unknown> }
  return (await commitError?.catch((why: unknown) => why)) ?? thrown
}
