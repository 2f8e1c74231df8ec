/** A notice as the bytes of one mail: text and HTML, one recipient, signed with DKIM where a key is configured. */
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createTransport } from 'nodemailer'
import { BulkheadError } from '#base/errors.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import type { NoticeMail } from '#model/notice-text.ts'

export interface Composer {
  /** `to` has been parsed as a mail address. */
  compose(mail: Pick<NoticeMail, 'subject' | 'text' | 'html'>, to: string, head: { messageId: string; at: number }): Promise<Buffer>
}

const RANDOM_BYTES = 18

/** Names nobody; stands in the mail server's log beside the address. */
export function newMessageId(officialDomain: string): string {
  return `<notice.${randomBytes(RANDOM_BYTES).toString('hex')}@${officialDomain}>`
}

/** The key is read once. Throws `notice_key_unusable` when it cannot sign: a notice without its signature looks like a forged one. */
export function createComposer(config: Pick<NoticesConfig, 'from' | 'dkim'>, newline: 'windows' | 'unix'): Composer {
  const { from, dkim } = config
  // Handed to node:crypto as it is. Read from its text for each mail, it takes longer than the signature itself.
  const signing = dkim && { domainName: dkim.domain, keySelector: dkim.selector, privateKey: readKey(dkim.keyFile) as unknown as string }
  const transport = createTransport(
    { streamTransport: true, buffer: true, newline, ...(signing && { dkim: signing }) },
    { disableFileAccess: true, disableUrlAccess: true },
  )
  return {
    compose: async ({ subject, text, html }, to, { messageId, at }) => {
      const { message } = await transport.sendMail({
        from: { name: from.name, address: from.address },
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject,
        text,
        html,
        messageId,
        date: new Date(at),
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
      const bytes = message as Buffer
      if (signing !== undefined && !bytes.subarray(0, 4096).includes('DKIM-Signature:'))
        throw new BulkheadError('notice_key_unusable', 'the key of notices.dkim does not sign')
      return bytes
    },
  }
}

function readKey(file: string): KeyObject {
  const text = readText(file)
  try {
    return createPrivateKey(text)
  } catch (cause) {
    throw new BulkheadError('notice_key_unusable', 'the key of notices.dkim is not a private key in PEM', { cause })
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new BulkheadError('notice_key_unusable', `the key of notices.dkim cannot be read (${code})`, { cause })
  }
}
