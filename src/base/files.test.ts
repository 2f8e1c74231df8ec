import assert from 'node:assert/strict'
import fs, {
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { isDamaged, makeFolderDurably, placeOnDisk, rewriteDurably, writeFileDurably } from './files.ts'
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

test('nothing of it is freed while it is written over: another program would take it', (t) => {
  const disk = makeSmallDisk(8)
  t.after(() => disk.remove())
  const file = path.join(disk.folder, 'list.json')
  rewriteDurably(file, '[0]', 1 << 20)
  rewriteDurably(file, '[1]', 1 << 20)
  disk.fill()
  const { openSync } = fs
  watch(t, 'openSync', (...given: Parameters<typeof openSync>) => {
    const handle = openSync(...given)
    if (String(given[0]).endsWith('.json.new')) {
      watch(t, 'openSync', openSync)
      disk.fill()
    }
    return handle
  })
  rewriteDurably(file, '[2]', 1 << 20)
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [2])
})

const OWN = { openSync: fs.openSync, fsyncSync: fs.fsyncSync, renameSync: fs.renameSync }

/** Puts something in the place of a function of `node:fs`, for whoever has imported it too. */
function watch(t: TestContext, name: 'openSync' | 'fsyncSync' | 'renameSync', by: (...given: never[]) => unknown): void {
  const put = (call: unknown): void => {
    Object.assign(fs, { [name]: call })
    syncBuiltinESMExports()
  }
  put(by)
  t.after(() => put(OWN[name]))
}

test('bytes are flushed before they get their name, and the name after', (t) => {
  const file = path.join(folderOf(t), 'list.json')
  rewriteDurably(file, '[1]', 64)
  const steps: string[] = []
  const { fsyncSync, renameSync: rename } = fs
  watch(t, 'fsyncSync', (handle: number) => {
    steps.push(fs.fstatSync(handle).isDirectory() ? 'flush folder' : 'flush file')
    fsyncSync(handle)
  })
  watch(t, 'renameSync', (from: string, to: string) => {
    steps.push(`${path.basename(from)} to ${path.basename(to)}`)
    rename(from, to)
  })
  rewriteDurably(file, '[2]', 64)
  assert.deepEqual(steps.splice(0), ['flush file', 'list.json.new to list.json', 'list.json.old to list.json.new', 'flush folder'])
  writeFileDurably(file, '[3]')
  assert.deepEqual(steps, ['flush file', 'list.json.new to list.json', 'flush folder'])
})

test('a shorter text leaves nothing of a longer one behind', (t) => {
  const file = path.join(folderOf(t), 'list.json')
  for (const text of ['[1]', '[2]']) rewriteDurably(file, text, 128)
  rewriteDurably(file, '[3]', 32)
  assert.equal(readFileSync(file, 'utf8'), '[3]'.padEnd(32))
})

test('a file that is no database, or a damaged one, is told from other failures', () => {
  const failed = (errcode: number): Error => Object.assign(new Error('sqlite'), { errcode })
  assert.deepEqual(
    [11, 26, 0x10b, 13, 5].map((errcode) => isDamaged(failed(errcode))),
    [true, true, true, false, false],
  )
  assert.equal(isDamaged(new Error('other')), false)
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
  const { ino } = statSync(`${file}.old`)
  // While it is open its number is no other file's.
  const handle = openSync(`${file}.old`, 'r')
  t.after(() => closeSync(handle))
  rewriteDurably(file, '[4]', 64)
  // It needs no room of its own.
  assert.equal(statSync(file).ino, ino)
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
  // To what is not there yet: whoever writes there makes it.
  symlinkSync(path.join('link', 'to-be'), path.join(folder, 'ahead'))
  assert.equal(placeOnDisk(path.join(folder, 'ahead', 'x')), path.join(realpathSync(deep), 'to-be', 'x'))
  symlinkSync('round', path.join(folder, 'round'))
  assert.throws(() => placeOnDisk(path.join(folder, 'round')), { code: 'ELOOP' })
})
