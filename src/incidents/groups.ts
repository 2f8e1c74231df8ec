/**
 * Organisations in a scope. Anybody with the public token can name a group beside an event, so being named makes a group count
 * and nothing more: who belongs to it is taken from servers and the directory alone, and who is told of it from the directory.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { StaffVault } from '#vault/port.ts'
import { MARKS } from '#vault/survey.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { People } from './people.ts'
import type { PersonSet } from './person-set.ts'

const GROUPS_A_QUESTION = 50_000

export interface Organisation {
  /** Key under which it stands; '' when neither vault nor events say. */
  key: string
  /** Whether it was named in what was sent. */
  named: boolean
  /** Whether people in scope belong to it, as servers or the directory say; who they are, `gatherMembers` tells. */
  hasMembers: boolean
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

export async function gatherOrganisations(
  vault: Pick<StaffVault, 'groups'>,
  given: { named: ReadonlySet<Ordinal>; people: People; scope: PersonSet },
): Promise<Map<Ordinal, Organisation>> {
  const { named, people, scope } = given
  const survey = await vault.groups({ users: people.identifiersIn(scope).pages(), named: Float64Array.from(named) })
  const organisations = Array.from(
    survey.groups,
    (group, at): Organisation => ({
      key: survey.keys[survey.key[at] as number] as string,
      named: named.has(group),
      hasMembers: survey.hasMembers[at] === 1,
      administrators: [],
    }),
  )
  for (const [at, place] of survey.administered.entries())
    organisations[place]?.administrators.push(people.personOf(survey.administrators[at] as number))
  // The same may be said twice, and two identifiers may be one person.
  for (const own of organisations) own.administrators = unique(own.administrators)
  return new Map(Array.from(survey.groups, (group, at) => [group, organisations[at] as Organisation]))
}

/** People in scope by the group to which they belong, as servers or the directory say. */
export async function gatherMembers(
  vault: Pick<StaffVault, 'members'>,
  { people, scope }: { people: People; scope: PersonSet },
): Promise<Map<Ordinal, Ordinal[]>> {
  const { users, groups } = await vault.members(people.identifiersIn(scope).pages())
  const found = new Map<Ordinal, Ordinal[]>()
  for (const [at, group] of groups.entries()) {
    const person = people.personOf(users[at] as number)
    const own = found.get(group)
    if (own === undefined) found.set(group, [person])
    else own.push(person)
  }
  return new Map([...found].map(([group, own]) => [group, unique(own)]))
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
    withMembers: all.filter((own) => own.hasMembers).length,
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
