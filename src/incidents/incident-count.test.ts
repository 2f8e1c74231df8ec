/** Versions of a scope on the real engine: whoever comes into the scope is added once, by the first version that has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { affected, type IncidentPorts } from './affected.ts'
import type { ScopeBody } from './incident-bodies.ts'
import { asOfNow, countVersion, peopleBefore, queryOf } from './incident-count.ts'
import { amendScope, narrows, type ScopeChange } from './incident-scope.ts'
import type { ScopeVersion } from './incident-state.ts'

const BASE = Date.UTC(2026, 1, 3)
const LOOK = { actor: 'anna', action: 'test', reason: 'test' }

const engine = warehouseOfFile()

const instant = fc.integer({ min: 0, max: 9 }).map((second) => BASE + second * 1000)
const row = fc.record({
  subject: fc.integer({ min: 1, max: 12 }),
  surface: fc.constantFrom('api', 'help', 'site'),
  destination: fc.constantFrom('main', 'eu'),
  sentAt: instant,
  first: instant,
  isOpen: fc.boolean(),
})
const side = fc.option(fc.oneof(instant, fc.constant(null)), { nil: undefined })
const change: fc.Arbitrary<ScopeChange> = fc.record({
  surfaces: fc.uniqueArray(fc.constantFrom('api', 'help', 'site'), { maxLength: 2 }),
  destinations: fc.uniqueArray(fc.constantFrom('main', 'eu'), { maxLength: 1 }),
  only: fc.boolean(),
  accessTo: side,
  from: side,
  to: side,
})

/** As long as a pseudonym, and read back from its end. */
const hexOf = (person: number): string => person.toString(16).padStart(32, '0')

let vendors = 0

test('every version comes to whom a naive recomputation finds, and each person is in exactly one list of people added', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 6, maxLength: 30 }),
      fc.uniqueArray(fc.constantFrom('api', 'help'), { maxLength: 1 }),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (given, surfaces, changes) => {
        const vendor = `vendor-${++vendors}`
        const rows = given.map(({ isOpen, ...rest }, index): DisclosureRow => {
          const fixed = { kind: 'user' as const, shape: 'user_id:pseudonym', groups: [], events: 1, policy: 1, epoch: 1, route: '/import' }
          return {
            ...fixed,
            ...rest,
            vendor,
            last: rest.first,
            purpose: 'analytics',
            entry: index + 1,
            state: isOpen ? 'possible' : 'delivered',
          }
        })
        const open = rows.filter(({ state }) => state === 'possible')
        await engine.worker.insertDisclosures(
          rows.filter(({ state }) => state === 'delivered'),
          `${vendor}-token`,
        )
        const ports = {
          warehouse: engine.staff,
          vault: {
            graph: async () => ({ merged: [], devices: [] }),
            groups: async () => {
              const [none, bytes] = [new Float64Array(0), new Uint8Array(0)]
              const of = { groups: none, administrators: none, administered: new Uint32Array(0) }
              return { ...of, keys: [], key: new Uint16Array(0), hasMembers: bytes }
            },
            members: async () => ({ users: new Float64Array(0), groups: new Float64Array(0) }),
            survey: async ({ single, joined }: { single: Float64Array; joined: number[][] }) => {
              const count = single.length + joined.length
              return { places: [''], residence: new Uint16Array(count), marks: new Uint8Array(count) }
            },
            staffUserIds: async (users: Float64Array) => Buffer.from(Array.from(users, hexOf).join(''), 'hex'),
            staffPseudonyms: async (all: readonly { ordinal: number }[]) => all.map(({ ordinal }) => hexOf(ordinal)),
            recordLook: async () => undefined,
          },
          snapshot: async () => {
            snapshots += 1
            return { head: rows.length, open }
          },
          records: { policy: () => undefined, currentPolicy: () => undefined, baselines: () => [], baselinePeople: () => [] },
          places: { refresh: async () => undefined, countryOf: () => '' },
        } as unknown as IncidentPorts
        let snapshots = 0
        const first: ScopeBody = {
          destinations: null,
          surfaces: surfaces.length === 0 ? null : surfaces,
          accessFrom: null,
          accessTo: null,
          from: null,
          to: null,
        }
        const scopes: ScopeBody[] = [first]
        for (const each of changes) {
          try {
            scopes.push(amendScope(scopes.at(-1) as ScopeBody, each))
          } catch {
            // It says nothing, or its windows would be the wrong way round.
          }
        }
        const naive = (scope: ScopeBody): Set<number> =>
          new Set(
            rows
              .filter(
                (one) =>
                  (scope.surfaces?.includes(one.surface) ?? true) &&
                  (scope.destinations?.includes(one.destination) ?? true) &&
                  one.sentAt < (scope.accessTo ?? Infinity) &&
                  one.last >= (scope.from ?? -Infinity) &&
                  one.first <= (scope.to ?? Infinity),
              )
              .map(({ subject }) => subject),
          )
        const state = { vendor, scopes: scopes.map((scope, index) => ({ version: index + 1, scope }) as ScopeVersion) }
        const seen = new Set<number>()
        for (const [index, scope] of scopes.entries()) {
          const expected = naive(scope)
          const former = index === 0 ? new Set<number>() : naive(scopes[index - 1] as ScopeBody)
          const fresh = expected.difference(seen)
          snapshots = 0
          const { counted } = await countVersion(state, index + 1, ports)
          assert.equal(snapshots, 1, 'all of it is as of one ledger entry')
          assert.deepEqual(
            [counted.version, counted.entries, counted.subjects, counted.added, counted.removed],
            [index + 1, rows.length, expected.size, fresh.size, former.difference(expected).size],
          )
          if (former.difference(expected).size > 0)
            assert.ok(narrows(scopes[index - 1] as ScopeBody, scope), 'who is taken out needs a reason')
          const now = await asOfNow(ports)
          const without = await peopleBefore(state, index + 1, now)
          const listed: number[] = []
          for await (const chunk of (await affected(queryOf(vendor, scope), now)).lines({ look: LOOK, identities: false, without })) {
            for (const line of chunk.toString().trimEnd().split('\n')) {
              listed.push(Number.parseInt((JSON.parse(line) as { subject: string }).subject.slice(-8), 16))
            }
          }
          assert.deepEqual(
            listed.sort((a, b) => a - b),
            [...fresh].sort((a, b) => a - b),
          )
          for (const person of expected) seen.add(person)
        }
      },
    ),
    { numRuns: Number(process.env.FC_RUNS ?? 4), endOnFailure: true },
  )
})
