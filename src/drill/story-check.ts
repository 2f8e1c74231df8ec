/**
 * A person of a story who holds a mail and wonders: checks it on the page and on the command line, each of which has to say what the
 * story expects. Forged mails are made here too.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { StoryPerson } from './story-cast.ts'
import { COMPANY, OFFICIAL_DOMAIN } from './story-cast.ts'
import type { StepOf } from './story-format.ts'
import { OWN_NOTICE } from './story-notice-problems.ts'
import { forgeMail, type HeldMail, heldMail, textOfMail } from './story-phish.ts'
import { counted, said, type StepResult } from './story-result.ts'
import type { StoryWorld } from './story-world.ts'

export async function phish(step: StepOf<'phish'>, world: StoryWorld): Promise<StepResult> {
  const victims = some(world.group(step.people), step.count)
  const source = step.from === undefined ? undefined : world.group(step.from).at(-1)
  const mails = new Map<number, HeldMail>()
  for (const person of victims) {
    const whose = step.code === 'own' ? person : source
    const notice = whose && (await noticeOf(whose, world))?.raw
    const parts = { to: person.email, company: COMPANY, officialDomain: OFFICIAL_DOMAIN, notice }
    mails.set(person.n, await forgeMail(step, parts))
  }
  world.phish.set(step.as, mails)
  const words = step.words === 'copied' ? 'in the words of a notice' : 'in words of the forger'
  const code = {
    none: 'without a code',
    invented: 'with an invented code',
    stolen: "with somebody else's code",
    own: 'with their own code',
  }
  return {
    what: `${counted(mails.size, 'person gets', 'people get')} a forged mail ${words}, ${code[step.code ?? 'none']} (${step.as})`,
    ok: mails.size > 0,
  }
}

export async function check(step: StepOf<'check'>, world: StoryWorld): Promise<StepResult> {
  const forged = step.mail === OWN_NOTICE ? undefined : world.phish.get(step.mail)
  const receivers = world.cast.filter(({ n }) => forged?.has(n))
  const people = some(step.people === undefined ? receivers : world.group(step.people), step.count)
  const verdicts = new Map<string, number>()
  const wrong: string[] = []
  for (const person of people) {
    const mail = forged === undefined ? await noticeOf(person, world) : forged.get(person.n)
    if (mail === undefined) wrong.push(`${person.email} has no such mail`)
    else {
      for (const { by, verdict } of await ask(step, person, mail, world)) {
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
        if (verdict !== step.expect) wrong.push(`${by} says ${verdict} to ${person.email}`)
      }
    }
  }
  const what = step.mail === OWN_NOTICE ? 'their notice' : `the forged mail (${step.mail})`
  const answers = [...verdicts].map(([verdict, count]) => `${count} × ${verdict}`).join(', ')
  return {
    what: `${counted(people.length, 'person checks', 'people check')} ${what}: ${answers}${said(wrong.slice(0, 5))}`,
    ok: people.length > 0 && wrong.length === 0,
  }
}

function some(people: readonly StoryPerson[], count: number | undefined): StoryPerson[] {
  return people.slice(0, count ?? people.length)
}

/** The last that the mail server took for this person. */
async function noticeOf(person: StoryPerson, world: StoryWorld): Promise<HeldMail | undefined> {
  const mail = world.sink.mails().findLast(({ to }) => to.includes(person.email))
  return mail && heldMail(mail.raw)
}

interface Answer {
  by: string
  verdict: string
}

async function ask(step: StepOf<'check'>, person: StoryPerson, mail: HeldMail, world: StoryWorld): Promise<Answer[]> {
  const answers: Answer[] = []
  const { by = 'both', networks } = step
  if (by !== 'command') {
    for (let network = 0; network < (networks ?? 1); network++) {
      const from = networks === undefined ? undefined : `198.18.${network}.7`
      answers.push({ by: 'the page', verdict: await askPage(step, person, mail, { world, from }) })
    }
  }
  if (by !== 'page') answers.push({ by: 'the command', verdict: await askCommand(step, person, mail, world) })
  return answers
}

async function askPage(
  { as = 'mail' }: StepOf<'check'>,
  { email }: StoryPerson,
  { raw, code = '' }: HeldMail,
  { world, from }: { world: StoryWorld; from: string | undefined },
): Promise<string> {
  const form = new FormData()
  form.set('address', email)
  if (as === 'code') form.set('code', code)
  else if (as === 'text') form.set('text', await textOfMail(raw))
  else form.set('mail', new Blob([new Uint8Array(raw)], { type: 'message/rfc822' }), 'notice.eml')
  const headers = { accept: 'application/json', ...(from !== undefined && { 'x-forwarded-for': from }) }
  const answer = await fetch(`${world.program.gatewayUrl}/check`, { method: 'POST', body: form, headers })
  const { verdict } = (await answer.json()) as { verdict?: string }
  return verdict ?? `nothing (${answer.status})`
}

async function askCommand(
  { as = 'mail' }: StepOf<'check'>,
  { email }: StoryPerson,
  { raw, code = '' }: HeldMail,
  world: StoryWorld,
): Promise<string> {
  const file = path.join(world.folder, as === 'mail' ? 'held.eml' : 'held.txt')
  writeFileSync(file, as === 'mail' ? raw : await textOfMail(raw))
  const args = as === 'code' ? ['--code', code] : [file]
  // A verdict that is not `genuine` may be an exit code of its own; it is in the answer all the same.
  const result = await world.program.cli(['notice', 'check', ...args, '--address', email, '--json'])
  const last = result.stdout.trim().split('\n').at(-1) ?? ''
  try {
    return (JSON.parse(last) as { verdict?: string }).verdict ?? `nothing (${last.slice(0, 100)})`
  } catch {
    // No JSON: it failed, and says why on the other stream.
    return `nothing (${result.stderr.slice(0, 200)})`
  }
}
