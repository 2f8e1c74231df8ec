/**
 * One connection to the mail server, and what became of one mail on it. The mail's bytes are asked for when the server has said that it
 * takes them: until then nothing of it was handed over, and an end of the connection leaves nothing open. From then on only the
 * server's own answer says what became of it.
 */
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js'
import { BulkheadError } from '#base/errors.ts'
import type { NoticeSmtp } from '#model/notices-config.ts'
import { readRefusal, type Refusal, type RefusalStage, tooLarge } from './refusal.ts'

export type Outcome =
  | { kind: 'accepted'; reply: number }
  /** The server refuses this mail or this recipient: now, or for good. */
  | { kind: 'deferred'; reply: number; refusal: Refusal }
  | { kind: 'refused'; reply: number; refusal: Refusal }
  /** This server cannot take an address like that. */
  | { kind: 'unsupported' }
  /** Not handed over, and for a reason that says nothing of the recipient. */
  | ({ kind: 'trouble' } & Trouble)
  /** Handed over, and nobody answered. */
  | { kind: 'open'; trouble: string }

/** `refusal`: the server refuses us for good, whoever the mail is for. */
export interface Trouble {
  trouble: string
  refusal?: Refusal
}

export interface Envelope {
  from: string
  to: string
  needsUtf8: boolean
}

const ANSWER_MS = 60_000
/** The final answer may take a server that checks mails a while. */
const SOCKET_MS = 10 * 60_000
const MAILS_A_CONNECTION = 200

export interface LineOptions extends NoticeSmtp {
  /** By which this machine greets. */
  name: string
  answerMs?: number
}

/** Words and numbers of ours: what a server says may quote an address. */
interface SmtpError {
  message?: string
  code?: string
  originalCode?: string
  responseCode?: number
  response?: string
  command?: string
}

export class Line {
  readonly #options: LineOptions
  readonly #auth: { user: string; pass: string } | undefined
  #connection: SMTPConnection | undefined
  #left = 0

  constructor(options: LineOptions) {
    this.#options = options
    const { user, passwordFile } = options
    this.#auth = user === undefined || passwordFile === undefined ? undefined : { user, pass: readPassword(passwordFile) }
  }

  /** Ready for a mail. What keeps it from that; undefined: nothing. */
  async open(): Promise<Trouble | undefined> {
    if (this.#connection !== undefined && this.#left > 0) return undefined
    this.close()
    const connection = new SMTPConnection(settings(this.#options))
    // Whoever waits is told by the call; later, by the next one.
    connection.on('error', () => this.#lose(connection))
    connection.on('end', () => this.#lose(connection))
    try {
      await settle((done) => connection.connect(done), connection)
      const auth = this.#auth
      if (auth !== undefined) await settle((done) => connection.login({ credentials: auth } as never, done), connection)
    } catch (thrown) {
      connection.close()
      return troubleOf(thrown as SmtpError)
    }
    this.#connection = connection
    this.#left = MAILS_A_CONNECTION
    return undefined
  }

  async send({ from, to, needsUtf8 }: Envelope, mail: Uint8Array): Promise<Outcome> {
    const connection = this.#connection
    if (connection === undefined) return { kind: 'trouble', trouble: 'ECONNECTION' }
    if (needsUtf8 && !supports(connection, 'SMTPUTF8')) return { kind: 'unsupported' }
    this.#left -= 1
    let isHandedOver = false
    const bytes = new Readable({
      read() {
        isHandedOver = true
        this.push(mail)
        this.push(null)
      },
    })
    try {
      const info = await settle<{ response?: string }>(
        (done) => connection.send({ from, to: [to], size: mail.length } as never, bytes, done as never),
        connection,
      )
      return { kind: 'accepted', reply: Number(/^\d{3}/.exec(info.response ?? '')?.[0] ?? 250) }
    } catch (thrown) {
      const outcome = outcomeOf(thrown as SmtpError, isHandedOver, mail.length)
      if (outcome.kind === 'deferred' || outcome.kind === 'refused') await this.#reset()
      else this.close()
      return outcome
    }
  }

  /** Says goodbye where there is somebody. */
  close(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.quit()
    connection?.close()
  }

  async #reset(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    try {
      await settle((done) => connection.reset(done as never), connection)
    } catch {
      // A new connection then.
      this.close()
    }
  }

  #lose(connection: SMTPConnection): void {
    if (this.#connection === connection) this.#connection = undefined
  }
}

function settings({ host, port, tls, ca, name, answerMs = ANSWER_MS }: LineOptions): SMTPConnection.Options {
  const implicit = port === 465 && tls !== 'none'
  return {
    host,
    port,
    name,
    secure: implicit,
    requireTLS: tls === 'required',
    opportunisticTLS: tls === 'opportunistic',
    ignoreTLS: tls === 'none',
    tls: { ...(ca === undefined ? {} : { ca: readFileSync(ca) }) },
    connectionTimeout: answerMs,
    greetingTimeout: answerMs,
    socketTimeout: Math.max(answerMs, SOCKET_MS),
    // Nothing of what is said is printed.
    logger: false,
  }
}

/** One that ends without an answer says so by an event alone. */
function settle<Result>(
  call: (done: (error?: Error | null, result?: Result) => void) => void,
  connection: SMTPConnection,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error | null, result?: Result): void => {
      connection.removeListener('error', onError)
      connection.removeListener('end', onEnd)
      if (error) reject(error)
      else resolve(result as Result)
    }
    const onError = (error: Error): void => end(error)
    const onEnd = (): void => end(Object.assign(new Error('the connection ended'), { code: 'ECONNECTION' }))
    connection.once('error', onError)
    connection.once('end', onEnd)
    call(end)
  })
}

function supports(connection: SMTPConnection, extension: string): boolean {
  const { _supportedExtensions: known = [] } = connection as unknown as { _supportedExtensions?: string[] }
  return known.includes(extension)
}

/** Refused at RCPT TO or in answer to the whole mail: of this recipient, it may be. Refused before: of us. */
function outcomeOf(error: SmtpError, isHandedOver: boolean, bytes: number): Outcome {
  const { code, command, responseCode, response = '' } = error
  // The server announced its limit (RFC 1870), and the library asks it for nothing beyond.
  const limit = Number(/^Message size larger than allowed (\d+)/.exec(error.message ?? '')?.[1] ?? Number.NaN)
  if (!isHandedOver && responseCode === undefined && limit > 0) return { kind: 'refused', reply: 552, refusal: tooLarge(bytes, limit) }
  if (!isHandedOver && code === 'EENVELOPE' && command === 'MAIL FROM' && responseCode !== undefined && responseCode >= 500) {
    const refusal = readRefusal('sender', responseCode, response)
    if (refusal.about === 'size') return { kind: 'refused', reply: responseCode, refusal: { ...refusal, bytes: { mail: bytes } } }
  }
  const isAnswered = isHandedOver ? code === 'EMESSAGE' : code === 'EENVELOPE' && (command === 'RCPT TO' || command === 'DATA')
  if (isAnswered && responseCode !== undefined && responseCode >= 400) {
    // 421 is the server's goodbye, whomever the mail is for; before the mail it says nothing of the recipient.
    if (responseCode === 421 && !isHandedOver) return { kind: 'trouble', trouble: '421' }
    const read = readRefusal(command === 'RCPT TO' ? 'recipient' : 'mail', responseCode, response)
    const refusal: Refusal = read.about === 'size' ? { ...read, bytes: { mail: bytes } } : read
    return { kind: responseCode < 500 ? 'deferred' : 'refused', reply: responseCode, refusal }
  }
  if (isHandedOver) return { kind: 'open', trouble: troubleText(error) }
  return { kind: 'trouble', ...troubleOf(error) }
}

function troubleOf(error: SmtpError): Trouble {
  const { responseCode, response = '' } = error
  const trouble = troubleText(error)
  if (responseCode === undefined || responseCode < 500) return { trouble }
  return { trouble, refusal: readRefusal(stageOf(error), responseCode, response) }
}

function stageOf({ command = '' }: SmtpError): RefusalStage {
  if (command.startsWith('AUTH')) return 'sign-in'
  return command === 'MAIL FROM' ? 'sender' : 'connection'
}

function troubleText({ code, originalCode, responseCode, command }: SmtpError): string {
  const at = command === undefined || command === 'CONN' || command === 'API' ? '' : ` after ${command.split(' ')[0]}`
  return `${responseCode ?? originalCode ?? code ?? 'unknown error'}${at}`
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new BulkheadError('notice_key_unusable', `the password of notices.smtp cannot be read (${code})`, { cause })
  }
}
