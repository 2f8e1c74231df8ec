/** Lines written out of tables are what JSON.stringify would have made of them, over the ends of chunks too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { headOf, LineWriter, type RestForm, restOf } from './person-lines.ts'

const instant = fc.oneof(
  fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2300, 0, 1) - 1 }),
  fc.constantFrom(Date.UTC(1900, 0, 1), Date.UTC(2300, 0, 1) - 1, 0, -1, Date.UTC(2024, 1, 29, 23, 59, 59, 999)),
)
const person = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  times: fc.tuple(instant, instant, instant, instant),
  events: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 10_000_001 }), fc.constantFrom(9_999_999, 2 ** 53 - 1)),
  form: fc.nat(3),
})
const GROUPS = [[], [{ key: 'company', group: 'Zürich "AG"' }], [{ key: 'company', group: 'x'.repeat(300_000) }], []]
const FIELDS = [[{ field: 'country', form: 'coarse' }], [], [{ field: 'email', form: 'clear' }], [{ field: 'property.é', form: 'clear' }]]
const STATES = ['delivered', 'possible', 'possible', 'delivered'] as const
const HEADS = GROUPS.map((groups) => headOf(JSON.stringify(groups)))
const RESTS = FIELDS.map((fields, n) => restOf(JSON.stringify(fields), STATES[n] as 'possible'))

function idOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

test('a line is what JSON.stringify makes of it', () => {
  fc.assert(
    fc.property(fc.array(person, { minLength: 1, maxLength: 12 }), fc.constantFrom(1, 300), fc.boolean(), (some, repeated, isLast) => {
      const people = Array.from({ length: some.length * repeated }, (_, n) => some[n % some.length] as (typeof some)[number])
      // Long ones once only.
      const formAt = (n: number): number => (n < some.length ? (people[n] as (typeof some)[number]).form : n % 2)
      const lines = people.map(({ id, times, events }, n) => {
        const [first, last, sentFirst, sentLast] = times.map((time) => new Date(time).toISOString())
        const known = { subject: idOf(id), groups: GROUPS[formAt(n)], fields: FIELDS[formAt(n)] }
        return JSON.stringify({ ...known, first, last, sentFirst, sentLast, events, state: STATES[formAt(n)] })
      })
      const column = (of: (one: (typeof some)[number]) => number): Float64Array => Float64Array.from(people, of)
      const columns = {
        first: column(({ times }) => times[0]),
        last: column(({ times }) => times[1]),
        sentFirst: column(({ times }) => times[2]),
        sentLast: column(({ times }) => times[3]),
        events: column(({ events }) => events),
      }
      const rows = Uint32Array.from(people.keys()).reverse()
      const ids = Buffer.concat([...people].reverse().map(({ id }) => id))
      const writer = new LineWriter()
      const chunks: Buffer[] = []
      const parts = { headOf: (row: number) => HEADS[formAt(row)] as Buffer, restOf: (row: number) => RESTS[formAt(row)] as RestForm }
      const given = { columns, rows, ids, ...parts }
      for (let next = 0; next < rows.length; ) {
        next = writer.writeRows(given, next, rows.length)
        const chunk = writer.take(next < rows.length || isLast)
        if (chunk !== undefined) chunks.push(chunk)
      }
      const [one] = some as [(typeof some)[number]]
      const [first, last] = one.times
      const text = { groups: '[]', fields: '["é"]', first, last, sentFirst: undefined, sentLast: undefined, events: 0 }
      for (let n = 0; n < 3; n++) {
        writer.write({ ...text, state: 'baseline' }, one.id, 0, n === 1 ? `,"names":["${'n'.repeat(300_000)}"]` : '')
        const chunk = writer.take()
        if (chunk !== undefined) chunks.push(chunk)
      }
      chunks.push(writer.take(true) ?? Buffer.alloc(0))
      const found = Buffer.concat(chunks).toString().split('\n')
      assert.equal(found.pop(), '')
      assert.deepEqual(found.slice(0, lines.length), lines.reverse())
      const baseline = {
        subject: idOf(one.id),
        groups: [],
        fields: ['é'],
        first: new Date(first).toISOString(),
        last: new Date(last).toISOString(),
      }
      const rest = { ...baseline, sentFirst: null, sentLast: null, events: 0, state: 'baseline' }
      assert.deepEqual(
        found.slice(lines.length).map((line) => JSON.parse(line) as unknown),
        [rest, { ...rest, names: ['n'.repeat(300_000)] }, rest],
      )
    }),
    { numRuns: 40 },
  )
})

test('an instant outside of the years that the warehouse keeps is refused, not written wrong', () => {
  const writer = new LineWriter()
  for (const time of [Date.UTC(1899, 11, 31), Date.UTC(2300, 0, 1), Number.NaN]) {
    const times = Float64Array.of(time)
    const columns = { first: times, last: times, sentFirst: times, sentLast: times, events: Float64Array.of(1) }
    const parts = { headOf: () => HEADS[0] as Buffer, restOf: () => RESTS[0] as RestForm }
    const given = { columns, rows: Uint32Array.of(0), ids: new Uint8Array(16), ...parts }
    assert.throws(() => writer.writeRows(given, 0, 1), /between the years/)
  }
})
