/**
 * What the staff API and the command line's `--json` say, as schemas: server, command line and the published files in
 * docs/schemas are made from the same definitions. Instants are ISO 8601 UTC text.
 */
import { type Static, type TSchema, Type } from 'typebox'
import { FORMS } from '#model/field.ts'
import { AffectedPersonLine, LatestCheckpoint, OrganisationAnswerLine, scopeAnswer, scopeRequest } from './affected-contract.ts'
import { BaselineAnswer } from './baseline-contract.ts'
import { BackupAnswer, LedgerGaps, RestoreAnswer } from './backup-contract.ts'
import {
  PolicyApplyAnswer,
  PolicyApproveAnswer,
  PolicyExplainAnswer,
  PolicyPlanAnswer,
  PolicyProposeAnswer,
  PolicyShowAnswer,
} from './policy-contract.ts'
import { SIGNAL_SCHEMAS } from './signal-contract.ts'
import { CLOCK_SCHEMAS } from './clock-contract.ts'
import { AffectedIncident, INCIDENT_SCHEMAS } from './incident-contract.ts'
import { DrillAnswer } from './drill-contract.ts'
import { LINE_SCHEMAS } from './line-contract.ts'
import { NOTICE_CHECK_SCHEMAS } from './notice-check-contract.ts'
import { RiskAnswer } from './risk-contract.ts'
import { DoctorAnswer } from './doctor-contract.ts'
import { ERASURE_SCHEMAS } from './erase-contract.ts'
import { STATEMENT_SCHEMAS } from './statement-contract.ts'
import { LEDGER_SCHEMAS } from './ledger-contract.ts'
import { OPERATOR_SCHEMAS } from './operator-contract.ts'
import { NOTICE_SCHEMAS } from './notice-contract.ts'
import { CredentialsToRotate, FLOW_STATES, LEAVING_SCHEMAS, leavingOfVendor } from './leaving-contract.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

// ------------------------------------------------------------------------------------------------------- errors

export const ErrorAnswer = Type.Object(
  {
    error: Type.Object(
      { code: Type.String({ pattern: '^[a-z_]+$', description: 'see docs/errors.md' }), message: Type.String(), hint: Type.String() },
      closed,
    ),
  },
  { ...closed, title: 'An error, on stderr with --json, and as the body of a refused request' },
)

// ------------------------------------------------------------------------------------------------------ vendors

const State = Type.Enum([...FLOW_STATES])

const vendorSummary = {
  vendor: Type.String(),
  name: Type.String(),
  configured: Type.Boolean({ description: 'false: known from the records only, nothing is sent to it' }),
  state: State,
  fence: Count,
  changedAt: nullable(Instant),
  actor: nullable(Type.String()),
  reason: nullable(Type.String()),
  destinations: Type.Array(
    Type.Object({ destination: Type.String(), protocol: Type.String(), url: nullable(Type.String()), policy: Count }, closed),
  ),
}

export const VendorListAnswer = Type.Object(
  { vendors: Type.Array(Type.Object(vendorSummary, closed)) },
  { ...closed, title: 'bulkhead vendor list --json' },
)

const GrantAnswer = Type.Object(
  {
    field: Type.String(),
    form: Type.Enum([...FORMS]),
    purpose: Type.String(),
    until: nullable(Type.Integer({ description: 'UTC milliseconds' })),
    rule: Type.String(),
    reason: Type.Optional(Type.String()),
    approval: Type.Optional(Type.Object({ id: Type.Integer(), proposedBy: Type.String(), approvedBy: Type.String() }, closed)),
  },
  closed,
)

export const VendorShowAnswer = Type.Object(
  {
    ...vendorSummary,
    policy: nullable(
      Type.Object(
        {
          version: Count,
          appliedAt: Instant,
          destinations: Type.Array(
            Type.Object(
              {
                destination: Type.String(),
                grants: Type.Array(GrantAnswer),
                events: Type.Array(Type.String()),
                properties: Type.Array(Type.String()),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    ),
    held: Type.Array(Type.Object({ destination: Type.String(), events: Count, since: Instant }, closed), {
      description: 'events that will be sent from the warehouse, since the destination stayed away for longer than the log waits',
    }),
    ...leavingOfVendor,
    baseline: Type.Object(
      { kind: Type.Enum(['unknown', 'none', 'declared', 'imported']), saidAt: nullable(Instant), people: nullable(Count) },
      { ...closed, description: 'what it held before Bulkhead; more by `vendor baseline`' },
    ),
    history: Type.Array(Type.Object({ state: State, fence: Count, at: Instant, actor: Type.String(), reason: Type.String() }, closed)),
  },
  { ...closed, title: 'bulkhead vendor show V --json' },
)

export const VendorCutAnswer = Type.Object(
  {
    vendor: Type.String(),
    cutAt: Instant,
    fencedWorkers: Type.Integer({ minimum: 0, description: 'workers that confirmed the fence or are gone' }),
    unfenced: Type.Array(Type.String(), { description: 'workers that neither confirmed nor died; not empty: exit 1' }),
    heldEvents: Type.Integer({ minimum: 0, description: 'events that wait and do not go while the vendor is cut' }),
    credentials: CredentialsToRotate,
  },
  { ...closed, title: 'bulkhead vendor cut V --json' },
)

export const VendorRestoreAnswer = Type.Object(
  { vendor: Type.String(), restoredAt: Instant, heldEvents: Count },
  { ...closed, title: 'bulkhead vendor restore V --json' },
)

export const FlowChangeRequest = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1000 })) }, closed)

// -------------------------------------------------------------------------------------------- people in incidents

const Reason = Type.String({ maxLength: 1000 })
const FieldFormAnswer = Type.Object({ field: Type.String(), form: Type.Enum(['clear', 'coarse', 'pseudonym', 'alias']) }, closed)

const DisclosureAnswer = Type.Object(
  {
    vendor: Type.String(),
    destination: Type.String(),
    epoch: Count,
    surface: Type.String(),
    fields: Type.Array(FieldFormAnswer),
    first: Instant,
    last: Instant,
    sentFirst: Instant,
    sentLast: Instant,
    events: Count,
    purpose: Type.String(),
    states: Type.Object({ delivered: Count, possible: Count }, { ...closed, description: 'events by what is known of their arrival' }),
  },
  closed,
)

const personDisclosures = {
  subject: Type.String({ description: 'staff-view pseudonym, equal in all commands of one instance' }),
  disclosures: Type.Array(DisclosureAnswer),
  notSent: Type.Array(Type.String(), { description: 'fields about people that were not among the fields sent' }),
}

export const WhoRequest = Type.Object({ query: Type.String({ minLength: 1, maxLength: 2048 }), reason: Type.Optional(Reason) }, closed)

export const WhoAnswer = Type.Object(
  {
    ...personDisclosures,
    searched: Type.Array(Type.String()),
    checked: Type.Object({ checkpoint: LatestCheckpoint }, closed),
    ledgerGaps: LedgerGaps,
    others: Type.Optional(
      Type.Array(Type.Object(personDisclosures, closed), { description: 'further people who match the same address or id' }),
    ),
  },
  { ...closed, title: 'bulkhead who X --json' },
)

export const AffectedRequest = Type.Object(
  {
    vendor: Type.String({ minLength: 1 }),
    destination: Type.Optional(Type.String({ minLength: 1 })),
    accessFrom: Type.Optional(Type.String()),
    accessTo: Type.Optional(Type.String()),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    list: Type.Optional(Type.Boolean({ description: 'answer as NDJSON: a person a line, then a line {"affected"} or {"error"}' })),
    identities: Type.Optional(Type.Boolean()),
    reason: Type.Optional(Reason),
    ...scopeRequest,
  },
  closed,
)

/** People who did `steps` in this order within `withinDays` of the first, by events of the last `days`. */
export const FunnelRequest = Type.Object(
  {
    steps: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 8 }),
    days: Type.Integer({ minimum: 1, maximum: 400 }),
    withinDays: Type.Integer({ minimum: 1, maximum: 400 }),
  },
  closed,
)

const WindowAnswer = Type.Object({ from: nullable(Instant), to: nullable(Instant) }, closed)

export const AffectedAnswer = Type.Object(
  {
    vendor: Type.String(),
    destination: nullable(Type.String()),
    subjects: Type.Integer({ minimum: 0, description: 'people who may be affected: delivered + possible' }),
    delivered: Count,
    possible: Count,
    leftOut: Type.Optional(
      Type.Integer({ minimum: 0, description: 'people whom the ledger has besides; absent where no file narrows the scope' }),
    ),
    ambiguousDevices: Count,
    groups: Type.Integer({
      minimum: 0,
      description: 'groups that were named in what was sent; memberships that only the directory knows do not count',
    }),
    fields: Type.Array(Type.Object({ ...FieldFormAnswer.properties, subjects: Count, delivered: Count }, closed)),
    notSent: Type.Array(Type.String()),
    windows: Type.Object({ access: WindowAnswer, data: WindowAnswer }, closed),
    upperBound: Type.Boolean(),
    upperBoundReason: nullable(Type.String()),
    ledgerGaps: LedgerGaps,
    ...scopeAnswer,
    incident: AffectedIncident,
  },
  { ...closed, title: 'bulkhead incident affected --json' },
)

// ---------------------------------------------------------------------------------------------------- directory

const DirectoryRowSchema = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 1024 }),
    email: Type.Optional(Type.String({ maxLength: 320 })),
    name: Type.Optional(Type.String({ maxLength: 1024 })),
    phone: Type.Optional(Type.String({ maxLength: 64 })),
    country: Type.Optional(Type.String({ maxLength: 64 })),
    region: Type.Optional(Type.String({ maxLength: 64 })),
    language: Type.Optional(Type.String({ maxLength: 64 })),
    groups: Type.Array(
      Type.Object(
        {
          key: Type.String({ minLength: 1, maxLength: 255 }),
          value: Type.String({ minLength: 1, maxLength: 1024 }),
          admin: Type.Boolean(),
        },
        closed,
      ),
    ),
  },
  closed,
)

export const DirectoryRequest = Type.Object(
  {
    namespace: Type.String({ minLength: 1, maxLength: 64 }),
    reason: Type.Optional(Reason),
    rows: Type.Array(DirectoryRowSchema, { maxItems: 10_000 }),
  },
  closed,
)

export const DirectoryAnswer = Type.Object(
  { rows: Count, newPeople: Count, facts: Count },
  { ...closed, title: 'bulkhead directory import FILE --json' },
)

// ------------------------------------------------------------------------------------------------------- status

export type VendorList = Static<typeof VendorListAnswer>
export type VendorShow = Static<typeof VendorShowAnswer>
export type VendorCut = Static<typeof VendorCutAnswer>
export type VendorRestore = Static<typeof VendorRestoreAnswer>
export type WhoBody = Static<typeof WhoRequest>
export type WhoResult = Static<typeof WhoAnswer>
export type AffectedBody = Static<typeof AffectedRequest>
export type AffectedResult = Static<typeof AffectedAnswer>
export type AffectedLine = Static<typeof AffectedPersonLine>
export type FunnelBody = Static<typeof FunnelRequest>
export type DirectoryBody = Static<typeof DirectoryRequest>
export type DirectoryResult = Static<typeof DirectoryAnswer>
export type Doctor = Static<typeof DoctorAnswer>
export type FlowChange = Static<typeof FlowChangeRequest>

export const ROUTES = {
  health: '/healthz',
  metrics: '/metrics',
  doctor: '/v1/doctor',
  vendors: '/v1/vendors',
  who: '/v1/who',
  statement: '/v1/who/statement',
  sendCheckpoint: '/v1/ledger/checkpoint/send',
  erase: '/v1/erase',
  holds: '/v1/holds',
  keys: '/v1/keys',
  affected: '/v1/incidents/affected',
  directory: '/v1/directory/import',
  backup: '/v1/backup',
  funnel: '/v1/query/funnel',
  policy: '/v1/policy',
  risk: '/v1/policy/risk',
  ledger: '/v1/ledger',
  operators: '/v1/operators',
  approvals: '/v1/approvals',
} as const

/** File name → text of the schemas that docs/schemas publishes. */
export function commandSchemas(): Record<string, string> {
  const schemas: Record<string, TSchema> = {
    error: ErrorAnswer,
    'vendor-list': VendorListAnswer,
    'vendor-show': VendorShowAnswer,
    'vendor-cut': VendorCutAnswer,
    'vendor-restore': VendorRestoreAnswer,
    'vendor-baseline': BaselineAnswer,
    who: WhoAnswer,
    'incident-affected': AffectedAnswer,
    'incident-affected-line': AffectedPersonLine,
    'incident-organisation-line': OrganisationAnswerLine,
    'directory-import': DirectoryAnswer,
    'policy-show': PolicyShowAnswer,
    'policy-plan': PolicyPlanAnswer,
    'policy-apply': PolicyApplyAnswer,
    'policy-explain': PolicyExplainAnswer,
    'policy-propose': PolicyProposeAnswer,
    'policy-approve': PolicyApproveAnswer,
    backup: BackupAnswer,
    restore: RestoreAnswer,
    ...ERASURE_SCHEMAS,
    ...STATEMENT_SCHEMAS,
    ...LEDGER_SCHEMAS,
    ...OPERATOR_SCHEMAS,
    ...INCIDENT_SCHEMAS,
    ...CLOCK_SCHEMAS,
    ...SIGNAL_SCHEMAS,
    ...NOTICE_SCHEMAS,
    ...NOTICE_CHECK_SCHEMAS,
    ...LEAVING_SCHEMAS,
    doctor: DoctorAnswer,
    'policy-risk': RiskAnswer,
    ...LINE_SCHEMAS,
    drill: DrillAnswer,
  }
  const draft = { $schema: 'http://json-schema.org/draft-07/schema#' }
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [`${name}.schema.json`, `${JSON.stringify({ ...draft, ...schema }, null, 2)}\n`]),
  )
}
