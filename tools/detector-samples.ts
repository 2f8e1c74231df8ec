/**
 * Made-up material for the detectors from a seed: identifiers that are nobody's, which must not be found, and values of
 * each kind in sentences, which must. Whoever measures from outside uses other material; this shows where we stand between.
 */
import { getCountries, getExampleNumber, parsePhoneNumberFromString, type PhoneNumber } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import type { PersonalKind } from '#model/personal-kind.ts'
import { IBAN_LENGTHS, isLuhn, isVerhoeff, mod97 } from '#policy/detect/checksums.ts'

export interface Sample {
  text: string
  /** Stands for a row of the table: `uuid`, `email`. */
  group: string
  /** The value within the text and what it is; absent: nothing personal stands here. */
  value?: string
  kinds?: readonly PersonalKind[]
}

/** Mulberry32: small, and good enough for samples. */
export class Seeded {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** `length` characters of an alphabet. */
  text(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[this.below(alphabet.length)]).join('')
  }

  digits(length: number): string {
    return this.text('0123456789', length)
  }

  hex(length: number): string {
    return this.text('0123456789abcdef', length)
  }
}

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LETTERS = `${UPPER}abcdefghijklmnopqrstuvwxyz`
const WORD = `${LETTERS}0123456789`

function uuid(random: Seeded): string {
  return `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-${random.pick(['8', '9', 'a', 'b'])}${random.hex(3)}-${random.hex(12)}`
}

function base64(random: Seeded, bytes: number): string {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256))).toString('base64')
}

function orderNumber(random: Seeded): string {
  const year = 2020 + random.below(7)
  return random.pick([
    () => `ORD-${random.digits(5 + random.below(6))}`,
    () => `#${random.digits(4 + random.below(5))}`,
    () => random.digits(6 + random.below(5)),
    () => `INV-${year}-${random.digits(4 + random.below(3))}`,
    () => `${year}-${random.digits(6)}`,
    () => `SO${random.digits(8)}`,
    () => `${random.text(UPPER, 2)}-${random.digits(6)}`,
    () => `${random.digits(3)}-${random.digits(7)}-${random.digits(7)}`,
    () => `${year}${String(1 + random.below(12)).padStart(2, '0')}${String(1 + random.below(28)).padStart(2, '0')}-${random.digits(4)}`,
    () => `PO/${random.digits(4)}/${random.digits(3)}`,
    () => `order_${random.text(WORD, 14)}`,
    () => `RMA${random.digits(7)}`,
  ])()
}

/** Product text as it stands in events. */
const PHRASES = [
  'Order placed',
  'Upgraded to the Pro plan',
  'Page opened in 1.2 s',
  'Checkout step 3 of 5',
  'Signup form shown',
  '3 items in cart',
  'Viewed 12 of 48 results',
  'button: Start free trial',
  'Dark mode on',
  'gpt-4o-2024-08-06',
  'checkout_completed',
  'Summer Sale 2025',
  'utm_campaign=spring_launch',
  'A/B test variant B',
  '1,299.00 INR',
  'Rs. 4,999',
  'iPhone 15 Pro Max',
  'Windows 11 Pro 23H2',
  'Settings > Billing > Invoices',
  'Thank you for your order',
  'Error 404: not found',
  'retry in 30 seconds',
  '08:30 - 17:45',
  'Room 204, floor 2',
  'Playlist: 90s Rock Classics',
  'Learn more about pricing',
]

type Make = (random: Seeded) => string

export const NOT_PERSONAL: Readonly<Record<string, Make>> = {
  uuid: (random) => random.pick([uuid(random), uuid(random).toUpperCase(), uuid(random).replaceAll('-', '')]),
  hash: (random) =>
    random.pick([
      random.hex(32),
      random.hex(40),
      random.hex(64),
      random.hex(7),
      random.hex(128),
      `sha256:${random.hex(64)}`,
      `sha512-${base64(random, 64)}`,
      base64(random, 32),
    ]),
  version: (random) =>
    random.pick([
      `${random.below(30)}.${random.below(30)}.${random.below(99)}`,
      `v${random.below(9)}.${random.below(30)}.${random.below(30)}-beta.${random.below(9)}`,
      `${100 + random.below(50)}.0.${random.below(9999)}.${random.below(300)}`,
      `Chrome/${100 + random.below(50)}.0.0.0`,
      `${random.below(9)}.${random.below(20)}.${random.below(20)}.${random.below(20)}`,
      `build ${random.digits(8)}`,
      `1.0.0+2025${random.digits(10)}`,
      `^${random.below(9)}.${random.below(30)}.0`,
    ]),
  order: orderNumber,
  timestamp: (random) => {
    const at = 1_500_000_000_000 + random.below(2 ** 31) * 140
    return random.pick([
      String(at),
      String(Math.floor(at / 1000)),
      new Date(at).toISOString(),
      new Date(at).toISOString().slice(0, 10),
      new Date(at).toUTCString(),
    ])
  },
  identifier: (random) =>
    random.pick([
      random.text('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 26),
      random.hex(24),
      random.text(`${WORD}_-`, 21),
      random.text(WORD, 11),
      `cus_${random.text(WORD, 14)}`,
      `${random.pick(['user', 'evt', 'sess', 'txn', 'item'])}_${random.digits(8)}`,
      `SKU-${random.text(UPPER, 3)}-${random.digits(5)}`,
      `arn:aws:s3:::${random.text('abcdefghij', 8)}-${random.digits(4)}`,
    ]),
  amount: (random) =>
    random.pick([
      `$${random.below(9999)}.${random.digits(2)}`,
      `${random.below(99)},${random.digits(3)},${random.digits(3)}`,
      `${random.below(100)}.${random.digits(9)}`,
      `${random.below(100)}%`,
      `-${random.below(1000)}.5`,
      `${random.below(4000)}x${random.below(3000)}`,
      `0.${random.digits(16)}`,
    ]),
  image: (random) => `data:image/png;base64,iVBORw0KGgo${base64(random, 90)}`,
  phrase: (random) => random.pick(PHRASES),
}

const SENTENCES = ['{}', 'contact: {}', 'Reached at {} today', '"{}"', 'value={}', '({})', 'see {}.', 'नमस्ते {}', 'a, {}, b', '{"v":"{}"}']

function luhnEnd(digits: string): string {
  for (let check = 0; check < 10; check++) if (isLuhn(digits + String(check))) return digits + String(check)
  return digits
}

function verhoeffEnd(digits: string): string {
  for (let check = 0; check < 10; check++) if (isVerhoeff(digits + String(check))) return digits + String(check)
  return digits
}

function card(random: Seeded): string {
  const [prefix, length] = random.pick([
    ['4', 16],
    ['51', 16],
    ['55', 16],
    ['2221', 16],
    ['34', 15],
    ['37', 15],
    ['6011', 16],
    ['65', 16],
    ['3528', 16],
    ['36', 14],
    ['6221', 16],
    ['60', 16],
  ] as const)
  const bare = luhnEnd(prefix + random.digits(length - prefix.length - 1))
  const groups = length === 15 ? /^(.{4})(.{6})(.{5})$/ : length === 14 ? /^(.{4})(.{6})(.{4})$/ : /^(.{4})(.{4})(.{4})(.{4})$/
  const parts = (groups.exec(bare) as RegExpExecArray).slice(1)
  return random.pick([bare, parts.join(' '), parts.join('-')])
}

function iban(random: Seeded): string {
  const [country, length] = random.pick([...IBAN_LENGTHS])
  const account = (random.below(3) === 0 ? random.text(UPPER, 4) : random.digits(4)) + random.digits(length - 8)
  const bare = country + String(98 - mod97(`${account}${country}00`)).padStart(2, '0') + account
  return random.pick([bare, bare.replaceAll(/.{4}(?=.)/g, '$& ')])
}

function phone(random: Seeded): string {
  const countries = getCountries().filter((country) => getExampleNumber(country, examples) !== undefined)
  for (;;) {
    const example = getExampleNumber(random.pick(countries), examples) as PhoneNumber
    // Other numbers of the same plan, by the last digits.
    const tail = Math.min(4, example.nationalNumber.length - 4)
    const other = parsePhoneNumberFromString(
      `+${example.countryCallingCode}${example.nationalNumber.slice(0, -tail)}${random.digits(tail)}`,
    )
    if (other?.isValid() !== true) continue
    const national = other.formatInternational()
    return random.pick([other.number, national, national.replaceAll(' ', '-'), national.replaceAll(' ', '.')])
  }
}

const mailHosts = [
  'gmail.com',
  'example.co.in',
  'mail.verma.example',
  'proton.me',
  'bücher.example',
  'corp.example.org',
  'xn--bcher-kva.example',
]

const SECRETS: Readonly<Record<string, Make>> = {
  openai: (r) =>
    r.pick([
      `sk-proj-${r.text(`${WORD}_-`, 60)}7x`,
      `sk-${r.text(WORD, 20)}T3BlbkFJ${r.text(WORD, 20)}`,
      `sk-svcacct-${r.text(`${WORD}_-`, 80)}1`,
    ]),
  anthropic: (r) => `sk-ant-api03-${r.text(`${WORD}_-`, 93)}AA`,
  aws: (r) => `${r.pick(['AKIA', 'ASIA'])}${r.text('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`,
  google: (r) => `AIza${r.text(`${WORD}_-`, 35)}`,
  github: (r) => r.pick([`ghp_${r.text(WORD, 36)}`, `gho_${r.text(WORD, 36)}`, `github_pat_${r.text(WORD, 22)}_${r.text(WORD, 59)}`]),
  gitlab: (r) => `glpat-${r.text(`${WORD}_-`, 20)}`,
  slack: (r) =>
    r.pick([
      `xoxb-${r.digits(12)}-${r.digits(12)}-${r.text(WORD, 24)}`,
      `https://hooks.slack.com/services/T${r.text(UPPER, 8)}/B${r.text(UPPER, 8)}/${r.text(WORD, 24)}`,
    ]),
  stripe: (r) => `${r.pick(['sk_live_', 'rk_live_', 'sk_test_'])}${r.text(WORD, 24)}`,
  twilio: (r) => `SK${r.hex(32)}`,
  sendgrid: (r) => `SG.${r.text(`${WORD}_-`, 22)}.${r.text(`${WORD}_-`, 43)}`,
  npm: (r) => `npm_${r.text(WORD, 36)}`,
  jwt: (r) =>
    [
      Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url'),
      Buffer.from(`{"sub":"${r.digits(9)}"}`).toString('base64url'),
      r.text(`${WORD}_-`, 43),
    ].join('.'),
  private_key: (r) => `-----BEGIN PRIVATE KEY-----\nMIIE${r.text(WORD, 60)}\n-----END PRIVATE KEY-----`,
  database: (r) => `postgres://app:${r.text(WORD, 14)}@db.internal.example:5432/main`,
  bearer: (r) => `Authorization: Bearer ${r.text(WORD, 40)}`,
  others: (r) =>
    r.pick([
      `hf_${r.text(WORD, 34)}`,
      `dop_v1_${r.hex(64)}`,
      `shpat_${r.hex(32)}`,
      `glsa_${r.text(WORD, 32)}_${r.hex(8)}`,
      `pypi-AgEIcHlwaS5vcmc${r.text(`${WORD}_-`, 70)}`,
      `${r.hex(32)}-us${1 + r.below(20)}`,
      `key-${r.hex(32)}`,
      `dapi${r.hex(32)}`,
      `lin_api_${r.text(WORD, 40)}`,
      `hvs.${r.text(`${WORD}_-`, 90)}`,
      `${r.digits(10)}:AA${r.text(`${WORD}_-`, 33)}`,
    ]),
}

/** Each gives the value alone; sentences are put around it. */
export const PERSONAL: Readonly<Record<string, { kinds: readonly PersonalKind[]; make: Make }>> = {
  email: {
    kinds: ['email'],
    make: (r) =>
      `${r.pick(['asha', 'ravi.k', "o'brien", 'jürgen', 'a_b', 'first.last+news'])}${r.pick(['', r.digits(2)])}@${r.pick(mailHosts)}`,
  },
  'phone, with country code': { kinds: ['phone'], make: phone },
  'ip, version 4': {
    kinds: ['ip'],
    make: (r) => [1 + r.below(223), r.below(256), r.below(256), r.below(256)].join('.'),
  },
  'ip, version 6': {
    kinds: ['ip'],
    make: (r) =>
      r.pick([
        `2001:db8:${r.hex(4)}::${r.hex(3)}`,
        `fe80::${r.hex(4)}:${r.hex(4)}:${r.hex(4)}:${r.hex(4)}`,
        Array.from({ length: 8 }, () => r.hex(4)).join(':'),
      ]),
  },
  mac: { kinds: ['mac'], make: (r) => Array.from({ length: 6 }, () => r.hex(2)).join(r.pick([':', '-'])) },
  card: { kinds: ['card'], make: card },
  iban: { kinds: ['iban'], make: iban },
  'national_id: Aadhaar in groups': {
    kinds: ['national_id'],
    make: (r) => verhoeffEnd(String(2 + r.below(8)) + r.digits(10)).replaceAll(/.{4}(?=.)/g, '$& '),
  },
  'national_id: Aadhaar, bare': { kinds: ['national_id'], make: (r) => verhoeffEnd(String(2 + r.below(8)) + r.digits(10)) },
  'national_id: SSN': {
    kinds: ['national_id'],
    make: (r) => `${100 + r.below(500)}-${String(1 + r.below(99)).padStart(2, '0')}-${String(1 + r.below(9999)).padStart(4, '0')}`,
  },
  'tax_id: PAN': {
    kinds: ['tax_id'],
    make: (r) => `${r.text(UPPER, 3)}${r.pick(['P', 'C', 'H', 'F'])}${r.text(UPPER, 1)}${r.digits(4)}${r.text(UPPER, 1)}`,
  },
  geo: { kinds: ['geo'], make: (r) => `${r.below(90)}.${r.digits(6)}, ${r.below(180)}.${r.digits(6)}` },
  url_token: {
    kinds: ['url_token', 'secret'],
    make: (r) =>
      r.pick([
        `https://x.example/reset-password/${r.text(WORD, 32)}7`,
        `https://x.example/login?token=${r.text(WORD, 24)}`,
        `https://x.example/magic/${uuid(r)}`,
        `https://x.example/cb#access_token=${r.text(WORD, 30)}&state=1`,
        `/verify-email?code=${r.digits(6)}&u=1`,
      ]),
  },
  ...Object.fromEntries(
    Object.entries(SECRETS).map(([vendor, make]) => [`secret: ${vendor}`, { kinds: ['secret', 'url_token'] as const, make }]),
  ),
}

export function* notPersonal(seed: number, each: number): Generator<Sample> {
  for (const [group, make] of Object.entries(NOT_PERSONAL)) {
    const random = new Seeded(seed)
    for (let i = 0; i < each; i++) yield { group, text: make(random) }
  }
}

export function* personal(seed: number, each: number): Generator<Required<Sample>> {
  for (const [group, { kinds, make }] of Object.entries(PERSONAL)) {
    const random = new Seeded(seed)
    for (let i = 0; i < each; i++) {
      const value = make(random)
      yield { group, kinds, value, text: random.pick(SENTENCES).replace('{}', () => value) }
    }
  }
}
