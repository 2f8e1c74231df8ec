/**
 * An address reduced to a path template: approved segments stay, everything else is `*`; query, fragment, host and user
 * part are let go. Entries of the list are either whole paths (they begin with `/`, and `*` in them stands for any
 * segment) or single segments (`pricing`) that may stand anywhere.
 */
const SEGMENTS_MAX = 12
const URL_CHARACTERS_MAX = 2048

export interface PathRules {
  segments: ReadonlySet<string>
  /** Templates by their number of segments. */
  templates: ReadonlyMap<number, readonly (readonly string[])[]>
}

export function compilePaths(approved: readonly string[]): PathRules {
  const segments = new Set<string>()
  const templates = new Map<number, string[][]>()
  for (const entry of approved) {
    const text = entry.normalize('NFC')
    if (!text.startsWith('/')) {
      if (text !== '*' && text !== '') segments.add(text)
      continue
    }
    const parts = text.split('/').filter((part) => part !== '')
    const sameLength = templates.get(parts.length)
    if (sameLength === undefined) templates.set(parts.length, [parts])
    else sameLength.push(parts)
  }
  return { segments, templates }
}

const QUESTION = 0x3f
const SLASH = 0x2f
const BACKSLASH = 0x5c
const HASH = 0x23
const COLON = 0x3a

/** Where the path of an absolute http(s) address begins, or of a text that begins with one `/`; -1 for anything else. */
function pathStart(text: string): number {
  if (text.charCodeAt(0) === SLASH) return text.charCodeAt(1) === SLASH ? -1 : 0
  const colon = text.charCodeAt(4) === COLON ? 4 : 5
  if (text.charCodeAt(colon) !== COLON || text.charCodeAt(colon + 1) !== SLASH || text.charCodeAt(colon + 2) !== SLASH) return -1
  const scheme = text.slice(0, colon)
  if (scheme !== 'https' && scheme !== 'http' && !/^https?$/i.test(scheme)) return -1
  let at = colon + 3
  while (at < text.length && !endsHost(text.charCodeAt(at))) at++
  return at
}

function endsHost(code: number): boolean {
  return code === SLASH || code === QUESTION || code === HASH || code === BACKSLASH
}

/** An address that has a path. Undefined for anything else. */
export function rawPath(address: string): string | undefined {
  const text = (address.length > URL_CHARACTERS_MAX ? address.slice(0, URL_CHARACTERS_MAX) : address).trim()
  const start = pathStart(text)
  if (start < 0) return undefined
  let end = start
  while (end < text.length && text.charCodeAt(end) !== QUESTION && text.charCodeAt(end) !== HASH) end++
  return text.slice(start, end)
}

/** Whether `rawPath` finds a path. */
export function hasPath(address: string): boolean {
  return pathStart(address.trimStart()) >= 0
}

const PERCENT = 0x25

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment.normalize('NFC')
  try {
    return decodeURIComponent(segment).normalize('NFC')
  } catch {
    return '*'
  }
}

const STARS = Array.from({ length: SEGMENTS_MAX + 1 }, (_, count) => `/${Array(count).fill('*').join('/')}`)

export function pathTemplate(address: string, rules: PathRules): string | undefined {
  const path = rawPath(address)
  if (path === undefined) return undefined
  // Nothing is approved: then only their number is left of the segments.
  if (rules.segments.size === 0 && rules.templates.size === 0) return STARS[countSegments(path)]
  const all = segmentsOf(path)
  const parts = all.length > SEGMENTS_MAX ? all.slice(0, SEGMENTS_MAX) : all
  const template = all.length > SEGMENTS_MAX ? undefined : bestTemplate(parts, rules.templates.get(parts.length) ?? [])
  let kept = ''
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string
    kept += template?.[i] === part || rules.segments.has(part) ? `/${part}` : '/*'
  }
  return kept === '' ? '/' : kept
}

function segmentsOf(path: string): string[] {
  const segments: string[] = []
  let start = 0
  /** Without escapes, and letters that may be written in two ways. */
  let isPlain = true
  for (let at = 0; at <= path.length; at++) {
    const code = at < path.length ? path.charCodeAt(at) : SLASH
    if (code !== SLASH && code !== BACKSLASH) {
      if (code === PERCENT || code > 127) isPlain = false
      continue
    }
    if (at > start && segments.length <= SEGMENTS_MAX) {
      const segment = path.slice(start, at)
      segments.push(isPlain ? segment : decodeSegment(segment))
    }
    start = at + 1
    isPlain = true
  }
  return segments
}

/** At most SEGMENTS_MAX. */
function countSegments(path: string): number {
  let count = 0
  let isInside = false
  for (let at = 0; at < path.length && count < SEGMENTS_MAX; at++) {
    const code = path.charCodeAt(at)
    const isSlash = code === 0x2f || code === 0x5c
    if (isInside && isSlash) count++
    isInside = !isSlash
  }
  return isInside && count < SEGMENTS_MAX ? count + 1 : count
}

/** The matching template with most literal segments. */
function bestTemplate(parts: readonly string[], templates: readonly (readonly string[])[]): readonly string[] | undefined {
  let best: readonly string[] | undefined
  let literalsOfBest = -1
  for (const template of templates) {
    const literals = literalsOf(template, parts)
    if (literals <= literalsOfBest) continue
    best = template
    literalsOfBest = literals
  }
  return best
}

/** How many segments are literally those of the template; -1 when it does not fit. */
function literalsOf(template: readonly string[], parts: readonly string[]): number {
  let literals = 0
  for (let i = 0; i < template.length; i++) {
    if (template[i] === '*') continue
    if (template[i] !== parts[i]) return -1
    literals++
  }
  return literals
}

const SCREEN_PIXELS_MAX = 16_384

/** Pixels as a whole number within bounds; undefined for anything else. */
export function screenSide(value: unknown): number | undefined {
  const pixels = typeof value === 'number' ? Math.round(value) : Number.NaN
  return pixels >= 1 && pixels <= SCREEN_PIXELS_MAX ? pixels : undefined
}
