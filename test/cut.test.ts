/** Law 5: no request that carries people's data starts after `vendor cut` has returned. */
import assert from 'node:assert/strict'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import type { MixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { caughtUp, delay, type Program, waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts, waitForWarehouse } from './support/counts.ts'
import { postEvents } from './support/gateway-client.ts'
import { intentsOf, NUMBERED, numberedEvent, readLedger, startLoad } from './support/numbered.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

interface CutAnswer {
  vendor: string
  cutAt: string
  fencedWorkers: number
  unfenced: string[]
  heldEvents: number
}

async function start(t: TestContext): Promise<{ vendor: MixpanelCloud; program: Program }> {
  const vendor = await startVendor(t)
  const program = await startBulkhead(t, { config: testConfig({ vendorUrl: vendor.url, ...NUMBERED }), env: vendorEnvironment })
  return { vendor, program }
}

async function cut(program: Program): Promise<{ answer: CutAnswer; code: number; returnedAt: number }> {
  const result = await program.cli(['vendor', 'cut', 'mixpanel', '--reason', 'test', '--json'])
  await caughtUp()
  const returnedAt = Date.now()
  assert.equal(result.code, 0, result.stderr)
  const answer = lastJson<CutAnswer>(result.stdout)
  assert.equal(answer.vendor, 'mixpanel')
  assert.deepEqual(answer.unfenced, [])
  assert.ok(Date.parse(answer.cutAt) <= returnedAt)
  return { answer, code: result.code, returnedAt }
}

function startedAfter(vendor: MixpanelCloud, instant: number): number {
  return vendor.requests().filter((request) => request.at > instant).length
}

test('in a storm, with answers that hang: nothing starts after, the own store goes on, restore delivers the rest', async (t) => {
  const { vendor, program } = await start(t)
  vendor.faults.choose(({ number }) => (number % 5 === 0 ? { kind: 'delay', ms: 700 } : undefined))
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: 50, lanes: 4, batch: 50 })
  await waitUntil('the storm reaches the vendor', () => vendor.requests().length > 3)
  const { answer, returnedAt } = await cut(program)
  await delay(3000)
  await load.stop(180_000)
  assert.equal(startedAfter(vendor, returnedAt), 0)
  assert.ok(answer.heldEvents >= 0)
  await waitForWarehouse(program, load.acknowledged.size)
  assert.equal((await eventCounts(program)).warehouse, load.acknowledged.size, 'own analytics have everything')

  // One begun before the cut is in the ledger as possible or delivered, never as not sent.
  const show = await program.cli(['vendor', 'show', 'mixpanel', '--json'])
  assert.match(show.stdout, /"cut"/)
  const again = await program.cli(['vendor', 'cut', 'mixpanel', '--reason', 'again', '--json'])
  assert.equal(again.code, 0, 'cutting what is cut is no error')

  const restored = await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'test', '--json'])
  assert.equal(restored.code, 0, restored.stderr)
  vendor.faults.choose(undefined)
  const arrived = (): Map<number, Set<string>> => {
    const found = new Map<number, Set<string>>()
    for (const { properties } of eventsOf(vendor.loot())) {
      const n = Number(properties.n)
      found.set(n, (found.get(n) ?? new Set()).add(String(properties.$insert_id)))
    }
    return found
  }
  await waitUntil('the held events arrive', () => arrived().size >= load.acknowledged.size, 120_000, 200)
  for (const [n, insertIds] of arrived()) assert.equal(insertIds.size, 1, `event ${n} has one insert id`)

  await program.stop()
  const entries = await readLedger(path.join(program.dataDir, 'ledger'))
  const outcomes = new Map(entries.flatMap((entry) => (entry.type === 'outcome' ? [[entry.intent, entry.state] as const] : [])))
  for (const intent of intentsOf(entries)) assert.ok(outcomes.has(intent.entry), `intent ${intent.entry} has an outcome`)
})

test('with a worker that is stopped: it is ended, and cannot send when it would wake', async (t) => {
  const { vendor, program } = await start(t)
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: 50 })
  await waitUntil('the storm reaches the vendor', () => vendor.requests().length > 3)
  const worker = program.processes().find((one) => one.role === 'worker')
  assert.ok(program.kill('worker', 'SIGSTOP'))
  const { answer, returnedAt } = await cut(program)
  assert.equal(answer.fencedWorkers, 1)
  try {
    process.kill(worker?.pid ?? 0, 'SIGCONT')
  } catch {
    // Gone, as it should be.
  }
  await delay(3000)
  await load.stop(180_000)
  assert.equal(startedAfter(vendor, returnedAt), 0)
  assert.notEqual(program.processes().find((one) => one.role === 'worker')?.pid, worker?.pid, 'the stopped worker is gone')
  await waitForWarehouse(program, load.acknowledged.size)
})

for (const role of ['staff', 'supervisor'] as const) {
  test(`with ${role} stopped: the command line still cuts`, async (t) => {
    const { vendor, program } = await start(t)
    await postEvents(program.gatewayUrl, TOKENS.server, [numberedEvent(1, 5)])
    await waitUntil('the vendor has the first', () => eventsOf(vendor.loot()).length === 1)
    const stopped = program.processes().find((one) => one.role === role)
    assert.ok(program.kill(role, 'SIGSTOP'))
    const { returnedAt } = await cut(program)
    await postEvents(program.gatewayUrl, TOKENS.server, [numberedEvent(2, 5)], 3000).catch(() => undefined)
    try {
      process.kill(stopped?.pid ?? 0, 'SIGCONT')
    } catch {
      // It was ended to make the cut sure.
    }
    await delay(2500)
    assert.equal(startedAfter(vendor, returnedAt), 0)
  })
}

test('with nothing running, and after a restart', async (t) => {
  const { vendor, program } = await start(t)
  await postEvents(program.gatewayUrl, TOKENS.server, [numberedEvent(1, 5)])
  await waitUntil('the vendor has the first', () => eventsOf(vendor.loot()).length === 1)
  assert.equal(await program.stop(), 0)

  const { returnedAt } = await cut(program)
  await program.restart()
  await waitUntil('the start says that it is cut', () => program.output().stdout.includes('CUT: mixpanel'))
  await postEvents(program.gatewayUrl, TOKENS.server, [numberedEvent(2, 5), numberedEvent(3, 5)])
  await waitForWarehouse(program, 3)
  await delay(1500)
  assert.equal(startedAfter(vendor, returnedAt), 0, 'still cut after the restart')

  await program.stop('SIGKILL')
  await delay(2000)
  await program.restart()
  await delay(1500)
  assert.equal(startedAfter(vendor, returnedAt), 0, 'still cut after kill -9')
  const held = lastJson<{ heldEvents: number }>((await program.cli(['vendor', 'cut', 'mixpanel', '--reason', 'again', '--json'])).stdout)
  assert.equal(held.heldEvents, 2)

  await program.stop()
  const restored = await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'test', '--json'])
  assert.equal(restored.code, 0, restored.stderr)
  await program.restart()
  await waitUntil('the held events arrive', () => eventsOf(vendor.loot()).length === 3)
})

test('a vendor that nobody knows, and restoring what is not cut', async (t) => {
  const { program } = await start(t)
  const unknown = await program.cli(['vendor', 'cut', 'nobody', '--reason', 'test', '--json'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /vendor_unknown/)
  const open = await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'test', '--json'])
  assert.equal(open.code, 1)
  assert.match(open.stderr, /vendor_not_cut/)
})
