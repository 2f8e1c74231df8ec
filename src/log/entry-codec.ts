/**
 * How an entry lies in the log: one version byte, then UTF-8 JSON of `LogEntry`. Reading is strict: a blob that is not
 * exactly what a writer of this version makes is `log_corrupt`, never a guess.
 */
import { isUtf8 } from 'node:buffer'
import { BulkheadError } from '#base/errors.ts'
import { LOG_ENTRY_VERSION, type LogEntry } from '#model/log-entry.ts'

const VERSION_CHARACTER = String.fromCharCode(LOG_ENTRY_VERSION)

const ENTRY_KEYS: ReadonlySet<string> = new Set([
  'seq',
  'at',
  'source',
  'protocol',
  'surface',
  'trust',
  'policy',
  'waiting',
  'consents',
  'records',
  'dedup',
])
const RECORD_KEYS: ReadonlySet<string> = new Set([
  'type',
  'name',
  'reserved',
  'time',
  'user',
  'device',
  'linked',
  'groups',
  'op',
  'context',
  'properties',
  'unset',
  'withheld',
  'waitingCount',
  'destroyedCount',
  'detected',
  'consent',
])
const RECORD_TYPES: ReadonlySet<unknown> = new Set(['event', 'identify', 'merge', 'profile', 'group'])
const OPS: ReadonlySet<unknown> = new Set(['set', 'set_once', 'add', 'append', 'union', 'remove', 'unset', 'delete'])
const TRUSTS: ReadonlySet<unknown> = new Set(['browser', 'server', 'directory'])

export function encodeLogEntry(entry: LogEntry): Buffer {
  return Buffer.from(VERSION_CHARACTER + JSON.stringify(entry))
}

/** Throws `log_corrupt` naming folder and number, without any of the content. */
export function decodeLogEntry(blob: Uint8Array, place: { folder: number; seq: number }): LogEntry {
  const fault = findFault(blob, place.seq)
  if (typeof fault !== 'string') return fault
  const version = blob[0] ?? 0
  if (version > LOG_ENTRY_VERSION && version <= PLAUSIBLE_VERSION_MAX) {
    throw new BulkheadError(
      'data_format_newer',
      `log folder ${place.folder}, entry ${place.seq}: the log has version ${version}, this program knows up to ${LOG_ENTRY_VERSION}`,
    )
  }
  throw new BulkheadError('log_corrupt', `log folder ${place.folder}, entry ${place.seq}: ${fault}`)
}

/** Versions are small: what is far above is a torn byte. */
const PLAUSIBLE_VERSION_MAX = 31

function findFault(blob: Uint8Array, seq: number): LogEntry | string {
  if (blob.length < 2) return 'too short'
  if (blob[0] !== LOG_ENTRY_VERSION) return `version ${blob[0]} is not known here`
  if (!isUtf8(blob)) return 'not UTF-8'
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(blob.buffer, blob.byteOffset, blob.length).toString('utf8', 1))
  } catch {
    return 'not JSON'
  }
  if (!isObject(parsed)) return 'not an object'
  for (const key in parsed) if (!ENTRY_KEYS.has(key)) return 'has a key that no writer makes'
  if (parsed.seq !== seq) return 'carries another number'
  if (!isInstant(parsed.at)) return 'has no arrival time'
  if (typeof parsed.source !== 'string' || typeof parsed.protocol !== 'string' || typeof parsed.surface !== 'string') {
    return 'names no source, protocol or surface'
  }
  if (!TRUSTS.has(parsed.trust)) return 'has no known trust'
  if (!isCount(parsed.policy)) return 'has no policy version'
  if (parsed.waiting !== undefined && !isWaitingRef(parsed.waiting)) return 'has a broken waiting reference'
  if (parsed.consents !== undefined && !isConsents(parsed.consents)) return 'has broken statements of consent'
  if (!Array.isArray(parsed.records) || parsed.records.length === 0) return 'has no records'
  for (const record of parsed.records) if (!isRecord(record)) return 'has a broken record'
  if (parsed.dedup !== undefined && !isDedup(parsed.dedup, parsed.records.length)) return 'has broken repeat hashes'
  return parsed as unknown as LogEntry
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isInstant(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isWaitingRef(value: unknown): boolean {
  if (!isObject(value)) return false
  if (value.skipped !== undefined && !(Array.isArray(value.skipped) && value.skipped.every(isCount))) return false
  if (value.part !== undefined && !isCount(value.part)) return false
  return isCount(value.day) && isCount(value.folder) && isCount(value.offset) && isCount(value.length)
}

function isConsents(value: unknown): boolean {
  return Array.isArray(value) && value.every((said) => isObject(said) && Array.isArray(said.of) && said.of.every(isCount))
}

function isRecord(value: unknown): boolean {
  if (!isObject(value) || !RECORD_TYPES.has(value.type) || !isInstant(value.time)) return false
  for (const key in value) if (!RECORD_KEYS.has(key)) return false
  if (value.op !== undefined && !OPS.has(value.op)) return false
  if (value.name !== undefined && value.name !== null && typeof value.name !== 'string') return false
  if (value.user !== undefined && !isCount(value.user)) return false
  if (value.device !== undefined && !isCount(value.device)) return false
  if (value.detected !== undefined && !isObject(value.detected)) return false
  return isOrdinalList(value.linked) && isOrdinalList(value.groups)
}

function isOrdinalList(value: unknown): boolean {
  if (value === undefined) return true
  return Array.isArray(value) && value.every((member) => isObject(member) && isCount(member.ordinal))
}

function isDedup(value: unknown, records: number): boolean {
  // 16 bytes a record in base64 with padding: any other length means that hashes and records no longer pair up.
  return typeof value === 'string' && value.length === 4 * Math.ceil((16 * records) / 3)
}
