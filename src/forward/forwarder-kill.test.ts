/** Laws 3 and 4 at the forwarder: kill -9 at any instant, with a vendor that fails in every way. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import type { Ledger } from '#ledger/port.ts'
import type { Intent, Outcome } from '#model/disclosure.ts'
import { openTestManifest, uuidOf } from './testing-parts.ts'
import { type Answer, type Arrived, startTestVendor, type TestVendor } from './testing-vendor.ts'

const ENTRIES = 3_000
const KILLS = Number(process.env['KILLS'] ?? 20)
const SEED = Number(process.env['SEED'] ?? randomInt(2 ** 31))

/** Mulberry32: the delays and answers of a run follow from its seed, as far as the machine repeats itself. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function troubledAnswer(random: () => number, request: Arrived): Answer {
  const draw = random()
  if (draw < 0.06) return 500
  if (draw < 0.1) return 429
  if (draw < 0.14) return 'cut'
  if (draw < 0.16) return 'hang'
  if (draw < 0.22 && request.records.length > 4) return 413
  return 200
}

async function runChild(args: readonly string[], killAfterMs: number | undefined): Promise<number | null> {
  const program = fileURLToPath(new URL('./testing-forwarder.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let timer: NodeJS.Timeout | undefined
  child.stdout.once('data', () => {
    if (killAfterMs !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  return code
}

test(`kill -9 of the forwarder, ${KILLS} times`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const random = randomOf(SEED)
  const dir = mkdtempSync(path.join(os.tmpdir(), 'forward-kill-'))
  const vendor = await startTestVendor()
  const reader = openLedgerReader({ dir })
  // How far the ledger is. What is open would say too little: bytes of a killed process may be read when its successor has closed it.
  vendor.onHeaders = () => reader.head()
  vendor.answer = (request) => troubledAnswer(random, request)
  try {
    const killed: (number | null)[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      const encoder = random() < 0.2 ? '2' : '1'
      killed.push(await runChild([dir, vendor.url, String(ENTRIES), encoder], random() * 120))
    }
    assert.ok(
      killed.some((code) => code === null),
      'it was killed at work',
    )
    vendor.answer = () => 200
    assert.equal(await runChild([dir, vendor.url, String(ENTRIES), '1'], undefined), 0)
    // One environment a process: the reader's must be gone before the file is opened for writing.
    reader.close()
    await systemClock.sleep(1)
    const ledger = await openLedger({ dir, clock: systemClock })
    const states = ledger.read(1, 1_000_000).map((entry) => (entry.type === 'outcome' ? entry.state : 'intent'))
    t.diagnostic(JSON.stringify(Object.fromEntries([...Map.groupBy(states, (state) => state)].map(([state, all]) => [state, all.length]))))
    checkLedger(ledger, vendor)
    checkArrivals(ledger, vendor)
    await ledger.close()
  } finally {
    reader.close()
    await vendor.close()
    rmSync(dir, { recursive: true, force: true })
  }
})

function checkLedger(ledger: Ledger, vendor: TestVendor): void {
  const entries = ledger.read(1, 1_000_000)
  const outcomes = new Map(entries.filter((entry): entry is Outcome => entry.type === 'outcome').map((entry) => [entry.intent, entry]))
  const intentsBySha = Map.groupBy(
    entries.filter((entry): entry is Intent => entry.type === 'intent'),
    (intent) => intent.bodySha256,
  )
  assert.deepEqual(ledger.openIntents(), [])
  const answered = new Set<string>()
  for (const request of vendor.arrived) {
    const intents = intentsBySha.get(request.sha256) ?? []
    assert.ok(
      intents.some(({ entry }) => entry <= (request.seen as number)),
      'its intent was durable before its first byte',
    )
    if (request.status === 200) answered.add(request.sha256)
    const named = intents.filter((intent) => outcomes.get(intent.entry)?.state !== 'not_sent')
    assert.ok(named.length > 0, 'recall: what the vendor received is in the ledger as sent')
    const events = new Map<string, number>()
    for (const { who } of request.records) events.set(who, (events.get(who) ?? 0) + 1)
    const intent = named[0] as Intent
    const rows = openTestManifest(intent.entry, intent.manifest)
    const inManifest = new Map<string, number>()
    for (const row of rows) {
      const who = uuidOf('v-main', intent.epoch, row.kind, row.subject)
      inManifest.set(who, (inManifest.get(who) ?? 0) + row.events)
    }
    assert.deepEqual(new Map([...inManifest].sort()), new Map([...events].sort()))
  }
  for (const [sha256, intents] of intentsBySha) {
    const delivered = intents.filter((intent) => outcomes.get(intent.entry)?.state === 'delivered')
    if (delivered.length > 0) assert.ok(answered.has(sha256), 'precision: what is delivered was answered')
  }
}

function checkArrivals(ledger: Ledger, vendor: TestVendor): void {
  const repeatable = new Set<string>()
  const applied = new Map<string, number>()
  for (const { records, status } of vendor.arrived) {
    for (const { id, op } of records) {
      if (op === 'add') {
        // Refused before anything was applied: the vendor said so.
        if (status !== 429 && status !== 413) applied.set(id, (applied.get(id) ?? 0) + 1)
      } else if (status === 200) repeatable.add(id)
    }
  }
  let uncertain = 0
  for (let seq = 1; seq <= ENTRIES; seq++) {
    assert.ok(repeatable.has(uuidOf('v-main', 1, seq, 0)) && repeatable.has(uuidOf('v-main', 1, seq, 1)), `entry ${seq} was lost`)
    const times = applied.get(uuidOf('v-main', 1, seq, 2)) ?? 0
    assert.ok(times <= 1, `a once-only operation went ${times} times`)
    if (times === 0) uncertain += 1
  }
  assert.equal(repeatable.size, 2 * ENTRIES, 'one insert id for each record, whatever happened')
  assert.ok(uncertain <= (ledger.counts('v-main')['once_only_uncertain'] ?? 0), 'each that never went is counted')
}
