import assert from 'node:assert/strict'
import test from 'node:test'
import { format, inspect } from 'node:util'
import { Secret } from './secret.ts'

/** Ways in which a value becomes text by accident. */
const PRINTED: Record<string, (value: unknown) => string> = {
  inspect: (value) => inspect(value, { depth: 9, showHidden: true, getters: true }),
  JSON: (value) => JSON.stringify(value),
  template: (value) => `${value}`,
  concatenation: (value) => `a secret: ${String(value)}`,
  format: (value) => format('%s %o %O %j', value, value, value, value),
  'error message': (value) => inspect(new Error(`failed with ${value}`, { cause: value })),
  array: (value) => [value].join(),
  spread: (value) => JSON.stringify({ ...(value as object) }),
  clone: (value) => {
    try {
      return inspect(structuredClone(value))
    } catch {
      // It cannot be cloned, which is as good.
      return ''
    }
  },
}

test('a secret is not printed, however it becomes text', () => {
  const text = 'hunter2hunter2'
  for (const [way, print] of Object.entries(PRINTED)) {
    for (const secret of [new Secret(text), new Secret(Buffer.from(text))]) {
      for (const value of [secret, { credentials: { secret } }]) {
        const printed = print(value)
        for (const form of [text, Buffer.from(text).toString('hex'), Buffer.from(text).toString('base64'), '104,117,110,116']) {
          assert.ok(!printed.includes(form), `${way}: ${printed}`)
        }
      }
    }
  }
  assert.equal(new Secret(text).reveal(), text)
})
