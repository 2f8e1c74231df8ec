/** What each kind of step does in the world of a story; each returns a line of words and whether it went as it has to. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { delay, waitUntil } from './program.ts'
import { eventCounts } from './status.ts'
import { EVENT, type StoryPerson, tokenOf } from './story-cast.ts'
import type { Step, StepOf } from './story-format.ts'
import { type ScopeScore, scoreScope, truth } from './story-truth.ts'
import type { OpenedIncident, StoryWorld } from './story-world.ts'
import { openServerClient } from './traffic.ts'

export interface StepResult {
  what: string
  ok: boolean
  /** Of an expectation about a scope. */
  scope?: ScopeScore
}

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
    for (const { id } of world.story.vendors) state.due.set(id, (state.due.get(id) ?? 0) + group.length * events)
    const open = world.story.vendors.map(({ id }) => id).filter((id) => !state.closed.has(id))
    if (waits) await world.settled(open, state.due)
    return fine(`${group.length} people of ${people} send ${events} events each from ${source}`)
  },

  kill: async ({ role }, world) => {
    const lived = world.program.kill(role)
    if (lived && role === 'supervisor') await world.program.restart()
    await delay(300)
    await world.program.waitReady()
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
    const returned = Date.now()
    world.cut.returnMs = Math.round(performance.now() - began)
    state.closed.add(vendor)
    await delay(500)
    const after = world
      .cloud(vendor)
      .requests()
      .filter(({ at, route }) => at > world.now() - (Date.now() - returned) && route !== '?')
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
    for (const { id } of asked) {
      const { code, stderr } = await world.program.cli(['erase', id, '--reason', 'story', '--json'])
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
      ...option('--access-from', step.accessFrom),
      ...option('--access-to', step.accessTo),
      ...option('--title', step.title),
      ...option('--source', step.from),
      ...(step.surfaces ?? []).flatMap((surface) => ['--surface', surface]),
    ])
    const accessTo = step.accessTo === undefined ? undefined : Date.parse(step.accessTo)
    const surfaces = step.surfaces === undefined ? undefined : new Set(step.surfaces)
    world.incidents.set(step.as, { id: String(id), vendor: step.vendor, accessTo, surfaces })
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

  expect: async (step, world) => {
    const wrong: string[] = []
    if (step.ownEvents !== undefined) {
      const least = step.ownEvents
      const holds = async (): Promise<boolean> => (await eventCounts(world.program)).warehouse >= least
      await waitUntil('own analytics hold them', holds, 30_000, 200).catch(() => wrong.push(`own analytics do not hold ${least} events`))
    }
    if (step.vendor !== undefined) {
      const shown = await world.command(['vendor', 'show', step.vendor])
      if (step.state !== undefined && shown.state !== step.state) wrong.push(`${step.vendor} is ${String(shown.state)}, not ${step.state}`)
    }
    if (step.incident === undefined) return { what: `as expected${said(wrong)}`, ok: wrong.length === 0 }
    const opened = world.incident(step.incident)
    const { answer, list } = await askScope(opened, world, [])
    const score = scoreScope(expectedPeople(opened, world), list)
    if (score.recall < 1) wrong.push(`recall is ${score.recall}`)
    if (score.precision < 1) wrong.push(`precision over delivered is ${score.precision}`)
    if (step.people !== undefined && list.length !== step.people) wrong.push(`${list.length} people, not ${step.people}`)
    if (step.added !== undefined) {
      const added = await askScope(opened, world, ['--added'])
      if (added.list.length !== step.added) wrong.push(`${added.list.length} people were added, not ${step.added}`)
    }
    wrong.push(...scopeFaults(step, answer))
    if (step.statements !== undefined) {
      const { statements } = await world.command(['incident', 'show', opened.id])
      const count = Array.isArray(statements) ? statements.length : 0
      if (count !== step.statements) wrong.push(`${count} statements are kept, not ${step.statements}`)
    }
    return {
      what: `${list.length} people may be affected (${score.expected} by what the vendor holds)${said(wrong)}`,
      ok: wrong.length === 0,
      scope: score,
    }
  },
}

function said(wrong: readonly string[]): string {
  return wrong.length === 0 ? '' : `; but ${wrong.join('; ')}`
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

function expectedPeople(opened: OpenedIncident, world: StoryWorld): Set<number> {
  const numbers = opened.surfaces === undefined ? undefined : new Set([...opened.surfaces].map((name) => world.surfaces.get(name) ?? 0))
  return truth(world.cloud(opened.vendor).loot(), { accessTo: opened.accessTo, surfaces: numbers })
}

interface ScopeLine {
  n: number | undefined
  state: string
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
    .map(({ state, ids }) => ({ state, n: ids?.map((id) => byId.get(id)).find((n) => n !== undefined) }))
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

type Row = Record<string, unknown>

/** As the vendor would export it: its own ids for everybody, which are our pseudonyms. */
function stolenRows(step: StepOf<'steal'>, world: StoryWorld): Row[] {
  const until = step.until === undefined ? undefined : Date.parse(step.until)
  const rows: Row[] = []
  for (const { record, at } of world.cloud(step.vendor).loot()) {
    const { event, properties } = record as { event?: string; properties?: Row }
    if (event === undefined || properties === undefined || (until !== undefined && at >= until)) continue
    rows.push({ event, distinct_id: properties.distinct_id, time: properties.time, $insert_id: properties.$insert_id, n: properties.n })
  }
  const time = rows[0]?.time ?? Math.floor(world.now() / 1000)
  for (let index = 0; index < (step.foreign ?? 0); index++) {
    const hex = createHash('sha256').update(`foreign ${index}`).digest('hex')
    const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
    rows.push({ event: 'Somewhere else', distinct_id: id, time, $insert_id: hex.slice(0, 32), n: 0 })
  }
  const { people, count = 0 } = step.emails ?? {}
  for (const person of people === undefined ? [] : world.group(people).slice(0, count)) {
    rows.push({ event: 'Bought elsewhere', $email: person.email, time })
  }
  return rows
}

function writeRows(rows: readonly Row[], format: 'ndjson' | 'csv' | 'json'): string {
  if (format === 'json') return JSON.stringify(rows.map(exported))
  if (format === 'ndjson') return rows.map((row) => `${JSON.stringify(exported(row))}\n`).join('')
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const quoted = (value: unknown): string => `"${String(value ?? '').replaceAll('"', '""')}"`
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))]
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('')
}

/** Mixpanel's raw export: `{event, properties}` (docs/stories.md). */
function exported({ event, ...properties }: Row): Row {
  return { event, properties }
}
