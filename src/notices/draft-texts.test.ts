/** Who is who by now, and what a text says of those whom it is about. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saysTheSame } from './draft.ts'
import { draftOf, EXPOSURES, type Known, person, type World } from './testing-draft.ts'

test('who was told under a number of before is not told again, and is asked for by all numbers', { timeout: 240_000 }, async () => {
  const known = new Map([
    [3, person(0, 'c')],
    [1, person(0, 'a')],
    [2, person(0, 'b')],
    [9, person(-1, 'z')],
  ])
  const organisations = new Map([[70, { members: [1, 2, 3], administrators: [9] }]])
  const draft = await draftOf({ known, organisations, merged: { 12: 2, 13: 1 }, told: { reached: [12], counted: [12] } })
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

test('an administrator and members who are other numbers by now are owed what they were owed', async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [2, person(0, 'b')],
    [9, person(-1, 'z')],
  ])
  const organisations = new Map([[70, { members: [1, 2], administrators: [9] }]])
  const administrators = [{ version: 1, person: 19, organisation: 70, isLeft: true }]
  const told = { reached: [1, 12], counted: [1, 12], administrators }
  const { recipients } = await draftOf({ known, organisations, merged: { 12: 2, 19: 9 }, told })
  assert.deepEqual(
    recipients.map(({ person: number, list }) => [number, list]),
    [[9, [1, 2]]],
  )
})

test('the same of a person and of an organisation, or sent and only possible, are two texts', async () => {
  const known = new Map([
    [1, person(0, 'a')],
    [2, person(3, 'b')],
    [9, person(-1, 'z')],
  ])
  const organisations = new Map([[70, { members: [1], administrators: [9] }]])
  const { recipients, content } = await draftOf({ known, organisations, listsMembers: false })
  assert.deepEqual(
    recipients.map(({ shape: at }) => [content.shapes[at]?.kind, content.shapes[at]?.possibleOnly]),
    [
      ['person', false],
      ['person', true],
      ['organisation', false],
    ],
  )
})

test('who is told, in which order, and in whose mail is part of what is proposed', async () => {
  const draft = (people: [number, Known][], organisations: World['organisations'] = new Map()) =>
    draftOf({ known: new Map([...people, [9, person(-1, 'z')]]), organisations })
  const one = await draft([[1, person(0, 'a')]])
  assert.ok(!saysTheSame(one.content, (await draft([[2, person(0, 'a')]])).content))
  const two = await draft([
    [1, person(0, 'a')],
    [2, person(0, 'b')],
  ])
  const joined = await draft([
    [1, person(0, 'a')],
    [2, person(0, 'a')],
  ])
  assert.ok(!saysTheSame(two.content, joined.content))
  // Organisations in the order of their numbers, however they are found.
  const sides = new Map([
    [71, { members: [1], administrators: [9] }],
    [70, { members: [1], administrators: [9] }],
  ])
  const { recipients } = await draft([[1, person(0, 'a')]], sides)
  assert.deepEqual(
    recipients.map(({ organisation }) => organisation),
    [0, 70, 71],
  )
})
