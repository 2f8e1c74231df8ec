import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BaselinePeople, NO_BASELINE, type RecordedBaseline } from '#model/baseline.ts'
import { gatherBaseline, summarizeBaseline } from './baseline-scope.ts'
import { whatWasChecked } from './checked.ts'
import { People } from './people.ts'
import { PersonSet } from './person-set.ts'
import type { Scope } from './rows.ts'
import { Shapes } from './shapes.ts'

const [T1, T2, T3] = [1_700_000_000_000, 1_700_000_100_000, 1_700_000_200_000] as const
const OPEN_ENDED = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
const SCOPE: Scope = { vendor: 'acme', destination: undefined, windows: OPEN_ENDED, snapshot: { head: 1, open: [] } }

const said = (change: Partial<RecordedBaseline>): RecordedBaseline => {
  return { ...NO_BASELINE, id: 1, vendor: 'acme', kind: 'declared', people: 12, fields: [{ field: 'email', form: 'clear' }], ...change }
}

function summaryOf(baselines: RecordedBaseline[], scope: Partial<Scope> = {}, parts: BaselinePeople[] = []) {
  const asked: number[] = []
  const records = {
    baselines: () => baselines,
    baselinePeople: (id: number) => {
      asked.push(id)
      return parts
    },
  }
  const held = gatherBaseline({ ...SCOPE, ...scope }, records)
  const sent = new PersonSet()
  sent.add(1)
  const given = { people: new People({ merged: [], devices: [] }), sent, shapes: new Shapes() }
  return { ...summarizeBaseline(held, given), asked }
}

test('what nobody said rules nothing out; what was said of time and surfaces does, both ends included', () => {
  const inScope = (baseline: Partial<RecordedBaseline>, scope: Partial<Scope>) => {
    const { summary } = summaryOf([said(baseline)], scope)
    assert.deepEqual(summary?.fields.length, summary?.inScope === true ? 1 : 0, 'out of scope nothing of it counts')
    return summary?.inScope
  }
  const between = (from: number | undefined, to: number | undefined): Partial<Scope> => ({ windows: { ...OPEN_ENDED, from, to } })
  assert.equal(inScope({}, { surfaces: ['site'], ...between(T1, T2) }), true)
  assert.equal(inScope({ surfaces: ['site', 'api'] }, {}), true)
  assert.equal(inScope({ surfaces: ['site', 'api'] }, { surfaces: ['help', 'api'] }), true)
  assert.equal(inScope({ surfaces: ['site'] }, { surfaces: ['help'] }), false)
  assert.equal(inScope({ from: T2 }, between(T1, T2)), true)
  assert.equal(inScope({ from: T3 }, between(T1, T2)), false)
  assert.equal(inScope({ to: T2 }, between(T2, T3)), true)
  assert.equal(inScope({ to: T1 }, between(T2, T3)), false)
  assert.equal(inScope({ from: T1, to: T3 }, between(undefined, undefined)), true)
})

test('the newest word counts, and only of an import are there people', () => {
  const older = said({ id: 1, kind: 'imported', shapes: ['email:clear'] })
  assert.equal(summaryOf([older, said({ id: 2, kind: 'none' })]).summary, null)
  assert.deepEqual(summaryOf([older, said({ id: 2 })]).asked, [])
  assert.equal(summaryOf([]).summary, null)
})

test('each person of an import is in it with all shapes and the widest time, in seconds that are whole', () => {
  const second = (at: number): number => at / 1000
  const part: BaselinePeople = {
    subjects: Float64Array.of(1, 1, 2, 2, 3, 4),
    devices: Uint8Array.of(0, 0, 0, 0, 0, 1),
    shapes: Uint16Array.of(2, 10, 10, 2, 2, 2),
    firsts: Uint32Array.of(second(T2), second(T1), 0, 0, second(T3), second(T1)),
    lasts: Uint32Array.of(second(T2), second(T1), 0, 0, second(T3), second(T1)),
  }
  const shapes = Array.from({ length: 11 }, (_, index) => (index === 2 ? 'email:clear' : index === 10 ? 'name:clear' : 'os:coarse'))
  const imported = [said({ kind: 'imported', shapes, fields: [] })]
  const whole = summaryOf(imported, {}, [part])
  assert.deepEqual([...whole.people.values()], [1, 2, 3])
  assert.deepEqual([whole.tallyOf(1)?.first, whole.tallyOf(1)?.last], [T1, T2 + 999])
  assert.deepEqual([whole.tallyOf(2)?.first, whole.tallyOf(2)?.last], [undefined, undefined])
  const { summary } = whole
  assert.deepEqual([summary?.subjects, summary?.onlyBaseline, summary?.ambiguousDevices, summary?.declaredPeople], [3, 2, 1, null])
  assert.deepEqual(
    summary?.fields.map(({ field, subjects }) => [field, subjects]),
    [
      ['email', 3],
      ['name', 2],
      ['os', 0],
    ],
  )
  // The last second of an event is in it as a whole; who has no time is always in it.
  const windows = { ...OPEN_ENDED, from: T2 + 999, to: T2 + 1000 }
  assert.deepEqual([...summaryOf(imported, { windows }, [part]).people.values()], [1, 2])
  assert.deepEqual([...summaryOf(imported, { windows: { ...windows, from: T2 + 1000 } }, [part]).people.values()], [2])
})

test('checked are the policies of the rows and open requests in scope, for the vendor and destinations that were asked about', () => {
  const grants = [
    { field: 'property.*' as const, form: 'clear' as const, purpose: 'p', until: null, rule: 'g' },
    { field: 'event' as const, form: 'clear' as const, purpose: 'p', until: null, rule: 'g' },
    { field: 'os' as const, form: 'coarse' as const, purpose: 'p', until: null, rule: 'g' },
  ]
  const destination = (vendor: string, name: string) => {
    return { vendor, destination: name, protocol: 'p', grants, events: [], properties: [`of ${name}`] }
  }
  const policyOf = (version: number) => {
    const destinations = [destination('acme', `main ${version}`), destination('acme', 'eu'), destination('other', 'theirs')]
    return { version, appliedAt: 0, policy: { store: { events: [], properties: [], paths: [], referrers: [] }, destinations } }
  }
  const records = { policy: policyOf, currentPolicy: () => policyOf(9) }
  const open = (policy: number, vendor: string) => {
    const row = {
      entry: 1,
      destination: 'eu',
      epoch: 1,
      route: '/',
      purpose: 'p',
      surface: 's',
      shape: '',
      subject: 1,
      kind: 'user' as const,
    }
    return { ...row, vendor, policy, groups: [], events: 1, first: T1, last: T1, sentAt: T1, state: 'possible' as const }
  }
  const checked = (ofRows: number[], change: Partial<Scope> = {}) => {
    const given = whatWasChecked({ ...SCOPE, ...change }, { ofRows, notSent: ['os', 'browser'], records })
    assert.deepEqual(given.grantedNotSent, ['os'])
    return [given.policies, given.freeText.map(({ field }) => field)]
  }
  assert.deepEqual(checked([]), [null, ['event', 'property.of eu', 'property.of main 9']])
  assert.deepEqual(checked([3, 4]), [{ from: 3, to: 4 }, ['event', 'property.of eu', 'property.of main 3', 'property.of main 4']])
  const snapshot = { head: 1, open: [open(5, 'acme'), open(8, 'other')] }
  assert.deepEqual(checked([4], { snapshot })[0], { from: 4, to: 5 })
  assert.deepEqual(checked([3], { destination: 'eu' })[1], ['event', 'property.of eu'])
  assert.deepEqual(checked([3], { destinations: ['main 3'] })[1], ['event', 'property.of main 3'])
})
