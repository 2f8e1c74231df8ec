/** `detect` and `coarsen`: what the gateway would find in a text, and what it would leave of one. Nothing has to run. */
import type { Readable, Writable } from 'node:stream'
import { BulkheadError } from '#base/errors.ts'
import type { JsonValue } from '#model/json.ts'
import { coarsen, isCoarsenKind, type PlaceOf } from '#policy/forms.ts'
import { detect, detectInProperty, type PlacedFinding, SHOWN } from '#policy/policy.ts'
import type { PlaceDetail } from '#model/config.ts'
import { openPlacesOf } from '#split/geo.ts'
import { answerLines, type LineRequest } from './line-stream.ts'

export interface LineOptions {
  stdin?: boolean
  json?: boolean
  /** Findings below it are not printed. */
  minConfidence?: number
  /** How exactly addresses are told. */
  places?: PlaceDetail
}

interface Streams {
  input: Readable
  output: Writable
}

export async function detectCommand({ input, output }: Streams, options: LineOptions): Promise<void> {
  demandStdin(options)
  const least = options.minConfidence ?? SHOWN
  await answerLines({
    input,
    output,
    answer: (request) => {
      const spans = spansOf(request, least)
      return options.json === true
        ? JSON.stringify({ id: request.id, spans })
        : `${idText(request)}: ${spans.map(spanText).join(', ') || 'nothing found'}`
    },
  })
}

/** The key alone may tell what a value is, so a pair is more than its text. */
function spansOf(request: LineRequest, least: number): PlacedFinding[] {
  const { text, key, value } = request
  if (typeof text === 'string') return detect(text, { least }).map(written)
  if (typeof key === 'string' && value !== undefined) return detectInProperty(key, value, least).map(written)
  throw new BulkheadError('line_invalid', 'the line has neither `text` nor `key` with `value`')
}

function written({ start, end, kind, rule, confidence, path, in: place }: PlacedFinding): PlacedFinding {
  return {
    start,
    end,
    kind,
    ...(rule !== undefined && { rule }),
    confidence,
    ...(path !== undefined && { path }),
    ...(place !== undefined && { in: place }),
  }
}

function spanText({ kind, rule, start, end, confidence }: PlacedFinding): string {
  return `${kind}${rule === undefined || rule === kind ? '' : ` (${rule})`} at ${start}-${end}, ${Math.round(confidence * 100)} %`
}

function idText({ id }: { id: JsonValue }): string {
  return typeof id === 'string' ? id : JSON.stringify(id)
}

export async function coarsenCommand({ input, output }: Streams, options: LineOptions): Promise<void> {
  demandStdin(options)
  // The database is read when an address asks for it.
  let places: PlaceOf | undefined
  const placeOf: PlaceOf = (address) => {
    places ??= openPlacesOf(options.places)
    return places(address)
  }
  await answerLines({
    input,
    output,
    answer: (request) => {
      const { kind, value } = request
      if (typeof value !== 'string') throw new BulkheadError('line_invalid', 'the line has no text `value`')
      if (!isCoarsenKind(kind)) throw new BulkheadError('line_invalid', '`kind` is none of ua, url, referrer, ip')
      const coarse = coarsen(kind, value, placeOf)
      return options.json === true ? JSON.stringify({ id: request.id, coarse }) : `${idText(request)}: ${coarseText(coarse)}`
    },
  })
}

function coarseText(coarse: Readonly<Record<string, string | number>>): string {
  const parts = Object.entries(coarse).map(([name, value]) => `${name} ${value}`)
  return parts.join(', ') || 'nothing is left of it'
}

function demandStdin({ stdin }: LineOptions): void {
  if (stdin !== true) throw new BulkheadError('bad_usage', 'give --stdin and one JSON object a line on standard input')
}
