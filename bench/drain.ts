/**
 * What lies behind the log, alone: a log that is full already goes through forwarder, ledger and loaders to a vendor that
 * only counts and to the warehouse. The work is the same in each run, so its CPU can be compared between runs on a machine
 * that is busy with other things.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import { startWorkerPipeline } from '#app/pipeline.ts'
import { isExtension } from '#app/tree-extension.ts'
import { systemClock } from '#base/clock.ts'
import { RpcClient } from '#base/rpc.ts'
import { Secret } from '#base/secret.ts'
import { waitUntil } from '#drill/program.ts'
import { Manifests } from '#forward/manifest-memory.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { Ledger } from '#ledger/port.ts'
import { TreeWriter } from '#ledger/tree-writer.ts'
import { openLogReader } from '#log/log-reader.ts'
import { openLogWriter } from '#log/log-writer.ts'
import type { Config } from '#model/config.ts'
import type { LogRecord } from '#model/log-entry.ts'
import { policyFromConfig } from '#policy/policy.ts'
import { workerVault } from '#vault/client.ts'
import { treeVault } from '#vault/tree-client.ts'
import { serveVault } from '#vault/server.ts'
import { createKeys, openVault } from '#vault/vault.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import { cpuSeconds, endChild, peakMegabytes, startChild } from './processes.ts'
import type { Table } from './table.ts'

const PEOPLE = 20_000
const RECORDS = 50
const INSTANCE = '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11'

/** The record that the split makes of one event of `events.ts`. */
function recordOf(number: number, at: number): LogRecord {
  const isNew = number % 50 === 0
  const person = isNew ? PEOPLE + number / 50 : (number * 7919) % PEOPLE
  return {
    type: 'event',
    time: at - (number % 1000),
    user: 1 + 2 * person,
    device: 2 + 2 * person,
    properties: { plan: 'team', amount: 12.5, items: 3, is_trial: false },
    groups: [{ key: 'company', ordinal: 1 }],
    withheld: ['utm'],
    waitingCount: 4,
    context: {
      os: 'Linux',
      browser: 'Chrome',
      browserVersion: 131,
      path: '/*/*/*',
      referrerMedium: 'referral',
      screenHeight: 1080,
      screenWidth: 1920,
    },
    name: 'Page opened',
  }
}

async function fillLog(folder: string, events: number): Promise<void> {
  const writer = await openLogWriter({ dir: path.join(folder, 'log'), waitingDir: path.join(folder, 'waiting'), clock: systemClock })
  const at = Date.now()
  for (let from = 0; from < events; from += RECORDS * 20) {
    const drafts = []
    for (let start = from; start < Math.min(events, from + RECORDS * 20); start += RECORDS) {
      const records = Array.from({ length: RECORDS }, (_, index) => recordOf(start + index, at))
      const dedup = Buffer.alloc(16 * RECORDS)
      for (let index = 0; index < RECORDS; index++) dedup.writeUInt32LE(start + index + 1, index * 16)
      drafts.push({
        at,
        source: 'web',
        protocol: 'mixpanel',
        surface: 'site',
        trust: 'server' as const,
        policy: 1,
        waiting: { day: 1, folder: 1, offset: start, length: 1000 },
        records,
        dedup,
      })
    }
    await writer.append(drafts)
  }
  await writer.close()
}

function configOf(vendorPort: number): Config {
  return {
    vendors: [
      {
        id: 'sink',
        destinations: [
          {
            id: 'sink',
            vendor: 'sink',
            protocol: 'mixpanel',
            url: `http://127.0.0.1:${vendorPort}`,
            token: 'sink-token',
            credentials: { kind: 'secret', secret: new Secret('sink-secret') },
            deletionToken: undefined,
            grants: undefined,
            events: { approved: ['Page opened'] },
            properties: { approved: ['plan', 'amount', 'items', 'is_trial'] },
          },
        ],
      },
    ],
    store: {
      events: { approved: ['Page opened'] },
      properties: { approved: ['plan', 'amount', 'items', 'is_trial'] },
      paths: { approved: [] },
      referrers: { approved: [] },
    },
  } as unknown as Config
}

/** Starts this file as a child; resolves when it says that it is ready. */
function startSelf(args: readonly string[]): Promise<ChildProcess> {
  const profile = process.env.BULKHEAD_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BULKHEAD_PROFILE}`] : []
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...profile, fileURLToPath(import.meta.url), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child))
    child.once('exit', (code) => reject(new Error(`a child ended with ${code}`)))
  })
}

export async function benchDrain(table: Table, folder: string, events: number): Promise<void> {
  const place = path.join(folder, 'drain')
  mkdirSync(place, { recursive: true })
  await fillLog(place, events)
  const sink = await startChild('vendor-sink.ts')
  const warehouse = await startWarehouse(path.join(place, 'w'))
  const vault = await startSelf(['vault', place, String(2 * (PEOPLE + Math.ceil(events / 50)))])
  const worker = await startSelf(['worker', place, String(sink.port)])
  try {
    const roles = { worker: worker.pid as number, vault: vault.pid as number, warehouse: warehouse.child.pid as number }
    const before = Object.values(roles).map(cpuSeconds)
    const startedAt = performance.now()
    worker.send('go')
    await new Promise((resolve) => worker.once('message', resolve))
    const seconds = (performance.now() - startedAt) / 1000
    const each = Object.entries(roles).map(([role, pid], index) => ({
      role,
      cpu: ((cpuSeconds(pid) - (before[index] as number)) / events) * 1e6,
      peak: peakMegabytes(pid),
    }))
    table.row({
      what: `behind the log: ${events.toLocaleString('en')} events to vendor and warehouse, CPU`,
      figure: each.reduce((sum, { cpu }) => sum + cpu, 0),
      unit: 's per 1M events',
      note: each.map(({ role, cpu, peak }) => `${role} ${cpu.toFixed(1)} and ${peak.toFixed(0)} MB`).join(', '),
    })
    table.row({
      what: 'behind the log: until all of it is through',
      figure: events / seconds,
      unit: 'events/s',
    })
    const drained = cpuSeconds(roles.worker) + cpuSeconds(roles.vault)
    const built = new Promise<{ entries: number; rows: number; seconds: number }>((resolve) => worker.once('message', resolve as never))
    worker.send('tree')
    const { entries, rows, seconds: treeSeconds } = await built
    table.row({
      what: `the tree over the ledger of these (${entries} entries, ${rows} rows), CPU of worker and vault`,
      id: 'tree_cpu',
      figure: ((cpuSeconds(roles.worker) + cpuSeconds(roles.vault) - drained) / events) * 1e6,
      unit: 's per 1M events',
      note: `${Math.round(rows / treeSeconds).toLocaleString('en')} rows/s; off the way of sending, in batches`,
    })
  } finally {
    for (const child of [worker, vault]) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.removeAllListeners('exit').once('exit', () => undefined)
      child.send('stop')
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3000))])
      child.kill('SIGKILL')
    }
    await warehouse.kill()
    await endChild(sink)
  }
}

async function runVault(place: string, identifiers: number): Promise<void> {
  const keys = { dataDir: path.join(place, 'vault'), keysDir: path.join(place, 'keys'), instance: INSTANCE }
  mkdirSync(keys.dataDir, { recursive: true })
  await createKeys(keys)
  const vault = await openVault({ ...keys, clock: systemClock, isExtension, sources: [{ id: 'web', trust: 'server' }] })
  for (let made = 0; made < identifiers; made += 5_000) {
    const window = { facts: [], edges: [], memberships: [], newcomers: [{ source: 'web', network: null, count: 5_000 }] }
    const names = Array.from({ length: 5_000 }, (_, index): ['default', 'id', string, 'user'] => [
      'default',
      'id',
      `u${made + index}`,
      'user',
    ])
    await vault.commitWindow({ ...window, identifiers: names })
  }
  await serveVault({ vault, path: path.join(place, 'v.sock'), tokens: { worker: 'bench-token' } })
  process.on('message', () => process.exit(0))
  process.send?.('ready')
}

async function runWorker(place: string, vendorPort: number): Promise<void> {
  const config = configOf(vendorPort)
  const policy = { version: 1, appliedAt: 0, policy: policyFromConfig(config) }
  const client = new RpcClient({ path: path.join(place, 'v.sock'), token: 'bench-token', unavailable: 'vault_unavailable' })
  const vault = workerVault(client)
  const ledger = await openLedger({ dir: path.join(place, 'ledger'), clock: systemClock })
  const log = openLogReader({ dir: path.join(place, 'log') })
  const warehouse = openWarehouse({ path: path.join(place, 'w', 'w.sock'), token: 'worker-token', role: 'worker' })
  await ledger.beginCursor('sink', { seq: 1, index: 0 })
  const flow = { vendor: 'sink', state: 'open' as const, fence: 0, changedAt: 0, actor: '', reason: '' }
  const records = {
    currentPolicy: () => policy,
    policy: () => policy,
    policyNumber: () => 1,
    flow: () => flow,
    flows: () => [flow],
    close: () => undefined,
  }
  const manifests = new Manifests(vault)
  process.send?.('ready')
  process.on('message', (word) => {
    if (word === 'stop') process.exit(0)
    if (word === 'tree') return void buildTree(path.join(place, 'ledger'), { ledger, manifests, client })
    void (async () => {
      const pipeline = await startWorkerPipeline({
        config,
        ledger,
        log,
        records,
        vault,
        warehouse,
        manifests,
        registry: new Registry(),
      } as never)
      await waitUntil(
        'all is through',
        () => {
          const { forwarders, loaders } = pipeline.status()
          return loaders.every(({ lag }) => lag === 0) && forwarders.every(({ lag }) => lag === 0) && ledger.loadCursor('events') > 1
        },
        600_000,
      )
      process.send?.('done')
      await pipeline.stop()
    })()
  })
}

/** Everything at once, as after an upgrade; while events come it is the same work in smaller pieces. */
async function buildTree(dir: string, parts: { ledger: Ledger; manifests: Manifests; client: RpcClient }): Promise<void> {
  const { ledger, manifests, client } = parts
  const writer = new TreeWriter({
    dir: path.join(dir, 'tiles'),
    ledger,
    instance: INSTANCE,
    rows: (intents) => manifests.open(intents),
    vault: treeVault(client),
    clock: systemClock,
    trace: () => undefined,
  })
  const stop = new AbortController()
  const startedAt = performance.now()
  const running = writer.run(stop.signal)
  await writer.reached(ledger.head)
  const seconds = (performance.now() - startedAt) / 1000
  stop.abort()
  await running
  let rows = 0
  for (let number = 1; number <= ledger.head; number++) {
    const entry = ledger.entry(number)
    if (entry?.type === 'intent') rows += entry.subjects
  }
  process.send?.({ entries: ledger.head, rows, seconds })
}

/** `port` of the vendor, or how many identifiers the vault is to know. */
const [, script, role, place, port] = process.argv
if (script === fileURLToPath(import.meta.url)) {
  if (role === 'vault') await runVault(place as string, Number(port))
  else await runWorker(place as string, Number(port))
}
