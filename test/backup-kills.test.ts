/**
 * `backup` and `restore` killed at random instants: a whole backup stays whole until the next one is, a folder that was half
 * restored does not start, and what is repeated gives what it would have given at first. `SEED` repeats a run's choices.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { RestoreReport } from '#api/backup-contract.ts'
import { wholeBackupIn } from '#app/backup.ts'
import { readManifest } from '#app/backup-manifest.ts'
import { openInstance } from '#app/instance.ts'
import { BulkheadError } from '#base/errors.ts'
import { lastJson, makeFolder } from './support/bulkhead.ts'
import { randomFrom } from './support/random.ts'
import { ownRuntime, readReleased, unpackReleased } from './support/released.ts'
import { readStores } from './support/stores.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const KILLS = 5
const launcher = path.join(import.meta.dirname, '..', 'bin', 'bulkhead.mjs')

interface Ended {
  ms: number
  code: number | null
  stdout: string
  stderr: string
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // It ended by itself in between.
  }
}

/** Ends it and what it started by SIGKILL, `ms` after it has said `after` (or begun), if it still runs then. */
function command(env: NodeJS.ProcessEnv, args: string[], kill?: { ms: number; after?: string }): Promise<Ended> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [launcher, ...args, '--json'], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    let timer: NodeJS.Timeout | undefined
    const look = (): void => {
      if (kill === undefined || timer !== undefined || !said.stderr.includes(kill.after ?? '')) return
      timer = setTimeout(() => killGroup(child.pid as number), kill.ms)
    }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
        look()
      })
    }
    look()
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ ms: performance.now() - startedAt, code, ...said })
    })
  })
}

test(`backup and restore, each killed ${KILLS} times, seed ${SEED}`, { timeout: 600_000 }, async (t) => {
  const random = randomFrom(SEED)
  const released = readReleased('format-1')
  const folder = makeFolder(t)
  const { dataDir, keysDir } = unpackReleased('format-1', folder)
  mkdirSync(path.join(folder, 'home'))
  const envWith = (keys: string): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: path.join(folder, 'home'),
    BULKHEAD_KEYS: keys,
    ...ownRuntime(folder),
  })
  const env = envWith(keysDir)
  const backup = path.join(folder, 'backup')
  const first = await command(env, ['backup', backup, '--data', dataDir])
  assert.equal(first.code, 0, first.stderr)

  let ended = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const killed = await command(env, ['backup', backup, '--data', dataDir], { ms: first.ms * (0.2 + random()) })
    if (killed.code === null) ended++
    await readManifest(wholeBackupIn(backup), 'data')
  }
  assert.ok(ended > 0, 'some were killed')
  const last = await command(env, ['backup', backup, '--data', dataDir])
  assert.equal(last.code, 0, last.stderr)

  // Each restore has the keys as they were: a restore tells them how far it came.
  const [calmKeys, stormKeys] = [path.join(folder, 'calm-keys'), path.join(folder, 'storm-keys')]
  for (const keys of [calmKeys, stormKeys]) cpSync(keysDir, keys, { recursive: true })
  const [calm, storm] = [path.join(folder, 'calm'), path.join(folder, 'storm')]
  const restoreInto = (target: string): string[] => ['restore', backup, '--data', target, '--ledger-head', '40']
  const undisturbed = await command(envWith(calmKeys), restoreInto(calm))
  assert.equal(undisturbed.code, 0, undisturbed.stderr)
  let half = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const after = kill % 2 === 0 ? 'opening the copy' : 'checking the backup'
    const killed = await command(envWith(stormKeys), restoreInto(storm), { after, ms: 0.15 * undisturbed.ms * random() })
    if (existsSync(path.join(storm, 'FORMAT'))) {
      // It was faster than the kill: once more from the beginning.
      for (const done of [storm, stormKeys]) rmSync(done, { recursive: true })
      cpSync(keysDir, stormKeys, { recursive: true })
    }
    if (!existsSync(path.join(storm, 'FORMAT.restoring'))) continue
    assert.equal(killed.code, null, killed.stderr)
    half++
    const open = (): unknown => openInstance({ dataDir: storm, create: true, env: envWith(stormKeys) })
    assert.throws(open, (thrown) => thrown instanceof BulkheadError && /repeat it/.test(thrown.message))
  }
  assert.ok(half > 0, 'some were killed while the folder was half restored')
  const repeated = await command(envWith(stormKeys), restoreInto(storm))
  assert.equal(repeated.code, 0, repeated.stderr)
  t.diagnostic(`${ended} of ${KILLS} backups were killed, ${half} restores left half a folder`)
  const expected = lastJson<RestoreReport>(undisturbed.stdout)
  const same = ({ entries, gap, erasuresReplayed }: RestoreReport): unknown => [entries, gap?.from, gap?.to, gap?.exact, erasuresReplayed]
  assert.deepEqual(same(lastJson<RestoreReport>(repeated.stdout)), same(expected))
  const [inCalm, inStorm] = [
    await readStores({ dataDir: calm, keysDir: calmKeys, at: released.at }),
    await readStores({ dataDir: storm, keysDir: stormKeys, at: released.at }),
  ]
  // The gap's entry holds when it was written.
  for (const stores of [inCalm, inStorm]) stores.ledger.sha256 = ''
  assert.deepEqual(inStorm, inCalm)
})
