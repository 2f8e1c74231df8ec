/** What the rows of an incident say of its clocks. Rows are read in order; kinds that are no matter of clocks are passed over. */
import type { AssessedBody, ClocksBody, ClocksSignedBody, ClockWarnedBody, DoneBody, MarkBody, SurveyedBody } from '#model/clock.ts'
import type { ClockRecord, ClockSignOff, KnownTime, Recorded, Telling } from './facts.ts'

export interface ClockRow {
  row: number
  at: number
  kind: string
  body: unknown
  /** What people wrote, when it was opened. */
  texts?: Readonly<Record<string, string | readonly string[]>>
}

export interface SaidTimes {
  told: number
  aware: number | null
  vendorAware: number | null
  /** Zones of those of which only the day is known. */
  days?: Readonly<Partial<Record<'told' | 'aware' | 'vendorAware', string>>>
}

/** After these somebody may be in the scope, or told, who was not before. */
const COUNTED_ANEW: ReadonlySet<string> = new Set(['opened', 'amendment', 'statement', 'notice-begun', 'notice-ended', 'notice-settled'])

/** What a clock hangs on or is judged by. Counts are not among it: they change by themselves. */
const MATTERS: ReadonlySet<string> = new Set(['opened', 'times', 'statement', 'mark', 'assessed', 'done', 'amendment'])

export function readClockRecord(rows: readonly ClockRow[], times: SaidTimes): ClockRecord {
  const of = <Body>(kind: string): (Body & Recorded)[] =>
    rows.filter((row) => row.kind === kind).map(({ row, at, body }) => ({ ...(body as Body), row, recordedAt: at }))
  const many = <Body>(kind: string, list: (body: unknown) => readonly Body[]): (Body & Recorded)[] =>
    rows.filter((row) => row.kind === kind).flatMap(({ row, at, body }) => list(body).map((each) => ({ ...each, row, recordedAt: at })))
  const stated = rows
    .filter(({ kind, body }) => kind === 'statement' && (body as { says?: string }).says === 'affected')
    .map(({ body }) => (body as { receivedAt: number }).receivedAt)
  return {
    times: timesOf(times),
    stated: stated.length === 0 ? undefined : Math.min(...stated),
    marks: of<MarkBody>('mark'),
    done: of<DoneBody>('done'),
    assessed: of<AssessedBody>('assessed'),
    survey: of<SurveyedBody>('surveyed').at(-1),
    surveys: of<SurveyedBody>('surveyed'),
    tellings: tellingsOf(rows),
    lastAmendment: rows.findLast(({ kind }) => kind === 'amendment')?.row ?? 0,
    started: many('clocks', (body) => (body as ClocksBody).clocks),
    warned: many('clock-warned', (body) => (body as ClockWarnedBody).warnings),
    signOffs: rows.filter(({ kind }) => kind === 'clocks-signed-off').map(signOffOf),
    lastScope: rows.findLast(({ kind }) => COUNTED_ANEW.has(kind))?.row ?? 0,
    lastMatter: rows.findLast(({ kind }) => MATTERS.has(kind))?.row ?? 0,
  }
}

/** As far as rows about notices matter here. */
interface NoticeBody {
  version: number
  recipients: number
  noAddress?: number
  sent?: number
  filed?: number
  failed?: number
  skipped?: number
  unknown?: number
  as?: string
}

function tellingsOf(rows: readonly ClockRow[]): Telling[] {
  const tellings: Telling[] = []
  for (const { row, at, kind, body } of rows) {
    const { version, recipients, noAddress = 0, ...said } = body as NoticeBody
    const telling = tellings.findLast((each) => each.version === version)
    if (kind === 'notice-begun') tellings.push({ version, row, noAddress, ended: undefined })
    else if (telling === undefined) continue
    else if (kind === 'notice-ended') {
      const { sent = 0, filed = 0, failed = 0, skipped = 0, unknown = 0 } = said
      telling.ended = { row, recordedAt: at, recipients, told: sent + filed, failed, skipped, unknown }
      // Some of it goes again.
    } else if (kind === 'notice-settled' && said.as !== 'sent') telling.ended = undefined
  }
  return tellings
}

function signOffOf({ row, at, body, texts }: ClockRow): ClockSignOff {
  const { as, upTo } = body as ClocksSignedBody
  const text = (name: string): string => (typeof texts?.[name] === 'string' ? (texts[name] as string) : '')
  return { row, recordedAt: at, as, upTo, name: text('name'), reason: text('reason') }
}

function timesOf({ told, aware, vendorAware, days }: SaidTimes): ClockRecord['times'] {
  const time = (at: number | null, dayIn: string | undefined): KnownTime | undefined =>
    at === null ? undefined : { at, dayIn: dayIn ?? null }
  const found = {
    told: time(told, days?.told),
    aware: time(aware, days?.aware),
    'vendor-aware': time(vendorAware, days?.vendorAware),
  }
  return Object.fromEntries(Object.entries(found).filter(([, known]) => known !== undefined))
}

/** Counsel's signature that covers what stands there now. */
export function standingReview({ signOffs, lastMatter }: Pick<ClockRecord, 'signOffs' | 'lastMatter'>): ClockSignOff | undefined {
  return signOffs.findLast(({ as, upTo }) => as === 'counsel' && upTo >= lastMatter)
}
