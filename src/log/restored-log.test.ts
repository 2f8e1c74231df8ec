import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '#base/clock.ts'
import { folderPath, listFolders } from './folders.ts'
import { openLogReader } from './log-reader.ts'
import { openLogWriter } from './log-writer.ts'
import type { LogDraft } from './port.ts'
import { goOnAbove, lastOfLog } from './restored-log.ts'

const ALL = { entries: 1000, bytes: 1 << 20 }

function draft(id: string): LogDraft {
  const at = Date.now()
  const dedup = createHash('sha256').update(id).digest().subarray(0, 16)
  return {
    at,
    source: 's',
    protocol: 'p',
    surface: 'web',
    trust: 'browser',
    policy: 1,
    records: [{ type: 'event', name: id, time: at }],
    dedup,
  }
}

async function append(root: string, ids: readonly string[]): Promise<number[]> {
  const writer = await openLogWriter({ dir: path.join(root, 'log'), waitingDir: path.join(root, 'waiting'), clock: systemClock })
  const results = await writer.append(ids.map(draft))
  await writer.close()
  return results.map(({ seq }) => seq)
}

test('a restored log goes on above what was given out; readers pass over the gap and over no other', async (t) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-restored-log-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const dir = path.join(root, 'log')
  assert.deepEqual(await append(root, ['a', 'b']), [1, 2])
  const { last, next } = await goOnAbove(dir, 70)
  assert.equal(last, 2)
  assert.ok(next > 70)
  assert.equal(await lastOfLog(dir), 2)

  const early = openLogReader({ dir })
  assert.equal(early.head(), 2, 'nothing new is there yet')
  assert.deepEqual(early.read(3, ALL), [])
  early.close()
  assert.deepEqual(await append(root, ['a', 'c', 'd']), [0, next, next + 1], 'a repeat of what was kept is still one')
  const reader = openLogReader({ dir })
  t.after(() => reader.close())
  assert.equal(reader.head(), next + 1)
  const seqs = (from: number, entries = 1000): number[] => reader.read(from, { entries, bytes: 1 << 20 }).map(({ seq }) => seq)
  assert.deepEqual(seqs(1), [1, 2], 'one answer does not reach across the gap')
  assert.deepEqual(seqs(3), [next, next + 1])
  assert.deepEqual(seqs(60, 1), [next])
  assert.deepEqual(seqs(next + 1), [next + 1])

  const torn = path.join(root, 'torn')
  cpSync(dir, torn, { recursive: true })
  const second = listFolders(torn).at(-1) as number
  writeFileSync(path.join(folderPath(torn, second), 'after'), '3\n')
  const other = openLogReader({ dir: torn })
  t.after(() => other.close())
  assert.throws(() => other.read(3, ALL), { code: 'log_corrupt' }, 'entry 3 is said to be there and is not')
})

test('a log that was empty when it was copied can be gone on with too', async (t) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-restored-log-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const { next } = await goOnAbove(path.join(root, 'log'), 0)
  assert.deepEqual(await append(root, ['a']), [next])
  const reader = openLogReader({ dir: path.join(root, 'log') })
  assert.deepEqual(
    reader.read(1, ALL).map(({ seq }) => seq),
    [next],
  )
  reader.close()
})
