/** What is wrong with the steps about clocks and notices: what could not be played, and what would hold whatever happened. */
import { parseInstant } from '#base/clock.ts'
import type { Step, StepOf, StoryFile } from './story-format.ts'

export type StepProblem = [key: string, found: string, expected: string]

/** The word for somebody's own notice where a phish could stand. */
export const OWN_NOTICE = 'notice'

/** Asked step by step, in order. */
export class NoticeCheck {
  readonly #story: StoryFile
  readonly #phish = new Map<string, StepOf<'phish'>>()
  #isNotified = false

  constructor(story: StoryFile) {
    this.#story = story
  }

  problems(step: Step): StepProblem[] {
    switch (step.do) {
      case 'clock':
        return clockProblems(step)
      case 'notify': {
        this.#isNotified = true
        const unordered = step.kills?.find(({ after }, index) => index > 0 && after <= (step.kills?.[index - 1]?.after ?? 0))
        return unordered === undefined ? [] : [['kills', `after ${unordered.after}`, 'kills in order, each after more mails']]
      }
      case 'phish':
        return this.#phishProblems(step)
      case 'check':
        return this.#checkProblems(step)
      case 'expect':
        return this.#expectProblems(step)
      default:
        return []
    }
  }

  #phishProblems(step: StepOf<'phish'>): StepProblem[] {
    const problems: StepProblem[] = []
    if (this.#phish.has(step.as) || step.as === OWN_NOTICE) problems.push(['as', step.as, 'an id that no other phish has'])
    this.#phish.set(step.as, step)
    const needsNotice = step.words === 'copied' || step.code === 'stolen' || step.code === 'own'
    const needsFrom = step.code === 'stolen' || (step.words === 'copied' && step.code !== 'own')
    if (needsFrom && step.from === undefined) problems.push(['as', 'a copied notice or a stolen code', '`from`: whose it was'])
    if (needsNotice && !this.#isNotified) problems.push(['as', 'words or a code of a notice', 'a `notify` before it'])
    if (!needsFrom && step.from !== undefined) problems.push(['from', step.from, 'words: copied or code: stolen beside it'])
    if (step.from !== undefined) problems.push(...this.#groupProblems('from', step.from))
    if (step.count !== undefined) problems.push(...this.#countProblems(step.people, step.count))
    return problems
  }

  #checkProblems(step: StepOf<'check'>): StepProblem[] {
    const problems: StepProblem[] = []
    const phish = this.#phish.get(step.mail)
    if (step.mail === OWN_NOTICE) {
      if (step.people === undefined) problems.push(['mail', 'a notice without people', '`people` beside it'])
      if (!this.#isNotified) problems.push(['mail', 'a notice', 'a `notify` before it'])
    } else if (phish === undefined) problems.push(['mail', step.mail, 'notice, or the id of a phish before'])
    else if (step.as === 'code' && (phish.code ?? 'none') === 'none')
      problems.push(['as', 'the code of a phish without one', 'mail or text'])
    if (step.networks !== undefined && step.by !== 'page') problems.push(['networks', String(step.networks), 'by: page beside it'])
    const people = step.people ?? phish?.people
    if (step.count !== undefined && people !== undefined) problems.push(...this.#countProblems(people, step.count))
    return problems
  }

  #expectProblems({ clocks = [], notified }: StepOf<'expect'>): StepProblem[] {
    const problems: StepProblem[] = []
    for (const { regime, to, rule, dueAt, state } of clocks) {
      if (to === undefined && rule === undefined) problems.push(['clocks', `${regime} alone`, '`to` or `rule` beside it'])
      if (dueAt === undefined && state === undefined) problems.push(['clocks', `${regime} with nothing to compare`, 'dueAt or state'])
      if (typeof dueAt === 'string' && Number.isNaN(parseInstant(dueAt))) problems.push(['clocks', dueAt, 'a date that exists'])
    }
    if (notified === undefined) return problems
    for (const id of notified.people) problems.push(...this.#groupProblems('notified', id))
    if (notified.people.length === 0 && notified.organisations === undefined && notified.nobodyElse !== true)
      problems.push(['notified', 'an expectation of nothing', 'people, organisations, or nobodyElse: true'])
    return problems
  }

  #groupProblems(key: string, id: string): StepProblem[] {
    return this.#story.people.some((group) => group.id === id) ? [] : [[key, id, 'the id of a group of people']]
  }

  #countProblems(id: string, count: number): StepProblem[] {
    const group = this.#story.people.find((one) => one.id === id)
    if (group === undefined || count <= group.count) return []
    return [['count', String(count), `at most the ${group.count} of ${group.id}`]]
  }
}

function clockProblems({ mark, assess, done, signOff, applies, rule, happened }: StepOf<'clock'>): StepProblem[] {
  const given = [mark, assess, done, signOff].filter((each) => each !== undefined).length
  if (given !== 1) return [['do', `${given === 0 ? 'none' : given} of mark, assess, done and signOff`, 'one of them']]
  if ((assess === undefined) !== (applies === undefined)) return [['do', 'one of assess and applies', 'both of them']]
  if (rule !== undefined && assess === undefined) return [['rule', rule, 'assess beside it']]
  if (happened !== undefined && mark === undefined && done === undefined) return [['happened', happened, 'mark or done beside it']]
  return []
}
