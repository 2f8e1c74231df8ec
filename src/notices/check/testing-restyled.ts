/**
 * Forgeries that hide behind what programs and filters are let do: the boxes, sheets, links, notes and signatures of testing-carried.ts,
 * each with somebody else's words in it, or with ours taken away from the reader.
 */
import { byHtml, type CheckCase, inBody, NEVER, textOf } from './testing-case.ts'
import { PGP_SIGNATURE, CMS_SIGNATURE } from './testing-carried.ts'
import { type Composing, composed, type SentNotice } from './testing-check.ts'
import { BANNER, bare, gmail, mainOf, outlook, OUTLOOK_HEAD, SAFE_LINK, throughFilter, withBanner } from './testing-programs.ts'
import type { ReasonCode } from './verdict.ts'

const CALL = 'Your account is locked. Call 1-900-555-0199 and read out your password.'
const LINK = 'href="https://nimbusnotes.com/check"'

function html(name: string, change: (html: string, notice: SentNotice) => string, ...reasons: ReasonCode[]): CheckCase {
  return { name: `restyled: ${name}`, verdict: 'altered', reasons, make: (notice) => byHtml(notice, (page) => change(page, notice)) }
}

/** Nothing of it is left to be read, the code neither. */
const unseen = (name: string, change: (html: string, notice: SentNotice) => string): CheckCase => ({
  ...html(name, change, 'no_code'),
  verdict: 'cannot_tell',
})

const inOutlook = (notice: SentNotice, change: (head: string) => string): string =>
  outlook(notice).html.replace(OUTLOOK_HEAD, () => change(OUTLOOK_HEAD))
const link = (to: string, name: string): CheckCase => html(`a filter’s link ${name}`, (page) => throughFilter(page, to))
const target = encodeURIComponent('https://nimbusnotes.com/check')
const filter = 'https://eur01.safelinks.protection.outlook.com'
const rest = '&data=05%7C02%7Cx&sdata=ab%3D&reserved=0'

const text = (name: string, change: (text: string) => string, ...reasons: ReasonCode[]): CheckCase => ({
  name: `carried: ${name}`,
  verdict: 'altered',
  reasons,
  make: (notice) => textOf(notice, change),
})

const mail = (name: string, over: (notice: SentNotice) => Composing, ...reasons: ReasonCode[]): CheckCase => ({
  name: `carried: ${name}`,
  verdict: 'altered',
  reasons,
  make: async (notice) => ({
    content: await composed(notice.mail, notice.address, { isSigned: false, ...over(notice) }),
    address: notice.address,
  }),
})

const cells = (rows: string[]): string =>
  `<table>${rows.map((row) => `<tr>${[...row].map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`
const drawn = (name: string, on: string, off = '&nbsp;'): CheckCase =>
  html(
    `a number drawn in ${name}`,
    (page) => inBody(bare(page), cells(['# #', '# #', '###']).replaceAll('#', on).replaceAll('<td> </td>', `<td>${off}</td>`)),
    'html_strange',
  )

export const RESTYLED: readonly CheckCase[] = [
  // Sheets.
  html(
    'words before a paragraph, by a sheet of Word',
    (_, notice) => inOutlook(notice, (head) => head.replace('ul\n\t{', `p::before\n\t{content:"${CALL}";}\nul\n\t{`)),
    'html_strange',
  ),
  html(
    'words as the mark of a list, by a sheet of Word',
    (_, notice) => inOutlook(notice, (head) => head.replace('mso-level-text:\\F0B7', `mso-level-text:"${CALL}"`)),
    'html_strange',
  ),
  html(
    'letters from elsewhere, by a sheet of Word',
    (_, notice) => inOutlook(notice, (head) => head.replace('{font-family:Aptos;}', '{font-family:Aptos;src:url(https://evil.net/f);}')),
    'html_picture',
  ),
  html(
    'a sheet that paints all letters white',
    (_, notice) => inOutlook(notice, (head) => head.replace('color:windowtext', 'color:white')),
    'html_hidden',
  ),
  html(
    'a sheet that paints the ground black',
    (_, notice) => inOutlook(notice, (head) => head.replace('div.WordSection1\n\t{', 'div.WordSection1\n\t{background:black;')),
    'html_hidden',
  ),
  html('a sheet whose comment ends elsewhere', (_, notice) =>
    inOutlook(notice, (head) => head.replace('ul\n\t{', '/* } */ p {display:none} /* { */ ul\n\t{')),
  ),
  html(
    'a sheet for every element',
    (_, notice) => inOutlook(notice, (head) => head.replace('ul\n\t{margin-bottom', '*\n\t{margin-left')),
    'html_strange',
  ),
  html(
    'our sheet without its light letters for the night',
    (page) => page.replace('body{background:#101316;color:#e6e9ec}', 'body{background:#101316}'),
    'html_strange',
  ),
  html(
    'our sheet under a prefix, with one rule more',
    (page) => page.replace('p.small{', 'p.x_small{').replace('hr{border:0', 'p{display:none}hr{border:0'),
    'html_hidden',
  ),
  html('a sheet that is shown', (page) => page.replace('<style>', '<style style="display:block">'), 'html_strange'),
  html('letters of another alphabet', (page) => bare(page).replace('<main>', '<main style="font-family:Wingdings">'), 'html_strange'),
  // Colours, sizes, places.
  unseen('white letters in a box of Gmail’s', (_, notice) =>
    gmail(notice).html.replace('<div>\n<u></u>', '<div style="color:rgb(255, 255, 255)">\n<u></u>'),
  ),
  html('white letters by a font', (page) => bare(page).replace(NEVER, `<font color="#ffffff">${NEVER}</font>`), 'html_hidden'),
  html('letters of the night by day', (page) => page.replace(NEVER, `<span style="color:#e6e9ec">${NEVER}</span>`), 'html_hidden'),
  html('letters of the day by night', (page) => page.replace(NEVER, `<span style="color:#1c2126">${NEVER}</span>`), 'html_strange'),
  unseen('light letters around small ones that our sheet does not reach', (page) =>
    `${page}`.replace('p.small{', 'p.x_small{').replace('<main>', '<main><div style="color:#eeeeee">').replace('</main>', '</div></main>'),
  ),
  unseen('dark letters on a dark ground', (page) => bare(page).replace('<main>', '<main style="background:#111111">')),
  html(
    'a link that is not seen on its ground',
    (page) => bare(page).replace('<main>', '<main style="color:#ffffff;background:#000099">'),
    'html_strange',
  ),
  html('letters too small to be read', (page) => bare(page).replace(NEVER, `<span style="font-size:7pt">${NEVER}</span>`), 'html_strange'),
  html(
    'lines on top of each other',
    (page) =>
      bare(page)
        .replace('<main>', '<main style="font-size:10px;line-height:100%"><div style="font-size:28px">')
        .replace('</main>', '</div></main>'),
    'html_strange',
  ),
  html(
    'our words far to the right, step by step',
    (page) => bare(page).replace('<main>', `<main>${'<div style="margin-left:48px">'.repeat(20)}`),
    'html_strange',
  ),
  html(
    'our words far to the right, by a sheet',
    (page) =>
      bare(page)
        .replace('</head>', '<style>div{margin-left:48px}</style></head>')
        .replace('<main>', `<main>${'<div>'.repeat(20)}`),
    'html_strange',
  ),
  html('headings in headings', (page) => page.replace(NEVER, `<h1><div><h1><div><h1>${NEVER}</h1></div></h1></div></h1>`), 'html_strange'),
  html('letters that stand out within words', (page) => page.replace(NEVER, 'We wil<b>l</b> never ask'), 'html_strange'),
  html('our words at the right', (page) => bare(page).replace('<main>', '<main style="text-align:right;direction:rtl">'), 'html_strange'),
  drawn('rules', '<hr>'),
  drawn('grounds', '<p style="background:#000000">&nbsp;</p>'),
  drawn('boxes', '<div style="border-top:solid #000000 3.0pt">&nbsp;</div>'),
  drawn('quotes', '<blockquote>&nbsp;</blockquote>'),
  drawn('marks of lists', '<ul><li>&nbsp;</li></ul>'),
  drawn('underlined spaces', '<u>&nbsp;</u>'),
  drawn('links of spaces', `<a ${LINK}>&nbsp;</a>`),
  html(
    'a number drawn in boxes within a line',
    (page) => inBody(bare(page), `<p>${'<span style="border:solid #000000 3.0pt">&nbsp;</span> '.repeat(5)}</p>`),
    'html_strange',
  ),
  html(
    'a number drawn in white on black',
    (page) =>
      inBody(
        bare(page),
        `<div style="background:#000000">${cells(['# #', '# #', '###']).replaceAll('#', '<p style="background:#ffffff">&nbsp;</p>')}</div>`,
      ),
    'html_strange',
  ),
  html(
    'a number drawn in white for the night',
    (page) => inBody(page, cells(['# #', '###', '  #']).replaceAll('#', '<p style="background:#ffffff">&nbsp;</p>')),
    'html_strange',
  ),
  // Attributes and comments.
  html('words over a link', (page) => page.replace('<a ', `<a title="${CALL}" `), 'html_strange'),
  html(
    'words over a link, as a filter writes them',
    (page) => page.replace('<a ', '<a title="Original URL: https://evil.net/. Click or tap if you trust this link." '),
    'html_strange',
  ),
  html('another first address', (page) => page.replace('<a ', '<a originalsrc="https://evil.net/" '), 'html_strange'),
  html(
    'another note of Gmail’s',
    (page) =>
      page.replace('<a ', '<a data-saferedirecturl="https://www.google.com/url?q=https://evil.net/&amp;source=gmail&amp;ust=1&amp;usg=a" '),
    'html_strange',
  ),
  html(
    'words in a comment for Word',
    (_, notice) => inOutlook(notice, (head) => head.replace('spidmax="1026" />', `spidmax="1026" />${CALL}`)),
    'html_strange',
  ),
  html(
    'words behind a comment for Word',
    (_, notice) => inOutlook(notice, (head) => head.replace('</xml><![endif]-->', `</xml><![endif]-->-->${CALL}`)),
    'text_around',
  ),
  html('words under a class of a page around', (page) => page.replace(NEVER, `<span class="hidden">${NEVER}</span>`), 'html_strange'),
  html(
    'a character set that the part does not say',
    (page) => page.replace('<meta charset="utf-8">', '<meta charset="iso-2022-jp">'),
    'html_strange',
  ),
  html(
    'a word of Gmail’s lines changed',
    (_, notice) => gmail(notice).html.replace('Nimbus Notes security</strong>', `${CALL}</strong>`),
    'text_around',
  ),
  html('a title in the middle', (page) => page.replace(NEVER, `<title>${CALL}</title>${NEVER}`), 'html_strange'),
  // Links.
  link(`${filter}/?url=${encodeURIComponent('https://evil.net/')}${rest}`, 'to elsewhere'),
  link(`${filter}/?url=${target}&url=${encodeURIComponent('https://evil.net/')}${rest}`, 'with two targets'),
  link(`${filter}/?url=${target}${encodeURIComponent('@evil.net/')}${rest}`, 'to our name as a user of another'),
  link(`${filter}/?url=${encodeURIComponent('https://nimbusnotes.com/go?to=evil.net')}${rest}`, 'to another page of ours'),
  link(`${filter}.evil.net/?url=${target}${rest}`, 'on a host that only begins so'),
  link(`https://evil.net/?${filter}/?url=${target}${rest}`, 'behind another host'),
  link(`https://eur01.safelinks.protection.outlook.com@evil.net/?url=${target}${rest}`, 'as a user of another host'),
  link('https://urldefense.com/v3/__https://evil.net/__;!!Ab12!Xy$', 'of Proofpoint to elsewhere'),
  link('https://urldefense.com/v3/__https://nimbusnotes.com/check*__;Lw!!Ab12!Xy$', 'of Proofpoint with a replaced letter'),
  link(
    'https://urldefense.proofpoint.com/v2/url?u=https-3A__nimbusnotes.com-40evil.net_check&d=a&c=b&r=c&m=d&s=e&e=',
    'of Proofpoint to our name as a user',
  ),
  link('https://www.google.com/url?q=https://nimbusnotes.com/check&source=gmail&ust=1&usg=a', 'of Google'),
  html('another address shown on a filter’s link', (page) =>
    throughFilter(page, SAFE_LINK).replace('>https://nimbusnotes.com/check<', '>https://nimbusnotes.co/check<'),
  ),
  html(
    'our words linked to Microsoft’s help',
    (page) => page.replace(NEVER, `<a href="https://aka.ms/LearnAboutSenderIdentification">${NEVER}</a>`),
    'link_foreign',
  ),
  text(
    'a filter’s link to elsewhere',
    (all) => all.replace('https://nimbusnotes.com/check', 'https://urldefense.com/v3/__https://evil.net/__;!!Ab12!Xy$'),
    'text_changed',
  ),
  text(
    'another link glued behind ours',
    (all) => all.replace('https://nimbusnotes.com/check', 'https://nimbusnotes.com/check<https://evil.net/x>'),
    'link_foreign',
  ),
  text(
    'words glued behind ours',
    (all) => all.replace('https://nimbusnotes.com/check', 'https://nimbusnotes.com/check<https://nimbusnotes.com/call-1900>'),
    'link_foreign',
  ),
  // Notes of filters.
  text(
    'a note with a number in it',
    (all) => `${BANNER.replace('Do not click', 'Call 1-900-555-0199. Do not click')}\n\n${all}`,
    'text_around',
  ),
  text('a note and one more sentence in its line', (all) => `${BANNER} ${CALL}\n\n${all}`, 'text_around'),
  text('a note within the notice', (all) => all.replace(NEVER, `${BANNER} ${NEVER}`), 'text_changed'),
  text(
    'a note about another sender',
    (all) => `You don't often get email from help@evil.net. Learn why this is important\n\n${all}`,
    'text_around',
  ),
  text('a note in letters that look alike', (all) => `${BANNER.replace('originated', 'origin\u0430ted')}\n\n${all}`, 'mixed_letters'),
  text('notes so many that the notice is far below', (all) => `${`${BANNER}\n\n`.repeat(30)}${all}`, 'text_around'),
  text('words below, as from a telephone', (all) => `${all}\n\nSent from my iPhone 1-900-555-0199\n`, 'text_around'),
  html('a note in a box, with more', (page) => withBanner(page, `${BANNER} ${CALL}`), 'text_around'),
  mail(
    'a mark in the subject that says more',
    ({ mail: { subject } }) => ({ subject: `[EXTERNAL: call 1-900-555-0199] ${subject}` }),
    'subject_differs',
  ),
  mail('a subject behind a mark', () => ({ subject: '[EXTERNAL] Your account is locked' }), 'subject_differs'),
  // Names and signatures.
  mail('a name of the recipient that the notice does not greet', ({ address }) => ({ to: `Account Locked <${address}>` }), 'head_foreign'),
  mail(
    'a name that only a false greeting has',
    ({ address, mail: { text: all } }) => ({ to: `Account Locked <${address}>`, html: false, text: `Hello Account Locked,\n\n${all}` }),
    'text_around',
  ),
  text(
    'a name above that the notice does not greet',
    (all) => `From: Nimbus Notes security <security@nimbusnotes.com>\nTo: Call Us Now <asha.rao@example.net>\n\n${all}`,
    'text_around',
  ),
  text(
    'words of the notice as a name above it',
    (all) =>
      `From: Nimbus Notes security <security@nimbusnotes.com>\nTo: ask for passwords <asha.rao@example.net>\n\n${all.replace('ask for passwords, verification codes,', '\n$&\n')}`,
    'text_around',
  ),
  mail(
    'a signature under another name',
    () => ({ attachments: [{ filename: 'read me.p7s', content: CMS_SIGNATURE, contentType: 'application/pkcs7-signature' }] }),
    'attachment',
  ),
  mail(
    'a text as a signature',
    () => ({ attachments: [{ filename: 'smime.p7s', content: CALL, contentType: 'application/pkcs7-signature' }] }),
    'attachment',
  ),
  mail(
    'a text behind a signature',
    () => ({
      attachments: [
        { filename: 'smime.p7s', content: Buffer.concat([CMS_SIGNATURE, Buffer.from(CALL)]), contentType: 'application/pkcs7-signature' },
      ],
    }),
    'attachment',
  ),
  mail(
    'words in a signature',
    () => ({
      attachments: [
        {
          filename: 'signature.asc',
          content: PGP_SIGNATURE.replace('\n\n', `\nComment: ${CALL}\n\n`),
          contentType: 'application/pgp-signature',
        },
      ],
    }),
    'attachment',
  ),
  mail(
    'a page as a signature',
    () => ({ attachments: [{ filename: 'signature.html', content: PGP_SIGNATURE, contentType: 'application/pgp-signature' }] }),
    'attachment',
  ),
  // In a program's own form, one word changed.
  html('one word changed in what Outlook wrote', (_, notice) => outlook(notice).html.replace('never ask', 'also ask'), 'text_changed'),
  html(
    'one word hidden in what Outlook wrote',
    (_, notice) => outlook(notice).html.replace('never ask', `<span style='mso-hide:all'>never</span> ask`),
    'html_strange',
  ),
  html(
    'a picture in what Outlook wrote',
    (_, notice) => outlook(notice).html.replace('<div class=WordSection1>', '<div class=WordSection1><img src="cid:x">'),
    'html_picture',
  ),
  html(
    'the whole beside a form',
    (page) => inBody(`<div>${mainOf(page)}</div>`, '').replace('</div>', '<input name="password"></div>'),
    'html_form',
  ),
]
