import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { JsonValue } from '#model/json.ts'
import { keyFactsOf } from '#policy/policy.ts'
import { isKnownOpen, openValue, opensWhole } from './open-value.ts'

const ignore = (): void => undefined

it('remembers from the second time on what was found to be nobody’s, and only under keys that say nothing more', () => {
  const plan = keyFactsOf('plan')
  const text = 'draft 1234567'
  assert.equal(isKnownOpen(text, plan), false)
  for (const known of [false, true, true]) {
    assert.ok(opensWhole(text, plan, ignore))
    assert.equal(isKnownOpen(text, plan), known)
  }
  // Under these the same text is a passport's number, or a secret.
  for (const key of ['passport_no', 'password', 'phone']) assert.equal(isKnownOpen(text, keyFactsOf(key)), false, key)
  assert.equal(isKnownOpen('draft 1234568', plan), false)
  assert.equal(isKnownOpen(['draft 1234567'], plan), false)
})

it('never remembers what was found to be somebody’s, or nothing that may stand open', () => {
  const note = keyFactsOf('note')
  for (const text of ['write to asha@verma.example', '{"note":"hi"}', '+91 98765 43210', 'half \ud83d', 'x'.repeat(256)]) {
    for (let time = 0; time < 3; time++) {
      assert.equal(opensWhole(text, note, ignore), false, text)
      assert.equal(isKnownOpen(text, note), false, text)
    }
  }
})

it('opens lists of plain values up to a length, and no number that no JSON can hold', () => {
  const plan = keyFactsOf('plan')
  const list = (length: number, last: JsonValue = 7): JsonValue => [...Array.from({ length: length - 1 }, () => 7), last]
  assert.equal(opensWhole(list(255), plan, ignore), true)
  assert.equal(opensWhole(list(256), plan, ignore), false)
  assert.equal(opensWhole(list(3, { a: 1 }), plan, ignore), false)
  assert.equal(opensWhole(list(3, null), plan, ignore), false)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) assert.equal(opensWhole(value, plan, ignore), false)
  assert.equal(opensWhole(-0.5, plan, ignore), true)
})

it('opens an object leaf by leaf down to a depth, and not at all where one leaf is not approved or is somebody’s', () => {
  const approved = new Set(['a', 'a.b', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e', 'a.b.c.d.e.f', 'a.n', 'a.email'])
  const open = (value: JsonValue) => openValue('a', value, approved, ignore)
  assert.deepEqual(open({ n: 1, b: { c: { d: { e: 2 } } } }), [
    ['a.n', 1],
    ['a.b.c.d.e', 2],
  ])
  assert.equal(open({ n: 1, b: { c: { d: { e: { f: 2 } } } } }), undefined, 'one step deeper')
  assert.equal(open({ n: 1, other: 2 }), undefined)
  assert.deepEqual(open({ n: null }), [])
  // Whoever approved that name meant another thing, or was wrong.
  assert.equal(open({ n: 1, email: 'none' }), undefined)
  assert.equal(open({ email: 1 }), undefined)
})

it('lets the name of a key make more of a plain text than stands there', () => {
  const found: string[] = []
  const tell = (key: string): void => void found.push(key)
  for (const [key, text] of [
    ['github', 'sparrow'],
    ['contact_name', 'sparrow'],
    ['device_id', '6f1c2f9e-3a4b-4c5d-8e6f-70a1b2c3d4e5'],
    ['date_of_birth', '1990-01-02T00:00:00Z'],
  ] as const) {
    // Twice: what was remembered under another key says nothing of this one.
    for (let time = 0; time < 2; time++) assert.equal(opensWhole(text, keyFactsOf('plan'), tell), true, text)
    assert.equal(opensWhole(text, keyFactsOf(key), tell), false, key)
  }
  assert.deepEqual(found, ['github', 'contact_name', 'device_id', 'date_of_birth'])
})
