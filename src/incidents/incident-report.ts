/**
 * What is said of an incident to a regulator, a board or an auditor. It holds no names of people and nothing that people wrote
 * freely: those who read it elsewhere have no record of looks. Its words are the ones that counsel reads (docs/SECURITY.md):
 * "may be affected", "was not among the fields that we sent", "not granted in policy versions p..q and in no entry 1..N".
 */
import { BulkheadError } from '#base/errors.ts'
import { SINGLE_OPERATOR } from '#records/approvals.ts'
import type { Affected } from './affected.ts'
import type { Audience, NarrowedBody, ScopeBody } from './incident-bodies.ts'
import { currentScope, hasOutgrown, type IncidentState, type Statement, standingSignOff } from './incident-state.ts'
import { type Reconciled, spanText } from './reconcile.ts'
import { possibleConsequences } from './report-consequences.ts'
import type { TimelineEntry } from './timeline.ts'

export interface ReportParts {
  state: IncidentState
  audience: Audience
  /** IANA name of the zone that stands beside UTC; undefined: UTC alone. */
  zone: string | undefined
  madeAt: number
  /** undefined: the ledger could not be asked, and `why` says so. */
  affected: Affected | undefined
  why: string | undefined
  /** In the order of the state's statements. */
  reconciled: readonly Reconciled[]
  timeline: readonly TimelineEntry[]
  checkpoint: { size: number; root: string } | null
  /** A place outside has taken a checkpoint of this ledger. */
  isHeldElsewhere: boolean
  gaps: readonly string[]
  broken: readonly number[]
  clocks: readonly ReportClock[]
  /** Whether counsel has looked at the clocks, in words. */
  clocksReview: string
  /** As the configuration names it. */
  contact: ReportContact | undefined
  /** Events and profile updates in the scope; null: not counted. */
  records: number | null
}

/** GDPR Art. 33(3)(b): whom to ask. */
export interface ReportContact {
  company: string
  team: string
  mail: string | undefined
  hours: string | undefined
  dpo: string | undefined
}

/** A legal clock, as it is reported: rules and words of ours, nothing that people wrote. */
export interface ReportClock {
  regime: string
  rule: string
  basis: string
  law: string
  to: string
  whom: string
  state: string
  /** Nobody is known to live there, and nothing says that it binds the company. */
  isRemote: boolean
  startsAt: number | undefined
  dueAt: number | undefined
  doneAt: number | undefined
  why: readonly string[]
  assumed: readonly string[]
  source: string
  asOf: string
}

export interface Instants {
  utc: string
  local: string | null
}

export interface IncidentReport {
  incident: number
  vendor: string
  audience: Audience
  status: 'draft for counsel' | 'signed off'
  signOff: { as: string; at: Instants; upTo: number } | null
  madeAt: Instants
  zone: string | null
  heardFrom: string
  times: { eventFrom: Instants | null; eventTo: Instants | null; vendorAware: Instants | null; told: Instants; aware: Instants | null }
  scope: {
    version: number
    destinations: string[] | null
    surfaces: string[] | null
    accessWindow: string
    dataWindow: string
    people: number | null
    delivered: number | null
    possible: number | null
    /** Events and profile updates that were sent, about; null: not counted. */
    records: number | null
    groups: number | null
    organisations: Affected['organisations'] | null
    surfaceCounts: Affected['surfaces']
    jurisdictions: { jurisdiction: string; eu: boolean; people: number }[]
    /** Below the ledger, to whom a leaked file names; `leftOut`: whom the ledger has besides, as of now. */
    narrowed: { words: string; sha256: string; proposal: number; leftOut: number | null } | null
    /** Erased since: nobody can notify them. */
    erased: number | null
    withoutAddress: number | null
    ambiguousDevices: number | null
    notAsked: string | null
  }
  sent: { field: string; form: string; people: number }[]
  /** What these fields make possible; how likely it is, counsel says. */
  consequences: string[]
  contact: { company: string; team: string; mail: string | null; hours: string | null; dpo: string | null } | null
  notSent: { fields: string[]; words: string; grantedNotSent: string[]; freeText: string[] }
  checked: string
  baseline: string
  bypass: string
  upperBound: string
  ledgerGaps: string[]
  statements: {
    number: number
    says: string
    received: Instants
    sha256: string
    bytes: number
    reverses: number | null
    reconciled: Reconciled
  }[]
  amendments: {
    version: number
    at: Instants
    scope: string
    statement: number | null
    people: number | null
    added: number | null
    removed: number | null
  }[]
  evidence: { row: number; at: Instants; as: string; sha256: string; bytes: number }[]
  measures: { at: Instants; what: string }[]
  timeline: { at: Instants; what: string; detail: string }[]
  clocks: {
    review: string
    all: (Omit<ReportClock, 'startsAt' | 'dueAt' | 'doneAt'> & Record<'starts' | 'due' | 'done', Instants | null>)[]
  }
  checkpoint: { size: number; root: string } | null
  record: { rows: number; broken: number[]; hold: boolean }
  limits: string[]
}

export function makeReport(parts: ReportParts): IncidentReport {
  const { state, affected, audience, checkpoint } = parts
  const when = clockOf(parts.zone)
  const maybe = (instant: number | null): Instants | null => (instant === null ? null : when(instant))
  const standing = standingSignOff(state)
  const signOff = standing === undefined || hasOutgrown(standing, affected?.subjects) ? undefined : standing
  const { version, scope } = currentScope(state)
  const { eventFrom, eventTo, vendorAware, told, aware } = state.times
  return {
    incident: state.id,
    vendor: state.vendor,
    audience,
    status: signOff === undefined ? 'draft for counsel' : 'signed off',
    signOff: signOff === undefined ? null : { as: signOff.as, at: when(signOff.at), upTo: signOff.upTo },
    madeAt: when(parts.madeAt),
    zone: parts.zone ?? null,
    heardFrom: state.source,
    times: { eventFrom: maybe(eventFrom), eventTo: maybe(eventTo), vendorAware: maybe(vendorAware), told: when(told), aware: maybe(aware) },
    scope: {
      version,
      destinations: scope.destinations,
      surfaces: scope.surfaces,
      accessWindow: spanText(scope.accessFrom, scope.accessTo),
      dataWindow: spanText(scope.from, scope.to),
      people: affected?.subjects ?? null,
      delivered: affected?.delivered ?? null,
      possible: affected?.possible ?? null,
      records: parts.records,
      groups: affected?.groups ?? null,
      organisations: affected?.organisations ?? null,
      surfaceCounts: [...(affected?.surfaces ?? [])],
      jurisdictions: (affected?.jurisdictions ?? []).map(({ jurisdiction, eu, subjects }) => ({ jurisdiction, eu, people: subjects })),
      narrowed: narrowedOf(scope, affected),
      erased: affected?.erased ?? null,
      withoutAddress: affected?.withoutAddress ?? null,
      ambiguousDevices: affected?.ambiguousDevices ?? null,
      notAsked: affected === undefined ? (parts.why ?? 'the ledger could not be asked') : null,
    },
    sent: (affected?.fields ?? []).map(({ field, form, subjects }) => ({ field, form, people: subjects })),
    consequences: possibleConsequences(affected?.fields ?? [], affected?.checked.freeText.map(({ field }) => field) ?? []),
    contact: contactOf(parts.contact),
    notSent: notSentOf(affected),
    checked: checkedOf(affected),
    baseline: baselineOf(affected),
    bypass: bypassOf(state),
    upperBound: boundOf(affected),
    ledgerGaps: [...parts.gaps],
    statements: state.statements.map((statement, index) => statementOf(statement, parts.reconciled[index] as Reconciled, when)),
    amendments: state.scopes.slice(1).map((each) => ({
      version: each.version,
      at: when(each.at),
      scope: scopeText(each.scope),
      statement: each.statement,
      people: each.counted?.subjects ?? null,
      added: each.counted?.added ?? null,
      removed: each.counted?.removed ?? null,
    })),
    evidence: state.evidence.map(({ row, at, as, sha256, bytes }) => ({ row, at: when(at), as, sha256, bytes })),
    measures: parts.timeline.filter(({ what }) => MEASURES.has(what)).map(({ at, detail }) => ({ at: when(at), what: detail })),
    timeline: parts.timeline.map(({ at, what, detail }) => ({ at: when(at), what, detail })),
    clocks: { review: parts.clocksReview, all: parts.clocks.map((clock) => clockIn(clock, when)) },
    checkpoint,
    record: { rows: state.events.length, broken: [...parts.broken], hold: state.holds.length > 0 },
    limits: limitsOf(parts),
  }
}

const MEASURES: ReadonlySet<string> = new Set([
  ...['cut', 'restored', 'retired', 'held', 'released', 'notice_begun', 'notice_ended'],
  ...['credential_replaced', 'deletion_asked', 'deletion_said_done'],
])

function contactOf(contact: ReportContact | undefined): IncidentReport['contact'] {
  if (contact === undefined) return null
  const { company, team, mail = null, hours = null, dpo = null } = contact
  return { company, team, mail, hours, dpo }
}

function clockIn(
  { startsAt, dueAt, doneAt, ...rest }: ReportClock,
  when: (at: number) => Instants,
): IncidentReport['clocks']['all'][number] {
  const maybe = (at: number | undefined): Instants | null => (at === undefined ? null : when(at))
  return { ...rest, starts: maybe(startsAt), due: maybe(dueAt), done: maybe(doneAt) }
}

function notSentOf(affected: Affected | undefined): IncidentReport['notSent'] {
  if (affected === undefined) return { fields: [], words: 'the ledger could not be asked', grantedNotSent: [], freeText: [] }
  const { policies, entries, grantedNotSent, freeText } = affected.checked
  const granted = policies === null ? '' : `not granted in policy versions ${policies.from}..${policies.to} and `
  return {
    // Of those that were granted only the second half holds; they stand apart.
    fields: affected.notSent.filter((field) => !grantedNotSent.includes(field)),
    words: `was not among the fields that we sent: ${granted}in no entry 1..${entries} of this scope`,
    grantedNotSent: [...grantedNotSent],
    freeText: [...new Set(freeText.map(({ field, form }) => `${field} (${form})`))],
  }
}

function checkedOf(affected: Affected | undefined): string {
  if (affected === undefined) return 'nothing: the ledger could not be asked'
  const { entries, policies } = affected.checked
  return `ledger entries 1..${entries}${policies === null ? '' : `, policy versions ${policies.from}..${policies.to}`}`
}

function baselineOf(affected: Affected | undefined): string {
  const kind = affected?.baseline ?? 'unknown'
  if (kind === 'none') return 'none: the vendor held nothing of ours before Bulkhead, as was stated here'
  const before = affected?.beforeBulkhead ?? null
  if (before === null) return 'unknown: what the vendor held before Bulkhead is not in these figures'
  const { subjects, onlyBaseline, declaredPeople, complete, unmatchedRows, fields, inScope } = before
  const people =
    subjects === null
      ? `${declaredPeople ?? 'an unknown number of'} people, whom nobody names`
      : `${subjects} people known here, about ${onlyBaseline ?? 0} of whom nothing was sent in this scope; ${unmatchedRows} rows of others`
  const what = fields.length === 0 ? 'fields not stated' : `fields: ${[...new Set(fields.map(({ field }) => field))].join(', ')}`
  const whole = kind === 'imported' ? `, ${complete ? 'stated to be all that it held' : 'not stated to be all that it held'}` : ''
  return `${kind}${whole}: ${people}; ${what}; not in the figures above${inScope ? '' : '; outside of this scope'}`
}

function bypassOf(state: IncidentState): string {
  const base = 'Data that reached the vendor without passing through Bulkhead is outside of the ledger. No sensor for such traffic is armed'
  const last = state.matches.at(-1)
  if (last === undefined || last.notSentThroughBulkhead === 0) return `${base}.`
  return `${base}; of the data set that was matched, ${last.notSentThroughBulkhead} of ${last.rows} rows were not sent through Bulkhead (bypass, older data, another breach or fabrication).`
}

function boundOf(affected: Affected | undefined): string {
  if (affected === undefined) return 'not known'
  return affected.upperBound
    ? 'nobody else can be in what the vendor held of this scope'
    : `no upper bound: ${affected.upperBoundReason ?? ''}`
}

function statementOf(
  statement: Statement,
  reconciled: Reconciled,
  when: (instant: number) => Instants,
): IncidentReport['statements'][number] {
  const { number, says, receivedAt, evidence, reverses } = statement
  return { number, says, received: when(receivedAt), sha256: evidence.sha256, bytes: evidence.bytes, reverses, reconciled }
}

/** Who the two people are stands in the record of the incident: a report names nobody. */
function narrowedOf({ narrowed }: ScopeBody, affected: Affected | undefined): IncidentReport['scope']['narrowed'] {
  if (narrowed === undefined) return null
  const { file, approval: proposal } = narrowed
  const leftOut = affected?.leftOut ?? null
  const people = leftOut === null ? 'how many more the ledger has could not be asked' : `${leftOut} more are in the ledger of this scope`
  const words = `below the ledger, to the people whom a leaked file names by pseudonyms of ours (${letBy(narrowed)}); ${people}`
  return { words, sha256: file.sha256, proposal, leftOut }
}

function letBy({ approval, approvedBy }: NarrowedBody): string {
  const by =
    approvedBy === SINGLE_OPERATOR ? 'by a single operator after the delay, without a second person' : 'and approved by a second person'
  return `proposal ${approval}, ${approvedBy === SINGLE_OPERATOR ? 'made' : 'proposed by one'} ${by}`
}

export function scopeText({ destinations, surfaces, accessFrom, accessTo, from, to, narrowed }: ScopeBody): string {
  const names = (list: string[] | null, all: string): string => (list === null ? all : list.join(', '))
  return [
    `destinations: ${names(destinations, 'all')}`,
    `surfaces: ${names(surfaces, 'all')}`,
    `access window: ${spanText(accessFrom, accessTo)}`,
    `data window: ${spanText(from, to)}`,
    ...(narrowed === undefined
      ? []
      : [`narrowed below the ledger to a leaked file, SHA-256 ${narrowed.file.sha256}: ${narrowed.leftOut} left out (${letBy(narrowed)})`]),
  ].join('; ')
}

function limitsOf({ state, affected, checkpoint, isHeldElsewhere, gaps, broken }: ReportParts): string[] {
  const signOff = standingSignOff(state)
  return [
    'That a vendor was breached does not say that every record was read: people "may be affected" when data about them was sent.',
    'The ledger bounds what the vendor can have lost through Bulkhead, and nothing else.',
    ...(checkpoint === null
      ? ['There is no checkpoint of the ledger yet: it is tamper-evident against anyone without the signing key, not against ourselves.']
      : [
          isHeldElsewhere
            ? 'The ledger is tamper-evident against anyone without the signing key, and against ourselves since the last checkpoint held elsewhere.'
            : 'No checkpoint of the ledger is held elsewhere: it is tamper-evident against anyone without the signing key, not against ourselves.',
        ]),
    ...(signOff !== undefined && hasOutgrown(signOff, affected?.subjects)
      ? [
          `People grew since the sign-off, by what was sent meanwhile: ${signOff.people} then, ${affected?.subjects} now. It is a draft again.`,
        ]
      : []),
    ...(signOff === undefined
      ? []
      : [`The sign-off covers rows 1..${signOff.upTo} of the record; figures of the ledger are those of when this was made.`]),
    ...(affected !== undefined && affected.possible > 0
      ? ['"Possible" means that nobody knows whether it arrived; it is counted against the vendor.']
      : []),
    ...(currentScope(state).scope.narrowed === undefined
      ? []
      : ['The scope was narrowed below the ledger: that a file does not name somebody does not say that nobody read what it left out.']),
    ...gaps.map((gap) => `A restore lost part of the ledger: ${gap}`),
    ...(broken.length === 0 ? [] : [`Rows ${broken.join(', ')} of the record of this incident are not as they were signed.`]),
  ]
}

/** Throws `incident_invalid` for a zone that there is not. */
export function clockOf(zone: string | undefined): (instant: number) => Instants {
  if (zone === undefined) return (instant) => ({ utc: new Date(instant).toISOString(), local: null })
  const format = formatFor(zone)
  return (instant) => {
    const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]))
    const local = `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second} ${part.timeZoneName}`
    return { utc: new Date(instant).toISOString(), local }
  }
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  const two = '2-digit'
  const shape = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const
  try {
    return new Intl.DateTimeFormat('en-GB', { ...shape, timeZone, hourCycle: 'h23', timeZoneName: 'longOffset' })
  } catch (cause) {
    throw new BulkheadError('incident_invalid', `there is no zone ${JSON.stringify(timeZone.slice(0, 40))}; name one like Europe/Dublin`, {
      cause,
    })
  }
}
