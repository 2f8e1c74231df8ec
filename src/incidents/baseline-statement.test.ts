import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordedBaseline } from '#model/baseline.ts'
import { baselineOf, decodeDeclaration, printBaseline } from './baseline-statement.ts'

const GIVEN = {
  saidBy: ' the owner of the contract ',
  fields: ['email', { field: 'country', form: 'coarse' }, 'email', { field: 'property.plan' }],
  surfaces: ['site', 'api', 'site'],
  from: '2020-01-01T00:00:00+01:00',
  to: new Date(Date.UTC(2024, 0, 1)),
  people: 12,
}

test('a declaration is kept in one form: sorted, each field and surface once, times in UTC', () => {
  assert.deepEqual(decodeDeclaration(GIVEN), {
    saidBy: 'the owner of the contract',
    fields: [
      { field: 'country', form: 'coarse' },
      { field: 'email', form: 'clear' },
      { field: 'property.plan', form: 'clear' },
    ],
    surfaces: ['api', 'site'],
    from: Date.UTC(2019, 11, 31, 23),
    to: Date.UTC(2024, 0, 1),
    people: 12,
  })
  const least = decodeDeclaration({ saidBy: 'x', fields: ['os'], from: null })
  assert.deepEqual([least.surfaces, least.from, least.to, least.people], [[], null, null, null])
  // As long as each may be.
  const text = 'x'.repeat(200)
  const [surfaces, fields] = [
    Array.from({ length: 100 }, (_, n) => `${'s'.repeat(197)}${n}`.slice(0, 200)),
    Array.from({ length: 500 }, () => 'os'),
  ]
  assert.equal(decodeDeclaration({ saidBy: text, fields, surfaces, people: 0 }).saidBy, text)
})

test('what is no declaration is refused, and no value of it is repeated', () => {
  const wrong: unknown[] = [
    null,
    'secret',
    [],
    {},
    { ...GIVEN, secret: 1 },
    { ...GIVEN, saidBy: undefined },
    { ...GIVEN, saidBy: ' ' },
    { ...GIVEN, saidBy: 'secret'.repeat(40) },
    { ...GIVEN, saidBy: 'sec\u0007ret' },
    { ...GIVEN, saidBy: 'sec\u202eret' },
    { ...GIVEN, fields: [] },
    { ...GIVEN, fields: 'email' },
    { ...GIVEN, fields: Array(501).fill('email') },
    { ...GIVEN, fields: ['secret'] },
    { ...GIVEN, fields: [null] },
    { ...GIVEN, fields: [7] },
    { ...GIVEN, fields: [`property.${'secret'.repeat(40)}`] },
    { ...GIVEN, fields: [{ field: 'email', form: 'withheld' }] },
    { ...GIVEN, fields: [{ field: 'email', form: 'secret' }] },
    { ...GIVEN, surfaces: 'secret' },
    { ...GIVEN, surfaces: ['secret', ''] },
    { ...GIVEN, surfaces: ['secret', 7] },
    { ...GIVEN, surfaces: Array.from({ length: 101 }, (_, n) => `secret ${n}`) },
    { ...GIVEN, people: -1 },
    { ...GIVEN, people: 1.5 },
    { ...GIVEN, people: '12' },
    { ...GIVEN, people: 1e12 + 1 },
    { ...GIVEN, from: 7 },
    { ...GIVEN, from: '2020-01-01' },
    { ...GIVEN, from: '2024-01-01T00:00:00Z' },
  ]
  for (const [index, value] of wrong.entries()) {
    assert.throws(
      () => decodeDeclaration(value),
      (thrown: Error & { code?: string }) => thrown.code === 'baseline_invalid' && !thrown.message.includes('secret'),
      `case ${index}`,
    )
  }
})

test('a declaration goes with a declared baseline and with no other', () => {
  const said = { at: 1, actor: 'anna', reason: 'r' }
  const declaration = decodeDeclaration(GIVEN)
  for (const kind of ['none', 'unknown'] as const) {
    assert.deepEqual(baselineOf('acme', { ...said, kind }).fields, [])
    assert.throws(() => baselineOf('acme', { ...said, kind, declaration }), { code: 'baseline_invalid' })
  }
  assert.throws(() => baselineOf('acme', { ...said, kind: 'declared' }), { code: 'baseline_invalid' })
  const declared = baselineOf('acme', { ...said, kind: 'declared', declaration })
  assert.deepEqual([declared.vendor, declared.people, declared.actor, declared.saidBy], ['acme', 12, 'anna', declaration.saidBy])
})

test('it is printed with who said it and when, the fields of an import among the others', () => {
  assert.deepEqual(
    Object.entries(printBaseline(undefined)).filter(([, value]) => value !== null),
    [
      ['kind', 'unknown'],
      ['saidBy', ''],
      ['fields', []],
      ['surfaces', []],
    ],
  )
  const imported: RecordedBaseline = {
    ...baselineOf('acme', { kind: 'none', at: 0, actor: 'anna', reason: 'r' }),
    ...{ id: 1, kind: 'imported', from: 0, to: 1000, people: 3, shapes: ['os:coarse', 'email:clear,os:coarse'] },
  }
  const printed = printBaseline(imported)
  assert.deepEqual(
    printed.fields.map(({ field, form }) => `${field}:${form}`),
    ['email:clear', 'os:coarse'],
  )
  const { saidAt, actor, reason, from, to, people } = printed
  assert.deepEqual(
    [saidAt, actor, reason, from, to, people],
    ['1970-01-01T00:00:00.000Z', 'anna', 'r', '1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.000Z', 3],
  )
})
