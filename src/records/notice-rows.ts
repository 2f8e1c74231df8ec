/**
 * Versions of notices and who gets them. A row of a recipient holds a number of a person, a shape, a language and a state: neither
 * address nor name nor code. What becomes of one is written in batches; a state counts when its batch is durable.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Ordinal } from '#model/log-entry.ts'
import { LATER_VERSION, takingOver } from './notice-takeover.ts'

/**
 * `proposed`: its text is fixed, nobody was told. `sending`: approved and begun. `stopped`: begun, and goes on only by somebody's word.
 * `done`: nothing of it waits.
 */
export type NoticeVersionState = 'proposed' | 'sending' | 'stopped' | 'done'

/** How it reaches people: by a mail server, as files for another program, or not yet. */
export type NoticeWay = 'smtp' | 'maildir' | 'outbox'

/** Why somebody without an address is skipped: they are no recipient, and on record because others were told of them. */
export const UNREACHABLE = 'unreachable'

/** Why somebody is skipped whose address by now is one that had its mail of this version, without what was sent of them. */
export const NEXT_VERSION = 'next_version'

/**
 * `sending` is durable before the first byte of a mail is handed over; what a crash leaves there is `unknown`, and is not sent again by
 * itself. `sent`: the mail server took it. `filed`: it lies in the maildir. `skipped`: nothing is to be sent, `why` says.
 */
export const RECIPIENT_STATES = ['waiting', 'sending', 'sent', 'filed', 'failed', 'unknown', 'skipped'] as const
export type RecipientState = (typeof RECIPIENT_STATES)[number]

export interface NoticeVersion {
  incident: number
  version: number
  /** Random, 32 hex digits; stands in every code. */
  id: string
  scopeVersion: number
  state: NoticeVersionState
  way: NoticeWay | null
  /** Of a maildir. */
  dir: string | null
  /** What the texts are made of, as JSON. */
  content: string
  /** Of all its texts. */
  sha256: string
  /** People in scope who were told by no earlier version, and have no address from a server or the directory. */
  noAddress: number
  erased: number
  madeAt: number
  madeBy: string
  startedAt: number | null
  approval: number | null
  endedAt: number | null
}

/** `content` is '' for one that a restore has lost: whom it reached is not known here. */
export interface BegunNotices {
  incident: number
  version: number
  id: string
}

export interface NoticeRecipient {
  /** From 1 in its version. */
  number: number
  person: Ordinal
  /** The organisation of which the person is told as its administrator; 0: they are told for themselves. */
  organisation: Ordinal
  /** Of the organisation, in scope. */
  members: number
  shape: number
  language: string
  state: RecipientState
  /** From before the first attempt on. */
  messageId: string | null
  attempts: number
  /** Of the last change, UTC ms. */
  at: number
  /** Not before. */
  nextAt: number
  /** Code of the mail server's last reply. */
  reply: number | null
  /** A word of ours: why it failed or was skipped. */
  why: string | null
  /** Number of the recipient who has the same address and is told in place of this one; 0: nobody. */
  joined: number
  /** Of an administrator: the members whom their notice may list. */
  list: readonly Ordinal[]
  /** Tells whether an address is still the one for which that was found; says nothing without the vault's key. '': there is none. */
  tag: string
}

export type NewRecipient = Pick<NoticeRecipient, 'person' | 'organisation' | 'members' | 'shape' | 'language' | 'joined' | 'list' | 'tag'>

export type RecipientChange = Pick<NoticeRecipient, 'number' | 'state'> &
  Partial<Pick<NoticeRecipient, 'messageId' | 'attempts' | 'nextAt' | 'reply' | 'why' | 'joined' | 'tag'>>

export interface RecipientCount {
  isOrganisation: boolean
  state: RecipientState
  why: string | null
  count: number
}

export interface PeopleTold {
  reached: Float64Array
  counted: Float64Array
  countedIn: Float64Array
  administrators: AdministratorTold[]
}

/** In a version that was begun, oldest first. */
export interface AdministratorTold {
  version: number
  person: Ordinal
  organisation: Ordinal
  /** That version did not reach them: they wait in it and it was stopped, or a later one was to tell them. */
  isLeft: boolean
}

export interface NoticeRecords {
  /** Oldest first. */
  noticeVersions(incident?: number): NoticeVersion[]
  noticeVersion(incident: number, version: number): NoticeVersion | undefined
  /** Recipients come in batches, the version last; without it they count for nothing and make room for the next. */
  addRecipients(of: { incident: number; version: number }, first: number, rows: readonly NewRecipient[], at: number): void
  addNoticeVersion(version: NoticeVersion): void
  /** One that was never begun, and what was left of one that never came to be. */
  dropNotices(of: { incident: number; version: number }): void
  changeNoticeVersion(of: { incident: number; version: number }, change: Partial<NoticeVersion>): NoticeVersion
  begunNotices(): BegunNotices[]
  /**
   * For records from a backup, and versions that are known from elsewhere to have been begun: all of them are `stopped`. One that these
   * records do not hold is written down without content. How many.
   */
  stopNotices(known: readonly BegunNotices[], at: number): number
  recipientCounts(of: { incident: number; version: number }): RecipientCount[]
  /** Waiting ones whose time has come, behind that number, in order. */
  recipientsDue(of: { incident: number; version: number }, given: { now: number; after: number; limit: number }): NoticeRecipient[]
  /** When the next of those that wait is due; undefined: none waits. */
  nextDue(of: { incident: number; version: number }): number | undefined
  recipientsIn(of: { incident: number; version: number }, state: RecipientState, given: { after: number; limit: number }): NoticeRecipient[]
  recipientBy(of: { incident: number; version: number }, messageId: string): NoticeRecipient | undefined
  /** All or none, durable on return. */
  changeRecipients(of: { incident: number; version: number }, changes: readonly RecipientChange[], at: number): void
  /** Those who are told in the mail to one of these. */
  recipientsJoined(of: { incident: number; version: number }, numbers: readonly number[]): NoticeRecipient[]
  /** Everybody for whom that address was found last. */
  recipientsTagged(of: { incident: number; version: number }, tags: readonly string[]): NoticeRecipient[]
  /** Whoever waits in an earlier version that was stopped and is in this one, by the numbers that people have now, is skipped there. */
  takeOver(of: { incident: number; version: number }, given: { at: number; personOf: (person: Ordinal) => Ordinal }): void
  /**
   * People in versions of that incident that were begun, by number. Without an address (`reached` false) somebody is told by nobody, but
   * the administrators of their organisation were told of them. Whom a stopped version did not reach is not in them: the next one may.
   * `countedIn`: the version, for each of `counted`.
   */
  peopleTold(incident: number): PeopleTold
  /**
   * People whose notice a mail server took or a maildir holds, by number; those with the same address among them. Of so many rows behind
   * that one.
   */
  peopleNotified(of: { incident: number; version: number }, given: { after: number; limit: number }): Ordinal[]
}

export const NOTICE_STEP = `CREATE TABLE notice_version (
     incident INTEGER NOT NULL,
     version INTEGER NOT NULL,
     id TEXT NOT NULL,
     scope_version INTEGER NOT NULL,
     state TEXT NOT NULL,
     way TEXT,
     dir TEXT,
     content TEXT NOT NULL,
     sha256 TEXT NOT NULL,
     no_address INTEGER NOT NULL,
     erased INTEGER NOT NULL,
     made_at BIGINT NOT NULL,
     made_by TEXT NOT NULL,
     started_at BIGINT,
     approval INTEGER,
     ended_at BIGINT,
     PRIMARY KEY (incident, version)
   );
   CREATE TABLE notice_recipient (
     incident INTEGER NOT NULL,
     version INTEGER NOT NULL,
     number INTEGER NOT NULL,
     person BIGINT NOT NULL,
     organisation BIGINT NOT NULL,
     members INTEGER NOT NULL,
     shape INTEGER NOT NULL,
     language TEXT NOT NULL,
     state TEXT NOT NULL,
     message_id TEXT,
     attempts INTEGER NOT NULL,
     at BIGINT NOT NULL,
     next_at BIGINT NOT NULL,
     reply INTEGER,
     why TEXT,
     joined INTEGER NOT NULL,
     tag TEXT NOT NULL,
     PRIMARY KEY (incident, version, number)
   );
   CREATE INDEX notice_recipient_due ON notice_recipient (incident, version, state, number);
   CREATE INDEX notice_recipient_joined ON notice_recipient (incident, version, joined);
   CREATE INDEX notice_recipient_message ON notice_recipient (message_id);`

/** Numbers of people with a space between them: who is listed is fixed when a version is proposed. */
export const NOTICE_LIST_STEP = `ALTER TABLE notice_recipient ADD COLUMN list TEXT NOT NULL DEFAULT '';`

/** Whoever has an address has to be found by it for each mail: somebody may have moved to it. */
export const NOTICE_TAG_STEP = 'CREATE INDEX notice_recipient_tag ON notice_recipient (incident, version, tag);'

const VERSION_COLUMNS = `incident, version, id, scope_version AS scopeVersion, state, way, dir, content, sha256, no_address AS noAddress, erased,
  made_at AS madeAt, made_by AS madeBy, started_at AS startedAt, approval, ended_at AS endedAt`
const COLUMNS = `number, person, organisation, members, shape, language, state, message_id AS messageId, attempts, at, next_at AS nextAt,
  reply, why, joined, list, tag`
const OF = 'incident = ? AND version = ?'
/** `t`: whose mail tells `r`. */
const BEGUN = `FROM notice_recipient AS r JOIN notice_version AS v
  ON v.incident = r.incident AND v.version = r.version JOIN notice_recipient AS t
  ON t.incident = r.incident AND t.version = r.version AND t.number = CASE r.joined WHEN 0 THEN r.number ELSE r.joined END
  WHERE r.incident = ? AND v.state <> 'proposed'`
const IS_LEFT = `(coalesce(t.why, '') IN ('${LATER_VERSION}', '${NEXT_VERSION}') OR (v.state = 'stopped' AND t.state = 'waiting'))`

type RecipientRow = Omit<NoticeRecipient, 'list'> & { list: string }

function asRecipient(row: RecipientRow): NoticeRecipient {
  return { ...row, list: row.list === '' ? [] : row.list.split(' ').map(Number) }
}

export function noticeRecords(database: DatabaseSync, transact: <Result>(act: () => Result) => Result): NoticeRecords {
  const statement = (sql: string) => {
    const prepared = database.prepare(sql)
    return {
      all: <Row>(...given: (string | number | null)[]): Row[] => prepared.all(...given).map((row) => ({ ...row }) as Row),
      one: <Row>(...given: (string | number | null)[]): Row | undefined => {
        const row = prepared.get(...given)
        return row === undefined ? undefined : ({ ...row } as Row)
      },
      run: (...given: (string | number | null)[]): void => void prepared.run(...given),
    }
  }
  const versions = statement(`SELECT ${VERSION_COLUMNS} FROM notice_version ORDER BY incident, version`)
  const versionsOf = statement(`SELECT ${VERSION_COLUMNS} FROM notice_version WHERE incident = ? ORDER BY version`)
  const version = statement(`SELECT ${VERSION_COLUMNS} FROM notice_version WHERE ${OF}`)
  const insertVersion = statement(`INSERT INTO notice_version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const updateVersion = statement(
    `UPDATE notice_version SET state = ?, way = ?, dir = ?, started_at = ?, approval = ?, ended_at = ? WHERE ${OF}`,
  )
  const begun = statement(`SELECT incident, version, id FROM notice_version WHERE state <> 'proposed' ORDER BY incident, version`)
  const stopAll = statement(`UPDATE notice_version SET state = 'stopped' WHERE state = 'sending'`)
  const stopped = statement(`SELECT count(*) AS count FROM notice_version WHERE state = 'stopped'`)
  const dropVersion = statement(`DELETE FROM notice_version WHERE ${OF}`)
  const dropRows = statement(`DELETE FROM notice_recipient WHERE ${OF}`)
  const insert = statement(
    `INSERT INTO notice_recipient (incident, version, number, person, organisation, members, shape, language, state, message_id, attempts,
       at, next_at, reply, why, joined, list, tag) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?, 0, NULL, ?, ?, ?, ?)`,
  )
  const counts = statement(
    `SELECT organisation <> 0 AS isOrganisation, state, why, count(*) AS count FROM notice_recipient WHERE ${OF} GROUP BY 1, 2, 3`,
  )
  const due = statement(
    `SELECT ${COLUMNS} FROM notice_recipient WHERE ${OF} AND state = 'waiting' AND number > ? AND next_at <= ? ORDER BY number LIMIT ?`,
  )
  const nextDue = statement(`SELECT min(next_at) AS next FROM notice_recipient WHERE ${OF} AND state = 'waiting'`)
  const inState = statement(`SELECT ${COLUMNS} FROM notice_recipient WHERE ${OF} AND state = ? AND number > ? ORDER BY number LIMIT ?`)
  const byMessage = statement(`SELECT ${COLUMNS} FROM notice_recipient WHERE message_id = ? AND ${OF}`)
  const one = statement(`SELECT ${COLUMNS} FROM notice_recipient WHERE ${OF} AND number = ?`)
  const update = statement(
    `UPDATE notice_recipient SET state = ?, message_id = ?, attempts = ?, at = ?, next_at = ?, reply = ?, why = ?, joined = ?, tag = ?
     WHERE ${OF} AND number = ?`,
  )
  const among = (column: 'joined' | 'tag') =>
    // Left to itself the engine reads all of the version, to have them in order.
    statement(
      `SELECT ${COLUMNS} FROM notice_recipient INDEXED BY notice_recipient_${column}
       WHERE ${OF} AND ${column} IN (SELECT value FROM json_each(?)) ORDER BY number`,
    )
  const joinedTo = among('joined')
  const tagged = among('tag')
  const take = takingOver(database)
  const told = statement(`SELECT r.person, r.tag, r.version ${BEGUN} AND NOT ${IS_LEFT} AND r.organisation = 0`)
  const administratorsTold = statement(
    `SELECT r.version, r.person, r.organisation, ${IS_LEFT} AS isLeft ${BEGUN} AND r.organisation <> 0 ORDER BY r.version, r.number`,
  )
  const notified = database.prepare(
    `SELECT r.person FROM notice_recipient AS r JOIN notice_recipient AS t
       ON t.incident = r.incident AND t.version = r.version AND t.number = CASE r.joined WHEN 0 THEN r.number ELSE r.joined END
       WHERE r.incident = ? AND r.version = ? AND r.number > ? AND r.number <= ? AND r.organisation = 0 AND t.state IN ('sent', 'filed')`,
  )
  const found = (of: { incident: number; version: number }): NoticeVersion | undefined =>
    version.one<NoticeVersion>(of.incident, of.version)
  return {
    noticeVersions: (incident) => (incident === undefined ? versions.all() : versionsOf.all(incident)),
    noticeVersion: (incident, number) => found({ incident, version: number }),
    addRecipients: (of, first, rows, at) =>
      transact(() => {
        for (const [index, row] of rows.entries()) {
          const { person, organisation, members, shape, language, joined, tag } = row
          const list = row.list.join(' ')
          const why = tag === '' ? UNREACHABLE : joined === 0 ? null : 'same_address'
          const state = why === null ? 'waiting' : 'skipped'
          const number = first + index
          insert.run(of.incident, of.version, number, person, organisation, members, shape, language, state, at, why, joined, list, tag)
        }
      }),
    addNoticeVersion: (each) =>
      transact(() => {
        const { incident, id, scopeVersion, state, way, dir, content, sha256, noAddress, erased, madeAt, madeBy } = each
        const { startedAt, approval, endedAt } = each
        const head = [incident, each.version, id, scopeVersion, state, way, dir, content, sha256, noAddress, erased] as const
        insertVersion.run(...head, madeAt, madeBy, startedAt, approval, endedAt)
      }),
    dropNotices: (of) =>
      transact(() => {
        const before = found(of)
        if (before !== undefined && before.state !== 'proposed') throw new TypeError('what was begun stays on record')
        dropVersion.run(of.incident, of.version)
        dropRows.run(of.incident, of.version)
      }),
    changeNoticeVersion: (of, change) =>
      transact(() => {
        const before = found(of)
        if (before === undefined) throw new TypeError('there is no such version of notices')
        const next = { ...before, ...change }
        updateVersion.run(next.state, next.way, next.dir, next.startedAt, next.approval, next.endedAt, of.incident, of.version)
        return next
      }),
    begunNotices: () => begun.all(),
    stopNotices: (known, at) =>
      transact(() => {
        stopAll.run()
        for (const { incident, version: number, id } of known) {
          const own = found({ incident, version: number })
          if (own?.id === id) {
            if (own.state === 'proposed') updateVersion.run('stopped', own.way, own.dir, at, null, null, incident, number)
            continue
          }
          // Another text of that number was only proposed here.
          if (own !== undefined && own.state !== 'proposed') continue
          dropVersion.run(incident, number)
          dropRows.run(incident, number)
          insertVersion.run(incident, number, id, 0, 'stopped', null, null, '', '', 0, 0, at, 'restore', at, null, null)
        }
        return stopped.one<{ count: number }>()?.count ?? 0
      }),
    recipientCounts: (of) =>
      counts
        .all<Omit<RecipientCount, 'isOrganisation'> & { isOrganisation: number }>(of.incident, of.version)
        .map((row) => ({ ...row, isOrganisation: row.isOrganisation === 1 })),
    recipientsDue: (of, { now, after, limit }) => due.all<RecipientRow>(of.incident, of.version, after, now, limit).map(asRecipient),
    nextDue: (of) => nextDue.one<{ next: number | null }>(of.incident, of.version)?.next ?? undefined,
    recipientsIn: (of, state, { after, limit }) => inState.all<RecipientRow>(of.incident, of.version, state, after, limit).map(asRecipient),
    recipientBy: (of, messageId) => {
      const row = byMessage.one<RecipientRow>(messageId, of.incident, of.version)
      return row === undefined ? undefined : asRecipient(row)
    },
    changeRecipients: (of, changes, at) =>
      transact(() => {
        for (const change of changes) {
          const before = one.one<RecipientRow>(of.incident, of.version, change.number)
          if (before === undefined) throw new TypeError('there is no such recipient')
          const { state, messageId, attempts, nextAt, reply, why, joined, tag } = { ...before, ...change }
          update.run(state, messageId, attempts, at, nextAt, reply, why, joined, tag, of.incident, of.version, change.number)
        }
      }),
    recipientsJoined: (of, numbers) => joinedTo.all<RecipientRow>(of.incident, of.version, JSON.stringify(numbers)).map(asRecipient),
    recipientsTagged: (of, tags) => tagged.all<RecipientRow>(of.incident, of.version, JSON.stringify(tags)).map(asRecipient),
    takeOver: (of, given) => transact(() => take(of, given)),
    peopleTold: (incident) => {
      const rows = told.all<{ person: number; tag: string; version: number }>(incident)
      const administrators = administratorsTold.all<Omit<AdministratorTold, 'isLeft'> & { isLeft: number }>(incident)
      const numbers = (some: typeof rows): Float64Array => Float64Array.from(some, ({ person }) => person)
      return {
        reached: numbers(rows.filter(({ tag }) => tag !== '')),
        counted: numbers(rows),
        countedIn: Float64Array.from(rows, (row) => row.version),
        administrators: administrators.map((each) => ({ ...each, isLeft: each.isLeft === 1 })),
      }
    },
    peopleNotified: ({ incident, version: number }, { after, limit }) =>
      Array.from(notified.iterate(incident, number, after, after + limit), ({ person }) => person as number),
  }
}
