/** A step of a story fails where Bulkhead, the mail server or a check says something else than the story: each kind of fault by itself. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import type { LootRow } from './mixpanel-cloud.ts'
import { castOf } from './story-cast.ts'
import { check } from './story-check.ts'
import { decodeStory } from './story-file.ts'
import type { StepOf } from './story-format.ts'
import { notify } from './story-notify.ts'
import { expectScope } from './story-scope.ts'
import type { StepResult } from './story-result.ts'
import type { OpenedIncident, StoryWorld } from './story-world.ts'

const STORY = decodeStory(
  's.yaml',
  `story: small
about: a word
sources: [{ id: site }]
vendors: [{ id: mixpanel }]
people: [{ id: all, count: 2 }, { id: others, count: 1 }]
steps:
  - { at: 2025-01-01T00:00:00Z, do: send, people: all, source: site }
`,
)
const CAST = castOf(STORY)
const FORGED = { raw: Buffer.from('a: b\r\n\r\nx'), code: '' }
const DUE = '2025-01-04T00:00:00.000Z'

/** What the program and the mail server say; as it has to be, unless a test says otherwise. */
const RIGHT = {
  listed: [
    { state: 'delivered', ids: [CAST[0]?.id] },
    { state: 'delivered', ids: [CAST[1]?.id] },
  ] as { state: string; ids: (string | undefined)[] }[],
  answer: { fields: [{ field: 'country' }], upperBound: false, withoutAddress: 0, erased: 0 },
  shown: { statements: [{}], timeline: [{ what: 'notice_code_spread' }, { what: 'opened' }] },
  clocks: [
    { regime: 'eu', to: 'regulator', rule: 'eu-sa', dueAt: DUE, state: 'running', basis: 'clock' },
    { regime: 'eu', to: 'regulator', rule: 'eu-sa', dueAt: null, state: 'running', basis: 'vendor' },
  ] as { regime: string; to: string; rule: string; dueAt: string | null; state: string; basis: string }[],
  vendor: 'cut',
  notified: { people: new Set([1, 2]), organisations: new Set<string>(), faults: [] as string[] },
  /** To whom a mail goes when it is sent. */
  mailed: [CAST[0]?.email, CAST[1]?.email] as (string | undefined)[],
  /** Of a proposal of which nobody is owed anything. */
  refusal: { code: 1, stdout: '', stderr: 'notice_nobody' },
  sending: { waiting: 0, unknown: 0, organisations: { waiting: 0, unknown: 0 } },
  verdict: 'genuine',
  held: [1, 2],
  accessTo: undefined as number | undefined,
  erased: new Set<number>(),
}

function worldOf(t: TestContext, over: Partial<typeof RIGHT>): StoryWorld {
  const said = { ...RIGHT, ...over }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-story-fails-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const opened: OpenedIncident = { id: '1', vendor: 'mixpanel', accessTo: said.accessTo, surfaces: undefined, notified: said.notified }
  const row = (n: number): LootRow => ({
    ...{ type: 'loot', request: 1, at: 5, route: '/import', index: 0, accepted: true, duplicate: false, reason: null, field: null },
    record: { event: 'Thing done', properties: { n } },
  })
  const mails: { to: (string | undefined)[]; raw: Buffer }[] = []
  const command = async (args: readonly string[]): Promise<unknown> => {
    if (args[1] === 'affected') {
      writeFileSync(path.join(folder, 'scope.ndjson'), said.listed.map((line) => `${JSON.stringify(line)}\n`).join(''))
      return said.answer
    }
    if (args[1] === 'clocks') return said.clocks
    return args[0] === 'vendor' ? { state: said.vendor } : args[1] === 'show' ? said.shown : { approval: 1 }
  }
  const cli = async (args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    if (args[0] === 'notice') return { code: 0, stdout: JSON.stringify({ verdict: said.verdict }), stderr: '' }
    if (args.includes('--propose')) return said.refusal
    if (mails.length === 0) for (const to of said.mailed) mails.push({ to: [to], raw: Buffer.from('Subject: a notice\r\n\r\nHello\r\n') })
    return { code: 0, stdout: JSON.stringify(said.sending), stderr: '' }
  }
  return {
    ...{
      folder,
      cast: CAST,
      surfaces: new Map(),
      phish: new Map([['fake', new Map([[1, FORGED]])]]),
      erased: said.erased,
    },
    ...{ command, secondPerson: '', incident: () => opened, hasAddress: () => true },
    group: (id: string) => CAST.filter((person) => person.group.id === id),
    cloud: () => ({ loot: () => said.held.map(row) }),
    program: { cli, waitReady: async () => undefined },
    sink: { mails: () => mails, beforeReply: () => undefined },
  } as unknown as StoryWorld
}

const EXPECTED = {
  at: '2025-01-02T00:00:00Z',
  do: 'expect',
  incident: 'i',
  people: 2,
  sent: ['country'],
  notSent: ['email'],
  upperBound: false,
  statements: 1,
  replayed: 1,
  vendor: 'mixpanel',
  state: 'cut',
  notified: { people: ['all'], organisations: 0, nobodyElse: true },
  clocks: [{ regime: 'eu', to: 'regulator', dueAt: DUE, state: 'running' }],
} as unknown as StepOf<'expect'>

const expectation = (t: TestContext, over: Partial<typeof RIGHT>, step = {}): Promise<StepResult> =>
  expectScope({ ...EXPECTED, ...step }, worldOf(t, over))

test('an expectation holds when all is as it says, and fails by each thing that is not', async (t) => {
  const right = await expectation(t, {})
  assert.deepEqual([right.ok, right.clocks?.map(({ ok }) => ok)], [true, [true]], right.what)
  const { listed, answer, shown } = RIGHT
  const notified = (people: number[], organisations: string[] = [], faults: string[] = []) => ({
    notified: { people: new Set(people), organisations: new Set(organisations), faults },
  })
  const cases: [Partial<typeof RIGHT>, object, RegExp][] = [
    [{ held: [1, 2, 3] }, {}, /recall is 0\.6/],
    [{ held: [1] }, {}, /precision over delivered is 0\.5/],
    [{ listed: [...listed, { state: 'possible', ids: ['nobody'] }] }, {}, /3 people, not 2/],
    [{ accessTo: 5 }, {}, /precision/],
    [{}, { added: 1 }, /2 people were added, not 1/],
    [{ answer: { ...answer, fields: [] } }, {}, /country is not among/],
    [{ answer: { ...answer, fields: [{ field: 'country' }, { field: 'email' }] } }, {}, /email is among/],
    [{ answer: { ...answer, upperBound: true } }, {}, /upperBound is true, not false/],
    [{ answer: { ...answer, withoutAddress: 3 } }, { withoutAddress: 0 }, /withoutAddress is 3, not 0/],
    [{ answer: { ...answer, erased: 3 } }, { erased: 0 }, /erased is 3, not 0/],
    // Who was erased has a line without a name: one that is missing, and one too many.
    [{ listed: listed.slice(0, 1), erased: new Set([2]) }, {}, /recall is 0\.5/],
    [{ listed: [...listed, { state: 'delivered', ids: [] }], erased: new Set([3]) }, {}, /precision over delivered is 0\.6/],
    [{ listed: [...listed.slice(0, 1), { state: 'delivered', ids: [] }] }, {}, /precision over delivered is 0\.5/],
    [{ shown: { ...shown, statements: [] } }, {}, /0 statements are kept, not 1/],
    [{ shown: { ...shown, timeline: [] } }, {}, /0 codes were used from many networks, not 1/],
    [{ vendor: 'open' }, {}, /mixpanel is open, not cut/],
    [notified([1]), {}, /1 of 2 people were not notified/],
    [notified([1, 2, 3]), {}, /1 other people were notified/],
    [notified([1, 2], ['org']), {}, /administrators of 1 organisations were notified, not of 0/],
    [notified([1, 2], [], ['a@mail.example']), {}, /1 addresses got a mail too many or none/],
  ]
  for (const [over, step, fault] of cases) {
    const { ok, what } = await expectation(t, over, step)
    assert.equal(ok, false, String(fault))
    assert.match(what, fault)
  }
  const nameless = [...listed.slice(0, 1), { state: 'delivered', ids: [] }]
  const withErased = await expectation(t, { listed: nameless, erased: new Set([2, 3]) })
  assert.equal(withErased.ok, true, withErased.what)
  assert.equal((await expectation(t, notified([1, 2, 3]), { notified: { people: ['all'] } })).ok, true, 'others were not asked about')
  assert.equal((await expectScope({ ...EXPECTED, incident: undefined } as never, worldOf(t, { vendor: 'open' }))).ok, false)
})

test('a clock that is due otherwise, in another state, of another basis or not there is said, and fails the step', async (t) => {
  const [clock, vendors] = RIGHT.clocks as [(typeof RIGHT.clocks)[0], (typeof RIGHT.clocks)[0]]
  const asked = { regime: 'eu', to: 'regulator', dueAt: DUE, state: 'running' }
  const cases: [shown: typeof RIGHT.clocks, asked: object, fault: RegExp][] = [
    [[{ ...clock, dueAt: '2025-01-04T00:00:01.000Z' }], asked, /eu to regulator is running, due 2025-01-04T00:00:01/],
    [[{ ...clock, dueAt: null }], asked, /is running, without a date, not/],
    [[clock], { ...asked, dueAt: null }, /not running, without a date/],
    [[{ ...clock, state: 'overdue' }], asked, /is overdue/],
    [[{ ...clock, regime: 'uk' }], asked, /is not there/],
    [[{ ...clock, to: 'people' }], asked, /is not there/],
    [[{ ...clock, basis: 'vendor' }], asked, /is not there/],
    [[clock], { ...asked, to: undefined, rule: 'eu-ind' }, /eu-ind is not there/],
    [[clock, vendors], { ...asked, basis: 'vendor' }, /\(vendor\) is running, without a date/],
    [[], asked, /is not there/],
  ]
  for (const [clocks, one, fault] of cases) {
    const { ok, what, clocks: found } = await expectation(t, { clocks }, { clocks: [one] })
    assert.deepEqual([ok, found?.map((each) => each.ok)], [false, [false]], String(fault))
    assert.match(what, fault)
  }
  // The same instant, written otherwise; one of several clocks to one side.
  const same = await expectation(t, {}, { clocks: [{ ...asked, dueAt: '2025-01-04T05:30:00+05:30' }] })
  assert.equal(same.ok, true, same.what)
  const second = await expectation(t, { clocks: [{ ...clock, rule: 'eu-small', state: 'waiting' }, clock] }, { clocks: [asked] })
  assert.equal(second.ok, true, second.what)
})

test('a sending fails by a mail that nobody was owed, by one too many, by one that did not come, and by a kill that did not', async (t) => {
  const step = { at: '2025-01-02T00:00:00Z', do: 'notify', incident: 'i' } as StepOf<'notify'>
  const told = (): Partial<typeof RIGHT> => ({ notified: { people: new Set<number>(), organisations: new Set<string>(), faults: [] } })
  const sent = (over: Partial<typeof RIGHT>, more: Partial<StepOf<'notify'>> = {}) =>
    notify({ ...step, ...more }, worldOf(t, { ...told(), refusal: { code: 0, stdout: '', stderr: '' }, ...over }))
  const right = await sent({})
  assert.deepEqual([right.ok, right.notified], [true, { expected: 2, sent: 2, wrongly: 0 }], right.what)
  const [one, two, other] = CAST.map(({ email }) => email)
  for (const [mailed, fault] of [
    [[one, two, other], /wrongly or twice: small-others-3/],
    [[one, one, two], /wrongly or twice: small-all-1/],
    [[one], /forgotten: small-all-2/],
  ] as const) {
    const { ok, what } = await sent({ mailed: [...mailed] })
    assert.equal(ok, false)
    assert.match(what, fault)
  }
  // Who was told by it is told, whoever else got a mail; what was wrong is kept for what is expected later.
  const world = told()
  await sent({ ...world, mailed: [one, other, other] })
  assert.deepEqual([world.notified?.people, world.notified?.faults], [new Set([1]), [two, other]])
  const kills = [{ role: 'staff', after: 9 }] as StepOf<'notify'>['kills']
  assert.match((await sent({}, { kills })).what, /1 kills did not come/)
  assert.equal((await sent({}, { kills: [{ role: 'staff', after: 9, mayNotCome: true }] })).ok, true)
  const none = { waiting: 0, unknown: 0 }
  for (const sending of [
    { ...none, waiting: 1, organisations: none },
    { ...none, organisations: { ...none, waiting: 1 } },
  ]) {
    const { ok, what } = await sent({ sending })
    assert.deepEqual([ok, /it was not sent to its end/.test(what)], [false, true], what)
  }
  // Everybody was told before: nothing may be proposed, and the refusal has to be that one.
  const nobody = (refusal: typeof RIGHT.refusal) => notify(step, worldOf(t, { refusal }))
  assert.equal((await nobody(RIGHT.refusal)).ok, true)
  assert.equal((await nobody({ code: 0, stdout: '{}', stderr: '' })).ok, false)
  assert.equal((await nobody({ code: 2, stdout: '', stderr: 'notice_nobody' })).ok, false)
  assert.equal((await nobody({ code: 1, stdout: '', stderr: 'notice_not_configured' })).ok, false)
})

test('a check fails by another verdict, where there is no mail to check, and where nobody checks', async (t) => {
  const step = { at: '2025-01-02T00:00:00Z', do: 'check', mail: 'fake', by: 'command', expect: 'altered' } as StepOf<'check'>
  const checked = (verdict: string, more: Partial<StepOf<'check'>> = {}) => check({ ...step, ...more }, worldOf(t, { verdict }))
  assert.equal((await checked('altered')).ok, true)
  const wrong = await checked('genuine')
  assert.deepEqual([wrong.ok, /the command says genuine to small-all-1@mail\.example/.test(wrong.what)], [false, true], wrong.what)
  assert.match((await checked('altered', { people: 'others' })).what, /small-others-3@mail\.example has no such mail/)
  assert.equal((await checked('altered', { people: 'others' })).ok, false)
  assert.equal((await checked('genuine', { mail: 'notice', people: 'all', expect: 'genuine' })).ok, false)
  assert.equal((await checked('altered', { people: 'nobody' })).ok, false)
})
