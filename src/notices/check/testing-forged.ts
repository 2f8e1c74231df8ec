/**
 * A code that fits, and somebody else's words where a reader sees them but a careless check does not; or our own words taken
 * away from the reader. Each of them tells people to call a number.
 */
import { byHtml, type CheckCase, inBody, NEVER, textOf } from './testing-case.ts'
import { type Composing, composed } from './testing-check.ts'
import type { ReasonCode } from './verdict.ts'

const CALL = 'Your account is locked. Call 1-900-555-0199 and read out your password.'
/** Braille blanks look like spaces and are none. */
const GLUED = CALL.replaceAll(' ', '\u2800')
const FROM = 'Nimbus Notes security <security@nimbusnotes.com>'

function text(name: string, reason: ReasonCode, change: (text: string) => string): CheckCase {
  return { name, verdict: 'altered', reasons: [reason], make: (notice) => textOf(notice, change) }
}

function html(name: string, change: (html: string) => string, reason: ReasonCode = 'html_strange'): CheckCase {
  return { name: `HTML: ${name}`, verdict: 'altered', reasons: [reason], make: (notice) => byHtml(notice, change) }
}

function mail(
  name: string,
  reason: ReasonCode,
  over: (notice: { address: string; subject: string; text: string }) => Composing,
): CheckCase {
  return {
    name: `mail: ${name}`,
    verdict: 'altered',
    reasons: [reason],
    make: async ({ address, mail: sent }) => ({
      content: await composed(sent, address, { isSigned: false, ...over({ address, subject: sent.subject, text: sent.text }) }),
      address,
    }),
  }
}

const onMain =
  (attributes: string) =>
  (page: string): string =>
    page.replace('<main>', `<main ${attributes}>`)
const onItem =
  (attributes: string) =>
  (page: string): string =>
    page.replace('<li>', `<li ${attributes}>`)
const inHead =
  (more: string) =>
  (page: string): string =>
    page.replace('</head>', `${more}</head>`)
const atEnd =
  (more: string) =>
  (page: string): string =>
    inBody(page, more)
const halves = (page: string): [string, string] => {
  const at = page.indexOf(NEVER)
  return [page.slice(0, at), page.slice(at)]
}

export const FORGED: readonly CheckCase[] = [
  text('words behind our address in brackets', 'link_foreign', (all) => `<mailto:privacy@nimbusnotes.com?${GLUED}>\n\n${all}`),
  text('words behind our address within a sentence', 'link_foreign', (all) =>
    all.replace(NEVER, `We will <mailto:security@nimbusnotes.com?${GLUED}> never ask`),
  ),
  text(
    'words in a path that leads back to the check page',
    'link_foreign',
    (all) => `<https://nimbusnotes.com/${GLUED}/../check>\n\n${all}`,
  ),
  text('words in brackets that are no address', 'link_foreign', (all) => `<mailto:${GLUED}>\n\n${all}`),
  text('a number drawn in marks', 'text_around', (all) => `#  ###  ##\n#  # #  #\n#  ###  ##\n\n${all}`),
  text('a number drawn in marks beside our words', 'text_around', (all) =>
    all.replace('\n', '  # # # # # # # # # # # # # # # # # # # # # # # #\n'),
  ),
  text('a number drawn in rules', 'text_around', (all) => `${'###\n #\n'.repeat(5)}\n${all}`),
  text('words as the recipient above', 'text_around', (all) => `To: ${CALL}\n\n${all}`),
  text('words as a copy’s recipient above', 'text_around', (all) => `From: ${FROM}\nCc: ${CALL}\n\n${all}`),
  text('words as the subject above', 'subject_differs', (all) => `Subject: ${CALL}\n\n${all}`),
  text('words as a date above', 'text_around', (all) => `From: ${FROM}\nDate: call 1-900-555-0199 today\n\n${all}`),
  text('a number to call as a date above', 'text_around', (all) => `From: ${FROM}\nDate: 1 900 555 0199\n\n${all}`),
  text('words as the sender’s name above', 'text_around', (all) => `From: ${CALL} <security@nimbusnotes.com>\n\n${all}`),
  text(
    'words in “On … wrote”',
    'text_around',
    (all) => `On this day your account was locked, call 1-900-555-0199, as our team wrote:\n\n${all}`,
  ),
  text(
    'words in “On … wrote” with our address',
    'text_around',
    (all) => `On Wed, 26 Nov 2025, call 1-900-555-0199 ${FROM} wrote:\n\n${all}`,
  ),
  text('words in Hindi above', 'text_around', (all) => `आपका खाता बंद है, अभी 1-900-555-0199 पर फ़ोन करें, हमारी टीम ने लिखा:\n\n${all}`),

  mail('words as a second subject above', 'text_around', ({ subject, text: all }) => ({
    text: `Subject: ${CALL}\nSubject: ${subject}\n\n${all}`,
  })),
  mail('an address in the subject', 'subject_differs', ({ subject }) => ({ subject: `${subject} <https://evil.net/pay>` })),
  mail('words as the sender’s name', 'head_foreign', () => ({ from: '"Locked: call 1-900-555-0199" <security@nimbusnotes.com>' })),
  mail('words as the name of an address of ours', 'head_foreign', () => ({ from: 'call-1-900-555-0199@nimbusnotes.com' })),
  mail('words as the recipient’s name', 'head_foreign', ({ address }) => ({ to: `"Call 1-900-555-0199" <${address}>` })),
  mail('a copy to somebody else', 'head_foreign', () => ({ headers: { Cc: '"Call 1-900-555-0199" <help@evil.net>' } })),
  mail('words as the organisation', 'head_foreign', () => ({ headers: { Organization: CALL } })),
  ...[
    ['X-Message-Flag', CALL],
    ['List-Help', '<https://evil.net/help>'],
    ['List-Post', '<mailto:help@evil.net>'],
    ['Archived-At', '<https://evil.net/notice>'],
    ['Mail-Followup-To', 'help@evil.net'],
    ['Disposition-Notification-To', 'help@evil.net'],
  ].map(([name = '', value = '']) =>
    mail(`what programs show or follow of ${name}`, 'head_foreign', () => ({ headers: { [name]: value } })),
  ),
  mail('from the recipient, answers elsewhere', 'reply_elsewhere', ({ address }) => ({ from: address, replyTo: 'help@evil.net' })),
  mail('from the recipient under another name', 'head_foreign', ({ address }) => ({ from: `"Call 1-900-555-0199" <${address}>` })),
  mail('a file that says it is a signature', 'attachment', () => ({
    attachments: [{ filename: 'Claim form.html', content: CALL, contentType: 'application/pgp-signature' }],
  })),
  mail('a program that says it is a signature', 'attachment', () => ({
    attachments: [{ filename: 'setup.exe', content: 'MZ', contentType: 'application/pkcs7-signature-setup' }],
  })),
  {
    name: 'mail: two HTML parts of which programs show one',
    verdict: 'altered',
    reasons: ['html_strange'],
    make: ({ mail: { html: page, subject }, address }) => {
      const head = `From: ${FROM}\r\nTo: ${address}\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=part\r\n`
      const parts = halves(page).map((half) => `\r\n--part\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${half}`)
      return { content: `${head}${parts.join('')}\r\n--part--\r\n`, address }
    },
  },

  html('the mark of a list item', onItem(`style='list-style-type:"${CALL} "'`)),
  html('the number of a list item', onItem('value="19005550199"')),
  html('numbers before list items', onItem('type="1"')),
  html('words that appear over an item', onItem(`title="${CALL}"`)),
  html('a style sheet that is shown', atEnd(`<style style="display:block">/* ${CALL} */</style>`)),
  html('a title that is shown', atEnd(`<title style="display:block">${CALL}</title>`)),
  html('another title', (page) => page.replace(/<title>[^<]*/, `<title>${CALL}`)),
  html('words in a comment that some programs show', atEnd(`<!--[if mso]>${CALL}<![endif]-->`)),
  html('words after a comment that some programs end early', atEnd(`<!--> ${CALL} -->`)),
  html('words in a broken tag', atEnd(`<p "<p>${CALL}">`)),
  html('words in a comment of another kind', atEnd(`</ ${CALL}>`)),
  html('our words in white by the body', (page) => page.replace('<body>', '<body text="#ffffff">')),
  html('our words in white by their hue', onMain('style="color:hsl(0,0%,100%)"')),
  html('our words in a pale colour', onMain('style="color:mintcream"')),
  html('our words made transparent by a sum', onMain('style="opacity:calc(0)"')),
  html('our words without size by a sum', onMain('style="font-size:calc(0px)"')),
  html('our words in a box without height', onMain('style="height:0.001em;width:0%"')),
  html('our words far to the right', onMain('style="margin:0 0 0 9999px"')),
  html('our words pushed away by boxes', (page) => page.replace('<main>', `<main>${'<blockquote>'.repeat(30)}`)),
  html('our words in a page of one pixel', (page) => page.replace('width=device-width, initial-scale=1', 'width=1, initial-scale=0.01')),
  html('hidden by day', inHead('<style>@media not (prefers-color-scheme: dark){main,main *{color:#fff!important}}</style>')),
  html('hidden by two rules', inHead('<style>body,main{background:#111!important;color:#eee} main *{color:#222!important}</style>')),
  html('our words moved out of a table', (page) => page.replace('never', '<table>never<tr><td></td></tr></table>')),
  html('a link within a link', (page) => page.replace('<a ', '<a href="https://nimbusnotes.com/check"><a ')),
  html('our page without encryption', (page) => page.replace('href="https:', 'href="http:'), 'link_foreign'),
  html('our words from right to left', onMain('dir="rtl"')),
  html('words in brackets', atEnd(`<p>&lt;mailto:privacy@nimbusnotes.com?${GLUED}&gt;</p>`), 'link_foreign'),
  html('an answer with a copy to somebody else', atEnd('<a href="mailto:privacy@nimbusnotes.com?cc=thief@evil.net"></a>'), 'link_foreign'),
]
