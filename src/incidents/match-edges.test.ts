/** Rows of a leaked file on the edges of windows, and identifiers that say half of it; on the real engine, with a vault made up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldOfExportKey } from '#protocols/mixpanel/export-key.ts'
import type { FoundPerson, FoundPseudonym } from '#vault/match-port.ts'
import type { PeopleGraph } from '#vault/port.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { type Keys, keysOf } from './match-cells.ts'
import { meaningOf } from './match-columns.ts'
import { matchFile, type MatchPorts, type MatchQuery } from './match.ts'
import type { Matched } from './match-result.ts'
import type { Cell } from './row-sink.ts'
import type { Windows } from './windows.ts'

const engine = warehouseOfFile()
const LOOK = { actor: 'anna', action: 'test', reason: 'test' }
const SENT = Date.UTC(2026, 1, 3, 12)
const [FROM, TO, ACCESS_TO] = [Date.UTC(2026, 0, 10), Date.UTC(2026, 0, 20), SENT + 60_000]
const OPEN_ENDED: Windows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
const iso = (at: number): string => new Date(at).toISOString()

const EPOCHS = [
  { destination: 'main', epoch: 1, state: 'active' as const },
  { destination: 'elsewhere', epoch: 1, state: 'active' as const },
]
const KINDS = ['user', 'device', 'group'] as const

/** What this vault would have made. */
function uuidOf(kind: (typeof KINDS)[number], ordinal: number, epoch = 0): string {
  return `0000000${epoch}-000${KINDS.indexOf(kind)}-4000-8000-${ordinal.toString(16).padStart(12, '0')}`
}

function pseudonymOf(bytes: Uint8Array): FoundPseudonym | undefined {
  const [epoch, kind] = [bytes[3] as number, KINDS[bytes[5] as number]]
  return kind && EPOCHS[epoch] && { kind, ordinal: Buffer.from(bytes).readUIntBE(10, 6), epoch }
}

interface Given {
  rows: Partial<DisclosureRow>[]
  open?: Partial<DisclosureRow>[]
  windows?: Windows
  destinations?: string[]
  graph?: PeopleGraph
  values?: Record<string, FoundPerson[]>
  signal?: AbortSignal
}

let vendors = 0
/** Sessions of the vault that are not over. */
let sessions = 0

async function matcher(given: Given): Promise<(...lines: string[]) => Promise<Matched>> {
  const vendor = `matched-${++vendors}`
  const rowOf = (change: Partial<DisclosureRow>, index: number): DisclosureRow => ({
    ...{ entry: index + 1, vendor, destination: 'main', epoch: 1, route: '/import', purpose: 'analytics', policy: 1, surface: 'site' },
    ...{ shape: 'user_id:pseudonym', subject: 1, kind: 'user', groups: [], events: 1, first: FROM, last: FROM, sentAt: SENT },
    ...{ state: 'delivered' },
    ...change,
  })
  await engine.worker.insertDisclosures(given.rows.map(rowOf), vendor)
  const open = (given.open ?? []).map((change, index) => ({ ...rowOf(change, 50 + index), state: 'possible' as const }))
  const ports: MatchPorts = {
    warehouse: engine.staff,
    vault: {
      graph: async () => given.graph ?? { merged: [], devices: [] },
      beginMatch: async () => {
        sessions += 1
        return { session: 1, epochs: EPOCHS, destroyed: ['main', 'elsewhere'].map((destination) => ({ destination, epoch: 9 })) }
      },
      matchPseudonyms: async (_session, uuids) =>
        Array.from({ length: uuids.length / 16 }, (_, at) => pseudonymOf(uuids.subarray(at * 16, at * 16 + 16))),
      matchValues: async (_session, field, values) => values.map((value) => given.values?.[`${field} ${value}`] ?? []),
      endMatch: async () => {
        sessions -= 1
      },
    },
    snapshot: async () => ({ head: 100, open }),
    destinationsOf: () => ['main', 'eu'],
    vendorOf: () => undefined,
  }
  const naming = { mapped: new Map<string, string>(), fieldOfKey: fieldOfExportKey, groupKeys: new Set<string>() }
  const { windows = OPEN_ENDED, destinations } = given
  const query: MatchQuery = { vendor, destinations, surfaces: undefined, windows, format: 'csv', naming }
  return (...lines) =>
    matchFile(
      (async function* () {
        yield Buffer.from(lines.join('\n'))
      })(),
      query,
      ports,
      { look: LOOK, ...(given.signal === undefined ? {} : { signal: given.signal }) },
    )
}

test('a row is outside of the windows from the first millisecond on, and keeps nobody there', async () => {
  const match = await matcher({ rows: [{}], windows: { ...OPEN_ENDED, from: FROM, to: TO } })
  const outside = async (time: number): Promise<[number, number]> => {
    const { result, kept } = await match('time,distinct_id', `${iso(time)},${uuidOf('user', 1)}`)
    return [result.outsideWindow, kept.size]
  }
  assert.deepEqual(
    [await outside(FROM - 1), await outside(FROM), await outside(TO), await outside(TO + 1)],
    [
      [1, 0],
      [0, 1],
      [0, 1],
      [1, 0],
    ],
  )
  const until = await matcher({ rows: [{}], windows: { ...OPEN_ENDED, accessTo: ACCESS_TO } })
  const found = async (time: number): Promise<number> =>
    (await until('time,distinct_id', `${iso(time)},${uuidOf('user', 1)}`)).result.outsideWindow
  assert.deepEqual([await found(ACCESS_TO - 1), await found(ACCESS_TO)], [0, 1])
})

test('a row without a time lies where what it names was sent', async () => {
  const late = { subject: 2, sentAt: ACCESS_TO + 1 }
  const values = {
    'email ann@mail.example': [{ ordinal: 2, at: 0 }],
    'email two@mail.example': [1, 2].map((ordinal) => ({ ordinal, at: 0 })),
  }
  const match = await matcher({ rows: [{}, late], windows: { ...OPEN_ENDED, accessTo: ACCESS_TO }, values })
  const { result, kept } = await match('distinct_id', uuidOf('user', 1), uuidOf('user', 2))
  assert.deepEqual([result.matched.a, result.outsideWindow, [...kept.values()]], [2, 1, [1]])
  // One of its identifiers was sent in time.
  for (const both of [
    [1, 2],
    [2, 1],
  ] as const) {
    const two = await match('user_id,distinct_id', both.map((ordinal) => uuidOf('user', ordinal)).join())
    assert.deepEqual([two.result.outsideWindow, [...two.kept.values()]], [0, [1, 2]])
  }
  const byEmail = await match('email', 'ann@mail.example', 'two@mail.example')
  assert.deepEqual([byEmail.result.matched.c, byEmail.result.outsideWindow, byEmail.kept.size], [2, 1, 0])
})

test('what several share names none of them, and a name says nothing beside something better', async () => {
  const values = {
    'email both@mail.example': [1, 2].map((ordinal) => ({ ordinal, at: 0 })),
    'email one@mail.example': [{ ordinal: 1, at: 0 }],
    'name Ann Example': [2, 3].map((ordinal) => ({ ordinal, at: 0 })),
  }
  const match = await matcher({ rows: [{}, { subject: 2 }], values })
  const shared = await match('email', 'both@mail.example')
  assert.deepEqual([shared.result.matched.c, shared.result.ambiguous, shared.result.people], [1, 1, 0])
  const named = await match('email,name', 'one@mail.example,Ann Example')
  assert.deepEqual([named.result.ambiguous, named.people.get(1), named.people.get(2)], [0, 4, 0])
  // A pseudonym of somebody else's file is no reason to look no further.
  const foreign = await match('distinct_id,email', `${uuidOf('user', 1, 1)},one@mail.example`)
  assert.deepEqual([foreign.result.matched, foreign.people.get(1)], [{ a: 0, b: 0, c: 1 }, 4])
  assert.deepEqual(foreign.result.destroyedEpochs, [{ destination: 'main', epoch: 9 }], 'of this vendor alone')
})

test('a device is of whoever held it: when it was said, or else when the row was', async () => {
  const [first, second] = [FROM, FROM + 1000]
  const devices = [
    { device: 30, person: 1, from: first, to: second },
    { device: 30, person: 2, from: second, to: second + 1000 },
  ]
  const values = { 'email ann@mail.example': [{ ordinal: 30, at: first }], 'id browser': [{ ordinal: 30, at: 0 }] }
  const rows = [{ subject: 30, kind: 'device' as const, first: second, last: second, shape: 'country:coarse' }]
  const match = await matcher({ rows, graph: { merged: [], devices }, values })
  const email = await match('time,email', `${iso(second)},ann@mail.example`)
  assert.deepEqual([email.people.get(1), email.people.get(2)], [4, 0])
  const id = await match('time,distinct_id', `${iso(second)},browser`)
  assert.deepEqual([id.people.get(1), id.people.get(2)], [0, 2])
  // The row about the device is about the second of them: nobody else was sent.
  assert.deepEqual(
    [id.result.reconciled, id.result.knownNothingSent],
    [{ inBoth: 1, inBothByPseudonym: 0, onlyInFile: 0, onlyInLedger: 0 }, 0],
  )
  assert.equal(email.result.knownNothingSent, 1)
})

test('what is under way counts, of this vendor alone; beside a user a device was sent only if devices were', async () => {
  const open = [
    { subject: 5, groups: [40] },
    { subject: 6, vendor: 'another', shape: 'email:clear' },
  ]
  const match = await matcher({ rows: [{}, { subject: 3, destination: 'eu' }], open, destinations: ['main'] })
  const { result } = await match('distinct_id,email', ...[uuidOf('user', 5), uuidOf('user', 6), uuidOf('group', 40)].map((id) => `${id},x`))
  assert.deepEqual([result.matched.a, result.notInLedger], [2, 1])
  assert.deepEqual(
    result.reconciled,
    { inBoth: 1, inBothByPseudonym: 1, onlyInFile: 0, onlyInLedger: 1 },
    'whom the scope has, not who was sent elsewhere',
  )
  assert.ok(result.fieldsNotInLedger.includes('email'), 'what another vendor is being sent is not what this one was')
  const lost = await match('distinct_id', uuidOf('device', 7))
  assert.deepEqual([lost.result.matched.a, lost.result.notInLedger], [0, 1])
  const beside = await matcher({ rows: [{ shape: 'device_id:pseudonym,user_id:pseudonym' }] })
  assert.equal((await beside('distinct_id', uuidOf('device', 7))).result.matched.a, 1)
})

test('cells say who and when in the ways in which systems write it', (t) => {
  const naming = { mapped: new Map<string, string>(), fieldOfKey: fieldOfExportKey, groupKeys: new Set<string>() }
  const keys = (column: string, cell: Cell): Keys => keysOf({ number: 1, columns: [0], values: [cell] }, [meaningOf(column, naming)])
  const seconds = Date.UTC(2026, 0, 20) / 1000
  // Where the machine stands is no matter: without a zone an instant is one of UTC.
  const zone = process.env['TZ']
  process.env['TZ'] = 'Asia/Kolkata'
  t.after(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })
  assert.notEqual(new Date(seconds * 1000).getHours(), 0)
  for (const [cell, ms] of [
    [seconds, seconds * 1000],
    [seconds * 1000, seconds * 1000],
    [seconds * 1e6, seconds * 1000],
    ['2026-01-20 00:00:00', seconds * 1000],
    ['2026-01-20T01:00:00+01:00', seconds * 1000],
    ['2026-01-20', seconds * 1000],
    ['tomorrow', undefined],
    [0, undefined],
  ] as const)
    assert.equal(keys('time', cell).time, ms, String(cell))
  assert.deepEqual([keys('distinct_id', 17).ids, keys('company_id', 17).groups, keys('seats', 17).ids], [['17'], ['17'], []])
  assert.deepEqual(keys('distinct_id', `$device:${uuidOf('device', 7)}`).uuids, [uuidOf('device', 7).replaceAll('-', '')])
  assert.deepEqual([keys('distinct_id', 'a'.repeat(320)).ids.length, keys('distinct_id', 'a'.repeat(321)).ids.length], [1, 0])
})

test('of many faults the first are shown and all are counted; a matching that ends early gives its session back', async () => {
  const match = await matcher({ rows: [{}] })
  const { result } = await match('distinct_id,email', ...Array.from({ length: 150 }, () => 'alone'))
  assert.deepEqual([result.rows, result.readInPart, result.faults.length, result.faults.at(-1)?.number], [150, 150, 100, 100])
  const stop = new AbortController()
  stop.abort()
  const stopped = await matcher({ rows: [{}], signal: stop.signal })
  await assert.rejects(stopped('distinct_id', 'somebody'), { code: 'not_running' })
  await assert.rejects(match(''), { code: 'leak_file_invalid' })
  assert.equal(sessions, 0)
})
