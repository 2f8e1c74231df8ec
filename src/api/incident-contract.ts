/** What `incident …` says. Instants are ISO 8601 UTC text; null = not known, or open on that side. */
import { type Static, type TSchema, Type } from 'typebox'
import { VendorCredentials } from './leaving-contract.ts'
import { ClockAnswer as ClockShown } from './clock-contract.ts'
import { MATCH_SCHEMAS, MatchShown } from './match-contract.ts'
import { NARROW_SCHEMAS, Narrowed } from './narrow-contract.ts'
import { NoticeShown } from './notice-contract.ts'
import { AUDIENCES, SAYINGS, SIGNERS, SOURCES } from '#incidents/incident-bodies.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const Name = Type.String({ minLength: 1, maxLength: 64 })
const Names = Type.Array(Name, { maxItems: 100 })
const InstantText = Type.String({ maxLength: 40 })
const Reason = Type.String({ maxLength: 1000 })

// ------------------------------------------------------------------------------------------------------ requests

/** `open` on a side takes a bound away. */
const accessSides = { accessFrom: Type.Optional(InstantText), accessTo: Type.Optional(InstantText) }
const dataSides = { from: Type.Optional(InstantText), to: Type.Optional(InstantText) }
const times = {
  told: Type.Optional(InstantText),
  aware: Type.Optional(InstantText),
  vendorAware: Type.Optional(InstantText),
  eventFrom: Type.Optional(InstantText),
  eventTo: Type.Optional(InstantText),
}
const named = { surfaces: Type.Optional(Names), destinations: Type.Optional(Names) }
const why = { reason: Type.Optional(Reason) }

export const IncidentOpenRequest = Type.Object(
  {
    vendor: Name,
    ...times,
    told: InstantText,
    ...accessSides,
    ...named,
    ...why,
    title: Type.Optional(Type.String({ maxLength: 1000 })),
    source: Type.Optional(Type.Enum([...SOURCES])),
    signal: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
)
export const IncidentTimesRequest = Type.Object({ ...times, ...why }, closed)
export const IncidentAmendRequest = Type.Object(
  {
    ...named,
    only: Type.Optional(Type.Boolean()),
    ...accessSides,
    ...dataSides,
    ...why,
    statement: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Takes a narrowing to a file away. */
    wholeLedger: Type.Optional(Type.Boolean()),
  },
  closed,
)
/** In the header `bulkhead-claims`, as base64url of its JSON; the body is the file. */
export const IncidentStatementRequest = Type.Object(
  {
    file: Type.String({ maxLength: 4096 }),
    says: Type.Optional(Type.Enum([...SAYINGS])),
    received: Type.Optional(InstantText),
    ...accessSides,
    ...dataSides,
    fields: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 200 })),
    people: Type.Optional(Count),
    ...why,
  },
  closed,
)
export const IncidentEvidenceRequest = Type.Object(
  { file: Type.String({ maxLength: 4096 }), note: Type.Optional(Type.String({ maxLength: 2000 })), ...why },
  closed,
)
export const IncidentEvidenceOpenRequest = Type.Object({ reason: Reason }, closed)
export const IncidentNoteRequest = Type.Object({ text: Type.String({ maxLength: 2000 }), at: Type.Optional(InstantText) }, closed)
export const IncidentSignOffRequest = Type.Object(
  { as: Type.Enum([...SIGNERS]), name: Type.String({ minLength: 1, maxLength: 200 }), reason: Reason },
  closed,
)
export const IncidentReasonRequest = Type.Object({ reason: Reason }, closed)
export const IncidentReportRequest = Type.Object(
  { audience: Type.Enum([...AUDIENCES]), zone: Type.Optional(Type.String({ maxLength: 64 })), ...why },
  closed,
)
export const IncidentAffectedRequest = Type.Object(
  {
    version: Type.Optional(Type.Integer({ minimum: 1 })),
    added: Type.Optional(Type.Boolean()),
    list: Type.Optional(Type.Boolean()),
    organisations: Type.Optional(Type.Boolean()),
    identities: Type.Optional(Type.Boolean()),
    ...why,
  },
  closed,
)

// ------------------------------------------------------------------------------------------------------- answers

const Window = Type.Object({ from: nullable(Instant), to: nullable(Instant) }, closed)
const Windows = Type.Object({ access: Window, data: Window }, closed)
const scopeOf = { version: Count, destinations: nullable(Type.Array(Type.String())), surfaces: nullable(Type.Array(Type.String())) }

const Times = Type.Object(
  { event: Window, vendorAware: nullable(Instant), told: Instant, aware: nullable(Instant) },
  { ...closed, description: 'when it happened at the vendor, when the vendor knew, when we were told, when we knew ourselves' },
)

const Reconciled = Type.Object(
  {
    says: Type.String(),
    ledger: nullable(Type.String()),
    file: nullable(Type.String({ description: 'of the data set that was matched last; null: none was' })),
    differences: Type.Array(
      Type.Object(
        {
          about: Type.Enum(['affected', 'people', 'field', 'access window', 'data window', 'rows']),
          field: Type.Optional(Type.String()),
          says: nullable(Type.String()),
          ledger: nullable(Type.String()),
          file: nullable(Type.String()),
        },
        closed,
      ),
    ),
  },
  closed,
)

const Counted = Type.Object(
  {
    entries: Type.Integer({ minimum: 0, description: 'ledger entries 1..entries were looked at' }),
    subjects: Count,
    delivered: Count,
    possible: Count,
    added: Type.Integer({ minimum: 0, description: 'people that no earlier version had' }),
    removed: Type.Integer({ minimum: 0, description: 'people of the version before that this one has not' }),
  },
  closed,
)

const Amendment = Type.Object(
  {
    ...scopeOf,
    at: Instant,
    by: Type.String(),
    reason: Type.String(),
    statement: nullable(Type.Integer({ minimum: 1, description: 'the statement that shows a narrower data window' })),
    windows: Windows,
    narrowed: nullable(Narrowed),
    counted: nullable(Counted),
  },
  closed,
)

const Evidence = Type.Object(
  {
    row: Count,
    at: Instant,
    by: Type.String(),
    id: Type.String(),
    as: Type.Enum(['statement', 'evidence', 'match']),
    file: Type.String(),
    note: Type.String(),
    sha256: Type.String(),
    bytes: Count,
    match: Type.Optional(MatchShown),
  },
  closed,
)

const Statement = Type.Object(
  {
    number: Count,
    says: Type.Enum([...SAYINGS]),
    receivedAt: Instant,
    recordedAt: Instant,
    by: Type.String(),
    evidence: Type.Object({ id: Type.String(), sha256: Type.String(), bytes: Count, file: Type.String() }, closed),
    claims: Type.Object(
      {
        windows: Windows,
        fields: Type.Array(Type.String()),
        otherFields: Type.Array(Type.String(), { description: 'fields that it names and our catalogue does not know' }),
        people: nullable(Count),
      },
      closed,
    ),
    reverses: nullable(Type.Integer({ minimum: 1, description: 'the earlier statement that said otherwise; both are kept' })),
    reconciled: Reconciled,
  },
  closed,
)

const TimelineEntryAnswer = Type.Object(
  {
    at: Instant,
    recordedAt: nullable(Instant),
    what: Type.String(),
    detail: Type.String(),
    text: Type.String({ description: 'what people wrote' }),
    by: nullable(Type.String()),
    row: nullable(Count),
  },
  closed,
)

const Scope = Type.Object(
  {
    ...scopeOf,
    subjects: nullable(
      Type.Integer({ minimum: 0, description: 'people who may be affected, as of now; null: the ledger could not be asked' }),
    ),
    delivered: nullable(Count),
    possible: nullable(Count),
    narrowed: nullable(Narrowed),
    leftOut: nullable(Type.Integer({ minimum: 0, description: 'people whom the ledger has besides, as of now; null: not narrowed' })),
    affected: nullable(Type.Unknown({ description: 'the answer of `incident affected` as of now' })),
    unavailable: nullable(Type.String({ description: 'code of the error that kept the ledger from being asked' })),
  },
  closed,
)

const ReportState = Type.Object(
  {
    title: Type.String(),
    state: Type.Enum(['open', 'closed']),
    source: Type.Enum([...SOURCES]),
    status: Type.Enum(['draft for counsel', 'signed off']),
    signOffs: Type.Array(
      Type.Object(
        {
          as: Type.Enum([...SIGNERS]),
          name: Type.String(),
          reason: Type.String(),
          at: Instant,
          by: Type.String(),
          upTo: Type.Integer({ minimum: 1, description: 'last row that it covers' }),
          people: nullable(Type.Integer({ minimum: 0, description: 'in the scope when it was signed' })),
          stands: Type.Boolean({ description: 'false: something was added since, or people grew' }),
        },
        closed,
      ),
    ),
    made: Type.Array(
      Type.Object(
        { audience: Type.Enum([...AUDIENCES]), at: Instant, by: Type.String(), sha256: Type.String(), draft: Type.Boolean() },
        closed,
      ),
    ),
    holds: Type.Array(Count),
    credentials: VendorCredentials,
    rows: Type.Object({ count: Count, broken: Type.Array(Count, { description: 'rows that are not as they were signed' }) }, closed),
  },
  closed,
)

export const IncidentShowAnswer = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    vendor: Type.String(),
    times: Times,
    windows: Windows,
    statements: Type.Array(Statement),
    scope: Scope,
    amendments: Type.Array(Amendment),
    evidence: Type.Array(Evidence),
    timeline: Type.Array(TimelineEntryAnswer),
    report: ReportState,
    notices: Type.Array(NoticeShown),
    clocks: Type.Array(ClockShown, { description: 'legal clocks, as `incident clocks` gives them' }),
  },
  { ...closed, title: 'bulkhead incident show ID --json' },
)

/** Of which incident `incident affected` speaks. */
export const AffectedIncident = Type.Optional(
  Type.Object(
    {
      id: Type.Integer({ minimum: 1 }),
      version: Type.Integer({ minimum: 1, description: 'of the scope' }),
      added: nullable(Type.Integer({ minimum: 0, description: 'with --added: people that no earlier version had' })),
      narrowed: Type.Optional(Narrowed),
    },
    closed,
  ),
)

export const IncidentOpenAnswer = Type.Object({ id: Type.Integer({ minimum: 1 }) }, { ...closed, title: 'bulkhead incident open --json' })

export const IncidentListAnswer = Type.Object(
  {
    incidents: Type.Array(
      Type.Object(
        {
          id: Type.Integer({ minimum: 1 }),
          vendor: Type.String(),
          title: Type.String(),
          state: Type.Enum(['open', 'closed']),
          source: Type.Enum([...SOURCES]),
          told: Instant,
          openedAt: Instant,
          version: Count,
          statements: Count,
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'bulkhead incident list --json' },
)

const EvidenceIds = Type.Object({ id: Type.String(), sha256: Type.String(), bytes: Count }, closed)

export const IncidentStatementAnswer = Type.Object(
  {
    incident: Type.Integer({ minimum: 1 }),
    number: Type.Integer({ minimum: 1 }),
    evidence: EvidenceIds,
    reverses: nullable(Type.Integer({ minimum: 1 })),
    reconciled: Reconciled,
  },
  { ...closed, title: 'bulkhead incident statement ID --file F --json' },
)

export const IncidentEvidenceAnswer = Type.Object(
  { incident: Type.Integer({ minimum: 1 }), row: Count, evidence: EvidenceIds },
  { ...closed, title: 'bulkhead incident evidence add ID FILE --json' },
)

export const IncidentEvidenceFileAnswer = Type.Object(
  { id: Type.String(), sha256: Type.String(), bytes: Count, file: Type.String() },
  { ...closed, title: 'bulkhead incident evidence get ID EVIDENCE --out FILE --json' },
)

export const IncidentAmendAnswer = Type.Object(
  {
    incident: Type.Integer({ minimum: 1 }),
    ...scopeOf,
    windows: Windows,
    counted: nullable(Counted),
    unavailable: nullable(Type.String({ description: 'the amendment stands; code of the error that kept it from being counted' })),
  },
  { ...closed, title: 'bulkhead incident amend ID --json' },
)

export const IncidentRowAnswer = Type.Object(
  { incident: Type.Integer({ minimum: 1 }), row: Count, state: Type.Enum(['open', 'closed']) },
  { ...closed, title: 'bulkhead incident times|note|sign-off|close|reopen ID --json' },
)

export const IncidentReportAnswer = Type.Object(
  {
    report: Type.Unknown({ description: 'the report as data; docs/incidents.md names its parts' }),
    markdown: Type.String(),
    sha256: Type.String({ description: 'of the JSON text of `report`; it stands in the record of the incident' }),
  },
  { ...closed, title: 'bulkhead incident report ID --for AUDIENCE --json' },
)

export const INCIDENT_SCHEMAS = {
  ...MATCH_SCHEMAS,
  ...NARROW_SCHEMAS,
  'incident-open': IncidentOpenAnswer,
  'incident-list': IncidentListAnswer,
  'incident-show': IncidentShowAnswer,
  'incident-statement': IncidentStatementAnswer,
  'incident-evidence': IncidentEvidenceAnswer,
  'incident-evidence-get': IncidentEvidenceFileAnswer,
  'incident-amend': IncidentAmendAnswer,
  'incident-row': IncidentRowAnswer,
  'incident-report': IncidentReportAnswer,
}

export const INCIDENTS_ROUTE = '/v1/incidents'
export const CLAIMS_HEADER = 'bulkhead-claims'

export type IncidentOpenBody = Static<typeof IncidentOpenRequest>
export type IncidentTimesBody = Static<typeof IncidentTimesRequest>
export type IncidentAmendBody = Static<typeof IncidentAmendRequest>
export type IncidentNoteBody = Static<typeof IncidentNoteRequest>
export type IncidentSignOffBody = Static<typeof IncidentSignOffRequest>
export type IncidentReportBody = Static<typeof IncidentReportRequest>
export type IncidentAffectedBody = Static<typeof IncidentAffectedRequest>
export type IncidentShow = Static<typeof IncidentShowAnswer>
export type IncidentList = Static<typeof IncidentListAnswer>
export type IncidentOpened = Static<typeof IncidentOpenAnswer>
export type IncidentStatementResult = Static<typeof IncidentStatementAnswer>
export type IncidentEvidenceFile = Static<typeof IncidentEvidenceFileAnswer>
export type IncidentEvidenceResult = Static<typeof IncidentEvidenceAnswer>
export type IncidentAmendResult = Static<typeof IncidentAmendAnswer>
export type IncidentRowResult = Static<typeof IncidentRowAnswer>
export type IncidentReportResult = Static<typeof IncidentReportAnswer>
