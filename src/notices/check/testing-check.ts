/** Real notices in a real vault, as mails with a real signature: what the tests of the check forge, edit and forward. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createTransport } from 'nodemailer'
import type { NoticesConfig } from '#model/notices-config.ts'
import { type NoticeMail, type NoticeMember, noticeParagraphs, type NoticeShape } from '#model/notice-text.ts'
import { renderNotice } from '#notices/text/render.ts'
import { loadNoticeTemplates } from '#notices/text/templates.ts'
import { testingShapes, testingSubject } from '#notices/text/testing-notices.ts'
import type { NoticeVault } from '#vault/notice-port.ts'
import type { OfficialMarks } from './read-notice.ts'

const keys = generateKeyPairSync('rsa', { modulusLength: 1024 })
export const DKIM_PEM = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

export const MARKS: OfficialMarks = {
  company: 'Nimbus Notes',
  domain: 'nimbusnotes.com',
  checkUrl: 'https://nimbusnotes.com/check',
  contactMail: 'privacy@nimbusnotes.com',
  sender: 'security@nimbusnotes.com',
  senderName: 'Nimbus Notes security',
  dkim: {
    domain: 'nimbusnotes.com',
    selector: 'n1',
    publicKey: keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  },
  checkDns: false,
}

export const CONTACT: NoticesConfig['contact'] = {
  team: 'Privacy team',
  mail: MARKS.contactMail,
  hours: '09:00–18:00 (IST)',
  languages: ['en', 'hi'],
  dpo: 'Asha Rao',
}

export interface SentNotice {
  code: string
  address: string
  mail: NoticeMail
  /** As it goes to the mail server, signed. */
  eml: Buffer
}

const templates = loadNoticeTemplates()
/** 26 November 2025. */
export const SENT_DAY = 20_418

/** Issues, keeps and composes notices of one version. */
export async function sendNotices(
  vault: Pick<NoticeVault, 'issueNotices' | 'keepSheets' | 'keepNotices'>,
  people: readonly { address: string; name?: string; shape?: string; language?: string; listed?: readonly NoticeMember[] }[],
): Promise<SentNotice[]> {
  const versionId = randomBytes(16).toString('hex')
  const version = { versionId, incident: 7, version: 1 }
  const { domain: officialDomain, checkUrl } = MARKS
  const subject = testingSubject({ versionId, officialDomain, checkUrl, contact: { ...CONTACT, mail: 'privacy@nimbusnotes.com' } as never })
  const codes = await vault.issueNotices(
    version,
    people.map(({ address }, person) => ({ person: person + 1, address })),
  )
  const shapes = testingShapes()
  const sent: SentNotice[] = []
  for (const [index, { address, name, shape: key = 'clear', language = 'en', listed }] of people.entries()) {
    const shape = shapes[key] as NoticeShape
    const about = { ...subject, notSent: subject.notSent.filter((field) => !shape.sent.some((each) => each.field === field)) }
    const code = codes[index] as string
    const mail = renderNotice(templates, language, about, shape, {
      code,
      ...(name === undefined ? {} : { name }),
      organisation: { members: 4, ...(listed !== undefined && { listed }) },
    })
    const { common, personal } = noticeParagraphs(mail)
    await vault.keepSheets(version, [{ shape: shape.key, language, common, subject: mail.subject }])
    await vault.keepNotices(version, [{ code, address, shape: shape.key, language, day: SENT_DAY, personal }])
    sent.push({ code, address, mail, eml: await composed(mail, address) })
  }
  return sent
}

export interface Composing {
  from?: string
  replyTo?: string
  to?: string
  subject?: string
  text?: string | false
  html?: string | false
  isSigned?: boolean
  headers?: Record<string, string>
  attachments?: { filename: string; content: string | Buffer; contentType?: string }[]
}

/** A mail with these texts; by default what we send. */
export async function composed(mail: NoticeMail, address: string, over: Composing = {}): Promise<Buffer> {
  const { domain, selector } = MARKS.dkim as NonNullable<OfficialMarks['dkim']>
  const signing = { dkim: { domainName: domain, keySelector: selector, privateKey: DKIM_PEM } }
  const transport = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    ...(over.isSigned === false ? {} : signing),
  })
  const { message } = await transport.sendMail({
    from: over.from ?? `Nimbus Notes security <${MARKS.sender}>`,
    to: over.to ?? address,
    ...(over.replyTo === undefined ? {} : { replyTo: over.replyTo }),
    subject: over.subject ?? mail.subject,
    ...(over.text === false ? {} : { text: over.text ?? mail.text }),
    ...(over.html === false ? {} : { html: over.html ?? mail.html }),
    headers: { 'Auto-Submitted': 'auto-generated', ...over.headers },
    ...(over.attachments === undefined ? {} : { attachments: over.attachments }),
    date: new Date(SENT_DAY * 86_400_000),
  })
  return message as Buffer
}
