/**
 * The two windows of an incident. *Access*: when the intruder could read; every disclosure sent before its end counts,
 * however old, since a thief takes what is at rest. Its start is kept and shown and narrows nothing. *Data*: event time,
 * both ends included; it narrows, and belongs in a question only when the vendor's statement or file shows it.
 */
import { parseInstant } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'

/** Instants as a person gave them. */
export interface WindowTexts {
  accessFrom?: string | undefined
  accessTo?: string | undefined
  from?: string | undefined
  to?: string | undefined
}

/** UTC ms; undefined = open on that side. `accessTo` is exclusive, `to` inclusive. */
export interface Windows {
  accessFrom: number | undefined
  accessTo: number | undefined
  from: number | undefined
  to: number | undefined
}

/** Windows as answers print them: ISO 8601 in UTC, null = open on that side. */
export interface PrintedWindows {
  access: { from: string | null; to: string | null }
  data: { from: string | null; to: string | null }
}

const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** Throws `window_invalid`. A zone is demanded: a window that is an hour off misses people. */
export function decodeWindows(texts: WindowTexts): Windows {
  const windows: Windows = {
    accessFrom: decodeInstant('--access-from', texts.accessFrom),
    accessTo: decodeInstant('--access-to', texts.accessTo),
    from: decodeInstant('--from', texts.from),
    to: decodeInstant('--to', texts.to),
  }
  assertOrder('--access-from', windows.accessFrom, '--access-to', windows.accessTo)
  assertOrder('--from', windows.from, '--to', windows.to)
  return windows
}

export function decodeInstant(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const instant = ISO_INSTANT.test(text) ? parseInstant(text) : Number.NaN
  if (Number.isNaN(instant))
    throw new BulkheadError('window_invalid', `${name} ${JSON.stringify(text.slice(0, 40))} is not an instant with a zone`)
  return instant
}

export function assertOrder(startName: string, start: number | undefined, endName: string, end: number | undefined): void {
  if (start === undefined || end === undefined || start < end) return
  throw new BulkheadError('window_invalid', `${startName} is not before ${endName}`)
}

export function printWindows(windows: Windows): PrintedWindows {
  return {
    access: { from: printInstant(windows.accessFrom), to: printInstant(windows.accessTo) },
    data: { from: printInstant(windows.from), to: printInstant(windows.to) },
  }
}

function printInstant(instant: number | undefined): string | null {
  return instant === undefined ? null : new Date(instant).toISOString()
}
