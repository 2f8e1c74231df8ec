/**
 * An hour of somebody who has the public token, thousands of networks and time, on a clock that is moved by hand: disk,
 * people and memory stay within their budgets, and the other source is served as if nobody were there. The gateway, the
 * split, the vault and the log are the real ones, spoken to over a socket.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Clock, DAY_MS, systemClock } from '#base/clock.ts'
import { readConfig } from '#app/config.ts'
import { type Gateway, startGateway } from '#ingest/gateway.ts'
import { openLogWriter } from '#log/log-writer.ts'
import type { SourceConfig } from '#model/config.ts'
import { defaultLimits, type SourceLimits } from '#model/source-limits.ts'
import { compilePolicy } from '#policy/policy.ts'
import { policyFromConfig } from '#policy/policy-from-config.ts'
import { protocols } from '#protocols/registry.ts'
import { createSplit } from '#split/split.ts'
import { createKeys, openVault, type Vault } from '#vault/vault.ts'

const MINUTES = 60
const NETWORKS = 4000
const REQUESTS_PER_MINUTE = 20
const LARGE_BYTES = 900_000

const limits: SourceLimits = {
  ...defaultLimits('browser'),
  requestsPerSecond: 100,
  eventsPerSecond: 200,
  bytesPerSecond: 2_000_000,
  newIdsPerHour: 400,
  newIdsPerDay: 1200,
  diskBytesPerDay: 40_000_000,
  network: { requestsPerSecond: 5, eventsPerSecond: 50, bytesPerSecond: 500_000, newIdsPerHour: 20, newIdsPerDay: 48 },
}

const source = (id: string): SourceConfig => {
  return {
    id,
    protocol: 'mixpanel',
    token: `${id}-public-token`,
    trust: 'browser',
    namespace: id,
    surface: id,
    groupKeys: ['company'],
    limits,
  }
}

class Hand implements Clock {
  time = 20_000 * DAY_MS
  now(): number {
    return this.time
  }
  sleep = systemClock.sleep
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 })

function post(gateway: Gateway, address: string, records: unknown, zipped = false): Promise<number> {
  const text = JSON.stringify(records)
  const body = zipped ? gzipSync(text) : Buffer.from(text)
  const headers = { 'x-forwarded-for': address, 'content-length': body.length, ...(zipped && { 'content-encoding': 'gzip' }) }
  return new Promise((resolve, reject) => {
    const request = http.request({ port: gateway.port, host: '127.0.0.1', path: '/track', method: 'POST', headers, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', reject)
    request.end(body)
  })
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isFile() ? statSync(path.join(entry.parentPath, entry.name)).blocks * 512 : 0),
    0,
  )
}

interface Place {
  gateway: Gateway
  clock: Hand
  folder: string
  vault: Vault
}

async function openPlace(t: TestContext): Promise<Place> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-test-'))
  const clock = new Hand()
  const sources = [source('attacked'), source('quiet')]
  const keys = { keysDir: path.join(folder, 'keys'), instance: '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11' }
  await createKeys(keys)
  const vault = await openVault({ ...keys, dataDir: folder, clock, sources })
  const log = await openLogWriter({ dir: path.join(folder, 'log'), waitingDir: path.join(folder, 'waiting'), clock })
  const policy = policyFromConfig(readConfig({ env: {} }))
  const split = createSplit({ policy: compilePolicy(policy), placeOf: () => ({}) })
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    trustProxy: ['127.0.0.1/32'],
    sources,
    protocols,
    policy: () => ({ version: 1, split }),
    vault,
    log,
    clock,
    quotaFile: path.join(folder, 'quotas.json'),
  })
  t.after(async () => {
    await gateway.close()
    await log.close()
    await vault.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { gateway, clock, folder, vault }
}

test('an hour of an attacker with the public token', { timeout: 600_000 }, async (t) => {
  const { gateway, clock, folder, vault } = await openPlace(t)
  const seed = { n: 7 }
  const random = (below: number): number => {
    seed.n = (Math.imul(seed.n, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed.n / 2 ** 32) * below)
  }
  const event = (token: string, id: string, more: object = {}) => ({ event: 'Opened', properties: { token, distinct_id: id, ...more } })
  const statuses = { attacked: new Map<number, number>(), quiet: new Map<number, number>() }
  const count = (of: keyof typeof statuses, status: number): void => void statuses[of].set(status, (statuses[of].get(status) ?? 0) + 1)
  const before = bytesBelow(path.join(folder, 'log'))
  let made = 0
  let sentBytes = 0
  for (let minute = 0; minute < MINUTES; minute++) {
    clock.time += 60_000
    const attacks = Array.from({ length: REQUESTS_PER_MINUTE }, async (_, at) => {
      const network = random(NETWORKS)
      const address = `${20 + (network >> 8)}.${network & 255}.7.${random(250)}`
      const large = at % 10 === 0
      const filler = large ? 'x'.repeat(LARGE_BYTES) : ''
      const records = Array.from({ length: large ? 1 : 40 }, () =>
        event('attacked-public-token', `invented-${++made}`, large ? { filler } : {}),
      )
      sentBytes += large ? LARGE_BYTES : 4000
      count('attacked', await post(gateway, address, records, at % 3 === 0))
    })
    const honest = Array.from({ length: 4 }, async (_, at) => {
      const records = Array.from({ length: 10 }, (__, n) => event('quiet-public-token', `person-${(minute * 4 + at + n) % 60}`))
      count('quiet', await post(gateway, `198.51.${at}.9`, records))
    })
    await Promise.all([...attacks, ...honest])
  }
  const { quotas, refusedNewcomers, records, heldBytes } = gateway.stats()
  assert.deepEqual([...statuses.quiet], [[200, MINUTES * 4]], 'the other source was never refused')
  assert.ok((statuses.attacked.get(429) ?? 0) > 0, 'the attacked one was')
  assert.deepEqual([...statuses.attacked.keys()].sort(), [200, 429])
  const disk = bytesBelow(path.join(folder, 'log')) + bytesBelow(path.join(folder, 'waiting')) - before
  const budget = limits.diskBytesPerDay * (0.25 + MINUTES / (24 * 60)) + LARGE_BYTES
  t.diagnostic(
    `${made} ids invented, ${refusedNewcomers} refused; ${(sentBytes / 1e6).toFixed(0)} MB sent, ${(disk / 1e6).toFixed(1)} MB on disk`,
  )
  t.diagnostic(`${records.kept} records kept; ${quotas.networks} networks in memory; refused: ${JSON.stringify(quotas.refused)}`)
  // The quiet source's own share, and pages of the stores that are not full.
  assert.ok(disk <= budget + 8_000_000, `${disk} bytes on disk, the budget is ${budget}`)
  assert.ok(sentBytes > 2 * budget, 'more was sent than the budget')
  assert.ok(quotas.networks <= NETWORKS + 10 && heldBytes === 0)
  const { people } = await vault.describe()
  const cap = limits.newIdsPerHour + (limits.newIdsPerDay * MINUTES) / (24 * 60)
  t.diagnostic(`${people} people in the vault, 60 of them of the quiet source`)
  assert.ok(people >= limits.newIdsPerHour && people <= cap + 60, `${people} people, the cap is ${cap}`)
  assert.ok(refusedNewcomers > 0)
})
