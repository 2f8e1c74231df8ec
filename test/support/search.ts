/**
 * Finds planted values in bytes, in every encoding that a value could hide in. A planted value either carries an infix
 * that all share (then a single search finds them all) or is searched for itself.
 */
import { closeSync, type Dirent, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import path from 'node:path'

/** Byte patterns of one text: UTF-8, UTF-16 (both orders), base64 at three offsets, base64url, hex, percent, JSON escapes. */
export function encodingsOf(text: string): Map<string, Buffer> {
  const bytes = Buffer.from(text)
  const found = new Map<string, Buffer>()
  const add = (name: string, pattern: Buffer | string): void => void found.set(name, Buffer.from(pattern as string))
  add('utf-8', bytes)
  add('utf-16le', Buffer.from(text, 'utf16le'))
  add('utf-16be', Buffer.from(text, 'utf16le').swap16())
  add('hex', bytes.toString('hex'))
  add('hex upper case', bytes.toString('hex').toUpperCase())
  add('percent', [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))
  add('percent upper case', [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''))
  if (encodeURIComponent(text) !== text) add('uri component', encodeURIComponent(text))
  const escaped = [...text].flatMap((c) => Array.from({ length: c.length }, (_, at) => c.charCodeAt(at)))
  add('json escapes', escaped.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join(''))
  const asciiJson = text.replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  if (asciiJson !== text) add('ascii json', asciiJson)
  for (let offset = 0; offset < 3; offset++) {
    // Characters that depend on neighbours are left off at both ends.
    const padded = Buffer.concat([Buffer.alloc(offset), bytes])
    const whole = padded.subarray(0, padded.length - (padded.length % 3))
    const encoded = whole.toString('base64').slice(offset === 0 ? 0 : offset + 1)
    if (encoded.length >= 6) {
      add(`base64 at ${offset}`, encoded)
      if (/[+/]/.test(encoded)) add(`base64url at ${offset}`, encoded.replaceAll('+', '-').replaceAll('/', '_'))
    }
  }
  return found
}

export interface Needle {
  /** What was planted, for the message. */
  label: string
  pattern: Buffer
}

export function needlesOf(label: string, text: string): Needle[] {
  return [...encodingsOf(text)].map(([encoding, pattern]) => ({ label: `${label} (${encoding})`, pattern }))
}

/**
 * Aho-Corasick (1975) over bytes, with a full transition table: one step a byte however many patterns there are.
 * Memory is 1 KiB a pattern byte, so it is for some thousand short patterns.
 */
export class PatternSet {
  readonly #next: Int32Array
  readonly #hit: Int32Array
  readonly #needles: readonly Needle[]
  readonly longest: number

  constructor(needles: readonly Needle[]) {
    this.#needles = needles
    this.longest = needles.reduce((max, needle) => Math.max(max, needle.pattern.length), 0)
    const size = needles.reduce((sum, needle) => sum + needle.pattern.length, 1)
    const next = new Int32Array(size * 256).fill(-1)
    const hit = new Int32Array(size).fill(-1)
    let states = 1
    for (const [index, needle] of needles.entries()) {
      let state = 0
      for (const byte of needle.pattern) {
        const at = state * 256 + byte
        if (next[at] === -1) next[at] = states++
        state = next[at] as number
      }
      hit[state] = index
    }
    const fail = new Int32Array(states)
    const queue: number[] = []
    for (let byte = 0; byte < 256; byte++) {
      if (next[byte] === -1) next[byte] = 0
      else queue.push(next[byte] as number)
    }
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head] as number
      const fallback = fail[state] as number
      if (hit[state] === -1) hit[state] = hit[fallback] as number
      for (let byte = 0; byte < 256; byte++) {
        const at = state * 256 + byte
        const onFail = next[fallback * 256 + byte] as number
        if (next[at] === -1) next[at] = onFail
        else {
          fail[next[at] as number] = onFail
          queue.push(next[at] as number)
        }
      }
    }
    this.#next = next
    this.#hit = hit
  }

  /** Needles in one piece of bytes; `state` carries on where an earlier piece ended. */
  scan(bytes: Uint8Array, onHit: (needle: Needle, end: number) => void, state = 0): number {
    const next = this.#next
    const hit = this.#hit
    let current = state
    for (let at = 0; at < bytes.length; at++) {
      current = next[current * 256 + (bytes[at] as number)] as number
      const found = hit[current] as number
      if (found !== -1) onHit(this.#needles[found] as Needle, at + 1)
    }
    return current
  }
}

export interface Hit {
  where: string
  offset: number
  label: string
}

export function scanBytes(patterns: PatternSet, where: string, bytes: Uint8Array): Hit[] {
  const hits: Hit[] = []
  patterns.scan(bytes, (needle, end) => hits.push({ where, offset: end - needle.pattern.length, label: needle.label }))
  return hits
}

/** A program that runs puts files away while one looks. */
function unlessGone<Value>(look: () => Value): Value | undefined {
  try {
    return look()
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
    return undefined
  }
}

function entriesBelow(folder: string): Dirent[] {
  const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? []
  return entries.flatMap((entry) => [entry, ...(entry.isDirectory() ? entriesBelow(path.join(folder, entry.name)) : [])])
}

/** Every file below a folder, streamed; names of files and folders are searched too. */
export function scanFolder(patterns: PatternSet, folder: string): { hits: Hit[]; files: number; bytes: number } {
  const hits: Hit[] = []
  const chunk = Buffer.alloc(1 << 20)
  let files = 0
  let bytes = 0
  for (const entry of entriesBelow(folder)) {
    const file = path.join(entry.parentPath, entry.name)
    hits.push(...scanBytes(patterns, `name of ${file}`, Buffer.from(entry.name)))
    if (!entry.isFile()) continue
    const handle = unlessGone(() => openSync(file, 'r'))
    if (handle === undefined) continue
    files++
    bytes += fstatSync(handle).size
    let state = 0
    for (let offset = 0; ; ) {
      const length = readSync(handle, chunk, 0, chunk.length, offset)
      if (length === 0) break
      const base = offset
      state = patterns.scan(
        chunk.subarray(0, length),
        (needle, end) => hits.push({ where: file, offset: base + end - needle.pattern.length, label: needle.label }),
        state,
      )
      offset += length
    }
    closeSync(handle)
  }
  return { hits, files, bytes }
}
