/** Organisations of a scope as lines: whom to tell, and for which members. */
import type { Ordinal } from '#model/log-entry.ts'
import type { Identity, Look, StaffVault } from '#vault/port.ts'
import type { Organisation } from './groups.ts'
import type { People } from './people.ts'

export interface OrganisationLine {
  key: string
  /** Staff-view pseudonym. */
  group: string
  named: boolean
  /** People in scope who belong to it. */
  members: number
  /** Administrators that the directory names. */
  administrators: number
  /** With identities: the id of the organisation, its administrators and their addresses from a server or the directory. */
  ids?: string[]
  addresses?: { subject: string; emails: string[] }[]
  /** With identities, and only where somebody may be told of them: an organisation without an administrator has no list. */
  memberSubjects?: string[]
}

const ORGANISATIONS_A_CALL = 200

export async function* organisationLines(
  organisations: ReadonlyMap<Ordinal, Organisation>,
  given: { people: People; members: ReadonlyMap<Ordinal, readonly Ordinal[]> },
  vault: Pick<StaffVault, 'staffPseudonyms' | 'identities'>,
  options: { look: Look; identities: boolean },
): AsyncGenerator<Buffer, void> {
  const all = [...organisations]
  for (let start = 0; start < all.length; start += ORGANISATIONS_A_CALL) {
    const some = all.slice(start, start + ORGANISATIONS_A_CALL)
    const groups = await vault.staffPseudonyms(some.map(([ordinal]) => ({ kind: 'group', ordinal })))
    const lines = some.map(
      ([ordinal, own], index): OrganisationLine => ({
        key: own.key,
        group: groups[index] as string,
        named: own.named,
        members: given.members.get(ordinal)?.length ?? 0,
        administrators: own.administrators.length,
      }),
    )
    if (options.identities) await addIdentities(lines, some, { ...given, vault, look: options.look })
    yield Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }
}

async function addIdentities(
  lines: readonly OrganisationLine[],
  some: readonly (readonly [Ordinal, Organisation])[],
  given: Parameters<typeof organisationLines>[1] & { vault: Pick<StaffVault, 'staffPseudonyms' | 'identities'>; look: Look },
): Promise<void> {
  const { people, members, vault, look } = given
  const administrators = some.flatMap(([, own]) => own.administrators)
  const asked = [...some.map(([ordinal]) => [ordinal]), ...administrators.map((person) => [...people.identifiersOf(person)])]
  const opened = await vault.identities(asked, look)
  const names = await vault.staffPseudonyms(administrators.map((ordinal) => ({ kind: 'user', ordinal })))
  let next = some.length
  for (const [index, [group, own]] of some.entries()) {
    const line = lines[index] as OrganisationLine
    line.ids = (opened[index] as Identity).ids
    line.addresses = own.administrators.map(() => {
      const { emails, trust } = opened[next] as Identity
      const subject = names[next - some.length] as string
      next += 1
      return { subject, emails: trust.emails === 'server' || trust.emails === 'directory' ? emails : [] }
    })
    if (own.administrators.length === 0) continue
    line.memberSubjects = await vault.staffPseudonyms((members.get(group) ?? []).map((ordinal) => ({ kind: 'user', ordinal })))
  }
}
