import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NewRecipient } from '#records/notice-rows.ts'
import { type Draft, saysTheSame, textsSha256 } from './draft.ts'
import { draftOf, type Known, own, person, words } from './testing-draft.ts'

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

test('an administrator who was not reached is told of nobody whom the incident does not touch any more', { timeout: 240_000 }, async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [3, person(-1, 'c')],
    [4, person(-1, 'd')],
    [9, person(-1, 'z')],
  ])
  const organisations = new Map([[70, { members: [1, 3, 4], administrators: [9] }]])
  const administrators = [{ version: 1, person: 9, organisation: 70, isLeft: true }]
  const told = { reached: [1, 3], counted: [1, 3], administrators }
  const draft = await draftOf({ known, organisations, told })
  assert.deepEqual(
    draft.recipients.map(({ person: number, organisation, list }) => [number, organisation, list]),
    [[9, 70, [1]]],
  )
  // And of nobody at all where none of them is in it.
  assert.deepEqual((await draftOf({ known: new Map([...known, [1, person(-1, 'a')]]), organisations, told })).recipients, [])
})
