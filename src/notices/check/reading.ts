/** From bytes to what a notice says: a mail or a text, whichever it is. */
import type { ReadNotice, OfficialMarks } from './read-notice.ts'
import { Findings, READ_LIMITS } from './read-notice.ts'
import { addressesShown } from './addresses.ts'
import { readMail } from './read-mail.ts'
import { codesIn, readText, strayLinks } from './read-text.ts'

export interface ToRead {
  bytes: Uint8Array
  marks: OfficialMarks
  address: string | undefined
}

export async function readNotice({ bytes, marks, address }: ToRead): Promise<ReadNotice> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!isMail(buffer)) return readText(decodeText(buffer), { marks, address })
  const findings = new Findings()
  if (buffer.length > READ_LIMITS.mailBytes) findings.add('too_large')
  const read = await readMail(buffer.subarray(0, READ_LIMITS.mailBytes), { marks, address, findings })
  const recipients = (address === undefined ? read.addresses : [address]).flatMap(addressesShown)
  const codes = codesIn(read.texts, findings)
  return { kind: 'mail', ...read, codes, findings: findings.all(), strayLinks: strayLinks(read.texts, { marks, recipients }) }
}

const MAIL_HEADERS = /^(received|return-path|delivered-to|mime-version|message-id|content-type|dkim-signature|x-[a-z-]+)\s*:/im
const HEADER_LINE = /^[!-9;-~]+[ \t]*:/

/** A head as mail servers write it, up to an empty line. A text that somebody copied with From and Date above it is none. */
function isMail(bytes: Buffer): boolean {
  const start = bytes
    .subarray(0, 64 * 1024)
    .toString('latin1')
    .replace(/^(\u00ef\u00bb\u00bf)?\s*/, '')
  const head = start.split(/\r?\n\r?\n/, 1)[0] as string
  const lines = head.split(/\r?\n/)
  const first = lines[0] as string
  if (!HEADER_LINE.test(first) && !/^From .+\d{4}$/.test(first)) return false
  return (
    lines.slice(1).every((line) => HEADER_LINE.test(line) || /^[ \t]/.test(line) || line === '') &&
    MAIL_HEADERS.test(head) &&
    /^from\s*:/im.test(head)
  )
}

/** UTF-8, or UTF-16 as some editors save it. */
function decodeText(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le')
  if (bytes[0] === 0xfe && bytes[1] === 0xff)
    return Buffer.from(bytes.subarray(2, bytes.length & ~1))
      .swap16()
      .toString('utf16le')
  return bytes.toString('utf8').replace(/^\ufeff/, '')
}
