/** Administrators whom a stopped version did not reach: the next version tells them, of everybody of whom they were not told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NewRecipient, NoticeRecipient, NoticeRecords, NoticeVersion } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { type Draft, type ExposedPeople, makeDraft } from './draft.ts'
import { loadNoticeTemplates } from './text/templates.ts'
import { testingShapes, testingSubjectOf } from './text/testing-notices.ts'
import { noticeWords } from './words.ts'

const words = noticeWords(loadNoticeTemplates())
const LOOK = { actor: 'ann', action: 'test', reason: 'test' }
const [shape] = Object.values(testingShapes())
const SUBJECT = testingSubjectOf(shape as NonNullable<typeof shape>, { notSent: [] })
const EXPOSURES: ExposedPeople['exposures'] = [{ sent: [{ field: 'country', form: 'coarse' }], possibleOnly: false }]

interface World {
  records: NoticeRecords
  organisations: Map<number, { members: number[]; administrators: number[] }>
  /** Without an address. */
  unreachable: Set<number>
  erased: Set<number>
  propose(): Promise<Draft>
  /** Kept and begun: its version. */
  begin(draft: Draft): number
}

function makeWorld(): World {
  const records = openRecords({ path: ':memory:' })
  const organisations: World['organisations'] = new Map()
  const unreachable = new Set<number>()
  const erased = new Set<number>()
  let versions = 0
  const vault = {
    findReachable: async (_id: string, asked: readonly (readonly number[])[]) =>
      asked.map(([person = 0]) => ({
        isErased: erased.has(person),
        language: '',
        tag: unreachable.has(person) || erased.has(person) ? '' : `t${person}`,
      })),
    openAddresses: async () => assert.fail('no address is opened for a draft'),
    openMembers: async () => assert.fail('no address is opened for a draft'),
  }
  return {
    records,
    organisations,
    unreachable,
    erased,
    propose: () => {
      const members = [...organisations.values()].flatMap((each) => each.members)
      const of = new Map(members.map((member) => [member, 0]))
      const people = { personOf: (ordinal: number) => ordinal, identifiersOf: (person: number) => [person] }
      const exposed = { exposures: EXPOSURES, of, organisations, people }
      const asked = { subject: SUBJECT, exposed, language: 'en', defaultLanguage: 'en', told: records.peopleTold(1) }
      const more = { surface: undefined, isFreeText: () => false, listsMembers: true }
      return makeDraft({ ...asked, ...more }, { vault, words }, LOOK)
    },
    begin: ({ recipients, unreachable: others }) => {
      versions += 1
      const of = { incident: 1, version: versions }
      records.addRecipients(of, 1, [...recipients, ...others], 0)
      const none = { dir: null, sha256: '', noAddress: 0, erased: 0, approval: null, endedAt: null }
      const at = { madeAt: 0, madeBy: 'ann', startedAt: 0 }
      const begun = { state: 'sending', way: 'smtp', content: '{}' } as const
      const kept: NoticeVersion = { ...of, ...none, ...at, ...begun, id: `v${versions}`, scopeVersion: 1 }
      records.addNoticeVersion(kept)
      records.takeOver(of, { at: 0, personOf: (person) => person })
      return versions
    },
  }
}

const administrators = ({ recipients }: Draft): [number, number, readonly number[]][] =>
  recipients
    .filter(({ organisation }: NewRecipient) => organisation !== 0)
    .map(({ person, organisation, members, list }) => {
      assert.equal(list.length, members)
      return [person, organisation, list]
    })

/** The first so many who wait are sent their mail. */
function sendFirst({ records }: World, version: number, count: number): NoticeRecipient[] {
  const of = { incident: 1, version }
  const rows = records.recipientsDue(of, { now: 1, after: 0, limit: 1000 }).slice(0, count)
  records.changeRecipients(
    of,
    rows.map(({ number }) => ({ number, state: 'sent' })),
    1,
  )
  return rows
}

test('an administrator who waits in a stopped version is told by the next one, of the members of both and of nobody who was erased', {
  timeout: 240_000,
}, async () => {
  const world = makeWorld()
  world.organisations.set(70, { members: [1, 2, 3], administrators: [8, 9] })
  world.unreachable.add(2)
  const first = world.begin(await world.propose())
  // 1 and 3, and one of both administrators.
  sendFirst(world, first, 3)
  world.records.changeNoticeVersion({ incident: 1, version: first }, { state: 'stopped' })
  world.erased.add(3)
  world.organisations.set(70, { members: [1, 2, 3], administrators: [8, 9] })
  const alone = await world.propose()
  assert.deepEqual(administrators(alone), [[9, 70, [1, 2]]])
  // Somebody is added meanwhile: that is news to both.
  world.organisations.set(70, { members: [1, 2, 3, 4], administrators: [8, 9] })
  const both = await world.propose()
  assert.deepEqual(administrators(both), [
    [8, 70, [4]],
    [9, 70, [1, 2, 4]],
  ])
  const second = world.begin(both)
  const left = world.records.recipientsIn({ incident: 1, version: first }, 'waiting', { after: 0, limit: 10 })
  assert.deepEqual(left, [])
  sendFirst(world, second, 10)
  assert.equal((await world.propose()).recipients.length, 0)
})

test('of any versions, stopped anywhere: in the end each administrator was told of each member once', { timeout: 240_000 }, async () => {
  const step = fc.record({
    members: fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 30 })), { maxLength: 5 }),
    unreachable: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 2 }),
    sent: fc.integer({ min: 0, max: 14 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const world = makeWorld()
      const { records, organisations } = world
      for (const organisation of [0, 1, 2]) {
        organisations.set(70 + organisation, { members: [], administrators: [90 + organisation, 95] })
      }
      const told: string[] = []
      const play = async (sent: number, isStopped: boolean): Promise<void> => {
        const draft = await world.propose()
        if (draft.recipients.length === 0) return
        const version = world.begin(draft)
        for (const { person, organisation, list } of sendFirst(world, version, sent))
          told.push(...list.map((member) => `${organisation} ${person} ${member}`))
        const isLeft = records.nextDue({ incident: 1, version }) !== undefined
        records.changeNoticeVersion({ incident: 1, version }, { state: isStopped && isLeft ? 'stopped' : 'done' })
      }
      for (const { members, unreachable, sent } of steps) {
        for (const [organisation, member] of members) {
          const own = organisations.get(70 + organisation)?.members
          if (own !== undefined && ![...organisations.values()].some((each) => each.members.includes(member))) own.push(member)
        }
        for (const member of unreachable) world.unreachable.add(member)
        await play(sent, true)
      }
      await play(1000, false)
      const expected = [...organisations].flatMap(([organisation, each]) =>
        each.administrators.flatMap((person) => each.members.map((member) => `${organisation} ${person} ${member}`)),
      )
      assert.deepEqual(told.sort(), expected.sort())
      for (const { version } of records.noticeVersions(1)) assert.equal(records.nextDue({ incident: 1, version }), undefined)
    }),
    { numRuns: 60 },
  )
})
