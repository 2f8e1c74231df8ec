/**
 * Mails of a forger: in words of their own or in those of a notice that somebody really got, with no code, a code that is made up,
 * somebody else's or the receiver's own. No mail server sees them; what matters is what a check says of them.
 */
import { createHash } from 'node:crypto'
import { simpleParser } from 'mailparser'
import nodemailer from 'nodemailer'
import type { StepOf } from './story-format.ts'

export interface PhishParts {
  to: string
  company: string
  officialDomain: string
  /** The mail that is copied, or whose code is used; undefined where neither is. */
  notice: Buffer | undefined
}

/** What a person holds in hand: a mail, and the code in it. */
export interface HeldMail {
  raw: Buffer
  code: string | undefined
}

const CODE = /BH(?:-[0-9A-Z]{5}){5}/

export function codeOf(text: string): string | undefined {
  return CODE.exec(text)?.[0]
}

/** The part that people read, as a mail program shows it when it shows text. */
export async function textOfMail(raw: Buffer): Promise<string> {
  return (await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true })).text ?? ''
}

export async function heldMail(raw: Buffer): Promise<HeldMail> {
  return { raw, code: codeOf(await textOfMail(raw)) }
}

export async function forgeMail(step: StepOf<'phish'>, { to, company, officialDomain, notice }: PhishParts): Promise<HeldMail> {
  const copied = notice === undefined ? undefined : await simpleParser(notice, { skipHtmlToText: true, skipTextToHtml: true })
  const codeInNotice = codeOf(copied?.text ?? '')
  const code = step.code === 'invented' ? inventedCode(to) : step.code === 'stolen' || step.code === 'own' ? codeInNotice : undefined
  const domain = step.domain ?? officialDomain
  const forged = (text: string): string => {
    const linked = text.replaceAll(officialDomain, domain)
    return codeInNotice === undefined ? linked : linked.replaceAll(codeInNotice, code ?? '')
  }
  const isCopied = step.words === 'copied' && copied !== undefined
  const own = ownWords({ company, domain, code })
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' })
  const { message } = await transport.sendMail({
    from: { name: `${company} security`, address: `security@${domain}` },
    to,
    subject: isCopied ? (copied.subject ?? '') : `${company}: confirm your account`,
    text: isCopied ? forged(copied.text ?? '') : own,
    ...(isCopied && typeof copied.html === 'string' && { html: forged(copied.html) }),
  })
  return { raw: message as Buffer, code }
}

/** Of the right form, and nobody's. */
function inventedCode(to: string): string {
  const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const bytes = createHash('sha256').update(`a code for ${to}`).digest()
  const groups = Array.from({ length: 5 }, (_, group) =>
    Array.from(bytes.subarray(group * 5, group * 5 + 5), (byte) => letters[byte % 32]).join(''),
  )
  return `BH-${groups.join('-')}`
}

function ownWords({ company, domain, code }: { company: string; domain: string; code: string | undefined }): string {
  return [
    `Dear customer of ${company},`,
    'Your data was part of a breach at one of our providers.',
    `Confirm your password within 24 hours, or your account will be closed: https://${domain}/confirm`,
    ...(code === undefined ? [] : [`Your check code: ${code}`]),
    'The security team',
    '',
  ].join('\n\n')
}
