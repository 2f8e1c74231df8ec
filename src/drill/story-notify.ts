/**
 * Notices in a story: proposed by one person, approved by another, sent through a mail server that outlives who sends, with kills in
 * between; then what the mail server took is compared with who was owed a notice.
 */
import { delay, type ProgramRole } from './program.ts'
import { parseLast } from './status.ts'
import type { StepOf } from './story-format.ts'
import { type NoticeScore, type Owed, owedNotices, scoreNotices } from './story-notified.ts'
import { expectedPeople } from './story-scope.ts'
import { counted, said, type StepResult } from './story-result.ts'
import type { StoryWorld } from './story-world.ts'

export async function notify(step: StepOf<'notify'>, world: StoryWorld): Promise<StepResult> {
  const opened = world.incident(step.incident)
  const affected = expectedPeople(opened, world)
  const { notified } = opened
  const hasAddress = world.hasAddress.bind(world)
  const owed = owedNotices({ affected, told: notified.people, cast: world.cast, hasAddress })
  const from = world.sink.mails().length
  const lang = ['--lang', step.lang ?? 'auto']
  const propose = ['incident', 'notify', opened.id, ...lang, '--propose', '--reason', 'people have to know']
  if (owed.mails.size === 0) {
    const { code, stderr } = await world.program.cli([...propose, '--json'])
    const isRefused = code === 1 && stderr.includes('notice_nobody')
    return { what: `nobody is owed a notice${isRefused ? '' : '; but one was proposed'}`, ok: isRefused }
  }
  const proposal = await world.command(propose)
  await world.command(['approval', 'approve', String(proposal.approval), '--as', world.secondPerson, '--reason', 'read and agreed'])
  const sending = new Sending(step, opened.id, world)
  const killed = await sending.run()
  const mails = world.sink.mails().slice(from)
  const difference = scoreNotices(
    owed.mails,
    mails.flatMap(({ to }) => to),
  )
  const taken = new Set(mails.flatMap(({ to }) => to))
  for (const { n, email } of world.cast) if (owed.people.has(n) && taken.has(email)) notified.people.add(n)
  for (const organisation of owed.organisations) notified.organisations.add(organisation)
  const wrong = faultsOf(difference, killed)
  notified.faults.push(...difference.forgotten, ...difference.wrongly)
  return {
    what: `${inWords(owed, difference.score, killed)}${said(wrong)}`,
    ok: wrong.length === 0,
    notified: difference.score,
  }
}

function inWords(owed: Owed, score: NoticeScore, { count, settled }: Killed): string {
  const administrators =
    owed.organisations.size === 0 ? '' : ` and administrators of ${counted(owed.organisations.size, 'organisation', 'organisations')}`
  const killed = count === 0 ? '' : `, with ${counted(count, 'kill', 'kills')} in between`
  const lookedUp = settled === 0 ? '' : `; the fate of ${settled} was looked up there`
  const who = `${counted(owed.people.size, 'person', 'people')}${administrators} ${owed.mails.size === 1 ? 'is' : 'are'} owed a notice`
  return `${who}; the mail server took ${score.sent}${killed}${lookedUp}`
}

interface Killed {
  count: number
  left: number
  /** Notices whose fate was looked up at the mail server. */
  settled: number
  /** Why the sending did not end. */
  fault: string | undefined
}

function faultsOf(difference: { score: NoticeScore; forgotten: readonly string[]; wrongly: readonly string[] }, killed: Killed): string[] {
  const wrong: string[] = []
  if (killed.fault !== undefined) wrong.push(killed.fault)
  if (killed.left > 0) wrong.push(`${killed.left} kills did not come, since fewer mails were sent`)
  if (difference.forgotten.length > 0) wrong.push(`forgotten: ${difference.forgotten.slice(0, 5).join(', ')}`)
  if (difference.wrongly.length > 0) wrong.push(`wrongly or twice: ${difference.wrongly.slice(0, 5).join(', ')}`)
  return wrong
}

/** One sending, through kills. */
class Sending {
  readonly #incident: string
  readonly #world: StoryWorld
  readonly #lang: string
  readonly #kills: { role: ProgramRole; after: number; mayNotCome?: boolean }[]
  #settled = 0
  #killed = 0
  #isDown = false

  constructor(step: StepOf<'notify'>, incident: string, world: StoryWorld) {
    this.#incident = incident
    this.#world = world
    this.#lang = step.lang ?? 'auto'
    this.#kills = [...(step.kills ?? [])]
  }

  async run(): Promise<Killed> {
    const before = this.#world.sink.mails().length
    this.#world.sink.beforeReply((count) => this.#killWhenDue(count - before))
    try {
      const fault = await this.#sendToTheEnd()
      return {
        count: this.#killed,
        settled: this.#settled,
        left: this.#kills.filter(({ mayNotCome }) => mayNotCome !== true).length,
        fault,
      }
    } finally {
      this.#world.sink.beforeReply(undefined)
    }
  }

  /** The mail is taken, and who sent it dies before it has heard so. */
  #killWhenDue(count: number): void {
    const next = this.#kills[0]
    if (next === undefined || count < next.after) return
    this.#kills.shift()
    this.#killed++
    this.#world.program.kill(next.role)
    if (next.role === 'supervisor') this.#isDown = true
  }

  /** Undefined: nothing waits any more, and what kills left open was settled. */
  async #sendToTheEnd(): Promise<string | undefined> {
    const { program } = this.#world
    const rounds = 3 + 3 * this.#kills.length
    let said = ''
    for (let round = 0; round < rounds; round++) {
      const result = await program.cli(['incident', 'notify', this.#incident, '--send', '--lang', this.#lang, '--json'])
      if (this.#isDown) {
        this.#isDown = false
        await program.restart()
      }
      await delay(300)
      await program.waitReady()
      const answer = parseLast(result.stdout) as SentAnswer | undefined
      if (result.code !== 0 || answer === undefined) said = result.stderr.trim().split('\n').slice(-2).join(' ').slice(0, 300)
      else if (this.#killed > 0 && answer.unknown + answer.organisations.unknown > 0) await this.#settle()
      else if (answer.waiting + answer.organisations.waiting === 0) return undefined
    }
    return `it was not sent to its end: ${said}`
  }

  /** As a person does: whether the mail server has it decides. */
  async #settle(): Promise<void> {
    const { notices } = (await this.#world.command(['incident', 'notice', 'list', this.#incident])) as unknown as NoticeList
    const taken = new Set(this.#world.sink.mails().map(({ raw }) => messageIdOf(raw)))
    // Of versions before it nothing was left open.
    for (const { messageId } of notices.at(-1)?.open ?? []) {
      const was = ['--was', taken.has(messageId) ? 'sent' : 'not-sent']
      await this.#world.command([
        'incident',
        'notice',
        'settle',
        this.#incident,
        messageId,
        ...was,
        '--reason',
        'looked up at the mail server',
      ])
      this.#settled++
    }
  }
}

function messageIdOf(raw: Buffer): string | undefined {
  return /^message-id:\s*(<[^>]+>)/im.exec(raw.toString('latin1'))?.[1]
}

interface Counts {
  waiting: number
  unknown: number
}

/** The part of `incident notify --json` that is needed here. */
interface SentAnswer extends Counts {
  organisations: Counts
}

interface NoticeList {
  notices: { open: { messageId: string }[] }[]
}
