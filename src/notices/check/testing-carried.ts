/** Genuine notices as mail programs and filters carry them on. */
import { byHtml, type CheckCase, textOf } from './testing-case.ts'
import { composed, type SentNotice } from './testing-check.ts'
import * as programs from './testing-programs.ts'
import type { ReasonCode } from './verdict.ts'

/** Sent on by the recipient, to somebody who asks. */
const sentOn = (notice: SentNotice, html: string, text?: string) => ({
  from: `Asha Rao <${notice.address}>`,
  to: 'help@nimbusnotes.com',
  subject: `Fwd: ${notice.mail.subject}`,
  text: text ?? (false as const),
  html,
  isSigned: false,
})

function byProgram(name: string, make: (notice: SentNotice) => string, text?: (notice: SentNotice) => string | undefined): CheckCase {
  return {
    name: `sent on: ${name}`,
    verdict: 'altered',
    reasons: ['html_strange'],
    make: async (notice) => ({
      content: await composed(notice.mail, '', sentOn(notice, make(notice), text?.(notice))),
      address: notice.address,
    }),
  }
}

/** What it says is ours, and its look is not: nobody knows what a look does. Never is it called somebody else's. */
const RESTYLED = { verdict: 'altered', reasons: ['html_strange'] } as const

function filtered(name: string, reasons: readonly ReasonCode[], change: (html: string) => string, over = {}): CheckCase {
  return { name: `filtered: ${name}`, verdict: 'genuine', reasons, make: (notice) => byHtml(notice, change, over) }
}

export const CMS_SIGNATURE = Buffer.concat([Buffer.from('308203fc06092a864886f70d010702', 'hex'), Buffer.alloc(1009, 7)])
const ARMOURED = 'iQEzBAEBCAAdFiEEabc+/123\n'.repeat(6)
export const PGP_SIGNATURE = `-----BEGIN PGP SIGNATURE-----\n\n${ARMOURED}=AbCd\n-----END PGP SIGNATURE-----\n`

const signed = (name: string, filename: string, content: string | Buffer, contentType: string): CheckCase => ({
  name: `sent on with a signature: ${name}`,
  verdict: 'genuine',
  reasons: ['signature_added', 'from_you'],
  make: async (notice) => ({
    content: await composed(notice.mail, '', {
      ...sentOn(notice, notice.mail.html),
      attachments: [{ filename, content, contentType }],
    }),
    address: notice.address,
  }),
})

/** Another writing of the same bytes, as servers on the way make it. */
const recoded = (
  name: string,
  charset: BufferEncoding,
  change: (html: string) => string,
  over: Pick<CheckCase, 'verdict' | 'reasons'>,
): CheckCase => ({
  name: `written anew: ${name}`,
  ...over,
  make: ({ mail, address }) => {
    const encoding = charset === 'latin1' ? 'iso-8859-1' : 'utf-8'
    const encoded = [...Buffer.from(mail.subject)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    const head = [
      `From: =?utf-8?B?${Buffer.from('Nimbus Notes security').toString('base64')}?= <security@nimbusnotes.com>`,
      `To: "${address}" <${address}>`,
      `Subject: =?utf-8?Q?${encoded.join('')}?=`,
      'Date: Wed, 26 Nov 2025 13:30:00 +0530',
      'MIME-Version: 1.0',
      `Content-Type: text/html; charset="${encoding}"`,
      'Content-Transfer-Encoding: base64',
    ].join('\r\n')
    const body = Buffer.from(change(mail.html), charset).toString('base64').replace(/.{76}/g, '$&\r\n')
    return { content: Buffer.from(`${head}\r\n\r\n${body}\r\n`), address }
  },
})

export const CARRIED: readonly CheckCase[] = [
  byProgram('Gmail', (notice) => programs.gmail(notice).html),
  byProgram(
    'Outlook on Windows',
    (notice) => programs.outlook(notice).html,
    (notice) => programs.outlook(notice).text,
  ),
  byProgram('Outlook in the browser', (notice) => programs.outlookWeb(notice).html),
  byProgram('Outlook in the browser, with our sheet', (notice) => programs.outlookWeb(notice).text ?? ''),
  byProgram('Apple Mail', (notice) => programs.apple(notice).html),
  byProgram('Thunderbird', (notice) => programs.thunderbird(notice).html),
  byProgram('Yahoo', (notice) => programs.yahoo(notice).html),
  // What the forgeries of testing-restyled.ts begin with, before they change it.
  { name: 'in Gmail’s form, from us', ...RESTYLED, make: (notice) => byHtml(notice, () => programs.gmail(notice).html) },
  { name: 'in Outlook’s form, from us', ...RESTYLED, make: (notice) => byHtml(notice, () => programs.outlook(notice).html) },
  { name: 'without its sheet', verdict: 'genuine', make: (notice) => byHtml(notice, programs.bare) },
  { name: 'in Hindi, without its sheet', verdict: 'genuine', make: (_, hindi) => byHtml(hindi, programs.bare) },
  {
    name: 'in a quiet box',
    ...RESTYLED,
    make: (notice) =>
      byHtml(notice, (html) =>
        programs.bare(html).replace('<main>', '<main style="font-size:12pt;margin:0 0 0 .8ex;color:#222222;background:#ffffff">'),
      ),
  },
  filtered('links through Microsoft', ['link_filtered'], (html) => programs.throughFilter(html, programs.SAFE_LINK)),
  filtered('links through Proofpoint', ['link_filtered'], (html) => programs.throughFilter(html, programs.DEFENSE_LINK)),
  filtered('links through Proofpoint’s older form', ['link_filtered'], (html) => programs.throughFilter(html, programs.DEFENSE_2_LINK)),
  {
    name: 'filtered: links through Microsoft, with the first address shown over it',
    ...RESTYLED,
    make: (notice) =>
      byHtml(notice, (html) =>
        programs
          .throughFilter(html, programs.SAFE_LINK)
          .replace(
            '<a ',
            '<a originalsrc="https://nimbusnotes.com/check" shash="aB+/=" title="Original URL: https://nimbusnotes.com/check. Click or tap if you trust this link." ',
          ),
      ),
  },
  {
    name: 'filtered: a note to be careful, in a box',
    ...RESTYLED,
    make: (notice) => byHtml(notice, (html) => programs.withBanner(html)),
  },
  filtered('a note to be careful', ['lines_known'], (html) => html.replace('<main>', `<div>${programs.BANNER}</div><main>`)),
  {
    name: 'filtered: text with all of it',
    verdict: 'genuine',
    reasons: ['lines_known', 'link_filtered'],
    make: (notice) =>
      textOf(notice, (text) => `${programs.BANNER}\n\n${text.replaceAll('https://nimbusnotes.com/check', programs.DEFENSE_LINK)}`),
  },
  {
    name: 'filtered: the subject marked, and our signature broken by it',
    verdict: 'genuine',
    reasons: ['lines_known', 'dkim_broken'],
    make: ({ eml, address }) => ({
      content: Buffer.from(eml.toString('latin1').replace(/^Subject: /m, 'Subject: [EXTERNAL] '), 'latin1'),
      address,
    }),
  },
  {
    name: 'changed after it was signed, where nobody sees it',
    verdict: 'genuine',
    reasons: ['dkim_broken'],
    make: ({ eml, address }) => ({ content: Buffer.from(eml.toString('latin1').replace('</body>', '<br></body>'), 'latin1'), address }),
  },
  {
    name: 'the text from a telephone',
    verdict: 'genuine',
    reasons: ['lines_known'],
    make: (notice) => textOf(notice, (text) => `${text}\n\nSent from my iPhone\n`),
  },
  {
    name: 'the text with each link written behind it without a space',
    verdict: 'genuine',
    make: (notice) => textOf(notice, (text) => text.replace(/https:\/\/nimbusnotes\.com\/check/g, '$&<$&>')),
  },
  {
    name: 'the mail to the recipient under the name that it greets',
    verdict: 'genuine',
    make: async (notice) => ({
      content: await composed(notice.mail, '', { to: `Asha Rao <${notice.address}>`, isSigned: false }),
      address: notice.address,
    }),
  },
  signed('S/MIME', 'smime.p7s', CMS_SIGNATURE, 'application/pkcs7-signature'),
  signed('OpenPGP', 'OpenPGP_signature.asc', PGP_SIGNATURE, 'application/pgp-signature'),
  recoded('base64, encoded heads', 'utf8', (html) => html, { verdict: 'genuine' }),
  recoded(
    'another character set, said in page and part',
    'latin1',
    (html) =>
      html
        .replace('<meta charset="utf-8">', '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">')
        .replace(/[^\u0000-\u00ff]/g, (letter) => `&#${letter.codePointAt(0)};`),
    RESTYLED,
  ),
]
