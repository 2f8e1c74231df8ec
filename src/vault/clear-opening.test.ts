import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import type { ClearField, Trust } from '#model/field.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { type PolicySeal, policyHash, type PolicyStatement, statementBytes } from '#model/policy-statement.ts'
import { withVault } from './testing.ts'
import type { Vault } from './vault.ts'

const UNTIL = 4_000_000_000_000
const AGREED = { id: 1, proposedBy: 'ann', approvedBy: 'bob' }

function grant(change: Partial<Grant> = {}): Grant {
  return { field: 'email', form: 'clear', purpose: 'p', until: UNTIL, rule: 'grant:1', approval: AGREED, ...change }
}

function policyOf(grants: Grant[], destination = 'd'): Policy {
  return {
    store: { events: [], properties: [], paths: [], referrers: [] },
    destinations: [{ vendor: 'v', destination, protocol: 'mixpanel', events: [], properties: [], grants }],
  }
}

function signed(vault: Vault, policy: Policy): Promise<PolicySeal> {
  const policySha256 = policyHash(policy)
  return vault.keeping.signPolicy({ version: 1, appliedAt: 1, actor: 'ann', reason: 'r', origin: 'approval', policySha256, before: '' })
}

async function people(vault: Vault): Promise<number[]> {
  const facts = (of: number, trust: Trust, email: string) => [{ of, field: 'email', value: email, once: false, trust, at: 1 }]
  const { ordinals } = await vault.commitWindow({
    identifiers: [
      ['default', 'id', 'ann-id', 'user'],
      ['default', 'id', 'bob-id', 'user'],
      ['default', 'group:company', 'acme', 'group'],
    ],
    facts: [
      ...facts(-1, 'server', 'ann@example.com'),
      ...facts(-1, 'browser', 'forged@example.com'),
      { of: -1, field: 'name', value: 'Ann Known', once: false, trust: 'server', at: 1 },
    ],
    edges: [],
    memberships: [],
  })
  return ordinals
}

function ask(vault: Vault, policy: Policy, seal: PolicySeal, asked: { field: ClearField; ordinals: number[] }[], destination = 'd') {
  return vault.clear.values({ destination, policyText: JSON.stringify(policy), seal, asked })
}

test('the vault tells what a signed version grants in the clear: the best known value, and nothing of who is erased', () =>
  withVault(async (vault) => {
    const [ann, bob, acme] = (await people(vault)) as [number, number, number]
    const policy = policyOf([grant(), grant({ field: 'user_id' }), grant({ field: 'group_id' })])
    const seal = await signed(vault, policy)
    const asked = [
      { field: 'email' as const, ordinals: [bob, ann, 999] },
      { field: 'user_id' as const, ordinals: [ann] },
      { field: 'group_id' as const, ordinals: [acme] },
    ]
    assert.deepEqual(await ask(vault, policy, seal, asked), [[null, 'ann@example.com', null], ['ann-id'], ['acme']])
    await vault.erase([ann])
    assert.deepEqual(await ask(vault, policy, seal, asked), [[null, null, null], [null], ['acme']])
  }))

test('without a signed version that grants it there, by two people and for a time, the vault refuses whoever asks', () =>
  withVault(async (vault) => {
    const [ann] = (await people(vault)) as [number]
    const asked = [{ field: 'email' as const, ordinals: [ann] }]
    const refuses = (act: () => Promise<unknown>, what: string): Promise<void> =>
      assert.rejects(act, (thrown) => thrown instanceof BulkheadError && thrown.code === 'vault_refused', what)
    const good = policyOf([grant()])
    const seal = await signed(vault, good)
    assert.deepEqual(await ask(vault, good, seal, asked), [['ann@example.com']])
    const wide = policyOf([grant(), grant({ field: 'name' })])
    await refuses(() => ask(vault, wide, seal, asked), 'another policy under the seal')
    await refuses(() => ask(vault, good, seal, [{ field: 'name', ordinals: [ann] }]), 'another field')
    await refuses(() => ask(vault, good, seal, asked, 'another'), 'another destination')
    await refuses(() => ask(vault, good, seal, [{ field: 'national_id' as never, ordinals: [ann] }]), 'a field for nobody')
    await refuses(() => vault.clear.values({ destination: 'd', policyText: '{', seal, asked }), 'no policy at all')
    await refuses(() => vault.clear.values({ destination: 'd', policyText: 'null', seal, asked }), 'nothing')
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const forge = (statement: PolicyStatement): PolicySeal => ({
      statement,
      key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      signature: sign(null, statementBytes(statement), privateKey).toString('base64'),
    })
    await refuses(() => ask(vault, wide, forge({ ...seal.statement, policySha256: policyHash(wide) }), asked), 'signed by somebody else')
    await refuses(() => ask(vault, good, { ...seal, statement: { ...seal.statement, instance: 'other' } }, asked), 'of another instance')
    for (const change of [
      { approval: undefined as never },
      { approval: { ...AGREED, approvedBy: 'ann' } },
      { approval: { ...AGREED, approvedBy: '' } },
      { until: null },
      { form: 'pseudonym' as const },
    ]) {
      const policy = policyOf([grant(change)])
      const own = await signed(vault, policy)
      await refuses(() => ask(vault, policy, own, asked), JSON.stringify(change))
    }
    const over = policyOf([grant({ until: 1 })])
    assert.deepEqual(await ask(vault, over, await signed(vault, over), asked), [[null]], 'run out: as if nothing were known')
  }))

test('an agreement is for the recipient that it names: no other address or project gets the values, whatever the destination is called', () =>
  withVault(async (vault) => {
    const [ann] = (await people(vault)) as [number]
    const recipient = { address: 'https://api.vendor.example', project: 'a'.repeat(32) }
    const asked = [{ field: 'email' as const, ordinals: [ann] }]
    const bound = policyOf([grant({ approval: { ...AGREED, recipient } })])
    const [seal, loose] = [await signed(vault, bound), policyOf([grant()])]
    const values = (policy: Policy, own: PolicySeal, to?: typeof recipient) =>
      vault.clear.values({ destination: 'd', recipient: to, policyText: JSON.stringify(policy), seal: own, asked })
    assert.deepEqual(await values(bound, seal, { ...recipient }), [['ann@example.com']])
    for (const other of [{ ...recipient, address: 'https://elsewhere.example' }, { ...recipient, project: 'b'.repeat(32) }, undefined])
      await assert.rejects(values(bound, seal, other), { code: 'vault_refused' })
    const old = await signed(vault, loose)
    await assert.rejects(values(loose, old, recipient), { code: 'vault_refused' }, 'a version from before agreements were bound')
  }))

test('over random policies: a value is told exactly where an agreed grant has not run out', () =>
  withVault(async (vault) => {
    const [ann] = (await people(vault)) as [number]
    const fields = ['email', 'name', 'user_id'] as const
    const known = { email: 'ann@example.com', name: 'Ann Known', user_id: 'ann-id' }
    const anyGrant = fc.record({
      field: fc.constantFrom(...fields),
      form: fc.constantFrom('clear' as const, 'pseudonym' as const),
      until: fc.constantFrom(null, 1, UNTIL),
      approval: fc.constantFrom(undefined, AGREED, { ...AGREED, approvedBy: 'ann' }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyGrant, { maxLength: 4 }),
        fc.constantFrom(...fields),
        fc.constantFrom('d', 'e'),
        async (grants, field, destination) => {
          const policy = JSON.parse(JSON.stringify(policyOf(grants.map((one) => grant(one as Partial<Grant>))))) as Policy
          const seal = await signed(vault, policy)
          const agreed = grants.filter(
            (one) => one.field === field && one.form === 'clear' && one.until !== null && one.approval === AGREED,
          )
          const answer = (): Promise<(string | null)[][]> => ask(vault, policy, seal, [{ field, ordinals: [ann] }], destination)
          if (destination === 'e' || agreed.length === 0) await assert.rejects(answer, { code: 'vault_refused' })
          else assert.deepEqual(await answer(), [[agreed.some(({ until }) => until === UNTIL) ? known[field] : null]])
        },
      ),
      { numRuns: 60 },
    )
  }))
