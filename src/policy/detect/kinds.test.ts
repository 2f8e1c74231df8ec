/**
 * What is told of which text: kinds, rules, places, and what is not told. Numbers are the issuers' own examples, or made up
 * with right check digits.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PERSONAL_KINDS } from '#model/personal-kind.ts'
import { detect, detectInProperty, HELD, hintOf, personalKindIn } from './detect.ts'
import { ID_RULES } from './ids.ts'

const told = (text: string, key = ''): string[] =>
  detect(text, { key }).map(({ kind, rule, start, end }) => `${kind} ${rule} ${text.slice(start, end)}`)

const IN_TEXT: readonly (readonly [text: string, ...found: string[]])[] = [
  ['my Aadhaar: 2341 2341 2346.', 'national_id in.aadhaar 2341 2341 2346'],
  ['आधार २३४१ २३४१ २३४६', 'national_id in.aadhaar २३४१ २३४१ २३४६'],
  ['PAN ABCPD1234Z, GSTIN 27AAPFU0939F1ZV', 'tax_id in.pan ABCPD1234Z', 'tax_id in.gstin 27AAPFU0939F1ZV'],
  ['parked KA 53 ME 3456 outside', 'vehicle in.vehicle KA 53 ME 3456'],
  ['pay asha@okaxis now', 'username in.upi asha@okaxis'],
  ['ssn 078051121', 'national_id us.ssn 078051121'],
  ['078-05-1121', 'national_id us.ssn 078-05-1121'],
  ['NHS number 943 476 5919', 'national_id uk.nhs 943 476 5919'],
  ['AB 12 34 56 C', 'national_id uk.nino AB 12 34 56 C'],
  ['DE136695976', 'tax_id eu.vat DE136695976'],
  ['RSSMRA85T10A562S', 'national_id it.fiscal_code RSSMRA85T10A562S'],
  ['12345678Z', 'national_id es.nif 12345678Z'],
  ['131052-308T', 'national_id fi.hetu 131052-308T'],
  ['529.982.247-25', 'national_id br.cpf 529.982.247-25'],
  ['11010519491231002X', 'national_id cn.resident_id 11010519491231002X'],
  ['S1234567D', 'national_id sg.nric S1234567D'],
  ['756.9217.0769.85', 'national_id ch.ahv 756.9217.0769.85'],
  ['passport no. A3456781', 'passport in.passport A3456781'],
  ['VIN 1HGCM82633A004352', 'vehicle vin 1HGCM82633A004352'],
  ['at 12.971599, 77.594566 now', 'geo coordinates 12.971599, 77.594566'],
  ['born on 12/03/1990 in Pune', 'date_of_birth date_of_birth 12/03/1990'],
  ['IMEI 490154203237518', 'device_id imei 490154203237518'],
  ['idfa=6D92078A-8246-4BA4-AE5B-76104861E7DC', 'device_id advertising_id 6D92078A-8246-4BA4-AE5B-76104861E7DC'],
  ['Dr. Asha Verma called', 'name name Asha Verma'],
  ['मेरा नाम आशा वर्मा है', 'name name आशा वर्मा'],
  ['ship to 221 Baker Street, Flat 2', 'address street 221 Baker Street, Flat 2'],
  ['Hauptstraße 12, Berlin', 'address street Hauptstraße 12'],
  ['SW1A 1AA', 'address uk.postcode SW1A 1AA'],
  ['call me on 9876543210', 'phone phone 9876543210'],
  ['?first_name=Asha&plan=pro', 'name key.name Asha'],
  ['aws AKIAQQQQWWWWEEEERRR7', 'secret aws.access_key_id AKIAQQQQWWWWEEEERRR7'],
  ['sk-ant-api03-abcDEF123456789012345', 'secret anthropic.api_key sk-ant-api03-abcDEF123456789012345'],
  ['https://x.example/reset-password/9f8e7d6c5b4a', 'url_token url_path 9f8e7d6c5b4a'],
  ['/password_reset/Mg/5xk-3f2a91b0c6/', 'url_token url_path 5xk-3f2a91b0c6'],
  [`sk-${'aBcD'.repeat(12)}`, `secret openai.api_key sk-${'aBcD'.repeat(12)}`],
  ['https://x.example/cb#access_token=abc123def', 'url_token url_parameter abc123def'],
  ['Server=db;User Id=sa;Password=Tr0ub4dor;', 'secret connection_password Tr0ub4dor'],
  ['password: hunter2', 'secret named_secret hunter2'],
  ['Authorization: Basic YXNoYTpodW50ZXIy', 'secret basic_credentials YXNoYTpodW50ZXIy'],
]

const NOT: readonly string[] = [
  '9876543210',
  '1234567893',
  '2025-240157',
  'Sat, 06 Jun 2020 13:26:21 GMT',
  'version 1.2.3.4',
  'icon@2x.png',
  'edeed4303b',
  'Viewed 12 of 48 results',
  '5 items in place',
  '550e8400-e29b-41d4-a716-446655440000',
  'sha512-4111111111111111',
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ/t/aB3dE5f6G7h8',
  'getUserAccountSettingsFromDatabase2',
  'sk-assessment-of-something-long',
  'GB82 WEST 1234 5698 7654 33',
  'std::vector, a::b',
  'Hello World',
]

describe('texts', () => {
  for (const [text, ...found] of IN_TEXT) it(`of ${text}`, () => assert.deepEqual(told(text), found))
  it('say nothing of what is nobody’s', () => {
    for (const text of NOT) assert.deepEqual(told(text), [], text)
  })
})

describe('keys', () => {
  it('tell what a value alone does not', () => {
    const pairs: [key: string, value: string, kind: string][] = [
      ['first_name', 'Asha', 'name'],
      ['customerName', 'आशा वर्मा', 'name'],
      ['userHandle', 'asha_v', 'username'],
      ['dob', '1990-03-12', 'date_of_birth'],
      ['dateOfBirth', '12 March 1990', 'date_of_birth'],
      ['device_id', '6D92078A-8246-4BA4-AE5B-76104861E7DC', 'device_id'],
      ['shippingAddress', 'Near the old well', 'address'],
      ['pin_code', '560001', 'address'],
      ['lat', '12.97159', 'geo'],
      ['mobile', '98765 43210', 'phone'],
      ['contact_no_phone', '9876543210', 'phone'],
      ['passport_number', 'Z1234567', 'passport'],
      ['vehicleNumber', 'MH12 1234', 'vehicle'],
      ['vat_id', 'X 123 456', 'tax_id'],
      ['password', 'swordfish', 'secret'],
      ['card_number', '1234', 'card'],
    ]
    for (const [key, value, kind] of pairs)
      assert.ok(
        told(value, key).some((line) => line.startsWith(`${kind} `)),
        `${key}: ${told(value, key)}`,
      )
    for (const [key, value] of [
      ['product_name', 'Asha'],
      ['plan', 'pro'],
      ['first_name', '12'],
      ['latency', '12.97159'],
      ['template', 'Asha'],
    ] as const)
      assert.deepEqual(told(value, key), [], key)
    assert.equal(hintOf('plan'), '')
    assert.equal(hintOf('passport_no'), 'passport_no')
  })

  it('and leaves of nested values are read wherever they stand', () => {
    const found = detectInProperty('order', { lines: [{ first_name: 'Asha' }, 'x'], 'a@b.example': 1, total: 4012888888881881 })
    assert.deepEqual(
      found.map(({ kind, path, in: place }) => [kind, path, place]),
      [
        ['name', 'lines[0].first_name', undefined],
        ['email', 'a@b.example', 'key'],
        ['card', 'total', undefined],
      ],
    )
    let deep: unknown = 'a@b.example'
    for (let i = 0; i < 5000; i++) deep = [deep]
    assert.deepEqual(detectInProperty('deep', deep as never), [])
  })
})

describe('places', () => {
  it('are those of the given text, whatever stands for a character', () => {
    const email = 'asha@verma.example'
    const written: Record<string, (text: string) => string> = {
      plain: (text) => text,
      'full width': (text) => text.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0)),
      'percent escapes': (text) => text.replace(/[^a-z]/g, (character) => `%${character.charCodeAt(0).toString(16)}`),
      'all percent escapes': (text) => text.replace(/./g, (character) => `%${character.charCodeAt(0).toString(16)}`),
      'twice escaped': (text) => encodeURIComponent(encodeURIComponent(text)),
      entities: (text) => text.replace(/[@.]/g, (character) => `&#${character.charCodeAt(0)};`),
      'JSON escapes': (text) => text.replace(/[@.]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
      'invisible characters': (text) => text.replace(/(?<=.)(?=.)/g, '\u200b'),
      'letters that look alike': (text) => text.replaceAll('a', '\u0430'),
      base64: (text) => Buffer.from(text).toString('base64'),
    }
    const around = fc.string({ unit: fc.constantFrom(' ', '😀', 'é', 'नम', '\u200b ', '%20', ', '), maxLength: 6 })
    fc.assert(
      fc.property(around, around, fc.constantFrom(...Object.keys(written)), (before, after, way) => {
        const value = (written[way] as (text: string) => string)(email)
        const text = `${before} ${value} ${after}`
        const found = detect(text).find(({ kind }) => kind === 'email')
        assert.ok(found !== undefined, `${way}: ${text}`)
        assert.equal(text.slice(found.start, found.end), value, way)
      }),
      { numRuns: 500 },
    )
  })

  it('never overlap, lie within the text, and carry a kind of the contract', () => {
    const scraps = fc.constantFrom(
      'asha@verma.example',
      '+91 98765 43210',
      '4111 1111 1111 1111',
      'token=',
      'sk_live_',
      '%40',
      'Mr Asha ',
      '1',
      ' ',
      '२',
      '😀',
      'x',
      ':',
      '/',
      'DE89370400440532013000',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(scraps, fc.string({ maxLength: 4 })), { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        let end = 0
        for (const finding of detect(text, { least: 0 })) {
          assert.ok(finding.start >= end && finding.end > finding.start && finding.end <= text.length, JSON.stringify([text, finding]))
          assert.ok(PERSONAL_KINDS.includes(finding.kind) && finding.confidence > 0 && finding.confidence <= 1)
          end = finding.end
        }
      }),
      { numRuns: 2000 },
    )
  })
})

it('holds back more than it tells', () => {
  for (const text of ['9876543210', '2125550143', '1.2.3.4', 'Xk3vQ9mZpL2tR8wYbN4c']) {
    assert.deepEqual(told(text), [], text)
    assert.notEqual(personalKindIn(text), undefined, text)
    assert.ok(detect(text, { least: HELD }).length > 0)
  }
})

it('has no rule that cannot say anything, or that says it of a length it is never asked of', () => {
  for (const { rule, grouped = 0, bare = 0, near = 0, groups, lengths, shape } of ID_RULES) {
    assert.ok(Math.max(grouped, bare, near) >= HELD, rule)
    assert.equal(grouped > 0, groups !== undefined && grouped > 0, rule)
    assert.ok(lengths.length > 0 && shape.source.startsWith('^') && shape.source.endsWith('$'), rule)
  }
})
