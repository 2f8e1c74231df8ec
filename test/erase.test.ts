/**
 * Law 9 with the real program: after `erase` no byte of the person's keys, index rows and sealed text is left in any file, no
 * total has changed, the ledger stands as it was, kill -9 loses no step, and no backup brings the person back.
 */
import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import type { AffectedResult, Doctor } from '#api/contract.ts'
import type { LedgerVerify } from '#api/ledger-contract.ts'
import type { EraseResult } from '#api/erase-contract.ts'
import { systemClock } from '#base/clock.ts'
import { type CommandResult, delay, type Program, runCommand, waitUntil } from '#drill/program.ts'
import { openLogReader } from '#log/log-reader.ts'
import { readWaiting } from '#log/waiting-file.ts'
import { openVault, type Vault } from '#vault/vault.ts'
import { killAll, lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { DELETION_TOKEN, type DeletionDesk, startDeletionDesk } from './support/deletion-desk.ts'
import { postEvents, type TestEvent } from './support/gateway-client.ts'
import { readLedger } from './support/numbered.ts'
import { assertSchema } from './support/schemas.ts'
import { type Needle, PatternSet, scanFolder } from './support/search.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const LOOK = { actor: 'test', action: 'test', reason: 'test' }
const GONE = { id: 'gone-user', email: 'gone@mail.example', device: 'gone-device', text: 'whatGoneTyped' }
const STAYS = { id: 'stays-user', email: 'stays@mail.example', device: 'stays-device', text: 'whatStaysTyped' }
const SHARED = 'shared-device'

async function assertVerified(program: Program): Promise<void> {
  const { problems, entries } = lastJson<LedgerVerify>((await program.cli(['ledger', 'verify', '--json'])).stdout)
  assert.deepEqual(problems, [])
  assert.ok(entries > 0)
}

/** A millisecond apart, so that it is known who was on the shared device when. */
let time = Date.now() - 3_600_000

function eventsOfPerson({ id, email, device, text }: typeof GONE, amount: number): TestEvent[] {
  const note = `${text} ${amount}`
  const events = [
    { event: 'Bought', properties: { $device_id: device, amount, note, $insert_id: `${id}-a${amount}` } },
    { event: '$identify', properties: { $identified_id: id, $anon_id: device, distinct_id: id, $insert_id: `${id}-i${amount}` } },
    {
      event: 'Bought',
      properties: { distinct_id: id, $device_id: device, $user_id: id, $email: email, amount, note, $insert_id: `${id}-b${amount}` },
    },
    { event: 'Bought', properties: { distinct_id: id, $device_id: SHARED, $user_id: id, amount, $insert_id: `${id}-c${amount}` } },
  ]
  return events.map(({ event, properties }) => ({ event, properties: { time: ++time, ...properties } }))
}

async function start(t: TestContext): Promise<{ program: Program; desk: DeletionDesk; loot: () => ReturnType<typeof eventsOf> }> {
  const vendor = await startVendor(t)
  const desk = await startDeletionDesk(t, vendor.url)
  const config = testConfig({ vendorUrl: desk.url, events: ['Bought'], properties: ['amount'] })
  const withToken = config.replace(
    `token: ${TOKENS.vendor}\n`,
    `token: ${TOKENS.vendor}\n        deletionToken: "\${TEST_DELETION_TOKEN}"\n`,
  )
  const program = await startBulkhead(t, { config: withToken, env: { ...vendorEnvironment, TEST_DELETION_TOKEN: DELETION_TOKEN } })
  return { program, desk, loot: () => eventsOf(vendor.loot()) }
}

async function post(program: Program, events: readonly TestEvent[]): Promise<void> {
  assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, events)).body, '1')
}

async function ok<Answer>(running: Promise<CommandResult>): Promise<Answer> {
  const { code, stdout, stderr } = await running
  assert.equal(code, 0, stderr)
  return lastJson<Answer>(stdout)
}

function vaultOf(dataDir: string, keysDir: string, instance: string): Promise<Vault> {
  return openVault({ dataDir, keysDir, instance, clock: systemClock })
}

/** Everything of the person's that lies in copies of the stores, as bytes to look for; and what the person is made of. */
async function materialOf(copies: { data: string; keys: string; instance: string }): Promise<{ needles: Needle[]; ordinals: number[] }> {
  const vault = await vaultOf(copies.data, copies.keys, copies.instance)
  const [person] = await vault.resolve(GONE.id, LOOK)
  const [device] = (await vault.resolve(GONE.device, LOOK))[0]?.devices ?? []
  const shared = await vault.resolve(SHARED, LOOK)
  await vault.close()
  assert.ok(person !== undefined && device !== undefined && shared.length === 2, 'an id, a device of its own, and one that two people use')
  const own = person.devices
    .map((interval) => interval.device)
    .filter((each) => !shared.some((other) => other.person !== person.person && other.devices.some((interval) => interval.device === each)))
  const ordinals = [...new Set([...person.users, ...own])]
  assert.equal(ordinals.length, 2)
  const needles: Needle[] = []
  const add = (label: string, bytes: unknown): void => void needles.push({ label, pattern: Buffer.from(bytes as Uint8Array) })
  const keys = new DatabaseSync(path.join(copies.keys, 'keys.db'))
  const rows = new DatabaseSync(path.join(copies.data, 'vault.db'))
  const ofThem = `ordinal IN (${ordinals.join(', ')})`
  for (const row of keys.prepare(`SELECT wrapped FROM person_secrets WHERE ${ofThem}`).all()) add('wrapped secret', row.wrapped)
  for (const row of rows.prepare(`SELECT hash, sealed FROM identifiers WHERE ${ofThem}`).all()) {
    add('index hash', row.hash)
    add('sealed id', row.sealed)
  }
  for (const row of rows.prepare(`SELECT sealed, lookup FROM facts WHERE ${ofThem}`).all()) {
    add('sealed fact', row.sealed)
    if (row.lookup !== null) add('lookup hash', row.lookup)
  }
  keys.close()
  rows.close()
  return { needles, ordinals }
}

/** All text that waits in a data folder, as far as it opens. */
async function waitingText(dataDir: string, vault: Vault): Promise<string> {
  const log = openLogReader({ dir: path.join(dataDir, 'log') })
  let text = ''
  for (let seq = log.tail(); seq <= log.head(); seq++) {
    for (const { waiting } of log.read(seq, { entries: 1, bytes: 1 })) {
      const sealed = waiting && readWaiting(path.join(dataDir, 'waiting'), waiting)
      if (waiting !== undefined && sealed !== undefined) text += vault.openWaiting(waiting.day, sealed) ?? 'UNREADABLE'
    }
  }
  log.close()
  return text
}

/** What `doctor` says, without a process for each question. */
async function doctorOf(program: Program): Promise<Doctor> {
  const credential = readFileSync(path.join(program.keysDir, 'operator'), 'utf8').trim()
  const answer = await fetch(`${program.consoleUrl}/v1/doctor`, { headers: { authorization: `Bearer ${credential}` } })
  return (await answer.json()) as Doctor
}

/** What is not done. */
async function openIn(program: Program): Promise<{ open: number; due: number }> {
  const { checks } = await doctorOf(program)
  const what = checks.find(({ id }) => id === 'erasures')?.what ?? 'erasures not done: 0; deletions due at vendors: 0'
  const match = /not done: (\d+); deletions due at vendors: (\d+)/.exec(what)
  assert.ok(match !== null, what)
  return { open: Number(match[1]), due: Number(match[2]) }
}

/** Rows of the warehouse's events that name any of them. */
async function rowsNaming(dataDir: string, ordinals: readonly number[]): Promise<number> {
  const list = ordinals.join(', ')
  const sql = `SELECT count() AS n FROM events WHERE user IN (${list}) OR device IN (${list}) OR hasAny(linkedOrdinals, [${list}])`
  return Number((await askWarehouse<{ n: number }>(path.join(dataDir, 'warehouse'), sql))[0]?.n)
}

function onlyFolderIn(dir: string): string {
  const [name, ...others] = readdirSync(dir)
  assert.ok(name !== undefined && others.length === 0)
  return path.join(dir, name)
}

/** Who is erased by now is told apart, and the requests to delete are disclosures of their own, of no surface. */
function withoutProgress({ checked: { policies }, erased: _erased, surfaces, ...answer }: AffectedResult): unknown {
  return { ...answer, policies, surfaces: surfaces.filter(({ surface }) => surface !== '') }
}

test('erased is erased: in every file, with every total as it was, through kill -9 and restore', { timeout: 600_000 }, async (t) => {
  const { program, desk, loot } = await start(t)
  const folder = makeFolder(t)
  const [before, beforeKeys, after, afterKeys] = ['before', 'before-keys', 'after', 'after-keys'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string, string]
  for (const amount of [1, 2]) await post(program, [...eventsOfPerson(GONE, amount), ...eventsOfPerson(STAYS, amount)])
  const sent = 2 * 2 * 4
  await waitUntil('the vendor has it', () => loot().length >= sent)
  await waitUntil('the warehouse has it', async () => ((await doctorOf(program)).events.warehouse ?? 0) >= sent)
  await ok(program.cli(['who', GONE.email, '--reason', 'test', '--json']))
  const affected = (): Promise<AffectedResult> => ok(program.cli(['incident', 'affected', '--vendor', 'mixpanel', '--json']))
  const [affectedBefore, { instance }] = [await affected(), await doctorOf(program)]
  await ok(program.cli(['backup', before, '--keys', beforeKeys, '--json']))
  const copies = { data: path.join(folder, 'copy'), keys: path.join(folder, 'copy-keys'), instance }
  cpSync(path.join(before, 'data'), copies.data, { recursive: true, verbatimSymlinks: true })
  cpSync(onlyFolderIn(beforeKeys), copies.keys, { recursive: true })
  const { needles, ordinals } = await materialOf(copies)
  assert.ok(needles.length >= 8, 'there is something to look for')
  assert.ok(scanFolder(new PatternSet(needles), program.dataDir).hits.length > 0, 'and it is found before')

  await t.test('while anything is held, it waits, and goes on by itself', async () => {
    const hold = await ok<{ id: number }>(program.cli(['hold', 'open', '--reason', 'a lawsuit', '--json']))
    const waits = await program.cli(['erase', GONE.email, '--reason', 'asked', '--suppress', '--json'])
    assert.equal(waits.code, 1)
    assert.equal(lastJson<{ error: { code: string } }>(waits.stderr).error.code, 'erase_deferred')
    const receipt = lastJson<EraseResult>(waits.stdout)
    assertSchema('erase', receipt)
    assert.equal(receipt.erasedAt, null)
    await ok(program.cli(['hold', 'close', String(hold.id), '--reason', 'settled', '--json']))
  })

  // All of it dies in the middle, wherever that is.
  desk.away = 503
  const erasing = program.cli(['erase', GONE.email, '--reason', 'asked', '--suppress', '--json'])
  await delay(300 + Math.random() * 1200)
  await killAll(program.processes())
  await program.ended
  await erasing
  await program.restart()
  const again = await program.cli(['erase', GONE.email, '--reason', 'asked', '--suppress', '--json'])
  if (again.code !== 0) assert.equal(lastJson<{ error: { code: string } }>(again.stderr).error.code, 'not_found', 'found no more')
  await waitUntil('it is done but for the vendor', async () => (await openIn(program)).open === 0)
  desk.away = undefined

  await t.test('totals are what they were', async () => {
    const now = await affected()
    assert.deepEqual(withoutProgress(now), withoutProgress(affectedBefore))
    assert.deepEqual([affectedBefore.erased, now.erased], [0, 1])
    assert.equal((await doctorOf(program)).events.warehouse, sent)
    for (const query of [GONE.email, GONE.device]) {
      const gone = await program.cli(['who', query, '--reason', 'test', '--json'])
      assert.equal(lastJson<{ error: { code: string } }>(gone.stderr).error.code, 'not_found', query)
    }
    await ok(program.cli(['who', STAYS.email, '--reason', 'test', '--json']))
  })

  await t.test('every proof of the ledger holds as before', () => assertVerified(program))

  await t.test('who is suppressed is nobody; everybody else goes on', async () => {
    const seen = loot().length
    await post(program, [...eventsOfPerson(GONE, 3), ...eventsOfPerson(STAYS, 3)])
    await waitUntil('the vendor has what came later', () => loot().length > seen)
    const gone = await program.cli(['who', GONE.id, '--reason', 'test', '--json'])
    assert.equal(lastJson<{ error: { code: string } }>(gone.stderr).error.code, 'not_found')
  })
  await ok(program.cli(['backup', after, '--keys', afterKeys, '--json']))
  assert.equal(await program.stop(), 0)

  await t.test('no file holds a key, a row or sealed text of the person', async () => {
    const patterns = new PatternSet(needles)
    for (const place of [program.dataDir, program.keysDir, after, afterKeys]) {
      const { hits, files } = scanFolder(patterns, place)
      assert.ok(files > 0)
      assert.deepEqual(hits, [], place)
    }
    const vault = await vaultOf(program.dataDir, program.keysDir, instance)
    const text = await waitingText(program.dataDir, vault)
    await vault.close()
    for (const amount of [1, 2]) {
      assert.ok(!text.includes(`${GONE.text} ${amount}`), 'their text is out of the waiting room')
      assert.ok(text.includes(`${STAYS.text} ${amount}`), "and others' text is in it")
    }
    assert.ok(!text.includes('UNREADABLE'))
    assert.deepEqual(await rowsNaming(program.dataDir, ordinals), 0)
  })

  await t.test('the ledger stands as it was, and vendors were asked under the names that they know', async () => {
    const [then, now] = [await readLedger(path.join(copies.data, 'ledger')), await readLedger(path.join(program.dataDir, 'ledger'))]
    assert.deepEqual(now.slice(0, then.length), then)
    const deletions = now.filter((entry) => entry.type === 'intent' && entry.route.includes('data-deletions'))
    assert.ok(deletions.length >= 1, 'each request to delete has its intent')
    assert.deepEqual(desk.complaints, [])
  })

  await t.test('a restore from before brings nobody back', async () => {
    renameSync(program.dataDir, path.join(folder, 'lost'))
    const restored = await runCommand(['restore', before, '--data', program.dataDir, '--json'], { folder: program.folder })
    assert.equal(restored.code, 0, restored.stderr)
    await program.restart()
    await waitUntil('all is done again and the vendor was asked', async () => {
      const { open, due } = await openIn(program)
      return open === 0 && due === 0
    })
    await assertVerified(program)
    const bare = (id: unknown): string => String(id).replace('$device:', '')
    const names = new Set(desk.taken.flat().map(bare))
    const sentNames = new Set(loot().flatMap(({ properties }) => Object.values(properties).map(bare)))
    const gone = [...names].filter((name) => !sentNames.has(name))
    assert.ok(names.size >= 2 && gone.length === 0, 'an id and a device at least, and nothing that the vendor was not sent')
    assert.equal(await program.stop(), 0)
    const vault = await vaultOf(program.dataDir, program.keysDir, instance)
    const text = await waitingText(program.dataDir, vault)
    await vault.close()
    assert.ok(!text.includes(GONE.text) && text.includes(STAYS.text))
    assert.deepEqual(await rowsNaming(program.dataDir, ordinals), 0)
    assert.deepEqual(scanFolder(new PatternSet(needles), program.dataDir).hits, [])
  })
})
