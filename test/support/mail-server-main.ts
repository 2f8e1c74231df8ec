/**
 * The company's mail server, in a process of its own that nobody kills: npm smtp-server on loopback. What it takes is on its list before
 * it says so. `MAIL_FAULTS` (JSON) lets it behave badly: shares of mails whose answer is lost after they were taken, that are refused for
 * now, for good, or answered late; a file `closed` in its folder lets it relay for nobody, and one called `calm` ends all other
 * faults. It prints its port, then nothing.
 */
import { appendFileSync, existsSync, openSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { randomFrom } from './random.ts'

interface Faults {
  seed?: number
  /** Taken, and the connection ends before the answer. */
  lost?: number
  /** The connection ends in the middle of the mail, which is not taken. */
  cut?: number
  /** 451 at RCPT TO; a storm when it is large. */
  deferred?: number
  /** 550 at RCPT TO, always for the same addresses: those that hold this word. */
  refusedWord?: string
  slow?: number
  slowMs?: number
  /** Keeps each mail whole, up to so many. */
  keep?: number
}

const [folder = '.', port = '0'] = process.argv.slice(2)
const faults = JSON.parse(process.env.MAIL_FAULTS ?? '{}') as Faults
const random = randomFrom(faults.seed ?? 1)
const isCalm = (): boolean => existsSync(path.join(folder, 'calm'))
const happens = (share: number | undefined): boolean => share !== undefined && share > 0 && random() < share && !isCalm()
const list = openSync(path.join(folder, 'taken.txt'), 'a')
let kept = 0

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  logger: false,
  onRcptTo: ({ address }, _session, done) => {
    // Somebody has still to let it take mails from us.
    if (existsSync(path.join(folder, 'closed'))) return done(reply(554, `5.7.1 <${address}>: Relay access denied`))
    if (faults.refusedWord !== undefined && address.includes(faults.refusedWord)) return done(reply(550, 'no such mailbox'))
    if (happens(faults.deferred)) return done(reply(451, 'try again later'))
    done()
  },
  onData: (stream, session, done) => {
    if (happens(faults.cut)) return hangUp(session)
    bytesOf(stream)
      .then(async (mail) => {
        const to = session.envelope.rcptTo.map(({ address }) => address).join(',')
        const messageId = /^message-id: *(<[^>]*>)/im.exec(mail.toString('latin1'))?.[1] ?? ''
        const isLost = happens(faults.lost)
        if (kept < (faults.keep ?? 0)) {
          writeFileSync(path.join(folder, `mail-${String(kept).padStart(4, '0')}.eml`), mail)
          kept += 1
        }
        appendFileSync(list, `${messageId} ${to} ${isLost ? 'lost' : 'answered'}\n`)
        if (isLost) return hangUp(session)
        if (happens(faults.slow)) await sleep(faults.slowMs ?? 500)
        done(null, 'taken')
      })
      .catch((thrown: unknown) => done(thrown instanceof Error ? thrown : new Error(String(thrown))))
  },
})
// A sender that is killed leaves its connection broken.
server.on('error', () => undefined)
server.listen(Number(port), 'localhost', () => process.stdout.write(`${(server.server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit(0))

function hangUp(session: SMTPServerSession): void {
  for (const connection of server.connections as unknown as Set<{ session: { id: string }; _socket: { destroy(): void } }>) {
    if (connection.session.id === session.id) connection._socket.destroy()
  }
}

function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
