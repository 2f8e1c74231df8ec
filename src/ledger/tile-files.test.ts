import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { TileFiles } from './tile-files.ts'
import { encodeTile, type TileName } from './tile-paths.ts'

const hashesOf = (what: string, count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => hash('sha256', `${what} ${index}`, 'buffer'))

function folder(t: TestContext): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-tiles-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

test('a full tile that was read and is written again, as after damage, is read as it was written', async (t) => {
  const files = new TileFiles(folder(t))
  const name: TileName = { kind: 0, index: 0, width: 256 }
  for (const what of ['damaged', 'made again']) {
    await files.write([{ name, bytes: encodeTile(hashesOf(what, 256)) }])
    assert.deepEqual(files.tile(name), hashesOf(what, 256), what)
  }
})

test('a partial tile that another process has made again is read anew', async (t) => {
  const dir = folder(t)
  const [reader, writer] = [new TileFiles(dir), new TileFiles(dir)]
  const name: TileName = { kind: 0, index: 0, width: 7 }
  for (const what of ['damaged', 'made again']) {
    await writer.write([{ name, bytes: encodeTile(hashesOf(what, 7)) }])
    assert.deepEqual(reader.tile(name), hashesOf(what, 7), what)
  }
})
