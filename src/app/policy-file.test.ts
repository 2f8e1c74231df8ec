import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import { decodePolicyFile } from './policy-file.ts'

function decode(text: string, env: NodeJS.ProcessEnv = {}) {
  return decodePolicyFile({ text, name: 'wrong.yaml', env })
}

test('a file that is no policy is refused with place and line, what was found and what was expected', () => {
  const wrong: [text: string, message: RegExp][] = [
    [
      'destinations:\n  - id: m\n    grants:\n      - { field: shoe_size, form: clear, purpose: p }\n',
      /wrong\.yaml:4:\d+: found the unknown field "shoe_size"/,
    ],
    ['destinations:\n  - id: m\n    grant: []\n', /wrong\.yaml:3:\d+: found the unknown key "grant", expected one of id, grants/],
    ['destinations:\n  - id: [m\n', /wrong\.yaml:\d+:\d+: .*expected YAML/],
    ['id,email\nu1,ann@mail.example\n', /wrong\.yaml:1:1: found .*, expected a policy/],
    ['{"name": "bulkhead", "version": "1"}', /wrong\.yaml:1:\d+: found the unknown key "name"/],
    ['', /wrong\.yaml:1:1: .*expected a policy/],
    ['store:\n  properties:\n    approved: [n, user_email]\n', /wrong\.yaml:3:\d+: .*"user_email".*sealed in the vault/],
    ['destinations:\n  - id: m\n    properties: { approved: [billing.email] }\n', /wrong\.yaml:3:\d+: .*sealed in the vault/],
    ['destinations:\n  - id: m\n    grants: [{ field: email, form: clear, purpose: p }]\n', /wrong\.yaml:3:\d+: .*without an end/],
    ['destinations:\n  - id: m\n    grants: [{ field: device_id, form: clear, purpose: p }]\n', /wrong\.yaml:3:\d+: .*pseudonym/],
    ['destinations:\n  - { id: m }\n  - { id: m }\n', /wrong\.yaml:3:\d+: found the destination "m" again/],
    [
      'destinations:\n  - id: m\n    grants: [{ field: os, form: coarse, purpose: p, until: soon }]\n',
      /wrong\.yaml:3:\d+: found the text "soon"/,
    ],
    ['sources: []\nvendors: []\n', /wrong\.yaml:1:\d+: /],
  ]
  for (const [text, message] of wrong) {
    assert.throws(
      () => decode(text),
      (thrown: unknown) => {
        assert.ok(thrown instanceof BulkheadError, text)
        assert.equal(thrown.code, 'policy_invalid', text)
        assert.match(thrown.message, message)
        return true
      },
    )
  }
})

test('of a whole configuration only what is policy counts: its secrets need not be known, and never show', () => {
  const text = `sources:
  - { id: web, protocol: mixpanel, token: "\${TOKEN}" }
vendors:
  - id: v
    destinations:
      - id: d
        protocol: mixpanel
        url: "\${URL}"
        token: "\${TOKEN}"
        credentials: { secret: "\${SECRET}" }
        grants: [{ field: os, form: coarse, purpose: p, until: 2030-01-01 }]
        properties: { approved: [plan] }
`
  const proposal = decode(text, { SECRET: 'hidden-text' })
  assert.deepEqual(proposal.destinations, [
    {
      id: 'd',
      grants: [{ field: 'os', form: 'coarse', purpose: 'p', until: Date.UTC(2030, 0, 1), reason: '' }],
      events: { approved: [] },
      properties: { approved: ['plan'] },
    },
  ])
  assert.ok(!JSON.stringify(proposal).includes('hidden-text'))
})

test('a policy file leaves alone what it does not name; a variable in it must be set', () => {
  assert.deepEqual(decode('store: { events: { approved: [Paid] } }\n').destinations, [])
  assert.equal(decode('destinations: [{ id: d }]\n').destinations[0]?.grants, undefined, 'left out is the preset')
  assert.equal(decode('destinations: [{ id: d }]\n').store, undefined)
  assert.throws(() => decode('destinations: [{ id: "${WHERE}" }]\n'), { code: 'policy_invalid' })
})
