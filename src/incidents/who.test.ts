import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DisclosurePorts } from './affected.ts'
import { who } from './who.ts'

test('an address that everybody claims costs a bounded number of questions, and the answer says what it left out', async () => {
  let asked = 0
  const people = Array.from({ length: 250 }, (_, n) => ({ person: n + 1, users: [n + 1], devices: [] }))
  const ports = {
    vault: {
      resolve: async () => people,
      staffPseudonyms: async (subjects: readonly { ordinal: number }[]) => subjects.map(({ ordinal }) => `p${ordinal}`),
    },
    warehouse: {
      query: async () => {
        asked++
        return []
      },
    },
    snapshot: async () => ({ head: 7, open: [] }),
  } as unknown as DisclosurePorts
  const answer = await who('ann@corp.example', { actor: 'a', action: 'who', reason: 'r' }, { ...ports, namespaces: ['default'] })
  assert.deepEqual([asked, answer.subject, answer.others?.length], [100, 'p1', 99])
  assert.equal(answer.searched.at(-1), '150 further people with a weaker claim to it were left out')
})
