import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NewRecipient } from '#records/notice-rows.ts'
import type { ReachablePerson } from '#vault/notice-opening-port.ts'
import { type Draft, type ExposedPeople, makeDraft, saysTheSame, textsSha256 } from './draft.ts'
import { testingShapes, testingSubjectOf } from './text/testing-notices.ts'
import { loadNoticeTemplates } from './text/templates.ts'
import { noticeWords } from './words.ts'

const words = noticeWords(loadNoticeTemplates())
const LOOK = { actor: 'ann', action: 'test', reason: 'test' }
const [shape] = Object.values(testingShapes())
const SUBJECT = testingSubjectOf(shape as NonNullable<typeof shape>, { notSent: [] })

interface Known {
  exposure: number
  tag: string
  language: string
  isErased: boolean
}

interface World {
  known: ReadonlyMap<number, Known>
  organisations?: ExposedPeople['organisations']
  told?: { reached: number[]; counted: number[] }
  language?: string
  listsMembers?: boolean
  /** By a number that somebody had before: who it is now. */
  merged?: Readonly<Record<number, number>>
  defaultLanguage?: string
  surface?: string
  freeText?: readonly string[]
  /** How many people each call of the vault asked for. */
  calls?: number[]
  /** Told of each look at what was sent of somebody. */
  onLooked?: () => void
}

const EXPOSURES: ExposedPeople['exposures'] = [
  { sent: [{ field: 'country', form: 'coarse' }], possibleOnly: false },
  {
    sent: [
      { field: 'email', form: 'clear' },
      { field: 'country', form: 'coarse' },
    ],
    possibleOnly: false,
  },
  { sent: [{ field: 'user_id', form: 'pseudonym' }], possibleOnly: true },
]

class LookedAt extends Map<number, number> {
  onLooked: () => void = () => undefined

  override get(person: number): number | undefined {
    this.onLooked()
    return super.get(person)
  }
}

function draftOf({
  known,
  organisations = new Map(),
  told = { reached: [], counted: [] },
  language = 'auto',
  listsMembers = true,
  merged = {},
  defaultLanguage = 'en',
  surface,
  freeText = [],
  calls = [],
  onLooked = () => undefined,
}: World): Promise<Draft> {
  const of = new LookedAt([...known].filter(([, { exposure }]) => exposure >= 0).map(([person, { exposure }]) => [person, exposure]))
  of.onLooked = onLooked
  const others = (person: number): number[] =>
    Object.keys(merged)
      .map(Number)
      .filter((each) => merged[each] === person)
  const people = {
    personOf: (ordinal: number) => merged[ordinal] ?? ordinal,
    identifiersOf: (person: number) => [person, ...others(person)],
  }
  const vault = {
    findReachable: async (_id: string, asked: readonly (readonly number[])[]) => {
      calls.push(asked.length)
      return asked.map(([person = 0, ...more]): ReachablePerson => {
        assert.deepEqual(more, others(person), 'each person is asked for by all of their numbers')
        return known.get(person) ?? { isErased: true, language: '', tag: '' }
      })
    },
    openAddresses: async () => assert.fail('no address is opened for a draft'),
    openMembers: async () => assert.fail('no address is opened for a draft'),
  }
  const asked = {
    subject: SUBJECT,
    exposed: { exposures: EXPOSURES, of, organisations, people },
    language,
    defaultLanguage,
    told: {
      reached: Float64Array.from(told.reached),
      counted: Float64Array.from(told.counted),
      countedIn: Float64Array.from(told.counted, () => 1),
      administrators: [],
    },
    surface,
    isFreeText: (field: string) => freeText.includes(field),
    listsMembers,
  }
  return makeDraft(asked, { vault, words }, LOOK)
}

const person = (exposure: number, tag: string, more: Partial<Known> = {}): Known => ({
  exposure,
  tag,
  language: '',
  isErased: false,
  ...more,
})
const own = ({ recipients }: Draft): NewRecipient[] => recipients.filter(({ organisation }) => organisation === 0)

test('everybody who can be reached gets one text, of their own shape and language; the others are counted', {
  timeout: 240_000,
}, async () => {
  const draft = await draftOf({
    known: new Map([
      [1, person(0, 'a')],
      [2, person(1, 'b', { language: 'hi-IN' })],
      [3, person(0, '')],
      [4, person(0, 'd', { isErased: true })],
      [5, person(2, 'e', { language: 'fr' })],
    ]),
  })
  assert.deepEqual(
    draft.recipients.map(({ person: number, language, shape: at }) => [number, language, draft.content.shapes[at]?.sent.length]),
    [
      [1, 'en', 1],
      [2, 'hi', 2],
      [5, 'en', 1],
    ],
  )
  assert.deepEqual([draft.noAddress, draft.erased, draft.content.languages], [1, 1, ['en', 'hi']])
  assert.equal(draft.content.shapes[2]?.possibleOnly, true)
})

test('two people with one address get one mail that tells all that was sent about either', { timeout: 240_000 }, async () => {
  const draft = await draftOf({
    known: new Map([
      [1, person(0, 'a')],
      [2, person(2, 'a')],
      [3, person(1, 'b')],
    ]),
  })
  const [first, second] = own(draft) as [NewRecipient, NewRecipient]
  assert.deepEqual([first.joined, second.joined], [0, 1])
  // Each keeps what was sent of them: who of them has that address when the mail is made decides what it says.
  const textOf = (number: number): unknown => {
    const shape = draft.content.shapes[number]
    return [shape?.sent.map(({ field }) => field), shape?.possibleOnly]
  }
  assert.deepEqual(textOf(first.shape), [['country'], false])
  assert.deepEqual(textOf(second.shape), [['user_id'], true])
  assert.deepEqual(draft.content.shapes.map((_, number) => textOf(number))[2], [['country', 'user_id'], false])
})

test('administrators are told of members who are told now, or cannot be, and of each once', { timeout: 240_000 }, async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [2, person(1, '')],
    [3, person(0, 'c')],
    [9, person(-1, 'z')],
  ])
  const organisations = new Map([
    [70, { members: [1, 2], administrators: [9] }],
    [71, { members: [3], administrators: [] }],
  ])
  const first = await draftOf({ known, organisations })
  const [notice] = first.recipients.filter(({ organisation }) => organisation !== 0) as [NewRecipient]
  assert.deepEqual([notice.person, notice.organisation, notice.members], [9, 70, 2])
  assert.deepEqual([first.content.shapes[notice.shape]?.kind, first.content.shapes[notice.shape]?.sent.length], ['organisation', 2])
  // An amendment adds somebody else: of these two nobody is told again.
  const again = await draftOf({
    known: new Map([...known, [4, person(0, 'd')]]),
    organisations,
    told: { reached: [1, 3], counted: [1, 2, 3] },
  })
  assert.deepEqual(
    again.recipients.map(({ person: number }) => number),
    [4],
  )
})

test('each administrator is given their own members who are told now; not the erased, not more than 200, none on request', {
  timeout: 240_000,
}, async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [2, person(1, '')],
    // In both organisations.
    [3, person(0, 'c')],
    [4, person(0, 'd', { isErased: true })],
    [8, person(-1, 'y')],
    [9, person(-1, 'z')],
    ...Array.from({ length: 201 }, (_, index): [number, Known] => [1000 + index, person(0, `m${index}`)]),
  ])
  const many = Array.from({ length: 201 }, (_, index) => 1000 + index)
  const organisations = new Map([
    [70, { members: [1, 2, 3, 4], administrators: [9] }],
    [71, { members: [3], administrators: [8] }],
    [72, { members: many, administrators: [8] }],
    [73, { members: many.slice(0, 200), administrators: [9] }],
    [74, { members: [4], administrators: [9] }],
  ])
  const listsOf = ({ recipients, content }: Draft): [number, number, number, boolean][] =>
    recipients
      .filter(({ organisation }) => organisation !== 0)
      .map(({ organisation, members, list, shape: at }) => [organisation, members, list.length, content.shapes[at]?.memberList === true])
  const first = await draftOf({ known, organisations })
  const expected: [number, number, number, boolean][] = [
    [70, 3, 3, true],
    [71, 1, 1, true],
    [72, 201, 0, false],
    [73, 200, 200, true],
  ]
  assert.deepEqual(listsOf(first), expected)
  assert.deepEqual(first.recipients.find(({ organisation }) => organisation === 70)?.list, [1, 2, 3])
  assert.ok(first.recipients.every(({ organisation, list }) => organisation !== 0 || list.length === 0))
  const onRequest = await draftOf({ known, organisations, listsMembers: false })
  assert.deepEqual(
    listsOf(onRequest),
    expected.map(([organisation, members]) => [organisation, members, 0, false]),
  )
  // Another rule is another text, and other members are other recipients.
  assert.notEqual(onRequest.sha256, first.sha256)
  const others = await draftOf({ known, organisations: new Map([...organisations, [71, { members: [1], administrators: [8] }]]) })
  assert.ok(!saysTheSame(first.content, others.content))
  // An amendment lists those whom it adds.
  const told = { reached: [1, 3], counted: [1, 2, 3] }
  const added = await draftOf({
    known: new Map([...known, [5, person(0, 'e')]]),
    organisations: new Map([[70, { members: [1, 2, 3, 5], administrators: [9] }]]),
    told,
  })
  assert.deepEqual(added.recipients.find(({ organisation }) => organisation === 70)?.list, [5])
})

test('many administrators of one large organisation cost one reading of its members', { timeout: 240_000 }, async () => {
  const everybody = Array.from({ length: 1000 }, (_, index) => index + 1)
  let looks = 0
  const draft = await draftOf({
    known: new Map(everybody.map((number) => [number, person(number % 2, `tag ${number}`)])),
    organisations: new Map([[5000, { members: everybody, administrators: everybody }]]),
    onLooked: () => {
      looks += 1
    },
  })
  assert.equal(draft.recipients.filter(({ organisation, members }) => organisation === 5000 && members === 1000).length, 1000)
  assert.ok(looks <= 4 * everybody.length, `${looks} looks`)
})

test('the hash covers every text, and a draft of the same says the same whenever it is made', { timeout: 240_000 }, async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [2, person(1, 'b', { language: 'hi' })],
  ])
  const [one, other] = [await draftOf({ known }), await draftOf({ known })]
  assert.equal(one.sha256, other.sha256)
  assert.equal(textsSha256(one.content, words), one.sha256)
  const later = {
    ...other.content,
    subject: { ...other.content.subject, versionId: 'f'.repeat(32), date: other.content.subject.date + 86_400_000 },
  }
  assert.ok(saysTheSame(one.content, later))
  assert.ok(!saysTheSame(one.content, { ...later, subject: { ...later.subject, company: 'Another Ltd' } }))
  assert.ok(!saysTheSame(one.content, (await draftOf({ known: new Map([...known, [3, person(0, 'c')]]) })).content))
  const renamed = { ...one.content, subject: { ...one.content.subject, company: 'Another Ltd' } }
  assert.notEqual(textsSha256(renamed, words), one.sha256)
  assert.notEqual((await draftOf({ known, language: 'en' })).sha256, one.sha256)
})

test('of any people: each is told, joined, counted or told before, and never two of these', { timeout: 240_000 }, async () => {
  const anybody = fc.record({
    exposure: fc.integer({ min: 0, max: 2 }),
    tag: fc.constantFrom('', 'a', 'b', 'c', 'd'),
    language: fc.constantFrom('', 'hi', 'en-GB', 'xx'),
    isErased: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(anybody, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 8 }),
      async (all, before) => {
        const known = new Map(all.map((each, index) => [index + 1, each]))
        const draft = await draftOf({ known, told: { reached: before, counted: before } })
        const told = new Set(before.filter((each) => known.has(each)))
        const rows = own(draft)
        assert.equal(rows.length + draft.noAddress + draft.erased + told.size, known.size)
        const mailed = rows.filter(({ joined }) => joined === 0)
        assert.equal(new Set(mailed.map(({ tag }) => tag)).size, mailed.length)
        for (const { joined, tag } of rows) if (joined !== 0) assert.equal(draft.recipients[joined - 1]?.tag, tag)
        for (const row of rows) assert.ok(!told.has(row.person))
      },
    ),
    { numRuns: 200 },
  )
})

test('who was told under a number of before is not told again, and is asked for by all numbers', { timeout: 240_000 }, async () => {
  const known = new Map([
    [3, person(0, 'c')],
    [1, person(0, 'a')],
    [2, person(0, 'b')],
    [9, person(-1, 'z')],
  ])
  const organisations = new Map([[70, { members: [1, 2, 3], administrators: [9] }]])
  const draft = await draftOf({ known, organisations, merged: { 12: 2 }, told: { reached: [12], counted: [12] } })
  assert.deepEqual(
    draft.recipients.map(({ person: number, list }) => [number, list]),
    [
      [1, []],
      [3, []],
      [9, [1, 3]],
    ],
  )
})

test('people are asked for in parts, and each has the answer that is about them', { timeout: 240_000 }, async () => {
  const calls: number[] = []
  const known = new Map(Array.from({ length: 2001 }, (_, index) => [index + 1, person(0, `t${index + 1}`)]))
  const { recipients } = await draftOf({ known, calls })
  assert.deepEqual(calls, [1000, 1000, 1])
  assert.ok(recipients.every(({ person: number, tag }) => tag === `t${number}`))
})

test('a text says that it is only possible where it is so of everybody whom it is about', { timeout: 240_000 }, async () => {
  const possible = async (...exposures: number[]): Promise<(boolean | undefined)[]> => {
    const members = exposures.map((_, index) => index + 1)
    const known = new Map([
      ...exposures.map((exposure, index): [number, Known] => [index + 1, person(exposure, 'a')]),
      [9, person(-1, 'z')],
    ])
    const draft = await draftOf({ known, organisations: new Map([[70, { members, administrators: [9] }]]) })
    const { shapes } = draft.content
    // Of the organisation; of the mail to the address that all of them share.
    const joined = shapes.find(({ kind, sent }) => kind === 'person' && sent.length === new Set(exposures.flatMap(sentOf)).size)
    return [shapes.find(({ kind }) => kind === 'organisation')?.possibleOnly, joined?.possibleOnly]
  }
  assert.deepEqual(await possible(2, 2), [true, true])
  assert.deepEqual(await possible(2, 0), [false, false])
  assert.deepEqual(await possible(0, 2), [false, false])
  assert.deepEqual(await possible(0, 1), [false, false])
})

const sentOf = (exposure: number): string[] => (EXPOSURES[exposure]?.sent ?? []).map(({ field }) => field)

test('the one way by which all was sent, and that a field may hold words, are said where it is so', { timeout: 240_000 }, async () => {
  const known = new Map([
    [1, person(1, 'a')],
    [2, person(2, 'b')],
  ])
  const shapesOf = async (more: Partial<World>) => (await draftOf({ known, ...more })).content.shapes
  const [one, other] = await shapesOf({ surface: 'shop', freeText: ['email', 'country', 'user_id'] })
  assert.deepEqual([one?.surfaces, other?.surfaces], [['shop'], ['shop']])
  const free = [...(one?.sent ?? []), ...(other?.sent ?? [])].flatMap(({ field, freeText }) => (freeText === true ? [field] : []))
  // Only what left in the clear can hold what somebody typed.
  assert.deepEqual(free, ['email'])
  assert.deepEqual((await shapesOf({}))[0]?.surfaces, [])
})

test('whose language nobody knows is told in that of the company, and all in one where it is asked for', { timeout: 240_000 }, async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [2, person(0, 'b', { language: 'en' })],
  ])
  const of = async (more: Partial<World>): Promise<unknown[]> => {
    const { recipients, content } = await draftOf({ known, ...more })
    return [recipients.map(({ language }) => language).join(' '), content.languages.join(' '), content.asked]
  }
  assert.deepEqual(await of({ defaultLanguage: 'hi' }), ['hi en', 'en hi', 'auto'])
  assert.deepEqual(await of({ defaultLanguage: 'en', language: 'hi' }), ['hi hi', 'hi', 'hi'])
})

test('a draft says the same though the ledger has gone on, and another where what was checked is other policies', {
  timeout: 240_000,
}, async () => {
  const { content } = await draftOf({ known: new Map([[1, person(0, 'a')]]) })
  const withSubject = (more: Partial<typeof content.subject>) => ({ ...content, subject: { ...content.subject, ...more } })
  const { checked } = content.subject
  assert.ok(saysTheSame(content, withSubject({ checked: { ...checked, entries: checked.entries + 5 } })))
  assert.ok(saysTheSame(content, withSubject({ checkpoint: { size: 99, root: 'another' } })))
  assert.ok(!saysTheSame(content, withSubject({ checked: { ...checked, policyTo: checked.policyTo + 1 } })))
  assert.ok(!saysTheSame(content, { ...content, asked: 'hi' }))
})
