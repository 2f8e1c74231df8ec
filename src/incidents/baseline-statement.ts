/** What somebody says a vendor held before anything went to it through us. Everything that was said stays; the newest counts. */
import { BulkheadError } from '#base/errors.ts'
import type { Baseline, BaselineKind, RecordedBaseline } from '#model/baseline.ts'
import { NO_BASELINE } from '#model/baseline.ts'
import { FORMS, isField } from '#model/field.ts'
import { shapeText, parseShape } from '#policy/shape.ts'
import { decodeWindows } from './windows.ts'

const FIELDS_MAX = 500
const SURFACES_MAX = 100
const TEXT_MAX = 200
const PEOPLE_MAX = 1e12
const KEYS: ReadonlySet<string> = new Set(['saidBy', 'fields', 'surfaces', 'from', 'to', 'people'])

export type Declaration = Pick<Baseline, 'saidBy' | 'fields' | 'surfaces' | 'from' | 'to' | 'people'>

/** Throws `baseline_invalid`, which names the place and no value. */
export function decodeDeclaration(value: unknown): Declaration {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the declaration is no object')
  const given = value as Record<string, unknown>
  const odd = Object.keys(given).find((key) => !KEYS.has(key))
  if (odd !== undefined) throw invalid(`it has a key that means nothing here; the keys are ${[...KEYS].join(', ')}`)
  const { saidBy, fields, surfaces = [], people = null } = given
  if (!isText(saidBy)) throw invalid('`saidBy` is no text of at most 200 characters: say on whose word this stands')
  if (!Array.isArray(fields) || fields.length === 0 || fields.length > FIELDS_MAX)
    throw invalid(`\`fields\` is no list of 1 to ${FIELDS_MAX}`)
  if (!Array.isArray(surfaces) || surfaces.length > SURFACES_MAX || !surfaces.every(isText))
    throw invalid('`surfaces` is no list of texts of at most 200 characters')
  if (people !== null && !(typeof people === 'number' && Number.isSafeInteger(people) && people >= 0 && people <= PEOPLE_MAX))
    throw invalid('`people` is no whole number')
  const { from, to } = decodeTimes(given.from, given.to)
  return {
    saidBy: saidBy.trim(),
    // Read back from its canonical text: sorted, each pair once.
    fields: parseShape(shapeText(fields.map((field, index) => decodeField(field, index + 1)))),
    surfaces: [...new Set(surfaces as string[])].sort(),
    from,
    to,
    people,
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= TEXT_MAX && !/[\p{Cc}\p{Bidi_C}]/u.test(value)
}

function decodeField(value: unknown, number: number): Baseline['fields'][number] {
  const { field, form = 'clear' } = typeof value === 'string' ? { field: value } : ((value ?? {}) as Record<string, unknown>)
  const found = FORMS.find((known) => known === form)
  if (typeof field !== 'string' || field.length > TEXT_MAX || !isField(field))
    throw invalid(`field ${number} is none of docs/configuration.md`)
  if (found === undefined || found === 'withheld') throw invalid(`the form of field ${number} is none of clear, coarse, pseudonym, alias`)
  return { field, form: found }
}

function decodeTimes(from: unknown, to: unknown): { from: number | null; to: number | null } {
  const text = (value: unknown, name: string): string | undefined => {
    if (value === undefined || value === null) return undefined
    // YAML reads a bare instant as a date.
    if (value instanceof Date) return value.toISOString()
    if (typeof value === 'string') return value
    throw invalid(`\`${name}\` is no instant`)
  }
  try {
    const windows = decodeWindows({ from: text(from, 'from'), to: text(to, 'to') })
    return { from: windows.from ?? null, to: windows.to ?? null }
  } catch (thrown) {
    if (thrown instanceof BulkheadError && thrown.code === 'window_invalid')
      throw invalid('`from` and `to` are instants with a zone, the first before the second')
    throw thrown
  }
}

function invalid(what: string): BulkheadError {
  return new BulkheadError('baseline_invalid', what)
}

export function baselineOf(
  vendor: string,
  said: { kind: Exclude<BaselineKind, 'imported'>; at: number; actor: string; reason: string; declaration?: Declaration | undefined },
): Baseline {
  const { kind, at, actor, reason, declaration } = said
  if ((kind === 'declared') !== (declaration !== undefined)) throw invalid('a declaration goes with --declare, and with nothing else')
  return { ...NO_BASELINE, vendor, kind, at, actor, reason, ...declaration }
}

export interface PrintedBaseline {
  kind: BaselineKind
  /** null: nobody has said anything yet. */
  saidAt: string | null
  actor: string | null
  reason: string | null
  saidBy: string
  fields: Baseline['fields']
  surfaces: string[]
  from: string | null
  to: string | null
  people: number | null
  import: Baseline['import'] | null
}

export function printBaseline(said: RecordedBaseline | undefined): PrintedBaseline {
  const { kind, at, actor, reason, saidBy, fields, surfaces, from, to, people, shapes = [] } = said ?? NO_BASELINE
  const iso = (instant: number | null): string | null => (instant === null ? null : new Date(instant).toISOString())
  const all = shapeText([...fields, ...shapes.flatMap((shape) => [...parseShape(shape)])])
  return {
    kind,
    saidAt: said === undefined ? null : iso(at),
    actor: said === undefined ? null : actor,
    reason: said === undefined ? null : reason,
    saidBy,
    fields: parseShape(all),
    surfaces,
    from: iso(from),
    to: iso(to),
    people,
    import: said?.import ?? null,
  }
}
