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

/** Path of an absolute http(s) address, or of a text that begins with one `/`. Undefined for anything else. */
export function rawPath(address: string): string | undefined {
  const text = address.slice(0, URL_CHARACTERS_MAX).trim()
  const absolute = /^https?:\/\/[^/?#\\]*/i.exec(text)
  const path = absolute === null ? text : text.slice(absolute[0].length)
  if (absolute === null && (!text.startsWith('/') || text.startsWith('//'))) return undefined
  return /^[^?#]*/.exec(path)?.[0] ?? ''
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment.normalize('NFC')
  try {
    return decodeURIComponent(segment).normalize('NFC')
  } catch {
    return '*'
  }
}

export function pathTemplate(address: string, rules: PathRules): string | undefined {
  const path = rawPath(address)
  if (path === undefined) return undefined
  const all = path.split(/[/\\]/).filter((part) => part !== '')
  const parts = all.slice(0, SEGMENTS_MAX).map(decodeSegment)
  const template = all.length > SEGMENTS_MAX ? undefined : bestTemplate(parts, rules.templates.get(parts.length) ?? [])
  return `/${parts.map((part, i) => (template?.[i] === part || rules.segments.has(part) ? part : '*')).join('/')}`
}

/** The matching template with most literal segments. */
function bestTemplate(parts: readonly string[], templates: readonly (readonly string[])[]): readonly string[] | undefined {
  let best: readonly string[] | undefined
  let literalsOfBest = -1
  for (const template of templates) {
    if (!template.every((part, i) => part === '*' || part === parts[i])) continue
    const literals = template.filter((part) => part !== '*').length
    if (literals > literalsOfBest) {
      best = template
      literalsOfBest = literals
    }
  }
  return best
}

const SCREEN_PIXELS_MAX = 16_384

/** Pixels as a whole number within bounds; undefined for anything else. */
export function screenSide(value: unknown): number | undefined {
  const pixels = typeof value === 'number' ? Math.round(value) : Number.NaN
  return pixels >= 1 && pixels <= SCREEN_PIXELS_MAX ? pixels : undefined
}
