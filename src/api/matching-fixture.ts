/** Test support: a vault that knows nobody of a foreign data set. */
import type { MatchVault } from '#vault/match-port.ts'

export const NO_MATCHING: MatchVault = {
  beginMatch: async () => ({ session: 1, epochs: [], destroyed: [] }),
  matchPseudonyms: async () => [],
  matchValues: async (_session, _field, values) => values.map(() => []),
  endMatch: async () => undefined,
}
