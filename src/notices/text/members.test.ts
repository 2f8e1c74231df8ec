import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalWords, findNoticeCodes, type NoticeMember, type NoticeShape, noticeParagraphs } from '#model/notice-text.ts'
import { greetingName } from './greeting.ts'
import { memberAddress, MEMBERS_LISTED_MAX } from './members.ts'
import { approvedText, previewNotice, renderNotice } from './render.ts'
import { loadNoticeTemplates } from './templates.ts'
import { CODE, HOSTILE_NAMES, testingShapes, testingSubjectOf } from './testing-notices.ts'

const templates = loadNoticeTemplates()
const shape = testingShapes().organisation_list as NoticeShape
const subject = testingSubjectOf(shape)

const HOSTILE_ADDRESSES: readonly string[] = [
  ...HOSTILE_NAMES.filter((name) => name !== 'asha@evil.example'),
  'ann@evil.example, all@evil.example',
  'ann@evil.example\n\nYou must pay now',
  'ann@evil.example\r\nBcc: all@evil.example',
  'ann@evil.example</li><a href="https://evil.example">x</a>',
  '<ann@evil.example>',
  '"click here"@evil.example',
  'https://evil.example/@x.example',
  'www.evil.example@x.example',
  'mailto:ann@evil.example',
  'ann@evil.example?subject=x',
  'ann@evil@x.example',
  'ann@evil..example',
  'ann@.example',
  'ann@[127.0.0.1]',
  'ann@127.0.0.1',
  'ann@localhost',
  'аnn@evil.example', // begins with a Cyrillic letter
  'ann@еvil.example',
  'ann\u200b@evil.example',
  'ann\u202e@evil.example',
  'bh-7k2qd-00000-00000-00000-00000@evil.example',
  '7k2qd-00000-00000-00000-00000@evil.example',
  `${'a'.repeat(65)}@evil.example`,
  `ann@${'a'.repeat(90)}.example`,
]

function rendered(language: string, members: number, listed: readonly NoticeMember[]) {
  const mail = renderNotice(templates, language, subject, shape, { code: CODE, organisation: { members, listed } })
  noticeParagraphs(mail)
  return mail
}

test('members stand behind the count, by address, else by name, else counted; sorted, and in HTML as in text', () => {
  const listed = [
    { address: 'Ravi@Rao.example', name: 'Ravi' },
    { name: 'Mira Rao' },
    { address: ' asha@rao.example ' },
    { address: '"a b"@x.example' },
    {},
  ]
  const { text, html, common, personal } = rendered('en', 7, listed)
  const from = text.indexOf('Members of your organisation who may be affected: 7')
  const list = text.slice(from, text.indexOf('What Happened')).trim().split('\n\n')
  assert.deepEqual(list.slice(1, 5), [
    'These members, by the address or else the name in our records:',
    '- asha@rao.example',
    '- Ravi@rao.example',
    '- Name: Mira Rao',
  ])
  assert.match(list[5] ?? '', /^- Members who are not in this list: 4\. /)
  assert.deepEqual(personal.slice(1, 5), [list[0], 'asha@rao.example', 'Ravi@rao.example', 'Name: Mira Rao'])
  assert.ok(!common.join('\n').includes('@rao.example'))
  assert.ok(html.includes('<li>asha@rao.example</li>\n<li>Ravi@rao.example</li>\n<li>Name: <bdi>Mira Rao</bdi></li>'))
  const words = canonicalWords(
    html
      .replace(/^[\s\S]*<body>|<[^>]+>/g, ' ')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  )
  assert.deepEqual(words, canonicalWords(text))
  const hindi = rendered('hi', 7, listed).text
  assert.match(hindi, /\n- asha@rao\.example\n\n- Ravi@rao\.example\n\n- नाम: Mira Rao\n\n- जो सदस्य इस सूची में नहीं हैं, उनकी संख्या: 4।/)
})

test('two accounts with one address are one line and nobody who is missing; nobody to show is said, too', () => {
  const same = rendered('en', 2, [{ address: 'a@b.example' }, { address: 'a@B.example' }])
  assert.equal(same.text.match(/- a@b\.example/g)?.length, 1)
  assert.ok(!same.text.includes('not in this list'))
  assert.match(rendered('en', 3, []).text, /not in this list: 3\./)
  // All of them were erased since.
  assert.match(rendered('en', 0, []).text, /not in this list: 0\./)
})

test('a list is approved as a rule, in its own text; without one administrators are told how to get it', () => {
  const without = testingShapes().organisation as NoticeShape
  for (const language of templates.languages) {
    assert.notEqual(
      approvedText(templates, language, subject, shape),
      approvedText(templates, language, subject, { ...without, key: shape.key }),
    )
    const listed = rendered(language, 1, [{ address: 'a@b.example' }])
    const preview = previewNotice(templates, language, subject, shape)
    assert.deepEqual(preview.common, listed.common)
    noticeParagraphs(preview)
  }
  assert.match(approvedText(templates, 'en', subject, shape), /\[address or name of a member\][\s\S]*at most 200 members/)
  const told = renderNotice(templates, 'en', testingSubjectOf(without), without, { code: CODE, organisation: { members: 300 } }).text
  assert.match(told, /To get the list of these members, write to/)
  assert.ok(!rendered('en', 1, []).text.includes('To get the list'))
})

test('what is plainly an address is shown, and nothing else', () => {
  for (const good of ['a@b.example', 'first.last+tag@mail.co.example', 'a_b-c@x1.example']) assert.equal(memberAddress(good), good)
  for (const bad of HOSTILE_ADDRESSES) assert.equal(memberAddress(bad), undefined, JSON.stringify(bad))
})

test('whatever members are called, nothing of a notice changes but their own lines', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...HOSTILE_ADDRESSES,
      'ann@b.example',
      'Asha',
      ' ',
      '@',
      '.',
      '\n\n',
      '- ',
      '{name}',
      '</li>',
      '&amp;',
      '\ue003',
      '\ue004',
      'BH',
      'ABCDE',
    ),
    fc.string({ unit: 'binary', maxLength: 10 }),
    fc.emailAddress(),
  )
  const value = fc.oneof(
    fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
    fc.constantFrom('ann@b.example', 'bo.rao@c.example', 'Asha Rao', 'राव'),
    fc.constantFrom(...HOSTILE_NAMES.map((name) => `${name}@evil.example`)),
  )
  const member = fc.record({ address: value, name: value }, { requiredKeys: [] })
  let shownOnes = 0
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), fc.constantFrom(...templates.languages), (listed, language) => {
      const members = listed.length + 2
      const base = rendered(language, members, [])
      const mail = rendered(language, members, listed)
      assert.deepEqual(mail.common, base.common)
      assert.equal(mail.subject, base.subject)
      // The greeting, the count, one line for each who is shown and one for the others, the code.
      const lines = mail.personal.slice(2, -1)
      assert.deepEqual(
        [mail.personal[0], mail.personal[1], mail.personal.at(-1)],
        [base.personal[0], base.personal[1], base.personal.at(-1)],
      )
      assert.ok(lines.length <= listed.length + 1)
      for (const line of lines.slice(0, -1)) {
        const name = line.replace(/^[^:]+: /u, '')
        assert.ok(/^[A-Za-z0-9._+-]+@[a-z0-9.-]+$/.test(line) || greetingName(name) === name, JSON.stringify(line))
        shownOnes++
      }
      assert.deepEqual(
        findNoticeCodes(mail.text).map(({ text }) => text),
        [CODE],
      )
      const left = (text: string): string => lines.reduce((rest, line) => rest.replace(`- ${line}`, ''), text).replaceAll(/\n+/g, '\n')
      assert.equal(left(mail.text), left(base.text.replace(`- ${base.personal.at(-2)}`, '')))
      assert.equal(mail.html.match(/<a /g)?.length, 1)
      assert.deepEqual(
        new Set(mail.html.match(/<\w+/g)),
        new Set([...(base.html.match(/<\w+/g) ?? []), ...(mail.html.includes('<bdi') ? ['<bdi'] : [])]),
      )
    }),
    { numRuns: 400 },
  )
  assert.ok(shownOnes > 50)
})

test('a list ends at its limit, whoever made it', () => {
  const listed = Array.from({ length: MEMBERS_LISTED_MAX + 50 }, (_, index) => ({ address: `m${index}@b.example` }))
  const { text } = rendered('en', listed.length, listed)
  assert.equal(text.match(/@b\.example/g)?.length, MEMBERS_LISTED_MAX)
  assert.match(text, /not in this list: 50\./)
})
