/**
 * Laws 3 and 4 against kill -9: any role, the supervisor included, at random instants under load. `KILLS` sets how many
 * (30 here, 1000 by hand), `SEED` repeats a run's choices; both are printed.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { LedgerVerify } from '#api/ledger-contract.ts'
import { delay, type Program, ROLES, waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts } from './support/counts.ts'
import { intentsOf, notOnceInWarehouse, NUMBERED, personOfId, readLedger, startLoad } from './support/numbered.ts'
import { randomFrom } from './support/random.ts'
import { eventsOf, startTap, startVendor } from './support/vendor.ts'

const KILLS = Number(process.env.KILLS ?? 30)
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const PEOPLE = 97
/** Log folders fill within a run. */
const SMALL = 'disk: {reserveBytes: 1048576, folderBytesMax: 1048576}\n'

/**
 * `working`: loading, sending, integrating, rotating, whatever it does then. `recovering`: again while it comes back.
 * `cutting`: while a vendor is cut. `stopping`: while all of it stops.
 */
const PHASES = [...Array<'working'>(10).fill('working'), ...Array<'recovering'>(5).fill('recovering'), 'cutting', 'stopping'] as const
type Phase = (typeof PHASES)[number]
type RoleName = (typeof ROLES)[number]

/** Kills in a phase, and leaves the program running with the flow open. The roles that were killed. */
async function killIn(phase: Phase, program: Program, random: () => number): Promise<RoleName[]> {
  const killed: RoleName[] = []
  const pick = (): RoleName => ROLES[Math.floor(random() * ROLES.length)] as RoleName
  const kill = (role: RoleName): boolean => {
    const lived = program.kill(role)
    if (lived) killed.push(role)
    return lived
  }
  const role = pick()
  if (phase === 'stopping') {
    program.launcher.kill('SIGTERM')
    await delay(random() * 1000)
    kill(role)
    await program.restart()
    return killed
  }
  const cut = phase === 'cutting' ? program.cli(['vendor', 'cut', 'mixpanel', '--reason', 'kill test']) : undefined
  if (cut !== undefined) await delay(random() * 2000)
  let mustStart = kill(role) && role === 'supervisor'
  await cut
  if (phase === 'recovering') {
    const again = random() < 0.6 ? role : pick()
    const startsAnew = mustStart
    if (startsAnew) await program.ended.then(() => program.launch())
    await delay(random() * 900)
    mustStart = kill(again) && again === 'supervisor'
    // A first start gives up after some kills; later the next kill need not wait for this one's end.
    if (startsAnew && !mustStart) await program.waitReady()
  }
  if (mustStart) await program.restart()
  if (phase === 'cutting') {
    const isOpen = async (): Promise<boolean> => {
      const { code, stderr } = await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'kill test'])
      return code === 0 || stderr.includes('vendor_not_cut')
    }
    await waitUntil('the flow is open again', isOpen, 120_000, 200)
  }
  return killed
}

interface AffectedLine {
  subject: string
  state: string
  ids: string[]
}

test(`laws 3 and 4: ${KILLS} kills, seed ${SEED}`, { timeout: 14 * 60_000 + KILLS * 3000 }, async (t) => {
  const random = randomFrom(SEED)
  const vendor = await startVendor(t)
  const tap = await startTap(t, vendor.url)
  // Some answers fail or never come, so that retries and uncertain outcomes are part of it.
  vendor.faults.choose(({ number }) => {
    if (number % 17 === 0) return { kind: 'status', status: 503, keeps: true }
    if (number % 23 === 0) return { kind: 'reset', when: 'stored' }
    return number % 29 === 0 ? { kind: 'status', status: 429, retryAfter: '0' } : undefined
  })
  const program = await startBulkhead(t, {
    config: testConfig({ vendorUrl: tap.url, ...NUMBERED, more: SMALL }),
    env: vendorEnvironment,
    readyMs: 180_000,
  })
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: PEOPLE, lanes: 3, batch: 10, pauseMs: 15 })
  t.after(() => load.stop(0))

  const killed: Record<string, number> = {}
  const phases: Record<string, number> = {}
  for (let count = 0; count < KILLS; ) {
    await delay(50 + random() * 900)
    const phase = PHASES[Math.floor(random() * PHASES.length)] as Phase
    phases[phase] = (phases[phase] ?? 0) + 1
    for (const role of await killIn(phase, program, random)) {
      killed[role] = (killed[role] ?? 0) + 1
      count++
    }
  }
  t.diagnostic(`phases: ${JSON.stringify(phases)}`)
  t.diagnostic(`killed: ${JSON.stringify(killed)}`)
  await program.waitReady(180_000)
  await load.stop(180_000)
  vendor.faults.choose(undefined)
  const acknowledged = [...load.acknowledged]
  t.diagnostic(`${acknowledged.length} events acknowledged of ${load.sent()} sent`)
  assert.ok(acknowledged.length > KILLS * 5, 'there was load')
  assert.equal(load.sent(), acknowledged.length, 'each batch was taken in the end')

  const arrived = (): Map<number, Set<string>> => {
    const byNumber = new Map<number, Set<string>>()
    for (const { properties } of eventsOf(vendor.loot())) {
      const n = Number(properties.n)
      byNumber.set(n, (byNumber.get(n) ?? new Set()).add(String(properties.$insert_id)))
    }
    return byNumber
  }
  await waitUntil('each acknowledged event is at the vendor', () => arrived().size >= acknowledged.length, 180_000, 250)
  await waitUntil('the warehouse holds them', async () => (await eventCounts(program)).warehouse >= acknowledged.length, 120_000, 500)
  const byNumber = arrived()
  assert.deepEqual(
    acknowledged.filter((n) => byNumber.get(n)?.size !== 1),
    [],
    'at the vendor at least once, with one insert id',
  )

  const file = path.join(program.folder, 'affected.ndjson')
  const affected = await program.cli([
    'incident',
    'affected',
    '--vendor',
    'mixpanel',
    '--json',
    '--list',
    file,
    '--reason',
    'kill test',
    '--identities',
  ])
  assert.equal(affected.code, 0, affected.stderr)
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AffectedLine)
  const inLoot = new Set(eventsOf(vendor.loot()).map(({ properties }) => Number(properties.person)))
  const people = (rows: readonly AffectedLine[]): Set<number | undefined> => new Set(rows.map((row) => row.ids.map(personOfId)[0]))
  const onList = people(lines)
  assert.deepEqual(
    [...inLoot].filter((person) => !onList.has(person)),
    [],
    'recall: all in the loot are on the list',
  )
  const delivered = lines.filter((row) => row.state === 'delivered')
  assert.deepEqual(
    [...people(delivered)].filter((person) => !inLoot.has(person as number)),
    [],
    'precision over delivered',
  )
  assert.equal(lastJson<{ subjects: number }>(affected.stdout).subjects, lines.length)

  const verified = await program.cli(['ledger', 'verify', '--json'])
  assert.deepEqual(lastJson<LedgerVerify>(verified.stdout).problems, [], verified.stderr)
  assert.equal(await program.stop(), 0)
  assert.deepEqual(await notOnceInWarehouse(program.dataDir, acknowledged), [], 'each acknowledged event is once in the warehouse')

  const entries = await readLedger(path.join(program.dataDir, 'ledger'))
  entries.forEach((entry, index) => assert.equal(entry.entry, index + 1, 'the ledger has no gap'))
  const firstIntent = new Map<string, number>()
  for (const intent of intentsOf(entries)) if (!firstIntent.has(intent.bodySha256)) firstIntent.set(intent.bodySha256, intent.at)
  for (const { sha256, at, path: requested } of tap.requests) {
    if (sha256 === undefined) continue
    const intentAt = firstIntent.get(sha256)
    assert.ok(intentAt !== undefined, `a request to ${requested} had no intent`)
    assert.ok(intentAt <= at, 'the intent came first')
  }
  const closed = new Set(entries.flatMap((entry) => (entry.type === 'outcome' ? [entry.intent] : [])))
  for (const intent of intentsOf(entries)) assert.ok(closed.has(intent.entry), `intent ${intent.entry} was closed after all`)
  assert.deepEqual(vendor.schemaErrors(), [])
})
