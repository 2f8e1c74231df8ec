import assert from 'node:assert/strict'
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeFolderDurably, placeOnDisk, rewriteDurably } from './files.ts'
import { makeSmallDisk } from './testing-small-disk.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-files-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a file that is written over is replaced on a full disk too', (t) => {
  const disk = makeSmallDisk(8)
  t.after(() => disk.remove())
  const file = path.join(disk.folder, 'list.json')
  rewriteDurably(file, '[0]', 4096)
  rewriteDurably(file, '[1]', 4096)
  disk.fill()
  for (let round = 2; round < 50; round++) {
    rewriteDurably(file, JSON.stringify([round]), 4096)
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [round])
  }
  assert.throws(() => rewriteDurably(file, 'x'.repeat(1 << 20), 4096), { code: 'ENOSPC' })
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [49])
})

test('whatever a crash left of it is taken up', (t) => {
  const file = path.join(folderOf(t), 'list.json')
  rewriteDurably(file, '[1]', 64)
  rewriteDurably(file, '[2]', 64)
  // Between its second name and its end.
  linkSync(file, `${file}.old`)
  rewriteDurably(file, '[3]', 64)
  assert.equal(readFileSync(file, 'utf8').trim(), '[3]')
  // Between the new one's coming and the old one's being kept.
  renameSync(`${file}.new`, `${file}.old`)
  rewriteDurably(file, '[4]', 64)
  assert.equal(readFileSync(file, 'utf8').trim(), '[4]')
  assert.equal(existsSync(`${file}.old`), false)
  assert.equal(readFileSync(`${file}.new`, 'utf8').trim(), '[3]')
})

test('a folder is made with those above it, and one that cannot be made is said so at once', (t) => {
  const folder = folderOf(t)
  const deep = path.join(folder, 'a', 'b', 'c')
  makeFolderDurably(deep)
  makeFolderDurably(deep)
  assert.equal(statSync(deep).mode & 0o777, 0o700)
  writeFileSync(path.join(folder, 'file'), '')
  for (const place of [path.join(folder, 'file'), path.join(folder, 'file', 'x'), '/proc/x/y'])
    assert.throws(() => makeFolderDurably(place))
  symlinkSync(deep, path.join(folder, 'link'))
  assert.equal(placeOnDisk(path.join(folder, 'link', 'x', 'y')), path.join(realpathSync(deep), 'x', 'y'))
  assert.equal(placeOnDisk(deep), realpathSync(deep))
})
