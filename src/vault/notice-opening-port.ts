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

/** Of one organisation, for one of its administrators. */
export interface MemberListQuestion {
  organisation: Ordinal
  /** All identifiers of the administrator, and of each member. */
  administrator: readonly Ordinal[]
  members: readonly (readonly Ordinal[])[]
}

export interface ListedMember {
  isErased: boolean
  /** Null as well for whom the directory does not name as a member. */
  address: string | null
  name: string | null
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
  /**
   * As `openAddresses`, in the order of the questions: undefined for whom the directory does not name as an administrator of that
   * organisation (any more). Only members that the directory names are opened.
   */
  openMembers(
    of: { versionId: string; begun: IncidentRow },
    lists: readonly MemberListQuestion[],
    look: Look,
  ): Promise<(ListedMember[] | undefined)[]>
}
