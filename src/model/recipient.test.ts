import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isSameRecipient, recipientName, recipientOf } from './recipient.ts'

const own = (url: string, token = 'token', projectId?: string) =>
  recipientOf({ url, token, credentials: projectId === undefined ? { kind: 'secret' } : { kind: 'serviceAccount', projectId } })

test('spellings of one address are one recipient; another host, scheme, port, path or project is another one', () => {
  const main = own('https://api.mixpanel.com')
  for (const same of ['https://api.mixpanel.com/', 'https://API.Mixpanel.com', 'https://api.mixpanel.com:443', 'https://api.mixpanel.com.'])
    assert.ok(isSameRecipient(own(same), main), same)
  const others = [
    own('https://api-eu.mixpanel.com'),
    own('https://api.mixpanel.com.evil.example'),
    own('https://api.mixpanel.com:8443'),
    own('https://api.mixpanel.com/other'),
    own('https://xn--mixpanel-9wa.com'),
    own('http://127.0.0.1:80'),
    own('https://api.mixpanel.com', 'another'),
    own('https://api.mixpanel.com', 'token', '77'),
    own('https://api.mixpanel.com', 'token', '78'),
  ]
  for (const [index, one] of [main, ...others].entries())
    for (const [at, other] of [main, ...others].entries()) assert.equal(isSameRecipient(one, other), index === at)
  assert.ok(!isSameRecipient(main, undefined))
  assert.match(recipientName(main), /^https:\/\/api\.mixpanel\.com \(project [0-9a-f]{8}\)$/)
})

test('this machine is one recipient whatever its ports; a name that only looks like it is not', () => {
  const here = own('http://127.0.0.1:4711')
  for (const same of ['http://127.0.0.1:9', 'http://localhost:80/x', 'http://[::1]:3', 'http://vendor.localhost:1', 'https://127.9.9.9'])
    assert.ok(isSameRecipient(own(same), here), same)
  for (const other of ['https://localhost.example', 'https://127.0.0.1.example', 'https://10.0.0.1', 'https://[::2]'])
    assert.ok(!isSameRecipient(own(other), here), other)
})

test('a token stands in no recipient, and different tokens are different projects', () => {
  assert.ok(!JSON.stringify(own('https://v.example', 'c0ffee-token-77')).includes('c0ffee-token'))
  fc.assert(
    fc.property(fc.string({ minLength: 8 }), fc.string({ minLength: 8 }), (token, other) => {
      const [one, two] = [own('https://v.example', token), own('https://v.example', other)]
      assert.equal(isSameRecipient(one, two), token === other)
    }),
  )
})
