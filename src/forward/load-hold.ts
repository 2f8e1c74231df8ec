/**
 * While ledger and warehouse are copied as of one moment no load may begin: a row that is in one copy and whose cursor is not
 * in the other would be there twice, or never, after a restore. Whoever asked may die, so a hold ends by itself.
 */
import type { Clock } from '#base/clock.ts'
import type { Loader } from './load-step.ts'

const HOLD_MS_MAX = 60_000

export interface LoadHold {
  /** Returns when no load is under way and none begins. */
  begin(): Promise<void>
  /** False when the hold had ended by itself: a load may have begun. */
  end(): boolean
}

export function createLoadHold(loaders: readonly Pick<Loader, 'hold'>[], clock: Clock): LoadHold {
  let current: { over: AbortController; releases: (() => void)[] } | undefined

  const end = (): boolean => {
    if (current === undefined) return false
    const { over, releases } = current
    current = undefined
    over.abort()
    for (const release of releases) release()
    return true
  }

  return {
    begin: async () => {
      end()
      const mine = { over: new AbortController(), releases: await Promise.all(loaders.map((loader) => loader.hold())) }
      current = mine
      void clock.sleep(HOLD_MS_MAX, mine.over.signal).then(() => {
        if (current === mine) end()
      })
    },
    end,
  }
}
