/**
 * Backup and restore with the real program: a copy made under load opens, nothing in it points at what it lacks, and what a
 * restore cannot bring back (entries of the ledger, later cuts, numbers) is put right or named.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import type { BackupReport, RestoreReport } from '#api/backup-contract.ts'
import type { LedgerAcknowledge, LedgerCheckpoint } from '#api/ledger-contract.ts'
import type { Doctor, WhoResult } from '#api/contract.ts'
import { systemClock } from '#base/clock.ts'
import { type CommandResult, type Program, runCommand, waitUntil } from '#drill/program.ts'
import { openLedger } from '#ledger/ledger.ts'
import { isSignedBy } from '#ledger/restored-ledger.ts'
import { openLogReader } from '#log/log-reader.ts'
import { readWaiting } from '#log/waiting-file.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { alignOperators } from '#records/operator-book.ts'
import type { OperatorRows, RememberedOperator } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { openVault, type Vault } from '#vault/vault.ts'
import { killAll, lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts } from './support/counts.ts'
import { postEvents } from './support/gateway-client.ts'
import { NUMBERED, startLoad } from './support/numbered.ts'
import { ownRuntime, readReleased, unpackReleased } from './support/released.ts'
import { assertSchema } from './support/schemas.ts'
import { readStores } from './support/stores.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const PEOPLE = 50

async function ask<Answer>(program: Program, schema: string, ...args: string[]): Promise<Answer> {
  const result = await program.cli([...args, '--json'])
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
  const answer = lastJson<Answer>(result.stdout)
  assertSchema(schema, answer)
  return answer
}

async function killAllOf(program: Program): Promise<void> {
  await killAll(program.processes())
  await program.ended
}

function instanceIn(dataDir: string): string {
  return /^instance (\S+)$/m.exec(readFileSync(path.join(dataDir, 'FORMAT'), 'utf8'))?.[1] ?? ''
}

/** What its key folder knows of how far it has come. */
function rememberedOf(program: Program): { ledger: number } {
  const keys = new DatabaseSync(path.join(program.keysDir, 'keys.db'), { readOnly: true })
  try {
    const row = keys.prepare("SELECT value FROM meta WHERE name = 'newest'").get()
    return JSON.parse(String(row?.['value'])) as { ledger: number }
  } finally {
    keys.close()
  }
}

function vaultOf(dataDir: string, keysDir: string): Promise<Vault> {
  return openVault({ dataDir, keysDir, instance: instanceIn(dataDir), clock: systemClock })
}

/** Pairs of stores in a copy: nothing may point at what is not there. */
async function assertWhole(backup: string, keysDir: string, folder: string): Promise<void> {
  const dataDir = path.join(folder, 'whole', 'data')
  const keys = path.join(folder, 'whole', 'keys')
  cpSync(path.join(backup, 'data'), dataDir, { recursive: true, verbatimSymlinks: true })
  cpSync(keysDir, keys, { recursive: true })
  const log = openLogReader({ dir: path.join(dataDir, 'log') })
  const entries: LogEntry[] = []
  for (let seq = log.tail(); seq <= log.head(); seq = (entries.at(-1)?.seq ?? seq) + 1) {
    entries.push(...log.read(seq, { entries: 1000, bytes: 1 << 24 }))
  }
  const vault = await vaultOf(dataDir, keys)
  const ordinals = new Set(entries.flatMap((entry) => entry.records.flatMap(({ user, device }) => [user ?? device ?? 0])))
  const identities = await vault.identities(
    [...ordinals].map((ordinal) => [ordinal]),
    { actor: 'test', action: 'compare', reason: 'test' },
  )
  assert.ok(
    identities.every(({ ids }) => ids.length === 1),
    'every identifier that the log names is in the vault and opens',
  )
  for (const { waiting } of entries) {
    if (waiting === undefined) continue
    const sealed = readWaiting(path.join(dataDir, 'waiting'), waiting)
    assert.ok(sealed !== undefined && vault.openWaiting(waiting.day, sealed) !== undefined, 'every waiting text is there and opens')
  }
  await vault.close()
  const ledger = await openLedger({ dir: path.join(dataDir, 'ledger'), clock: systemClock })
  const loaded = ledger.loadCursor('events')
  assert.ok(loaded <= log.head() + 1 && ledger.cursor('mixpanel').seq <= log.head() + 1, 'no cursor is ahead of the log')
  assert.ok(Math.min(loaded, ledger.cursor('mixpanel').seq) >= log.tail(), 'and none behind it')
  const closed = new Map<number, string>()
  for (const entry of ledger.read(1, ledger.head)) if (entry.type === 'outcome') closed.set(entry.intent, entry.state)
  for (const intent of closed.keys()) assert.equal(ledger.entry(intent)?.type, 'intent', 'every outcome has its intent')
  const intents = [...closed].filter(([intent]) => intent > 0)
  const rows = await askWarehouse<{ seqs: string; last: number }>(
    path.join(dataDir, 'warehouse'),
    'SELECT count() AS seqs, max(seq) AS last FROM events',
  )
  const expected = entries.filter((entry) => entry.seq < loaded).reduce((sum, entry) => sum + entry.records.length, 0)
  assert.equal(Number(rows[0]?.seqs), expected, 'the warehouse holds what the cursor says: each row once, and none more')
  assert.ok(Number(rows[0]?.last) < loaded)
  const disclosed = await askWarehouse<{ entry: number }>(path.join(dataDir, 'warehouse'), 'SELECT DISTINCT entry FROM disclosures')
  const upTo = ledger.loadCursor('disclosures')
  const shouldBe = new Set<number>()
  for (const entry of ledger.read(1, ledger.head)) {
    if (entry.type === 'outcome' && entry.entry < upTo && entry.state !== 'not_sent') shouldBe.add(entry.intent)
  }
  assert.deepEqual(new Set(disclosed.map((row) => Number(row.entry))), shouldBe)
  assert.ok(intents.length > 0, 'something was sent')
  log.close()
  await ledger.close()
}

test('a backup under load, everything killed and the data lost, a restore, and on', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const folder = makeFolder(t)
  const config = testConfig({ vendorUrl: vendor.url, ...NUMBERED })
  const program = await startBulkhead(t, { folder, config, env: vendorEnvironment, readyMs: 180_000 })
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: PEOPLE, lanes: 3, batch: 10, pauseMs: 15 })
  t.after(() => load.stop(0))
  await waitUntil('something went through', async () => (await eventCounts(program)).warehouse > 200, 120_000, 200)
  await postEvents(program.gatewayUrl, TOKENS.server, [
    { event: 'Numbered', properties: { distinct_id: 'gone', note: 'unapproved', n: 0 } },
  ])
  const [backup, keyBackups] = [path.join(folder, 'backup'), path.join(folder, 'key-backups')]
  const addSignal = async (): Promise<number> => {
    const said = ['--source', 'person', '--at', '2025-11-25T10:00:00Z', '--what', 'a call']
    return (await ask<{ id: number }>(program, 'signal', 'signal', 'add', ...said)).id
  }
  assert.equal(await addSignal(), 1)
  const before = load.sent()
  const made = await ask<BackupReport>(program, 'backup', 'backup', backup, '--keys', keyBackups)
  assert.ok(load.sent() > before, 'it took traffic meanwhile')
  assert.ok(made.entries > 0 && made.logHead > 0)
  assert.ok(!readdirSync(backup, { recursive: true }).some((name) => /keys\.db|kek/.test(String(name))), 'no key in the backup of the data')
  await assertWhole(backup, program.keysDir, folder)

  await ask(program, 'vendor-cut', 'vendor', 'cut', 'mixpanel', '--reason', 'after the backup')
  await waitUntil('more was sent to the log', () => load.sent() > before + 500)
  assert.equal(await addSignal(), 2)
  await load.stop(180_000)
  const beside = await runCommand(['restore', backup, '--data', path.join(folder, 'beside'), '--json'], { folder })
  assert.equal(lastJson<{ error: { code: string } }>(beside.stderr).error.code, 'already_running')
  assert.ok(!existsSync(path.join(folder, 'beside')), 'nothing is left of a refused restore')
  await waitUntil('the key folder knows that the ledger has gone on', () => rememberedOf(program).ledger > made.entries)
  await killAllOf(program)
  const sentBefore = new Map<string, number>()
  for (const { properties } of eventsOf(vendor.loot())) sentBefore.set(String(properties.$insert_id), Number(properties.n))
  const former = await openLogReader({ dir: path.join(program.dataDir, 'log') })
  const lastSeq = former.head()
  former.close()

  const vault = await vaultOf(program.dataDir, program.keysDir)
  const look = { actor: 'test', action: 'test', reason: 'test' }
  const [person] = await vault.resolve('gone', look)
  assert.equal(await vault.erase([person?.person as number]), 1)
  await vault.close()
  renameSync(program.dataDir, path.join(folder, 'lost'))

  const answer = await runCommand(['restore', backup, '--data', program.dataDir, '--json'], { folder })
  assert.equal(answer.code, 0, answer.stderr)
  const restored = lastJson<RestoreReport>(answer.stdout)
  assertSchema('restore', restored)
  assert.equal(restored.erasuresReplayed, 1)
  assert.deepEqual(restored.cut, ['mixpanel'])
  assert.ok(restored.logFrom > lastSeq, 'no number that was given out is given out again')
  assert.ok(restored.gap !== undefined && restored.gap.from === made.entries + 1 && restored.gap.to > made.entries && !restored.gap.exact)

  await program.restart()
  assert.equal(await addSignal(), 3, 'a number that was given after the backup is not given again')
  const doctor = await program.cli(['doctor', '--json'])
  const gapCheck = lastJson<Doctor>(doctor.stdout).checks.find((check) => check.id === 'ledger_gap')
  assert.ok(
    gapCheck?.state === 'fail' && gapCheck.what.includes(`ROLLED BACK by a restore: ${restored.gap.to} entries`),
    JSON.stringify(gapCheck),
  )
  const nowhere = await program.cli(['ledger', 'acknowledge', '1', '--reason', 'test', '--json'])
  assert.equal(lastJson<{ error: { code: string } }>(nowhere.stderr).error.code, 'not_found')
  const acknowledged = await program.cli(['ledger', 'acknowledge', String(restored.gap.entry), '--reason', 'the disk was lost', '--json'])
  const known = lastJson<LedgerAcknowledge>(acknowledged.stdout)
  assertSchema('ledger-acknowledge', known)
  assert.deepEqual([known.entry, known.from, known.origin], [restored.gap.entry, restored.gap.from, restored.gap.origin])
  const after = lastJson<Doctor>((await program.cli(['doctor', '--json'])).stdout).checks.find((check) => check.id === 'ledger_gap')
  assert.ok(after?.state === 'warn' && after.what.includes(`${restored.gap.from} to ${restored.gap.to}`), JSON.stringify(after))
  const origin = restored.gap.origin
  const checkpoint = await ask<LedgerCheckpoint>(program, 'ledger-checkpoint', 'ledger', 'checkpoint')
  assert.ok(
    checkpoint.origin.endsWith(`/${origin}`) && checkpoint.size > made.entries,
    'the tree goes on under the name that the gap gives',
  )
  const who = await ask<WhoResult>(program, 'who', 'who', 'numbered-person-1', '--reason', 'test')
  assert.equal(who.ledgerGaps?.[0]?.from, restored.gap.from)
  const gone = await program.cli(['who', 'gone', '--reason', 'test', '--json'])
  assert.equal(lastJson<{ error: { code: string } }>(gone.stderr).error.code, 'not_found')
  const affected = await ask<{ upperBound: boolean; upperBoundReason: string }>(
    program,
    'incident-affected',
    'incident',
    'affected',
    '--vendor',
    'mixpanel',
  )
  assert.ok(!affected.upperBound && /restore lost part of the ledger/.test(affected.upperBoundReason))

  const late = 1_000_000
  await ask(program, 'vendor-restore', 'vendor', 'restore', 'mixpanel', '--reason', 'test')
  for (let n = late; n < late + 20; n++) {
    const properties = { distinct_id: `numbered-person-${n % PEOPLE}`, n, person: n % PEOPLE, $insert_id: `late${n}` }
    assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, [{ event: 'Numbered', properties }])).body, '1')
  }
  await waitUntil('the new ones are at the vendor', () => eventsOf(vendor.loot()).some(({ properties }) => properties.n === late + 19))
  for (const { properties } of eventsOf(vendor.loot())) {
    const known = sentBefore.get(String(properties.$insert_id))
    assert.ok(known === undefined || known === Number(properties.n), 'an insert id names one event, before and after')
    if (Number(properties.n) >= late) assert.equal(known, undefined)
  }
  await waitUntil('all of it is loaded', async () => (await eventCounts(program)).warehouse >= 20, 120_000, 200)
  assert.equal(await program.stop(), 0)
  const [copies] = await askWarehouse<{ most: number; late: number }>(
    path.join(program.dataDir, 'warehouse'),
    `SELECT max(c) AS most, countIf(n >= ${late}) AS late FROM (SELECT JSONExtractUInt(properties, 'n') AS n, count() AS c FROM events GROUP BY n)`,
  )
  assert.deepEqual([Number(copies?.most), Number(copies?.late)], [1, 20], 'each event once')
  const ledger = await openLedger({ dir: path.join(program.dataDir, 'ledger'), clock: systemClock })
  const entry = ledger.entry(restored.gap.entry)
  assert.ok(entry?.type === 'gap' && isSignedBy(entry, restored.gap.key))
  await ledger.close()
})

test('with nothing running: a backup, everything lost, and all of it back', { timeout: 600_000 }, async (t) => {
  const released = readReleased('format-1')
  const folder = makeFolder(t)
  const { dataDir, keysDir } = unpackReleased('format-1', folder)
  const [backup, keyBackups] = [path.join(folder, 'backup'), path.join(folder, 'key-backups')]
  const env = ownRuntime(folder)
  const run = (...args: string[]): Promise<CommandResult> => runCommand([...args, '--json'], { folder, env })
  const refuse = async (code: string, ...args: string[]): Promise<void> => {
    const result = await run(...args)
    assert.equal(result.code, 1, result.stdout)
    assert.equal(lastJson<{ error: { code: string } }>(result.stderr).error.code, code)
  }
  await refuse('backup_place_wrong', 'backup', path.join(dataDir, 'inside'), '--data', dataDir)
  await refuse(
    'backup_place_wrong',
    'backup',
    path.join(folder, 'data-and-keys'),
    '--keys',
    path.join(folder, 'data-and-keys', 'keys'),
    '--data',
    dataDir,
  )
  writeFileSync(path.join(folder, 'stranger'), '')
  await refuse('backup_place_wrong', 'backup', folder, '--data', dataDir)
  const result = await run('backup', backup, '--keys', keyBackups, '--data', dataDir)
  assert.equal(result.code, 0, result.stderr)
  assertSchema('backup', lastJson(result.stdout))
  assert.match(result.stderr, /warning: .*file system/)
  const again = await run('backup', backup, '--keys', keyBackups, '--data', dataDir)
  assert.equal(again.code, 0, again.stderr)

  await t.test('what is not whole is refused, and nothing is made of it', async () => {
    const target = path.join(folder, 'target')
    const manifest = path.join(backup, 'data', 'MANIFEST.json')
    renameSync(manifest, `${manifest}.away`)
    await refuse('backup_invalid', 'restore', backup, '--data', target)
    renameSync(`${manifest}.away`, manifest)
    const file = path.join(backup, 'data', 'ledger', 'ledger.mdb')
    const bytes = readFileSync(file)
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1)
    writeFileSync(file, changed)
    await refuse('backup_invalid', 'restore', backup, '--data', target)
    writeFileSync(file, bytes)
    assert.ok(!existsSync(target))
  })

  await t.test('the keys that live are used, and no copy takes their place', async () => {
    await refuse('key_exists', 'restore', backup, '--keys', keyBackups, '--data', path.join(folder, 'target'))
    assert.ok(!existsSync(path.join(folder, 'target')))
  })

  rmSync(keysDir, { recursive: true })
  rmSync(dataDir, { recursive: true })
  await refuse('key_missing', 'restore', backup, '--data', dataDir)
  const restored = await run('restore', backup, '--keys', keyBackups, '--data', dataDir)
  assert.equal(restored.code, 0, restored.stderr)
  const report = lastJson<RestoreReport>(restored.stdout)
  assertSchema('restore', report)
  assert.equal(report.gap, undefined, 'it had stopped, and nothing was written after the backup')
  assert.deepEqual([report.entries, report.erasuresReplayed], [released.stores.ledger.head, 0])
  assert.deepEqual(await readStores({ dataDir, keysDir, at: released.at }), released.stores)
})

test('keys from a copy that is older than the data let nobody in who was removed since, and throw nobody out', {
  timeout: 600_000,
}, async (t) => {
  const folder = makeFolder(t)
  const { dataDir, keysDir } = unpackReleased('format-1', folder)
  const [backup, keyBackups] = [path.join(folder, 'backup'), path.join(folder, 'key-backups')]
  const run = async (...args: string[]): Promise<CommandResult> => {
    const result = await runCommand([...args, '--data', dataDir], { folder, env: ownRuntime(folder) })
    assert.equal(result.code, 0, result.stderr)
    return result
  }
  const written = (change: (rows: OperatorRows) => void): RememberedOperator[] => {
    const records = openRecords({ path: path.join(dataDir, 'records.db') })
    change(records.operators)
    const operators = records.operators.remembered().map((each) => ({ ...each }))
    records.close()
    return operators
  }
  const then = written((rows) => rows.add({ name: 'bob', credentialSha256: 'b'.repeat(64), at: 5, by: 'operator' }))
  const vault = await vaultOf(dataDir, keysDir)
  await vault.keeping.remember({ operators: then, flows: [] })
  await vault.close()
  await run('backup', path.join(folder, 'first'), '--keys', keyBackups)
  const now = written((rows) => {
    rows.add({ name: 'ann', credentialSha256: 'a'.repeat(64), at: 6, by: 'operator' })
    rows.remove('bob', { at: 7, by: 'ann' })
  })
  await run('backup', backup)
  for (const lost of [dataDir, keysDir]) rmSync(lost, { recursive: true })
  const { stderr } = await run('restore', backup, '--keys', keyBackups)
  assert.match(stderr, /the keys are a copy, .*: ann$/m)
  const again = await vaultOf(dataDir, keysDir)
  const { newest } = await again.describe()
  await again.close()
  assert.deepEqual(newest.operators, now)
  written((rows) => assert.deepEqual(alignOperators(rows, newest.operators), [], 'a start finds nothing to put right'))
})

test('a ledger that ends before what is known from elsewhere gets its gap', { timeout: 600_000 }, async (t) => {
  const folder = makeFolder(t)
  const { dataDir } = unpackReleased('format-1', folder)
  const backup = path.join(folder, 'backup')
  assert.equal((await runCommand(['backup', backup, '--data', dataDir], { folder, env: ownRuntime(folder) })).code, 0)
  rmSync(dataDir, { recursive: true })
  const restored = await runCommand(['restore', backup, '--data', dataDir, '--ledger-head', '40', '--json'], {
    folder,
    env: ownRuntime(folder),
  })
  const { gap, entries } = lastJson<RestoreReport>(restored.stdout)
  assert.deepEqual([gap?.from, gap?.to, gap?.exact, entries], [16, 40, false, 16])
})
