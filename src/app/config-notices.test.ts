import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import type { Config } from '#model/config.ts'
import { decodeConfig } from './config.ts'

const WHOLE = `company: Example Ltd
officialDomain: example.com
checkUrl: https://check.example.com/check
contact: { team: Privacy team, mail: privacy@example.com, hours: "9 to 17 IST", languages: [English, हिन्दी], dpo: A. Rao }
from: { name: Example security, address: security@mail.example.com }
smtp: { host: mail.example.net, user: notices, passwordFile: secrets/smtp }
dkim: { domain: example.com, selector: n1, keyFile: secrets/dkim.pem }
zone: Asia/Kolkata`

const VENDOR = `vendors:
  - { id: mix, destinations: [{ id: m1, protocol: mixpanel, url: "https://api-eu.vendor.co.uk", token: t, credentials: { secret: s } }] }
`

function decode(notices: string, folder = '/etc/bulkhead', checksFiles = false): Config {
  const indented = notices.replaceAll(/^/gm, '  ')
  const text = `sources: [{ id: web, protocol: mixpanel, token: t }]\n${VENDOR}notices:\n${indented}\n`
  return decodeConfig({ text, name: 'bulkhead.yaml', folder, env: {}, protocols: ['mixpanel'], checksFiles })
}

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError && thrown.code === 'config_invalid', String(thrown))
    assert.match(thrown.message, /bulkhead\.yaml:\d+:\d+/)
    return thrown.message
  }
  return assert.fail('accepted')
}

/** One line in place of the one that begins alike. */
function withLine(line: string): string {
  const key = line.slice(0, line.indexOf(':') + 1)
  const lines = WHOLE.split('\n')
  assert.ok(key === 'defaultLanguage:' || lines.some((each) => each.startsWith(key)), key)
  return [...lines.filter((each) => !each.startsWith(key)), line].join('\n')
}

test('notices are decoded with their defaults, and files from where the configuration lies', () => {
  const { notices } = decode(WHOLE)
  assert.equal(notices?.smtp?.port, 587)
  assert.equal(notices?.smtp?.tls, 'required')
  assert.deepEqual([notices?.smtp?.connections, notices?.smtp?.perSecond], [4, 20])
  assert.equal(notices?.smtp?.passwordFile, '/etc/bulkhead/secrets/smtp')
  assert.equal(notices?.dkim?.keyFile, '/etc/bulkhead/secrets/dkim.pem')
  assert.deepEqual([notices?.defaultLanguage, notices?.zone], ['en', 'Asia/Kolkata'])
  assert.equal(decode(withLine('smtp: { host: localhost, port: 2526, tls: none }')).notices?.smtp?.tls, 'none')
})

test('what cannot be told in the name of the company, or safely, is refused with its place', () => {
  const cases: [string, RegExp][] = [
    ['officialDomain: com', /no domain/],
    ['officialDomain: Example.com', /no domain/],
    ['officialDomain: https://example.com', /no domain/],
    ['checkUrl: http://example.com/check', /begins with http:/],
    ['checkUrl: https://example.org/check', /an address at example\.org/],
    ['checkUrl: https://notexample.com/check', /an address at notexample\.com/],
    ['checkUrl: https://example.com.evil.net/check', /an address at example\.com\.evil\.net/],
    ['checkUrl: https://example.com@evil.net/check', /a user in it/],
    ['checkUrl: https://example.com/check?code=', /a query or fragment/],
    ['checkUrl: https://EXAMPLE.com/check', /browsers write differently/],
    ['company: "Example\\r\\nBcc: all@example.com"', /unprintable/],
    ['company: "Ex\\u202eample"', /unprintable/],
    ['from: { name: "A\\u200b", address: security@example.com }', /unprintable/],
    ['from: { name: A, address: security@example.org }', /an address at example\.org/],
    ['from: { name: A, address: "a b@example.com" }', /no mail address/],
    ['from: { name: A, address: "a@example.com, b@example.com" }', /no mail address/],
    ['contact: { team: T, mail: nobody }', /no mail address/],
    ['contact: { mail: a@example.com }', /no team/],
    ['dkim: { domain: example.org, selector: n1, keyFile: k }', /not the official one/],
    ['dkim: { domain: example.com, selector: "n1; d=evil.net", keyFile: k }', /no selector/],
    ['smtp: { host: api-eu.vendor.co.uk }', /a host of the vendor/],
    ['smtp: { host: SMTP.Vendor.co.uk. }', /a host of the vendor/],
    ['smtp: { host: mail.example.net, tls: none }', /none for another machine/],
    ['smtp: { host: mail.example.net, user: u }', /without the other/],
    ['smtp: { host: mail.example.net, user: u, passwordFile: p, tls: opportunistic }', /a password with tls: opportunistic/],
    ['smtp: { host: mail.example.net, connections: 0 }', /1 to 50/],
    ['smtp: { host: mail.example.net, perSecond: 0 }', /more than 0/],
    ['smtp: { host: mail.example.net, password: secret }', /the unknown key "password"/],
    ['smtp: { host: "mail.example.net evil" }', /no name of a host/],
    ['zone: Mars/Olympus', /no time zone/],
    ['defaultLanguage: not a tag', /no language/],
  ]
  for (const [line, why] of cases) {
    assert.match(
      refusal(() => decode(withLine(line))),
      why,
      line,
    )
  }
})

test('files that it names are tried at the start', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'bulkhead-notices-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const start = (): Config => decode(withLine('dkim: { domain: example.com, selector: n1, keyFile: dkim.pem }'), folder, true)
  const keyOf = (key: ReturnType<typeof generateKeyPairSync>['privateKey']): string =>
    key.export({ type: 'pkcs8', format: 'pem' }) as string
  assert.match(refusal(start), /passwordFile|ENOENT/)
  const password = 'a-password-that-nobody-prints'
  const named = WHOLE.replace('secrets/smtp', 'smtp.txt').replace('secrets/dkim.pem', 'dkim.pem')
  const again = (): Config => decode(named, folder, true)
  writeFileSync(path.join(folder, 'smtp.txt'), password)
  assert.match(refusal(again), /ENOENT/)
  writeFileSync(path.join(folder, 'dkim.pem'), 'no key')
  assert.match(refusal(again), /no private key/)
  writeFileSync(path.join(folder, 'dkim.pem'), keyOf(generateKeyPairSync('ed25519').privateKey))
  assert.match(refusal(again), /a key of the kind ed25519/)
  writeFileSync(path.join(folder, 'dkim.pem'), keyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey))
  assert.doesNotMatch(JSON.stringify(again()), new RegExp(password))
})
