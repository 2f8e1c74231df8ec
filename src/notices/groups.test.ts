/** One mail for one address, whoever has it and whoever moves meanwhile; and who is not told by it is told by the next version. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NoticeShape } from '#model/notice-text.ts'
import { NEXT_VERSION, type NewRecipient, type NoticeRecipient } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { type DraftQuestion, makeDraft } from './draft.ts'
import { type Addressed, groupByAddress } from './groups.ts'
import { type PrepareOf, type Prepared, type PreparePorts, prepare } from './prepare.ts'
import { testingShapes, testingSubjectOf } from './text/testing-notices.ts'
import type { NoticeWords } from './words.ts'

const OF = { incident: 1, version: 1 }
const LOOK = { actor: 'ann', action: 'test', reason: 'test' }
const FIELDS = ['country', 'email', 'user_id'] as const
const SUBJECT = testingSubjectOf(Object.values(testingShapes())[0] as NoticeShape, { notSent: [] })

interface Human {
  address: number | null
  language: string
  exposure: number
  name: string
}

type Step =
  | { kind: 'mails'; most: number; ends: readonly ('sent' | 'failed' | 'waiting' | 'unknown' | 'in hand')[] }
  | { kind: 'moves'; person: number; to: number | null }
  | { kind: 'again' }

const EXPOSURES = Array.from({ length: 8 }, (_, bits) => ({
  sent: FIELDS.filter((_, bit) => (bits >> bit) % 2 === 1).map((field) => ({ field, form: 'clear' })),
  possibleOnly: bits === 5,
}))
const WORDS = {
  languages: ['en', 'hi'],
  languageFor: (wanted: string) => (wanted === 'hi' ? 'hi' : 'en'),
  approved: (language: string, _subject: object, { key }: NoticeShape) => `${language} ${key}`,
  render: (_language: string, _subject: object, shape: NoticeShape, person: object) => ({
    ...{ subject: JSON.stringify([shape, person]), text: 'Hello', html: '', common: ['Hello'], personal: [] },
  }),
} as unknown as NoticeWords

interface Mail {
  row: NoticeRecipient
  address: string
  shape: NoticeShape
  name: string | undefined
  end: string
}

/** Drafts, then plays the steps; at the end everybody who waits is mailed, and taken. */
async function play(people: readonly Human[], steps: readonly Step[], admins: readonly number[]) {
  const humans = people.map((human) => ({ ...human }))
  const of = (ordinal: number): Human => humans[ordinal - 1] as Human
  const tag = ({ address }: Human): string => (address === null ? '' : `t${address}`)
  const records = openRecords({ path: ':memory:' })
  const inHand = new Map<number, Prepared>()
  const vault: PreparePorts['vault'] = {
    findReachable: async (_id, asked) =>
      asked.map(([person]) => ({ isErased: false, language: of(person as number).language, tag: tag(of(person as number)) })),
    openAddresses: async (_of, asked) =>
      asked.map(([person]) => {
        const human = of(person as number)
        return {
          isErased: false,
          address: human.address === null ? null : `a${human.address}@x.example`,
          name: human.name,
          tag: tag(human),
        }
      }),
    openMembers: async (_of, lists) => lists.map(() => []),
    issueNotices: async (_of, asked) => asked.map((_, n) => `c${n}`),
    keepSheets: async () => undefined,
    keepNotices: async () => undefined,
  }
  const ordinals = people.map((_, index) => index + 1)
  const exposed = {
    exposures: EXPOSURES,
    of: new Map(ordinals.map((person) => [person, of(person).exposure])),
    organisations: new Map([[90, { members: ordinals, administrators: admins.map((each) => (each % people.length) + 1) }]]),
    people: { personOf: (person: number) => person, identifiersOf: (person: number) => [person] },
  }
  const question = { subject: SUBJECT, exposed, language: 'auto', defaultLanguage: 'en', surface: undefined, listsMembers: false }
  const told = records.peopleTold(OF.incident)
  const asked = { ...question, told, isFreeText: () => false } as unknown as DraftQuestion
  const { content, recipients } = await makeDraft(asked, { vault, words: WORDS }, LOOK)
  const rows: NewRecipient[] = recipients
  records.addRecipients(OF, 1, rows, 0)
  const ports: PreparePorts = {
    ...{ vault, words: WORDS, records, now: () => 0, isInHand: (number) => inHand.has(number) },
    identifiersOf: async () => (person) => [person],
  }
  const mails: Mail[] = []
  const end = (prepared: Prepared, how: string): void => {
    const [shape, person] = JSON.parse(prepared.mail.subject) as [NoticeShape, { name?: string }]
    mails.push({ row: prepared.row, address: prepared.address.text, shape, name: person.name, end: how })
    if (how === 'in hand') inHand.set(prepared.row.number, prepared)
    else records.changeRecipients(OF, [{ number: prepared.row.number, state: how as 'sent' }], 0)
  }
  const mail = async (most: number, ends: readonly string[]): Promise<number> => {
    const due = records.recipientsDue(OF, { now: 9, after: 0, limit: 1000 }).filter(({ number }) => !inHand.has(number))
    const { prepared, changes } = await prepare(
      due.slice(0, most),
      { ...OF, content, begun: {}, look: LOOK } as unknown as PrepareOf,
      ports,
    )
    records.changeRecipients(OF, changes, 0)
    for (const [index, each] of prepared.entries()) end(each, ends[index % ends.length] as string)
    return due.length
  }
  for (const step of steps) {
    if (step.kind === 'mails') await mail(step.most, step.ends)
    else if (step.kind === 'moves') (humans[step.person % humans.length] as Human).address = step.to
    else {
      for (const [number] of inHand) records.changeRecipients(OF, [{ number, state: 'sent' }], 0)
      for (const each of mails.filter(({ row }) => inHand.has(row.number))) if (each.end === 'in hand') each.end = 'sent'
      inHand.clear()
    }
  }
  for (const [number] of inHand) records.changeRecipients(OF, [{ number, state: 'sent' }], 0)
  for (const each of mails) if (each.end === 'in hand') each.end = 'sent'
  inHand.clear()
  for (let turn = 0; (await mail(1000, ['sent'])) > 0; turn++) assert.ok(turn < 50, 'it never ends')
  const all = [...records.recipientsIn(OF, 'sent', all0), ...records.recipientsIn(OF, 'skipped', all0)]
  return {
    mails,
    all: [...all, ...records.recipientsIn(OF, 'failed', all0), ...records.recipientsIn(OF, 'unknown', all0)],
    shapes: content.shapes,
    rows,
  }
}

const all0 = { after: 0, limit: 1000 }
const keysOf = ({ sent }: Pick<NoticeShape, 'sent'>): string[] => sent.map(({ field }) => field)

const human = fc.record({
  address: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 6 }),
  language: fc.constantFrom('en', 'hi'),
  exposure: fc.integer({ min: 0, max: 7 }),
  name: fc.constantFrom('Asha', 'Ben'),
})
const step = fc.oneof(
  fc.record({
    kind: fc.constant('mails' as const),
    most: fc.integer({ min: 1, max: 4 }),
    ends: fc.array(fc.constantFrom('sent' as const, 'failed' as const, 'waiting' as const, 'unknown' as const, 'in hand' as const), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({
    kind: fc.constant('moves' as const),
    person: fc.nat(20),
    to: fc.option(fc.integer({ min: 0, max: 4 }), { freq: 6 }),
  }),
  fc.constant({ kind: 'again' as const }),
)

test('no address is sent two mails of a version, whoever shares it, moves to it or away; nobody is lost, and nobody is told too little', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(human, { minLength: 1, maxLength: 8 }),
      fc.array(step, { maxLength: 10 }),
      fc.array(fc.nat(20), { maxLength: 3 }),
      async (people, steps, admins) => {
        const { mails, all, shapes, rows } = await play(people, steps, admins)
        // Taken, or perhaps: at most one for each address, and one more for each organisation that somebody there administers.
        const taken = mails
          .filter(({ end }) => end === 'sent' || end === 'unknown')
          .map(({ row, address }) => `${row.organisation} ${address}`)
        assert.equal(new Set(taken).size, taken.length, taken.join(', '))
        assert.equal(all.length, rows.length)
        for (const row of all) {
          const own = keysOf(shapes[row.shape] as NoticeShape)
          if (row.state === 'skipped' && row.why === 'same_address') {
            const head = all.find(({ number }) => number === row.joined)
            assert.ok(head !== undefined && head.organisation === row.organisation)
            if (head.state !== 'sent') continue
            const mail = mails.findLast((each) => each.row.number === head.number)
            assert.deepEqual(
              own.filter((key) => !keysOf(mail?.shape ?? { sent: [] }).includes(key)),
              [],
            )
          } else if (row.state === 'skipped') assert.ok(row.why === NEXT_VERSION || row.why === 'no_address', row.why ?? '')
        }
        // What a mail says is what was sent of those who are told by it, and of nobody else.
        for (const { row, shape } of mails.filter(({ end }) => end === 'sent')) {
          const told = all.filter(({ number, joined }) => number === row.number || joined === row.number)
          const owed = new Set(told.flatMap((each) => keysOf(shapes[each.shape] as NoticeShape)))
          assert.deepEqual(keysOf(shape).sort(), [...owed].sort())
          // Only possible is said where it is so of all of them.
          assert.equal(
            shape.possibleOnly,
            told.every((each) => shapes[each.shape]?.possibleOnly === true),
          )
        }
      },
    ),
    { numRuns: 400 },
  )
})

const someone = (address: number, exposure: number, name = 'Asha'): Human => ({ address, exposure, language: 'en', name })
const toldOf = ({ mails }: { mails: readonly Mail[] }): unknown[] => mails.map(({ address, shape, name }) => [address, keysOf(shape), name])
const whyOf = ({ all }: { all: readonly NoticeRecipient[] }): unknown[] =>
  [...all].sort((a, b) => a.number - b.number).map(({ state, why }) => why ?? state)

test('three who share an address get one mail of all that was sent of them, without a name that is of one of them', async () => {
  const one = await play([someone(1, 1), someone(1, 2, 'Ben'), someone(1, 4)], [], [])
  assert.deepEqual(toldOf(one), [['a1@x.example', [...FIELDS], undefined]])
  assert.deepEqual(whyOf(one), ['sent', 'same_address', 'same_address'])
  // One person with several accounts.
  assert.deepEqual(toldOf(await play([someone(1, 1), someone(1, 1)], [], [])), [['a1@x.example', ['country'], 'Asha']])
})

test('the first of three moves before the mail is made: one mail to each of the two addresses, each of what was sent of who reads it', async () => {
  const moved = await play([someone(1, 2), someone(1, 1), someone(1, 1)], [{ kind: 'moves', person: 0, to: 2 }], [])
  assert.deepEqual(toldOf(moved).sort(), [
    ['a1@x.example', ['country'], 'Asha'],
    ['a2@x.example', ['email'], 'Asha'],
  ])
})

test('who moves to an address that had its mail is told by it, or by the next version where it does not say what was sent of them', async () => {
  const first: Step[] = [
    { kind: 'mails', most: 1, ends: ['sent'] },
    { kind: 'moves', person: 1, to: 1 },
  ]
  assert.deepEqual(whyOf(await play([someone(1, 3), someone(2, 1)], first, [])), ['sent', 'same_address'])
  assert.deepEqual(whyOf(await play([someone(1, 1), someone(2, 3)], first, [])), ['sent', NEXT_VERSION])
})

test('who moves to an address whose mail is being handed over gets no second one there', async () => {
  const steps: Step[] = [
    { kind: 'mails', most: 1, ends: ['in hand'] },
    { kind: 'moves', person: 1, to: 1 },
    { kind: 'mails', most: 1, ends: ['sent'] },
  ]
  assert.deepEqual(toldOf(await play([someone(1, 3), someone(2, 1)], steps, [])), [['a1@x.example', ['country', 'email'], 'Asha']])
})

test('who moves to the address of somebody who waits is told in one mail with them', async () => {
  const steps: Step[] = [
    { kind: 'moves', person: 0, to: 2 },
    { kind: 'mails', most: 1, ends: ['sent'] },
  ]
  const moved = await play([someone(1, 1), someone(2, 3)], steps, [])
  assert.deepEqual(toldOf(moved), [['a2@x.example', ['country', 'email'], 'Asha']])
  assert.deepEqual(whyOf(moved), ['sent', 'same_address'])
})

test('two administrators with one address get one notice of their organisation', async () => {
  const { mails } = await play([someone(1, 1), someone(1, 1), someone(2, 1)], [], [0, 1])
  assert.deepEqual(
    mails.map(({ row, address }) => [row.organisation, address]),
    [
      [0, 'a1@x.example'],
      [0, 'a2@x.example'],
      [90, 'a1@x.example'],
    ],
  )
})

test('an administrator whose list is not in the mail of that address is told by the next version', () => {
  const shape = { key: 's', kind: 'organisation', sent: [], surfaces: [], possibleOnly: false, memberList: true } as unknown as NoticeShape
  const none = { state: 'waiting', language: 'en', messageId: null, attempts: 0, at: 0, nextAt: 0, reply: null, why: null, joined: 0 }
  const administrator = (number: number, list: number[]): Addressed => {
    const row = { ...none, number, person: 100 + number, organisation: 90, shape: 0, list, members: list.length, tag: 't' }
    return { row: row as unknown as NoticeRecipient, tag: 't' }
  }
  const [few, all, others] = [administrator(1, [1]), administrator(2, [1, 2]), administrator(3, [3])] as const
  const { groups, changes } = groupByAddress([few, all, others], new Map(), [shape])
  assert.deepEqual(
    groups.map(({ head, told }) => [head.row.number, told.map(({ row }) => row.number)]),
    [[2, [2, 1]]],
  )
  assert.deepEqual(
    changes.map(({ number, why, joined }) => [number, why, joined]),
    [
      [1, 'same_address', 2],
      [3, NEXT_VERSION, 0],
    ],
  )
  const held = groupByAddress([few, others], new Map([['90 t', all.row]]), [shape])
  assert.deepEqual(
    [held.groups, held.changes.map(({ number, why }) => [number, why])],
    [
      [],
      [
        [1, 'same_address'],
        [3, NEXT_VERSION],
      ],
    ],
  )
})
