/**
 * What a request of n bytes may cost behind the gateway: bytes in log and waiting room, and bytes to the vault, for shapes that
 * somebody with a public token would choose. Split, window, door and log are the real ones; the calls to the vault are measured.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '#base/clock.ts'
import { readConfig } from '#app/config.ts'
import { startGateway } from '#ingest/gateway.ts'
import { DISK_BYTES_PER_RECORD } from '#ingest/quota.ts'
import { openLogWriter } from '#log/log-writer.ts'
import type { SourceConfig } from '#model/config.ts'
import { defaultLimits } from '#model/source-limits.ts'
import { compilePolicy, policyFromConfig } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import { createSplit } from '#split/split.ts'
import { createKeys, openVault } from '#vault/vault.ts'

const TOKEN = 'a-public-token'
const RECORDS = 1000
/** `1E20` is four bytes on the wire and 21 once read and written again: no other text of JSON grows as much. */
const WRITTEN_PER_BYTE_MAX = 5
const TO_VAULT_PER_BYTE_MAX = 5

const event = (properties: string): string => `{"event":"e","properties":{"token":"${TOKEN}"${properties === '' ? '' : `,${properties}`}}}`
const many = (count: number, of: (n: number) => string): string => Array.from({ length: count }, (_, n) => of(n)).join(',')

/** Body of each shape, and how many records are in it. */
const shapes: Record<string, [body: string, records: number]> = {
  'records of nothing': [`[${many(RECORDS, () => event(''))}]`, RECORDS],
  'short ids, each new': [`[${many(RECORDS, (n) => event(`"distinct_id":"${n.toString(36)}"`))}]`, RECORDS],
  'users on devices, each new': [`[${many(RECORDS, (n) => event(`"distinct_id":"u${n}","$device_id":"d${n}"`))}]`, RECORDS],
  'one user, each time on another device': [`[${many(RECORDS, (n) => event(`"distinct_id":"u","$device_id":"e${n}"`))}]`, RECORDS],
  'groups without end': [`[${event(`"distinct_id":"g","company":[${many(20_000, (n) => `"${n.toString(36)}"`)}]`)}]`, 1],
  'a group for each event': [`[${many(RECORDS, (n) => event(`"distinct_id":"h","company":"c${n}"`))}]`, RECORDS],
  'insert ids of one letter': [`[${many(RECORDS, (n) => event(`"$insert_id":"${n.toString(36)}"`))}]`, RECORDS],
  'numbers that grow when written': [event(`"a":[${many(100_000, () => '1E20')}]`), 1],
  'lists of nothing': [event(`"a":[${many(50_000, () => '[]')}]`), 1],
  'escapes for every letter': [event(`"a":"${'\\u0041'.repeat(50_000)}"`), 1],
  'halves of letters': [event(`"a":"${'\\ud800'.repeat(50_000)}"`), 1],
  'control characters': [event(`"a":"${'\\n'.repeat(100_000)}"`), 1],
  'keys of one letter': [`[${many(100, () => event(many(900, (n) => `"${n.toString(36)}":0`)))}]`, 100],
  'what looks like many secrets': [event(`"a":"${'a=b&'.repeat(50_000)}"`), 1],
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('dedup'))
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).blocks * 512, 0)
}

test('no shape of a request writes more, or asks more of the vault, than a few times its own bytes and a share for each record', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-test-'))
  const source: SourceConfig = {
    id: 'web',
    protocol: 'mixpanel',
    token: TOKEN,
    trust: 'browser',
    namespace: 'default',
    surface: 'web',
    groupKeys: ['company'],
    limits: { ...defaultLimits('browser'), newIdsPerHour: 1e6, newIdsPerDay: 1e6 },
  }
  const keys = { keysDir: path.join(folder, 'keys'), instance: '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11' }
  await createKeys(keys)
  const vault = await openVault({ ...keys, dataDir: folder, clock: systemClock, sources: [source] })
  const places = { dir: path.join(folder, 'log'), waitingDir: path.join(folder, 'waiting') }
  const log = await openLogWriter({ ...places, clock: systemClock })
  let toVault = 0
  const split = createSplit({ policy: compilePolicy(policyFromConfig(readConfig({ env: {} }))), placeOf: () => ({}) })
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    trustProxy: [],
    sources: [source],
    protocols,
    policy: () => ({ version: 1, split }),
    vault: {
      door: (day) => vault.door(day),
      commitWindow: (window) => {
        toVault += JSON.stringify(window).length
        return vault.commitWindow(window)
      },
    },
    log,
    clock: systemClock,
    quotaFile: path.join(folder, 'quotas.json'),
  })
  try {
    for (const [name, [body, records]] of Object.entries(shapes)) {
      const before = bytesBelow(places.dir) + bytesBelow(places.waitingDir)
      toVault = 0
      const answer = await fetch(`http://127.0.0.1:${gateway.port}/track?verbose=1`, { method: 'POST', body })
      assert.equal(answer.status, 200, `${name}: ${await answer.text()}`)
      const written = bytesBelow(places.dir) + bytesBelow(places.waitingDir) - before
      const bound = (perByte: number): number => perByte * body.length + DISK_BYTES_PER_RECORD * records + 65_536
      t.diagnostic(`${name}: ${body.length} bytes in, ${written} written, ${toVault} to the vault`)
      assert.ok(written <= bound(WRITTEN_PER_BYTE_MAX), `${name}: ${body.length} bytes wrote ${written}`)
      assert.ok(toVault <= bound(TO_VAULT_PER_BYTE_MAX), `${name}: ${body.length} bytes sent ${toVault} to the vault`)
    }
  } finally {
    await gateway.close()
    await log.close()
    await vault.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
