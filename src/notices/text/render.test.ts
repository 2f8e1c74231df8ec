import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isErrorCode } from '#base/errors.ts'
import { FIELDS, isKnownField, type KnownField } from '#model/field.ts'
import {
  canonicalWords,
  formatNoticeCode,
  type NoticeMail,
  noticeParagraphs,
  type NoticeShape,
  type NoticeSubject,
} from '#model/notice-text.ts'
import { Phrases } from './phrases.ts'
import { propertyKey } from './property-keys.ts'
import { approvedText, previewNotice, renderNotice } from './render.ts'
import { loadNoticeTemplates } from './templates.ts'
import { CODE, testingPerson, testingShapes, testingSubject, testingSubjectOf } from './testing-notices.ts'

const templates = loadNoticeTemplates()
const shapes = Object.entries(testingShapes())

/** Every shape in every language, with and without the facts that can be absent. */
function* everyNotice(): Generator<{ title: string; subject: NoticeSubject; mail: NoticeMail; kind: string }> {
  const variants: Record<string, Partial<NoticeSubject>> = {
    full: { correctsVersion: 1, version: 2 },
    bare: { times: {}, notSent: [], measures: [], contact: { team: 'Privacy team' } },
  }
  for (const language of templates.languages)
    for (const [name, shape] of shapes)
      for (const [variant, over] of Object.entries(variants)) {
        const subject = testingSubjectOf(shape, over)
        const mail = renderNotice(templates, language, subject, shape, testingPerson())
        yield { title: `${language} ${name} ${variant}`, subject, mail, kind: shape.kind }
      }
}

/** What somebody sees of the HTML, as a reader of mail would turn it into text. */
function textOfHtml(html: string): string {
  const body = html.slice(html.indexOf('<main>'))
  return body
    .replaceAll(/<\/(p|h1|h2|h3|li)>/g, '\n\n')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

test('text and HTML say the same words in the same order, and the parts of a notice are its text', () => {
  for (const { title, mail } of everyNotice()) {
    assert.deepEqual(canonicalWords(textOfHtml(mail.html)), canonicalWords(mail.text), title)
    const { common, personal } = noticeParagraphs(mail)
    assert.ok(common.length > 15 && personal.length >= 2, title)
  }
})

test('one link, to the check page, and nothing that a mail program would fetch, run or send', () => {
  for (const { title, mail, subject } of everyNotice()) {
    assert.deepEqual(mail.html.match(/<a [^>]*>[^<]*<\/a>/g), [`<a href="${subject.checkUrl}">${subject.checkUrl}</a>`], title)
    assert.deepEqual(mail.text.match(/https?:\/\/\S+/g), [subject.checkUrl], title)
    assert.doesNotMatch(
      mail.html,
      /<(img|script|link|form|input|iframe|object|embed|svg|video|audio|base)\b|url\(|@import|\son\w+=|style=/i,
      title,
    )
    assert.deepEqual(mail.html.match(/\bsrc=|\bhref=/g), ['href='], title)
    assert.equal(mail.subject.includes('\n'), false, title)
  }
})

test('the placeholders of a preview are the only difference to a notice', () => {
  for (const [name, shape] of shapes) {
    const subject = testingSubjectOf(shape)
    const preview = previewNotice(templates, 'en', subject, shape)
    const mail = renderNotice(templates, 'en', subject, shape, testingPerson())
    const filled = preview.text
      .replace('[name]', 'Asha Rao')
      .replace('[check code]', CODE)
      .replace('[organisation] who may be affected: [number]', 'Rao & Sons Pvt. Ltd. who may be affected: 23')
      .replace('[address or name of a member]', 'Asha.Rao@rao.example\n\n- ravi@rao.example\n\n- Name: मीरा राव')
      .replace('not in this list: [number]', 'not in this list: 20')
    assert.equal(filled, mail.text, name)
    assert.deepEqual(preview.common, mail.common, name)
    assert.equal(approvedText(templates, 'en', subject, shape), approvedText(templates, 'en', structuredClone(subject), shape), name)
  }
})

test('facts that contradict themselves or could not be typed or read stop a notice', () => {
  const { codes } = testingShapes()
  assert.ok(codes)
  const refused: Record<string, Partial<NoticeSubject>> = {
    'line end': { company: 'Nimbus\r\nBcc: all@evil.example' },
    'right-to-left': { vendor: { name: 'Mix\u202epanel', what: 'analytics provider' } },
    'zero width': { company: 'Nim\u200bbus' },
    'link in a contact': { contact: { team: 'Team', hours: 'see http://evil.example' } },
    'foreign check page': { checkUrl: 'https://nimbus.example.evil.example/check' },
    'look-alike host': { checkUrl: 'https://xnimbus.example/check' },
    'user part': { checkUrl: 'https://nimbus.example@evil.example/check' },
    query: { checkUrl: 'https://nimbus.example/check?id=1' },
    'no TLS': { checkUrl: 'http://nimbus.example/check' },
    'domain in other letters': { officialDomain: 'nimbuѕ.example', checkUrl: 'https://nimbuѕ.example/check' },
    'sent and not sent': { notSent: ['country'] },
    'ends before it begins': { times: { eventFrom: 2, eventTo: 1 } },
    'no instant': { date: Number.NaN },
    'no time zone': { zone: 'Europe/Nowhere' },
    'slot character': { company: 'Nimbus \ue000' },
  }
  for (const [title, over] of Object.entries(refused)) {
    assert.throws(
      () => previewNotice(templates, 'en', testingSubject(over), codes),
      (error: { code?: unknown }) => isErrorCode(error.code) && error.code === 'notice_text_invalid',
      title,
    )
  }
  assert.throws(() => previewNotice(templates, 'en', testingSubject(), { ...codes, sent: [] }), { code: 'notice_text_invalid' })
  assert.throws(() => previewNotice(templates, 'xx', testingSubject(), codes), { code: 'notice_language_unknown' })
  for (const code of ['', 'BH-1', CODE.toLowerCase(), `${CODE} `, `${CODE}\r\nBcc: x`])
    assert.throws(() => renderNotice(templates, 'en', testingSubject(), codes, testingPerson({ code })), { code: 'notice_text_invalid' })
})

test('values are never read as placeholders or markup', () => {
  const { clear } = testingShapes()
  assert.ok(clear)
  const subject = testingSubjectOf(clear, { company: '{vendor} & <b>"Co"</b> $& $1', vendor: { name: "{code}'s", what: '{url}' } })
  const mail = renderNotice(templates, 'en', subject, clear, testingPerson())
  assert.ok(
    mail.text.includes('This is a security notice from {vendor} & <b>"Co"</b> $& $1. It is about a breach at {code}\'s, our {url}.'),
  )
  assert.ok(mail.html.includes('from {vendor} &amp; &lt;b&gt;&quot;Co&quot;&lt;/b&gt; $&amp; $1. It'))
  assert.deepEqual(canonicalWords(textOfHtml(mail.html)), canonicalWords(mail.text))
})

test('the code of a person stands once, as it was given', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 13, maxLength: 13 }), (version, secret) => {
      const { text: code } = formatNoticeCode(version, secret)
      const [, shape] = shapes[0] ?? []
      assert.ok(shape)
      const { text, html } = renderNotice(templates, 'en', testingSubject(), shape, { code })
      assert.equal(text.split(code).length, 2)
      assert.equal(html.split(code).length, 2)
    }),
    { numRuns: 50 },
  )
})

test('whatever was sent is told, in words, once; nothing that was sent is called absent', () => {
  const known = fc.constantFrom(...(Object.keys(FIELDS) as KnownField[]).filter((field) => field !== 'technical'))
  const property = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((key) => `property.${key}`)
  const sent = fc.uniqueArray(
    fc.record({
      field: fc.oneof({ weight: 3, arbitrary: known as fc.Arbitrary<string> }, { weight: 1, arbitrary: property }),
      form: fc.constantFrom('clear' as const, 'coarse' as const, 'pseudonym' as const, 'alias' as const),
      isFreeText: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30, selector: ({ field, form }) => `${field}:${form}` },
  )
  fc.assert(
    fc.property(
      sent,
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(...templates.languages),
      (all, isOrganisation, possibleOnly, language) => {
        const shape: NoticeShape = {
          key: 'any',
          kind: isOrganisation ? 'organisation' : 'person',
          sent: all.map(({ field, form, isFreeText }) => ({ field, form, ...(isFreeText ? { freeText: true as const } : {}) })),
          surfaces: [],
          possibleOnly,
        }
        const notSent = Object.keys(FIELDS).filter((field) => !all.some((one) => one.field === field))
        const subject = testingSubject({ notSent })
        const mail = renderNotice(templates, language, subject, shape, testingPerson())
        noticeParagraphs(mail)
        assert.deepEqual(canonicalWords(textOfHtml(mail.html)), canonicalWords(mail.text))
        const phrases = new Phrases(templates.get(language), subject.zone)
        const voice = isOrganisation ? 'they' : 'you'
        const items = mail.text.split('\n\n').filter((paragraph) => paragraph.startsWith('- '))
        const absence = mail.text.split('\n\n').find((paragraph) => /184,220|1,84,220/u.test(paragraph)) ?? ''
        const absent = absence.split(/[:,.।] (?:and |और )?/u)
        for (const one of shape.sent) {
          const words = phrases.fieldSent(one, voice)
          if (words === undefined) continue
          assert.ok(
            items.some((item) => item === `- ${words}`),
            `${one.field} ${one.form} is not told`,
          )
          assert.equal(absent.includes(phrases.fieldName(one.field, voice) ?? ''), false, `${one.field} is called absent`)
        }
        const named = shape.sent.filter(({ field }) => !isKnownField(field))
        const told = named.filter(({ field }) => items.some((item) => item.includes(phrases.quote(propertyKey(field)))))
        assert.equal(told.length === named.length || / more details?, whose| और जानकार(ी|ियाँ), जि/u.test(mail.text), true)
      },
    ),
    { numRuns: 150 },
  )
})
