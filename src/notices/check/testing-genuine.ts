/** Genuine, whatever way they took. */
import { byHtml, type CheckCase, gmailHead, quote, textOf, wrap } from './testing-case.ts'
import { composed } from './testing-check.ts'

export const GENUINE: readonly CheckCase[] = [
  { name: 'code and address', verdict: 'genuine', reasons: ['code_fits', 'only_code'], make: ({ code, address }) => ({ code, address }) },
  {
    name: 'code typed with spaces in small letters, address in capitals',
    verdict: 'genuine',
    make: ({ code, address }) => ({ code: code.toLowerCase().replaceAll('-', ' '), address: ` ${address.toUpperCase()} ` }),
  },
  {
    name: 'code with letters for digits',
    verdict: 'genuine',
    make: ({ code, address }) => ({ code: code.replaceAll('0', 'O').replaceAll('1', 'l'), address }),
  },
  {
    name: 'the mail as it was sent',
    verdict: 'genuine',
    reasons: ['dkim_good', 'text_same'],
    make: ({ eml, address }) => ({ content: eml, address }),
  },
  {
    name: 'the mail, its address taken from it',
    verdict: 'genuine',
    reasons: ['address_from_mail'],
    make: ({ eml }) => ({ content: eml }),
  },
  { name: 'the mail in Hindi', verdict: 'genuine', reasons: ['dkim_good'], make: (_, { eml, address }) => ({ content: eml, address }) },
  {
    name: 'the mail with bare line feeds',
    verdict: 'genuine',
    make: ({ eml, address }) => ({ content: Buffer.from(eml.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'), address }),
  },
  {
    name: 'the mail with what servers write above it',
    verdict: 'genuine',
    make: ({ eml, address }) => ({
      content: Buffer.concat([
        Buffer.from(
          `Delivered-To: ${address}\r\nReceived: from mx.example.net by mail.example.net; Wed, 26 Nov 2025 08:00:00 +0000\r\nAuthentication-Results: mx; dkim=fail\r\n`,
        ),
        eml,
      ]),
    }),
  },
  {
    name: 'the mail without a signature',
    verdict: 'genuine',
    reasons: ['dkim_none'],
    make: async (notice) => ({ content: await composed(notice.mail, notice.address, { isSigned: false }), address: notice.address }),
  },
  { name: 'the text as it was sent', verdict: 'genuine', make: (notice) => textOf(notice, (text) => text) },
  { name: 'the text in Hindi', verdict: 'genuine', make: (_, hindi) => textOf(hindi, (text) => text) },
  {
    name: 'the text with Windows line ends',
    verdict: 'genuine',
    make: (notice) => textOf(notice, (text) => text.replaceAll('\n', '\r\n')),
  },
  { name: 'the text wrapped at 60', verdict: 'genuine', make: (notice) => textOf(notice, (text) => wrap(text, 60)) },
  { name: 'the text in Hindi wrapped at 40', verdict: 'genuine', make: (_, hindi) => textOf(hindi, (text) => wrap(text, 40)) },
  { name: 'the text quoted', verdict: 'genuine', make: (notice) => textOf(notice, (text) => quote(text)) },
  {
    name: 'the text wrapped and quoted twice',
    verdict: 'genuine',
    make: (notice) => textOf(notice, (text) => quote(quote(wrap(text, 70)), '>')),
  },
  { name: 'the text without empty lines', verdict: 'genuine', make: (notice) => textOf(notice, (text) => text.replace(/\n\n+/g, '\n')) },
  { name: 'the text in one line', verdict: 'genuine', make: (notice) => textOf(notice, (text) => text.replace(/\s+/g, ' ')) },
  {
    name: 'the text with other bullets',
    verdict: 'genuine',
    make: (notice) => textOf(notice, (text) => text.replace(/^- /gm, '  \u2022\t')),
  },
  {
    name: 'the text with non-breaking spaces',
    verdict: 'genuine',
    make: (notice) => textOf(notice, (text) => text.replace(/ (?=\S)/g, '\u00a0')),
  },
  {
    name: 'the text with the link written out behind itself',
    verdict: 'genuine',
    make: (notice) =>
      textOf(notice, (text) =>
        text.replace('https://nimbusnotes.com/check', 'https://nimbusnotes.com/check <https://nimbusnotes.com/check>'),
      ),
  },
  { name: 'the text decomposed', verdict: 'genuine', make: (_, hindi) => textOf(hindi, (text) => text.normalize('NFD')) },
  { name: 'the text twice', verdict: 'genuine', make: (notice) => textOf(notice, (text) => `${text}\n${quote(text)}`) },
  { name: 'the text and its code typed', verdict: 'genuine', make: (notice) => ({ ...textOf(notice, (text) => text), code: notice.code }) },
  {
    name: 'the text sent on with Gmail’s lines',
    verdict: 'genuine',
    reasons: ['lines_above'],
    make: (notice) => textOf(notice, (text) => gmailHead(notice) + text),
  },
  {
    name: 'the text quoted in an answer',
    verdict: 'genuine',
    reasons: ['lines_above'],
    make: (notice) =>
      textOf(notice, (text) => `On Wed, 26 Nov 2025 at 13:30, Nimbus Notes security <security@nimbusnotes.com> wrote:\n\n${quote(text)}`),
  },
  {
    name: 'the text sent on with Outlook’s lines',
    verdict: 'genuine',
    make: (notice) =>
      textOf(
        notice,
        (text) =>
          `-----Original Message-----\nFrom: Nimbus Notes security <security@nimbusnotes.com>\nSent: Wednesday, November 26, 2025 1:30 PM\nTo: ${notice.address}\nSubject: FW: ${notice.mail.subject}\n\n${text}`,
      ),
  },
  {
    name: 'the text quoted in an answer in Hindi',
    verdict: 'genuine',
    reasons: ['lines_above'],
    make: (_, hindi) =>
      textOf(hindi, (text) => `बुध, 26 नव॰ 2025 को 1:30 pm बजे Nimbus Notes security <security@nimbusnotes.com> ने लिखा:\n\n${quote(text)}`),
  },
  {
    name: 'the text with the lines of Apple’s mail',
    verdict: 'genuine',
    reasons: ['lines_above'],
    make: (notice) =>
      textOf(
        notice,
        (text) =>
          `Begin forwarded message:\n\nFrom: "Nimbus Notes security" <security@nimbusnotes.com>\nSubject: ${notice.mail.subject}\nDate: 26 November 2025 at 1:30:00 PM IST\nTo: ${notice.address}\n\n${text}`,
      ),
  },
  {
    name: 'sent on by the recipient under the name that it greets',
    verdict: 'genuine',
    reasons: ['from_you'],
    make: async (notice) => ({
      content: await composed(notice.mail, '', {
        from: `Asha Rao <${notice.address}>`,
        to: 'help@nimbusnotes.com',
        subject: `Fwd: ${notice.mail.subject}`,
        html: false,
        isSigned: false,
      }),
      address: notice.address,
    }),
  },
  {
    name: 'the address typed with its name',
    verdict: 'genuine',
    make: ({ code, address }) => ({ code, address: `Asha Rao <${address}>` }),
  },
  {
    name: 'the address copied from a link',
    verdict: 'genuine',
    make: ({ code, address }) => ({ code, address: `\u200bmailto:${address}.` }),
  },
  {
    name: 'sent on by the recipient',
    verdict: 'genuine',
    reasons: ['from_you'],
    make: async (notice) => ({
      content: await composed(notice.mail, '', {
        from: notice.address,
        to: 'help@nimbusnotes.com',
        subject: `Fwd: ${notice.mail.subject}`,
        text: gmailHead(notice) + notice.mail.text,
        html: false,
        isSigned: false,
      }),
      address: notice.address,
    }),
  },
  { name: 'the HTML alone', verdict: 'genuine', make: (notice) => byHtml(notice, (html) => html) },
  { name: 'the HTML in Hindi alone', verdict: 'genuine', make: (_, hindi) => byHtml(hindi, (html) => html) },
  {
    name: 'the HTML in the boxes of a webmail',
    verdict: 'genuine',
    make: (notice) =>
      byHtml(
        notice,
        (html) =>
          `<div dir="ltr"><div class="gmail_quote"><blockquote style="margin:0 0 0 .8ex;padding-left:1ex">${/<main>([\s\S]*)<\/main>/.exec(html)?.[1]}</blockquote></div></div>`,
      ),
  },
  {
    name: 'the mail in base64',
    verdict: 'genuine',
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { text: notice.mail.text, html: false, isSigned: false }).then((eml) =>
        toBase64(eml, notice.mail.text),
      ),
      address: notice.address,
    }),
  },
]

function toBase64(eml: Buffer, text: string): Buffer {
  const head = eml.toString('latin1').split('\r\n\r\n')[0] as string
  const body = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\r\n')
  return Buffer.from(`${head.replace(/Content-Transfer-Encoding: .*/i, 'Content-Transfer-Encoding: base64')}\r\n\r\n${body}\r\n`)
}
