/** Clocks in a story: what people mark, and the due dates that a story's author worked out by hand beside those that Bulkhead shows. */
import type { StepOf } from './story-format.ts'
import type { ClockScore, StepResult } from './story-result.ts'
import type { StoryWorld } from './story-world.ts'

interface ShownClock {
  regime: string
  to: string
  rule: string
  dueAt: string | null
  state: string
  basis: string
}

type ExpectedClock = NonNullable<StepOf<'expect'>['clocks']>[number]

export async function markClock(step: StepOf<'clock'>, world: StoryWorld): Promise<StepResult> {
  const { id } = world.incident(step.incident)
  const at = ['--at', step.happened ?? step.at]
  const reason = ['--reason', step.reason]
  const clock = (...args: string[]) => world.command(['incident', 'clock', id, ...args, ...reason])
  if (step.mark !== undefined) {
    await clock('mark', '--event', step.mark, ...at)
    return { what: `recorded for the clocks: ${step.mark}`, ok: true }
  }
  if (step.assess !== undefined) {
    const rule = step.rule === undefined ? [] : ['--rule', step.rule]
    await clock('assess', '--regime', step.assess, ...rule, '--applies', step.applies === true ? 'yes' : 'no')
    return { what: `assessed: ${step.assess} ${step.applies === true ? 'applies' : 'does not apply'}`, ok: true }
  }
  if (step.done !== undefined) {
    await clock('done', '--rule', step.done, ...at)
    return { what: `done: ${step.done}`, ok: true }
  }
  await clock('sign-off', '--as', 'counsel', '--name', step.signOff ?? '')
  return { what: 'counsel has signed the clocks off', ok: true }
}

/** Each expected clock beside the one that is shown; `wrong` says in words what differs. */
export async function compareClocks(
  expected: readonly ExpectedClock[],
  { at, incident }: { at: string; incident: string },
  world: StoryWorld,
): Promise<{ clocks: ClockScore[]; wrong: string[] }> {
  const shown = (await world.command(['incident', 'clocks', world.incident(incident).id, '--all'])) as unknown as ShownClock[]
  const wrong: string[] = []
  const clocks = expected.map(({ regime, to, rule, basis = 'clock', dueAt, state }): ClockScore => {
    const isIt = (one: ShownClock): boolean => (rule ?? one.rule) === one.rule && (to ?? one.to) === one.to && one.basis === basis
    const isAsExpected = (one: ShownClock): boolean =>
      (dueAt === undefined || isSameInstant(dueAt, one.dueAt)) && (state ?? one.state) === one.state
    // A regime may have several clocks to one side, for companies of several sizes say; `rule` tells them apart.
    const those = shown.filter((one) => one.regime === regime && isIt(one))
    const found = those.find(isAsExpected) ?? those[0]
    const ok = found !== undefined && isAsExpected(found)
    const name = `${rule ?? `${regime} to ${to}`}${basis === 'clock' ? '' : ` (${basis})`}`
    if (!ok) wrong.push(`${name} is ${found === undefined ? 'not there' : inWords(found)}, not ${inWords({ dueAt, state })}`)
    return {
      ...{ at: new Date(at).toISOString(), incident, regime },
      ...(to !== undefined && { to }),
      ...(rule !== undefined && { rule }),
      ...(basis !== 'clock' && { basis }),
      ...(dueAt !== undefined && { dueAt: dueAt === null ? null : new Date(dueAt).toISOString() }),
      ...(state !== undefined && { state }),
      found: found === undefined ? null : { dueAt: found.dueAt, state: found.state },
      ok,
    }
  })
  return { clocks, wrong }
}

function isSameInstant(expected: string | null, found: string | null): boolean {
  if (expected === null || found === null) return expected === found
  return Date.parse(expected) === Date.parse(found)
}

function inWords({ dueAt, state }: { dueAt?: string | null | undefined; state?: string | undefined }): string {
  const due = dueAt === undefined ? undefined : dueAt === null ? 'without a date' : `due ${dueAt}`
  return [state, due].filter((each) => each !== undefined).join(', ')
}
