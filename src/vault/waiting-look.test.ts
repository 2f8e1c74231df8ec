import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PlainValue } from '#model/log-entry.ts'
import type { Policy } from '#model/policy.ts'
import { policyHash, statementBytes } from '#model/policy-statement.ts'
import type { WaitingRecords } from './port.ts'
import { type OpenValue, waitingLook } from './waiting-look.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const KEY = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')

function signed(store: { events: string[]; properties: string[] }) {
  const policy: Policy = { store: { ...store, paths: [], referrers: [] }, destinations: [] }
  const statement = {
    instance: 'i',
    version: 1,
    appliedAt: 0,
    actor: 'a',
    reason: 'r',
    origin: 'approve' as const,
    policySha256: policyHash(policy),
    before: '',
  }
  const signature = sign(null, statementBytes(statement), privateKey).toString('base64')
  return { policy, seal: { statement, key: KEY, signature } }
}

const LOOK = { actor: 'operator', action: 'policy propose', reason: 'r' }

/** Texts stand for blobs here: what is sealed is how it reads. */
function stage(openValue: OpenValue = (key, value) => (typeof value === 'object' ? undefined : [[key, value as PlainValue]])) {
  const looks: string[] = []
  const look = waitingLook({
    openWaiting: (_day, sealed) => (sealed.length === 0 ? undefined : Buffer.from(sealed).toString()),
    recordLook: async ({ action, reason }) => void looks.push(`${action} ${reason}`),
    openValue,
    ledgerKey: () => KEY,
  })
  return { look, looks }
}

const at = (record: number, person: number, change: Partial<WaitingRecords> = {}): WaitingRecords => {
  return { seq: record + 1, index: 0, part: 0, record, person, isStray: false, ...change }
}

function blobOf(texts: { name?: string; pairs?: [string, unknown][] }[], people: readonly number[]) {
  const sealed = Buffer.from(JSON.stringify([texts.map((text, record) => ({ record, ...text }))]))
  return { day: 1, sealed, records: texts.map((_, record) => at(record, people[record] ?? 0)) }
}

test('names are told with types, shapes, people and detectors; rare and personal ones only as a shape', async () => {
  const { look, looks } = stage()
  await look.beginNames(LOOK)
  assert.deepEqual(looks, ['policy propose r'], 'on record before anything is opened')
  const texts = [1, 2, 3, 4].map((n) => ({
    name: 'Invoice Paid',
    pairs: [
      ['plan', n === 1 ? 'pro' : 'basic'],
      ['note', `write to u${n}@mail.example`],
      ['cart', { total: n, lines: [{ sku: 'A-1' }] }],
      [`secret of ann@mail.example`, 'x'],
      ['userEmail', 7],
      ...(n === 1 ? [['only once 42', true]] : []),
    ] as [string, unknown][],
  }))
  await look.addNames([blobOf(texts, [1, 2, 3, 3])])
  const { proposals, records, unreadable } = await look.endNames(3)
  assert.deepEqual([records, unreadable], [4, 0])
  const found = (name: string) => proposals.find((each) => each.name === name)
  assert.deepEqual(
    [found('Invoice Paid')?.kind, found('Invoice Paid')?.people, found('Invoice Paid')?.records],
    ['event', 3, 4],
    'people are counted, not records',
  )
  assert.deepEqual([found('plan')?.types, found('plan')?.shapes, found('plan')?.distinct], [{ string: 4 }, { word: 4 }, 'up to 10'])
  assert.deepEqual(found('note')?.personal, { email: 4 })
  assert.deepEqual(found('cart')?.types, { object: 4 })
  assert.deepEqual(found('cart.total')?.types, { number: 4 })
  assert.equal(found('userEmail')?.identity, 'email')
  const [rare] = proposals.filter(({ nameWithheld }) => nameWithheld === 'few')
  assert.deepEqual([rare?.name, rare?.nameShape, rare?.people, rare?.records], [null, 'a a 9', null, 1])
  const personal = proposals.find(({ nameWithheld }) => nameWithheld === 'personal')
  assert.equal(personal?.name, null)
  const told = JSON.stringify(proposals)
  for (const value of ['pro"', 'basic', 'u1@', 'ann@', 'A-1', 'only once']) assert.ok(!told.includes(value), `${value} is told`)
})

test('no value, and no name of fewer than k people, is ever told (random texts)', async () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map((text) => `n${text}`)
  const value = fc.oneof(
    fc.string({ minLength: 1 }).map((text) => `VALUE${text}`),
    fc.constant(['VALUE1', 'VALUE2']),
    fc.constant({ inner: 'VALUE3' }),
  )
  const texts = fc.array(
    fc.record({
      name: fc.option(name, { nil: undefined }),
      pairs: fc.array(fc.tuple(name, value), { maxLength: 4 }),
      person: fc.nat({ max: 4 }),
    }),
    {
      maxLength: 12,
    },
  )
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 2, max: 4 }), async (said, k) => {
      const { look } = stage()
      await look.beginNames(LOOK)
      const made = said.map(({ name: own, pairs }) => ({ ...(own === undefined ? {} : { name: own }), pairs }))
      await look.addNames([
        blobOf(
          made,
          said.map(({ person }) => person),
        ),
      ])
      const people = new Map<string, Set<number>>()
      for (const { name: own, pairs, person } of said) {
        for (const each of [own, ...pairs.map(([key]) => key)]) {
          if (each === undefined) continue
          const known = people.get(each) ?? new Set()
          if (person > 0) known.add(person)
          people.set(each, known)
        }
      }
      const { proposals } = await look.endNames(k)
      assert.ok(!JSON.stringify(proposals).includes('VALUE'))
      for (const each of proposals) {
        if (each.name === null || each.name.includes('.')) continue
        assert.ok((people.get(each.name)?.size ?? 0) >= k, 'told although of few')
      }
    }),
    { numRuns: 300 },
  )
})

test('what nobody can open, or whose text is not there, is counted; a blob of before lists is one text', async () => {
  const { look } = stage()
  await look.beginNames(LOOK)
  const old = Buffer.from(JSON.stringify([{ record: 0, name: 'Old' }]))
  await look.addNames([
    { day: 1, sealed: Buffer.alloc(0), records: [at(0, 1)] },
    { day: 1, sealed: old, records: [at(0, 1, { part: null }), at(5, 1, { part: null })] },
  ])
  const { records, unreadable } = await look.endNames(2)
  assert.deepEqual([records, unreadable], [1, 2])
  await assert.rejects(look.endNames(2), { code: 'vault_refused' })
})

test('of approved names only what may stand open leaves, and nothing beside it', async () => {
  const { look } = stage((key, value) => (value === 'personal' || typeof value === 'object' ? undefined : [[key, value as PlainValue]]))
  const blob = blobOf(
    [
      {
        name: 'Paid',
        pairs: [
          ['plan', 'pro'],
          ['note', 'hidden'],
          ['earlier', 'closed then'],
        ],
      },
      { name: 'Other', pairs: [['plan', 'personal']] },
      {
        pairs: [
          ['userEmail', 'ann@mail.example'],
          ['plan', 2],
        ],
      },
      { pairs: [['note', 'hidden']] },
    ],
    [1, 1, 1, 1],
  )
  const version = signed({ events: ['Paid'], properties: ['plan', 'userEmail', 'earlier'] })
  const names = { events: ['Paid'], properties: ['plan', 'userEmail'], ...version }
  assert.deepEqual(await look.openApproved([blob], names), [
    { seq: 1, index: 0, event: 'Paid', properties: { plan: 'pro' }, opened: 1 },
    { seq: 3, index: 0, properties: { plan: 2 }, opened: 1 },
  ])
  const refused = { code: 'vault_refused' }
  await assert.rejects(
    look.openApproved([blob], { ...names, properties: ['plan', 'note'] }),
    refused,
    'a name that the version does not approve',
  )
  const wider = { ...version.policy, store: { ...version.policy.store, properties: ['note', 'plan', 'userEmail'] } }
  await assert.rejects(look.openApproved([blob], { ...names, policy: wider }), refused, 'a policy that was not signed')
  const { key: _, ...unsigned } = version.seal
  await assert.rejects(look.openApproved([blob], { ...names, seal: { ...unsigned, key: 'AAAA' } }), refused, 'another key')
})
