/**
 * Law 4 and 5 when the disk is the trouble: another program fills it at load, and a vendor stays away for longer than the
 * log waits for it. The real program on a file system of its own.
 */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { makeSmallDisk } from '#base/testing-small-disk.ts'
import { caughtUp, delay, type Program, waitUntil } from '#drill/program.ts'
import type { MixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts } from './support/counts.ts'
import { postEvents } from './support/gateway-client.ts'
import { type Load, notOnceInWarehouse, NUMBERED, numberedEvent, startLoad } from './support/numbered.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

const MB = 1024 ** 2

interface Shown {
  held: { destination: string; events: number }[]
}
interface Examined {
  checks: { id: string; state: string; what: string }[]
}

function insertIds(vendor: MixpanelCloud): Map<number, Set<string>> {
  const byNumber = new Map<number, Set<string>>()
  for (const { properties } of eventsOf(vendor.loot())) {
    const n = Number(properties.n)
    byNumber.set(n, (byNumber.get(n) ?? new Set()).add(String(properties.$insert_id)))
  }
  return byNumber
}

/** Each acknowledged event is at the vendor, under one insert id, and once in the warehouse. Stops the program. */
async function assertNothingLost(program: Program, vendor: MixpanelCloud, load: Load): Promise<void> {
  const acknowledged = [...load.acknowledged]
  await waitUntil('each acknowledged event is at the vendor', () => insertIds(vendor).size >= acknowledged.length, 240_000, 500)
  await waitUntil('the warehouse holds them', async () => (await eventCounts(program)).warehouse >= acknowledged.length, 120_000, 500)
  const byNumber = insertIds(vendor)
  assert.deepEqual(
    acknowledged.filter((n) => byNumber.get(n)?.size !== 1),
    [],
    'at the vendor with one insert id',
  )
  assert.equal(await program.stop(), 0)
  assert.deepEqual(await notOnceInWarehouse(program.dataDir, acknowledged), [], 'once in the warehouse')
}

async function command<Answer>(program: Program, ...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await program.cli([...args, '--json'])
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}${stdout}`)
  return lastJson<Answer>(stdout)
}

async function startOn(t: TestContext, folder: string | undefined, vendorUrl: string, disk: string): Promise<Program> {
  const config = testConfig({ vendorUrl, ...NUMBERED, more: `disk: ${disk}\n` })
  return startBulkhead(t, { config, env: vendorEnvironment, ...(folder === undefined ? {} : { folder }) })
}

test('another program fills the disk at load', { timeout: 14 * 60_000 }, async (t) => {
  const disk = makeSmallDisk(700)
  t.diagnostic(`file system: ${disk.kind}, ${Math.round(disk.free() / MB)} MB`)
  // Registered first, so that it comes last: the program has to be gone before its disk.
  t.after(() => disk.remove())
  const vendor = await startVendor(t)
  // No floor: the stores themselves must run into the end of the disk.
  const program = await startOn(t, path.join(disk.folder, 'b'), vendor.url, '{freeBytesMin: 0, freeShareMin: 0, reserveBytes: 2097152}')
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: 97, lanes: 3, batch: 20, pauseMs: 10 })
  t.after(() => load.stop(0))
  await waitUntil('the vendor has some', () => insertIds(vendor).size > 200)

  disk.fill()
  // A gateway whose log cannot tell how a commit ended is started again: a connection that it breaks is no refusal yet.
  const statusOf = (): Promise<number> =>
    postEvents(program.gatewayUrl, TOKENS.server, [numberedEvent(0, 97)]).then(
      ({ status }) => status,
      () => 0,
    )
  await waitUntil('the gateway refuses', async () => (await statusOf()) === 503)
  disk.fill()
  await delay(2000)

  const cut = await command<{ unfenced: string[] }>(program, 'vendor', 'cut', 'mixpanel', '--reason', 'full disk')
  assert.deepEqual(cut.unfenced, [])
  await caughtUp()
  const requests = vendor.requests().length
  const who = await command<{ disclosures: unknown[] }>(program, 'who', 'numbered-person-1', '--reason', 'full disk')
  assert.ok(who.disclosures.length > 0, 'questions of the bad day are answered')
  // Whatever ends now has to come back on a full disk too.
  // The gateway may be between two lives just now, because its log could not tell how a commit ended.
  for (const role of ['worker', 'gateway'] as const) await waitUntil(`there is a ${role} to kill`, () => program.kill(role))
  await delay(4000)
  disk.fill()
  assert.equal(vendor.requests().length, requests, 'nothing left after the cut')
  assert.equal((await command<{ state: string }>(program, 'vendor', 'show', 'mixpanel')).state, 'cut')

  disk.empty()
  const full = load.acknowledged.size
  await waitUntil('events are taken again', () => load.acknowledged.size > full + 200)
  assert.equal(vendor.requests().length, requests, 'still cut')
  await command(program, 'vendor', 'restore', 'mixpanel', '--reason', 'space again')
  await delay(2000)
  await load.stop(180_000)
  t.diagnostic(`${load.acknowledged.size} events acknowledged of ${load.sent()} sent`)
  assert.equal(load.sent(), load.acknowledged.size, 'each batch was taken in the end')
  const doctor = lastJson<Examined>((await program.cli(['doctor', '--json'])).stdout)
  assert.equal(doctor.checks.find(({ id }) => id === 'disk')?.state, 'ok')
  await assertNothingLost(program, vendor, load)
})

test('the gateway answers 503 before the disk is full', { timeout: 600_000 }, async (t) => {
  const disk = makeSmallDisk(400)
  t.after(() => disk.remove())
  const vendor = await startVendor(t)
  const floor = Math.round(disk.free() / 2)
  const program = await startOn(t, path.join(disk.folder, 'b'), vendor.url, `{freeBytesMin: ${floor}, freeShareMin: 0}`)
  const post = () => postEvents(program.gatewayUrl, TOKENS.server, [numberedEvent(1, 97)])
  assert.equal((await post()).status, 200)
  disk.fill(floor / 2)
  await waitUntil('it refuses', async () => (await post()).status === 503)
  assert.ok(disk.free() > floor / 4, 'with space left')
  const doctor = lastJson<Examined>((await program.cli(['doctor', '--json'])).stdout)
  const check = doctor.checks.find(({ id }) => id === 'disk')
  assert.equal(check?.state, 'fail')
  assert.match(check?.what ?? '', /log, .*warehouse.*MB free/)
  disk.empty()
  await waitUntil('it takes', async () => (await post()).status === 200)
})

test('a vendor that stays away costs bounded disk; what it missed is sent from the warehouse', { timeout: 12 * 60_000 }, async (t) => {
  const vendor = await startVendor(t)
  vendor.faults.choose(() => ({ kind: 'status', status: 503 }))
  const sizes = { folderBytesMax: MB, holdBytesMax: 2 * MB, logBytesMax: 64 * MB }
  const program = await startOn(t, undefined, vendor.url, JSON.stringify(sizes))
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: 97, lanes: 3, batch: 200, pauseMs: 20 })
  t.after(() => load.stop(0))
  const logDir = path.join(program.dataDir, 'log')
  const folders = (): string[] => readdirSync(logDir).filter((name) => /^\d{6}$/.test(name))
  const logBytes = (): number => folders().reduce((sum, name) => sum + statSync(path.join(logDir, name, 'data.mdb')).size, 0)
  const held = async (): Promise<number> =>
    (await command<Shown>(program, 'vendor', 'show', 'mixpanel')).held.reduce((sum, { events }) => sum + events, 0)

  await waitUntil('folders were given up', () => Number(folders()[0]) > 3, 240_000, 200)
  await load.stop(180_000)
  const waiting = await held()
  t.diagnostic(`${load.acknowledged.size} acknowledged, ${waiting} of them held in the warehouse, log ${Math.round(logBytes() / 1024)} KiB`)
  assert.ok(waiting > 1000, 'events are held in the warehouse')
  await waitUntil('the log is within its limits', () => logBytes() <= sizes.holdBytesMax + 2 * sizes.folderBytesMax, 120_000, 200)

  // The vendor is back; the worker is killed in the middle of what it sends from the warehouse.
  // It takes its time, so that each kill finds it at work.
  vendor.faults.choose(() => ({ kind: 'delay', ms: 100 }))
  for (let kill = 1; kill <= 3; kill++) {
    const reached = insertIds(vendor).size
    await waitUntil('more has arrived', () => insertIds(vendor).size > reached, 120_000, 5)
    assert.ok(insertIds(vendor).size < waiting, 'the kill falls into what is held')
    assert.ok(program.kill('worker'))
  }
  vendor.faults.choose(undefined)
  await waitUntil('nothing is held any more', async () => (await held()) === 0, 240_000, 500)
  await assertNothingLost(program, vendor, load)
})
