/**
 * The company's own user table as CSV (docs/directory.md). Read as a stream, twice: first every row is checked, then
 * rows are imported in batches, so that a mistake in the last line leaves nothing half imported. Errors name line and
 * column, never a cell: a cell is somebody's data.
 */
import { createReadStream, openSync, readSync, closeSync } from 'node:fs'
import { Transform } from 'node:stream'
import { type InfoRecord, parse } from 'csv-parse'
import { BulkheadError } from '#base/errors.ts'
import type { DirectoryRow } from '#vault/port.ts'

const PROBLEMS_MAX = 10
const RECORD_BYTES_MAX = 256 * 1024

const ALIASES: Readonly<Record<string, string>> = {
  user_id: 'id',
  distinct_id: 'id',
  e_mail: 'email',
  mail: 'email',
  full_name: 'name',
  firstname: 'first_name',
  given_name: 'first_name',
  lastname: 'last_name',
  family_name: 'last_name',
  surname: 'last_name',
  phone_number: 'phone',
  country_code: 'country',
  state: 'region',
  province: 'region',
  locale: 'language',
}
const PLAIN_COLUMNS: ReadonlySet<string> = new Set([
  'id',
  'email',
  'name',
  'first_name',
  'last_name',
  'phone',
  'country',
  'region',
  'language',
  'role',
  'admin',
])
/** Columns that name a group; the key is the column's own name unless `<column>_key` says otherwise. */
const GROUP_COLUMNS: ReadonlySet<string> = new Set([
  'group',
  'company',
  'company_id',
  'organization',
  'organization_id',
  'organisation',
  'organisation_id',
  'org_id',
  'account_id',
  'team_id',
  'workspace_id',
  'tenant_id',
])
const LENGTH_MAX: Readonly<Record<string, number>> = { email: 320, phone: 64, country: 64, region: 64, language: 64 }
const YES = new Set(['true', 'yes', 'y', '1', 'admin', 'owner', 'administrator'])
const NO = new Set(['', 'false', 'no', 'n', '0'])

export interface DirectoryFile {
  /** Rows in file order; throws `directory_invalid` at the first problem. */
  rows(): AsyncGenerator<DirectoryRow, void>
  /** Reads all of it; throws `directory_invalid` with the first problems, else gives the number of rows and of columns left out. */
  check(): Promise<{ rows: number; ignoredColumns: number }>
}

export function openDirectoryFile(file: string): DirectoryFile {
  return {
    rows: async function* () {
      for await (const { row, problems } of readRows(file)) {
        if (row === undefined) throw invalid(problems)
        yield row
      }
    },
    check: async () => {
      const found: string[] = []
      let rows = 0
      let ignoredColumns = 0
      for await (const read of readRows(file)) {
        ignoredColumns = read.ignoredColumns
        if (read.row !== undefined) rows++
        else found.push(...read.problems)
        if (found.length >= PROBLEMS_MAX) break
      }
      if (found.length > 0) throw invalid(found)
      return { rows, ignoredColumns }
    },
  }
}

function invalid(problems: readonly string[]): BulkheadError {
  return new BulkheadError('directory_invalid', problems.slice(0, PROBLEMS_MAX).join('\n'))
}

interface ReadRow {
  row: DirectoryRow | undefined
  problems: string[]
  ignoredColumns: number
}

async function* readRows(file: string): AsyncGenerator<ReadRow, void> {
  const parser = parse({
    bom: true,
    delimiter: delimiterOf(file),
    info: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: RECORD_BYTES_MAX,
  })
  const source = createReadStream(file)
  const text = source.pipe(strictUtf8())
  for (const stream of [source, text]) stream.on('error', (error: Error) => void parser.destroy(error))
  text.pipe(parser)
  let columns: Column[] | undefined
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: InfoRecord }>) {
      if (columns === undefined) {
        columns = decodeHeader(file, record)
        continue
      }
      const problems: string[] = []
      const report = (column: string, what: string): void => void problems.push(`${file}:${info.lines}: column ${column}: ${what}`)
      const row = decodeRow(columns, record, report)
      yield {
        row: problems.length === 0 ? row : undefined,
        problems,
        ignoredColumns: columns.filter((column) => column.kind === 'ignored').length,
      }
    }
  } catch (thrown) {
    throw readError(file, thrown)
  } finally {
    source.destroy()
  }
  if (columns === undefined) throw new BulkheadError('directory_invalid', `${file} is empty`)
}

function readError(file: string, thrown: unknown): unknown {
  if (thrown instanceof BulkheadError) return thrown
  const { code, lines } = thrown as { code?: string; lines?: number }
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    return new BulkheadError('directory_invalid', `${file} cannot be read (${code})`, {
      hint: 'Check the path and the permissions of the file.',
    })
  if (typeof code === 'string' && code.startsWith('CSV_')) {
    const what =
      code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH' ? 'another number of cells than the first line has columns' : `not CSV (${code})`
    return new BulkheadError('directory_invalid', `${file}:${lines ?? 1}: ${what}`)
  }
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return new BulkheadError('directory_invalid', `${file} is not UTF-8 text`)
  return thrown
}

/** Spreadsheets write `;` or tabs in some countries; the first line tells, since names of columns hold neither. */
function delimiterOf(file: string): string {
  const head = Buffer.alloc(4096)
  let length = 0
  try {
    const handle = openSync(file, 'r')
    try {
      length = readSync(handle, head)
    } finally {
      closeSync(handle)
    }
  } catch (thrown) {
    throw readError(file, thrown)
  }
  const line = head.toString('utf8', 0, length).split('\n')[0] ?? ''
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: line.split(delimiter).length }))
  return counts.reduce((best, entry) => (entry.count > best.count ? entry : best)).delimiter
}

function strictUtf8(): Transform {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (chunk: Buffer | undefined, done: (error: Error | null, text?: string) => void): void => {
    try {
      done(null, decoder.decode(chunk, { stream: chunk !== undefined }))
    } catch (thrown) {
      done(thrown as Error)
    }
  }
  return new Transform({
    decodeStrings: true,
    encoding: 'utf8',
    transform: (chunk: Buffer, _encoding, done) => decode(chunk, done),
    flush: (done) => decode(undefined, done),
  })
}

type Column = { kind: 'plain' | 'group' | 'key' | 'ignored'; name: string }

function decodeHeader(file: string, cells: readonly string[]): Column[] {
  const names = cells.map((cell) => {
    const name = cell.toLowerCase().replaceAll(/[\s-]+/g, '_')
    return Object.hasOwn(ALIASES, name) ? (ALIASES[name] as string) : name
  })
  const columns = names.map((name): Column => {
    if (PLAIN_COLUMNS.has(name)) return { kind: 'plain', name }
    if (GROUP_COLUMNS.has(name)) return { kind: 'group', name }
    const base = name.replace(/_key$/, '')
    return base !== name && GROUP_COLUMNS.has(base) ? { kind: 'key', name: base } : { kind: 'ignored', name }
  })
  const refuse = (what: string): never => {
    throw new BulkheadError('directory_invalid', `${file}:1: ${what}`)
  }
  if (!names.includes('id')) refuse('no column is called id (or user_id, distinct_id)')
  for (const column of columns) {
    if (column.kind === 'ignored') continue
    const same = columns.filter((other) => other.kind === column.kind && other.name === column.name)
    if (same.length > 1) refuse(`two columns mean ${column.name}${column.kind === 'key' ? '_key' : ''}`)
    if (column.kind === 'key' && !names.includes(column.name)) refuse(`a column ${column.name}_key without a column ${column.name}`)
  }
  if (names.includes('group') && !names.includes('group_key')) refuse('a column group without a column group_key')
  return columns
}

type Report = (column: string, what: string) => void

function decodeRow(columns: readonly Column[], cells: readonly string[], report: Report): DirectoryRow {
  const plain = new Map<string, string>()
  const groups = new Map<string, string>()
  const keys = new Map<string, string>()
  for (const [index, column] of columns.entries()) {
    if (column.kind === 'ignored') continue
    const cell = (cells[index] ?? '').normalize('NFC')
    checkCell(column, cell, report)
    const target = column.kind === 'plain' ? plain : column.kind === 'group' ? groups : keys
    if (cell !== '') target.set(column.name, cell)
  }
  const id = plain.get('id')
  if (id === undefined) report('id', 'empty')
  const email = plain.get('email')
  if (email !== undefined && !/^[^\s@,;<>]+@[^\s@,;<>]+$/.test(email)) report('email', 'not an address')
  const isAdmin = adminOf(plain, report)
  const joined = [plain.get('first_name'), plain.get('last_name')].filter((part) => part !== undefined).join(' ')
  const name = plain.get('name') ?? (joined === '' ? undefined : joined)
  const row: DirectoryRow = { id: id ?? '', groups: [] }
  if (email !== undefined) row.email = email
  if (name !== undefined) row.name = name
  for (const field of ['phone', 'country', 'region', 'language'] as const) {
    const value = plain.get(field)
    if (value !== undefined) row[field] = value
  }
  for (const [column, value] of groups) {
    const key = keys.get(column) ?? (column === 'group' ? undefined : column)
    if (key === undefined) report('group_key', 'empty beside a group')
    else row.groups.push({ key, value, admin: isAdmin })
  }
  return row
}

function checkCell(column: Column, cell: string, report: Report): void {
  const name = column.kind === 'key' ? `${column.name}_key` : column.name
  const most = column.kind === 'key' ? 255 : (LENGTH_MAX[name] ?? 1024)
  if (cell.length > most) report(name, `longer than ${most} characters`)
  if (/[\0-\x1f\x7f]/.test(cell)) report(name, 'a control character or line break')
}

/** `admin` takes yes or no; `role` takes any text, of which admin, administrator and owner count. */
function adminOf(plain: ReadonlyMap<string, string>, report: Report): boolean {
  const admin = (plain.get('admin') ?? '').toLowerCase()
  if (!YES.has(admin) && !NO.has(admin)) report('admin', 'neither yes nor no')
  const role = (plain.get('role') ?? '').toLowerCase()
  return YES.has(admin) || role === 'admin' || role === 'administrator' || role === 'owner'
}
