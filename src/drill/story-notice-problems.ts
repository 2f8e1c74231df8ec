/** What is wrong with the steps about clocks and notices: what could not be played, and what would hold whatever happened. */
import { parseInstant } from '#base/clock.ts'
import type { Step, StepOf, StoryFile } from './story-format.ts'

export type StepProblem = [key: string, found: string, expected: string]

/** Asked step by step, in order. */
export class NoticeCheck {
  readonly #story: StoryFile

  constructor(story: StoryFile) {
    this.#story = story
  }

  problems(step: Step): StepProblem[] {
    switch (step.do) {
      case 'clock':
        return clockProblems(step)
      case 'notify': {
        const unordered = step.kills?.find(({ after }, index) => index > 0 && after <= (step.kills?.[index - 1]?.after ?? 0))
        return unordered === undefined ? [] : [['kills', `after ${unordered.after}`, 'kills in order, each after more mails']]
      }
      case 'expect':
        return this.#expectProblems(step)
      default:
        return []
    }
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
}

function clockProblems({ mark, assess, done, signOff, applies, rule, happened }: StepOf<'clock'>): StepProblem[] {
  const given = [mark, assess, done, signOff].filter((each) => each !== undefined).length
  if (given !== 1) return [['do', `${given === 0 ? 'none' : given} of mark, assess, done and signOff`, 'one of them']]
  if ((assess === undefined) !== (applies === undefined)) return [['do', 'one of assess and applies', 'both of them']]
  if (rule !== undefined && assess === undefined) return [['rule', rule, 'assess beside it']]
  if (happened !== undefined && mark === undefined && done === undefined) return [['happened', happened, 'mark or done beside it']]
  return []
}
