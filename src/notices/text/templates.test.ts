import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { canonicalWords, type NoticeMail, noticeParagraphs } from '#model/notice-text.ts'
import { renderNotice } from './render.ts'
import { loadNoticeTemplates, readTemplate, TEMPLATE_FOLDER } from './templates.ts'
import { CODE, testingPerson, testingShapes, testingSubjectOf } from './testing-notices.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'notice-words-'))
after(() => rmSync(folder, { recursive: true }))

const english = readFileSync(path.join(TEMPLATE_FOLDER, 'en.yaml'), 'utf8')

/** Sentences of an invented language: every word of English turned around, placeholders kept. */
function turnedAround(value: unknown): unknown {
  if (typeof value === 'string')
    return value
      .split(/(\{\w+\})/u)
      .map((part) => (part.startsWith('{') ? part : reversed(part)))
      .join('')
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, turnedAround(inner)]))
}

/** Arabic has six forms of a number; each must stand in the file. */
function withSixForms(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { other } = value as { other?: unknown }
  if (typeof other === 'string') return { zero: other, one: other, two: `2: ${other}`, few: other, many: other, other }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withSixForms(inner)]))
}

function reversed(text: string): string {
  return text.replaceAll(/\p{L}+/gu, (word) => [...word].reverse().join(''))
}

test('another language is only a file: with plural forms of its own, and from right to left', () => {
  const words = turnedAround(withSixForms(parse(english))) as Record<string, unknown>
  writeFileSync(path.join(folder, 'ar.yaml'), stringify({ ...words, language: 'ar', dir: 'rtl' }))
  writeFileSync(path.join(folder, 'en.yaml'), english)
  const templates = loadNoticeTemplates(folder)
  assert.deepEqual(templates.languages, ['ar', 'en'])
  for (const [name, shape] of Object.entries(testingShapes())) {
    const subject = testingSubjectOf(shape)
    const person = testingPerson({ organisation: { members: 2 } })
    const mail = renderNotice(templates, 'ar', subject, shape, person)
    noticeParagraphs(mail)
    assert.match(mail.html, /^<!doctype html>\n<html lang="ar" dir="rtl">/)
    assert.ok(mail.text.includes(CODE) && mail.text.includes('2025') && mail.text.includes(subject.checkUrl), name)
    assert.equal(mail.text.includes('2: '), shape.kind === 'organisation', name)
    assert.doesNotMatch(mail.text, /[{}]|[٠-٩]/u, name)
    assert.equal(mail.common.length, renderNotice(templates, 'en', subject, shape, person).common.length, name)
  }
})

test('a language is found by its tag, however it is written; what no file has falls back', () => {
  const templates = loadNoticeTemplates()
  assert.deepEqual(templates.languages, ['en', 'hi'])
  const asked: [string | undefined, string][] = [
    ['hi', 'hi'],
    ['hi-IN', 'hi'],
    ['HI_in', 'hi'],
    [' hi-Deva-IN ', 'hi'],
    ['en-GB', 'en'],
    ['hip', 'en'],
    ['fr', 'en'],
    ['', 'en'],
    ['../../etc/passwd', 'en'],
    [undefined, 'en'],
  ]
  for (const [wanted, expected] of asked) assert.equal(templates.languageFor(wanted, 'en'), expected, wanted)
})

test('a file that would leave a hole in a notice, or put something into it, is refused with the place', () => {
  const wrong: [title: string, change: (text: string) => string, told: RegExp][] = [
    ['a missing sentence', (text) => text.replace(/^ {2}never: .*\n/mu, ''), /en\.yaml: `messages\.never` is missing/],
    ['a missing placeholder', (text) => text.replace('Hello {name},', 'Hello,'), /`messages\.greeting\.named` lacks \{name\}/],
    ['a strange placeholder', (text) => text.replace('unnamed: "Hello,"', 'unnamed: "Hello {name},"'), /has \{name\}, which nothing fills/],
    [
      'a missing plural form',
      (text) => text.replace('      one: "a detail called {names}"\n', ''),
      /`messages\.involved\.properties\.one` is missing/,
    ],
    ['a missing field', (text) => text.replace(/^ {2}phone:\n {4}name: .*\n/mu, ''), /`fields\.phone\.name\.you` is missing/],
    ['a key of nothing', (text) => `${text}more: words\n`, /`more` is no key of a notice/],
    ['a link', (text) => text.replace('unnamed: "Hello,"', 'unnamed: "Hello, https://evil.example"'), /holds a link or an address/],
    ['a mail address', (text) => text.replace('unnamed: "Hello,"', 'unnamed: "Hello a@b.example"'), /holds a link or an address/],
    ['hidden characters', (text) => text.replace('unnamed: "Hello,"', 'unnamed: "Hello\u202e,"'), /a character that nobody sees/],
    ['two lines', (text) => text.replace('unnamed: "Hello,"', 'unnamed: "Hello,\\nBcc"'), /stray space/],
    ['nothing', (text) => text.replace('unnamed: "Hello,"', 'unnamed: ""'), /empty or stray space/],
    ['no text', (text) => text.replace('unnamed: "Hello,"', 'unnamed: 5'), /`messages\.greeting\.unnamed` is no text/],
    ['a lone brace', (text) => text.replace('unnamed: "Hello,"', 'unnamed: "Hello {"'), /a brace that is no placeholder/],
    ['a key twice', (text) => `${text}dir: rtl\n`, /en\.yaml: line \d+: /],
    ['another name than its language', (text) => text.replace('language: en', 'language: fr'), /the file be called by it/],
    ['no language', (text) => text.replace('language: en', 'language: "!"'), /BCP 47/],
    ['no direction', (text) => text.replace('dir: ltr', 'dir: up'), /`dir` must be ltr or rtl/],
    ['not YAML', () => '{', /en\.yaml: line 1/],
    ['nothing at all', () => '', /`language` is missing/],
  ]
  for (const [title, change, told] of wrong) {
    const text = change(english)
    assert.notEqual(text, english, title)
    assert.throws(
      () => readTemplate('en.yaml', text),
      (error: { code?: string; message?: string }) => error.code === 'notice_template_invalid' && told.test(error.message ?? ''),
      title,
    )
  }
  assert.equal(readTemplate('en.yaml', english).language, 'en')
})

/** Numbers as they are counted, whatever groups their digits have, in order of size: languages put a date's parts in their own order. */
function numbersIn({ text }: NoticeMail): string[] {
  return (text.replaceAll(/(?<=\d),(?=\d)/gu, '').match(/\d+/gu) ?? []).sort()
}

test('every language has the same paragraphs in the same order, with the same numbers and the same names', () => {
  const templates = loadNoticeTemplates()
  const subjects = [{}, { times: {}, measures: [], notSent: [] }, { zone: 'UTC', correctsVersion: 1, version: 2 }]
  for (const language of templates.languages)
    for (const [name, shape] of Object.entries(testingShapes()))
      for (const over of subjects) {
        const subject = testingSubjectOf(shape, over)
        const [ours, theirs] = ['en', language].map((tag) => renderNotice(templates, tag, subject, shape, testingPerson())) as [
          NoticeMail,
          NoticeMail,
        ]
        const title = `${language} ${name}`
        assert.deepEqual(numbersIn(theirs), numbersIn(ours), title)
        assert.deepEqual([theirs.common.length, theirs.personal.length], [ours.common.length, ours.personal.length], title)
        assert.deepEqual(theirs.html.match(/<\w+/g), ours.html.match(/<\w+/g), title)
        for (const word of ['Mixpanel', 'Nimbus', 'nimbus.example', '“plan”', 'privacy@nimbus.example'])
          assert.equal(theirs.text.includes(word), ours.text.includes(word), `${title}: ${word}`)
        assert.ok(canonicalWords(theirs.text).length > 100, title)
      }
})
