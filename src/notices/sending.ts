/**
 * Sends a version by a mail server. A row is durably `sending`, with the Message-ID of its mail, before the mail's first byte is
 * handed over; the server's answer decides what it becomes. What nobody answered is `unknown` and stays so until a person says
 * otherwise. A refusal for now is tried again later and later; trouble of the connection counts for nobody. A server that refuses us
 * ends the sending: whoever waits goes on waiting (see `refusals.ts`).
 */
import type { Clock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { rateOf, take, waitFor } from '#base/gcra.ts'
import type { NoticesConfig, NoticeSmtp } from '#model/notices-config.ts'
import type { NoticeRecords, RecipientChange } from '#records/notice-rows.ts'
import { Commits } from './commits.ts'
import { type Composer, newMessageId } from './compose.ts'
import { Line, type Outcome, type Trouble } from './line.ts'
import { type Prepared, prepare, type PrepareOf, type PreparePorts } from './prepare.ts'
import { isTooLarge, type Refusal, refusalText } from './refusal.ts'
import { Refusals } from './refusals.ts'

export interface SendingPorts extends Omit<PreparePorts, 'isInHand' | 'records'> {
  records: NoticeRecords
  clock: Clock
  composer: Composer
  /** What keeps all of it from going on, and since when; undefined: nothing any more. */
  onTrouble(trouble: string | undefined): void
  /** A mail server took one. */
  onAccepted(at: number): void
}

export interface SendingOf extends PrepareOf {
  config: NoticesConfig
  smtp: NoticeSmtp
}

const FIRST_DELAY_MS = 2000
const LAST_DELAY_MS = 15 * 60_000
/** About a day: then the recipient's server is as good as gone. */
const ATTEMPTS_MAX = 100
/** So often in a row the connection may end when somebody is named, until others get their turn: it may be that one mail. */
const TROUBLES_MAX = 3
/** It waits then as if it had been refused for now so often: about a minute. */
const TURNS_GIVEN = 6
const BATCH_MAX = 250
/** So many seconds of the throttle are prepared ahead: whoever is erased meanwhile is still told. */
const AHEAD_SECONDS = 2
const BURST_MS = 250
/** So long the answer to a mail that was handed over is waited for when the program stops. */
const GOODBYE_MS = 5000

/** As it is handed over. */
interface Composed extends Prepared {
  messageId: string
  bytes: Buffer
}

/**
 * Returns when nothing waits any more, or when the signal says so: what is under way is brought to its end first. Throws
 * `notice_server_refuses` when the mail server takes nothing from us.
 */
export async function sendVersion(of: SendingOf, ports: SendingPorts, signal: AbortSignal): Promise<void> {
  const sending = new Sending(of, ports, signal)
  await sending.run()
}

class Sending {
  readonly #of: SendingOf
  readonly #ports: SendingPorts
  readonly #signal: AbortSignal
  /** One connection that cannot go on ends all of them. */
  readonly #ends = new AbortController()
  readonly #refusals = new Refusals()
  readonly #commits: Commits
  readonly #connections: number
  readonly #queue: Prepared[] = []
  /** The next ones, made while others are on their way, so that no connection waits for its mail to be made. */
  readonly #ready: Promise<Composed>[] = []
  readonly #batch: number
  /** Whose mails are made, until their fate is written. */
  readonly #inHand = new Set<number>()
  readonly #throttle: Throttle
  /** Wakes whoever waits for a mail, or for room. */
  #wake: (() => void)[] = []
  #isFed = false
  #inFlight = 0
  #troubles = 0
  #resumeAt = 0

  constructor(of: SendingOf, ports: SendingPorts, signal: AbortSignal) {
    this.#of = of
    this.#ports = ports
    this.#signal = AbortSignal.any([signal, this.#ends.signal])
    this.#connections = Math.min(of.smtp.connections, 50)
    this.#commits = new Commits({ ...of, connections: this.#connections }, ports.records, () => ports.clock.now())
    this.#batch = Math.max(1, Math.min(BATCH_MAX, Math.ceil(of.smtp.perSecond * AHEAD_SECONDS)))
    this.#throttle = new Throttle(of.smtp.perSecond, ports.clock)
  }

  async run(): Promise<void> {
    const [feeding, ...senders] = [this.#feed(), ...Array.from({ length: this.#connections }, () => this.#connect())]
    const ended = await Promise.allSettled([feeding, ...senders])
    // What the last of them had to say.
    await this.#commits.write()
    for (const each of ended) if (each.status === 'rejected') throw each.reason
  }

  // ---------------------------------------------------------------------------------------------- preparing

  async #feed(): Promise<void> {
    const { records, clock } = this.#ports
    let after = 0
    // Whoever was refused before goes last: it is the others who tell whether this server takes mails from us.
    let isFirstPass = true
    try {
      while (!this.#signal.aborted && !this.#isFed) {
        if (this.#queue.length >= this.#batch) {
          await this.#turn()
          continue
        }
        const due = records.recipientsDue(this.#of, { now: clock.now(), after, limit: this.#batch })
        const last = due.at(-1)
        if (last !== undefined) {
          after = last.number
          const rows = due.filter(({ number, attempts }) => !this.#inHand.has(number) && (!isFirstPass || attempts === 0))
          if (rows.length === 0) continue
          const { prepared, changes } = await prepare(rows, this.#of, { ...this.#ports, isInHand: (number) => this.#inHand.has(number) })
          for (const { row } of prepared) this.#inHand.add(row.number)
          if (changes.length > 0) await this.#commits.write(...changes)
          // One that could not go on has ended it meanwhile.
          if (this.#isFed) return
          this.#queue.push(...prepared)
          this.#composeAhead()
          this.#rouse()
        } else if (this.#queue.length > 0 || this.#ready.length > 0 || this.#inFlight > 0) await this.#turn()
        else {
          // A new pass: those who were refused for now.
          after = 0
          isFirstPass = false
          await this.#commits.write()
          await this.#judgeLeft()
          const next = records.nextDue(this.#of)
          if (next === undefined) return
          await clock.sleep(Math.min(1000, next - clock.now()), this.#signal)
        }
      }
    } finally {
      this.#isFed = true
      this.#rouse()
    }
  }

  #composeAhead(): void {
    while (this.#ready.length < Math.min(this.#connections, this.#batch)) {
      const next = this.#queue.shift()
      if (next === undefined) return
      const made = this.#compose(next)
      // Whoever takes it is told.
      made.catch(() => undefined)
      this.#ready.push(made)
    }
  }

  async #compose(prepared: Prepared): Promise<Composed> {
    const { clock, composer } = this.#ports
    const messageId = prepared.row.messageId ?? newMessageId(this.#of.config.officialDomain)
    const bytes = await composer.compose(prepared.mail, prepared.address.text, { messageId, at: clock.now() })
    return { ...prepared, messageId, bytes }
  }

  /** Counts as under way from here on. */
  async #take(): Promise<{ mail: Promise<Composed> } | undefined> {
    for (;;) {
      if (this.#signal.aborted) return undefined
      const mail = this.#ready.shift()
      if (mail !== undefined) {
        this.#inFlight += 1
        this.#composeAhead()
        this.#rouse()
        return { mail }
      }
      if (this.#isFed) return undefined
      await this.#turn()
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#wake.push(wake)
      this.#signal.addEventListener('abort', wake, { once: true })
      if (this.#signal.aborted) wake()
    })
  }

  #rouse(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }

  // ------------------------------------------------------------------------------------------------ sending

  async #connect(): Promise<void> {
    const { config, smtp } = this.#of
    let line: Line | undefined
    const hangUp = (): void => void setTimeout(() => line?.close(), GOODBYE_MS).unref()
    this.#signal.addEventListener('abort', hangUp, { once: true })
    try {
      line = new Line({ ...smtp, name: config.officialDomain })
      for (let next = await this.#take(); next !== undefined; next = await this.#take()) {
        try {
          const mail = await next.mail
          await this.#bring(mail, line)
          this.#inHand.delete(mail.row.number)
        } finally {
          this.#inFlight -= 1
          this.#rouse()
        }
      }
    } catch (thrown) {
      // One that cannot write cannot send: the others end too.
      this.#ends.abort()
      this.#isFed = true
      this.#queue.length = 0
      this.#ready.length = 0
      this.#rouse()
      throw thrown
    } finally {
      this.#signal.removeEventListener('abort', hangUp)
      line?.close()
    }
  }

  /** Until its fate is decided, or others go first; trouble of the connection does not decide it. */
  async #bring({ row, address, messageId, bytes }: Composed, line: Line): Promise<void> {
    const { from } = this.#of.config
    for (let troubles = 1; ; troubles++) {
      if (!(await this.#isOpen(line))) return
      await this.#throttle.wait(this.#signal)
      if (this.#signal.aborted) return
      const attempts = row.attempts + 1
      this.#refusals.again(row.number)
      await this.#commits.write({ number: row.number, state: 'sending', messageId, attempts })
      const outcome = await line.send({ from: from.address, to: address.text, needsUtf8: address.needsUtf8 }, bytes)
      if (outcome.kind === 'trouble') {
        const waits = { number: row.number, state: 'waiting', attempts: row.attempts } as const
        await this.#commits.write(troubles < TROUBLES_MAX ? waits : { ...waits, nextAt: this.#nextAt(TURNS_GIVEN) })
        this.#trouble(outcome)
        if (troubles < TROUBLES_MAX) continue
        return
      }
      // It is durable before the next mail of this connection begins, in the same commit.
      this.#commits.write(this.#judge(row.number, attempts, outcome)).catch(() => undefined)
      if (outcome.kind === 'accepted') this.#accept()
      if (outcome.kind === 'open') this.#trouble(outcome)
      this.#assertTaken()
      return
    }
  }

  /** False: it is not to go on. */
  async #isOpen(line: Line): Promise<boolean> {
    const { clock } = this.#ports
    for (;;) {
      if (this.#signal.aborted) return false
      const pause = this.#resumeAt - clock.now()
      if (pause > 0) await clock.sleep(pause, this.#signal)
      if (this.#signal.aborted) return false
      const trouble = await line.open()
      if (trouble === undefined) return true
      this.#trouble(trouble)
    }
  }

  #accept(): void {
    if (this.#troubles > 0) this.#ports.onTrouble(undefined)
    this.#troubles = 0
    this.#fail(this.#refusals.accepted())
    this.#ports.onAccepted(this.#ports.clock.now())
  }

  #trouble({ trouble, refusal }: Trouble): void {
    const now = this.#ports.clock.now()
    // Several connections meet the same trouble at once.
    if (now >= this.#resumeAt) {
      this.#resumeAt = now + delay(this.#troubles, 250)
      this.#troubles += 1
      if (refusal !== undefined) this.#refusals.refusedUs(refusal)
    }
    this.#ports.onTrouble(trouble)
    this.#assertTaken()
  }

  /** When nobody is left whom the server has not refused. Who is tried again later waits for that. */
  async #judgeLeft(): Promise<void> {
    const { heldCount } = this.#refusals
    if (heldCount === 0 || this.#waitingCount() > heldCount) return
    this.#fail(this.#refusals.drained())
    await this.#commits.write()
    this.#assertTaken()
  }

  #waitingCount(): number {
    const counts = this.#ports.records.recipientCounts(this.#of).filter(({ state }) => state === 'waiting')
    return counts.reduce((sum, { count }) => sum + count, 0)
  }

  #fail(refused: readonly [number: number, refusal: Refusal][]): void {
    const changes = refused.map(([number, refusal]) => failedBy(number, refusal))
    if (changes.length > 0) this.#commits.write(...changes).catch(() => undefined)
  }

  #assertTaken(): void {
    const { ending } = this.#refusals
    if (ending === undefined) return
    if (ending.about === 'size') {
      const size = ending.bytes === undefined ? '' : ` of ${ending.bytes.mail} bytes`
      throw new BulkheadError('notice_server_refuses', `a mail${size} is too large for the mail server: ${refusalText(ending)}`, {
        hint: TOO_LARGE,
      })
    }
    throw new BulkheadError('notice_server_refuses', `the mail server refuses what we send, not one person: ${refusalText(ending)}`)
  }

  #judge(number: number, attempts: number, outcome: Exclude<Outcome, { kind: 'trouble' }>): RecipientChange {
    switch (outcome.kind) {
      case 'accepted':
        return { number, state: 'sent', reply: outcome.reply, why: null }
      case 'refused':
        return this.#judgeRefused(number, attempts, outcome.refusal)
      case 'unsupported':
        return { number, state: 'failed', why: 'smtputf8_missing' }
      case 'open':
        return { number, state: 'unknown', why: 'no_answer' }
      case 'deferred':
        return attempts < ATTEMPTS_MAX
          ? { number, state: 'waiting', reply: outcome.reply, nextAt: this.#nextAt(attempts) }
          : this.#judgeRefused(number, attempts, outcome.refusal)
    }
  }

  #judgeRefused(number: number, attempts: number, refusal: Refusal): RecipientChange {
    const { reply } = refusal
    if (this.#refusals.refused(number, refusal) === 'failed') return failedBy(number, refusal)
    if (refusal.about === 'size') this.#ports.onTrouble('some mails are larger than it takes')
    return { number, state: 'waiting', reply, nextAt: this.#nextAt(attempts) }
  }

  #nextAt(attempts: number): number {
    return this.#ports.clock.now() + delay(attempts - 1, FIRST_DELAY_MS)
  }
}

const TOO_LARGE =
  'Raise the limit of the mail server, then `bulkhead incident notify ID --send`. Or tell those who wait by a new version with shorter ' +
  'mails (`notices.memberLists: on-request`): `incident notice stop`, then `incident notify ID --propose --continue --reason "…"`.'

function failedBy(number: number, refusal: Refusal): RecipientChange {
  return { number, state: 'failed', reply: refusal.reply, why: whyOf(refusal) }
}

function whyOf(refusal: Refusal): string {
  if (isTooLarge(refusal)) return 'too_large'
  const { reply } = refusal
  return reply < 500 ? 'deferred_too_often' : 'refused'
}

/** Twice as long each time, and never the same for all. */
function delay(times: number, firstMs: number): number {
  return Math.min(LAST_DELAY_MS, firstMs * 2 ** Math.min(times, 30)) * (0.75 + Math.random() / 2)
}

class Throttle {
  readonly #clock: Clock
  readonly #rate: ReturnType<typeof rateOf>
  #paidAt = 0

  constructor(perSecond: number, clock: Clock) {
    this.#clock = clock
    this.#rate = rateOf({ units: perSecond, perMs: 1000, burst: Math.max(1, (perSecond * BURST_MS) / 1000) })
  }

  async wait(signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#clock.now()
      const pause = waitFor(this.#rate, this.#paidAt, now, 1)
      if (pause <= 0 || signal.aborted) {
        this.#paidAt = take(this.#rate, this.#paidAt, now, 1)
        return
      }
      await this.#clock.sleep(Math.max(1, pause), signal)
    }
  }
}
