/**
 * The company's own mail server in a story: an SMTP server on loopback that takes whatever comes, keeps each mail as it came, and
 * outlives whoever is killed beside it. It is a development package, as the official SDKs are.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Readable } from 'node:stream'

export interface ReceivedMail {
  /** UTC ms of the story's clock. */
  at: number
  from: string
  /** Envelope; one, unless somebody sends to many at once. */
  to: readonly string[]
  raw: Buffer
}

export interface MailSink {
  readonly host: string
  readonly port: number
  /** In the order in which they were taken. */
  mails(): readonly ReceivedMail[]
  /** Called when a mail was taken, before the sender has been told so; the sender waits. Undefined: nobody is. */
  beforeReply(call: ((count: number) => Promise<void> | void) | undefined): void
  close(): Promise<void>
}

const MAIL_BYTES_MAX = 4 * 1024 * 1024

/** `folder`: each mail is also kept there as a file, for whoever looks later. */
export async function startMailSink(now: () => number, folder?: string): Promise<MailSink> {
  const { SMTPServer } = await import('smtp-server')
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  const mails: ReceivedMail[] = []
  let listener: ((count: number) => Promise<void> | void) | undefined
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    size: MAIL_BYTES_MAX,
    logger: false,
    onData: (stream, session, done) => {
      bytesOf(stream)
        .then(async (raw) => {
          const { mailFrom, rcptTo } = session.envelope
          const from = mailFrom === false ? '' : mailFrom.address
          if (folder !== undefined) writeFileSync(path.join(folder, `${String(mails.length + 1).padStart(4, '0')}.eml`), raw)
          mails.push({ at: now(), from, to: rcptTo.map(({ address }) => address), raw })
          await listener?.(mails.length)
          done(null, 'taken')
        })
        .catch((thrown: unknown) => done(thrown instanceof Error ? thrown : new Error(String(thrown))))
    },
  })
  // A sender that is killed leaves its connection broken; that is what a story is about.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    // By name, since the vendors' servers of a story have the address: nothing is mailed through a vendor's host.
    host: 'localhost',
    port,
    mails: () => mails,
    beforeReply: (call) => {
      listener = call
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
