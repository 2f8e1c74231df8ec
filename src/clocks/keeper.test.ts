/** When people are counted, what is recorded of clocks and when somebody is warned, on a book that a test reads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SurveyedBody } from '#model/clock.ts'
import { type ClockAddition, type ClockBook, createClockKeeper } from './keeper.ts'
import { type ClockRow, readClockRecord } from './record.ts'
import { NOBODY, PACK, surveyOf, utc } from './testing-record.ts'

const TOLD = utc('2026-11-25T18:00:00Z')
const MINUTE = 60_000
/** Six hours from the first word on. */
const RULE = 'in-certin'

function begin() {
  const rows: ClockRow[] = [{ row: 1, at: TOLD, kind: 'opened', body: {} }]
  const state = { now: TOLD, isOpen: true, counts: 0, people: surveyOf({ IN: 3 }) as SurveyedBody | Error }
  const said: string[] = []
  const failures: string[] = []
  const add = (addition: ClockAddition | { kind: string; body: object }): void => {
    rows.push({ row: rows.length + 1, at: state.now, ...addition })
  }
  const record = () => readClockRecord(rows, { told: TOLD, aware: null, vendorAware: null })
  const book: ClockBook = {
    open: () => [1],
    read: () => ({ ...record(), isOpen: state.isOpen, lastRow: rows.length }),
    add: async (_incident, make) => {
      const addition = make(record())
      if (addition !== undefined) add(addition)
    },
    survey: async () => {
      state.counts += 1
      if (state.people instanceof Error) throw state.people
      return state.people
    },
  }
  const keeper = createClockKeeper({
    ...{ book, pack: PACK, profile: NOBODY, clock: { now: () => state.now, sleep: async () => undefined } },
    ...{ say: (text) => void said.push(text), onFailure: ({ code }) => void failures.push(code) },
  })
  const kinds = (kind: string): number => rows.filter((row) => row.kind === kind).length
  const warned = (): number[] =>
    rows
      .flatMap(({ kind, body }) => (kind === 'clock-warned' ? (body as { warnings: { rule: string; percent: number }[] }).warnings : []))
      .flatMap(({ rule, percent }) => (rule === RULE ? [percent] : []))
  return { state, rows, said, failures, keeper, add, kinds, warned }
}

test('people are counted once, and again after a while, after a change of the scope, and when it is asked for', async () => {
  const { state, keeper, add, kinds } = begin()
  const counted = async (): Promise<number> => {
    await keeper.settle()
    return state.counts
  }
  assert.deepEqual([await counted(), await counted()], [1, 1])
  state.now += 15 * MINUTE - 1
  assert.equal(await counted(), 1)
  state.now += 1
  assert.equal(await counted(), 2)
  add({ kind: 'amendment', body: {} })
  assert.deepEqual([await counted(), await counted()], [3, 3])
  add({ kind: 'statement', body: { says: 'denies', receivedAt: state.now } })
  assert.deepEqual([await counted(), await counted()], [4, 4])
  await keeper.now(1, { recount: true })
  assert.equal(state.counts, 5)
  // The same people are no row of their own.
  assert.equal(kinds('surveyed'), 1)
  state.people = surveyOf({ IN: 4 })
  await keeper.now(1, { recount: true })
  assert.equal(kinds('surveyed'), 2)
})

test('a ledger that cannot be asked holds clocks up three times, and after a count not at all', async () => {
  const { state, keeper, kinds, failures } = begin()
  state.people = new Error('away')
  await keeper.settle()
  await keeper.settle()
  assert.deepEqual([kinds('clocks'), failures.length], [0, 2])
  await keeper.settle()
  assert.deepEqual([kinds('clocks'), failures.length], [1, 3])
  const later = begin()
  later.rows.push({ row: 2, at: TOLD, kind: 'surveyed', body: surveyOf({ IN: 3 }) })
  later.state.people = new Error('away')
  await later.keeper.settle()
  assert.equal(later.kinds('clocks'), 1)
})

test('a warning comes at 50, 80 and 100 % of a clock that is on record, once each, and again for another end', async () => {
  const { state, said, keeper, rows, warned } = begin()
  const at = async (hours: number): Promise<number[]> => {
    state.now = TOLD + hours * 60 * MINUTE
    await keeper.settle()
    return warned()
  }
  assert.deepEqual(await at(2.999), [])
  assert.deepEqual(await at(3), [50])
  assert.deepEqual(await at(3.1), [50])
  assert.deepEqual(await at(4.8), [50, 80])
  const before = said.length
  assert.deepEqual(await at(6), [50, 80, 100])
  assert.ok(said.length > before && said.some((text) => text.includes(`the clock ${RULE} was due at`)))
  assert.ok(rows.findIndex(({ kind }) => kind === 'clocks') < rows.findIndex(({ kind }) => kind === 'clock-warned'))
  assert.deepEqual(await at(9), [50, 80, 100])
  const all = said.length
  assert.equal(new Set(said).size, all)
})

test('what cannot be recorded is warned of once, and recorded when it can be', async () => {
  const { state, said, keeper, rows } = begin()
  await keeper.settle()
  state.now = TOLD + 180 * MINUTE
  const own = rows.push.bind(rows)
  rows.push = () => {
    throw new Error('the disk is full')
  }
  await keeper.settle()
  await keeper.settle()
  const about = (): number => said.filter((text) => text.includes(`clock ${RULE} `)).length
  assert.equal(about(), 1)
  rows.push = own
  await keeper.settle()
  assert.deepEqual([about(), rows.at(-1)?.kind], [1, 'clock-warned'])
})

test('of an incident that was closed nothing is counted, started or warned of', async () => {
  const { state, rows, keeper, said } = begin()
  state.isOpen = false
  state.now = TOLD + 240 * MINUTE
  await keeper.settle()
  assert.ok((await keeper.now(1)).length > 0)
  assert.deepEqual([state.counts, rows.length, said.length], [0, 1, 0])
})

test('a warning says which clock, how much of its time is gone and when it is due; those of two incidents are two', async () => {
  const { state, said, keeper, add, rows } = begin()
  add({ kind: 'surveyed', body: surveyOf({ IN: 3, DE: 3 }) })
  state.people = surveyOf({ IN: 3, DE: 3 })
  await keeper.settle()
  assert.equal(said.length, 0)
  const about = (rule: string): string[] => said.filter((text) => text.includes(`the clock ${rule} `))
  state.now = TOLD + 180 * MINUTE
  await keeper.settle()
  state.now = TOLD + 360 * MINUTE
  await keeper.settle()
  const due = '2026-11-26T00:00:00.000Z'
  assert.deepEqual(about(RULE), [
    `incident 1: the clock ${RULE} has used 50 % of its time and is due at ${due}; see \`bulkhead incident clocks 1\``,
    `incident 1: the clock ${RULE} has used 80 % of its time and is due at ${due}; see \`bulkhead incident clocks 1\``,
    `incident 1: the clock ${RULE} was due at ${due}; see \`bulkhead incident clocks 1\``,
  ])
  // One of another basis is called so.
  state.now = TOLD + 36 * 60 * MINUTE
  await keeper.settle()
  assert.deepEqual([about('eu-sa').length, about('eu-sa (first-warning)').length], [1, 1])
  // What was recorded of the one is nothing of the other.
  const before = said.length
  const other = rows.splice(rows.findIndex(({ kind }) => kind === 'clock-warned'))
  assert.ok(other.length > 0)
  await keeper.now(2)
  const again = said.slice(before).filter((text) => text.startsWith('incident 2: '))
  assert.equal(again.filter((text) => text.includes(`the clock ${RULE} `)).length, 3)
})

test('when people were last counted is known from here, else from the record, also while the ledger is away', async () => {
  const { state, keeper, add } = begin()
  assert.equal(keeper.countedAt(1), undefined)
  add({ kind: 'surveyed', body: surveyOf({ IN: 3 }) })
  assert.equal(keeper.countedAt(1), TOLD)
  state.now += 5 * MINUTE
  await keeper.settle()
  assert.equal(keeper.countedAt(1), TOLD + 5 * MINUTE)
  state.now += 20 * MINUTE
  state.people = new Error('away')
  await keeper.settle()
  assert.equal(keeper.countedAt(1), TOLD, 'what is on record')
})
