/**
 * The warehouse's tables: the one place where names, types and order of columns stand. DDL, the `file(…)` structure of an
 * insert and the encoder (`rowbinary.ts`) all follow these lists, so they cannot drift apart.
 *
 * Law 1: every text column holds closed vocabulary or approved text only; identifiers are ordinals (0 = none).
 */

/** Raised with every change of a table below. A folder of a newer number is refused. */
export const WAREHOUSE_FORMAT = 5

export type ColumnType =
  | 'Date'
  | "DateTime64(3, 'UTC')"
  | 'LowCardinality(String)'
  | 'String'
  | 'Int8'
  | 'UInt32'
  | 'UInt64'
  | 'Array(LowCardinality(String))'
  | 'Array(UInt64)'

export interface Column {
  /** As it comes in an insert. */
  name: string
  type: ColumnType
  /** How it is kept, where that is not as it comes: `from` is an expression over the columns of the insert. */
  kept?: { name: string; type: string; from: string }
  codec?: string
}

export type TableName = 'events' | 'disclosures' | 'openings'

export interface Table {
  name: TableName
  columns: readonly Column[]
  /** Columns that follow from the others, and indexes over them: DDL of our own. */
  derived: readonly string[]
  /** Expression over the arrival or sent day: an insert holds one value of it. */
  partitionBy: string
  orderBy: string
  projections: readonly string[]
  /** Codec of all that names none, in the projections too. */
  codec?: string
}

const TIME = "DateTime64(3, 'UTC')"
const WORD = 'LowCardinality(String)'

/** One row a record of the log: events, identity calls, profile and group operations alike (`type` tells). */
export const EVENTS: Table = {
  name: 'events',
  columns: [
    // First what is the same for all records of an entry: it is encoded once.
    /** Day of arrival, UTC: the partition. */
    { name: 'arrival', type: 'Date' },
    { name: 'receivedAt', type: TIME },
    /** Position in the log, with `recordIndex`: unique over the table. */
    { name: 'seq', type: 'UInt64' },
    { name: 'source', type: WORD },
    { name: 'protocol', type: WORD },
    { name: 'surface', type: WORD },
    { name: 'trust', type: WORD },
    /** Version of the policy under which the split decided what opened. */
    { name: 'policy', type: 'UInt32' },
    /** Where the request's unapproved text lies sealed; length 0 = there was none. */
    { name: 'waitingDay', type: 'UInt32' },
    { name: 'waitingFolder', type: 'UInt32' },
    { name: 'waitingOffset', type: 'UInt64' },
    { name: 'waitingLength', type: 'UInt32' },
    /** Which text of the blob is the request's, plus two; 1: the whole blob is; 0: none, or written before format 4. */
    { name: 'waitingPart', type: 'UInt32' },
    { name: 'recordIndex', type: 'UInt32' },
    /** Number of the record in the waiting text, which counts repeats that were dropped too. */
    { name: 'waitingRecord', type: 'UInt32' },
    /** Event time. Clamped to 1900..2299, the range of the type. */
    { name: 'time', type: TIME },
    /** '' when the name waits unapproved, and on profiles and groups. */
    { name: 'event', type: WORD },
    /** 1 when the name belongs to a protocol's fixed vocabulary, else 0. */
    { name: 'reserved', type: 'Int8' },
    /** event | identify | merge | profile | group */
    { name: 'type', type: WORD },
    /** '' or the profile operation. */
    { name: 'op', type: WORD },
    /** Ordinal of the user identifier; 0 = none. */
    { name: 'user', type: 'UInt64' },
    /** Ordinal of the device identifier; 0 = none. */
    { name: 'device', type: 'UInt64' },
    /** Identifiers that the record links to its subject: role and ordinal at the same index. */
    { name: 'linkedRoles', type: 'Array(LowCardinality(String))' },
    { name: 'linkedOrdinals', type: 'Array(UInt64)' },
    /** Groups named: key and ordinal at the same index. */
    { name: 'groupKeys', type: 'Array(LowCardinality(String))' },
    { name: 'groupOrdinals', type: 'Array(UInt64)' },
    /** Context: '' or 0 = unknown. */
    { name: 'country', type: WORD },
    { name: 'region', type: WORD },
    { name: 'city', type: WORD },
    { name: 'os', type: WORD },
    { name: 'browser', type: WORD },
    { name: 'browserVersion', type: 'UInt32' },
    { name: 'referrerDomain', type: WORD },
    { name: 'referrerMedium', type: WORD },
    { name: 'path', type: WORD },
    { name: 'screenWidth', type: 'UInt32' },
    { name: 'screenHeight', type: 'UInt32' },
    /** Approved properties as a JSON object; '' = none. */
    { name: 'properties', type: 'String' },
    { name: 'unset', type: 'Array(LowCardinality(String))' },
    { name: 'withheld', type: 'Array(LowCardinality(String))' },
    /** Pairs that wait sealed, and recognised secrets destroyed at the door. */
    { name: 'waitingCount', type: 'UInt32' },
    { name: 'destroyedCount', type: 'UInt32' },
    /** Guard bits on arrival: 1, 0, or -1 = not stated. */
    { name: 'gpc', type: 'Int8' },
    { name: 'dnt', type: 'Int8' },
    /** What else was known of consent, as a JSON object; '' = nothing. */
    { name: 'consent', type: WORD },
    /** 1: the person was erased, and what is left is a count: that something of this name happened on that day. */
    { name: 'erased', type: 'Int8' },
  ],
  derived: [],
  partitionBy: 'arrival',
  orderBy: '(event, user, time)',
  projections: [],
}

/** Event time of a disclosure row, UTC ms: kept as its distance from the time of sending, which takes a third of the room. */
export const FIRST_MS = '(toUnixTimestamp64Milli(sentAt) - sentAfterFirst)'
export const LAST_MS = '(toUnixTimestamp64Milli(sentAt) - sentAfterLast)'

/** Cuts a number to the bits that differ within a block; read by the questions that must be quick, so without ZSTD. */
const CLOSE_NUMBERS = 'T64, LZ4'

const before = (name: string): string => `toUnixTimestamp64Milli(sentAt) - toUnixTimestamp64Milli("${name}")`

/**
 * One row an (entry, subject, surface, shape) whose outcome is final and not `not_sent`.
 *
 * `affected` asks for one vendor's rows of some days of *event time*, whenever they were sent: phones come back online and
 * held flows are released late. So the rows lie by the day of their last event, and the few whose events span midnight lie
 * apart (`spans`), where a window's end cannot cut them off. Partitions are months: a day each made every question open
 * ninety times as many parts. `who` asks for one subject's rows of all vendors: the projection holds just what it reads.
 */
export const DISCLOSURES: Table = {
  name: 'disclosures',
  columns: [
    /** Day of sending, UTC. */
    { name: 'day', type: 'Date', codec: 'LZ4' },
    /** Time of the intent, which precedes the first byte sent. */
    { name: 'sentAt', type: TIME, codec: CLOSE_NUMBERS },
    /** Number of the intent in the ledger. */
    { name: 'entry', type: 'UInt64', codec: CLOSE_NUMBERS },
    { name: 'vendor', type: WORD, codec: 'LZ4' },
    { name: 'destination', type: WORD, codec: 'LZ4' },
    { name: 'epoch', type: 'UInt32', codec: 'LZ4' },
    { name: 'route', type: WORD, codec: 'LZ4' },
    { name: 'purpose', type: WORD, codec: 'LZ4' },
    { name: 'policy', type: 'UInt32', codec: 'LZ4' },
    { name: 'surface', type: WORD, codec: 'LZ4' },
    /** Canonical text, `country:coarse,user_id:pseudonym`. */
    { name: 'shape', type: WORD, codec: 'LZ4' },
    { name: 'subject', type: 'UInt64', codec: 'Delta, LZ4' },
    { name: 'kind', type: WORD, kept: { name: 'kind', type: "Enum8('user' = 1, 'device' = 2, 'group' = 3)", from: 'kind' }, codec: 'LZ4' },
    /** Ordinals of groups named beside the subject. */
    { name: 'groups', type: 'Array(UInt64)', codec: 'LZ4' },
    { name: 'events', type: 'UInt32', codec: CLOSE_NUMBERS },
    /** Event time of the first and the last event of the row. */
    { name: 'first', type: TIME, kept: { name: 'sentAfterFirst', type: 'Int64', from: before('first') }, codec: CLOSE_NUMBERS },
    { name: 'last', type: TIME, kept: { name: 'sentAfterLast', type: 'Int64', from: before('last') }, codec: CLOSE_NUMBERS },
    { name: 'state', type: WORD, kept: { name: 'state', type: "Enum8('delivered' = 1, 'possible' = 2)", from: 'state' }, codec: 'LZ4' },
  ],
  derived: [
    `"first" ${TIME} ALIAS fromUnixTimestamp64Milli(${FIRST_MS}, 'UTC')`,
    `"last" ${TIME} ALIAS fromUnixTimestamp64Milli(${LAST_MS}, 'UTC')`,
    `eventDay Date32 MATERIALIZED toDate32(fromUnixTimestamp64Milli(${LAST_MS}, 'UTC')) CODEC(LZ4)`,
    `spans Bool MATERIALIZED toDate32(fromUnixTimestamp64Milli(${FIRST_MS}, 'UTC')) != eventDay CODEC(LZ4)`,
    'INDEX by_sent sentAt TYPE minmax GRANULARITY 1',
    'INDEX by_entry entry TYPE minmax GRANULARITY 1',
  ],
  partitionBy: 'toYYYYMM(day)',
  orderBy: '(vendor, kind, spans, eventDay, subject)',
  projections: [
    `by_subject (SELECT subject, kind, vendor, destination, epoch, surface, purpose, shape, state, events, sentAfterFirst, sentAfterLast,
      sentAt, entry ORDER BY subject)`,
  ],
  codec: 'ZSTD(1)',
}

/** What opened after an approval, on its way into `events` (`fill.ts`). Approved text only; emptied when its day is filled. */
export const OPENINGS: Table = {
  name: 'openings',
  columns: [
    /** Which fill it belongs to: what a fill that was cut short left does not count. */
    { name: 'fill', type: 'UInt64' },
    { name: 'seq', type: 'UInt64' },
    { name: 'recordIndex', type: 'UInt32' },
    { name: 'event', type: WORD },
    { name: 'properties', type: 'String' },
    { name: 'opened', type: 'UInt32' },
  ],
  derived: [],
  partitionBy: 'fill',
  orderBy: '(seq, recordIndex)',
  projections: [],
}

/** Those that every folder has; `openings` is made for the first fill. */
export const TABLES: readonly Table[] = [EVENTS, DISCLOSURES]

export function tableOf(name: string): Table | undefined {
  return [...TABLES, OPENINGS].find((table) => table.name === name)
}

/** `name Type, …`: structure argument of `file(…)`. Names and types are our own constants. */
export function structureOf(table: Table): string {
  return table.columns.map((column) => `${column.name} ${column.type}`).join(', ')
}

/** Names of the columns as they are kept, and the expressions that fill them from an insert: in the same order. */
export function keptColumns(table: Table): { names: string; values: string } {
  const names = table.columns.map(({ name, kept }) => kept?.name ?? name)
  return { names: names.join(', '), values: table.columns.map(({ name, kept }) => kept?.from ?? name).join(', ') }
}

/**
 * Inserts are repeated after a crash with the token that they had, so tokens must be remembered longer than a plan can
 * stay open: there is one open plan a table, and 10,000 is a wide margin. The flushes are table settings of MergeTree.
 */
export function createTable(table: Table, name: string = table.name): string {
  const columns = table.columns.map(
    ({ name: column, type, kept, codec }) =>
      `${kept?.name ?? column} ${kept?.type ?? type}${codec === undefined ? '' : ` CODEC(${codec})`}`,
  )
  const projections = table.projections.map((projection) => `PROJECTION ${projection}`)
  const codec = table.codec === undefined ? '' : `, default_compression_codec = '${table.codec}'`
  return `CREATE TABLE IF NOT EXISTS ${name} (${[...columns, ...table.derived, ...projections].join(', ')})
    ENGINE = MergeTree PARTITION BY ${table.partitionBy} ORDER BY ${table.orderBy}
    SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1${codec}`
}
