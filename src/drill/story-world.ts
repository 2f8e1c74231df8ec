/**
 * The world of a story: the real program under a clock that the story moves, one loopback cloud for each vendor under the
 * same clock, and what has been sent, stolen and opened so far.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DAY_MS } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { CLOCK_VARIABLE } from '#base/moved-clock.ts'
import { VENDOR_LOGIN } from './cast.ts'
import { distinctEvents } from './loot.ts'
import { type MailSink, startMailSink } from './mail-sink.ts'
import { type MixpanelCloud, startMixpanelCloud } from './mixpanel-cloud.ts'
import { delay, type Program, startProgram, waitUntil } from './program.ts'
import { isForwarded, parseLast } from './status.ts'
import {
  castOf,
  directoryOf,
  EVENT,
  projectToken,
  SECRET_VARIABLE,
  type StoryMail,
  type StoryPerson,
  storyConfig,
  surfaceNumbers,
} from './story-cast.ts'
import type { StoryFile } from './story-format.ts'
import type { HeldMail } from './story-phish.ts'

/** Of a command whose vault is not back. */
const TRIES = 6

export interface Stolen {
  file: string
  rows: number
}

export interface OpenedIncident {
  id: string
  vendor: string
  accessTo: number | undefined
  /** Undefined: all. */
  surfaces: Set<string> | undefined
  /** Whom notices were about so far, and what came of them. */
  notified: NotifiedSoFar
}

export interface NotifiedSoFar {
  /** Numbers of people who were owed one and to whom the mail server took it. */
  people: Set<number>
  organisations: Set<string>
  /** Addresses to which something went that was not owed, or did not go. */
  faults: string[]
}

/** So old the second person's credential is when a story begins: a newer one could be the first person's. */
const BEFORE_DAYS = 2

export class StoryWorld {
  readonly story: StoryFile
  readonly folder: string
  readonly cast: readonly StoryPerson[]
  readonly surfaces: ReadonlyMap<string, number>
  readonly clouds = new Map<string, MixpanelCloud>()
  readonly stolen = new Map<string, Stolen>()
  readonly incidents = new Map<string, OpenedIncident>()
  /** Mails of forgers, by name and by number of the person who got one. */
  readonly phish = new Map<string, Map<number, HeldMail>>()
  readonly erased = new Set<number>()
  /** Numbers of people of whom a server of the company said an address. */
  readonly withProfile = new Set<number>()
  readonly complaints: string[] = []
  /** Events that an SDK was told were taken. */
  eventsSent = 0
  cut = { returnMs: 0, requestsAfter: 0 }
  readonly #clockFile: string
  #offset = 0
  #program: Program | undefined
  #sink: MailSink | undefined

  constructor(story: StoryFile, folder: string) {
    this.story = story
    this.folder = folder
    this.cast = castOf(story)
    this.surfaces = surfaceNumbers(story)
    this.#clockFile = path.join(folder, 'clock')
  }

  get program(): Program {
    if (this.#program === undefined) throw new Error('the program has not been started')
    return this.#program
  }

  get sink(): MailSink {
    if (this.#sink === undefined) throw new Error('no mail server: nobody is notified in this story')
    return this.#sink
  }

  /** File with the credential of somebody who approves what another proposed. */
  get secondPerson(): string {
    return path.join(this.folder, 'second-person')
  }

  /** The address may be trusted: the company's own table or one of its servers has it. */
  hasAddress(person: StoryPerson): boolean {
    return !this.erased.has(person.n) && (person.group.directory !== false || this.withProfile.has(person.n))
  }

  now(): number {
    return Date.now() + this.#offset
  }

  /** The clock never goes back: a story's step that is due already happens now. */
  moveTo(instant: number): void {
    if (instant <= this.now()) return
    this.#offset = instant - Date.now()
    const draft = `${this.#clockFile}.new`
    writeFileSync(draft, String(this.#offset))
    renameSync(draft, this.#clockFile)
  }

  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true })
    // The story's first instant may lie in the past; from there on time only goes forward.
    const first = Date.parse(this.story.steps[0]?.at ?? '')
    const isNotified = this.story.steps.some((step) => step.do === 'notify')
    this.#offset = first - Date.now() - (isNotified ? BEFORE_DAYS * DAY_MS : 0)
    writeFileSync(this.#clockFile, String(this.#offset))
    const urls = new Map<string, string>()
    for (const { id } of this.story.vendors) {
      const cloud = await startMixpanelCloud({
        token: projectToken(id),
        projectId: VENDOR_LOGIN.projectId,
        credentials: { kind: 'serviceAccount', ...VENDOR_LOGIN },
        now: () => this.now(),
      })
      this.clouds.set(id, cloud)
      urls.set(id, cloud.url)
    }
    this.#program = await startProgram({
      folder: this.folder,
      config: storyConfig(this.story, urls, isNotified ? await this.#startMail() : undefined),
      env: { [SECRET_VARIABLE]: VENDOR_LOGIN.secret, [CLOCK_VARIABLE]: this.#clockFile },
    })
    if (isNotified) await this.command(['operator', 'add', 'second', '--file', this.secondPerson, '--reason', 'story'])
    this.moveTo(first)
    const directory = directoryOf(this.cast)
    if (directory === undefined) return
    const file = path.join(this.folder, 'users.csv')
    writeFileSync(file, directory)
    await this.command(['directory', 'import', file, '--reason', 'story'])
  }

  async stop(): Promise<void> {
    await this.#program?.stop()
    for (const cloud of this.clouds.values()) await cloud.close()
    await this.#sink?.close()
  }

  async #startMail(): Promise<StoryMail> {
    this.#sink = await startMailSink(() => this.now(), path.join(this.folder, 'mails'))
    const keyFile = path.join(this.folder, 'dkim.pem')
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    return { host: this.#sink.host, port: this.#sink.port, keyFile }
  }

  cloud(vendor: string): MixpanelCloud {
    const cloud = this.clouds.get(vendor)
    if (cloud === undefined) throw new Error(`no cloud of ${vendor}`)
    return cloud
  }

  incident(name: string): OpenedIncident {
    const incident = this.incidents.get(name)
    if (incident === undefined) throw new BulkheadError('drill_failed', `the incident ${name} could not be opened before`)
    return incident
  }

  group(id: string): StoryPerson[] {
    return this.cast.filter((person) => person.group.id === id)
  }

  /** Runs a command that has to succeed; what it printed as JSON. Where a vault that was killed is not back yet, it is called again. */
  async command(args: readonly string[]): Promise<Record<string, unknown>> {
    for (let tries = 1; ; tries++) {
      const { code, stdout, stderr } = await this.program.cli([...args, '--json'])
      if (code === 0) return (parseLast(stdout) ?? {}) as Record<string, unknown>
      if (tries === TRIES || !stderr.includes('vault_unavailable')) {
        const said = stderr.trim().split('\n').slice(-3).join(' ').slice(0, 600)
        throw new BulkheadError('drill_failed', `\`bulkhead ${args.slice(0, 3).join(' ')}\` ended with ${code}: ${said}`)
      }
      await delay(500)
      await this.program.waitReady()
    }
  }

  /** Waits until each vendor that takes anything has what was sent, and nothing more comes. */
  async settled(vendors: readonly string[], events: ReadonlyMap<string, number>): Promise<void> {
    for (const vendor of vendors) {
      const wanted = events.get(vendor) ?? 0
      await waitUntil(`${vendor} has ${wanted} events`, () => distinctEvents(this.cloud(vendor).loot(), [EVENT]) >= wanted, 120_000, 50)
    }
    // Profile writes go by a route of their own.
    await waitUntil('the worker is behind with nothing', () => isForwarded(this.program, vendors))
  }
}
