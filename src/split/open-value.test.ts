import assert from 'node:assert/strict'
import { it } from 'node:test'
import { keyFactsOf } from '#policy/policy.ts'
import { isKnownOpen, opensWhole } from './open-value.ts'

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
