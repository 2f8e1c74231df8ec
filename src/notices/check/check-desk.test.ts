/** What the desk asks the vault and how often, on a vault and a reader that a test plays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NoticeAnswer, NoticeQuestion } from '#vault/notice-port.ts'
import { CheckDesk } from './check-desk.ts'
import type { ReadNotice } from './read-notice.ts'
import type { NoticeReader } from './reader.ts'
import { MARKS } from './testing-check.ts'

const [ONE, OTHER] = ['BH-00000-00000-00000-00000-00001', 'BH-00000-00000-00000-00000-00002'] as const
const FITS: NoticeAnswer = { fits: true, incident: 1, version: 1, language: 'en', day: 20_000, isSubject: null, texts: [] }
const READ: ReadNotice = { kind: 'mail', texts: [], codes: [], addresses: [], subject: undefined, findings: [], strayLinks: [] }
const CONTENT = Buffer.from('x')

function begin(read: Partial<ReadNotice> | 'busy' | 'unreadable', answer: (asked: NoticeQuestion) => NoticeAnswer | Promise<NoticeAnswer>) {
  const asked: NoticeQuestion[] = []
  const vault = {
    checkNotice: async (question: NoticeQuestion) => {
      asked.push(question)
      return answer(question)
    },
  }
  const reader = { read: async () => (typeof read === 'string' ? read : { ...READ, ...read }) } as unknown as NoticeReader
  return { desk: new CheckDesk({ vault, marks: MARKS, reader }), asked }
}

const pairs = (asked: readonly NoticeQuestion[]): string[] => asked.map(({ code, address }) => `${code.slice(-1)} ${address}`)

test('each code of a mail is tried with each of its addresses until one fits, and no further', async () => {
  const read = { codes: [ONE, OTHER], addresses: ['a@x.example', 'b@x.example'] }
  const none = begin(read, () => ({ fits: false }))
  assert.equal((await none.desk.check({ content: CONTENT })).verdict, 'not_ours')
  assert.deepEqual(pairs(none.asked), ['1 a@x.example', '1 b@x.example', '2 a@x.example', '2 b@x.example'])
  const second = begin(read, ({ address }) => (address.startsWith('b') ? FITS : { fits: false }))
  const { reasons } = await second.desk.check({ content: CONTENT })
  assert.deepEqual(pairs(second.asked), ['1 a@x.example', '1 b@x.example'])
  assert.equal(reasons.find(({ code }) => code === 'address_from_mail')?.values.address, 'b@x.example')
})

test('an address that was typed is the only one that is tried, and is not said to come from the mail', async () => {
  const { desk, asked } = begin({ codes: [ONE], addresses: ['a@x.example'] }, () => FITS)
  const { reasons } = await desk.check({ content: CONTENT, address: 'c@x.example' })
  assert.deepEqual(pairs(asked), ['1 c@x.example'])
  assert.ok(!reasons.some(({ code }) => code === 'address_from_mail'))
})

test('a code that was typed is the only one that is tried; where it is none, none of the text is', async () => {
  const typed = begin({ codes: [OTHER] }, () => FITS)
  const { reasons } = await typed.desk.check({ content: CONTENT, code: ONE, address: 'a@x.example' })
  assert.deepEqual(pairs(typed.asked), ['1 a@x.example'])
  assert.ok(reasons.some(({ code }) => code === 'code_differs'))
  const both = await typed.desk.check({ content: CONTENT, code: OTHER, address: 'a@x.example' })
  assert.ok(!both.reasons.some(({ code }) => code === 'code_differs'))
  const wrong = begin({ codes: [OTHER] }, () => FITS)
  assert.equal((await wrong.desk.check({ content: CONTENT, code: 'BH-1', address: 'a@x.example' })).verdict, 'not_ours')
  assert.deepEqual(wrong.asked, [])
})

test('the vault is told from where somebody asks and which subject the mail has, and compares no more than it takes', async () => {
  const lines = [{ text: 'a', words: Array.from({ length: 12_001 }, () => 'a') }]
  const small = begin({ codes: [ONE], subject: 'Fwd: A notice' }, () => FITS)
  await small.desk.check({ content: CONTENT, address: 'a@x.example', network: '4/24/1' })
  const large = begin({ codes: [ONE], texts: [{ form: 'text', lines }] }, () => FITS)
  const { reasons } = await large.desk.check({ content: CONTENT, address: `${'a'.repeat(2000)}@x.example` })
  assert.deepEqual(small.asked, [{ code: ONE, address: 'a@x.example', texts: [], subject: 'A notice', network: '4/24/1' }])
  assert.deepEqual([large.asked[0]?.texts, large.asked[0]?.address.length], [[], 1000])
  assert.ok(reasons.some(({ code }) => code === 'too_large'))
})

test('what is not read leaves nothing to ask; a fault that is not the vault being away is no answer', async () => {
  const { desk, asked } = begin('busy', () => FITS)
  assert.deepEqual((await desk.check({ content: CONTENT, code: ONE, address: 'a@x.example' })).reasons, [{ code: 'busy', values: {} }])
  const unread = begin('unreadable', () => FITS)
  assert.deepEqual((await unread.desk.check({ content: CONTENT })).reasons[0]?.code, 'unreadable')
  assert.deepEqual([asked, unread.asked], [[], []])
  const broken = begin({ codes: [ONE] }, () => Promise.reject(new TypeError('a defect')))
  await assert.rejects(broken.desk.check({ content: CONTENT, address: 'a@x.example' }), /a defect/)
})

test('a code that was typed is no other one where it is the second of a text', async () => {
  const { desk } = begin({ codes: [ONE, OTHER] }, () => FITS)
  const { reasons } = await desk.check({ content: CONTENT, code: OTHER, address: 'a@x.example' })
  assert.ok(!reasons.some(({ code }) => code === 'code_differs'))
})

test('a vault that does not answer is given up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { desk, asked } = begin({}, () => new Promise(() => undefined))
  const answer = desk.check({ code: ONE, address: 'a@x.example' })
  while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.mock.timers.tick(8000)
  assert.deepEqual((await answer).reasons[0]?.code, 'unavailable')
})

test('more questions than it takes at once are told that it is busy; when they are answered it takes others', async () => {
  const waiting: ((answer: NoticeAnswer) => void)[] = []
  const { desk } = begin({}, () => new Promise((resolve) => void waiting.push(resolve)))
  const ask = async (): Promise<string | undefined> => (await desk.check({ code: ONE, address: 'a@x.example' })).reasons[0]?.code
  const first = Array.from({ length: 32 }, ask)
  assert.equal(await ask(), 'busy')
  while (waiting.length < 32) await new Promise((resolve) => setImmediate(resolve))
  for (const end of waiting.splice(0)) end({ fits: false })
  assert.deepEqual(new Set(await Promise.all(first)), new Set(['code_not_for_address']))
  const later = ask()
  while (waiting.length < 1) await new Promise((resolve) => setImmediate(resolve))
  for (const end of waiting) end({ fits: false })
  assert.equal(await later, 'code_not_for_address')
})
