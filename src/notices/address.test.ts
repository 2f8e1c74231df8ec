import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseMailAddress } from './address.ts'

const SAMPLES = path.join(
  process.env.BULKHEAD_TESTDATA ?? path.join(import.meta.dirname, '..', '..', '..', 'shared', 'testdata'),
  'email-isemail',
  'tests.jsonl',
)

test('addresses as people have them pass, their domain as mail servers know it', () => {
  const cases: [string, string, boolean][] = [
    ['ann@example.com', 'ann@example.com', false],
    ["Ann.O'Neil+tag@Example.COM", "Ann.O'Neil+tag@example.com", false],
    ['ann@bücher.example', 'ann@xn--bcher-kva.example', false],
    ['ann@उदाहरण.भारत', 'ann@xn--p1b6ci4b4b3a.xn--h2brj9c', false],
    ['अनु@example.com', 'अनु@example.com', true],
    ['"a b"@example.com', '"a b"@example.com', false],
    ['"a@b"@example.com', '"a@b"@example.com', false],
    ['"a\\"b"@example.com', '"a\\"b"@example.com', false],
  ]
  for (const [given, text, needsUtf8] of cases) assert.deepEqual(parseMailAddress(given), { text, needsUtf8 }, given)
})

test('what could end a line, begin a command or name somebody else is no address', () => {
  const cases = [
    '',
    'ann',
    '@example.com',
    'ann@',
    'ann@localhost',
    'ann@example..com',
    'ann@-example.com',
    'ann@example.com.',
    'ann@[127.0.0.1]',
    'ann@127.0.0.1',
    'ann@2130706433.1',
    'ann@example.com\r\nRCPT TO:<bob@example.com>',
    'ann\r\nDATA@example.com',
    'ann@example.com, bob@example.com',
    'ann, bob@example.com',
    'Ann <ann@example.com>',
    'ann@example.com>',
    '"a>b"@example.com',
    '"a\nb"@example.com',
    '"a\u0000b"@example.com',
    'a..b@example.com',
    '.a@example.com',
    'a.@example.com',
    'a b@example.com',
    'ann@exam\u200bple.com',
    'ann\u202e@example.com',
    'an\u200bn@example.com',
    'ann@example.com/x',
    'ann@example.com?x',
    'ann@user:pw@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(60)}.com`,
  ]
  for (const given of cases) assert.equal(parseMailAddress(given), undefined, JSON.stringify(given))
})

test('whatever text is given, what comes out is one address on one line', () => {
  const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.emailAddress(), fc.stringMatching(/^.{0,20}@.{0,20}$/s))
  fc.assert(
    fc.property(texts, (given) => {
      const found = parseMailAddress(given)
      if (found === undefined) return
      assert.doesNotMatch(found.text, /[\r\n<>\p{Cc}\p{Cf}]/u)
      assert.deepEqual(parseMailAddress(found.text), found)
      assert.match(found.text.slice(found.text.lastIndexOf('@') + 1), /^[a-z0-9.-]+$/)
    }),
    { numRuns: 2000 },
  )
})

test('nothing that a collection of addresses calls an error passes', () => {
  if (!existsSync(SAMPLES)) {
    process.stdout.write(`not run: collected addresses (no file ${SAMPLES}; BULKHEAD_TESTDATA names another folder)\n`)
    return
  }
  const samples = readFileSync(SAMPLES, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { address: string; category: string })
  assert.ok(samples.length > 100)
  for (const { address, category } of samples) {
    if (category === 'ISEMAIL_ERR') assert.equal(parseMailAddress(address), undefined, JSON.stringify(address))
  }
  const passed = samples.filter(({ address, category }) => category === 'ISEMAIL_VALID_CATEGORY' && parseMailAddress(address) !== undefined)
  assert.ok(passed.length > 0)
})
