import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { BulkheadError } from '#base/errors.ts'
import type { Config } from '#model/config.ts'
import { makeCertificate } from '#test/support/certificate.ts'
import { decodeConfig, readConfig } from './config.ts'
import { configSchemaText } from './config-schema.ts'

const FULL = `
sources:
  - { id: web, protocol: mixpanel, token: tokenweb, surface: site }
  - { id: api, protocol: mixpanel, token: "\${API_TOKEN}", trust: server, groupKeys: [org] }
vendors:
  - id: acme
    name: Acme Analytics
    kind: messaging provider
    destinations:
      - id: acme-main
        protocol: mixpanel
        url: https://api.acme.example/
        token: proj
        credentials: { serviceAccount: { user: svc, secret: "\${ACME_SECRET}", projectId: "12" } }
        deletionToken: "\${DELETION}"
        grants:
          - { field: country, form: coarse, purpose: analytics }
          - { field: property.plan, form: clear, purpose: support, until: 2027-01-31, reason: ticket }
        events: { approved: [Signed Up, Paid, Paid] }
      - id: acme-eu
        protocol: mixpanel
        url: http://127.0.0.1:9000
        token: proj2
        credentials: { secret: "$\${NOT_EXPANDED}" }
        grants: []
gateway: { tls: { cert: tls/cert.pem, key: tls/key.pem }, trustProxy: [10.0.0.0/8, "::1"] }
store: { paths: { approved: [docs, pricing] } }
`
const ENV = { API_TOKEN: 'tokenapi', ACME_SECRET: 'very-secret-value', DELETION: 'del: [x]' }

function decode(text: string, env: NodeJS.ProcessEnv = ENV): Config {
  return decodeConfig({ text, name: 'bulkhead.yaml', folder: '/etc/bulkhead', env, protocols: ['mixpanel'] })
}

function refusal(text: string, env?: NodeJS.ProcessEnv): string {
  try {
    decode(text, env)
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError, String(thrown))
    assert.equal(thrown.code, 'config_invalid')
    return thrown.message
  }
  return assert.fail('it was accepted')
}

test('a full file is decoded, defaults filled in, and secrets are never printed', () => {
  const config = decode(FULL)
  assert.deepEqual(
    config.sources.map((s) => [s.id, s.token, s.trust, s.namespace, s.surface, s.groupKeys.length]),
    [
      ['web', 'tokenweb', 'browser', 'default', 'site', 9],
      ['api', 'tokenapi', 'server', 'default', 'api', 1],
    ],
  )
  const [main, second] = config.vendors[0]?.destinations ?? []
  assert.equal(config.vendors[0]?.kind, 'messaging provider')
  assert.equal(decode(FULL.replace(/ {4}kind: .*\n/, '')).vendors[0]?.kind, 'analytics provider', 'what an analytics protocol is for')
  assert.match(refusal(FULL.replace('messaging provider', 'a friend')), /one of analytics provider, messaging provider/)
  assert.ok(main?.credentials.kind === 'serviceAccount')
  assert.equal(main.credentials.secret.reveal(), 'very-secret-value')
  assert.equal(main.deletionToken?.reveal(), 'del: [x]', 'a value with YAML syntax in it stays text')
  assert.equal(main.url, 'https://api.acme.example')
  assert.equal(main.grants?.[1]?.until, Date.UTC(2027, 0, 31))
  assert.deepEqual(main.events.approved, ['Signed Up', 'Paid'])
  assert.deepEqual(second?.grants, [])
  assert.ok(second?.credentials.kind === 'secret')
  assert.equal(second.credentials.secret.reveal(), '${NOT_EXPANDED}')
  assert.deepEqual(config.gateway, {
    tls: { cert: '/etc/bulkhead/tls/cert.pem', key: '/etc/bulkhead/tls/key.pem' },
    trustProxy: ['10.0.0.0/8', '::1'],
  })
  assert.deepEqual(config.store.paths.approved, ['docs', 'pricing'])
  for (const printed of [JSON.stringify(config), inspect(config, { depth: 9 })]) {
    assert.ok(!printed.includes('very-secret-value') && !printed.includes('del: [x]'))
  }
})

/** Swaps one text of FULL; the complaint must name the line and column where `at` begins, and say what is wrong. */
const WRONG: [what: string, from: string, to: string, at: string, says: RegExp][] = [
  ['an unknown key', 'token: proj2', 'token: proj2\n        tokn: x', 'tokn', /unknown key "tokn".*one of id, protocol/],
  ['an unknown top key', 'store:', 'stores:', 'stores', /unknown key "stores"/],
  [
    'a region that is not kept',
    '{ field: country, form: coarse',
    '{ field: region, form: coarse',
    'region',
    /the field region, and gateway.places keeps the country alone/,
  ],
  ['places of another kind', 'trustProxy: [10.0.0.0/8, "::1"] }', 'trustProxy: [], places: street }', 'street', /country, region or city/],
  ['a number as token', 'token: tokenweb', 'token: 12345', '12345', /the number 12345 \(put it in quotes\), expected the public token/],
  ['an unknown protocol', 'web, protocol: mixpanel', 'web, protocol: segmint', 'segmint', /"segmint", expected one of mixpanel/],
  ['a trust that is none', 'trust: server', 'trust: directory', 'directory', /"directory", expected browser .* or server/],
  ['a token twice', '"${API_TOKEN}"', '"tokenweb"', '"tokenweb"', /token of the source "web" again, with another trust/],
  ['a source twice', 'id: api', 'id: "web"', '"web"', /source id "web" again/],
  ['a destination twice', 'id: acme-eu', 'id: "acme-main"', '"acme-main"', /destination id "acme-main" again/],
  ['no TLS to another machine', 'https://api', 'http://api', 'http://api', /without TLS, expected an https/],
  ['a user in the address', 'https://api', 'https://me:pw@api', 'https://me', /with a user in it/],
  ['no credentials', '{ secret: "$${NOT_EXPANDED}" }', '{}', '{}', /a mapping, expected either secret or serviceAccount/],
  [
    'both credentials',
    '{ secret:',
    '{ serviceAccount: {user: a, secret: b, projectId: c}, secret:',
    '{ serviceAccount: {user: a',
    /either secret or/,
  ],
  [
    'half an account',
    ', projectId: "12"',
    '',
    '{ user: svc',
    /no projectId in vendors\[0\]\.destinations\[0\]\.credentials\.serviceAccount/,
  ],
  ['an unknown field', 'field: country', 'field: contry', 'contry', /unknown field "contry"/],
  ['an unknown form', 'form: coarse', 'form: rough', 'rough', /"rough", expected one of clear, coarse/],
  [
    'clear identity for ever',
    'property.plan, form: clear, purpose: support, until: 2027-01-31',
    'email, form: clear, purpose: support',
    '{ field: email',
    /email in the clear without an end/,
  ],
  [
    'a form that is not built yet',
    'property.plan, form: clear',
    'email, form: alias',
    'alias',
    /it can leave in the clear only, for a time, when two people agree/,
  ],
  [
    'identity in the clear without a reason',
    'property.plan, form: clear, purpose: support, until: 2027-01-31, reason: ticket',
    'email, form: clear, purpose: support, until: 2027-01-31',
    '{ field: email',
    /email in the clear without a reason/,
  ],
  [
    'identity in the clear for years',
    'property.plan, form: clear, purpose: support, until: 2027-01-31',
    'email, form: clear, purpose: support, until: 2199-01-31',
    '2199-01-31',
    /email in the clear for more than 400 days/,
  ],
  [
    'identity that nobody may have',
    'property.plan, form: clear',
    'national_id, form: clear',
    'clear',
    /this identity field does not leave/,
  ],
  ['a form that a field has not', 'country, form: coarse', 'country, form: clear', 'clear', /it can leave as coarse only/],
  ['an identifier in the clear', 'country, form: coarse', 'user_id, form: open', 'open', /"open", expected one of/],
  ['an identifier as alias', 'country, form: coarse', 'user_id, form: alias', 'alias', /user_id in the form alias, expected pseudonym/],
  ['no date', '2027-01-31', 'soon', 'soon', /"soon", expected a day/],
  ['no day of the calendar', '2027-01-31', '2027-02-31', '2027-02-31', /expected a day/],
  ['a proxy that is no range', '10.0.0.0/8', '10.0.0.0/99', '10.0.0.0/99', /"10.0.0.0\/99", expected an address/],
  ['a key twice', 'token: proj2', 'token: proj2\n        token: proj3', 'token: proj3', /unique/],
  ['a bracket too many', '[docs, pricing]', '[docs, pricing]]', '] } }', /expected YAML/],
]

function placeOf(text: string, at: string): string {
  const before = text.slice(0, text.indexOf(at)).split('\n')
  return `${before.length}:${(before.at(-1) ?? '').length + 1}:`
}

for (const [what, from, to, at, says] of WRONG) {
  test(`refused with its place: ${what}`, () => {
    assert.ok(FULL.includes(from))
    const wrong = FULL.replace(from, () => to)
    const message = refusal(wrong)
    assert.match(message, says)
    assert.ok(message.startsWith(`bulkhead.yaml:${placeOf(wrong, at)}`), `${message} (expected at ${placeOf(wrong, at)})`)
    assert.ok(!message.includes('very-secret-value'))
  })
}

test('a missing variable is named with its place and a secret of the wrong type is not printed', () => {
  const { ACME_SECRET: _, ...rest } = ENV
  assert.match(
    refusal(FULL, rest),
    /^bulkhead\.yaml:14:\d+: found \$\{ACME_SECRET\}, which is not set, expected the environment variable ACME_SECRET/,
  )
  const message = refusal(FULL.replace('"$${NOT_EXPANDED}"', '99887766'))
  assert.ok(!message.includes('99887766'), message)
  assert.match(refusal(''), /no sources in the file/)
  assert.match(refusal('- a\n- b\n'), /a list, expected a mapping/)
  assert.match(refusal('a: &x [*x]\n'), /bulkhead.yaml:\d+:\d+/)
})

test('without a file there is one source for any token and nothing leaves; an absent file is an error', () => {
  const config = readConfig({ env: {} })
  assert.equal(config.sources.length, 1)
  assert.equal(config.sources[0]?.token, undefined)
  assert.equal(config.sources[0]?.trust, 'browser')
  assert.deepEqual(config.vendors, [])
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-config-'))
  try {
    const file = path.join(folder, 'bulkhead.yaml')
    assert.throws(() => readConfig({ file, env: {} }), { code: 'config_unreadable' })
    writeFileSync(file, FULL)
    const wrong = (at: string, says: RegExp): void => {
      assert.throws(
        () => readConfig({ file, env: ENV }),
        (error: BulkheadError) =>
          error.code === 'config_invalid' && error.message.includes(`:${placeOf(FULL, at)}`) && says.test(error.message),
      )
    }
    wrong('tls/cert.pem', /cert\.pem, which cannot be read \(ENOENT\), expected a PEM file/)
    // Without empty lines: OpenSSL takes none inside of PEM.
    const make = (): { cert: string; key: string } => {
      const { cert, key } = makeCertificate()
      return { cert: cert.replaceAll('\n\n', '\n'), key }
    }
    const [own, other] = [make(), make()]
    mkdirSync(path.join(folder, 'tls'))
    writeFileSync(path.join(folder, 'tls', 'cert.pem'), own.cert)
    writeFileSync(path.join(folder, 'tls', 'key.pem'), own.cert)
    wrong('tls/key.pem', /key\.pem, which does not hold one/)
    writeFileSync(path.join(folder, 'tls', 'key.pem'), other.key)
    wrong('tls/key.pem', /which is not the key of that certificate/)
    writeFileSync(path.join(folder, 'tls', 'key.pem'), own.key)
    assert.equal(readConfig({ file, env: ENV }).gateway.tls?.cert, path.join(folder, 'tls', 'cert.pem'))
    assert.throws(() => readConfig({ file, env: {} }), { code: 'config_invalid' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the published schema is the one that is used', () => {
  const file = new URL('../../docs/schemas/bulkhead.yaml.schema.json', import.meta.url)
  assert.equal(readFileSync(file, 'utf8'), configSchemaText(), 'run tools/generate-schemas.ts')
})
