/** A scope that keeps only some of its people, on the real engine, compared with a recomputation that reads every raw row. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { affected, type AffectedPerson, countNarrowed, peopleAffected } from './affected.ts'
import { PersonSet } from './person-set.ts'
import { heldRows, inScope, ownerOf, pairsIn, pairText, prepare, subjectText, testCase } from './testing-affected.ts'

const LOOK = { actor: 'anna', action: 'test', reason: 'test' }
const LIST = { id: 'list', sha256: '', bytes: 0 }

const engine = warehouseOfFile()

const numbers = (set: Iterable<number>): number[] => [...set].sort((a, b) => a - b)

test('it has whom the ledger has and the list keeps, each with what was sent, and says how many more there are', async () => {
  await fc.assert(
    fc.asyncProperty(testCase, fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), async (given, listed) => {
      const kept = new PersonSet()
      for (const person of listed) kept.add(person)
      const { vendor, ports, counted } = await prepare({ ...given, kept }, engine)
      const { windows, destination, surfaces, graph } = given
      const query = { vendor, destination, surfaces, windows }
      const scoped = inScope(given, counted)
      const ofPerson = (one: DisclosureRow): number | undefined => (one.kind === 'group' ? undefined : ownerOf(one, graph))
      const inLedger = new Set(scoped.flatMap((one) => ofPerson(one) ?? []))
      // Whoever was joined to another since the list was written is kept as that other.
      const personOf = new Map(graph.merged)
      const now = new Set(listed.map((person) => personOf.get(person) ?? person))
      const staying = inLedger.intersection(now)
      const rowsOf = (person: number): DisclosureRow[] => scoped.filter((one) => ofPerson(one) === person)

      const { summary, ...answer } = await affected({ ...query, keptIn: LIST }, ports)
      const whole = (await affected(query, ports)).summary
      assert.equal(summary.subjects, staying.size)
      assert.equal(summary.leftOut, inLedger.size - staying.size)
      assert.equal(whole.leftOut, undefined)
      assert.equal(summary.delivered, [...staying].filter((person) => rowsOf(person).some(({ state }) => state === 'delivered')).length)
      const inBaseline = heldRows(given).flatMap(({ owner }) => owner ?? [])
      const everybody = new Set([...staying, ...inBaseline])
      assert.deepEqual([...(await answer.people()).values()], numbers(everybody))
      assert.deepEqual([...(await peopleAffected({ ...query, keptIn: LIST }, ports)).values()], numbers(everybody))
      assert.deepEqual(await countNarrowed(query, kept, ports), { stay: staying.size, leftOut: inLedger.size - staying.size })
      // A list is of people: what belongs to no single person, groups and fields that were sent stay.
      for (const part of ['ambiguousDevices', 'groups', 'notSent', 'windows', 'checked', 'vendor'] as const)
        assert.deepEqual(summary[part], whole[part], part)
      assert.deepEqual(summary.fields.map(pairText), whole.fields.map(pairText))
      for (const field of summary.fields) {
        const having = [...staying].filter((person) => pairsIn(rowsOf(person)).includes(pairText(field)))
        assert.equal(field.subjects, having.length, pairText(field))
        const arrived = [...staying].filter((person) =>
          pairsIn(rowsOf(person).filter(({ state }) => state === 'delivered')).includes(pairText(field)),
        )
        assert.equal(field.delivered, arrived.length)
      }
      for (const { surface, subjects } of summary.surfaces) {
        const having = [...staying].filter((person) => rowsOf(person).some((one) => one.surface === surface))
        assert.equal(subjects, having.length)
      }
      assert.equal(
        summary.jurisdictions.reduce((sum, row) => sum + row.subjects, 0),
        staying.size,
      )
      assert.equal(summary.upperBound, false)
      const lines: AffectedPerson[] = []
      for await (const chunk of answer.lines({ look: LOOK, identities: false }))
        for (const line of chunk.toString().split('\n').filter(Boolean)) lines.push(JSON.parse(line) as AffectedPerson)
      const shown = lines
        .filter(({ state }) => state !== 'baseline')
        .map(({ subject, fields }) => `${subject} ${fields.map(pairText).join()}`)
      const expected = [...staying].map((person) => `${subjectText(person)} ${pairsIn(rowsOf(person)).join()}`)
      assert.deepEqual(shown.sort(), expected.sort())
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 10), endOnFailure: true },
  )
})
