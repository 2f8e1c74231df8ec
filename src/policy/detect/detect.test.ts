import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { JsonValue } from '#model/json.ts'
import { isCardNumber, isIban, isVerhoeff } from './checksums.ts'
import { DestroyedCounts, destroySecrets, destroySecretsInPair, mayHoldSecret, secretsIn } from './destroy.ts'
import { detect, HELD, personalKindIn, personalKindOfNumber } from './detect.ts'
import { isIpv6 } from './network.ts'
import { viewsOf } from './views.ts'

/** Kinds, and rules of secrets, that keep a text from standing open. */
const kinds = (text: string): string[] => [
  ...new Set(detect(text, { least: HELD }).map(({ kind, rule }) => (kind === 'secret' || kind === 'url_token' ? (rule as string) : kind))),
]

describe('detect', () => {
  const personal: Record<string, string[]> = {
    email: [
      'asha@verma.example',
      'write to Asha.Verma+news@mail.verma.example.',
      "<o'brien@b-c.example>",
      '"asha verma"@verma.example',
      'root@[192.168.7.7]',
      'आशा@उदाहरण.भारत',
      'ann@xn--bcher-kva.example',
      'jürgen@bücher.example',
      'asha%40verma.example',
      'asha%2540verma.example',
      '/next?to=asha%252540verma.example',
      'asha&#64;verma.example',
      'asha&#x40;verma&period;example',
      'asha&commat;verma.example',
      'ａｓｈａ＠ｖｅｒｍａ．ｅｘａｍｐｌｅ',
      'as\u200bha@ver\u200dma.exa\u00admple',
      '{"to":"asha\\u0040verma.example"}',
      'mailto:asha@verma.example?subject=x',
    ],
    phone: [
      '+91 98765 43210',
      '+1 (212) 555-0143',
      'call +44 20 7946 0958 now',
      '0044 20 7946 0958',
      '(212) 555-0143',
      '212.555.0143',
      '98765 43210',
      '9876543210',
      '+९१ ९८७६५ ४३२१०',
      '٩٨٧٦٥٤٣٢١٠',
      '𝟗𝟖𝟕𝟔𝟓𝟒𝟑𝟐𝟏𝟎',
      '020 7946 0958',
      '(030) 1234 5678',
      '０２０ ７９４６ ０９５８',
      '+49-151-23456789',
      '2125550143',
      '13812345678',
      '0 532 123 45 67',
      '(212) 555-0143x623',
    ],
    ip: [
      '10.20.30.40',
      'from 203.0.113.9:443',
      '2001:db8::8a2e:370:7334',
      '[fe80::1]',
      '::ffff:192.0.2.128',
      '2001:0db8:0000:0000:0000:8a2e:0370:7334',
    ],
    mac: ['00:1A:2B:3C:4D:5E', '00-1a-2b-3c-4d-5e'],
    card: [
      '4111 1111 1111 1111',
      '4111111111111111',
      '5555-5555-5555-4444',
      'amex 378282246310005',
      'order 12 4111 1111 1111 1111',
      '6011000990139424',
    ],
    tax_id: ['AAAPA1234A'],
    national_id: ['078-05-1120', 'QQ 12 34 56 C'.replace('QQ', 'AB')],
    iban: ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432'],
    jwt: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r'],
    'openai.api_key': [`sk-proj-${'Ab3'.repeat(12)}`, `sk-${'x9'.repeat(16)}`],
    'stripe.secret_key': [`sk_live_${'a1'.repeat(12)}`, `rk_live_${'B2'.repeat(12)}`],
    'aws.access_key_id': ['AKIAQQQQWWWWEEEERRRR', 'ASIAQQQQWWWWEEEERRRR'],
    'github.token': [`ghp_${'a1'.repeat(18)}`, `gho_${'a1'.repeat(18)}`, `github_pat_${'a1_'.repeat(12)}`],
    'slack.token': ['xoxb-1234567890-abcdef', 'xoxp-1234567890-abcdef'],
    'google.api_key': [`AIza${'x_-9'.repeat(9)}`],
    'npm.token': [`npm_${'a1'.repeat(18)}`],
    private_key: ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----'],
    bearer_token: ['Authorization: Bearer abcdef.123456-XYZ'],
    url_parameter: ['https://x.example/reset?reset_token=abc', '/cb?code=1&state=2', '#access_token=zz', 'token=abc'],
    url_password: ['postgres://root:hunter2@db/x'],
  }
  for (const [kind, texts] of Object.entries(personal)) {
    it(`finds ${kind}`, () => {
      for (const text of texts) assert.ok(kinds(text).includes(kind), `${kind} in ${text}: ${kinds(text)}`)
    })
  }

  it('lets ordinary product text pass', () => {
    const plain = [
      '',
      'pro',
      'Order placed',
      '2025-11-08',
      '08.11.2025 12:30:45',
      '12:30',
      'v1.2.3',
      '@types/node@24.1',
      '@asha',
      'a@b',
      '3.14159265358979',
      '1,234,567',
      'std::vector',
      'Chrome 140',
      'gpt-4o-2024-08-06',
      'sk-short',
      'risk-assessment-of-something-long',
      'sku-12345',
      '$1,299.00',
      '100%',
      'R&D',
      'A/B',
      '1920x1080',
      '1763870000000',
      'नमस्ते',
      '日本語',
      'task_live_stream',
      'npm_run',
      'utm_source',
      'bearer of news',
      'key=value',
      'x=1',
      'cafe',
      '7 of 12',
      '1-2-3',
    ]
    for (const text of plain) assert.deepEqual(kinds(text), [], text)
  })

  it('says what it has not read', () => {
    assert.equal(personalKindIn('word '.repeat(2000)), 'unscanned')
  })

  it('gives spans that hold the value, whatever stands around it', () => {
    const around = fc.string({ unit: fc.constantFrom(' ', '(', ')', ',', ';', '\n', '!', '<', '>', 'ü', 'x '), maxLength: 12 })
    fc.assert(
      fc.property(around, around, fc.constantFrom('asha@verma.example', '+91 98765 43210', '203.0.113.9'), (before, after, value) => {
        const text = `${before} ${value} ${after}`
        const finding = detect(text)[0]
        assert.ok(finding !== undefined && text.slice(finding.start, finding.end).includes(value), text)
      }),
    )
  })

  it('tells numbers that could be somebody from counts, clocks and fractions', () => {
    for (const value of [4111111111111111, 9876543210, 2125550143, -9876543210])
      assert.ok(personalKindOfNumber(value) !== undefined, String(value))
    for (const value of [0, 1, 42, 99_999_999, 1_764_000_000, 1_764_000_000_000, 0.4111111111111111, 1e21, Number.NaN])
      assert.equal(personalKindOfNumber(value), undefined, String(value))
    // A time that is kept as a number must not wait now and then.
    fc.assert(fc.property(fc.integer({ min: 1_600_000_000, max: 1_999_999_999 }), (at) => personalKindOfNumber(at) === undefined))
    fc.assert(fc.property(fc.integer({ min: 1_600_000_000_000, max: 1_999_999_999_999 }), (at) => personalKindOfNumber(at) === undefined))
  })

  it('knows the check digits of published examples', () => {
    assert.ok(isVerhoeff('2363') && !isVerhoeff('2364')) // Verhoeff's own example: 236 has the check digit 3.
    assert.ok(isIban('DE89370400440532013000') && !isIban('DE88370400440532013000')) // ISO 13616 registry example.
    assert.ok(isCardNumber('378282246310005') && !isCardNumber('378282246310006') && !isCardNumber('1111111111111117'))
    assert.deepEqual(
      ['::1', '1::', 'a::b', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '12:30:45', '::', '1::2::3', '1:2:3:4:5:6:7:8:9', '::ffff:1.2.3.444'].map(
        isIpv6,
      ),
      [true, true, true, true, true, false, false, false, false, false],
    )
  })
})

describe('destroySecrets', () => {
  const secret = `sk_live_${'a1'.repeat(12)}`

  it('leaves nothing of a secret in values, nested values, keys and JSON in strings', () => {
    const places: ((text: string) => JsonValue)[] = [
      (text) => text,
      (text) => `before ${text}, after`,
      (text) => ({ a: [1, { b: text }] }),
      (text) => ({ [text]: 1 }),
      (text) => JSON.stringify({ deep: [text] }),
      (text) => JSON.stringify({ deep: JSON.stringify([text]) }),
      (text) => encodeURIComponent(`?x ${text}`),
      (text) => `${text.slice(0, 12)}\u200b${text.slice(12)}`,
    ]
    for (const place of places) {
      const { value, destroyed } = destroySecrets(place(secret))
      assert.deepEqual(destroyed, { 'stripe.secret_key': 1 })
      assert.ok(!JSON.stringify(value).includes('a1a1'), JSON.stringify(value))
    }
    assert.equal(destroySecrets('pay with 4111 1111 1111 1111 now').value, 'pay with [destroyed:card] now')
    assert.equal(destroySecrets(4111111111111111).value, '[destroyed:card_number]')
    assert.equal(
      destroySecrets('https://x.example/r?a=1&reset_token=hunter2#top').value,
      'https://x.example/r?a=1&reset_token=[destroyed:url_parameter]#top',
    )
  })

  it('goes by the name of the key where the value looks like nothing', () => {
    const named = [
      'password',
      'Password',
      'user_password',
      'newPassword2',
      'passwordConfirmation',
      'api_key',
      'apiKey',
      'X-Api-Key'.slice(2),
      'authorization',
      'card_number',
      'cvv',
      'client_secret',
      'Set-Cookie',
    ]
    for (const key of named) {
      const [, value] = destroySecretsInPair(key, 'hunter2', new DestroyedCounts())
      assert.ok(String(value).startsWith('[destroyed:'), key)
      assert.deepEqual(destroySecrets({ outer: { [key]: 'hunter2' } }).value, { outer: { [key]: value } })
    }
    const kept = {
      has_password: true,
      password: null,
      password_length: 12,
      tokens: 512,
      total_tokens: 9,
      secretary: 'Ann',
      keyboard: 'us',
      pincode: '560001',
      authorized: 'yes',
      code: 'X1',
    }
    assert.equal(destroySecrets(kept).value, kept)
  })

  it('returns the same value when nothing was found, keeps `__proto__` a key, and copes with depth', () => {
    const hostile = JSON.parse(`{"__proto__":{"password":"x"},"constructor":"${secret}"}`) as JsonValue
    const { value } = destroySecrets(hostile)
    assert.equal(JSON.stringify(value), '{"__proto__":{"password":"[destroyed:password]"},"constructor":"[destroyed:stripe.secret_key]"}')
    let deep: JsonValue = secret
    for (let i = 0; i < 5000; i++) deep = [deep]
    assert.ok(!JSON.stringify(destroySecrets(deep).value).includes('sk_live'))
    fc.assert(
      fc.property(fc.jsonValue(), (any) => {
        const { value: kept, destroyed } = destroySecrets(any as JsonValue)
        assert.ok(Object.keys(destroyed).length > 0 || kept === any)
      }),
    )
  })

  it('looks no closer only where no pattern could match', () => {
    const scraps = fc.constantFrom(
      secret,
      'sk-',
      'eyJ',
      'bearer ',
      'Bearer\t',
      'AKIA',
      'a1'.repeat(8),
      '4111 1111',
      '4111111111111111',
      '4111-1111-1111-1111',
      '://',
      'u:p@',
      'token=',
      '-----BEGIN RSA PRIVATE KEY-----',
      '%73%6b',
      '\uff53',
      '&#115;',
      '{"a":',
      '[',
      ' ',
      '\n',
      ',',
      ':',
      '-',
      '.',
      'x',
      '1234',
      'AB12',
      'é',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(scraps, fc.string({ maxLength: 6 })), { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        if (mayHoldSecret(text)) return
        for (const view of viewsOf(text)) assert.deepEqual(secretsIn(view.text), [], text)
      }),
      { numRuns: 20_000 },
    )
    for (const words of ['Quarterly report, second draft', 'team', 'spring launch', 'Page opened', 'user-1234567', '12:30', 'a (b) [c]']) {
      assert.equal(mayHoldSecret(words), false, words)
    }
  })

  it('keeps nothing that it did not look at', () => {
    const { value, destroyed } = destroySecrets(`${'x '.repeat(140_000)}${secret}`)
    assert.deepEqual(destroyed, { overlong: 1 })
    assert.ok(!String(value).includes('sk_live'))
  })
})
