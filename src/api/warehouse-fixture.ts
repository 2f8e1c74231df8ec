/** Test support: an engine in memory, in which all people of a stage had the same sent about them. */
import { bitmapOf } from '#warehouse/bitmap.ts'
import type { ColumnBlock } from '#warehouse/native.ts'
import type { Warehouse } from '#warehouse/port.ts'

/** `persons`: as they are when it is asked; 5000 or more make it fail. */
export function fakeWarehouse(stage: { persons: number }): Warehouse {
  return {
    migrate: async () => undefined,
    insertEvents: async () => ({ rows: 0 }),
    insertDisclosures: async () => ({ rows: 0 }),
    query: async <Row>(sql: string, given?: Record<string, unknown>) => {
      if (sql.includes('FROM events') && sql.includes('count()')) return [{ rows: '12' }] as Row[]
      if (sql.includes('firstDay')) return [{ rows: 1, firstDay: 20_000 }] as Row[]
      if (sql.includes('firstSent')) return [{ rows: 1, firstSent: 1_770_000_000_000 }] as Row[]
      if (sql.includes('policyFirst')) return [{ rows: 1, policyFirst: 1, policyLast: 2 }] as Row[]
      if (!sql.includes('deliveredCount')) return (sql.includes('1 AS found') && given?.vendor === 'gone' ? [{ found: 1 }] : []) as Row[]
      const key = { vendor: 'acme', destination: 'acme-main', epoch: 1, surface: 'web', purpose: 'analytics' }
      return [{ ...engineRow(1), ...key, deliveredCount: '4' }] as Row[]
    },
    columns: async (sql) => [(sql.includes('groupBitmapState') ? sentBlock : personBlock)(stage.persons)],
    stream: async function* () {
      // Nobody has rows in several places.
    },
    close: async () => undefined,
  }
}

function engineRow(subject: number): Record<string, unknown> {
  return {
    subject: String(subject),
    deliveredShapes: ['country:coarse,user_id:pseudonym'],
    possibleShapes: [],
    firstAt: '1770000000000',
    lastAt: '1770000001000',
    sentFirstAt: '1770000002000',
    sentLastAt: '1770000003000',
    eventCount: '4',
    groupOrdinals: ['21'],
  }
}

/** All of them under one shape, as the engine gives sets. */
function sentBlock(persons: number): ColumnBlock {
  if (persons >= 5000) throw new Error('row text that must not leave: ann@example.com')
  const everybody = bitmapOf(Array.from({ length: persons }, (_, index) => index + 1))
  const numbers = { highest: persons, policyFirst: 1, policyLast: 2 }
  return {
    rows: 1,
    columns: new Map(Object.entries(numbers).map(([name, value]) => [name, Float64Array.of(value)])),
    texts: new Map([
      ['shapeText', ['country:coarse,user_id:pseudonym']],
      ['surfaceText', ['web']],
    ]),
    lists: new Map([['named', [Float64Array.of(21)]]]),
    bitmaps: new Map([
      ['arrived', [everybody]],
      ['perhaps', [[]]],
      ['users', [everybody]],
    ]),
  }
}

function personBlock(rows: number): ColumnBlock {
  const times = { firstAt: 1_770_000_000_000, lastAt: 1_770_000_001_000, sentFirstAt: 1_770_000_002_000, sentLastAt: 1_770_000_003_000 }
  const columns = { ...times, eventCount: 4, delivered0: 1, possible0: 0, groupBits: 21, lessBits: 20, groupCount: 1 }
  return {
    rows,
    columns: new Map([
      ['user', Float64Array.from({ length: rows }, (_, index) => index + 1)],
      ...Object.entries(columns).map(([name, value]) => [name, new Float64Array(rows).fill(value)] as const),
    ]),
    texts: new Map(),
    lists: new Map(),
    bitmaps: new Map(),
  }
}
