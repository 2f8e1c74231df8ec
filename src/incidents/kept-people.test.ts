import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import type { EvidenceRow } from '#records/evidence-records.ts'
import { createKeptReader } from './kept-people.ts'

const ROW: EvidenceRow = {
  ...{ id: 'a', owner: 'incident:1', kind: 'file', at: 1, actor: 'anna', bytes: 12, sha256: '00' },
  destroyedAt: null,
}

test('a list is opened once, and one that could not be read is asked for anew', async () => {
  let opened = 0
  let isAway = true
  const open = async () => {
    opened += 1
    if (isAway) throw new BulkheadError('vault_unavailable', 'a test')
    const content = async function* (): AsyncGenerator<Buffer, void> {
      yield Buffer.from('1 9\n2 1\n3 8\n')
    }
    return { row: ROW, name: 'people', content: content() }
  }
  const kept = createKeptReader({ open })
  const file = { id: 'a', sha256: '00', bytes: 12 }
  for (let time = 1; time <= 2; time++) {
    await assert.rejects(kept(file), { code: 'vault_unavailable' })
    assert.equal(opened, time)
  }
  isAway = false
  for (let time = 1; time <= 2; time++) assert.deepEqual([...(await kept(file)).values()], [1, 3])
  assert.equal(opened, 3)
  // What the record of the incident names is another file than the store has: no list, and no more so the second time.
  for (let time = 1; time <= 2; time++) await assert.rejects(kept({ ...file, sha256: '11' }), { code: 'evidence_corrupt' })
  assert.equal(opened, 5)
})
