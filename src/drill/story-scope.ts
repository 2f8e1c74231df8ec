/** What Bulkhead says of an incident at a point of a story, beside what the vendors received. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { waitUntil } from './program.ts'
import { eventCounts } from './status.ts'
import { compareClocks } from './story-clocks.ts'
import type { StepOf } from './story-format.ts'
import { counted, said, type StepResult } from './story-result.ts'
import { scoreScope, truth } from './story-truth.ts'
import type { OpenedIncident, StoryWorld } from './story-world.ts'

export async function expectScope(step: StepOf<'expect'>, world: StoryWorld): Promise<StepResult> {
  const wrong: string[] = []
  if (step.ownEvents !== undefined) {
    const least = step.ownEvents
    const holds = async (): Promise<boolean> => (await eventCounts(world.program)).warehouse >= least
    await waitUntil('own analytics hold them', holds, 120_000, 200).catch(() => wrong.push(`own analytics do not hold ${least} events`))
  }
  if (step.vendor !== undefined) {
    const shown = await world.command(['vendor', 'show', step.vendor])
    if (step.state !== undefined && shown.state !== step.state) wrong.push(`${step.vendor} is ${String(shown.state)}, not ${step.state}`)
  }
  if (step.incident === undefined) return { what: `as expected${said(wrong)}`, ok: wrong.length === 0 }
  const opened = world.incident(step.incident)
  const { answer, list } = await askScope(opened, world, [])
  const expected = expectedPeople(opened, world)
  const score = scoreScope(expected, withErased(list, expected, world.erased))
  if (score.recall < 1) wrong.push(`recall is ${score.recall}`)
  if (score.precision < 1) wrong.push(`precision over delivered is ${score.precision}`)
  if (step.people !== undefined && list.length !== step.people) wrong.push(`${list.length} people, not ${step.people}`)
  if (step.added !== undefined) {
    const added = await askScope(opened, world, ['--added'])
    if (added.list.length !== step.added) wrong.push(`${added.list.length} people were added, not ${step.added}`)
  }
  wrong.push(...scopeFaults(step, answer))
  wrong.push(...(await shownFaults(step, opened, world)))
  wrong.push(...notifiedFaults(step, opened, world))
  const clocks = step.clocks && (await compareClocks(step.clocks, { at: step.at, incident: step.incident }, world))
  wrong.push(...(clocks?.wrong ?? []))
  const who = `${counted(list.length, 'person', 'people')} may be affected (${score.expected} by what the vendor holds)`
  return {
    what: `${who}${moreWords(step, opened)}${said(wrong)}`,
    ok: wrong.length === 0,
    scope: score,
    ...(clocks && { clocks: clocks.clocks }),
  }
}

/** What is read from `incident show`. */
async function shownFaults({ statements, replayed }: StepOf<'expect'>, { id }: OpenedIncident, world: StoryWorld): Promise<string[]> {
  if (statements === undefined && replayed === undefined) return []
  const shown = (await world.command(['incident', 'show', id])) as unknown as { statements?: unknown[]; timeline?: { what: string }[] }
  const faults: string[] = []
  const kept = shown.statements?.length ?? 0
  if (statements !== undefined && kept !== statements) faults.push(`${kept} statements are kept, not ${statements}`)
  const spread = shown.timeline?.filter(({ what }) => what === 'notice_code_spread').length ?? 0
  if (replayed !== undefined && spread !== replayed) faults.push(`${spread} codes were used from many networks, not ${replayed}`)
  return faults
}

export function expectedPeople(opened: OpenedIncident, world: StoryWorld): Set<number> {
  const numbers = opened.surfaces === undefined ? undefined : new Set([...opened.surfaces].map((name) => world.surfaces.get(name) ?? 0))
  return truth(world.cloud(opened.vendor).loot(), { accessTo: opened.accessTo, surfaces: numbers })
}

interface ScopeLine {
  n: number | undefined
  state: string
  /** It has no identifier at all: whoever it is about was erased. */
  isNameless: boolean
}

/** Who was erased has a line that names nobody; as many of these are right as erased people are expected, and not one more. */
export function withErased(list: readonly ScopeLine[], expected: ReadonlySet<number>, erased: ReadonlySet<number>): ScopeLine[] {
  const owed = [...erased].filter((n) => expected.has(n))
  return list.map((line) => (line.isNameless ? { ...line, n: owed.shift() } : line))
}

async function askScope(
  opened: OpenedIncident,
  world: StoryWorld,
  more: readonly string[],
): Promise<{ answer: Record<string, unknown>; list: ScopeLine[] }> {
  const file = path.join(world.folder, 'scope.ndjson')
  const args = ['incident', 'affected', opened.id, '--list', file, '--identities', '--reason', 'story', ...more]
  const answer = await world.command(args)
  const byId = new Map(world.cast.map((person) => [person.id, person.n]))
  const list = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { state: string; ids?: string[] })
    // What a vendor held before Bulkhead is told apart and is nothing that it received here.
    .filter(({ state }) => state !== 'baseline')
    .map(({ state, ids = [] }) => ({
      state,
      n: ids.map((id) => byId.get(id)).find((n) => n !== undefined),
      isNameless: ids.length === 0,
    }))
  return { answer, list }
}

function scopeFaults(step: StepOf<'expect'>, answer: Record<string, unknown>): string[] {
  const faults: string[] = []
  const sent = new Set((answer.fields as { field: string }[] | undefined)?.map(({ field }) => field))
  for (const field of step.sent ?? []) if (!sent.has(field)) faults.push(`${field} is not among the fields sent`)
  for (const field of step.notSent ?? []) if (sent.has(field)) faults.push(`${field} is among the fields sent`)
  const figures = { upperBound: answer.upperBound, withoutAddress: answer.withoutAddress, erased: answer.erased }
  for (const [key, found] of Object.entries(figures)) {
    const wanted = step[key as keyof typeof figures]
    if (wanted !== undefined && found !== wanted) faults.push(`${key} is ${String(found)}, not ${String(wanted)}`)
  }
  return faults
}

function moreWords({ clocks, notified }: StepOf<'expect'>, { notified: sofar }: OpenedIncident): string {
  const organisations =
    sofar.organisations.size === 0 ? '' : ` and administrators of ${counted(sofar.organisations.size, 'organisation', 'organisations')}`
  const told = notified === undefined ? '' : `; ${sofar.people.size} of them${organisations} were notified`
  return clocks === undefined ? told : `${told}; ${counted(clocks.length, 'clock', 'clocks')} looked at`
}

/** Who was notified so far: everybody of the groups who has an address to trust, and, where it says so, nobody else. */
function notifiedFaults({ notified, incident }: StepOf<'expect'>, opened: OpenedIncident, world: StoryWorld): string[] {
  if (notified === undefined) return []
  const faults: string[] = []
  const { people, organisations, faults: earlier } = opened.notified
  const wanted = notified.people.flatMap((id) => world.group(id)).filter((person) => world.hasAddress(person))
  const missing = wanted.filter(({ n }) => !people.has(n))
  if (missing.length > 0) faults.push(`${missing.length} of ${wanted.length} people were not notified of ${incident}`)
  if (notified.organisations !== undefined && organisations.size !== notified.organisations)
    faults.push(`administrators of ${organisations.size} organisations were notified, not of ${notified.organisations}`)
  if (notified.nobodyElse !== true) return faults
  const others = [...people].filter((n) => !wanted.some((person) => person.n === n))
  if (others.length > 0) faults.push(`${others.length} other people were notified`)
  if (earlier.length > 0) faults.push(`${earlier.length} addresses got a mail too many or none`)
  return faults
}
