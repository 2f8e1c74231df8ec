/** Files of rules as an outsider writes them: added without code, refused whole with what is wrong, never half taken. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { clocksOf } from './clocks.ts'
import { readRulePack } from './rule-pack.ts'
import { NOBODY, PACK, recordOf, utc } from './testing-record.ts'

const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-rules-'))
after(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
function folderWith(text: string | Buffer, name = 'own.yaml'): string {
  folders += 1
  const folder = path.join(root, String(folders))
  mkdirSync(folder)
  writeFileSync(path.join(folder, name), text)
  return folder
}

const RULE = '{ id: xx-reg, to: regulator, whom: an authority, trigger: [told], amount: 5, unit: hours, wording: within 5 hours }'

function file(change: { regime?: string; rule?: string; more?: string } = {}): string {
  return `format: 1
${change.more ?? ''}
regimes:
  - id: xx-law
    name: Law of X
    law: Act X
    zone: Asia/Kathmandu
    territory: [NP]
    establishment: false
    status: in force
    threshold: none
    confidence: high
    asOf: 2026-11-01
    sources: [our counsel]
    unverified: []
${change.regime ?? ''}
    rules:
      - ${change.rule ?? RULE}
`
}

function refusal(text: string | Buffer, name?: string): string {
  try {
    readRulePack(folderWith(text, name))
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError, String(thrown))
    assert.equal(thrown.code, 'rules_invalid')
    return thrown.message
  }
  return 'was taken'
}

/** Two versions of one rule, the later in force from `from` on. */
function versions(from: string): string {
  const old = RULE.replace('xx-reg', 'xx-old').replace('unit: hours', 'unit: hours, inForceUntil: 2027-01-01, replacedBy: xx-reg')
  return withRule(`${RULE.replace('unit: hours', `unit: hours, inForceFrom: ${from}`)}\n      - ${old}`)
}

const withRule = (rule: string): string => refusal(file({ rule }))

test('a file adds a regime without code, and its clock runs', () => {
  const pack = readRulePack(folderWith(file()))
  assert.equal(pack.regimes.length, PACK.regimes.length + 1)
  assert.notEqual(pack.version, PACK.version)
  const record = recordOf({ told: '2026-11-25T18:00:00Z', people: { NP: 2 } })
  const clock = clocksOf({ record, profile: NOBODY, pack, now: utc('2026-11-25T19:00:00Z') }).find(({ rule }) => rule.id === 'xx-reg')
  assert.deepEqual([clock?.state, clock?.dueAt], ['running', utc('2026-11-25T23:00:00Z')])
})

test('a regime of ours is replaced only when the file says so', () => {
  const own = file().replace('id: xx-law', 'id: in-certin-2022')
  assert.match(refusal(own), /the regime in-certin-2022 is there already/)
  const pack = readRulePack(folderWith(own.replace('    name:', '    replaces: true\n    name:')))
  assert.equal(pack.regimes.length, PACK.regimes.length)
  assert.ok(!pack.regimes.some(({ rules }) => rules.some(({ id }) => id === 'in-certin')))
  assert.match(refusal(file({ regime: '    replaces: true' })), /there is no regime xx-law to replace/)
})

test('what is wrong is named with its place', () => {
  const rule = (from: string, to: string): string => withRule(RULE.replace(from, to))
  const wrong: [string, RegExp][] = [
    [rule('[told]', '[tomorrow]'), /own\.yaml: regimes xx-law rules xx-reg trigger 0 must match pattern/],
    [rule('[told]', '[]'), /xx-reg trigger must NOT have fewer than 1 items/],
    [rule('amount: 5', 'amount: -5'), /xx-reg amount must be >= 1/],
    [rule('amount: 5', 'amount: 1e9'), /xx-reg amount must be <= 9000/],
    [rule('amount: 5', 'amount: 1.5'), /xx-reg amount must be integer/],
    [rule('amount: 5, ', ''), /hours need an amount/],
    [rule('unit: hours', 'unit: none'), /unit none has no amount/],
    [rule('amount: 5, unit: hours', 'amount: 37, unit: months'), /37 months are more than 36/],
    [rule('unit: hours', 'unit: business-days'), /need a calendar/],
    [rule('unit: hours', 'unit: business-days, calendar: XX'), /there is no calendar of holidays XX/],
    [rule('unit: hours', 'unit: business-days, calendar: US-ZZ'), /there is no calendar of holidays US-ZZ/],
    [rule('unit: hours', 'unit: calendar-days, rollOver: true'), /need a calendar/],
    [rule('unit: hours', "unit: calendar-days, closedDays: ['02-30']"), /02-30 is no day of a year/],
    [rule('unit: hours', 'unit: hours, inForceFrom: 2027-02-29'), /2027-02-29 is no day of the calendar/],
    [rule('unit: hours', 'unit: hours, inForceFrom: 2027-02-02, inForceUntil: 2027-01-01'), /ends before it is in force/],
    [rule('unit: hours', 'unit: hours, residentsMin: 10, residentsMax: 10'), /not below residentsMax/],
    [rule('unit: hours', 'unit: hours, earlier: not-known'), /earlier says what was before inForceFrom, which is not there/],
    [rule('unit: hours', 'unit: hours, inForceFrom: 2027-01-01, earlier: perhaps'), /earlier must be equal to one of the allowed values/],
    [rule('unit: hours', 'unit: hours, replacedBy: xx-reg'), /replacedBy needs inForceUntil/],
    [rule('unit: hours', 'unit: hours, inForceUntil: 2027-01-01, replacedBy: eu-sa'), /no rule eu-sa in its regime/],
    [versions('2027-01-02'), /xx-old: it ends on 2027-01-01, and xx-reg is in force from 2027-01-02/],
    [versions('2027-01-01, earlier: not-known'), /xx-reg: what was earlier is known: xx-old/],
    [rule('unit: hours', 'unit: hours, elements: none-such'), /there are no elements none-such/],
    [rule('[told]', '["done:none-such"]'), /there is no rule none-such/],
    [rule('[told]', '["done:xx-reg"]'), /its triggers come back to itself/],
    [rule('unit: hours', 'unit: hours, insteadOf: none-such'), /there is no rule none-such/],
    [rule('xx-reg', 'eu-sa'), /two rules eu-sa/],
    [rule('wording: within 5 hours', 'wording: "a\\u202eb"'), /wording must match pattern/],
    [rule('wording: within 5 hours', 'code: "process.exit()"'), /must have required property|additional properties/],
    [refusal(file({ regime: '    zone: Mars/Base' }).replace('    zone: Asia/Kathmandu\n', '')), /there is no zone Mars\/Base/],
    [refusal(file({ more: 'elements: [{ id: e, fields: [shoe_size], words: w }]' })), /there is no field shoe_size/],
    [refusal(file().replace('asOf: 2026-11-01', 'asOf: 2026-11-31')), /asOf is no day/],
    [refusal(file().replace('format: 1', 'format: 2')), /format must be equal to constant/],
    [refusal(file().replace('sources: [our counsel]', 'sources: []')), /sources must NOT have fewer than 1/],
    [refusal('format: 1\nformat: 1\n'), /cannot be read: Map keys must be unique/],
    [refusal('a: &a [1]\nb: [*a, *a, *a]\n'), /it holds aliases/],
    [refusal('format: [1\n'), /cannot be read/],
    [refusal(''), /the file must be object/],
    [refusal(Buffer.from([0xff, 0xfe, 0x00, 0x81])), /./],
    [refusal('x'.repeat(1024 * 1024 + 1)), /larger than 1 MiB/],
    [refusal('__proto__: { format: 1 }\n'), /./],
  ]
  for (const [message, expected] of wrong) {
    assert.notEqual(message, 'was taken')
    assert.match(message, expected)
  }
  assert.equal(versions('2027-01-01'), 'was taken')
  assert.throws(() => readRulePack(path.join(root, 'absent')), { code: 'rules_invalid' })
})

test('whatever a file holds, it is taken or refused with a code, and nothing else happens', () => {
  const junk = fc.oneof(fc.string({ maxLength: 300 }), fc.json({ maxDepth: 4 }), fc.constantFrom(file(), RULE))
  fc.assert(
    fc.property(junk, fc.nat(200), fc.string({ maxLength: 8 }), (text, at, inserted) => {
      const message = refusal(`${text.slice(0, at)}${inserted}${text.slice(at)}`)
      assert.ok(message.length < 600)
    }),
    { numRuns: 60 },
  )
})
