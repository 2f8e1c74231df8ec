/** What each kind of step does in the world of a story; each returns a line of words and whether it went as it has to. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { caughtUp, delay, killAndReturn } from './program.ts'
import { check, phish } from './story-check.ts'
import { markClock } from './story-clocks.ts'
import { EVENT, type StoryPerson, tokenOf } from './story-cast.ts'
import type { Step, StepOf } from './story-format.ts'
import { notify } from './story-notify.ts'
import { counted, said, type StepResult } from './story-result.ts'
import { expectScope } from './story-scope.ts'
import { stolenRows, writeRows } from './story-stolen.ts'
import type { StoryWorld } from './story-world.ts'
import { openServerClient } from './traffic.ts'

const fine = (what: string): StepResult => ({ what, ok: true })

type Handlers = { [Name in Step['do']]: (step: StepOf<Name>, world: StoryWorld, state: PlayState) => Promise<StepResult> }

/** What the player remembers between steps beside the world. */
export interface PlayState {
  /** Events that each vendor has to have by now. */
  due: Map<string, number>
  /** Vendors to which nothing flows, or which answer nothing good. */
  closed: Set<string>
}

export function newState(): PlayState {
  return { due: new Map(), closed: new Set() }
}

export function play(step: Step, world: StoryWorld, state: PlayState): Promise<StepResult> {
  const handler = handlers[step.do] as (step: Step, world: StoryWorld, state: PlayState) => Promise<StepResult>
  return handler(step, world, state)
}

const handlers: Handlers = {
  send: async ({ people, source, events = 2, profile = false, waits = true }, world, state) => {
    const group = world.group(people)
    await sendFrom(world, group, { source, events, profile })
    const isTrusted = (world.story.sources.find(({ id }) => id === source)?.trust ?? 'server') === 'server'
    if (profile && isTrusted) for (const { n } of group) world.withProfile.add(n)
    for (const { id } of world.story.vendors) state.due.set(id, (state.due.get(id) ?? 0) + group.length * events)
    const open = world.story.vendors.map(({ id }) => id).filter((id) => !state.closed.has(id))
    if (waits) await world.settled(open, state.due)
    const who = `${counted(group.length, 'person', 'people')} of ${people} send${group.length === 1 ? 's' : ''}`
    return fine(`${who} ${counted(events, 'event', 'events')} each from ${source}`)
  },

  kill: async ({ role }, world) => {
    const lived = role === 'supervisor' ? world.program.kill(role) : await killAndReturn(world.program, role)
    if (lived && role === 'supervisor') await world.program.restart()
    return { what: `${role} is killed (SIGKILL) and comes back`, ok: lived }
  },

  'vendor-answers': async ({ vendor, status }, world, state) => {
    const { faults } = world.cloud(vendor)
    faults.choose(status === 200 ? undefined : () => ({ kind: 'status', status }))
    if (status === 200) state.closed.delete(vendor)
    else state.closed.add(vendor)
    return fine(status === 200 ? `${vendor} answers as it should again` : `${vendor} answers ${status} to everything`)
  },

  cut: async ({ vendor, reason = 'story' }, world, state) => {
    const began = performance.now()
    await world.command(['vendor', 'cut', vendor, '--reason', reason])
    await caughtUp()
    const returned = world.now()
    world.cut.returnMs = Math.round(performance.now() - began)
    state.closed.add(vendor)
    await delay(500)
    const after = world
      .cloud(vendor)
      .requests()
      .filter(({ at, route }) => at > returned && route !== '?')
    world.cut.requestsAfter += after.length
    return { what: `the flow to ${vendor} is cut; ${after.length} requests began afterwards`, ok: after.length === 0 }
  },

  restore: async ({ vendor, reason = 'story' }, world, state) => {
    await world.command(['vendor', 'restore', vendor, '--reason', reason])
    state.closed.delete(vendor)
    await world.settled([vendor], state.due)
    return fine(`the flow to ${vendor} is open again`)
  },

  retire: async ({ vendor, reason = 'story' }, world, state) => {
    await world.command(['vendor', 'retire', vendor, '--reason', reason])
    state.closed.add(vendor)
    return fine(`${vendor} is retired`)
  },

  rotate: async ({ vendor, reason = 'story' }, world) => {
    const { epoch } = await world.command(['vendor', 'rotate', vendor, '--reason', reason])
    return fine(`${vendor} knows everybody under new identifiers (epoch ${String(epoch)})`)
  },

  erase: async ({ people, count, waits = false }, world) => {
    const asked = world.group(people).slice(0, count)
    let deferred = 0
    for (const { id, n } of asked) {
      const { code, stderr } = await world.program.cli(['erase', id, '--reason', 'story', '--json'])
      if (code === 0) world.erased.add(n)
      if (stderr.includes('erase_deferred')) deferred++
      else if (code !== 0) return { what: `an erasure ended with ${code}: ${stderr.slice(0, 300)}`, ok: false }
    }
    const what = `${asked.length} people of ${people} are to be erased, ${deferred} of them wait for a hold`
    return { what, ok: deferred === (waits ? asked.length : 0) }
  },

  baseline: async ({ vendor, is }, world) => {
    await world.command(['vendor', 'baseline', vendor, `--${is}`, '--reason', 'story'])
    return fine(`what ${vendor} held before is said to be: ${is}`)
  },

  steal: async (step, world) => {
    const file = path.join(world.folder, `${step.as}.${step.format ?? 'ndjson'}${step.gzip === true ? '.gz' : ''}`)
    const rows = stolenRows(step, world)
    const text = Buffer.from(writeRows(rows, step.format ?? 'ndjson'))
    writeFileSync(file, step.gzip === true ? gzipSync(text) : text)
    world.stolen.set(step.as, { file, rows: rows.length })
    return { what: `${rows.length} rows of ${step.vendor} are stolen (${step.as})`, ok: rows.length > 0 }
  },

  open: async (step, world) => {
    const { id } = await world.command([
      ...['incident', 'open', '--vendor', step.vendor, '--told', step.told],
      ...option('--aware', step.aware),
      ...option('--vendor-aware', step.vendorAware),
      ...option('--access-from', step.accessFrom),
      ...option('--access-to', step.accessTo),
      ...option('--title', step.title),
      ...option('--source', step.from),
      ...(step.surfaces ?? []).flatMap((surface) => ['--surface', surface]),
    ])
    const accessTo = step.accessTo === undefined ? undefined : Date.parse(step.accessTo)
    const surfaces = step.surfaces === undefined ? undefined : new Set(step.surfaces)
    const notified = { people: new Set<number>(), organisations: new Set<string>(), faults: [] }
    world.incidents.set(step.as, { id: String(id), vendor: step.vendor, accessTo, surfaces, notified })
    return { what: `incident ${String(id)} at ${step.vendor} is opened`, ok: id !== undefined }
  },

  statement: async ({ incident, says, text, received }, world) => {
    const { id } = world.incident(incident)
    const file = path.join(world.folder, `statement-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.txt`)
    writeFileSync(file, `${text}\n`)
    await world.command(['incident', 'statement', id, '--file', file, '--says', says, ...option('--received', received)])
    return fine(`the vendor says: ${says}`)
  },

  amend: async ({ incident, surfaces, accessFrom, accessTo, reason }, world) => {
    const opened = world.incident(incident)
    await world.command([
      ...['incident', 'amend', opened.id, '--reason', reason],
      ...(surfaces ?? []).flatMap((surface) => ['--surface', surface]),
      ...option('--access-from', accessFrom),
      ...option('--access-to', accessTo),
    ])
    for (const surface of surfaces ?? []) opened.surfaces?.add(surface)
    if (accessTo !== undefined) opened.accessTo = Date.parse(accessTo)
    return fine(`the scope is amended: ${reason}`)
  },

  match: async ({ incident, file, expect = {} }, world) => {
    const stolen = world.stolen.get(file)
    const { id } = world.incident(incident)
    const answer = await world.command(['incident', 'match', id, '--file', stolen?.file ?? '', '--reason', 'story'])
    const wrong = differences({ rows: stolen?.rows, ...expect }, answer)
    const { matched, notSentThroughBulkhead } = answer
    return {
      what: `the leaked file is matched: ${JSON.stringify({ rows: answer.rows, matched, notSentThroughBulkhead })}${said(wrong)}`,
      ok: wrong.length === 0,
    }
  },

  report: async (step, world) => {
    const { id } = world.incident(step.incident)
    const file = path.join(world.folder, `report-${step.for}.md`)
    await world.command(['incident', 'report', id, '--for', step.for, '--md', file])
    const text = readFileSync(file, 'utf8')
    const names = world.cast.filter(({ name, email, id: own }) => [name, email, own].some((value) => text.includes(value)))
    return { what: `a report for the ${step.for}, ${text.length} characters, naming ${names.length} people`, ok: names.length === 0 }
  },

  close: async ({ incident, reason }, world) => {
    await world.command(['incident', 'close', world.incident(incident).id, '--reason', reason])
    return fine('the incident is closed')
  },

  expect: expectScope,
  clock: markClock,
  notify,
  phish,
  check,
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value]
}

interface SendOrder {
  source: string
  events: number
  profile: boolean
}

/** Through the vendor's own server SDK; `s` is the number of the surface. */
async function sendFrom(world: StoryWorld, people: readonly StoryPerson[], { source, events, profile }: SendOrder): Promise<void> {
  const client = await openServerClient(world.program.gatewayUrl, tokenOf(source))
  const surface = world.story.sources.find(({ id }) => id === source)?.surface ?? source
  const s = world.surfaces.get(surface) ?? 0
  const taken = (call: (done: (error: unknown) => void) => void): Promise<void> =>
    new Promise((resolve) => {
      call((error) => {
        const isFault = error !== undefined && error !== null && !(Array.isArray(error) && error.length === 0)
        if (isFault) world.complaints.push(error instanceof Error ? error.message : JSON.stringify(error))
        resolve()
      })
    })
  const records = people.flatMap(({ n, id, organisation }) =>
    Array.from({ length: events }, (_, step) => ({
      event: EVENT,
      properties: {
        distinct_id: id,
        time: new Date(world.now()),
        n,
        s,
        step,
        note: `a line of ${id}`,
        ...(organisation !== undefined && { company: organisation }),
      },
    })),
  )
  for (let from = 0; from < records.length; from += 50) {
    const batch = records.slice(from, from + 50)
    await taken((done) => client.track_batch(batch, done))
    world.eventsSent += batch.length
  }
  if (!profile) return
  for (const { n, id, name, email } of people) await taken((done) => client.people.set(id, { $name: name, $email: email, n, s }, done))
}

/** Every key that is asked for has to be there with that value; objects are compared key by key. */
function differences(wanted: Record<string, unknown>, found: unknown, at = ''): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const got = (found as Record<string, unknown> | undefined)?.[key]
    const name = at === '' ? key : `${at}.${key}`
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return differences(value as Record<string, unknown>, got, name)
    return JSON.stringify(got) === JSON.stringify(value) ? [] : [`${name} is ${JSON.stringify(got)}, not ${JSON.stringify(value)}`]
  })
}
