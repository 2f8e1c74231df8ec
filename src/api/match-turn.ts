/**
 * The vault has one session for a file that it looks people up of, and a new one ends the one before: whoever reads such a file,
 * a leaked data set or an export for a baseline, waits for the one before it, and has read nothing until then.
 */
import type { MatchVault } from '#vault/match-port.ts'

const turns = new WeakMap<MatchVault, Promise<unknown>>()

export function inTurn<Result>(vault: MatchVault, act: () => Promise<Result>): Promise<Result> {
  const before = turns.get(vault) ?? Promise.resolve()
  const mine = before.then(act, act)
  turns.set(
    vault,
    mine.catch(() => undefined),
  )
  return mine
}
