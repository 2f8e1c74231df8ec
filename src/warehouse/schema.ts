/**
 * The warehouse's tables: the one place where names, types and order of columns stand. DDL, the `file(…)` structure of an
 * insert and the encoder (`rowbinary.ts`) all follow these lists, so they cannot drift apart.
 *
 * Law 1: every text column holds closed vocabulary or approved text only; identifiers are ordinals (0 = none).
 */

/** Raised with every change of a table below. A folder of a newer number is refused. */
export const WAREHOUSE_FORMAT = 1

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
  name: string
  type: ColumnType
}

export type TableName = 'events' | 'disclosures'

export interface Table {
  name: TableName
  columns: readonly Column[]
  /** Expression of one arrival or sent day: an insert holds one value of it. */
  partitionBy: string
  orderBy: string
  projections: readonly string[]
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
    { name: 'recordIndex', type: 'UInt32' },
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
  ],
  partitionBy: 'arrival',
  orderBy: '(event, user, time)',
  projections: [],
}

/** One row an (entry, subject, surface, shape) whose outcome is final and not `not_sent`. */
export const DISCLOSURES: Table = {
  name: 'disclosures',
  columns: [
    /** Day of sending, UTC: the partition. */
    { name: 'day', type: 'Date' },
    /** Time of the intent, which precedes the first byte sent. */
    { name: 'sentAt', type: TIME },
    /** Number of the intent in the ledger. */
    { name: 'entry', type: 'UInt64' },
    { name: 'vendor', type: WORD },
    { name: 'destination', type: WORD },
    { name: 'epoch', type: 'UInt32' },
    { name: 'route', type: WORD },
    { name: 'purpose', type: WORD },
    { name: 'policy', type: 'UInt32' },
    { name: 'surface', type: WORD },
    /** Canonical text, `country:coarse,user_id:pseudonym`. */
    { name: 'shape', type: WORD },
    { name: 'subject', type: 'UInt64' },
    /** user | device | group */
    { name: 'kind', type: WORD },
    /** Ordinals of groups named beside the subject. */
    { name: 'groups', type: 'Array(UInt64)' },
    { name: 'events', type: 'UInt32' },
    /** Event time of the first and the last event of the row. */
    { name: 'first', type: TIME },
    { name: 'last', type: TIME },
    /** delivered | possible */
    { name: 'state', type: WORD },
  ],
  partitionBy: 'day',
  // `affected` reads one vendor's rows of some days, grouped by subject; `who` reads one subject's rows of all vendors.
  orderBy: '(vendor, subject, kind, destination, sentAt, entry)',
  projections: ['by_subject (SELECT * ORDER BY subject, sentAt)'],
}

export const TABLES: readonly Table[] = [EVENTS, DISCLOSURES]

export function tableOf(name: string): Table | undefined {
  return TABLES.find((table) => table.name === name)
}

/** `name Type, …`: structure argument of `file(…)`. Names and types are our own constants. */
export function structureOf(table: Table): string {
  return table.columns.map((column) => `${column.name} ${column.type}`).join(', ')
}

/**
 * Inserts are repeated after a crash with the token that they had, so tokens must be remembered longer than a plan can
 * stay open: there is one open plan a table, and 10,000 is a wide margin. The flushes are table settings of MergeTree.
 */
export function createTable(table: Table): string {
  const columns = table.columns.map((column) => `${column.name} ${column.type}`)
  const projections = table.projections.map((projection) => `PROJECTION ${projection}`)
  return `CREATE TABLE IF NOT EXISTS ${table.name} (${[...columns, ...projections].join(', ')})
    ENGINE = MergeTree PARTITION BY ${table.partitionBy} ORDER BY ${table.orderBy}
    SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`
}
