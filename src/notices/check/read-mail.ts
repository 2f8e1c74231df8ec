/**
 * Reads a mail as bytes: its two texts, who it says it is from, and whether our signature holds. Nothing that a server on the
 * way wrote into it is believed (Received, Authentication-Results, ARC): whoever made the file could have written it.
 */
import { promises as dns } from 'node:dns'
import { dkimVerify } from 'mailauth'
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser'
import { canonicalWords } from '#model/notice-text.ts'
import { addressesShown } from './addresses.ts'
import { type HeadGiven, isDate, isGreetedIn, isOurAddress, isOurName } from './head-lines.ts'
import { readHtml } from './html-text.ts'
import { bareSubject } from './known-lines.ts'
import { shown } from './letters.ts'
import { hostKind, isOurs } from './links.ts'
import { judgeShape } from './mail-shape.ts'
import { type Findings, type OfficialMarks, READ_LIMITS, type ReadText } from './read-notice.ts'
import { readPlain } from './read-text.ts'
import { isSignature } from './signatures.ts'

const PARSING = {
  skipHtmlToText: true,
  skipTextToHtml: true,
  skipTextLinks: true,
  skipImageLinks: true,
  keepCidLinks: true,
  checksumAlgo: false,
  maxHeadSize: 100_000,
  // What is attached is another mail: it is not read as if it were this one.
  ignoreEmbedded: true,
} as const
const DNS_TIMEOUT_MS = 2000
/** Servers write whom they delivered to; the nearest to the recipient is the first. */
const RECIPIENT_HEADERS = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to'] as const

export interface ReadMail {
  texts: ReadText[]
  addresses: string[]
  subject: string | undefined
}

export async function readMail(
  bytes: Buffer,
  given: { marks: OfficialMarks; address: string | undefined; findings: Findings },
): Promise<ReadMail> {
  const { marks, address, findings } = given
  const parsed = await parse(bytes)
  if (parsed === undefined) {
    findings.add('unreadable')
    return { texts: [], addresses: [], subject: undefined }
  }
  const addresses = recipients(parsed)
  const tried = (address === undefined ? addresses : [address]).flatMap(addressesShown)
  const isOwnForward = judgeSender(parsed, { marks, tried, findings })
  const isSigned = isOwnForward ? false : await judgeSignature(bytes, { marks, findings })
  judgeHead(parsed, { marks, tried, findings, isOwnForward, isSigned })
  judgeParts(parsed, findings)
  judgeShape(bytes, findings)
  const texts: ReadText[] = []
  if (parsed.text !== undefined && /\S/u.test(parsed.text)) {
    texts.push(readPlain(parsed.text.slice(0, READ_LIMITS.textBytes + 1), 'plain', { marks, recipients: tried, findings }))
  }
  const html = typeof parsed.html === 'string' ? parsed.html : ''
  if (/\S/u.test(html)) {
    const text = readHtml(html.slice(0, READ_LIMITS.textBytes + 1), {
      marks,
      recipients: tried,
      findings,
      subject: parsed.subject === undefined ? undefined : bareSubject(parsed.subject).subject,
    })
    texts.push(readPlain(text, 'html', { marks, recipients: tried, findings }))
  }
  if (html.length > READ_LIMITS.textBytes || (parsed.text?.length ?? 0) > READ_LIMITS.textBytes) findings.add('too_large')
  return { texts, addresses, subject: parsed.subject }
}

async function parse(bytes: Buffer): Promise<ParsedMail | undefined> {
  try {
    return await simpleParser(bytes, PARSING)
  } catch {
    // Over a limit of the parser, or no mail at all.
    return undefined
  }
}

function recipients(parsed: ParsedMail): string[] {
  const found = new Set<string>()
  for (const name of RECIPIENT_HEADERS) {
    for (const { key, line } of parsed.headerLines)
      if (key === name)
        found.add(
          line
            .slice(line.indexOf(':') + 1)
            .trim()
            .toLowerCase(),
        )
  }
  for (const each of [parsed.to].flat()) for (const one of mailboxes(each)) found.add(one)
  return [...found].filter((one) => /^[^\s@<>]+@[^\s@<>]+$/.test(one)).slice(0, READ_LIMITS.addresses)
}

function mailboxes(list: AddressObject | undefined): string[] {
  const all = (list?.value ?? []).flatMap((one) => one.group ?? [one])
  return all.flatMap(({ address }) => (address ? [address.trim().toLowerCase()] : []))
}

/** Whether the recipients themselves sent it on: then nothing can be said of who sent it first. */
function judgeSender(parsed: ParsedMail, given: { marks: OfficialMarks; tried: readonly string[]; findings: Findings }): boolean {
  const { marks, tried, findings } = given
  const heads = parsed.headerLines.filter(({ key }) => key === 'from').length
  const senders = mailboxes(parsed.from)
  if (heads !== 1 || senders.length !== 1) findings.add('from_several')
  const [sender = ''] = senders
  const replies = mailboxes(parsed.replyTo)
  const isOwn = (reply: string): boolean => isOurs(hostOf(reply), marks) || (tried.includes(sender) && reply === sender)
  const elsewhere = replies.find((reply) => !isOwn(reply))
  if (elsewhere !== undefined) findings.add('reply_elsewhere', { address: shown(elsewhere) })
  if (tried.includes(sender) && heads === 1 && senders.length === 1) {
    findings.add('from_you')
    return true
  }
  judgeAddress(sender, marks, findings)
  return false
}

function judgeAddress(address: string, marks: OfficialMarks, findings: Findings): void {
  const kind = hostKind(hostOf(address), marks)
  if (kind === 'lookalike') findings.add('from_lookalike', { address: shown(address) })
  else if (kind === 'foreign') findings.add('from_foreign', { address: shown(address === '' ? '?' : address) })
}

function hostOf(address: string): string {
  return URL.parse(`https://${address.split('@').at(-1) ?? ''}`)?.hostname ?? ''
}

/** Each is shown to people, Outlook prints a flag's words above the mail say, or leads or answers elsewhere at a touch. */
const NEVER_OURS = new RegExp(
  `^(${[
    'cc|bcc|organization|resent-(from|to|sender|cc|bcc|reply-to)|keywords|comments|x-message-flag|(x-)?face|x-image-url',
    'list-.*|archived-at|mail-(reply|followup)-to|newsgroups|followup-to|disposition-notification-to|return-receipt-to',
  ].join('|')})$`,
)
/** Programs differ in which of two they take. */
const ONCE = ['subject', 'to', 'reply-to', 'content-type', 'content-transfer-encoding', 'date', 'sender'] as const

function judgeHead(
  parsed: ParsedMail,
  given: { marks: OfficialMarks; tried: readonly string[]; findings: Findings; isOwnForward: boolean; isSigned: boolean },
): void {
  const { marks, tried, findings, isOwnForward, isSigned } = given
  const foreign = (text: string): void => findings.add('head_foreign', { text: shown(text) })
  const by = { marks, recipients: tried }
  for (const { key, line } of parsed.headerLines) {
    if (NEVER_OURS.test(key)) foreign(line)
    // A remark in brackets: some programs show it.
    else if (/^(from|to|reply-to|sender)$/.test(key) && line.includes('(')) foreign(line)
    else if (key === 'date' && !isDate(line.slice(line.indexOf(':') + 1))) foreign(line)
    else if (key === 'sender' && !areOurs(line.match(/[^\s<>:;,"]+@[^\s<>;,"]+/g) ?? [], by)) foreign(line)
    // Outlook calls a conversation so.
    else if (key === 'thread-topic' && !isSubject(parsed, parsed.headers.get('thread-topic'))) foreign(line)
  }
  for (const key of ONCE) if (parsed.headerLines.filter((line) => line.key === key).length > 1) foreign(`${key}: … ${key}: …`)
  const isName = (name: string, address: string): boolean => name.trim() === '' || name.trim().toLowerCase() === address
  for (const { name, address } of named(parsed.from)) {
    const isOur = isOurName(name, by) && (isSigned || isOurAddress(address, by) || !isOurs(hostOf(address), marks))
    if (!(isOwnForward ? isName(name, address) || isGreeted(parsed, name) : isOur)) foreign(`${name} <${address}>`)
  }
  for (const { name, address } of named(parsed.replyTo)) if (!isName(name, address) && !isOurName(name, by)) foreign(`${name} <${address}>`)
  for (const { name, address } of [parsed.to].flat().flatMap((list) => named(list))) {
    const isTo = isOwnForward ? address !== '' : tried.includes(address)
    if (!isTo || !(isName(name, address) || isOurName(name, by) || isGreeted(parsed, name))) foreign(`${name} <${address}>`)
  }
}

function areOurs(addresses: readonly string[], by: HeadGiven): boolean {
  return addresses.length > 0 && addresses.every((address) => isOurAddress(address, by))
}

function isSubject({ subject = '' }: ParsedMail, topic: unknown): boolean {
  const plain = (text: string): string => canonicalWords(bareSubject(text).subject).join(' ')
  return typeof topic === 'string' && plain(topic) === plain(subject)
}

function named(list: AddressObject | undefined): { name: string; address: string }[] {
  return (list?.value ?? []).map(({ name, address }) => ({ name, address: (address ?? '').trim().toLowerCase() }))
}

function isGreeted({ text, html }: ParsedMail, name: string): boolean {
  const lines = (html || '').replace(/<\/?(?:p|div|br|h\d|li|t[rd]|main|body)\b[^<>]*>/gi, '\n').replace(/<[^<>]*>/g, '')
  return isGreetedIn((text !== undefined && /\S/u.test(text) ? text : lines).split('\n'), name)
}

/** Only our own domain's signatures say anything. */
async function judgeSignature(bytes: Buffer, { marks, findings }: { marks: OfficialMarks; findings: Findings }): Promise<boolean> {
  const { results } = await dkimVerify(bytes, { resolver: resolverOf(marks), minBitLength: 1024, strict: true })
  const ours = results.filter(({ signingDomain = '' }) => isOurs(signingDomain.toLowerCase(), marks))
  const states = ours.map(({ status }) => status.result)
  if (states.includes('pass')) findings.add('dkim_good')
  else if (states.includes('fail')) findings.add('dkim_broken')
  else findings.add('dkim_none')
  return states.includes('pass')
}

/** Answers for our own selector from what we know; asks DNS only where it is told to, and about nobody else. */
function resolverOf(marks: OfficialMarks): (name: string, type: string) => Promise<string[][]> {
  const { dkim } = marks
  const known = dkim === undefined ? undefined : `${dkim.selector}._domainkey.${dkim.domain}`.toLowerCase()
  return async (name, type) => {
    const asked = name.toLowerCase().replace(/\.$/, '')
    if (type === 'TXT' && asked === known) return [[`v=DKIM1; k=rsa; p=${dkim?.publicKey ?? ''}`]]
    if (marks.checkDns && type === 'TXT' && asked.endsWith(`.${marks.domain}`)) {
      const resolver = new dns.Resolver({ timeout: DNS_TIMEOUT_MS, tries: 1 })
      return resolver.resolveTxt(asked)
    }
    throw Object.assign(new Error('not asked'), { code: 'ESERVFAIL' })
  }
}

function judgeParts(parsed: ParsedMail, findings: Findings): void {
  for (const { contentType, filename, content } of parsed.attachments) {
    if (contentType === 'message/rfc822') findings.add('attached_mail')
    else if (/pkcs7-mime|pgp-encrypted/.test(contentType)) findings.add('encrypted')
    // Programs show it as a file, and whoever wrote the mail chose its type: it is looked at.
    else if (isSignature({ contentType, filename, content })) findings.add('signature_added', { name: shown(filename ?? contentType) })
    else findings.add('attachment', { name: shown(filename ?? contentType) })
  }
}
