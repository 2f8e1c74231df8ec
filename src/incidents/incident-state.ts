/** What the rows of an incident come to. Rows are read in order, and what a later one says stands beside the earlier. */
import type { IncidentRow, IncidentRowKind } from '#model/incident-row.ts'
import type { IncidentTexts } from '#vault/port.ts'
import type {
  AmendmentBody,
  CountedBody,
  EvidenceBody,
  HoldBody,
  IncidentSource,
  MatchBody,
  NoteBody,
  OpenedBody,
  ReportedBody,
  ScopeBody,
  SignOffBody,
  StatementBody,
  TimesBody,
} from './incident-bodies.ts'

interface Said {
  row: number
  at: number
  actor: string
}

export interface ScopeVersion extends Said {
  version: number
  scope: ScopeBody
  reason: string
  statement: number | null
  /** The newest count. */
  counted: CountedBody | undefined
}

export interface Statement extends Said, StatementBody {
  number: number
  file: string
  /** Fields that the statement names and our catalogue does not know. */
  otherFields: readonly string[]
  /** The earlier statement that said otherwise. */
  reverses: number | null
}

export interface Evidence extends Said, EvidenceBody {
  file: string
  note: string
  as: 'statement' | 'evidence' | 'match'
}

export interface Match extends Said, MatchBody {
  file: string
  /** Names of the columns that hold what was never sent. */
  columns: readonly string[]
}

export interface SignOff extends Said, SignOffBody {
  name: string
  reason: string
  /** False: something was added since that it does not cover. */
  stands: boolean
}

export interface Event extends Said {
  kind: IncidentRowKind
  body: unknown
  texts: IncidentTexts
}

export interface IncidentState {
  id: number
  vendor: string
  title: string
  source: IncidentSource
  openedAt: number
  state: 'open' | 'closed'
  times: TimesBody
  /** From version 1 on. */
  scopes: ScopeVersion[]
  statements: Statement[]
  evidence: Evidence[]
  matches: Match[]
  signOffs: SignOff[]
  reports: (Said & ReportedBody)[]
  /** Holds that were opened for it and not given back. */
  holds: number[]
  events: Event[]
}

/** Rows that say nothing of the matter itself, so that a sign-off before them still covers all. */
const ASIDE: ReadonlySet<IncidentRowKind> = new Set([
  'held',
  'released',
  'counted',
  'signed-off',
  'reported',
  'closed',
  'reopened',
  'surveyed',
  'clocks',
  'clock-warned',
  'clocks-signed-off',
  'notice-proposed',
  'notice-begun',
  'notice-ended',
  'notice-settled',
])

/** `texts` in the order of `rows`; without them titles and reasons are empty. */
export function readIncident(rows: readonly IncidentRow[], texts: readonly (IncidentTexts | undefined)[] = []): IncidentState {
  const [first] = rows
  if (first === undefined || first.kind !== 'opened') throw new TypeError('an incident begins with its opening')
  const opened = JSON.parse(first.body) as OpenedBody
  const state: IncidentState = {
    id: first.incident,
    vendor: opened.vendor,
    title: textOf(texts[0], 'title'),
    source: opened.source,
    openedAt: first.at,
    state: 'open',
    times: opened.times,
    scopes: [],
    statements: [],
    evidence: [],
    matches: [],
    signOffs: [],
    reports: [],
    holds: [],
    events: [],
  }
  for (const [index, row] of rows.entries()) {
    const event = { row: row.row, at: row.at, actor: row.actor, kind: row.kind, body: JSON.parse(row.body), texts: texts[index] ?? {} }
    state.events.push(event)
    READERS[row.kind]?.(state, event)
  }
  const upTo = lastMatter(state)
  for (const signOff of state.signOffs) signOff.stands = signOff.upTo >= upTo
  return state
}

const READERS: { [Kind in IncidentRowKind]?: (state: IncidentState, event: Event) => void } = {
  opened: (state, event) => {
    const { scope } = event.body as OpenedBody
    state.scopes.push({ ...said(event), version: 1, scope, reason: textOf(event.texts, 'reason'), statement: null, counted: undefined })
  },
  held: (state, event) => void state.holds.push((event.body as HoldBody).hold),
  released: (state, event) => {
    state.holds = state.holds.filter((hold) => hold !== (event.body as HoldBody).hold)
  },
  times: (state, event) => {
    state.times = event.body as TimesBody
  },
  statement: (state, event) => {
    const body = event.body as StatementBody
    const last = state.statements.findLast((before) => isDefinite(before.says))
    const number = state.statements.length + 1
    const reverses = last !== undefined && isDefinite(body.says) && last.says !== body.says ? last.number : null
    const file = textOf(event.texts, 'file')
    state.statements.push({ ...said(event), ...body, number, file, otherFields: textsOf(event.texts, 'otherFields'), reverses })
    state.evidence.push({ ...said(event), ...body.evidence, file, note: '', as: 'statement' })
  },
  amendment: (state, event) => {
    const body = event.body as AmendmentBody
    state.scopes.push({ ...said(event), ...body, reason: textOf(event.texts, 'reason'), counted: undefined })
  },
  counted: (state, event) => {
    const body = event.body as CountedBody
    const version = state.scopes.find((scope) => scope.version === body.version)
    if (version !== undefined) version.counted = body
  },
  evidence: (state, event) => {
    const texts = { file: textOf(event.texts, 'file'), note: textOf(event.texts, 'note') }
    state.evidence.push({ ...said(event), ...(event.body as EvidenceBody), ...texts, as: 'evidence' })
  },
  match: (state, event) => {
    const body = event.body as MatchBody
    const file = textOf(event.texts, 'file')
    state.matches.push({ ...said(event), ...body, file, columns: textsOf(event.texts, 'columns') })
    state.evidence.push({ ...said(event), ...body.evidence, file, note: '', as: 'match' })
  },
  'signed-off': (state, event) => {
    const body = event.body as SignOffBody
    const texts = { name: textOf(event.texts, 'name'), reason: textOf(event.texts, 'reason') }
    state.signOffs.push({ ...said(event), ...body, ...texts, stands: true })
  },
  reported: (state, event) => void state.reports.push({ ...said(event), ...(event.body as ReportedBody) }),
  closed: (state) => {
    state.state = 'closed'
  },
  reopened: (state) => {
    state.state = 'open'
  },
}

/** The last row that says something of the matter. */
export function lastMatter(state: Pick<IncidentState, 'events'>): number {
  return state.events.findLast(({ kind }) => !ASIDE.has(kind))?.row ?? 0
}

/** Counsel has signed what stands there now. */
export function standingSignOff(state: IncidentState): SignOff | undefined {
  return state.signOffs.findLast((signOff) => signOff.as === 'counsel' && signOff.stands)
}

/** More people than counsel has seen: events still flow into the scope. The signature covers the figures that it was given for. */
export function hasOutgrown({ people }: Pick<SignOff, 'people'>, peopleNow: number | undefined): boolean {
  return people !== undefined && peopleNow !== undefined && peopleNow > people
}

export function currentScope(state: IncidentState): ScopeVersion {
  return state.scopes.at(-1) as ScopeVersion
}

export function noteOf(event: Event): { when: number; text: string } {
  return { when: (event.body as NoteBody).when, text: textOf(event.texts, 'text') }
}

function isDefinite(says: StatementBody['says']): boolean {
  return says === 'affected' || says === 'not-affected'
}

function said({ row, at, actor }: Event): Said {
  return { row, at, actor }
}

export function textOf(texts: IncidentTexts | undefined, name: string): string {
  const text = texts?.[name]
  return typeof text === 'string' ? text : ''
}

function textsOf(texts: IncidentTexts, name: string): readonly string[] {
  const found = texts[name]
  return Array.isArray(found) ? (found as readonly string[]) : []
}
