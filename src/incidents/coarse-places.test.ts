/** In which country the events of a user come from, on the real engine, compared with a walk over all of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { CoarsePlaces } from './coarse-places.ts'

const engine = warehouseOfFile()
const DAY = 20_500

const record = fc.record({
  user: fc.constantFrom(undefined, 1, 2, 3, 2000, 70_000),
  country: fc.constantFrom(undefined, 'AA', 'DE', 'IN', 'ZZ'),
})
const entry = fc.record({
  isServer: fc.boolean(),
  /** Of the clock: the next day, a month ahead for this entry, or a request that came before midnight and is written after it. */
  time: fc.constantFrom('same', 'same', 'next', 'ahead', 'late'),
  records: fc.array(record, { minLength: 1, maxLength: 3 }),
  isAsked: fc.boolean(),
})

let seq = 0
let day = DAY

test('what a server said last counts, else the last connection, whenever somebody asks; only what came since is read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 4, maxLength: 12 }), async (steps) => {
      // Users of earlier runs are other people: the same engine holds all of them.
      const shift = seq * 100_000
      const places = new CoarsePlaces(engine.staff)
      const seen = new Map<number, { country: string; isServer: boolean }>()
      const agree = async (): Promise<void> => {
        await places.refresh()
        for (const user of [1, 2, 3, 2000, 70_000]) assert.equal(places.countryOf(shift + user), seen.get(user)?.country ?? '', `${user}`)
      }
      for (const { isServer, time, records, isAsked } of steps) {
        seq += 1
        if (time === 'next' || time === 'late') day += 1
        const arrival = time === 'ahead' ? day + 30 : time === 'late' ? day - 1 : day
        for (const { user, country } of records) {
          if (user === undefined || country === undefined) continue
          if (isServer || seen.get(user)?.isServer !== true) seen.set(user, { country, isServer })
        }
        const logged: LogEntry = {
          ...{
            seq,
            at: arrival * DAY_MS,
            source: 's',
            protocol: 'mixpanel',
            surface: 'web',
            policy: 1,
            trust: isServer ? 'server' : 'browser',
          },
          records: records.map(({ user, country }): LogRecord => {
            const context = country === undefined ? {} : { context: { country } }
            return { type: 'event', name: 'Opened', time: day * DAY_MS, ...(user !== undefined && { user: shift + user }), ...context }
          }),
        }
        await engine.worker.insertEvents([logged], `places-${seq}`)
        if (isAsked) await agree()
      }
      await agree()
      assert.equal(places.countryOf(shift + 4), '', 'nobody said anything of them')
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 10), endOnFailure: true },
  )
})

test('a question that failed is asked anew, and nothing is left out by it', async () => {
  const { staff } = engine
  let isAway = true
  const columns: typeof staff.columns = (...asked) => (isAway ? Promise.reject(new Error('away')) : staff.columns(...asked))
  const places = new CoarsePlaces({ ...staff, columns })
  seq += 1
  const user = seq * 100_000
  const logged: LogEntry = {
    ...{ seq, at: day * DAY_MS, source: 's', protocol: 'mixpanel', surface: 'web', policy: 1, trust: 'browser' },
    records: [{ type: 'event', name: 'Opened', time: day * DAY_MS, user, context: { country: 'FR' } }],
  }
  await engine.worker.insertEvents([logged], `places-${seq}`)
  await assert.rejects(places.refresh(), /away/)
  assert.equal(places.countryOf(user), '')
  isAway = false
  await places.refresh()
  assert.equal(places.countryOf(user), 'FR')
})
