/** What the cells of a row say of whom it is about, before anybody is asked: pseudonyms, plain values, and when it was. */
import type { ColumnMeaning } from './match-columns.ts'
import type { Cell, FileRow } from './row-sink.ts'

export interface Keys {
  /** UUIDs as 32 hexadecimal digits, with the columns that they stand in. */
  uuids: string[]
  uuidColumns: number[]
  ids: string[]
  groups: string[]
  emails: string[]
  phones: string[]
  names: string[]
  /** UTC ms. */
  time: number | undefined
}

const UUID = /^(?:urn:uuid:)?\{?([0-9a-f]{8})-?([0-9a-f]{4})-?(4[0-9a-f]{3})-?([89ab][0-9a-f]{3})-?([0-9a-f]{12})\}?$/i
const EMAIL = /^[^\s@,;<>"]+@[^\s@,;<>"]+\.[^\s@,;<>"]+$/
const PHONE = /^\+\d[\d ()./-]{6,20}$/
const DEVICE = '$device:'
const VALUE_LENGTH_MAX = 320
/** Mixpanel gives seconds, others milliseconds or microseconds. */
const [SECONDS_MAX, MILLISECONDS_MAX] = [1e11, 1e14]

export function isFilled(cell: Cell): boolean {
  return typeof cell !== 'string' || (cell !== '' && cell !== 'null' && cell !== 'undefined')
}

export function keysOf(row: FileRow, meanings: readonly ColumnMeaning[]): Keys {
  const keys: Keys = { uuids: [], uuidColumns: [], ids: [], groups: [], emails: [], phones: [], names: [], time: undefined }
  let [first, last] = ['', '']
  for (const [at, cell] of row.values.entries()) {
    const place = row.columns[at] as number
    const use = meanings[place]?.use ?? 'any'
    if (use === 'aside' || typeof cell === 'boolean') continue
    if (use === 'time') {
      keys.time ??= timeOf(cell)
      continue
    }
    // A number is nobody's but in the column of an id.
    if (typeof cell === 'number' && use !== 'id' && use !== 'group') continue
    const text = String(cell).trim()
    if (text === '' || text.length > VALUE_LENGTH_MAX || !isFilled(text)) continue
    const bare = text.startsWith(DEVICE) ? text.slice(DEVICE.length) : text
    const uuid = bare.length >= 32 && bare.length <= 48 ? uuidOf(bare) : undefined
    if (uuid !== undefined) {
      keys.uuids.push(uuid)
      keys.uuidColumns.push(place)
      keys.ids.push(bare)
      continue
    }
    if (use === 'id') keys.ids.push(bare)
    else if (use === 'group') keys.groups.push(bare)
    if (use === 'email' || (text.includes('@') && EMAIL.test(text))) keys.emails.push(text)
    else if (use === 'phone' || (text.charCodeAt(0) === 0x2b && PHONE.test(text))) keys.phones.push(text)
    else if (use === 'name') keys.names.push(text)
    else if (use === 'first_name') first = text
    else if (use === 'last_name') last = text
  }
  if (first !== '' && last !== '') keys.names.push(`${first} ${last}`)
  return keys
}

function uuidOf(text: string): string | undefined {
  const parts = UUID.exec(text)
  return parts === null ? undefined : parts.slice(1).join('').toLowerCase()
}

function timeOf(cell: Cell): number | undefined {
  const number = typeof cell === 'number' ? cell : /^\d{9,16}(\.\d+)?$/.test(String(cell)) ? Number(cell) : undefined
  if (number !== undefined) {
    const ms = number < SECONDS_MAX ? number * 1000 : number < MILLISECONDS_MAX ? number : number / 1000
    return Number.isFinite(ms) && ms > 0 ? ms : undefined
  }
  const text = String(cell).trim()
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined
  // Without a zone an instant is taken for UTC, as exports print it.
  const hasZone = /(?:Z|[+-]\d\d:?\d\d|UTC)$/.test(text)
  const ms = Date.parse(hasZone || text.length <= 10 ? text : `${text.replace(' ', 'T')}Z`)
  return Number.isNaN(ms) ? undefined : ms
}
