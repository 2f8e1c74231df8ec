import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Identity } from '#vault/port.ts'
import type { Organisation } from './groups.ts'
import { type OrganisationLine, organisationLines } from './organisation-list.ts'
import { People } from './people.ts'

const LOOK = { actor: 'anna', action: 'test', reason: 'test' }
const TRUSTS = [null, 'browser', 'server', 'directory'] as const

/** More than one call of the vault; administrators are people of two identifiers, named by whom their number says. */
const COUNT = 450
const organisations = new Map(
  Array.from({ length: COUNT }, (_, index): [number, Organisation] => {
    const group = 10_000 + index
    const administrators = Array.from({ length: index % 3 }, (_, nth) => 1 + ((index * 3 + nth) % 40))
    return [group, { key: index % 2 === 0 ? 'company' : '', named: index % 5 === 0, hasMembers: index % 4 === 1, administrators }]
  }),
)
const members = new Map([...organisations].filter(([, { hasMembers }]) => hasMembers).map(([group]) => [group, [group + 1, group + 2]]))
const people = new People({ merged: Array.from({ length: 40 }, (_, index) => [101 + index, 1 + index]), devices: [] })

const trustOf = (person: number): (typeof TRUSTS)[number] => TRUSTS[person % TRUSTS.length] ?? null

async function linesOf(identities: boolean): Promise<{ lines: OrganisationLine[]; asked: number[][] }> {
  const asked: number[][] = []
  const vault = {
    staffPseudonyms: async (subjects: readonly { kind: string; ordinal: number }[]) =>
      subjects.map(({ kind, ordinal }) => `${kind} ${ordinal}`),
    identities: async (of: readonly (readonly number[])[]): Promise<Identity[]> => {
      asked.push(...of.map((ids) => [...ids]))
      return of.map(([first = 0]) => {
        const trust = { emails: trustOf(first), names: null }
        return { ids: [`id ${first}`], emails: [`mail ${first}`], names: ['a name'], trust }
      })
    },
  }
  const chunks: Buffer[] = []
  for await (const chunk of organisationLines(organisations, { people, members }, vault, { look: LOOK, identities })) chunks.push(chunk)
  const lines = Buffer.concat(chunks).toString().trimEnd().split('\n')
  return { lines: lines.map((line) => JSON.parse(line) as OrganisationLine), asked }
}

const counted = [...organisations].map(([group, { key, named, administrators }]) => ({
  ...{ key, group: `group ${group}`, named, members: members.get(group)?.length ?? 0, administrators: administrators.length },
}))

test('each organisation has one line, and without identities nobody is opened', async () => {
  assert.deepEqual(await linesOf(false), { lines: counted, asked: [] })
})

test('with identities each has its own id, its own administrators with addresses of a server or the directory, and members only where somebody is told', async () => {
  const { lines, asked } = await linesOf(true)
  const expected = [...organisations].map(([group, { administrators }], index) => ({
    ...counted[index],
    ids: [`id ${group}`],
    addresses: administrators.map((person) => {
      const isTrusted = ['server', 'directory'].includes(trustOf(person) ?? '')
      return { subject: `user ${person}`, emails: isTrusted ? [`mail ${person}`] : [] }
    }),
    ...(administrators.length > 0 && { memberSubjects: (members.get(group) ?? []).map((person) => `user ${person}`) }),
  }))
  assert.deepEqual(lines, expected)
  assert.ok(!JSON.stringify(lines).includes('a name'))
  for (const ids of asked) assert.ok((ids[0] ?? 0) >= 10_000 ? ids.length === 1 : ids[1] === (ids[0] ?? 0) + 100, 'by all that a person is')
})
