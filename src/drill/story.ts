/**
 * `bulkhead drill --story`: a breach from a file, played through the real program under a clock that the story moves. What
 * Bulkhead says at each point is compared with what the vendors, played on loopback, really received.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { toBulkheadError } from '#base/errors.ts'
import { type LootScore, searchValues } from './loot.ts'
import { eventCounts } from './status.ts'
import { readStory } from './story-file.ts'
import type { StoryFile } from './story-format.ts'
import type { NoticeScore } from './story-notified.ts'
import type { ClockScore, StepResult } from './story-result.ts'
import { newState, play } from './story-steps.ts'
import type { ScopeScore } from './story-truth.ts'
import { StoryWorld } from './story-world.ts'
import { onInterrupt } from './interrupt.ts'
import type { DrillScore } from './score.ts'
import { waitUntil } from './program.ts'

export interface StoryOptions {
  /** Path of a file, or the name of a story that comes with Bulkhead. */
  story: string
  json: boolean
  keep: boolean
  dataDir?: string
}

export interface StoryScore extends DrillScore {
  story: {
    name: string
    steps: { at: string; what: string; ok: boolean }[]
    scope: ScopeScore
    /** Every clock that was expected. */
    clocks: ClockScore[]
    /** Over all notices of the story. */
    notified: NoticeScore
  }
}

/** Resolves with the exit code: 0 when every step went as it has to. */
export async function runStory(options: StoryOptions): Promise<number> {
  const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`)
  const story = readStory(options.story)
  if (options.dataDir !== undefined) mkdirSync(options.dataDir, { recursive: true })
  const folder = mkdtempSync(path.join(options.dataDir ?? os.tmpdir(), 'bulkhead-story-'))
  const world = new StoryWorld(story, folder)
  const clean = async (): Promise<void> => {
    await world.stop()
    if (!options.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const interrupted = onInterrupt(clean)
  try {
    say(`${story.story}: ${story.about.trim()}\n`)
    await world.start()
    const score = await playAll(story, world, say)
    say(`\nScope: ${score.story.scope.expected} by what the vendor holds, ${score.story.scope.found} on the list.`)
    const { clocks, notified } = score.story
    if (clocks.length > 0) say(`Clocks: ${clocks.filter(({ ok }) => ok).length} of ${clocks.length} as worked out by hand.`)
    if (notified.expected + notified.sent > 0)
      say(`Notices: ${notified.expected} owed, ${notified.sent} taken by the mail server, ${notified.wrongly} wrongly or twice.`)
    say(score.ok ? 'All as it has to be.' : 'Not as it has to be.')
    if (options.json) process.stdout.write(`${JSON.stringify(score)}\n`)
    return score.ok ? 0 : 1
  } finally {
    interrupted.off()
    await clean()
    if (options.keep) say(`Kept: ${folder}`)
  }
}

async function playAll(story: StoryFile, world: StoryWorld, say: (line: string) => void): Promise<StoryScore> {
  const steps: StoryScore['story']['steps'] = []
  const state = newState()
  const clocks: ClockScore[] = []
  const notified: NoticeScore = { expected: 0, sent: 0, wrongly: 0 }
  let scope: ScopeScore = { expected: 0, found: 0, precision: 1, recall: 1 }
  let askedMs = 0
  for (const step of story.steps) {
    world.moveTo(Date.parse(step.at))
    const beganAt = performance.now()
    // A step that fails says so; the ones after it may still tell something.
    const result = await play(step, world, state).catch(
      (thrown: unknown): StepResult => ({ what: `${step.do}: ${toBulkheadError(thrown).message}`, ok: false }),
    )
    if (result.scope !== undefined) {
      scope = result.scope
      askedMs = Math.round(performance.now() - beganAt)
    }
    clocks.push(...(result.clocks ?? []))
    notified.expected += result.notified?.expected ?? 0
    notified.sent += result.notified?.sent ?? 0
    notified.wrongly += result.notified?.wrongly ?? 0
    const what = step.why === undefined ? result.what : `${step.why}: ${result.what}`
    steps.push({ at: new Date(step.at).toISOString(), what, ok: result.ok })
    say(`${result.ok ? 'ok  ' : 'FAIL'} ${step.at}  ${what}`)
  }
  const holdsAll = async (): Promise<boolean> => (await eventCounts(world.program)).warehouse >= world.eventsSent
  await waitUntil('own analytics hold all', holdsAll, 120_000, 250).catch(() => undefined)
  const { warehouse } = await eventCounts(world.program)
  const loot = lootOf(world)
  const lost = Math.max(0, world.eventsSent - warehouse)
  const { rows, ...leaks } = loot
  const schemaErrors = [...world.clouds.values()].flatMap((cloud) => cloud.schemaErrors())
  for (const fault of [...world.complaints, ...schemaErrors].slice(0, 5)) say(`FAIL a client or vendor complained: ${fault}`)
  const isClean = Object.values(leaks).every((count) => count === 0) && world.complaints.length + schemaErrors.length === 0
  const vendorDistinct = new Set([...world.clouds.values()].flatMap((cloud) => cloud.loot().map(({ record }) => JSON.stringify(record))))
    .size
  return {
    loot,
    affected: { ...scope, answerMs: askedMs },
    cut: world.cut,
    events: { sent: world.eventsSent, warehouse, vendorDistinct, lost },
    ok: steps.every((step) => step.ok) && isClean && lost === 0 && rows > 0,
    story: { name: story.story, steps, scope, clocks, notified },
  }
}

/** Planted values in everything that any vendor received. A story that grants identity in the clear finds what it granted. */
function lootOf(world: StoryWorld): LootScore {
  const clouds = [...world.clouds.values()]
  const all = { loot: () => clouds.flatMap((cloud) => cloud.loot()), requests: () => clouds.flatMap((cloud) => cloud.requests()) }
  const count = searchValues(all)
  return {
    rows: all.loot().length,
    names: count(world.cast.map((person) => person.name)),
    emails: count(world.cast.map((person) => person.email)),
    ids: count(world.cast.flatMap((person) => [person.id, ...(person.organisation === undefined ? [] : [person.organisation])])),
    ips: 0,
    userAgents: 0,
    referrerUrls: 0,
  }
}
