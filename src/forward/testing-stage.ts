/** Test support: a forwarder over a real ledger and a loopback vendor; vault and log are made up. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { Registry } from 'prom-client'
import { systemClock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { Ledger } from '#ledger/port.ts'
import type { Outcome } from '#model/disclosure.ts'
import type { LogRecord } from '#model/log-entry.ts'
import { createForwarder } from './forwarder.ts'
import type { ForwarderOptions } from './forwarder-options.ts'
import { Manifests } from './manifest-memory.ts'
import { createHttpSend } from './send-http.ts'
import { openFlow, plainProtocol, testDecider, testDestination, testLog, testRecords, testVault } from './testing-parts.ts'
import { startTestVendor } from './testing-vendor.ts'

const PACE = { baseMs: 4, capMs: 20, breakerFailures: 3 }

/** Everything real but vault and log. */
export async function setUp(t: TestContext, change: Partial<ForwarderOptions> = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'forward-'))
  const vendor = await startTestVendor()
  const flow = openFlow()
  const vault = testVault()
  const log = testLog()
  const registry = new Registry()
  const decider = { now: testDecider() }
  const ledger = await openLedger({ dir, clock: systemClock })
  const make = (more: Partial<ForwarderOptions> = {}) =>
    createForwarder({
      destination: testDestination(vendor.url),
      decider: () => decider.now,
      protocol: plainProtocol(),
      log,
      ledger,
      vault,
      manifests: new Manifests(vault),
      records: testRecords(flow),
      send: createHttpSend(),
      clock: systemClock,
      random: Math.random,
      registry,
      pace: PACE,
      tempo: { lingerMs: 0, pollMs: 1, heldPollMs: 1, stopGraceMs: 30 },
      ...change,
      ...more,
    })
  const forwarder = make()
  t.after(async () => {
    await forwarder.close()
    await vendor.close()
    await ledger.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return { dir, vendor, flow, vault, log, registry, ledger, forwarder, make, decider }
}

export function event(user: number, change: Partial<LogRecord> = {}): LogRecord {
  return { type: 'event', name: 'opened', time: 1_763_000_000_000 + user, user, properties: { n: user }, ...change }
}

export function outcomes(ledger: Ledger): Outcome[] {
  return ledger.read(1, 10_000).filter((entry) => entry.type === 'outcome')
}
