/** What bytes are taken for, and what a pasted text is found to hold. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FindingCode } from './read-notice.ts'
import { readNotice } from './reading.ts'
import { MARKS } from './testing-check.ts'

const CODE = 'BH-7K2QD-8M4TX-0R9WC-V1HBZ-3ENFJ'
const read = (bytes: string | Uint8Array, address?: string) => readNotice({ bytes: Buffer.from(bytes as string), marks: MARKS, address })

async function found(text: string, address?: string): Promise<FindingCode[]> {
  const { kind, findings } = await read(text, address)
  assert.equal(kind, 'text', text.slice(0, 80))
  return findings.map(({ code }) => code)
}

test('a mail is what begins with the head of one; a text with some of it above is a text', async () => {
  const mails = [
    'From: a@b.net\r\nMIME-Version: 1.0\r\n\r\nHello',
    '\ufeff\r\nFrom: a@b.net\nMessage-ID: <x>\n\nHello',
    'From a@b.net Wed Nov 26 13:30:00 2025\nReceived: by x\nFrom: a@b.net\n\nHello',
    'X-Spam: no\r\n more\r\nfrom : a@b.net\r\n\r\nHello',
  ]
  for (const mail of mails) assert.equal((await read(mail)).kind, 'mail', mail)
  const texts = [
    'From: a@b.net\nDate: today\n\nHello',
    'MIME-Version: 1.0\nSubject: x\n\nFrom: a@b.net',
    'Hello\nFrom: a@b.net\nMIME-Version: 1.0\n\nx',
    'From: a@b.net\nHello Asha\nMIME-Version: 1.0\n\nx',
    'From my desk\nReceived: by x\nFrom: a@b.net\n\nHello',
    '',
  ]
  for (const text of texts) assert.equal((await read(text)).kind, 'text', text)
})

test('a text in UTF-16 is read as one, with either order of bytes', async () => {
  const little = Buffer.from(`\ufeffनमस्ते ${CODE}`, 'utf16le')
  for (const bytes of [little, Buffer.from(little).swap16(), Buffer.from(`\ufeffनमस्ते ${CODE}`)]) {
    const { texts, codes } = await read(bytes)
    assert.deepEqual([texts[0]?.lines[0]?.words[0], codes], ['नमस्ते', [CODE]])
  }
  // One byte too many at its end.
  assert.equal((await read(Buffer.concat([Buffer.from(little).swap16(), Buffer.from('x')]))).codes[0], CODE)
})

test('what is too long is cut and said to be', async () => {
  assert.deepEqual(await found('word '.repeat(40_000)), [])
  assert.deepEqual(await found(`${'word '.repeat(40_000)}x`), ['too_large'])
  const mail = (size: number) => read(`From: a@b.net\r\nMIME-Version: 1.0\r\n\r\n${'word '.repeat(size / 5)}`)
  assert.ok(!(await mail(190_000)).findings.some(({ code }) => code === 'too_large'))
  assert.ok((await mail(210_000)).findings.some(({ code }) => code === 'too_large'))
  // Whatever it is that makes a mail so large.
  const head = 'From: a@b.net\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n'
  const large = await read(`${head}--x\r\nContent-Type: image/png\r\n\r\n${'a\r\n'.repeat(670_000)}--x--\r\n`)
  assert.ok(large.findings.some(({ code }) => code === 'too_large'))
})

test('codes are found, each once, three at most; what looks like one and is none is named', async () => {
  const codes = ['1', '2', '3', '4'].map((end) => `BH-7K2QD-8M4TX-0R9WC-V1HBZ-3ENF${end}`)
  const several = await read([...codes, ...codes].join('\n'))
  assert.deepEqual(several.codes, codes.slice(0, 3))
  assert.deepEqual(await found(CODE), [])
  assert.deepEqual(await found(CODE.slice(0, -1)), ['code_form'])
  assert.deepEqual(await found(`${CODE} and BH-7K2QD-8M4`), [])
  assert.deepEqual(await found('XBH-7K2QD-8M4 and BH is short'), [])
})

test('marks that are not compared draw nothing', async () => {
  const drawn = ['text_around']
  const cases: [text: string, found: string[]][] = [
    ['Hello\n---\nWe\n===\n', []],
    ['* * *', drawn],
    ['-=-', drawn],
    ['> > ---', []],
    ['---\n'.repeat(6), []],
    ['---\n'.repeat(7), drawn],
    ['*****word', drawn],
    ['word_____', drawn],
    ['****word****', []],
    ['- item\n'.repeat(40), []],
    ['-- item\n'.repeat(40), []],
    ['--- item\n'.repeat(12), []],
    ['--- item\n'.repeat(13), drawn],
    ['word -\n'.repeat(12), []],
    ['word -\n'.repeat(13), drawn],
    // A whole text in one line has the marks of its lists in it.
    ['- a b c d e f '.repeat(14), []],
    ['- a b '.repeat(22), drawn],
  ]
  for (const [text, codes] of cases) assert.deepEqual(await found(text), codes, JSON.stringify(text.slice(0, 40)))
})

test('an address behind words is read, but for the same one once more, ours, and a help page', async () => {
  const cases: [text: string, found: string[]][] = [
    ['Check <https://evil.net/>', ['link_foreign']],
    ['Check <https://nimbusnotes.com/check>', []],
    ['Check<https://nimbusnotes.com/check>.', []],
    ['Check <https://nimbusnotes.com/check/>', ['link_foreign']],
    ['mira@a.net <mailto:Mira@a.net>', []],
    ['mira@a.net <mailto:evil@a.net>', ['link_foreign']],
    ['Learn why <https://aka.ms/LearnAboutSenderIdentification>', []],
    ['Call <mailto:asha@example.net>', []],
    ['Call <mailto:ben@example.net>', ['link_foreign']],
  ]
  for (const [text, codes] of cases) assert.deepEqual(await found(text, 'asha@example.net'), codes, text)
  // The domain of an address in its own letters.
  for (const address of [
    'Asha <asha@m\u00fcnchen.de>',
    'mailto:asha@m\u00fcnchen.de',
    'asha@M\u00fcnchen.de.',
    'asha\u200b@m\u00fcnchen.de',
  ])
    assert.deepEqual(await found('Call <mailto:asha@xn--mnchen-3ya.de>', address), [], address)
  assert.deepEqual(await found('Call <mailto:asha@m\u00fcnchen.de>', 'asha@xn--mnchen-3ya.de'), [])
})

test('empty lines without an end are a place to hide in, in a mail', async () => {
  const mail = async (lines: number) =>
    (await read(`From: a@b.net\r\nMIME-Version: 1.0\r\n\r\nHello${'\r\n'.repeat(lines)}x`)).findings.filter(
      ({ code }) => code === 'html_strange',
    ).length
  assert.deepEqual([await mail(60), await mail(61)], [0, 1])
})

test('an address of the recipient in a mail leads nowhere else', async () => {
  const strays = async (body: string) =>
    (await read(`From: a@b.net\r\nTo: asha@example.net\r\nMIME-Version: 1.0\r\n\r\n${body}`)).strayLinks.map(({ code }) => code)
  assert.deepEqual([await strays('asha@example.net'), await strays('ben@example.net')], [[], ['link_foreign']])
})
