import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  canonicalParagraphs,
  canonicalWords,
  findNoticeCodes,
  formatNoticeCode,
  noticeParagraphs,
  parseNoticeCode,
  wordCount,
} from './notice-text.ts'

const plain = 'Hello Asha,\n\nWe sent data about you\nto Mixpanel. Nobody will ask you for a password.\n\n- your name\n\n- your city\n'
const paragraphs = ['Hello Asha,', 'We sent data about you to Mixpanel. Nobody will ask you for a password.', 'your name', 'your city']

test('what mail programs do to lines, space, quotes and lists leaves the paragraphs as they are', () => {
  const forms = {
    plain,
    'other line ends': plain.replaceAll('\n', '\r\n'),
    'wrapped elsewhere': plain.replace('about you\nto', 'about\nyou to'),
    quoted: plain.replace(/^/gm, '> '),
    'quoted twice': plain.replace(/^/gm, '>> '),
    'quoted by a bar': plain.replace(/^/gm, '| '),
    indented: plain.replace(/^/gm, '    '),
    'other bullets': plain.replaceAll('- ', '\u2022\u00a0'),
    'space as non-breaking': plain.replaceAll(' ', '\u00a0'),
    'format=flowed': plain.replace('about you\n', 'about you \n'),
    'bold as stars': plain.replace('Nobody will', '*Nobody will*'),
    'in quotation marks': `"${plain.trim()}"`,
    'decomposed letters': plain.normalize('NFD'),
  }
  for (const [name, text] of Object.entries(forms)) assert.deepEqual(canonicalParagraphs(text), paragraphs, name)
})

test('lost and added empty lines leave the words as they are', () => {
  assert.deepEqual(canonicalWords(plain.replaceAll('\n\n', '\n')), canonicalWords(plain))
  assert.deepEqual(canonicalWords(plain.replaceAll('\n', '\n\n')), canonicalWords(plain))
  assert.equal(
    paragraphs.reduce((sum, paragraph) => sum + wordCount(paragraph), 0),
    canonicalWords(plain).length,
  )
})

test('an address that a mail program writes behind a link goes, one that stands in the text stays', () => {
  assert.deepEqual(canonicalWords('example.com/check <https://example.com/check>.'), ['example.com/check'])
  assert.deepEqual(canonicalWords('privacy@example.com <mailto:privacy@example.com>'), ['privacy@example.com'])
  assert.deepEqual(canonicalWords('see https://example.com/check'), ['see', 'https://example.com/check'])
})

test('characters that nobody sees, wide letters and letters of other scripts are differences', () => {
  for (const changed of ['pass\u200bword', 'pass\u00adword', '\ufeffpassword', 'p\u0430ssword', '\uff50assword', '\u202epassword']) {
    assert.notDeepEqual(canonicalWords(changed), ['password'], JSON.stringify(changed))
  }
})

test('every change of one letter, digit or space between letters changes the words', () => {
  const letters = fc.constantFrom(...'abcXYZ0129.,:/@\u200b\u200d\u0430\u0967\u2019\u00ad\u202e')
  fc.assert(
    fc.property(fc.nat(plain.length - 1), letters, fc.constantFrom('insert', 'replace', 'delete'), (at, letter, kind) => {
      if (kind !== 'insert' && !/[\p{L}\p{N}.,]/u.test(plain.charAt(at))) return
      const inserted = kind === 'delete' ? '' : letter
      const changed = plain.slice(0, at) + inserted + plain.slice(kind === 'insert' ? at : at + 1)
      if (changed === plain) return
      assert.notDeepEqual(canonicalWords(changed), canonicalWords(plain))
    }),
  )
})

test('the canonical form is its own canonical form', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const paragraph of canonicalParagraphs(text)) {
        if (/^["\u201c\u201e\u00ab]/.test(paragraph)) continue
        assert.deepEqual(canonicalParagraphs(paragraph), [paragraph])
      }
    }),
  )
})

test('a code is read as people type it', () => {
  const code = formatNoticeCode(Buffer.from('0123456789', 'hex'), Buffer.from('00443214c74254b635cf84653a56d7c675be77df', 'hex'))
  assert.match(code.text, /^BH(-[0-9A-HJKMNP-TV-Z]{5}){5}$/)
  assert.equal(code.text, 'BH-04HMA-01234-56789-ABCDE-FGHJK')
  assert.equal(code.tag, '04HMA')
  const typed = [
    code.text,
    code.text.toLowerCase(),
    ` ${code.text.replaceAll('-', ' ')}. `,
    code.text.replaceAll('-', '\u2013'),
    code.text.replaceAll('-', ''),
    code.text.slice(3),
    code.text.replaceAll('0', 'O').replaceAll('1', 'l'),
    code.text.replace(/[0-9]/g, (digit) => String.fromCharCode(0x0966 + Number(digit))),
    code.text.replace(/[0-9A-Z]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0)),
  ]
  for (const text of typed) assert.deepEqual(parseNoticeCode(text), code, text)
  const wrong = [
    '',
    'BH',
    code.text.slice(0, -1),
    `${code.text}0`,
    code.text.replace('A', 'U'),
    'x'.repeat(10_000),
    `${code.text} ${code.text}`,
  ]
  for (const text of wrong) assert.equal(parseNoticeCode(text), undefined, text.slice(0, 40))
})

test('codes are any bits, and are found in text also where a line ends in them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 16 }), fc.uint8Array({ minLength: 13, maxLength: 32 }), (version, secret) => {
      const code = formatNoticeCode(version, secret)
      assert.deepEqual(parseNoticeCode(code.text), code)
      const text = `Your code:\n> ${code.text.slice(0, 15)}\n> ${code.text.slice(15)}\nand once more ${code.text}.`
      assert.deepEqual(findNoticeCodes(text), [code])
    }),
  )
  assert.deepEqual(findNoticeCodes(`XBH-04HMA-01234-56789-ABCDE-FGHJK BH-04HMA-01234-56789-ABCDE-FGHJKZ`), [])
})

test('the parts of a rendered notice are its text, or it is refused', () => {
  const mail = { subject: '', html: '', text: plain, common: paragraphs.slice(1), personal: paragraphs.slice(0, 1) }
  assert.deepEqual(noticeParagraphs(mail), { common: mail.common, personal: [[0, 'Hello Asha,']] })
  assert.throws(() => noticeParagraphs({ ...mail, personal: [] }), /neither common nor personal/)
  assert.throws(() => noticeParagraphs({ ...mail, text: plain.replace('- your city\n', '') }), /not in its text/)
})
