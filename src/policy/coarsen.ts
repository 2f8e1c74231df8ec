/** Coarse forms of single values, without any approvals: what `bulkhead coarsen` prints. */
import type { PlaceOf } from './country.ts'
import { detect, HELD } from './detect/detect.ts'
import { PATH_WORDS } from './path-words.ts'
import { referrerOf } from './referrer.ts'
import { rawPath } from './url-path.ts'
import { clientOf } from './user-agent.ts'

export const COARSEN_KINDS = ['ua', 'url', 'referrer', 'ip'] as const
export type CoarsenKind = (typeof COARSEN_KINDS)[number]

export function isCoarsenKind(kind: unknown): kind is CoarsenKind {
  return (COARSEN_KINDS as readonly unknown[]).includes(kind)
}

type Coarse = Record<string, string | number>

/** Empty: nothing of it may be told. Ports and brackets around an address are let go. */
export function coarsen(kind: CoarsenKind, value: string, placeOf: PlaceOf): Coarse {
  switch (kind) {
    case 'ua':
      return { ...clientOf(value) }
    case 'url': {
      const path = wordedPath(value)
      return path === undefined ? {} : { path }
    }
    case 'referrer':
      return { ...referrerOf(value, { approved: new Set(), own: new Set() }) }
    case 'ip':
      return { ...placeOf(bareAddress(value)) }
  }
}

function bareAddress(value: string): string {
  const text = value.trim()
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/i.exec(text)?.[1]
  return bracketed ?? /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(text)?.[1] ?? text
}

const SEGMENTS_MAX = 12
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
const DATE = /^(?:\d{4}[-.]\d{1,2}(?:[-.]\d{1,2})?|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$/

/**
 * A path with what stands in its places named by kind: `/users/{number}/orders/{uuid}`. Words stay when all products have
 * them; everything else is `{text}`. Query, fragment, host and user part are let go.
 */
export function wordedPath(address: string): string | undefined {
  const path = rawPath(address)
  if (path === undefined) return undefined
  const parts = path
    .split(/[/\\]/)
    .filter((part) => part !== '')
    .slice(0, SEGMENTS_MAX)
  return `/${parts.map(segmentOf).join('/')}`
}

function segmentOf(segment: string): string {
  const text = decode(segment)
  const lower = text.toLowerCase()
  if (PATH_WORDS.has(lower)) return lower
  if (UUID.test(text)) return '{uuid}'
  if (DATE.test(text)) return '{date}'
  if (/^\d{1,20}$/.test(text)) return '{number}'
  const [finding] = detect(text, { least: HELD })
  if (finding !== undefined) return finding.kind === 'secret' || finding.kind === 'url_token' ? '{token}' : `{${finding.kind}}`
  if (/^[0-9a-f]{16,}$/i.test(text) || (text.length >= 16 && /\d/.test(text) && /[a-z]/i.test(text) && !/[-_. ]/.test(text)))
    return '{token}'
  return /\d/.test(text) ? '{id}' : '{text}'
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
