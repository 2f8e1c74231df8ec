/**
 * Forgeries that live of what programs do with what is not quite right: of tags that browsers mend, of styles that they drop, of two
 * borders of which they take the other one.
 */
import { CMS_SIGNATURE } from './testing-carried.ts'
import { byHtml, type CheckCase, NEVER, textOf } from './testing-case.ts'
import { composed, type SentNotice } from './testing-check.ts'
import { bare } from './testing-programs.ts'
import type { ReasonCode } from './verdict.ts'

const WHITE = 'color:#ffffff'
const LINK = 'href="https://nimbusnotes.com/check"'

function html(name: string, change: (html: string) => string, reason: ReasonCode = 'html_strange'): CheckCase {
  return { name: `mended: ${name}`, verdict: 'altered', reasons: [reason], make: (notice) => byHtml(notice, (page) => change(bare(page))) }
}
const never = (name: string, around: string, reason?: ReasonCode): CheckCase =>
  html(name, (page) => page.replace(NEVER, around.replace('…', NEVER)), reason)
const main = (name: string, before: string, behind: string, reason?: ReasonCode): CheckCase =>
  html(name, (page) => page.replace('<main>', `<main>${before}`).replace('</main>', `${behind}</main>`), reason)
const withSheet = (name: string, sheet: string, change: (page: string) => string): CheckCase =>
  html(name, (page) => change(page.replace('</head>', `<style>${sheet}</style></head>`)))

const heads = ({ mail, address }: SentNotice, more: string): string =>
  `From: Nimbus Notes security <security@nimbusnotes.com>\r\nTo: ${address}\r\nSubject: =?utf-8?B?${Buffer.from(mail.subject).toString('base64')}?=
Date: Wed, 26 Nov 2025 13:30:00 +0530\r\nMIME-Version: 1.0\r\n${more}\r\n`
const base64 = (text: string): string => Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\r\n')
const raw = (name: string, verdict: 'altered' | 'genuine', type: string, make: (ours: string) => string, more = ''): CheckCase => ({
  name: `put together: ${name}`,
  verdict,
  make: (notice) => ({
    content: Buffer.from(`${heads(notice, `${more}Content-Type: ${type}`)}${make(base64(notice.mail.text))}`),
    address: notice.address,
  }),
})
const PLAIN = 'text/plain; charset=utf-8'
const head = (line: string, verdict: 'altered' | 'genuine' = 'altered'): CheckCase =>
  raw(`with ${line}`, verdict, PLAIN, (ours) => `Content-Transfer-Encoding: base64\r\n\r\n${ours}`.trimStart(), `${line}\r\n`)
const inPart = (name: string, type: string, more = '', verdict: 'altered' | 'genuine' = 'altered'): CheckCase =>
  raw(
    name,
    verdict,
    'multipart/mixed; boundary=B',
    (ours) => `\r\n--B\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n${more}\r\n${ours}\r\n--B--\r\n`,
  )
const BORDERS = (ours: string): string =>
  `\r\n--A\r\n\r\nYour account is locked. Call 1-900-555-0199.\r\n--A--\r\n--B\r\nContent-Type: ${PLAIN}\r\nContent-Transfer-Encoding: base64\r\n\r\n${ours}\r\n--B--\r\n`

export const MENDED: readonly CheckCase[] = [
  // Words that are white on white, by a cascade.
  never('a link in the colour around it', `<span style="${WHITE}"><a ${LINK} style="color:inherit">…</a></span>`, 'html_hidden'),
  withSheet('links in the colour around them, by a sheet', 'a{color:inherit}', (page) =>
    page.replace(NEVER, `<span style="${WHITE}"><a ${LINK}>${NEVER}</a></span>`),
  ),
  never('the first of two colours is important', `<span style="${WHITE} !important;color:#000000">…</span>`),
  never('the second of two colours is inherited', `<span style="${WHITE}"><span style="color:#000000;color:inherit">…</span></span>`),
  never('a font gives its colour up', `<span style="${WHITE}"><font color="#000000" style="color:inherit">…</font></span>`),
  withSheet('a cell gives its ground up, by a sheet', 'td{background:transparent}', (page) =>
    page
      .replace('<main>', `<main><table><tr><td bgcolor="#000000"><div style="${WHITE}">`)
      .replace('</main>', '</div></td></tr></table></main>'),
  ),
  main(
    'a cell gives its ground up',
    `<table><tr><td bgcolor="#000000" style="background:none"><div style="${WHITE}">`,
    '</div></td></tr></table>',
  ),
  ...['rgb (0,0,0)', '&nbsp;#000000', '#0!important00', '#000000 !important !important'].map((value) =>
    never(`a colour that browsers drop: ${value}`, `<span style="${WHITE}"><span style="color:${value}">…</span></span>`),
  ),
  main('a ground as HTML reads it', '<table><tr><td bgcolor="rgb(240,240,240)">', '</td></tr></table>'),
  // Nothing of it is left to be read, the code neither.
  {
    ...main('a ground as only HTML reads it', '<table><tr><td bgcolor="#000000 !important">', '</td></tr></table>'),
    verdict: 'cannot_tell',
    reasons: ['no_code'],
  },
  html('small words that are called labels', (page) => page.replace(/ to /, ` <span style="${WHITE}">to</span> `), 'html_hidden'),
  html('a dot in a name', (page) => page.replace('nimbusnotes.com', `nimbusnotes<span style="${WHITE}">.</span>com`), 'html_hidden'),
  html('the program’s own colour for text, by night', (page) =>
    page
      .replace('</head>', '<meta name="color-scheme" content="light dark"></head>')
      .replace('<main>', '<main style="background:#fffffe;color:windowtext">'),
  ),
  // Tags.
  main('a font that goes on', '<p><font color="#ffffff"></p>', ''),
  main('a block within a paragraph', `<div style="${WHITE}"><p><span style="color:#000000"><div>`, '</div></span></p></div>'),
  main('boxes across each other', `<div style="${WHITE}"><b><div></b></div>`, '</div>'),
  html('a table in the colour of the page', (page) =>
    page
      .replace(/<!doctype html>/i, '')
      .replace('<body>', `<body style="${WHITE}">`)
      .replace('<main>', '<main><div style="color:#000000"><table><tr><td>')
      .replace('</main>', '</td></tr></table></div></main>'),
  ),
  html('a cell that does not end', (page) =>
    page.replace('<main>', '<main><div style="color:#000000"><table><tr><td>&nbsp;</div></td></tr></table>'),
  ),
  never('two styles', `<span style="color:#000000" style="${WHITE}">…</span>`),
  html('words joined by a second body', (page) => page.replace('never ask', 'never<body>ask')),
  html('words joined behind the page', (page) => page.replace('</main>', '</main></body>').replace('</html>', 'x</html>')),
  html(
    'words joined by a title',
    (page) => page.replace(/<title>.*?<\/title>/, '').replace('never ask', `never${/<title>.*?<\/title>/.exec(page)?.[0]}ask`),
    'text_changed',
  ),
  never('words joined by a line of one pixel', 'We will<hr width="1" size="1" style="display:inline-block">never ask'),
  // Lines and places.
  main(
    'lines as small as those around',
    '<div style="font-size:10px;line-height:100%"><div style="line-height:inherit;font-size:28px">',
    '</div></div>',
  ),
  main(
    'lines by a font that browsers drop',
    '<div style="font-size:10px;line-height:100%"><div style="font:28px/inherit arial;font-size:28px">',
    '</div></div>',
  ),
  main('letters of a size by name', '<div style="font-size:10px;line-height:100%"><div style="font-size:x-large">', '</div></div>'),
  main('letters of a size by number', '<div style="font-size:10px;line-height:100%"><font size="4">', '</font></div>'),
  withSheet('lines by a sheet', 'div{line-height:100%;font-size:10px}p{font-size:28px}', (page) =>
    page.replace('<main>', '<main><div>').replace('</main>', '</div></main>'),
  ),
  never('a small word between large ones', '<b style="font-size:30px">We will</b> <span style="font-size:10px">never</span> ask'),
  never('a pale word between dark ones', 'We will <span style="color:#8a8a8a">never</span> ask'),
  never('a word struck by the line below others', 'We will <u><span style="vertical-align:middle">never</span></u> ask'),
  main('places that are inherited', `<div style="margin-left:48px">${'<div style="margin-left:inherit">'.repeat(30)}`, '</div>'.repeat(31)),
  main(
    'lines that are inherited',
    '<table style="border:solid #000000 2px"><tr style="border:inherit"><td style="border-left:inherit">&nbsp;</td><td>&nbsp;</td></tr></table>',
    '',
  ),
  main('a table wider than any page', '<table width="9999"><tr><td>', '</td></tr></table>'),
  main('a line without end, in a cell', '<table><tr><th nowrap>', '</th></tr></table>'),
  html('a line without end, of tied words', (page) =>
    page.replace(/>[^<]*We will never ask[^<]*</, (all) => all.replaceAll(' ', '&nbsp;')),
  ),
  html('columns', (page) =>
    page.replace('<main>', '<main><table><tr><td>').replace('</h1>', '</h1></td><td>').replace('</main>', '</td></tr></table></main>'),
  ),
  html('a page from right to left', (page) => page.replace(/<html lang="\w+" dir="\w+"/, '<html lang="ar" dir="rtl"')),
  html('the rest far below', (page) => page.replace(/<h2>/, `${'<br>'.repeat(400)}<h2>`)),
  html('the rest behind more than is shown', (page) => page.replace(/<h2>/, `${`<span id="${'x'.repeat(100)}"> </span>`.repeat(900)}<h2>`)),
  {
    name: 'mended: words joined by what old programs do not know',
    verdict: 'altered',
    reasons: ['html_strange'],
    make: (notice) => byHtml(notice, (page) => page.replace(/<p>([^<]*)never ask([^<]*)<\/p>/, '<div>$1never<main>ask$2</main></div>')),
  },
  {
    name: 'drawn: a number in marks beside our words',
    verdict: 'altered',
    reasons: ['text_around'],
    make: (notice) =>
      textOf(notice, (text) => text.replace(/(?<=[a-z]) (?=\S+ \S+ \S+)/g, (_, at: number) => (at % 3 === 0 ? '   |   ---\n' : ' '))),
  },
  {
    name: 'put together: a signature that holds what it signs',
    verdict: 'altered',
    reasons: ['attachment'],
    make: async (notice) => {
      const content = Buffer.concat([
        CMS_SIGNATURE.subarray(0, 15),
        Buffer.from('301606092a864886f70d010701a0090407', 'hex'),
        CMS_SIGNATURE.subarray(32),
      ])
      const attachments = [{ filename: 'smime.p7s', content, contentType: 'application/pkcs7-signature' }]
      return { content: await composed(notice.mail, notice.address, { isSigned: false, attachments }), address: notice.address }
    },
  },
  // Mails.
  raw('as the next ones', 'genuine', PLAIN, (ours) => `Content-Transfer-Encoding: base64\r\n\r\n${ours}`.trimStart()),
  inPart('in one part', PLAIN, 'Content-Disposition: inline\r\n', 'genuine'),
  raw('two borders', 'altered', 'multipart/mixed; boundary=B; boundary=A', BORDERS),
  raw('two borders, one in pieces', 'altered', 'multipart/mixed; boundary=A; boundary*0=B', BORDERS),
  inPart('two encodings', PLAIN, 'Content-Transfer-Encoding: base64\r\n'),
  inPart('a file’s name', `${PLAIN}; name="Call 1-900-555-0199.txt"`),
  inPart('a file’s name elsewhere', PLAIN, 'Content-Disposition: inline; filename="Call 1-900-555-0199.txt"\r\n'),
  inPart('a description', PLAIN, 'Content-Description: Call 1-900-555-0199\r\n'),
  inPart('a character set that few programs know', 'text/plain; charset=utf-7'),
  inPart('two character sets', `${PLAIN}; charset=iso-8859-1`),
  ...[
    'Sender: security@nimbusnotes.com <help@evil.net>',
    'Thread-Topic: Call 1-900-555-0199',
    'Keywords: Call 1-900-555-0199',
    'Comments: Call 1-900-555-0199',
    'Resent-Cc: help@evil.net',
  ].map((line) => head(line)),
  head('Sender: Nimbus Notes security <security@nimbusnotes.com>', 'genuine'),
  {
    name: 'put together: with the subject as its topic',
    verdict: 'genuine',
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { headers: { 'Thread-Topic': notice.mail.subject } }),
      address: notice.address,
    }),
  },
  {
    name: 'put together: the rest of the text far below',
    verdict: 'altered',
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { html: false, text: notice.mail.text.replace('\n\n', '\n'.repeat(500)) }),
      address: notice.address,
    }),
  },
  ...[
    'From: Nimbus Notes security <security@nimbusnotes.com mailto:help@evil.net>',
    'From: Nimbus Notes security <security@nimbusnotes.com [mailto:help@evil.net]>',
    'On Wed, 26 Nov 2025 at 13:30, Nimbus Notes security <security@nimbusnotes.com mailto:help@evil.net> wrote:',
  ].map(
    (line): CheckCase => ({
      name: `above: ${line}`,
      verdict: 'altered',
      reasons: ['text_around'],
      make: (notice) => textOf(notice, (text) => `${line}\n\n${text}`),
    }),
  ),
]
