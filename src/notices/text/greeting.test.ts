import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalParagraphs } from '#model/notice-text.ts'
import { greetingName, organisationName } from './greeting.ts'
import { renderNotice } from './render.ts'
import { loadNoticeTemplates } from './templates.ts'
import { CODE, HOSTILE_NAMES as HOSTILE, testingShapes, testingSubjectOf } from './testing-notices.ts'

test('names that people have are spoken', () => {
  const names = [
    'Asha',
    'Asha Rao',
    'आशा राव',
    'ज़ीनत परवीन',
    'कृष्णा',
    'क्षितिज',
    'ரவி குமார்',
    'Dr. A.P.J. Abdul Kalam',
    'J.R.R. Tolkien',
    'O’Brien',
    "D'Souza",
    'Anne-Marie Müller',
    'María José de la Cruz Fernández',
    'Nguyễn Thị Hồng',
    'Пётр Ильич',
    'محمد الفارسي',
    '山田 太郎',
    'さくらモモ',
    '김민수',
    'Martin Luther King Jr.',
    'X',
  ]
  for (const name of names) assert.equal(greetingName(name), name.normalize('NFC'), name)
  assert.equal(greetingName('  Asha   Rao '), 'Asha Rao')
  assert.equal(greetingName('Zoe\u0308'), 'Zoë')
})

test('what could be anything but a name is not spoken', () => {
  for (const name of HOSTILE) assert.equal(greetingName(name), undefined, JSON.stringify(name).slice(0, 60))
  assert.equal(greetingName(undefined), undefined)
})

test('names of organisations may hold digits and signs, and no more', () => {
  const names = ['Rao & Sons (India) Pvt. Ltd.', 'Studio 54', '3M', 'AT&T', 'आशा ट्रस्ट', 'Müller + Söhne', 'Acme, Inc.']
  for (const name of names) assert.equal(organisationName(name), name, name)
  for (const name of [...HOSTILE, 'Acme\r\n', 'evil.example', 'a'.repeat(61), '12345'].filter(
    (one) => one.trim() !== 'Acme' && one.trim() !== 'Asha' && one !== 'A1 Rao',
  ))
    assert.ok(
      organisationName(name) === undefined || /^[\p{L}\p{M}\d '’&+().,–-]+$/u.test(organisationName(name) ?? ''),
      JSON.stringify(name).slice(0, 60),
    )
})

const templates = loadNoticeTemplates()
const { clear, organisation } = testingShapes()
assert.ok(clear && organisation)
const shapes = { clear, organisation }
const subjects = { clear: testingSubjectOf(clear), organisation: testingSubjectOf(organisation) }

/** Everything of a mail but the greeting, byte for byte, is what it is for somebody without a name. */
function assertOnlyGreeted(name: string, language: string, kind: 'clear' | 'organisation'): void {
  const shape = shapes[kind]
  const subject = subjects[kind]
  const person = { code: CODE, organisation: { members: 3 } }
  const base = renderNotice(templates, language, subject, shape, person)
  const mail = renderNotice(templates, language, subject, shape, { ...person, name })
  const plain = base.personal[0] ?? ''
  const greeting = mail.personal[0] ?? ''
  assert.equal(
    mail.text,
    base.text.replace(`\n${plain}\n`, () => `\n${greeting}\n`),
  )
  assert.equal(mail.html.replaceAll(/<p>[^\n]*<bdi>[^<>\n]*<\/bdi>[^\n]*<\/p>/gu, `<p>${plain}</p>`), base.html)
  assert.equal(mail.subject, base.subject)
  assert.deepEqual(mail.common, base.common)
  assert.deepEqual(mail.personal.slice(1), base.personal.slice(1))
  assert.equal(canonicalParagraphs(mail.text).length, canonicalParagraphs(base.text).length)
  assert.ok(greeting.length <= plain.length + 90 && /^[\p{L}\p{M}'’ .,-]+$/u.test(greeting), greeting)
}

test('whatever a name holds, nothing of a notice but its greeting changes', () => {
  for (const language of templates.languages)
    for (const kind of ['clear', 'organisation'] as const) for (const name of HOSTILE) assertOnlyGreeted(name, language, kind)
  const piece = fc.oneof(
    fc.constantFrom(...HOSTILE, 'Asha', 'राव', ' ', '-', '.', '’', '{name}', '\r\n', '</p>', '&amp;', '\u0301', '\u200f'),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), fc.constantFrom(...templates.languages), (pieces, language) => {
      assertOnlyGreeted(pieces.join(''), language, 'clear')
      assertOnlyGreeted(pieces.join(' '), language, 'organisation')
    }),
    { numRuns: 400 },
  )
})

test('strings that have broken other programs change nothing either', () => {
  const file = path.join(
    process.env.BULKHEAD_TESTDATA ?? path.join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'testdata'),
    'strings-blns',
    'blns.json',
  )
  if (!existsSync(file)) {
    process.stdout.write(`not run: the list of naughty strings (no file ${file}; BULKHEAD_TESTDATA names another folder)\n`)
    return
  }
  const strings = JSON.parse(readFileSync(file, 'utf8')) as string[]
  assert.ok(strings.length > 400)
  for (const language of templates.languages) for (const name of strings) assertOnlyGreeted(name, language, 'clear')
})
