/** Everything that happened, at the time at which it happened, and beside it when it was written down here. */
import type {
  OpenedBody,
  SignOffBody,
  StatementBody,
  AmendmentBody,
  EvidenceBody,
  ReportedBody,
  MatchBody,
  CountedBody,
} from './incident-bodies.ts'
import type { FlowState } from '#records/port.ts'
import { clockEntry } from './clock-timeline.ts'
import { type Event, type IncidentState, noteOf, textOf } from './incident-state.ts'
import { noticeEntry } from './notice-timeline.ts'

export interface TimelineEntry {
  /** UTC ms. */
  at: number
  /** null: nobody wrote it down; it follows from what was said. */
  recordedAt: number | null
  what: string
  /** In words of our own, without anything that people wrote. */
  detail: string
  /** What people wrote; it may name somebody. */
  text: string
  by: string | null
  row: number | null
}

/** A cut or restore of the vendor's flow, or its end. */
export interface FlowChange {
  state: FlowState
  changedAt: number
  actor: string
  reason: string
}

/** A code of a notice that many networks tried within a day. */
export interface SpreadCode {
  version: number
  at: number
  networks: number
}

/** What was done about the vendor beside its flow. */
export interface VendorStep {
  at: number
  what: 'credential_replaced' | 'deletion_asked' | 'deletion_said_done'
  detail: string
  /** What people wrote. */
  text: string
  by: string | null
}

export function timeline(
  state: IncidentState,
  flows: readonly FlowChange[],
  spread: readonly SpreadCode[] = [],
  steps: readonly VendorStep[] = [],
): TimelineEntry[] {
  const { eventFrom, eventTo, vendorAware, told, aware } = state.times
  const happened = (at: number | null, what: string, detail: string): TimelineEntry[] =>
    at === null ? [] : [{ at, recordedAt: null, what, detail, text: '', by: null, row: null }]
  const entries = [
    ...happened(eventFrom, 'vendor_event_began', 'as far as is known, it began at the vendor'),
    ...happened(eventTo, 'vendor_event_ended', 'as far as is known, it ended at the vendor'),
    ...happened(vendorAware, 'vendor_aware', 'the vendor became aware'),
    ...happened(told, 'told', TOLD[state.source]),
    ...happened(aware, 'aware', 'we became aware ourselves'),
    ...state.events.flatMap((event) => entryOf(event, state)),
    ...changesOf(flows).map(({ state: flow, changedAt, actor, reason }): TimelineEntry => {
      const [what, detail] = FLOWS[flow]
      return { at: changedAt, recordedAt: changedAt, what, detail, text: reason, by: actor, row: null }
    }),
  ]
  for (const step of steps) entries.push({ ...step, recordedAt: step.at, row: null })
  for (const { version, at, networks } of spread) {
    const detail = `a code of notice version ${version} was tried from ${networks} networks within a day: copies of it may be going around`
    entries.push({ at, recordedAt: at, what: 'notice_code_spread', detail, text: '', by: null, row: null })
  }
  return entries.sort((a, b) => a.at - b.at || (a.row ?? 0) - (b.row ?? 0))
}

/** A leaving is repeated until it is whole, and the vendor was left once: what was done again stands in its own history. */
function changesOf(flows: readonly FlowChange[]): FlowChange[] {
  const inOrder = flows.toSorted((a, b) => a.changedAt - b.changedAt)
  return inOrder.filter(({ state }, index) => state !== 'retired' || inOrder[index - 1]?.state !== 'retired')
}

const FLOWS = {
  open: ['restored', 'the flow to the vendor was opened again'],
  cut: ['cut', 'the flow to the vendor was cut'],
  retired: ['retired', 'the vendor was left for good'],
} as const

const TOLD = {
  vendor: 'the vendor told us',
  signal: 'a signal of our own',
  press: 'the press told us',
  person: 'a person told us',
  us: 'we found it',
} as const

function openedText({ signal }: OpenedBody): string {
  return `the incident was opened${signal === undefined ? '' : ` from signal ${signal}`}, scope version 1`
}

function amendedText({ version, scope: { narrowed } }: AmendmentBody): string {
  if (narrowed === undefined) return `scope version ${version}`
  const { stay, leftOut, file, approval } = narrowed
  const kept = `${stay} people stay whom the data set ${file.sha256.slice(0, 16)}… names by grade A`
  return `scope version ${version}, narrowed below the ledger: ${kept}, ${leftOut} are left out; proposal ${approval}`
}

function entryOf(event: Event, state: IncidentState): TimelineEntry[] {
  const { row, at, actor: by, kind, texts } = event
  const entry = (detail: string, text = '', when = at): TimelineEntry[] => [
    { at: when, recordedAt: at, what: kind.replace('-', '_'), detail, text, by, row },
  ]
  const reason = textOf(texts, 'reason')
  switch (kind) {
    case 'opened':
      return entry(openedText(event.body as OpenedBody), state.title)
    case 'statement': {
      const { says, receivedAt } = event.body as StatementBody
      const statement = state.statements.find((each) => each.row === row)
      const reverses = statement?.reverses == null ? '' : `, which reverses statement ${statement.reverses}`
      return entry(`statement ${statement?.number ?? ''} of the vendor: ${says}${reverses}`, statement?.file ?? '', receivedAt)
    }
    case 'amendment':
      return entry(amendedText(event.body as AmendmentBody), reason)
    case 'counted': {
      const { version, subjects, added, removed } = event.body as CountedBody
      return entry(`scope version ${version} counted: ${subjects} people may be affected, ${added} added, ${removed} no more in it`)
    }
    case 'times':
      return entry('the times were stated anew', reason)
    case 'evidence':
      return entry(
        `evidence of ${(event.body as EvidenceBody).bytes} bytes`,
        [textOf(texts, 'file'), textOf(texts, 'note')].filter(Boolean).join(': '),
      )
    case 'match': {
      const { rows, people } = event.body as MatchBody
      return entry(`a data set of ${rows} rows was matched: ${people} people known here`, reason || textOf(texts, 'file'))
    }
    case 'note': {
      const { when, text } = noteOf(event)
      return entry('note', text, when)
    }
    case 'signed-off':
      return entry(`signed off as ${(event.body as SignOffBody).as}, up to row ${(event.body as SignOffBody).upTo}`, reason)
    case 'reported': {
      const { audience, draft } = event.body as ReportedBody
      return entry(`report for ${audience}${draft ? ', draft for counsel' : ''}`)
    }
    case 'closed':
      return entry('the incident was closed', reason)
    case 'reopened':
      return entry('the incident was opened again', reason)
    case 'held':
      return entry('erasures and the epochs of the vendor are held')
    case 'released':
      return entry('the hold was given back')
    default:
      return noticeEntry(event, entry, reason) ?? clockEntry(event, entry, reason)
  }
}
