/** What the part that tells people may learn of the vault about them. */
import type { IncidentRow } from '#model/incident-row.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Look } from './port.ts'

export interface ReachablePerson {
  isErased: boolean
  /** As the directory or a server said it; '' when nobody did. */
  language: string
  /** Equal for people of one version who have the same address; '' without an address from a server or the directory. */
  tag: string
}

export interface AddressedPerson {
  isErased: boolean
  /** As a server or the directory said it. */
  address: string | null
  name: string | null
  tag: string
}

export interface NoticeOpener {
  /** In the order of the people, each by all their identifiers. Nothing of an address leaves. The look is durable before the answer. */
  findReachable(versionId: string, people: readonly (readonly Ordinal[])[], look: Look): Promise<ReachablePerson[]>
  /** `begun`: the signed row by which the sending of that version began. The look is durable before the answer. Throws `vault_refused`. */
  openAddresses(
    of: { versionId: string; begun: IncidentRow },
    people: readonly (readonly Ordinal[])[],
    look: Look,
  ): Promise<AddressedPerson[]>
}
