/**
 * `backup` and `restore` killed in the middle: a whole backup stays whole until the next one is, a folder that was half
 * restored does not start, and what is repeated gives what it would have given at first. `SEED` repeats a run's choices. A kill is
 * aimed at what is seen of the command's work, never at a time, and whoever was faster is tried again.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { setImmediate as aTurn } from 'node:timers/promises'
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
/** More than any machine needs: each miss aims earlier. */
const TRIES_MAX = 60
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

/** Ends it and what it started by SIGKILL as soon as it `isTime`, by what it has said or by what lies on the disk. */
function command(env: NodeJS.ProcessEnv, args: string[], isTime?: (said: string) => boolean): Promise<Ended> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [launcher, ...args, '--json'], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  let hasEnded = false
  const watch = async (isItTime: (said: string) => boolean): Promise<void> => {
    while (!hasEnded && !isItTime(said.stderr)) await aTurn()
    if (!hasEnded) killGroup(child.pid as number)
  }
  if (isTime !== undefined) void watch(isTime)
  return new Promise((resolve) => {
    child.once('exit', () => {
      hasEnded = true
    })
    child.once('close', (code) => resolve({ ms: performance.now() - startedAt, code, ...said }))
  })
}

function filesIn(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
  } catch {
    // Not there yet, or removed while it was read.
    return 0
  }
}

/** What lies there: what is made later under the same name is another. */
function identityOf(place: string): string | undefined {
  const found = statSync(place, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.ino} ${found.birthtimeNs}`
}

function isNew(place: string, former: string | undefined): boolean {
  const own = identityOf(place)
  return own !== undefined && own !== former
}

/** Tries until so many kills hit, each try told how many have missed. */
async function untilHit(what: string, hit: (kill: number, misses: number) => Promise<boolean>): Promise<void> {
  let misses = 0
  for (let kill = 0; kill < KILLS; ) {
    assert.ok(kill + misses < TRIES_MAX, `of ${TRIES_MAX} tries ${kill} met ${what}`)
    if (await hit(kill, misses)) kill++
    else misses++
  }
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

  const whole = filesIn(path.join(backup, 'data'))
  let shares: number[] = []
  await untilHit('a backup at work', async (_kill, misses) => {
    const making = path.join(backup, 'data.new')
    const former = identityOf(making)
    const files = Math.ceil((whole * random()) / (1 + misses))
    const isTime = (): boolean => isNew(making, former) && filesIn(making) >= files
    const killed = await command(env, ['backup', backup, '--data', dataDir], isTime)
    await readManifest(wholeBackupIn(backup), 'data')
    if (killed.code === null) shares.push(files / whole)
    else assert.equal(killed.code, 0, killed.stderr)
    return killed.code === null
  })
  t.diagnostic(`backups killed when these shares of their files were there: ${shares.map((share) => share.toFixed(2)).join(', ')}`)
  const last = await command(env, ['backup', backup, '--data', dataDir])
  assert.equal(last.code, 0, last.stderr)

  // Each restore has the keys as they were: a restore tells them how far it came.
  const [calmKeys, stormKeys] = [path.join(folder, 'calm-keys'), path.join(folder, 'storm-keys')]
  for (const keys of [calmKeys, stormKeys]) cpSync(keysDir, keys, { recursive: true })
  const [calm, storm] = [path.join(folder, 'calm'), path.join(folder, 'storm')]
  const restoreInto = (target: string): string[] => ['restore', backup, '--data', target, '--ledger-head', '40']
  const undisturbed = await command(envWith(calmKeys), restoreInto(calm))
  assert.equal(undisturbed.code, 0, undisturbed.stderr)
  const [all, mark] = [filesIn(calm), path.join(storm, 'FORMAT.restoring')]
  shares = []
  await untilHit('a folder that was half restored', async (kill, misses) => {
    const former = identityOf(mark)
    const files = Math.ceil((all * random()) / (1 + misses))
    const laterMs = (0.15 * undisturbed.ms * random()) / (1 + misses)
    // While it copies; while it makes of the copy what starts; while it reads the backup or takes away what the last one left.
    const line = [undefined, 'opening the copy', 'checking the backup'][kill % 3]
    let saidAt: number | undefined
    const isTime = (said: string): boolean => {
      if (line === undefined || misses > 1) return isNew(mark, former) && filesIn(storm) >= files
      if (saidAt === undefined && said.includes(line)) saidAt = performance.now()
      return saidAt !== undefined && performance.now() - saidAt >= laterMs
    }
    const killed = await command(envWith(stormKeys), restoreInto(storm), isTime)
    if (existsSync(path.join(storm, 'FORMAT'))) {
      // It was faster than the kill: once more from the beginning.
      for (const done of [storm, stormKeys]) rmSync(done, { recursive: true })
      cpSync(keysDir, stormKeys, { recursive: true })
    }
    if (!existsSync(mark)) return false
    assert.equal(killed.code, null, killed.stderr)
    shares.push(filesIn(storm) / all)
    const open = (): unknown => openInstance({ dataDir: storm, create: true, env: envWith(stormKeys) })
    assert.throws(open, (thrown) => thrown instanceof BulkheadError && /repeat it/.test(thrown.message))
    return true
  })
  t.diagnostic(`restores killed when these shares of their files were there: ${shares.map((share) => share.toFixed(2)).join(', ')}`)
  const repeated = await command(envWith(stormKeys), restoreInto(storm))
  assert.equal(repeated.code, 0, repeated.stderr)
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
