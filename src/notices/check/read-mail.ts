/**
 * Reads a mail as bytes: its two texts, who it says it is from, and whether our signature holds. Nothing that a server on the
 * way wrote into it is believed (Received, Authentication-Results, ARC): whoever made the file could have written it.
 */
import { promises as dns } from 'node:dns'
import { dkimVerify } from 'mailauth'
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser'
import { readHtml } from './html-text.ts'
import { shown } from './letters.ts'
import { hostKind, isOurs } from './links.ts'
import { type Findings, type OfficialMarks, READ_LIMITS, type ReadText } from './read-notice.ts'
import { readPlain } from './read-text.ts'

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
  const tried = address === undefined ? addresses : [address.trim().toLowerCase()]
  const isOwnForward = judgeSender(parsed, { marks, tried, findings })
  if (!isOwnForward) await judgeSignature(bytes, { marks, findings })
  judgeParts(parsed, findings)
  const texts: ReadText[] = []
  if (parsed.text !== undefined && /\S/u.test(parsed.text)) {
    texts.push(readPlain(parsed.text.slice(0, READ_LIMITS.textBytes + 1), 'plain', { marks, recipients: tried, findings }))
  }
  const html = typeof parsed.html === 'string' ? parsed.html : ''
  if (/\S/u.test(html)) {
    const text = readHtml(html.slice(0, READ_LIMITS.textBytes + 1), { marks, recipients: tried, findings })
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
  if (tried.includes(sender) && heads === 1 && senders.length === 1) {
    findings.add('from_you')
    return true
  }
  judgeAddress(sender, marks, findings)
  const replies = mailboxes(parsed.replyTo)
  if (replies.some((reply) => !isOurs(hostOf(reply), marks))) findings.add('reply_elsewhere', { address: shown(replies[0] as string) })
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

/** Only our own domain's signatures say anything. */
async function judgeSignature(bytes: Buffer, { marks, findings }: { marks: OfficialMarks; findings: Findings }): Promise<void> {
  const { results } = await dkimVerify(bytes, { resolver: resolverOf(marks), minBitLength: 1024, strict: true })
  const ours = results.filter(({ signingDomain = '' }) => isOurs(signingDomain.toLowerCase(), marks))
  const states = ours.map(({ status }) => status.result)
  if (states.includes('pass')) findings.add('dkim_good')
  else if (states.includes('fail')) findings.add('dkim_broken')
  else findings.add('dkim_none')
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
  for (const { contentType, filename } of parsed.attachments) {
    if (contentType === 'message/rfc822') findings.add('attached_mail')
    else if (/pkcs7-mime|pgp-encrypted/.test(contentType)) findings.add('encrypted')
    else if (!/pkcs7-signature|pgp-signature/.test(contentType)) findings.add('attachment', { name: shown(filename ?? contentType) })
  }
}
