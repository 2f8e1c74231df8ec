/**
 * A mailbox: whoever has it has what the ledger said of itself, with the date of a server that is not ours. Nobody can ask a
 * mailbox what it holds; what it was sent is remembered here. A repeated mail of one day has the same Message-ID.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createTransport } from 'nodemailer'
import type SMTPTransport from 'nodemailer/lib/smtp-transport/index.js'
import { type Clock, dayOf } from '#base/clock.ts'
import type { MailPlaceConfig } from '#model/config.ts'
import { named, type Place, PlaceRefused, readAuthority } from './place.ts'

const ANSWER_MS = 60_000

export function mailPlace(config: MailPlaceConfig, clock: Clock): Place {
  const { id, host, port, from, to } = config
  return {
    id,
    kind: 'mail',
    target: `${host}:${port} ${to}`,
    put: async ({ newest }, _before, signal) => {
      const transport = createTransport(settings(config))
      const stopped = new AbortController()
      const abort = once(signal, 'abort', { signal: stopped.signal }).then(() => {
        throw new PlaceRefused('timed_out', 'this program stops')
      })
      try {
        if (signal.aborted) throw new PlaceRefused('timed_out', 'this program stops')
        const { origin, size } = named(newest)
        const hash = createHash('sha256').update(newest.note).digest('hex').slice(0, 32)
        const sent = transport.sendMail({
          from,
          to,
          envelope: { from, to: [to] },
          messageId: `<checkpoint-${hash}-${dayOf(clock.now())}@${from.slice(from.lastIndexOf('@') + 1)}>`,
          date: new Date(clock.now()),
          subject: `Checkpoint of the disclosure ledger: ${size} entries`,
          text: `${words(origin)}\n\n${newest.note}`,
          attachments: [{ filename: `checkpoint-${size}.txt`, content: newest.note, contentType: 'text/plain; charset=utf-8' }],
          headers: { 'Auto-Submitted': 'auto-generated' },
          disableFileAccess: true,
          disableUrlAccess: true,
        })
        await Promise.race([sent, abort])
        return newest.note
      } catch (thrown) {
        throw thrown instanceof PlaceRefused ? thrown : refused(thrown)
      } finally {
        stopped.abort()
        await abort.catch(() => undefined)
        transport.close()
      }
    },
  }
}

function words(origin: string): string {
  return [
    `This is the state of the disclosure ledger ${origin}, signed.`,
    'Keep it: whoever changes the ledger afterwards cannot make it fit this text any more.',
    'It names nobody. It is attached as it was signed.',
  ].join('\n')
}

function settings({ host, port, security, user, password, ca }: MailPlaceConfig): SMTPTransport.Options {
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password?.reveal() ?? '' } }),
    tls: { ...(ca === undefined ? {} : { ca: readAuthority(ca) }) },
    connectionTimeout: ANSWER_MS,
    greetingTimeout: ANSWER_MS,
    socketTimeout: ANSWER_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** The server's own words may quote addresses: its codes are enough. */
function refused(thrown: unknown): PlaceRefused {
  const { code = 'unknown error', responseCode, command } = thrown as { code?: string; responseCode?: number; command?: string }
  const at = command === undefined ? '' : ` after ${command}`
  if (responseCode !== undefined) return new PlaceRefused('refused', `the mail server answered ${responseCode}${at}`, { cause: thrown })
  return new PlaceRefused(code === 'ETIMEDOUT' ? 'timed_out' : 'unreachable', `the mail server cannot be used (${code}${at})`, {
    cause: thrown,
  })
}
