import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalEmail, canonicalId, canonicalPhone } from './canonical.ts'

test('canonical forms are the fixed ones', () => {
  assert.equal(canonicalId('  u-17\n'), 'u-17')
  assert.equal(canonicalId('Zoe\u0308'), 'Zo\u00eb')
  assert.notEqual(canonicalId('U1'), canonicalId('u1'))
  assert.equal(canonicalEmail(' Zoe\u0308.M@Example.COM '), 'zo\u00eb.m@example.com')
  assert.equal(canonicalEmail('\u0130x@example.com'), canonicalEmail('i\u0307x@example.com'))
  assert.notEqual(canonicalEmail('a.b@example.com'), canonicalEmail('ab@example.com'))
  for (const spelling of ['+44 20 7946 0018', '+442079460018', '0044 (20) 7946-0018', '＋４４ ２０ ７９４６ ００１８']) {
    assert.equal(canonicalPhone(spelling), '+442079460018', spelling)
  }
  assert.equal(canonicalPhone('020 7946 0018'), '02079460018')
  assert.equal(canonicalPhone('ask at reception'), 'ask at reception')
})

test('a canonical form is its own canonical form', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const form of [canonicalId, canonicalEmail]) assert.equal(form(form(text)), form(text))
    }),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[+0-9 ()-]{0,20}$/), (text) => {
      assert.equal(canonicalPhone(canonicalPhone(text)), canonicalPhone(text))
    }),
  )
})
