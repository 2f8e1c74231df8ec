/** What is said where nothing fits, and which deceits are named where a text is another: by the verdict alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalLines } from '#model/notice-text.ts'
import type { NoticeAnswer, TextComparison } from '#vault/notice-port.ts'
import { type Finding, finding, type ReadNotice } from './read-notice.ts'
import { MARKS } from './testing-check.ts'
import { judge, subjectOf, type ToJudge } from './verdict.ts'

const text = (lines: readonly string[]): ReadNotice['texts'][number] => ({ form: 'text', lines: canonicalLines(lines.join('\n')) })
const readOf = (lines: readonly string[], more: Partial<ReadNotice> = {}): ReadNotice => ({
  ...{ kind: 'text', texts: [text(lines)], codes: [], addresses: [], subject: undefined, findings: [], strayLinks: [] },
  ...more,
})

function said(given: Partial<ToJudge>): [string, ...string[]] {
  const { verdict, reasons } = judge({
    ...{ read: undefined, marks: MARKS, answer: undefined, hasCode: false, recipients: [], findings: [], isOtherCode: false },
    ...given,
  })
  return [verdict, ...reasons.map(({ code }) => code).filter((code) => code !== 'code_fits')]
}

test('without a code: what is none is not ours, what was not read cannot be told, and nothing is nothing', () => {
  assert.deepEqual(said({}), ['cannot_tell', 'nothing_given'])
  assert.deepEqual(said({ read: readOf(['Hello']) }), ['cannot_tell', 'no_code'])
  assert.deepEqual(said({ findings: [finding('unreadable')] }), ['cannot_tell', 'unreadable'])
  assert.deepEqual(said({ read: readOf(['Hello']), findings: [finding('html_picture'), finding('encrypted')] }), [
    'cannot_tell',
    'encrypted',
    'html_picture',
  ])
  assert.deepEqual(said({ read: readOf(['Hello']), findings: [finding('code_form')] }), ['not_ours', 'code_form'])
})

test('with a code: no address, no answer, or another one’s; where the text leads is named, each once', () => {
  const read = readOf(['Hello'], { strayLinks: [finding('link_foreign', { where: 'evil.net' })] })
  assert.deepEqual(said({ hasCode: true }), ['cannot_tell', 'no_address'])
  assert.deepEqual(said({ hasCode: true, recipients: ['a@b.net'] }), ['cannot_tell', 'unavailable'])
  // A part of another code beside one that is whole.
  assert.deepEqual(said({ hasCode: true, recipients: ['a@b.net'], findings: [finding('code_form')] }), [
    'cannot_tell',
    'unavailable',
    'code_form',
  ])
  const findings: Finding[] = [finding('dkim_none'), finding('link_foreign', { where: 'evil.net' }), finding('html_form')]
  assert.deepEqual(said({ read, hasCode: true, recipients: ['a@b.net'], answer: { fits: false }, findings }), [
    'not_ours',
    'code_not_for_address',
    'link_foreign',
    'html_form',
    'dkim_none',
  ])
})

const WHOLE: TextComparison = { paragraphs: 3, missing: [], foreign: [], inOrder: true }

/** Of a text of which these words are none of the notice's. */
function altered(
  lines: readonly string[],
  compared: Partial<TextComparison>,
  more: Partial<ReadNotice> = {},
  given: Partial<ToJudge> = {},
) {
  const answer: NoticeAnswer = {
    fits: true,
    incident: 1,
    version: 1,
    language: 'en',
    day: 20_000,
    isSubject: null,
    texts: [{ ...WHOLE, ...compared }],
  }
  return said({ read: readOf(lines, more), answer, hasCode: true, recipients: ['asha@example.net'], ...given })
}

test('of what is not in the notice four passages are quoted, and every deceit in any of them is named', () => {
  const lines = ['a', 'one', 'b', 'two', 'c', 'three', 'd', 'four', 'e', 'pass\u200bword', 'f', 'p\u0430y', 'g', 'evil.net', 'h']
  const foreign = [1, 3, 5, 7, 9, 11, 13].map((at): [number, number] => [at, at + 1])
  assert.deepEqual(altered(lines, { foreign }), [
    'altered',
    ...['text_changed', 'text_changed', 'text_changed', 'text_changed'],
    'hidden_characters',
    'mixed_letters',
    'link_foreign',
  ])
})

test('somebody’s words above or below a whole notice are around it; within one that lacks something they have changed it', () => {
  assert.deepEqual(altered(['Call', 'a', 'b'], { foreign: [[0, 1]] }), ['altered', 'text_around'])
  assert.deepEqual(altered(['a', 'b', 'Call'], { foreign: [[2, 3]] }), ['altered', 'text_around'])
  assert.deepEqual(altered(['a', 'Call', 'b'], { foreign: [[1, 2]] }), ['altered', 'text_changed'])
  assert.deepEqual(altered(['Call', 'a'], { foreign: [[0, 1]], missing: [1] }), ['altered', 'text_changed', 'text_missing'])
})

test('above a notice stands what programs write there, each with our values; who else is named as its sender is said', () => {
  const above = (...head: string[]) => {
    const words = canonicalLines(head.join('\n')).flatMap((line) => line.words).length
    return altered([...head, 'Hello Asha Rao,', 'a'], { foreign: [[0, words]] })
  }
  const fine = ['genuine', 'text_same', 'lines_above']
  for (const line of [
    `From: Nimbus Notes <${MARKS.sender}>`,
    'To: asha@example.net',
    'To: Asha Rao',
    'Date: Wed, 26 Nov 2025 13:30',
    '---------- Forwarded message ---------',
    'अग्रेषित संदेश',
    `On Wed, 26 Nov 2025, Nimbus Notes <${MARKS.sender}> wrote:`,
  ])
    assert.deepEqual(above(line), fine, line)
  // In two lines, as programs wrap it.
  assert.deepEqual(above('On Wed, 26 Nov 2025 at 13:30, Nimbus Notes', `<${MARKS.sender}> wrote:`), fine)
  for (const line of ['To: ben@example.org', 'Date: call 1800 200 300', 'Forwarded message from the bank', `Date: ${'Wed, '.repeat(100)}`])
    assert.deepEqual(above(line).slice(0, 2), ['altered', 'text_around'], line)
  assert.ok(above('From: Nimbus Notes <a@evil.net>').includes('from_foreign'))
  assert.ok(above('From: Nimbus Notes <a@nimbusnotes.net>').includes('from_lookalike'))
  // The vault compares the mail's own subject, so one that stands here has to be that one.
  const subjects = (line: string) => altered([line, 'a'], { foreign: [[0, 3]] }, { subject: 'Fwd: A notice' })[0]
  assert.deepEqual([subjects('Subject: A notice'), subjects('Subject: Call us')], ['genuine', 'altered'])
  // Below a notice none of it is what programs write.
  assert.equal(altered(['a', 'To: asha@example.net'], { foreign: [[1, 3]] })[0], 'altered')
})

test('a subject is the mail’s, or the first that stands in the text, without what programs put in front', () => {
  const lines = [...Array.from({ length: 18 }, () => 'x'), 'Subject: Fwd: A notice', 'विषय: Another']
  assert.equal(subjectOf(undefined), undefined)
  assert.equal(subjectOf(readOf(lines)), 'A notice')
  assert.equal(subjectOf(readOf(lines, { subject: 'Re: [EXT] Mine' })), 'Mine')
  assert.equal(subjectOf(readOf(['x', ...lines.slice(0, 18), 'x', 'Subject: A notice'])), undefined)
  assert.deepEqual(altered(['Subject: A notice', 'a'], { foreign: [[0, 3]] }), ['genuine', 'text_same', 'lines_above'])
})

test('another subject, an address in it, a mark of a filter and another code are said', () => {
  const of = (subject: string, isSubject: boolean | null, isOtherCode = false) => {
    const answer: NoticeAnswer = { fits: true, incident: 1, version: 1, language: 'en', day: 20_000, isSubject, texts: [WHOLE] }
    return altered(['a'], {}, { subject }, { answer, isOtherCode })
  }
  assert.deepEqual(of('A notice', true), ['genuine', 'text_same'])
  assert.deepEqual(of('A notice', null), ['genuine', 'text_same'])
  assert.deepEqual(of('Urgent', false), ['altered', 'subject_differs'])
  assert.deepEqual(of('A notice <https://evil.net>', true), ['altered', 'subject_differs'])
  assert.deepEqual(of('[EXT] A notice', true), ['genuine', 'text_same', 'lines_known'])
  assert.deepEqual(of('A notice', true, true), ['altered', 'code_differs'])
})
