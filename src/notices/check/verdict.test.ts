/** The verdict by itself: what one fault beside others, or beside what may stand there, must not hide. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalLines } from '#model/notice-text.ts'
import type { TextComparison } from '#vault/notice-port.ts'
import { type Finding, finding, type OfficialMarks, type ReadNotice } from './read-notice.ts'
import { judge, type Judgement } from './verdict.ts'

const MARKS: OfficialMarks = {
  company: 'Nimbus Notes',
  domain: 'nimbusnotes.com',
  checkUrl: 'https://nimbusnotes.com/check',
  contactMail: undefined,
  sender: 'security@nimbusnotes.com',
  senderName: 'Nimbus Notes security',
  dkim: undefined,
  checkDns: false,
}
const WHOLE: TextComparison = { paragraphs: 3, missing: [], foreign: [], inOrder: true }
const SENDER = 'From: Nimbus Notes security <security@nimbusnotes.com>'

interface Given {
  lines?: readonly string[]
  compared?: Partial<TextComparison>
  findings?: readonly Finding[]
}

function judged({ lines = ['Hello Asha,', 'We are sorry.', 'Goodbye'], compared, findings = [] }: Given): Judgement {
  const texts = compared === undefined ? [] : [{ form: 'text' as const, lines: canonicalLines(lines.join('\n')) }]
  const read: ReadNotice = { kind: 'text', texts, codes: [], addresses: [], subject: undefined, findings, strayLinks: [] }
  const compare = compared === undefined ? [] : [{ ...WHOLE, ...compared }]
  const answer = { fits: true as const, incident: 1, version: 1, language: 'en', day: 20_000, isSubject: null, texts: compare }
  return judge({ read, marks: MARKS, answer, hasCode: true, recipients: ['asha@example.net'], findings, isOtherCode: false })
}

/** The verdict and all reasons of it that are not the code's. */
function inShort(given: Given): [string, ...string[]] {
  const { verdict, reasons } = judged(given)
  return [verdict, ...reasons.map(({ code }) => code).filter((code) => code !== 'code_fits')]
}

test('what a mail program writes above a notice excuses nothing below it', () => {
  const lines = [SENDER, 'Hello Asha,', 'Call 1800 now', 'Goodbye']
  assert.deepEqual(inShort({ lines: [SENDER, 'Hello Asha,', 'Goodbye'], compared: { foreign: [[0, 5]] } }), [
    'genuine',
    'text_same',
    'lines_above',
  ])
  const within = { lines, compared: { foreign: [[0, 5] as [number, number], [7, 10] as [number, number]] } }
  assert.deepEqual(inShort(within), ['altered', 'text_changed', 'lines_above'])
  const end: [number, number][] = [
    [0, 5],
    [8, 10],
  ]
  assert.deepEqual(inShort({ lines: [SENDER, 'Hello Asha,', 'Goodbye', 'Call us'], compared: { foreign: end } }), [
    'altered',
    'text_around',
    'lines_above',
  ])
})

test('a line above that goes on into the notice is none of a mail program', () => {
  const lines = ['Date: 26 Nov 2025', 'Hello Asha,']
  assert.equal(inShort({ lines, compared: { foreign: [[0, 4]] } })[0], 'genuine')
  assert.equal(inShort({ lines, compared: { foreign: [[0, 3]] } })[0], 'altered')
})

test('each fault of a text by itself makes it altered', () => {
  assert.deepEqual(inShort({ compared: {} }), ['genuine', 'text_same'])
  assert.deepEqual(inShort({ compared: { missing: [1] } }), ['altered', 'text_missing'])
  assert.deepEqual(inShort({ compared: { inOrder: false } }), ['altered', 'text_order'])
  assert.deepEqual(inShort({ compared: { foreign: [[2, 3]] } }), ['altered', 'text_changed'])
  assert.deepEqual(inShort({ compared: { missing: [0, 1, 2], foreign: [[0, 6]] } }), ['altered', 'text_other'])
})

test('what could not be read to its end is neither; with a fault beside it, it is altered', () => {
  for (const code of ['too_large', 'unreadable', 'encrypted', 'attached_mail'] as const) {
    assert.deepEqual(inShort({ compared: {}, findings: [finding(code)] }), ['cannot_tell', code])
    const both = [finding(code), finding('html_hidden', { text: 'x' })]
    assert.deepEqual(inShort({ compared: {}, findings: both }), ['altered', code, 'html_hidden'])
    assert.deepEqual(inShort({ compared: { missing: [2] }, findings: [finding(code)] }), ['altered', 'text_missing', code])
  }
})

test('a mail in which nothing stands is not the notice, whatever code was typed', () => {
  assert.deepEqual(inShort({}), ['cannot_tell', 'unreadable'])
})

test('what is only said beside a verdict changes none', () => {
  const notes = (
    ['address_from_mail', 'dkim_broken', 'dkim_good', 'dkim_none', 'from_you', 'link_filtered', 'signature_added'] as const
  ).map((code) => finding(code))
  assert.equal(inShort({ compared: {}, findings: notes })[0], 'genuine')
  assert.equal(inShort({ compared: {}, findings: [...notes, finding('attachment', { name: 'x' })] })[0], 'altered')
})
