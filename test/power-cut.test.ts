/**
 * Laws 3, 4 and 7 and the keys against power cuts. Every change of every file by the real processes is recorded, together
 * with what the outside world was told, in one order (`support/power/shim.c`); then the disk is built as a cut at a random
 * instant may leave it (`support/power/disk.ts`) and opened. `CUTS` sets how many (200 here, thousands by hand), `SEED` repeats a
 * run's choices on its recording; both are printed.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import type { MixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { delay, killAndReturn, type Program, waitUntil } from '#drill/program.ts'
import { listFolders } from '#log/folders.ts'
import { makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts } from './support/counts.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { notOnceInWarehouse, NUMBERED, numberedEvent } from './support/numbered.ts'
import { type Fate, PowerDisk } from './support/power/disk.ts'
import type { Known } from './support/power/open-image.ts'
import { Opener } from './support/power/opener.ts'
import { type Change, MARK, readRecording } from './support/power/recording.ts'
import { type RecordingShim, recordingShim } from './support/power/shim.ts'
import { randomFrom } from './support/random.ts'
import { eventsOf, startTap, startVendor } from './support/vendor.ts'

const CUTS = Number(process.env.CUTS ?? 200)
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
/** Long enough that what is done too early is done in the meantime. */
const FLUSH_MS = 4
const ROUNDS = Math.ceil(CUTS / 200)
const FATES: readonly Fate[] = ['lost', 'torn', 'torn', 'torn', 'kept']

/** Memory where there is one for files: the states are many, and each is opened once. */
function imageFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'bulkhead-power-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Sends numbered events until told to stop, and marks each batch that was taken. */
function startMarkedLoad(program: Program, shim: RecordingShim): { stop(): Promise<void> } {
  let next = 1
  let isOn = true
  const lane = async (): Promise<void> => {
    while (isOn) {
      const taken = Array.from({ length: 5 }, () => next++)
      const events = taken.map((n) => {
        const event = numberedEvent(n, 1_000_000)
        return n % 3 === 0 ? { ...event, properties: { ...event.properties, note: `free text ${n}` } } : event
      })
      if (await postUntilTaken(program.gatewayUrl, TOKENS.server, events)) shim.mark({ taken })
      await delay(60)
    }
  }
  const lanes = [lane(), lane()]
  return {
    stop: async () => {
      isOn = false
      await Promise.all(lanes)
    },
  }
}

async function command(program: Program, args: string[], shim: RecordingShim, known: Known): Promise<void> {
  const result = await program.cli(args)
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
  shim.mark(known)
}

/** What in-process opening has no use for. */
const isOfNoUse = (name: string): boolean => /^(data\/warehouse|bulkhead\.yaml|home)|reserve/.test(name)

/** Opens `cuts` states of what was recorded in `root` and says what did not hold. */
async function cutOften(
  t: TestContext,
  given: { root: string; recording: string; cuts: number; random: () => number; before?: Known[]; loaded?: PowerDisk },
): Promise<string[]> {
  const { root, random, cuts } = given
  const changes = [...readRecording(readFileSync(given.recording))]
  const matters = changes.flatMap(({ kind, path: place }, at) => (kind === MARK || place.includes('/data/warehouse/') ? [] : [at]))
  const instants = Array.from({ length: cuts }, () => matters[Math.floor(random() * matters.length)] as number).sort((a, b) => a - b)
  t.diagnostic(`${changes.length} changes and ends recorded, ${cuts} cuts`)
  const disk = given.loaded ?? new PowerDisk(root)
  const folder = imageFolder(t)
  const opener = new Opener()
  t.after(() => opener.close())
  for (const known of given.before ?? []) opener.learn(known)
  const problems: string[] = []
  let at = 0
  for (const [number, instant] of instants.entries()) {
    for (; at <= instant; at++) {
      const change = changes[at] as Change
      if (change.kind === MARK) opener.learn(JSON.parse(change.data.toString()) as Known)
      else disk.apply(change)
    }
    const fate = FATES[Math.floor(random() * FATES.length)] as Fate
    const image = path.join(folder, String(number))
    disk.build(image, fate, random, isOfNoUse)
    for (const problem of await opener.open(image)) problems.push(`cut at ${instant} (${fate}): ${problem}`)
    rmSync(image, { recursive: true, force: true })
  }
  return problems
}

/** The recording is whole: built from it alone, the files are byte for byte those that the program left. */
function assertWhole(t: TestContext, root: string, recording: string): void {
  const disk = new PowerDisk(root)
  for (const change of readRecording(readFileSync(recording))) if (change.kind !== MARK) disk.apply(change)
  const image = imageFolder(t)
  disk.build(image, 'kept', Math.random)
  let compared = 0
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const place = path.join(path.relative(root, entry.parentPath), entry.name)
    // Written through memory that processes share, and of no meaning to a later one; the rest is the test's own.
    if (!entry.isFile() || /(lock\.mdb|-lock|-shm|bulkhead\.yaml)$/.test(entry.name) || place.startsWith('home')) continue
    assert.ok(readFileSync(path.join(root, place)).equals(readFileSync(path.join(image, place))), `${place} was recorded whole`)
    compared++
  }
  assert.ok(compared > 10, 'files were compared')
}

/** The real program on one state, warehouse included; what it does while it recovers is recorded, and cut in turn. */
async function comeUpAfterCut(
  t: TestContext,
  given: { root: string; recording: string; random: () => number; config: string; vendor: MixpanelCloud },
): Promise<void> {
  const { random, vendor } = given
  const changes = [...readRecording(readFileSync(given.recording))]
  const instant = Math.floor(changes.length * (0.3 + 0.65 * random()))
  t.diagnostic(`cut at ${instant} of ${changes.length}`)
  const disk = new PowerDisk(given.root)
  const before: Known[] = []
  for (const change of changes.slice(0, instant)) {
    if (change.kind === MARK) before.push(JSON.parse(change.data.toString()) as Known)
    else disk.apply(change)
  }
  const base = makeFolder(t)
  const root = path.join(base, 'machine')
  disk.build(root, 'torn', random, (name) => name === 'home' || name === 'bulkhead.yaml')
  const loaded = new PowerDisk(root)
  loaded.load()
  const shim = recordingShim(t, root, path.join(base, 'recording'))
  shim.slowFlushes(FLUSH_MS)
  const program = await startBulkhead(t, {
    folder: root,
    config: given.config,
    env: { ...vendorEnvironment, ...shim.env },
    readyMs: 180_000,
  })
  if (before.findLast(({ flow }) => flow !== undefined)?.flow === 'cut')
    await command(program, ['vendor', 'restore', 'mixpanel', '--reason', 'test'], shim, { flow: 'open' })
  const taken = before.flatMap((known) => known.taken ?? [])
  const arrived = (): Set<number> => new Set(eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n)))
  await waitUntil(
    'all that was taken is at the vendor',
    () => {
      const numbers = arrived()
      return taken.every((n) => numbers.has(n))
    },
    120_000,
    250,
  )
  await waitUntil('and in the warehouse', async () => (await eventCounts(program)).warehouse >= taken.length, 120_000, 500)
  assert.equal(await program.stop(), 0)
  assert.deepEqual(await notOnceInWarehouse(program.dataDir, taken), [], 'each event that was taken is once in the warehouse')
  assert.deepEqual(await cutOften(t, { root, recording: shim.file, cuts: Math.ceil(CUTS / 5), random, before, loaded }), [])
}

test(`power cuts: ${CUTS}, seed ${SEED}`, { timeout: 600_000 + CUTS * 1000 }, async (t) => {
  const random = randomFrom(SEED)
  const base = makeFolder(t)
  const root = path.join(base, 'machine')
  mkdirSync(root)
  const shim = recordingShim(t, root, path.join(base, 'recording'))
  shim.slowFlushes(FLUSH_MS)
  const vendor = await startVendor(t)
  const tap = await startTap(t, vendor.url, (sha256) => shim.mark({ bodies: [sha256] }))
  const more = 'disk: {reserveBytes: 1048576, folderBytesMax: 1048576}\n'
  const config = testConfig({ vendorUrl: tap.url, ...NUMBERED, more })
  const program = await startBulkhead(t, { folder: root, config, env: { ...vendorEnvironment, ...shim.env }, readyMs: 180_000 })
  const instanceId = /instance (\S+)/.exec(readFileSync(path.join(program.dataDir, 'FORMAT'), 'utf8'))?.[1] as string
  shim.mark({ instanceId })
  const load = startMarkedLoad(program, shim)
  await delay(1500)
  const users = path.join(base, 'users.csv')
  writeFileSync(users, 'id,email\nimported-1,one@mail.example\nimported-2,two@mail.example\n')
  await command(program, ['directory', 'import', users, '--reason', 'import'], shim, { people: ['imported-1', 'two@mail.example'] })
  await command(program, ['who', 'imported-1', '--reason', 'first look'], shim, { looks: ['first look'] })
  for (const role of ['gateway', 'worker', 'vault', 'staff'] as const) {
    assert.ok(await killAndReturn(program, role))
    await delay(500)
  }
  await command(program, ['vendor', 'cut', 'mixpanel', '--reason', 'test'], shim, { flow: 'cut' })
  await command(program, ['who', 'imported-2', '--reason', 'second look'], shim, { looks: ['second look'] })
  // From here on it may be either, until the answer.
  shim.mark({ flow: 'either' })
  await command(program, ['vendor', 'restore', 'mixpanel', '--reason', 'test'], shim, { flow: 'open' })
  const logFolders = (): number[] => listFolders(path.join(program.dataDir, 'log'))
  for (let first = 1_000_001; (logFolders().at(-1) ?? 0) < 2; first += 1500) {
    assert.ok(first < 1_040_000, 'the log goes on in a second folder')
    const taken = Array.from({ length: 1500 }, (_, index) => first + index)
    assert.ok(
      await postUntilTaken(
        program.gatewayUrl,
        TOKENS.server,
        taken.map((n) => numberedEvent(n, 50)),
      ),
    )
    shim.mark({ taken })
  }
  await load.stop()
  assert.equal(await program.stop(), 0)
  assertWhole(t, root, shim.file)
  assert.deepEqual(await cutOften(t, { root, recording: shim.file, cuts: CUTS, random }), [])

  for (let round = 1; round <= ROUNDS; round++) {
    await t.test(`the whole program comes up after a cut, and after a cut while it comes up (${round})`, async (t) => {
      await comeUpAfterCut(t, { root, recording: shim.file, random, config, vendor })
    })
  }
})
