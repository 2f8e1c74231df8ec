import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { finishCreation, lockInstance, lockPlace, openInstance } from './instance.ts'

test('a copy of the data folder cannot run beside the original: it names its sockets, keys and children', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-copy-'))
  const env = { HOME: folder, XDG_RUNTIME_DIR: folder }
  try {
    const original = openInstance({ dataDir: path.join(folder, 'data'), create: true, env })
    cpSync(original.dataDir, path.join(folder, 'copy'), { recursive: true })
    const copy = openInstance({ dataDir: path.join(folder, 'copy'), create: false, env })
    assert.equal(copy.instanceId, original.instanceId)

    const held = [lockPlace(original), lockInstance(original.dataDir)]
    const own = lockInstance(copy.dataDir)
    assert.throws(() => lockPlace(copy), { code: 'already_running', message: new RegExp(`pid ${process.pid} on ${original.dataDir}`) })
    assert.throws(() => lockInstance(original.dataDir), { code: 'already_running' })
    for (const lock of held) lock.release()
    lockPlace(copy).release()
    own.release()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a start that ended in its first instant is begun again; a folder of somebody else is not', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-first-'))
  const env = { HOME: folder, XDG_RUNTIME_DIR: folder }
  const dataDir = path.join(folder, 'data')
  try {
    mkdirSync(dataDir)
    for (const draft of ['FORMAT.creating.4711', 'FORMAT.creating.4712.new']) writeFileSync(path.join(dataDir, draft), 'bulkhead da')
    const instance = openInstance({ dataDir, create: true, env })
    finishCreation(instance)
    assert.deepEqual(readdirSync(dataDir), ['FORMAT'])

    const foreign = path.join(folder, 'foreign')
    mkdirSync(foreign)
    for (const name of ['FORMAT.creating.4711', 'letter.txt']) writeFileSync(path.join(foreign, name), '')
    assert.throws(() => openInstance({ dataDir: foreign, create: true, env }), { code: 'data_dir_foreign' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
