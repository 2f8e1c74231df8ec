/**
 * Versions of notices from their proposal to their end, and the one job at a time that brings them to people. What a stop or a crash
 * interrupts goes on by itself at the next start, from the states on the disk; what a crash left open stays open.
 */
import type { Clock } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { passesByItself } from '#base/passing.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import type { NoticeRecords, NoticeVersion, NoticeWay } from '#records/notice-rows.ts'
import type { NoticeOpener } from '#vault/notice-opening-port.ts'
import type { NoticeVault } from '#vault/notice-port.ts'
import { createComposer } from './compose.ts'
import { type NoticeCounts, countOf } from './counts.ts'
import { assertApproved } from './approved.ts'
import type { Draft, NoticeContent } from './draft.ts'
import { clearUnfiled, fileVersion, openMaildir, settleFiling } from './maildir.ts'
import { keepSheets, type PrepareOf, type PreparePorts } from './prepare.ts'
import { sendVersion } from './sending.ts'
import { leaveOpen, settlableCount, type Settled, settleRecipients } from './settling.ts'
import { Turns } from './turns.ts'
import type { NoticeWords } from './words.ts'

export interface Of {
  incident: number
  version: number
}

export interface DeskPorts {
  records: NoticeRecords
  vault: NoticeOpener & Pick<NoticeVault, 'issueNotices' | 'keepSheets' | 'keepNotices'>
  words: NoticeWords
  config: NoticesConfig | undefined
  clock: Clock
  /** Folders in which no clear mail is filed. */
  sealedPlaces: readonly string[]
  /** The signed row by which the sending of that version began. */
  begunRow(incident: number, versionId: string): IncidentRow | undefined
  /** The person's own number is the first. Lately known ones will do, unless they are to be fresh. */
  identifiersOf(given?: { isFresh: true }): Promise<(person: Ordinal) => readonly Ordinal[]>
  /** Whether what a version tells of our measures is so. Throws `notice_changed`. */
  assertStillTrue(version: NoticeVersion): Promise<void>
  /** A mail server took the first mail. May be called again after a crash. */
  onTold(incident: number, at: number): Promise<void>
  /** Nothing of it waits any more. May be called again after a crash. */
  onEnded(of: Of, counts: NoticeCounts): Promise<void>
  trace(level: 'info' | 'warn' | 'error', text: string): void
}

const ROWS_A_TIME = 1000
const FIRST_WAIT_MS = 500
const LAST_WAIT_MS = 30_000

export class NoticeDesk {
  readonly #ports: DeskPorts
  /** One version at a time: the throttle is one for all. */
  readonly #turns = new Turns()
  readonly #troubles = new Map<string, string>()
  /** Why one stands still until somebody sends again. */
  readonly #faults = new Map<string, BulkheadError>()
  /** Of which it is on record that people were told. */
  readonly #told = new Set<string>()

  constructor(ports: DeskPorts) {
    this.#ports = ports
  }

  get config(): NoticesConfig {
    const { config } = this.#ports
    if (config === undefined) throw new BulkheadError('notice_not_configured', 'there is no `notices` in the configuration')
    return config
  }

  get words(): NoticeWords {
    return this.#ports.words
  }

  versions(incident: number): NoticeVersion[] {
    return this.#ports.records.noticeVersions(incident)
  }

  counts(of: Of): NoticeCounts {
    return countOf(this.#ports.records.recipientCounts(of))
  }

  /** What keeps it from going on right now, in words of ours and numbers of the mail server. */
  trouble(of: Of): string | null {
    return this.#troubles.get(nameOf(of)) ?? null
  }

  /** Why it stands still: it goes on when somebody sends again, or at the next start. */
  fault(of: Of): BulkheadError | undefined {
    return this.#faults.get(nameOf(of))
  }

  /** Begun, and somebody of it waits for a person's word: it lies in the sealed outbox, was stopped, or stands still. Oldest first. */
  left(incident: number): NoticeVersion[] {
    return this.versions(incident).filter((each) => {
      if (each.state === 'sending') return each.way === 'outbox' || !this.isRunning(each)
      return each.state === 'stopped' && each.content !== '' && this.#ports.records.nextDue(each) !== undefined
    })
  }

  /** The numbers that people have now: two may have been joined since a version was fixed. */
  async personOf(): Promise<(person: Ordinal) => Ordinal> {
    const identifiersOf = await this.#ports.identifiersOf({ isFresh: true })
    return (person) => identifiersOf(person)[0] ?? person
  }

  /** Whoever a stopped version did not reach and this one tells is not told by the other any more. */
  takeOver(of: Of, personOf: (person: Ordinal) => Ordinal): void {
    this.#ports.records.takeOver(of, { at: this.#ports.clock.now(), personOf })
  }

  isRunning(of: Of): boolean {
    return this.#turns.isRunning(nameOf(of))
  }

  /** Keeps a draft as a version, in place of one that was never begun. */
  async keep(draft: Draft, scopeVersion: number, by: string): Promise<NoticeVersion> {
    const { records, clock } = this.#ports
    const { incident, version, versionId } = draft.content.subject
    const of = { incident, version }
    records.dropNotices(of)
    const at = clock.now()
    const rows = [...draft.recipients, ...draft.unreachable]
    for (let start = 0; start < rows.length; start += ROWS_A_TIME) {
      records.addRecipients(of, start + 1, rows.slice(start, start + ROWS_A_TIME), at)
      await clock.sleep(0)
    }
    const kept: NoticeVersion = {
      incident,
      version,
      id: versionId,
      scopeVersion,
      state: 'proposed',
      way: null,
      dir: null,
      content: JSON.stringify(draft.content),
      sha256: draft.sha256,
      noAddress: draft.noAddress,
      erased: draft.erased,
      madeAt: at,
      madeBy: by,
      startedAt: null,
      approval: null,
      endedAt: null,
    }
    records.addNoticeVersion(kept)
    return kept
  }

  /** The way that a sending would take. Throws when it cannot. */
  wayOf(outbox: string | undefined): { way: NoticeWay; dir: string | null } {
    if (outbox !== undefined) return { way: 'maildir', dir: openMaildir(outbox, this.#ports.sealedPlaces) }
    if (this.config.smtp === undefined) return { way: 'outbox', dir: null }
    // A key that cannot sign is found before anybody waits.
    createComposer(this.config, 'windows')
    return { way: 'smtp', dir: null }
  }

  /** After its beginning is in the record of the incident. What runs on another way already stays on it. */
  begin(of: Of, given: { way: NoticeWay; dir: string | null; approval: number | null }): void {
    const { records, clock } = this.#ports
    const version = this.#version(of)
    const { way, dir, approval } = given
    // By the way that it took: the next one knows nothing of what a failure left under way.
    if (!this.isRunning(of)) this.#settleLeft(version)
    const change = approval === null ? {} : { approval }
    records.changeNoticeVersion(of, { state: 'sending', way, dir, endedAt: null, startedAt: version.startedAt ?? clock.now(), ...change })
    this.#start(of)
  }

  /** What is under way is brought to its end, nothing new begins. */
  async stop(of: Of): Promise<void> {
    const { state } = this.#version(of)
    if (state === 'proposed' || state === 'done') throw new BulkheadError('notice_unknown', `version ${of.version} is not being sent`)
    this.#ports.records.changeNoticeVersion(of, { state: 'stopped' })
    this.#faults.delete(nameOf(of))
    await this.#turns.end(nameOf(of))
    // Nothing is tried any more.
    this.#troubles.delete(nameOf(of))
  }

  /** What a person says became of them. How many. */
  settle(of: Of, which: Settled): number {
    return settleRecipients(of, which, this.#ports.records, this.#ports.clock.now())
  }

  /** How many there are to say it of. */
  settlable(of: Of, which: Settled): number {
    return settlableCount(of, which, this.#ports.records)
  }

  open(of: Of): { messageId: string; at: number; why: string | null }[] {
    const rows = this.#ports.records.recipientsIn(of, 'unknown', { after: 0, limit: ROWS_A_TIME })
    return rows.map(({ messageId, at, why }) => ({ messageId: messageId ?? '', at, why }))
  }

  /** At the start: what a crash left open is counted as open, and what was begun goes on. */
  resume(): void {
    const { records, trace } = this.#ports
    for (const version of records.noticeVersions()) {
      const of = { incident: version.incident, version: version.version }
      if (version.state === 'proposed') continue
      this.#settleLeft(version)
      if (version.state !== 'sending') continue
      const { waiting, unknown } = this.counts(of)
      trace('info', `the notices of incident ${of.incident}, version ${of.version}, go on: ${waiting} wait, of ${unknown} nobody knows`)
      this.#start(of)
    }
  }

  /** While nothing of it is under way. */
  #settleLeft(version: NoticeVersion): void {
    const { records, clock } = this.#ports
    const { way, dir } = version
    try {
      if (way === 'maildir' && dir !== null) {
        // What lies in `tmp` while another one files there is that one's, which is not to lose it.
        if (this.#isFiling(dir)) settleFiling({ ...version, dir }, records, clock.now())
        else this.#clear(dir)
      }
    } catch (thrown) {
      // A folder that is somebody else's by now keeps nobody from a start.
      const { code, syscall } = thrown as NodeJS.ErrnoException
      if (syscall === undefined) throw thrown
      this.#ports.trace('warn', `a maildir of incident ${version.incident}, version ${version.version}, cannot be looked through: ${code}`)
    }
    leaveOpen(version, records, clock.now())
  }

  #isFiling(dir: string): boolean {
    return this.#ports.records.noticeVersions().some((each) => each.way === 'maildir' && each.dir === dir && this.isRunning(each))
  }

  /** Nothing is being filed there: what a crash or a failure left is settled, and then its mails are nobody's. */
  #clear(dir: string): void {
    const { records, clock } = this.#ports
    for (const version of records.noticeVersions())
      if (version.way === 'maildir' && version.dir === dir) settleFiling({ ...version, dir }, records, clock.now())
    clearUnfiled(dir)
  }

  close(): Promise<void> {
    return this.#turns.close()
  }

  // ------------------------------------------------------------------------------------------------ the job

  #start(of: Of): void {
    const name = nameOf(of)
    const act = async (signal: AbortSignal): Promise<boolean> => {
      // Somebody may have said of an open one that it goes again while the last of the others ended.
      const isMore = await this.#runThrough(of, signal)
      if (isMore) this.#troubles.delete(name)
      return isMore
    }
    const isNew = this.#turns.start(name, act, (thrown) => {
      const error = toBulkheadError(thrown)
      this.#troubles.set(name, error.code)
      this.#faults.set(name, error)
      this.#ports.trace('error', `the notices of incident ${of.incident}, version ${of.version}, stand still: ${error.code}`)
    })
    if (isNew) this.#faults.delete(name)
  }

  /** What passes by itself, a vault that is started again say, is waited for: what was begun ends without anybody's word. */
  async #runThrough(of: Of, signal: AbortSignal): Promise<boolean> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LAST_WAIT_MS)) {
      try {
        return await this.#run(of, signal)
      } catch (thrown) {
        const error = toBulkheadError(thrown)
        if (!passesByItself(thrown)) throw thrown
        this.#troubles.set(nameOf(of), error.code)
        await this.#ports.clock.sleep(waitMs, signal)
        if (signal.aborted) return false
      }
    }
  }

  assertApproved(version: Pick<NoticeVersion, 'content' | 'sha256'>): void {
    assertApproved(version, this.config, this.words)
  }

  /** Whether there is more to do. */
  async #run(of: Of, signal: AbortSignal): Promise<boolean> {
    const { records } = this.#ports
    const version = this.#version(of)
    const { way, dir, id } = version
    // An answer that could not be written, on a full disk say, is none.
    if (way === 'smtp') leaveOpen(of, records, this.#ports.clock.now())
    if (way === 'maildir' && dir !== null) this.#clear(dir)
    // In the sealed outbox notices wait for somebody's word.
    if (way === 'outbox' || way === null || records.nextDue(of) === undefined) return this.#end(of)
    this.assertApproved(version)
    await this.#ports.assertStillTrue(version)
    const content = JSON.parse(version.content) as NoticeContent
    const begun = this.#ports.begunRow(of.incident, id)
    if (begun === undefined) throw new BulkheadError('notice_changed', 'the record of the incident does not say that it was begun')
    const look = {
      actor: begun.actor,
      action: `incident ${of.incident}, notices, version ${of.version}`,
      reason: 'an approved notice is sent',
    }
    const given: PrepareOf = { ...of, content, begun, look }
    const ports = this.#preparePorts()
    await keepSheets(given, ports)
    if (way === 'maildir') {
      const composer = createComposer(this.config, 'unix')
      const filing = { ...of, ...given, dir: openMaildir(dir ?? '', this.#ports.sealedPlaces), officialDomain: this.config.officialDomain }
      await fileVersion(filing, { ...ports, records, composer }, signal)
    } else await this.#send(of, given, ports, signal)
    return !signal.aborted && this.#end(of)
  }

  async #end(of: Of): Promise<boolean> {
    const { records, clock } = this.#ports
    if (records.nextDue(of) !== undefined || this.#version(of).state !== 'sending') return false
    await this.#tellAtEnd(of)
    await this.#ports.onEnded(of, this.counts(of))
    // While that was written somebody may have said that one goes again.
    if (records.nextDue(of) !== undefined) return true
    records.changeNoticeVersion(of, { state: 'done', endedAt: clock.now() })
    this.#troubles.delete(nameOf(of))
    return false
  }

  /** That people were told goes on record in the end where it could not when the first was, or where a crash came first. */
  async #tellAtEnd(of: Of): Promise<void> {
    const { records } = this.#ports
    if (this.#told.has(nameOf(of))) return
    const sent = records.recipientsIn(of, 'sent', { after: 0, limit: ROWS_A_TIME })
    if (sent.length > 0) await this.#tell(of, Math.min(...sent.map(({ at }) => at)))
  }

  async #tell(of: Of, at: number): Promise<void> {
    try {
      await this.#ports.onTold(of.incident, at)
      this.#told.add(nameOf(of))
    } catch (thrown) {
      const error = toBulkheadError(thrown)
      if (passesByItself(thrown)) throw error
      this.#ports.trace('warn', `that people were notified is not on record: ${error.code}`)
    }
  }

  async #send(of: Of, given: PrepareOf, ports: PreparePorts, signal: AbortSignal): Promise<void> {
    const { records, clock } = this.#ports
    const { config } = this
    const { smtp } = config
    if (smtp === undefined) throw new BulkheadError('notice_not_configured', 'the configuration has no `notices.smtp` any more')
    const name = nameOf(of)
    let isTold = this.counts(of).sent > 0
    let telling: Promise<void> = Promise.resolve()
    const tell = (at: number): void => {
      if (isTold) return
      isTold = true
      // What passes is tried again at the end.
      telling = this.#tell(of, at).catch(() => undefined)
    }
    await sendVersion(
      { ...of, ...given, config, smtp },
      {
        ...ports,
        records,
        clock,
        composer: createComposer(config, 'windows'),
        onTrouble: (trouble) => void (trouble === undefined ? this.#troubles.delete(name) : this.#troubles.set(name, trouble)),
        onAccepted: tell,
      },
      signal,
    )
    await telling
  }

  #preparePorts(): PreparePorts {
    const { vault, words, identifiersOf, clock, records } = this.#ports
    return { vault, words, identifiersOf, records, now: () => clock.now(), isInHand: () => false }
  }

  #version(of: Of): NoticeVersion {
    const found = this.#ports.records.noticeVersion(of.incident, of.version)
    if (found === undefined) throw new BulkheadError('notice_unknown', `incident ${of.incident} has no notices of version ${of.version}`)
    return found
  }
}

function nameOf({ incident, version }: Of): string {
  return `${incident}/${version}`
}
