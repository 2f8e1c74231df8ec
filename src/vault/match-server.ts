/** Calls about a foreign data set, as the staff role makes them over the socket. */
import type { RpcMethods } from '#base/rpc.ts'
import type { MatchField, MatchVault } from './match-port.ts'
import { encodeFoundPeople, encodePseudonyms } from './match-wire.ts'
import type { Look } from './port.ts'

export function matchMethods({ matching }: { matching: MatchVault }): RpcMethods {
  return {
    beginMatch: async ({ first, look }: { first: string[]; look: Look }) => ({ body: await matching.beginMatch(first, look) }),
    matchPseudonyms: async ({ session }: { session: number }, [uuids = Buffer.alloc(0)]) => ({
      body: null,
      attachments: [encodePseudonyms(await matching.matchPseudonyms(session, uuids))],
    }),
    matchValues: async ({ session, field, values }: { session: number; field: MatchField; values: string[] }) => ({
      body: null,
      attachments: [encodeFoundPeople(await matching.matchValues(session, field, values))],
    }),
    endMatch: async ({ session }: { session: number }) => ({ body: await matching.endMatch(session) }),
  }
}
