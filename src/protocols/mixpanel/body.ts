/**
 * Reads the payload of a request by its content: SDKs claim `text/plain` for forms, send gzip without saying so, and
 * base64 with `+` that a form parser turns into spaces. Nothing here trusts a header.
 */
import { isUtf8 } from 'node:buffer'
import type { JsonValue } from '#model/json.ts'
import type { IngestRequest, Refusal } from '#model/protocol.ts'

/** Parameters that shape the answer; in the query or, from the Python SDK, in the form body. */
const FLAG_NAMES: ReadonlySet<string> = new Set(['verbose', 'ip', 'strict', 'img', 'callback', 'test'])
const FLAG_LENGTH_MAX = 128

export type Flags = Record<string, string>
export type Payload = { values: JsonValue[]; textLength: number; flags: Flags } | { refusal: Refusal; flags: Flags }

export function readPayload(request: IngestRequest): Payload {
  const flags: Flags = {}
  const source = readText(request, flags)
  if (typeof source !== 'object') return { refusal: source, flags }
  const values = source.kind === 'json' ? parseRecords(source.text) : parseDataParameter(source)
  return typeof values === 'string' ? { refusal: values, flags } : { values, textLength: source.text.length, flags }
}

/** The flags alone, for answers to requests whose payload is not looked at. */
export function readFlags(request: IngestRequest): Flags {
  const flags: Flags = {}
  readText(request, flags)
  return flags
}

type Source =
  | { kind: 'json'; text: string }
  /** Raw form value: percent-encoding and `+` as on the wire. `rest` runs to the end of the body. */
  | { kind: 'raw'; text: string; rest: string }
  /** Query value: the URL parser has decoded it already, and turned `+` into spaces. */
  | { kind: 'decoded'; text: string }

function readText(request: IngestRequest, flags: Flags): Source | Refusal {
  for (const [name, value] of request.query) setFlag(flags, name, value)
  let bytes = request.body
  if (bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) {
    const plain = request.gunzip(bytes)
    if (plain === undefined) return 'bad_encoding'
    bytes = plain
  }
  if (bytes.length === 0) return fromQuery(request.query)
  // A replaced character would be kept as if the sender had written it, so bytes that are not UTF-8 are refused.
  if (!isUtf8(bytes)) return 'bad_json'
  const text = bytes.toString('utf8')
  return /^[\s\uFEFF]*[{[]/.test(text) ? { kind: 'json', text } : fromForm(text, flags, request.query)
}

function fromQuery(query: URLSearchParams): Source | Refusal {
  const value = query.get('data')
  return value === null || value === '' ? 'no_data' : { kind: 'decoded', text: value }
}

function fromForm(text: string, flags: Flags, query: URLSearchParams): Source | Refusal {
  let found: Source | undefined
  let start = 0
  while (start < text.length) {
    const end = text.indexOf('&', start)
    const stop = end < 0 ? text.length : end
    const equals = text.indexOf('=', start)
    if (equals >= 0 && equals < stop) {
      const name = text.slice(start, equals).trim()
      if (name === 'data') found ??= { kind: 'raw', text: text.slice(equals + 1, stop), rest: text.slice(equals + 1) }
      else if (FLAG_NAMES.has(name)) setFlag(flags, name, formDecode(text.slice(equals + 1, stop)) ?? '')
    }
    start = stop + 1
  }
  return found ?? fromQuery(query)
}

function setFlag(flags: Flags, name: string, value: string): void {
  if (FLAG_NAMES.has(name) && value.length <= FLAG_LENGTH_MAX) flags[name] = value
}

function formDecode(raw: string): string | undefined {
  return percentDecode(raw.replaceAll('+', ' '))
}

/** Undefined for broken escapes and for bytes that are not UTF-8. */
function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const ENCODED_JSON = /^(?:\+|%20|%0[9ad]|\s)*(?:[{[]|%7b|%5b)/i

function parseDataParameter(source: Source): JsonValue[] | Refusal {
  if (source.kind === 'json') return parseRecords(source.text)
  if (source.kind === 'decoded') {
    // Whatever was not UTF-8 in the URL has become U+FFFD before it got here.
    if (/^\s*[{[]/.test(source.text)) return source.text.includes('\uFFFD') ? 'bad_json' : parseRecords(source.text)
    return parseBase64(source.text)
  }
  if (source.text === '') return 'no_data'
  if (!ENCODED_JSON.test(source.text)) {
    const text = unescapeBase64(source.text)
    return text === undefined ? 'bad_json' : parseBase64(text)
  }
  const text = formDecode(source.text)
  const values = text === undefined ? 'bad_json' : parseRecords(text)
  // JSON that nobody encoded (`curl --data 'data={…}'`) may hold `&` and `%`.
  return values === 'bad_json' && /^\s*[{[]/.test(source.rest) ? parseRecords(source.rest) : values
}

/** Only three characters of base64 are ever escaped; the general decoder is many times slower on a long text. */
function unescapeBase64(raw: string): string | undefined {
  if (!raw.includes('%')) return raw
  const text = raw.replaceAll(/%3d/gi, '=').replaceAll(/%2b/gi, '+').replaceAll(/%2f/gi, '/')
  return text.includes('%') ? percentDecode(raw) : text
}

/** Both alphabets: the decoder takes either, and skips what is neither, which is why it is looked for first. */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

function parseBase64(text: string): JsonValue[] | Refusal {
  const trimmed = text.trim()
  if (trimmed === '') return 'no_data'
  // A form parser has made spaces of `+`; some encoders break lines.
  const canonical = /\s/.test(trimmed) ? trimmed.replaceAll(/[\r\n]/g, '').replaceAll(' ', '+') : trimmed
  if (!BASE64.test(canonical)) return 'bad_json'
  const padding = canonical.endsWith('==') ? 2 : canonical.endsWith('=') ? 1 : 0
  // Padding is optional, and one lone character at the end carries no byte: it is a cut text.
  if ((canonical.length - padding) % 4 === 1) return 'bad_json'
  const bytes = Buffer.from(canonical, 'base64')
  return isUtf8(bytes) ? parseRecords(bytes.toString('utf8')) : 'bad_json'
}

/** One object, an array, or one object a line. */
function parseRecords(text: string): JsonValue[] | Refusal {
  const whole = parseJson(text)
  if (whole !== undefined) return Array.isArray(whole) ? whole : [whole]
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length < 2) return 'bad_json'
  const values: JsonValue[] = []
  for (const line of lines) {
    const value = parseJson(line)
    if (value === undefined) return 'bad_json'
    values.push(value)
  }
  return values
}

/** Undefined when it is not JSON. Whole numbers that a double cannot hold stay text, or two people's ids would become one. */
function parseJson(text: string): JsonValue | undefined {
  const bare = text.startsWith('\uFEFF') ? text.slice(1) : text
  try {
    return (hasLongNumber(bare) ? JSON.parse(bare, keepLongNumbers) : JSON.parse(bare)) as JsonValue
  } catch {
    return undefined
  }
}

const LONG_DIGITS = 16

/** Whether 16 digits stand in a row. Such a run covers a place whose number 16 divides: only those are looked at first. */
function hasLongNumber(text: string): boolean {
  for (let at = 0; at < text.length; at += LONG_DIGITS) {
    if (!isDigitAt(text, at)) continue
    let start = at
    while (at - start < LONG_DIGITS && isDigitAt(text, start - 1)) start--
    let end = at + 1
    while (end - start < LONG_DIGITS && isDigitAt(text, end)) end++
    if (end - start >= LONG_DIGITS) return true
  }
  return false
}

function isDigitAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0x30 && code <= 0x39
}

function keepLongNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isLong = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isLong && /^-?\d+$/.test(context?.source ?? '') ? context?.source : value
}
