import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { ErasedSubjects } from './erased.ts'

const time = Date.UTC(2026, 0, 2, 3, 4, 5)
const event = (parts: Partial<LogRecord>): LogRecord => ({ type: 'event', name: 'Opened', time, properties: { n: 1 }, ...parts })

test('a record that names an erased person is not sent, and nobody else is taken for them', () => {
  const erased = new ErasedSubjects({ ordinals: [1, 2], shared: [{ device: 9, from: time, to: time + 10 }] })
  for (const theirs of [
    { user: 1 },
    { device: 2 },
    { user: 3, device: 2 },
    { user: 3, linked: [{ role: 'user' as const, ordinal: 1 }] },
    { device: 9 },
  ]) {
    assert.ok(erased.isIn(event(theirs)), JSON.stringify(theirs))
  }
  const others = [
    { user: 3 },
    { user: 3, device: 9 },
    { device: 9, time: time + 10 },
    { device: 9, time: time - 1 },
    { groups: [{ key: 'k', ordinal: 1 }] },
  ]
  for (const other of others) assert.ok(!erased.isIn(event(other)), JSON.stringify(other))
  assert.ok(erased.isIn(event({ erased: true })), 'a count is nothing to send')
  assert.ok(new ErasedSubjects().isIn(event({ erased: true })), 'also where nobody is known to be erased')
  // A device may have been in their hands more than once, and be told of one time after another.
  erased.add({ ordinals: [], shared: [{ device: 9, from: time + 50, to: time + 60 }] })
  const during = [-1, 0, 9, 10, 49, 50, 59, 60].filter((ms) => erased.isIn(event({ device: 9, time: time + ms })))
  assert.deepEqual(during, [0, 9, 50, 59])
})

test('what is loaded of an erased person is a count in the place of the record', () => {
  const entry = (records: LogRecord[]): LogEntry => {
    return { seq: 1, at: time, source: 's', protocol: 'p', surface: 'w', trust: 'server', policy: 1, records }
  }
  const erased = new ErasedSubjects()
  const entries = [entry([event({ user: 1, waitingCount: 1 }), event({ user: 3 })]), entry([event({ user: 3 })])]
  assert.equal(erased.withoutIn(entries), entries)
  erased.add({ ordinals: [1], shared: [] })
  const [first, second] = erased.withoutIn(entries)
  assert.deepEqual(first?.records, [{ type: 'event', name: 'Opened', time: Date.UTC(2026, 0, 2), erased: true }, event({ user: 3 })])
  assert.equal(second, entries[1])
  assert.equal(entries[0]?.records[0]?.user, 1, 'readers of the log share its entries')
})
