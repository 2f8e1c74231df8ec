/** When the log may let a folder go, and what is then written for those who have not read it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import type { HeldRange, Ledger } from '#ledger/port.ts'
import type { FinishedFolder } from '#log/port.ts'
import type { PolicyVersion } from '#model/policy.ts'
import type { RecordsReader } from '#records/port.ts'
import { dropForeignRanges, type GiveUpOptions, giveUpFolders, neededEntry } from './give-up.ts'

const NOW = 100 * DAY_MS

/** Folders of ten entries each, and a ledger of two destinations in memory. */
function stageOf(change: { loaded?: number; cursors?: Record<string, number>; present?: number; bytesMax?: number } = {}) {
  const { loaded = 31, cursors = { a: 1, b: 25 }, present, bytesMax = 10 } = change
  const held = new Map<string, HeldRange[]>()
  const ledger = {
    loadCursor: () => loaded,
    cursor: (destination: string) => ({ seq: cursors[destination] ?? 1, index: 0 }),
    held: (destination: string) => held.get(destination) ?? [],
    hold: async (destination: string, ranges: HeldRange[]) => void held.set(destination, ranges),
  } as unknown as Ledger
  const folders = [1, 11, 21].map((first): FinishedFolder => ({ first, end: first + 10, bytes: 10, begunAt: NOW, writtenAt: NOW }))
  const asked: Record<string, unknown>[] = []
  const options: GiveUpOptions = {
    log: { finished: () => folders } as unknown as GiveUpOptions['log'],
    ledger,
    warehouse: {
      query: async <Row>(_sql: string, of: Record<string, unknown>) => {
        asked.push(of)
        const entries = present ?? Number(of.to) - Number(of.from)
        return [{ records: entries * 2, entries, firstDay: 99, lastDay: 100 }] as Row[]
      },
    },
    ...{ destinations: ['a', 'b'], limits: { holdBytesMax: bytesMax, holdHoursMax: 24 }, policy: 3 },
    clock: { now: () => NOW } as GiveUpOptions['clock'],
  }
  const ranges = (destination: string): [number, number][] => (held.get(destination) ?? []).map(({ from, to }) => [from, to])
  return { options, ledger, ranges, asked, held }
}

test('folders are given up from the first on, each for whoever has not read it, and only when they are loaded', async () => {
  const { options, ledger, ranges } = stageOf()
  assert.equal(await giveUpFolders(options), 2, 'the third is within the limit')
  assert.deepEqual(
    [ranges('a'), ranges('b')],
    [
      [
        [1, 11],
        [11, 21],
      ],
      [],
    ],
  )
  assert.equal(await giveUpFolders(options), 0)
  // Behind what is held the log is still needed, and by whoever holds nothing from where they are.
  assert.equal(neededEntry(ledger, ['a']), 21)
  assert.equal(neededEntry(ledger, ['a', 'b']), 21)
  assert.equal(neededEntry(ledger, ['b']), 25)
  for (const [loaded, given] of [
    [21, 2],
    [20, 1],
    [10, 0],
  ] as const) {
    const behind = stageOf({ loaded })
    assert.equal(await giveUpFolders(behind.options), given, `loaded before ${loaded}`)
    assert.equal(neededEntry(behind.ledger, ['b']), Math.min(loaded, 25))
  }
  const half = stageOf({ cursors: { a: 15, b: 25 } })
  await giveUpFolders(half.options)
  assert.deepEqual(half.ranges('a'), [[15, 21]])
})

test('what the warehouse has not whole is not given up: no range is written and it is said', async () => {
  for (const present of [9, 11, 0]) {
    const { options, ranges, asked } = stageOf({ present })
    await assert.rejects(giveUpFolders(options), { code: 'log_corrupt' })
    assert.deepEqual(ranges('a'), [])
    // A clock that was set may have given arrivals any day, so it was looked everywhere before.
    assert.equal(asked.length, present < 10 ? 2 : 1)
  }
})

test('a range of before a destination was left out is not for it when it comes back', async () => {
  const { ledger, held } = stageOf()
  const range = (policy: number): HeldRange => ({
    from: policy * 10,
    to: policy * 10 + 5,
    records: 1,
    firstDay: 1,
    lastDay: 1,
    policy,
    at: 1,
  })
  const named = [true, false, true, true]
  const policyOf = (version: number): PolicyVersion =>
    ({ version, policy: { destinations: named[version - 1] ? [{ destination: 'a' }] : [] } }) as unknown as PolicyVersion
  const records = { currentPolicy: () => policyOf(4), policy: policyOf } as unknown as RecordsReader
  held.set('a', [range(1), range(2), range(3), range(4)])
  assert.equal(await dropForeignRanges('a', ledger, records), true)
  assert.deepEqual(
    held.get('a')?.map(({ policy }) => policy),
    [3, 4],
  )
  held.set('a', [range(1)])
  assert.equal(await dropForeignRanges('a', ledger, records), false)
})
