import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { hash } from 'node:crypto'
import type { SplitDraft } from '#model/split-draft.ts'
import { sourceOf } from './fixture.ts'
import { VaultMemory } from './vault-memory.ts'
import { buildWindow, isKnownToVault, learnOrdinals, logDrafts, type WindowPart } from './window.ts'

interface Said {
  user: string
  insertId: string | undefined
  /** Approved, or waiting. */
  name: string
  isApproved: boolean
  text: string | undefined
}

function partOf(said: readonly Said[]): WindowPart {
  const draft: SplitDraft = {
    trust: 'browser',
    records: [],
    identifiers: [],
    facts: [],
    edges: [],
    memberships: [],
    waiting: [],
    consents: [],
    insertIds: [],
    destroyed: {},
  }
  for (const [record, { user, insertId, name, isApproved, text }] of said.entries()) {
    draft.identifiers.push({ namespace: 'default', kind: 'id', value: user, role: 'user' })
    draft.records.push({ type: 'event', name: isApproved ? name : null, time: 1, user: draft.identifiers.length - 1 })
    draft.insertIds.push(insertId)
    if (!isApproved || text !== undefined) {
      draft.waiting.push({ record, ...(!isApproved && { name }), ...(text !== undefined && { pairs: [['key', text]] }) })
    }
  }
  return { receivedAt: 5, protocol: 'toy', source: sourceOf('site'), policy: 3, draft }
}

const hashText = (text: string): Buffer => hash('sha256', text, 'buffer').subarray(0, 16)

const said = fc.record<Said>({
  user: fc.constantFrom('u1', 'u2', 'u3'),
  insertId: fc.option(fc.string(), { nil: undefined }),
  name: fc.constantFrom('Bought', 'Sold', ''),
  isApproved: fc.boolean(),
  text: fc.option(fc.string({ maxLength: 40_000 }), { nil: undefined }),
})

test('each request finds its own text, its own hashes and its own people in what the window shares', () => {
  fc.assert(
    fc.property(fc.array(fc.array(said, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 }), (requests) => {
      const memory = new VaultMemory()
      const parts = requests.map(partOf)
      const window = buildWindow(parts, memory)
      const reply = { ordinals: window.request.identifiers.map(([, , value]) => 100 + Number(value.slice(1))) }
      learnOrdinals(window, reply, memory)
      const hashes = Buffer.concat(window.dedup.map(hashText))
      const places = window.waiting.map((_, blob) => ({ folder: 1, offset: blob, length: 1 }))
      const drafts = logDrafts(window, reply, { day: 9, hashes, places })
      for (const [at, draft] of drafts.entries()) {
        const request = requests[at] as Said[]
        const waiting = parts[at]?.draft.waiting ?? []
        if (waiting.length === 0) assert.equal(draft.waiting, undefined)
        else {
          const blob = JSON.parse(window.waiting[draft.waiting?.offset as number] as string) as unknown[]
          assert.deepEqual(blob[draft.waiting?.part as number], JSON.parse(JSON.stringify(waiting)))
        }
        for (const [index, { user, insertId, name }] of request.entries()) {
          assert.equal(draft.records[index]?.user, 100 + Number(user.slice(1)))
          const expected = insertId === undefined ? Buffer.alloc(16) : hashText(`4:siteevent:${name.length}:${name}${insertId}`)
          assert.deepEqual(draft.dedup.subarray(16 * index, 16 * index + 16), expected)
        }
      }
      assert.ok(isKnownToVault(buildWindow(requests.map(partOf), memory)), 'the vault is not asked twice')
    }),
    { numRuns: 200 },
  )
})
