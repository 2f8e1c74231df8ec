import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeConfig, PROTOCOLS } from './config.ts'
import { decodeInit, encodeInit, type Role, type RoleInit, ROLES } from './role.ts'

const TEXT = `sources: [{ id: web, protocol: mixpanel, token: public-token }]
vendors:
  - id: acme
    destinations:
      - id: acme
        protocol: mixpanel
        url: https://vendor.example
        token: t
        credentials: { secret: "\${VENDOR}" }
        deletionToken: "\${VENDOR}"
keys: { transit: { url: "https://keys.example:8200", key: bulkhead, token: "\${KEYS}", ca: ca.pem } }
`

test('each secret goes to the one role that needs it, and comes out as a secret', () => {
  const env = { VENDOR: 'vendor-secret-1', KEYS: 'keys-secret-1' }
  const config = decodeConfig({ text: TEXT, name: 'bulkhead.yaml', folder: '/etc/bulkhead', env, protocols: PROTOCOLS })
  assert.equal(config.keys?.transit.ca, '/etc/bulkhead/ca.pem')
  const initOf = (role: Role): RoleInit => ({ role, config, instance: { dataDir: '/data' } }) as unknown as RoleInit
  for (const role of ROLES) {
    const encoded = encodeInit(initOf(role))
    const text = JSON.stringify(encoded)
    assert.equal(text.includes('vendor-secret-1'), role === 'worker', `${role} and the vendors' secrets`)
    assert.equal(text.includes('keys-secret-1'), role === 'vault', `${role} and the key service's`)
    assert.ok(!JSON.stringify(decodeInit(encoded)).includes('secret-1'))
  }
  assert.equal(decodeInit(encodeInit(initOf('vault'))).config.keys?.transit.token?.reveal(), 'keys-secret-1')
})

test('a key service has one token and a safe address', () => {
  const decode = (keys: string) =>
    decodeConfig({
      text: TEXT.replace(/keys: .*/, `keys: { transit: ${keys} }`),
      name: 'b.yaml',
      folder: '/',
      env: { VENDOR: 'v' },
      protocols: PROTOCOLS,
    })
  assert.throws(() => decode('{ url: "https://k.example", key: k }'), /neither token nor tokenFile/)
  assert.throws(() => decode('{ url: "https://k.example", key: k, token: a, tokenFile: b }'), /both token and tokenFile/)
  assert.throws(() => decode('{ url: "http://k.example", key: k, token: a }'), /without TLS/)
  assert.equal(decode('{ url: "https://k.example", key: k, tokenFile: t }').keys?.transit.tokenFile, '/t')
})
