import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import { openRecords } from '#records/records.ts'
import type { Records } from '#records/port.ts'
import { clearUnfiled, openMaildir, settleFiling } from './maildir.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-maildir-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function isRefused(make: () => unknown): void {
  assert.throws(make, (thrown) => thrown instanceof BulkheadError && thrown.code === 'outbox_place_wrong')
}

test('a maildir is made outside of what is sealed, and nowhere else', (t) => {
  const folder = folderOf(t)
  const data = path.join(folder, 'data')
  mkdirSync(data)
  const inside = [data]
  assert.equal(openMaildir(path.join(folder, 'out'), inside), path.join(folder, 'out'))
  assert.deepEqual(readdirSync(path.join(folder, 'out')).sort(), ['cur', 'new', 'tmp'])
  // It may be opened again, with mails in it.
  writeFileSync(path.join(folder, 'out', 'new', 'a'), 'a')
  assert.equal(openMaildir(path.join(folder, 'out'), inside), path.join(folder, 'out'))
  isRefused(() => openMaildir('out', inside))
  isRefused(() => openMaildir(data, inside))
  isRefused(() => openMaildir(path.join(data, 'evidence', 'out'), inside))
  isRefused(() => openMaildir(folder, inside))
  // Also where what is sealed lies in a place that a maildir has.
  mkdirSync(path.join(folder, 'around', 'new', 'data'), { recursive: true })
  isRefused(() => openMaildir(path.join(folder, 'around'), [path.join(folder, 'around', 'new', 'data')]))
  symlinkSync(data, path.join(folder, 'link'))
  isRefused(() => openMaildir(path.join(folder, 'link', 'out'), inside))
  assert.deepEqual(readdirSync(data), [], 'a place that was refused was made all the same')
  symlinkSync(path.join(data, 'to-be'), path.join(folder, 'dangling'))
  isRefused(() => openMaildir(path.join(folder, 'dangling', 'out'), inside))
  // A folder that takes none: Node's own way tries there for ever.
  isRefused(() => openMaildir('/proc/out', inside))
  const other = path.join(folder, 'other')
  mkdirSync(other)
  writeFileSync(path.join(other, 'letter.txt'), 'mine')
  isRefused(() => openMaildir(other, inside))
  const tricky = path.join(folder, 'tricky')
  mkdirSync(tricky)
  symlinkSync(data, path.join(tricky, 'new'))
  isRefused(() => openMaildir(tricky, inside))
  writeFileSync(path.join(folder, 'file'), '')
  isRefused(() => openMaildir(path.join(folder, 'file', 'out'), inside))
  isRefused(() => openMaildir(path.join(folder, 'file'), inside))
  const half = path.join(folder, 'half')
  mkdirSync(half)
  writeFileSync(path.join(half, 'cur'), '')
  isRefused(() => openMaildir(half, inside))
})

const OF = { incident: 1, version: 1 }

function withRows(t: TestContext, folder: string, count: number): Records {
  const records = openRecords({ path: path.join(folder, 'records.db') })
  t.after(() => records.close())
  const row = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [] }
  records.addRecipients(
    OF,
    1,
    Array.from({ length: count }, (_, n) => ({ ...row, person: n + 1, tag: `t${n}` })),
    1,
  )
  return records
}

test('what a crash left between: in tmp is not filed, gone from tmp is filed', (t) => {
  const folder = folderOf(t)
  const dir = openMaildir(path.join(folder, 'out'), [])
  const records = withRows(t, folder, 3)
  records.changeRecipients(
    OF,
    [1, 2, 3].map((number) => ({ number, state: 'sending', messageId: `<${number}@company.example>`, attempts: 1 })),
    2,
  )
  // As `fileBatch` names them; the second was renamed and taken away by another program, the third renamed.
  settleFiling({ ...OF, dir }, records, 3)
  assert.equal(records.recipientsIn(OF, 'filed', { after: 0, limit: 10 }).length, 3)
  assert.equal(records.recipientsIn(OF, 'sending', { after: 0, limit: 10 }).length, 0)
})

test('a restore stops what was begun, and writes down what it does not know', (t) => {
  const folder = folderOf(t)
  const records = withRows(t, folder, 2)
  const version = {
    id: 'a'.repeat(32),
    scopeVersion: 1,
    way: 'smtp' as const,
    dir: null,
    content: '{}',
    sha256: 's',
    noAddress: 0,
    erased: 0,
    madeAt: 1,
    madeBy: 'ann',
    startedAt: null,
    approval: null,
    endedAt: null,
  }
  records.addNoticeVersion({ ...version, ...OF, state: 'sending' })
  records.addNoticeVersion({ ...version, incident: 2, version: 1, id: 'b'.repeat(32), state: 'proposed' })
  records.addNoticeVersion({ ...version, incident: 3, version: 1, id: 'c'.repeat(32), state: 'done' })
  records.addNoticeVersion({ ...version, incident: 4, version: 1, id: 'd'.repeat(32), state: 'proposed' })
  const known = [
    { ...OF, id: 'a'.repeat(32) },
    { incident: 2, version: 1, id: 'b'.repeat(32) },
    { incident: 3, version: 1, id: 'c'.repeat(32) },
    // Here only another text of that number was proposed.
    { incident: 4, version: 1, id: 'e'.repeat(32) },
    { incident: 5, version: 2, id: 'f'.repeat(32) },
  ]
  assert.equal(records.stopNotices(known, 9), 4)
  assert.deepEqual(
    records.noticeVersions().map(({ incident, state, content }) => [incident, state, content]),
    [
      [1, 'stopped', '{}'],
      [2, 'stopped', '{}'],
      [3, 'done', '{}'],
      [4, 'stopped', ''],
      [5, 'stopped', ''],
    ],
  )
  assert.equal(records.stopNotices(known, 10), 4)
  assert.deepEqual(records.begunNotices().length, 5)
})

test('mails of ours that a crash left in tmp are removed, and nothing else', (t) => {
  const dir = openMaildir(path.join(folderOf(t), 'out'), [])
  assert.equal(clearUnfiled(dir), 0)
  const ours = 'a1'.repeat(20)
  for (const name of [`${ours}.bulkhead`, `${ours}.eml`, `${ours}0.bulkhead`, `1732.${ours}.bulkhead`, 'letter'])
    writeFileSync(path.join(dir, 'tmp', name), 'To: ann@x.example')
  for (const part of ['new', 'cur']) writeFileSync(path.join(dir, part, `${ours}.bulkhead`), 'filed')
  assert.equal(clearUnfiled(dir), 1)
  assert.deepEqual(
    readdirSync(path.join(dir, 'tmp')).sort(),
    [`1732.${ours}.bulkhead`, `${ours}.eml`, `${ours}0.bulkhead`, 'letter'].sort(),
  )
  assert.deepEqual([readdirSync(path.join(dir, 'new')), readdirSync(path.join(dir, 'cur'))], [[`${ours}.bulkhead`], [`${ours}.bulkhead`]])
  assert.equal(clearUnfiled(path.join(dir, 'nowhere')), 0)
})
