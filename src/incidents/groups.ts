/**
 * Organisations in a scope. Anybody with the public token can name a group beside an event, so being named makes a group count
 * and nothing more: who belongs to it is taken from servers and the directory alone, and who is told of it from the directory.
 */
import { trustRank } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { StaffVault } from '#vault/port.ts'
import { MARKS, type Memberships } from '#vault/survey.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { People } from './people.ts'
import type { PersonSet } from './person-set.ts'

const GROUPS_A_QUESTION = 50_000

export interface Organisation {
  /** Key under which it stands; '' when neither vault nor events say. */
  key: string
  /** Whether it was named in what was sent. */
  named: boolean
  /** People in scope who belong to it, as servers or the directory say. */
  members: Ordinal[]
  /** Whom the directory names as its administrators, in scope or not. */
  administrators: Ordinal[]
}

export interface OrganisationCounts {
  /** Named in what was sent, or of somebody in scope. */
  total: number
  named: number
  withMembers: number
  withAdministrators: number
  /** People, each counted once. */
  administrators: number
  /** Of those, who have an address from a server or the directory. */
  reachableAdministrators: number
}

export function gatherOrganisations(
  memberships: Memberships,
  given: { named: ReadonlySet<Ordinal>; people: People; scope: PersonSet },
): Map<Ordinal, Organisation> {
  const { named, people, scope } = given
  const { keys, users, groups, key, trust, admin } = memberships
  const found = new Map<Ordinal, Organisation>()
  const organisation = (group: Ordinal): Organisation => {
    let known = found.get(group)
    if (known === undefined) {
      known = { key: '', named: named.has(group), members: [], administrators: [] }
      found.set(group, known)
    }
    return known
  }
  for (const group of named) organisation(group)
  const [server, directory] = [trustRank('server'), trustRank('directory')]
  const administrators: number[] = []
  for (let at = 0; at < users.length; at++) {
    const group = groups[at] as number
    if ((trust[at] as number) === directory && admin[at] === 1) administrators.push(at)
    if (named.has(group)) organisation(group).key = keys[key[at] as number] as string
    if ((trust[at] as number) < server) continue
    const person = people.personOf(users[at] as number)
    if (!scope.has(person)) continue
    const own = organisation(group)
    own.key = keys[key[at] as number] as string
    own.members.push(person)
  }
  for (const at of administrators) found.get(groups[at] as number)?.administrators.push(people.personOf(users[at] as number))
  for (const own of found.values()) {
    // The same may be said twice, and two identifiers may be one person.
    own.members = unique(own.members)
    own.administrators = unique(own.administrators)
  }
  return found
}

function unique(ordinals: readonly Ordinal[]): Ordinal[] {
  return ordinals.length < 2 ? [...ordinals] : [...new Set(ordinals)].sort((a, b) => a - b)
}

export async function countOrganisations(
  organisations: ReadonlyMap<Ordinal, Organisation>,
  people: People,
  vault: Pick<StaffVault, 'survey'>,
): Promise<OrganisationCounts> {
  const all = [...organisations.values()]
  const administrators = [...new Set(all.flatMap((own) => own.administrators))]
  const { marks } = await vault.survey({
    single: new Float64Array(0),
    joined: administrators.map((person) => people.identifiersOf(person)),
  })
  return {
    total: all.length,
    named: all.filter((own) => own.named).length,
    withMembers: all.filter((own) => own.members.length > 0).length,
    withAdministrators: all.filter((own) => own.administrators.length > 0).length,
    administrators: administrators.length,
    reachableAdministrators: marks.filter((mark) => (mark & (MARKS.address | MARKS.erased)) === MARKS.address).length,
  }
}

/** Keys of groups that the vault knows no member of, as events say. */
export async function findGroupKeys(organisations: ReadonlyMap<Ordinal, Organisation>, warehouse: Warehouse): Promise<void> {
  const missing = [...organisations].filter(([, own]) => own.key === '').map(([group]) => group)
  for (let start = 0; start < missing.length; start += GROUPS_A_QUESTION) {
    const rows = await warehouse.query<{ ordinal: number | string; foundKey: string }>(
      `SELECT ordinal, any(key) AS foundKey FROM events ARRAY JOIN groupOrdinals AS ordinal, groupKeys AS key
       WHERE has({groups:Array(UInt64)}, ordinal) GROUP BY ordinal`,
      { groups: missing.slice(start, start + GROUPS_A_QUESTION) },
      'badday',
    )
    for (const row of rows) {
      const own = organisations.get(Number(row.ordinal))
      if (own !== undefined) own.key = row.foundKey
    }
  }
}
