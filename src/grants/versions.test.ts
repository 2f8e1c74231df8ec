import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Policy } from '#model/policy.ts'
import { type PolicyStatement, statementBytes } from '#model/policy-statement.ts'
import { mergePolicy } from '#policy/policy.ts'
import { openRecords } from '#records/records.ts'
import { recordVersion, sealState, takeFile, type VersionPorts } from './versions.ts'

function policyOf(properties: string[], events: string[] = [], grants: Policy['destinations'][number]['grants'] = []): Policy {
  return {
    store: { events: [...events].sort(), properties: [...properties].sort(), paths: [], referrers: [] },
    destinations: [{ vendor: 'v', destination: 'd', protocol: 'p', grants, events, properties: [...properties].sort(), consent: [] }],
  }
}

function setUp(t: TestContext) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-versions-'))
  const file = path.join(folder, 'records.db')
  const records = openRecords({ path: file })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const said: string[] = []
  const ports: VersionPorts = {
    records,
    clock: { now: () => 1_000 },
    vault: {
      signPolicy: async (statement) => {
        said.push(`${statement.version} ${statement.origin} ${statement.actor} ${statement.reason}`)
        const whole: PolicyStatement = { ...statement, instance: 'i' }
        return { statement: whole, key, signature: sign(null, statementBytes(whole), privateKey).toString('base64') }
      },
    },
  }
  t.after(() => {
    records.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const states = (): string[] =>
    Array.from({ length: records.policyNumber() }, (_, index) => {
      const version = records.policy(index + 1)
      return version === undefined ? 'absent' : sealState(version, records, key)
    })
  return { file, records, ports, said, states, key }
}

const by = (policy: Policy) => ({ policy, actor: 'ann', reason: 'because', origin: 'apply' as const })

test('an unchanged file changes nothing, whatever was applied since; a changed one changes what it says differently', async (t) => {
  const { records, ports, said } = setUp(t)
  await takeFile(policyOf(['a', 'b']), ports)
  await recordVersion(by(policyOf(['a', 'b', 'c'])), ports)
  assert.equal((await takeFile(policyOf(['a', 'b']), ports)).version, 2)
  assert.deepEqual(
    (await takeFile(policyOf(['b', 'e']), ports)).policy.store.properties,
    ['b', 'c', 'e'],
    'what was approved meanwhile stays',
  )
  assert.equal((await takeFile(policyOf(['b', 'e']), ports)).version, 3)
  assert.equal(records.policyNumber(), 3)
  assert.deepEqual(said, ['1 file bulkhead.yaml the file changed', '2 apply ann because', '3 file bulkhead.yaml the file changed'])
})

test('records of before the file was remembered: the file takes the place of what it said, as it did then', async (t) => {
  const { records, ports } = setUp(t)
  records.applyPolicy(policyOf(['a', 'b']), 1)
  assert.deepEqual((await takeFile(policyOf(['b', 'c']), ports)).policy, policyOf(['b', 'c']))
})

test('a grant that changed in the file takes its place; one that somebody changed meanwhile stays when the file is silent', () => {
  const grant = (field: 'country' | 'os' | 'browser', purpose: string, rule: string) =>
    ({ field, form: 'coarse', purpose, until: null, rule }) as const
  const merged = mergePolicy(
    policyOf([], [], [grant('country', 'p', 'grant:1'), grant('os', 'p', 'grant:2')]),
    policyOf([], [], [grant('browser', 'p', 'grant:1'), grant('country', 'p', 'grant:2')]),
    policyOf([], [], [grant('country', 'changed meanwhile', 'grant:1'), grant('os', 'p', 'grant:2')]),
  )
  assert.deepEqual(
    merged.destinations[0]?.grants.map(({ field, purpose }) => `${field} ${purpose}`).sort(),
    ['browser p', 'country changed meanwhile'],
    'the other number of the grant for country is no change of it',
  )
})

test('merging: nothing that the file does not say and nobody applied; what both say stays (random lists)', () => {
  const names = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f'])
  fc.assert(
    fc.property(names, names, names, (before, after, current) => {
      const { properties } = mergePolicy(policyOf(before), policyOf(after), policyOf(current)).store
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
        const [was, is, held] = [before, after, current].map((list) => list.includes(name))
        assert.equal(properties.includes(name), was === is ? held : is, `${name}: ${was} ${is} ${held}`)
      }
      assert.deepEqual(mergePolicy(policyOf(before), policyOf(before), policyOf(current)), policyOf(current))
      assert.deepEqual(mergePolicy(policyOf(before), policyOf(after), policyOf(before)), policyOf(after))
    }),
  )
})

test('each version is signed on top of the one before, and a change of any of them shows', async (t) => {
  const { file, records, ports, states } = setUp(t)
  records.applyPolicy(policyOf(['old']), 1)
  for (const name of ['a', 'b', 'c']) await recordVersion(by(policyOf([name])), ports)
  assert.deepEqual(states(), ['unsigned', 'ok', 'ok', 'ok'])
  const last = records.policy(4)
  assert.ok(last !== undefined)
  assert.equal(sealState(last, records, null), 'broken', 'without the vault’s key nothing is as it was signed')

  const tamper = (sql: string): string[] => {
    const other = new DatabaseSync(file)
    const rows = other.prepare('SELECT version, policy, seal, applied_at FROM policy_version').all()
    other.exec(sql)
    const found = states()
    for (const row of rows) {
      other
        .prepare('INSERT OR REPLACE INTO policy_version (version, applied_at, policy, seal) VALUES (?, ?, ?, ?)')
        .run(row.version as number, row.applied_at as number, row.policy as string, row.seal as string | null)
    }
    other.close()
    return found
  }
  assert.equal(tamper(`UPDATE policy_version SET policy = replace(policy, '"b"', '"x"') WHERE version = 3`)[2], 'broken')
  assert.equal(tamper('UPDATE policy_version SET applied_at = 5 WHERE version = 3')[2], 'broken')
  assert.equal(tamper(`UPDATE policy_version SET seal = replace(seal, 'because', 'be cause') WHERE version = 3`)[2], 'broken')
  assert.equal(tamper('UPDATE policy_version SET seal = NULL WHERE version = 3')[2], 'broken', 'behind a signed one nothing is unsigned')
  assert.equal(tamper('DELETE FROM policy_version WHERE version = 2')[2], 'broken', 'one that is left out is missed')
  assert.deepEqual(states(), ['unsigned', 'ok', 'ok', 'ok'], 'put back as it was')
})

test('two who change it at the same time: one is told', async (t) => {
  const { records, ports } = setUp(t)
  const both = await Promise.allSettled([recordVersion(by(policyOf(['a'])), ports), recordVersion(by(policyOf(['b'])), ports)])
  const refused = both.filter((each) => each.status === 'rejected')
  assert.equal(refused.length, 1)
  assert.equal(refused[0]?.reason.code, 'policy_changed')
  assert.equal(records.policyNumber(), 1)
})
