/** Rows on the very edges of windows, days and sign-ins, which random ones seldom meet; on the real engine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { affected, type AffectedAnswer, type AffectedQuery } from './affected.ts'
import { type Case, KNOWN_NOTHING, prepare } from './testing-affected.ts'
import type { Windows } from './windows.ts'

const engine = warehouseOfFile()

const SENT = Date.UTC(2026, 1, 3, 12)
const DAY = Date.UTC(2026, 0, 20)
const OPEN_ENDED: Windows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }

function rowOf(subject: number, first: number, last: number, change: Partial<DisclosureRow> = {}): DisclosureRow {
  return {
    ...{
      entry: subject * 2,
      vendor: '',
      destination: 'main',
      epoch: 1,
      route: '/import',
      purpose: 'analytics',
      policy: 1,
      surface: 'site',
    },
    ...{ shape: 'user_id:pseudonym', subject, kind: 'user', groups: [], events: 1, first, last, sentAt: SENT, state: 'delivered' },
    ...change,
  }
}

const caseOf = (rows: DisclosureRow[], change: Partial<Case> = {}): Case => ({
  ...{ rows, place: rows.map(() => 'loaded' as const), graph: { merged: [], devices: [] }, windows: OPEN_ENDED },
  ...{ destination: undefined, surfaces: undefined, known: KNOWN_NOTHING },
  ...change,
})

async function numbersIn(answer: AffectedAnswer): Promise<number[]> {
  return [...(await answer.people()).values()]
}

test('a row counts up to the last millisecond of a window and not behind it, however days and midnight lie', async () => {
  const edges = [DAY, DAY + DAY_MS / 4, DAY + DAY_MS - 1, DAY + 2 * DAY_MS, DAY + 2 * DAY_MS + DAY_MS / 2, DAY + 3 * DAY_MS - 1]
  const instants = [...new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1, edge + 1000]))].sort((a, b) => a - b)
  const spans = [
    ...instants.map((at) => [at, at] as const),
    ...edges.flatMap((edge) => [[edge - 1, edge] as const, [edge, edge + 1] as const]),
  ]
  const loaded = spans.map(([first, last], index) => rowOf(index + 1, first, last))
  // The same once more of requests that are open, about other people.
  const open = spans.map(([first, last], index) => rowOf(index + 501, first, last, { entry: index * 2 + 1 }))
  const rows = [...loaded, ...open]
  const place = rows.map((_, index) => (index < loaded.length ? ('loaded' as const) : ('open' as const)))
  const { vendor, ports } = await prepare(caseOf(rows, { place }), engine)
  const windows = [
    ...edges.flatMap((from) => edges.filter((to) => to > from).map((to) => ({ ...OPEN_ENDED, from, to }))),
    ...edges.map((from) => ({ ...OPEN_ENDED, from })),
    ...edges.map((to) => ({ ...OPEN_ENDED, to })),
    // Beyond what the engine's days can say.
    { ...OPEN_ENDED, from: Date.UTC(1700, 0, 1), to: Date.UTC(9999, 0, 1) },
    { ...OPEN_ENDED, from: Date.UTC(9999, 0, 1) },
  ]
  for (const window of windows) {
    const { from = -Infinity, to = Infinity } = window as Windows
    const expected = rows.filter(({ first, last }) => last >= from && first <= to).map(({ subject }) => subject)
    const found = await numbersIn(await affected({ vendor, destination: undefined, windows: window }, ports))
    assert.deepEqual(found, expected, JSON.stringify(window))
  }
})

test('what was sent at the end of the access window, to other destinations or to other vendors is out', async () => {
  const at = (subject: number, change: Partial<DisclosureRow>): DisclosureRow => rowOf(subject, DAY, DAY, change)
  const rows = [
    at(1, { sentAt: SENT - 1 }),
    at(2, { sentAt: SENT }),
    at(3, { sentAt: SENT - 1, destination: 'eu' }),
    at(4, { sentAt: SENT - 1, surface: 'api' }),
    ...[1, 2, 3, 4].map((n) => ({ ...at(n + 10, { sentAt: n === 2 ? SENT : SENT - 1 }), entry: 2 * n + 1 })),
  ]
  Object.assign(rows[6] as DisclosureRow, { destination: 'eu' })
  Object.assign(rows[7] as DisclosureRow, { surface: 'api' })
  const place = rows.map((_, index) => (index < 4 ? ('loaded' as const) : ('open' as const)))
  const { vendor, ports } = await prepare(caseOf(rows, { place }), engine)
  const { head, open } = await ports.snapshot()
  const foreign = { ...(open[0] as DisclosureRow), vendor: 'another', subject: 99 }
  const own = { ...ports, snapshot: async () => ({ head, open: [...open, foreign] }) }
  const found = async (change: Partial<AffectedQuery>): Promise<number[]> =>
    numbersIn(await affected({ vendor, destination: undefined, windows: OPEN_ENDED, ...change }, own))
  assert.deepEqual(await found({}), [1, 2, 3, 4, 11, 12, 13, 14])
  assert.deepEqual(await found({ windows: { ...OPEN_ENDED, accessTo: SENT } }), [1, 3, 4, 11, 13, 14])
  assert.deepEqual(await found({ destinations: ['eu'] }), [3, 13])
  assert.deepEqual(await found({ destinations: ['main'], surfaces: ['api'] }), [4, 14])
  assert.deepEqual(await found({ destinations: [] }), [])
  // Nobody said what was held before: all that is known begins with the first entry, that instant included.
  const boundFrom = async (from: number): Promise<boolean> =>
    (await affected({ vendor, destination: undefined, windows: { ...OPEN_ENDED, from } }, own)).summary.upperBound
  assert.deepEqual([await boundFrom(SENT - 1), await boundFrom(SENT - 2)], [true, false])
})

test('on a device with several people each has what lies in their own time, and nobody has what does not', async () => {
  const [began, changed, ended] = [DAY, DAY + 3_600_000, DAY + 7_200_000]
  const devices = [
    ...[11, 12, 13, 14, 15].flatMap((device) => [
      { device, person: 1, from: began, to: changed },
      { device, person: 2, from: changed, to: ended },
    ]),
  ]
  const on = (device: number, entry: number, first: number, last: number): DisclosureRow =>
    rowOf(device, first, last, { kind: 'device', entry: entry * 2, shape: 'device_id:pseudonym' })
  const ask = async (rows: DisclosureRow[], isOpen = false): Promise<[people: number[], ambiguous: number]> => {
    const place = rows.map(() => (isOpen ? ('open' as const) : ('loaded' as const)))
    const { vendor, ports } = await prepare(caseOf(rows, { place, graph: { merged: [], devices } }), engine)
    const answer = await affected({ vendor, destination: undefined, windows: OPEN_ENDED }, ports)
    return [await numbersIn(answer), answer.summary.ambiguousDevices]
  }
  for (const isOpen of [false, true]) {
    // As one aggregate it belongs to nobody; row by row to both, and one of them to nobody.
    assert.deepEqual(await ask([on(11, 1, began, changed - 1), on(11, 2, changed, ended - 1)], isOpen), [[1, 2], 0])
    assert.deepEqual(await ask([on(12, 1, began, began), on(12, 2, changed - 1, changed)], isOpen), [[1], 1])
    assert.deepEqual(await ask([on(13, 1, began, changed)], isOpen), [[], 1])
    assert.deepEqual(await ask([on(14, 1, ended, ended)], isOpen), [[], 1])
    assert.deepEqual(await ask([on(15, 1, began - 1, began)], isOpen), [[], 1])
  }
})
