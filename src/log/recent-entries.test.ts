import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogEntry } from '#model/log-entry.ts'
import { RecentEntries } from './recent-entries.ts'

function entryOf(seq: number): LogEntry {
  return { seq, at: 1, source: 's', protocol: 'p', surface: 'w', trust: 'server', policy: 1, records: [{ type: 'event', time: 1 }] }
}

test('keeps what was decoded last, up to its size, and gives nothing of another length', () => {
  const recent = new RecentEntries(100)
  const entries = [1, 2, 3].map(entryOf)
  for (const entry of entries) recent.add(entry, 40)
  assert.equal(recent.get(1, 40), undefined)
  assert.equal(recent.get(2, 40), entries[1])
  assert.equal(recent.get(3, 41), undefined)
  recent.add(entryOf(3), 60)
  assert.equal(recent.get(2, 40), entries[1])
  assert.notEqual(recent.get(3, 60), entries[2])
  recent.add(entryOf(4), 1000)
  for (const seq of [2, 3, 4]) assert.equal(recent.get(seq, 1000), undefined)
})
