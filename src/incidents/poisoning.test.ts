/**
 * What a stranger with the public token can state, knowing everybody's ids and addresses: nobody becomes another person, nobody
 * enters a list of members, nobody leaves a scope, and no notice goes elsewhere.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GatewayVault, WindowRequest } from '#vault/port.ts'
import { group, LOOK, user, windowOf, withVault } from '#vault/testing.ts'
import type { Vault } from '#vault/vault.ts'
import { gatherMembers, gatherOrganisations } from './groups.ts'
import { People } from './people.ts'
import { PersonSet } from './person-set.ts'

const KNOWN = ['anna', 'ben', 'clara']
const NAMES = [...KNOWN, 'stranger-1', 'stranger-2', 'anna@example.com']

/** What the gateway says for a browser's records; devices are the stranger's own, whose ids nobody else has. */
const stated = fc.oneof(
  fc.record({ kind: fc.constant('merge' as const), from: fc.nat(NAMES.length - 1), to: fc.nat(NAMES.length - 1) }),
  fc.record({ kind: fc.constant('device' as const), from: fc.nat(2), to: fc.nat(NAMES.length - 1) }),
  fc.record({ kind: fc.constant('member' as const), from: fc.nat(NAMES.length - 1), to: fc.nat(1) }),
  fc.record({ kind: fc.constant('email' as const), from: fc.nat(NAMES.length - 1), to: fc.nat(NAMES.length - 1) }),
  fc.record({ kind: fc.constant('country' as const), from: fc.nat(NAMES.length - 1), to: fc.nat(1) }),
)

function windowOfStranger(statements: readonly { kind: string; from: number; to: number }[], since: number): WindowRequest {
  const identifiers: WindowRequest['identifiers'] = [
    ...NAMES.map(user),
    ...[0, 1, 2].map((n): WindowRequest['identifiers'][number] => ['default', 'id', `own-device-${n}`, 'device']),
    group('Acme'),
    group('Strangers'),
  ]
  const [deviceAt, groupAt] = [NAMES.length, NAMES.length + 3]
  const window = windowOf({ identifiers })
  for (const [index, { kind, from, to }] of statements.entries()) {
    const at = since + index
    const trust = 'browser' as const
    const of = -(from + 1)
    if (kind === 'merge') window.edges.push({ kind, from: of, to: -(to + 1), trust, at })
    if (kind === 'device') window.edges.push({ kind, from: -(deviceAt + from + 1), to: -(to + 1), trust, at })
    if (kind === 'member') window.memberships.push({ person: of, group: -(groupAt + to + 1), trust, at })
    if (kind === 'email') window.facts.push({ of, field: 'email', value: `${NAMES[to]}@evil.example`, once: false, trust, at })
    if (kind === 'country') window.facts.push({ of, field: 'country', value: to === 0 ? 'DE' : 'US', once: false, trust, at })
  }
  return window
}

async function pictureOf(vault: Vault, persons: readonly number[], named: number): Promise<unknown> {
  const people = new People(await vault.graph())
  const scope = new PersonSet()
  for (const person of persons) scope.add(people.personOf(person))
  const organisations = await gatherOrganisations(vault.census, { named: new Set([named]), people, scope })
  const members = await gatherMembers(vault.census, { people, scope })
  const { places, residence, marks } = await vault.census.survey({ single: Float64Array.from(persons), joined: [] })
  return {
    scope: [...scope.values()],
    identifiers: persons.map((person) => people.identifiersOf(person)),
    organisations: [...organisations],
    members: [...members],
    residence: Array.from(residence, (number) => places[number]),
    marks: [...marks],
    addresses: (
      await vault.identities(
        [...persons].map((person) => [person]),
        LOOK,
      )
    ).map(({ emails, trust }) => (trust.emails === 'directory' ? emails : [])),
  }
}

test('a stranger with the public token merges nobody, enters no list of members and removes nobody from a scope', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stated, { maxLength: 30, size: 'max' }), fc.integer({ min: 1, max: 1000 }), async (statements, since) => {
      await withVault(async (vault) => {
        await vault.importDirectory(
          KNOWN.map((id, index) => ({
            id,
            email: `${id}@example.com`,
            country: 'FR',
            groups: [{ key: 'company', value: 'Acme', admin: index === 0 }],
          })),
          'default',
          LOOK,
        )
        const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [...KNOWN.map(user), group('Acme')] }))
        const [persons, acme] = [ordinals.slice(0, 3), ordinals[3] as number]
        const before = await pictureOf(vault, persons, acme)
        const gateway: GatewayVault = vault
        await gateway.commitWindow(windowOfStranger(statements, since))
        assert.deepEqual(await pictureOf(vault, persons, acme), before)
      })
    }),
    { numRuns: 15 },
  )
})
