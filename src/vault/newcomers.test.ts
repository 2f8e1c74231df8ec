import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Clock, DAY_MS, systemClock } from '#base/clock.ts'
import { defaultLimits, type SourceLimits } from '#model/source-limits.ts'
import { Committer } from './commit.ts'
import { openKeys } from './keys.ts'
import { type CappedSource, Newcomers } from './newcomers.ts'
import type { NewcomerRun } from './port.ts'
import { openRows } from './rows.ts'
import { deriveKey } from './seal.ts'
import { device, group, INSTANCE, makePlace, type Place, removePlace, user, windowOf } from './testing.ts'
import { createKeys, openVault, type Vault } from './vault.ts'

const HOUR_MS = 3_600_000
const START = 20_000 * DAY_MS

const capped = (perHour: number, perDay: number, network: { perHour: number; perDay: number } | undefined): SourceLimits => ({
  ...defaultLimits('browser'),
  newIdsPerHour: perHour,
  newIdsPerDay: perDay,
  network: network && { ...defaultLimits('browser').network!, newIdsPerHour: network.perHour, newIdsPerDay: network.perDay },
})

const SOURCES: CappedSource[] = [
  { id: 'web', trust: 'browser', limits: capped(100, 240, { perHour: 10, perDay: 24 }) },
  { id: 'api', trust: 'server', limits: capped(1000, 24_000, undefined) },
]

class Hand implements Clock {
  time = START
  now(): number {
    return this.time
  }
  sleep = systemClock.sleep
}

async function withCapped(
  body: (given: { vault: Vault; clock: Hand; place: Place; reopen: () => Promise<Vault> }) => Promise<void>,
  sources = SOURCES,
): Promise<void> {
  const place = makePlace()
  const clock = new Hand()
  let vault: Vault | undefined
  try {
    await createKeys(place)
    const reopen = async (): Promise<Vault> => {
      await vault?.close()
      vault = await openVault({ ...place, clock, sources })
      return vault
    }
    await body({ vault: await reopen(), clock, place, reopen })
  } finally {
    await vault?.close()
    removePlace(place)
  }
}

let made = 0
const someone = (): string => `someone-${++made}`

/** How many of `count` new ids the vault takes. */
async function taken(vault: Vault, source: string, network: string | null, count: number): Promise<number> {
  const identifiers = Array.from({ length: count }, () => user(someone()))
  const { ordinals } = await vault.commitWindow(windowOf({ identifiers, newcomers: [{ source, network, count }] }))
  return ordinals.filter((ordinal) => ordinal > 0).length
}

test('one network brings so many, all of a source so many more, and another source is not concerned', () =>
  withCapped(async ({ vault, clock }) => {
    assert.equal(await taken(vault, 'web', 'n1', 50), 10)
    assert.equal(await taken(vault, 'web', 'n1', 1), 0)
    assert.equal(await taken(vault, 'web', 'n2', 4), 4, 'another network has its own')
    let rest = 0
    for (let n = 3; n < 40; n++) rest += await taken(vault, 'web', `n${n}`, 10)
    assert.equal(rest, 86, 'the source as a whole has a hundred at once')
    assert.equal(await taken(vault, 'web', null, 1), 0)
    assert.equal(await taken(vault, 'api', null, 500), 500)
    clock.time += HOUR_MS
    assert.equal(await taken(vault, 'web', 'n1', 50), 1, 'and then what its day gives an hour')
    assert.equal((await vault.describe()).people, 601)
  }))

test('over the cap a known id answers as ever, a new one is nobody, and nothing that names it is kept', () =>
  withCapped(async ({ vault, place }) => {
    const ids = Array.from({ length: 10 }, () => user(someone()))
    const first = await vault.commitWindow(windowOf({ identifiers: ids, newcomers: [{ source: 'web', network: 'n1', count: 10 }] }))
    const known = ids[0]!
    const { ordinals } = await vault.commitWindow(
      windowOf({
        identifiers: [known, user('stranger'), device('tablet'), group('acme'), user('stranger')],
        newcomers: [{ source: 'web', network: 'n1', count: 5 }],
        facts: [
          { of: -2, field: 'email', value: 'stranger@mail.example', once: false, trust: 'browser', at: 1 },
          { of: -1, field: 'name', value: 'Known', once: false, trust: 'browser', at: 1 },
        ],
        edges: [
          { kind: 'device', from: -3, to: -1, trust: 'browser', at: 1 },
          { kind: 'device', from: -1, to: -2, trust: 'browser', at: 1 },
        ],
        memberships: [{ person: -1, group: -4, trust: 'browser', at: 1 }],
      }),
    )
    assert.deepEqual(ordinals, [first.ordinals[0], 0, 0, 0, 0])
    await vault.close()
    const db = new DatabaseSync(path.join(place.dataDir, 'vault.db'))
    const count = (table: string): unknown => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n
    assert.deepEqual(['identifiers', 'facts', 'edges', 'memberships'].map(count), [10, 1, 0, 0])
    db.close()
  }))

test('no restart gives a fresh cap, nor does a clock that was set back; and it starves nobody for longer than a cap lasts', () =>
  withCapped(async ({ vault, clock, reopen }) => {
    assert.equal(await taken(vault, 'web', 'n1', 50), 10)
    let again = await reopen()
    assert.equal(await taken(again, 'web', 'n1', 50), 0)
    clock.time -= 400 * DAY_MS
    again = await reopen()
    assert.equal(await taken(again, 'web', 'n1', 50), 0)
    clock.time += 10 * HOUR_MS
    assert.equal(await taken(again, 'web', 'n1', 50), 10)
    clock.time -= 300 * DAY_MS
    assert.equal(await taken(again, 'web', 'n1', 50), 0)
    clock.time += HOUR_MS
    assert.equal(await taken(again, 'web', 'n1', 50), 1, 'nor for longer while it runs')
  }))

test('a commit that fails has cost nobody anything', async () => {
  const place = makePlace()
  try {
    await createKeys(place)
    const keys = await openKeys(place)
    const rows = openRows({ file: path.join(place.dataDir, 'vault.db'), instance: INSTANCE, keysBatch: keys.batch })
    const clock = new Hand()
    const newcomers = new Newcomers({ sources: SOURCES, key: deriveKey(keys.named('dedup'), 'newcomers'), rows, clock })
    const committer = new Committer(keys, rows, newcomers)
    const bring = (): ReturnType<Committer['commit']> =>
      committer.commit({
        identifiers: Array.from({ length: 10 }, () => user(someone())),
        newcomers: [{ source: 'web', network: 'n1', count: 10 }],
        facts: [],
        edges: [],
        memberships: [],
      })
    const write = rows.transact.bind(rows)
    rows.transact = () => {
      throw new Error('disk full')
    }
    await assert.rejects(bring())
    rows.transact = write
    assert.ok((await bring()).ordinals.every((ordinal) => ordinal > 0))
    rows.close()
    keys.close()
  } finally {
    removePlace(place)
  }
})

test('a network stands in no file, and rows of networks are bounded and go when they are paid', () =>
  withCapped(async ({ vault, clock, place }) => {
    const network = '4/24/13303921'
    await taken(vault, 'web', network, 3)
    for (let n = 0; n < 40; n++) await taken(vault, 'web', `other-${n}`, 2)
    clock.time += DAY_MS
    for (let n = 0; n < 40; n++) await taken(vault, 'api', null, 1)
    for (let n = 0; n < 45; n++) await taken(vault, 'web', `later-${n}`, 1)
    await vault.close()
    const bytes = readFileSync(path.join(place.dataDir, 'vault.db'))
    assert.ok(!bytes.includes(network))
    assert.ok(bytes.includes('web'), 'the search finds what is there')
    const db = new DatabaseSync(path.join(place.dataDir, 'vault.db'))
    const rows = db.prepare('SELECT count(*) AS n FROM newcomers').get()?.n as number
    assert.ok(rows <= 48, `${rows} rows`)
    db.close()
  }))

test('any traffic from any networks: never more new ids than the caps allow, with restarts between', async () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 2 * HOUR_MS }),
    runs: fc.array(fc.record({ network: fc.integer({ min: 0, max: 30 }), count: fc.integer({ min: 1, max: 15 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    restart: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) =>
      withCapped(async ({ vault: opened, clock, reopen }) => {
        let vault = opened
        let all = 0
        const from = clock.time
        const byNetwork = new Map<number, number>()
        for (const { afterMs, runs, restart } of steps) {
          clock.time += afterMs
          if (restart) vault = await reopen()
          const newcomers = runs.map(({ network, count }): NewcomerRun => ({ source: 'web', network: `n${network}`, count }))
          const identifiers = runs.flatMap(({ count }) => Array.from({ length: count }, () => user(someone())))
          const { ordinals } = await vault.commitWindow(windowOf({ identifiers, newcomers }))
          let at = 0
          for (const { network, count } of runs) {
            const got = ordinals.slice(at, at + count).filter((ordinal) => ordinal > 0).length
            at += count
            all += got
            byNetwork.set(network, (byNetwork.get(network) ?? 0) + got)
          }
        }
        const days = (clock.time - from) / DAY_MS
        assert.ok(all <= 100 + 240 * days + 1e-6)
        for (const got of byNetwork.values()) assert.ok(got <= 10 + 24 * days + 1e-6)
      }),
    ),
    { numRuns: 12 },
  )
})
