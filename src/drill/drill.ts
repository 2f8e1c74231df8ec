/**
 * `bulkhead drill`: a breach rehearsed end to end on this machine. The real program, real SDKs and a real browser; only
 * the vendor's cloud is played by a loopback server. The vendor is then robbed, and Bulkhead has to say who may be
 * affected, cut the flow, and go on. The score compares its answers with what the vendor really received.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { chromiumPath } from './browser.ts'
import { APPROVED_EVENTS, type Cast, directoryCsv, drillConfig, makeCast, TOKENS, VENDOR_LOGIN } from './cast.ts'
import { distinctEvents, peopleInLoot, sampleRows, searchLoot } from './loot.ts'
import { type MixpanelCloud, startMixpanelCloud } from './mixpanel-cloud.ts'
import { onInterrupt } from './interrupt.ts'
import { caughtUp, delay, type Program, startProgram, waitUntil } from './program.ts'
import { type Affected, type AffectedRow, type DrillScore, faultsOf, type Story, writeStory } from './score.ts'
import { eventCounts, isForwarded, parseLast } from './status.ts'
import { playBrowsers, playServers, startStorm, type TrafficCount } from './traffic.ts'

export interface DrillOptions {
  users: number
  /** Print the score as one JSON object, last, on stdout; the story then goes to stderr. */
  json: boolean
  /** Leave the folder for a closer look. */
  keep: boolean
  /** Folder to work in; a temporary one when absent. */
  dataDir?: string
}

const BROWSER_USERS_MAX = 5
const STORM_MS = 2500

/** Resolves with the exit code: 0 when every figure is as it has to be. */
export async function runDrill(options: DrillOptions): Promise<number> {
  const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`)
  if (!Number.isInteger(options.users) || options.users < 1) throw new BulkheadError('bad_usage', '--users takes a whole number above 0')
  const isWithoutBrowser = (process.env.BULKHEAD_WITHOUT ?? '').split(',').includes('chromium')
  if (!isWithoutBrowser && chromiumPath() === undefined) {
    throw new BulkheadError('dependency_missing', 'the drill needs Chromium for its browser users (or BULKHEAD_WITHOUT=chromium)')
  }
  if (options.dataDir !== undefined) mkdirSync(options.dataDir, { recursive: true })
  const folder = mkdtempSync(path.join(options.dataDir ?? os.tmpdir(), 'bulkhead-drill-'))
  const browserUsers = isWithoutBrowser ? 0 : Math.min(BROWSER_USERS_MAX, Math.max(1, Math.floor(options.users / 4)))
  const run = Math.random()
    .toString(36)
    .replace(/[^a-z]/g, '')
    .slice(0, 5)
    .padEnd(5, 'q')
  const cast = makeCast({ users: options.users, browserUsers, run })
  const vendor = await startMixpanelCloud({
    token: TOKENS.vendor,
    projectId: VENDOR_LOGIN.projectId,
    credentials: { kind: 'serviceAccount', ...VENDOR_LOGIN },
  })
  let program: Program | undefined
  const interrupted = onInterrupt(async () => {
    await program?.stop()
    if (!options.keep) rmSync(folder, { recursive: true, force: true })
  })
  try {
    say(`Drill in ${folder}: ${options.users} users of an invented API platform, ${browserUsers} of them in a real browser.`)
    program = await startProgram({ folder, config: drillConfig(vendor.url), env: { DRILL_VENDOR_SECRET: VENDOR_LOGIN.secret } })
    const { score, story } = await rehearse({ program, vendor, cast, folder, say })
    say(writeStory(score, story))
    if (options.json) process.stdout.write(`${JSON.stringify(score)}\n`)
    return score.ok ? 0 : 1
  } finally {
    interrupted.off()
    await program?.stop()
    await vendor.close()
    if (options.keep) say(`Kept: ${folder}`)
    else rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

interface Stage {
  program: Program
  vendor: MixpanelCloud
  cast: Cast
  folder: string
  say(line: string): void
}

async function rehearse(stage: Stage): Promise<{ score: DrillScore; story: Story }> {
  const { program, vendor, cast, say } = stage
  await importDirectory(stage)
  say('Acting: real SDKs send …')
  const played = [await playServers(program.gatewayUrl, cast), await playBrowsers(program.gatewayUrl, cast)]
  await delivered(stage, sum(played, 'approved'))

  // The theft: all that the vendor holds, at this instant.
  const stolen = vendor.loot()
  const truth = peopleInLoot(stolen)
  const { answer, list, answerMs } = await askAffected(stage)
  const affectedScore = compare(cast, truth, list)

  const cut = await cutInStorm(stage, played)
  const sent = sum(played, 'sent')
  const isComplete = async (): Promise<boolean> => (await eventCounts(program)).warehouse >= sent
  await waitUntil('the warehouse holds every event', isComplete, 120_000, 250).catch(() => undefined)
  const { warehouse } = await eventCounts(program)

  const loot = searchLoot(vendor, cast)
  const score: DrillScore = {
    loot,
    affected: { ...affectedScore, answerMs },
    cut: { returnMs: cut.returnMs, requestsAfter: cut.requestsAfter },
    events: { sent, warehouse, vendorDistinct: distinctEvents(vendor.loot()), lost: Math.max(0, sent - warehouse) },
    ok: false,
  }
  const faults = faultsOf(score, {
    errors: played.flatMap((count) => count.errors),
    schemaErrors: vendor.schemaErrors(),
    stolen: stolen.length,
  })
  score.ok = faults.length === 0
  return {
    score,
    story: { samples: sampleRows(stolen), stolenRows: stolen.length, answer, sinceCut: cut.sinceCut, held: cut.held, faults },
  }
}

function sum(counts: readonly TrafficCount[], key: 'sent' | 'approved'): number {
  return counts.reduce((total, count) => total + count[key], 0)
}

async function importDirectory({ program, cast, folder }: Stage): Promise<void> {
  const file = path.join(folder, 'users.csv')
  writeFileSync(file, directoryCsv(cast))
  await command(program, ['directory', 'import', file, '--reason', 'drill'])
}

/** Runs a command that has to succeed and returns what it printed as JSON. */
async function command(program: Program, args: string[]): Promise<{ json: unknown; ms: number; endedAt: number }> {
  const result = await program.cli([...args, '--json'])
  await caughtUp()
  const endedAt = Date.now()
  if (result.code !== 0) {
    throw new BulkheadError(
      'drill_failed',
      `\`bulkhead ${args.slice(0, 2).join(' ')}\` ended with ${result.code}: ${result.stderr.slice(0, 1000)}`,
    )
  }
  return { json: parseLast(result.stdout), ms: Math.round(result.ms), endedAt }
}

/** Everything approved has to reach the vendor before it is robbed, so that the score is about a full haul. */
async function delivered({ program, vendor }: Stage, approved: number): Promise<void> {
  await waitUntil(
    `the vendor has ${approved} approved events`,
    () => distinctEvents(vendor.loot(), APPROVED_EVENTS) >= approved,
    Math.max(60_000, approved * 5),
    100,
  )
  // Profile and group records follow on routes of their own.
  await waitUntil('the worker is behind with nothing', () => isForwarded(program, ['mixpanel']))
}

async function askAffected({ program, folder }: Stage): Promise<{ answer: Affected; list: AffectedRow[]; answerMs: number }> {
  const file = path.join(folder, 'affected.ndjson')
  const args = ['incident', 'affected', '--vendor', 'mixpanel', '--list', file, '--reason', 'drill', '--identities']
  const { json, ms } = await command(program, args)
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return { answer: json as Affected, list: lines.map((line) => JSON.parse(line) as AffectedRow), answerMs: ms }
}

/** Compares the list with the truth in the loot. Whoever on the list is none of the cast counts as wrong. */
function compare(cast: Cast, truth: ReadonlySet<number>, list: readonly AffectedRow[]): Omit<DrillScore['affected'], 'answerMs'> {
  const byId = new Map(cast.members.map((member) => [member.id, member.n]))
  let right = 0
  const found = new Set<number>()
  for (const row of list) {
    const n = row.ids?.map((id) => byId.get(id)).find((known) => known !== undefined)
    if (n === undefined || !truth.has(n) || found.has(n)) continue
    found.add(n)
    right++
  }
  return {
    expected: truth.size,
    found: list.length,
    precision: list.length === 0 ? 0 : right / list.length,
    recall: truth.size === 0 ? 0 : right / truth.size,
  }
}

interface CutOutcome {
  returnMs: number
  requestsAfter: number
  /** Events that the own warehouse took after the cut. */
  sinceCut: number
  held: number
}

async function cutInStorm(stage: Stage, played: TrafficCount[]): Promise<CutOutcome> {
  const { program, vendor, cast, say } = stage
  const before = vendor.requests().length
  const storm = await startStorm(program.gatewayUrl, cast)
  played.push(storm.count)
  await waitUntil('the storm reaches the vendor', () => storm.count.sent === 0 || vendor.requests().length > before + 2, 120_000, 20)
  say('Cutting, in the middle of traffic …')
  const { json, ms, endedAt } = await command(program, ['vendor', 'cut', 'mixpanel', '--reason', 'drill'])
  const atCut = (await eventCounts(program)).warehouse
  await delay(STORM_MS)
  await storm.stop()
  const requestsAfter = vendor.requests().filter((request) => request.at > endedAt).length
  const sent = sum(played, 'sent')
  await waitUntil('the warehouse follows', async () => (await eventCounts(program)).warehouse >= sent, 120_000, 250).catch(() => undefined)
  const held = Number((json as { heldEvents?: number }).heldEvents ?? 0)
  return { returnMs: ms, requestsAfter, sinceCut: (await eventCounts(program)).warehouse - atCut, held }
}
