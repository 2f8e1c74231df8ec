import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNoticeCode, type NoticeMail } from '#model/notice-text.ts'
import type { NoticeRecipient } from '#records/notice-rows.ts'
import type { KeptNotice } from '#vault/notice-port.ts'
import { type PrepareOf, type PreparePorts, prepare } from './prepare.ts'
import { loadNoticeTemplates } from './text/templates.ts'
import { testingShapes, testingSubjectOf } from './text/testing-notices.ts'
import { noticeWords } from './words.ts'

const LOOK = { actor: 'ann', action: 'incident 1, notices, version 1', reason: 'test' }
const shapes = ['clear', 'organisation', 'organisation_list'].map(
  (name) => testingShapes()[name] as NonNullable<ReturnType<typeof testingShapes>[string]>,
)
const content = {
  subject: testingSubjectOf(shapes[0] as (typeof shapes)[0]),
  shapes,
  asked: 'auto',
  languages: ['en'],
  recipientsSha256: '',
}

const row = (number: number, over: Partial<NoticeRecipient>): NoticeRecipient => ({
  ...{
    number,
    person: number,
    organisation: 0,
    members: 0,
    shape: 0,
    language: 'en',
    state: 'waiting',
    messageId: null,
    attempts: 0,
    at: 0,
  },
  ...{ nextAt: 0, reply: null, why: null, joined: 0, list: [], tag: 't', ...over },
})

test('a list is opened for whom the directory names as administrator, by a look of its own, without who was erased since', async () => {
  const looks: string[] = []
  const asked: unknown[] = []
  const kept: KeptNotice[] = []
  const vault: PreparePorts['vault'] = {
    findReachable: async () => assert.fail('nobody is looked for'),
    openAddresses: async (_of, people, look) => {
      looks.push(look.action)
      return people.map(([person]) => ({ isErased: false, address: `p${person}@x.example`, name: null, tag: 't' }))
    },
    openMembers: async (_of, lists, look) => {
      looks.push(look.action)
      asked.push(...lists)
      return lists.map(({ organisation, members }) =>
        organisation === 71
          ? undefined
          : members.map(([member]) => ({ isErased: member === 5, address: member === 5 ? null : `m${member}@x.example`, name: null })),
      )
    },
    issueNotices: async (_of, people) => people.map((_, n) => formatNoticeCode(Buffer.alloc(4), Buffer.alloc(13, n + 1)).text),
    keepSheets: async () => undefined,
    keepNotices: async (_of, notices) => void kept.push(...notices),
  }
  const ports: PreparePorts = {
    vault,
    words: noticeWords(loadNoticeTemplates()),
    identifiersOf: async () => (person) => [person, person + 100],
    now: () => 0,
    records: { recipientsJoined: () => [], recipientsTagged: () => [] },
    isInHand: () => false,
  }
  const of = { incident: 1, version: 1, content, begun: {}, look: LOOK } as unknown as PrepareOf
  const rows = [
    row(1, {}),
    row(2, { organisation: 70, members: 3, shape: 2, list: [4, 5, 6] }),
    row(3, { organisation: 71, members: 1, shape: 2, list: [4] }),
    row(9, { organisation: 72, members: 300, shape: 1 }),
  ]
  const { prepared, changes } = await prepare(rows, of, ports)
  assert.deepEqual(looks, [LOOK.action, `${LOOK.action}, lists of members`])
  assert.deepEqual(asked, [
    {
      organisation: 70,
      administrator: [2, 102],
      members: [
        [4, 104],
        [5, 105],
        [6, 106],
      ],
    },
    { organisation: 71, administrator: [3, 103], members: [[4, 104]] },
  ])
  assert.deepEqual(changes, [{ number: 3, state: 'skipped', why: 'not_administrator', joined: 0 }])
  assert.deepEqual(
    prepared.map(({ row: { number } }) => number),
    [1, 2, 9],
  )
  const listedIn = ({ text }: NoticeMail): string[] => text.match(/m\d@x\.example/g) ?? []
  assert.deepEqual(
    prepared.map(({ mail }) => listedIn(mail)),
    [[], ['m4@x.example', 'm6@x.example'], []],
  )
  assert.match(prepared[1]?.mail.text ?? '', /may be affected: 2\n/)
  // What a check compares has each of them.
  assert.deepEqual(kept[1]?.personal.map(([, paragraph]) => paragraph).slice(2, 4), ['m4@x.example', 'm6@x.example'])
  assert.equal(kept.length, 3)
})
