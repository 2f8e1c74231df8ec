/** What `bulkhead policy …` asks and is answered; the same rules as in contract.ts. */
import { type Static, type TSchema, Type } from 'typebox'
import { FORMS } from '#model/field.ts'
import { CONSENT_BASES, SIGNAL_USES } from '#model/policy.ts'
import { POLICY_ORIGINS } from '#model/policy-statement.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })
const Name = Type.String({ minLength: 1, maxLength: 255 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const FormName = Type.Enum([...FORMS])

// ---------------------------------------------------------------------------------------------------- proposals

const Approved = Type.Object({ approved: Type.Array(Name) }, closed)

const rule = {
  basis: Type.Optional(Type.Enum([...CONSENT_BASES])),
  gpc: Type.Optional(Type.Enum([...SIGNAL_USES])),
  dnt: Type.Optional(Type.Enum([...SIGNAL_USES])),
  reason: Type.Optional(Type.String({ maxLength: 2048 })),
}
const RuleProposal = Type.Object({ purpose: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })), ...rule }, closed)

const GrantProposal = Type.Object(
  {
    field: Type.String({ minLength: 1, maxLength: 300 }),
    form: FormName,
    purpose: Type.String({ minLength: 1, maxLength: 2048 }),
    until: Type.Optional(Type.Integer()),
    reason: Type.Optional(Type.String({ maxLength: 2048 })),
  },
  closed,
)

export const PolicyProposalSchema = Type.Object(
  {
    store: Type.Optional(
      Type.Object(
        { events: Approved, properties: Approved, paths: Approved, referrers: Approved, consent: Type.Optional(RuleProposal) },
        closed,
      ),
    ),
    destinations: Type.Array(
      Type.Object(
        {
          id: Type.String({ minLength: 1, maxLength: 64 }),
          grants: Type.Optional(Type.Array(GrantProposal)),
          events: Approved,
          properties: Approved,
          consent: Type.Optional(Type.Array(RuleProposal)),
        },
        closed,
      ),
    ),
    consent: Type.Optional(
      Type.Object(
        {
          countries: Type.Optional(Type.Record(Type.String({ maxLength: 8 }), Type.Enum(['opt-in', 'opt-out']))),
          unknownCountry: Type.Optional(Type.Enum(['opt-in', 'opt-out'])),
          categories: Type.Optional(Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 2048 }))),
        },
        closed,
      ),
    ),
  },
  closed,
)

export const DAYS_MAX = 400

export const PolicyPlanRequest = Type.Object(
  { proposal: PolicyProposalSchema, days: Type.Optional(Type.Integer({ minimum: 1, maximum: DAYS_MAX })) },
  closed,
)
export const PolicyApplyRequest = Type.Object(
  { proposal: PolicyProposalSchema, reason: Type.Optional(Type.String({ maxLength: 1000 })) },
  closed,
)
export const PolicyExplainRequest = Type.Object(
  {
    vendor: Type.String({ minLength: 1 }),
    destination: Type.Optional(Type.String({ minLength: 1 })),
    source: Type.Optional(Type.String({ minLength: 1 })),
    event: Type.Optional(Type.Unknown({ description: 'one event as the SDK sends it' })),
    entry: Type.Optional(Type.Object({ seq: Type.Integer({ minimum: 1 }), index: Count }, closed)),
  },
  closed,
)

export const PolicyProposeRequest = Type.Object(
  {
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 30 })),
    k: Type.Optional(Type.Integer({ minimum: 2, maximum: 10_000 })),
    reason: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  closed,
)
export const PolicyApproveRequest = Type.Object(
  {
    names: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { minItems: 1, maxItems: 1000 }),
    destination: Type.Optional(Type.String({ minLength: 1 })),
    backfill: Type.Optional(Type.Boolean()),
    reason: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  closed,
)

// ------------------------------------------------------------------------------------------------------ answers

const SealState = Type.Enum(['ok', 'unsigned', 'broken'], {
  description: 'ok: as the vault signed it, on top of the version before. unsigned: of a time before versions were signed',
})

const versionHead = {
  version: Count,
  appliedAt: Instant,
  actor: nullable(Type.String()),
  approvedBy: nullable(
    Type.String({ description: 'who else agreed, where one person alone may not; `single-operator`: nobody, a delay had to do' }),
  ),
  reason: nullable(Type.String()),
  origin: nullable(Type.Enum([...POLICY_ORIGINS])),
  seal: SealState,
}

const RecipientAnswer = Type.Object(
  { address: Type.String(), project: Type.String({ description: 'hash of the project’s token and number' }) },
  { ...closed, description: 'where it goes; what two people agreed to holds for this recipient alone' },
)

const GrantAnswer = Type.Object(
  {
    field: Type.String(),
    form: FormName,
    purpose: Type.String(),
    until: nullable(Instant),
    active: Type.Boolean({ description: 'false: its end has come' }),
    rule: Type.String(),
    reason: nullable(Type.String()),
    approval: nullable(
      Type.Object(
        { id: Type.Integer(), proposedBy: Type.String(), approvedBy: Type.String(), recipient: Type.Optional(RecipientAnswer) },
        { ...closed, description: 'of an identity field in the clear' },
      ),
    ),
  },
  closed,
)

const Pending = Type.Array(
  Type.Object(
    {
      approval: nullable(Type.Integer({ description: 'number of the proposal; null: not proposed yet' })),
      destination: Type.String(),
      recipient: Type.Optional(RecipientAnswer),
      field: Type.String(),
      purpose: Type.String(),
      until: Instant,
      reason: Type.String(),
      countsFrom: nullable(
        Type.String({ description: 'ISO 8601, UTC: when it counts without anybody doing more; null: somebody else has to agree' }),
      ),
    },
    closed,
  ),
  {
    description:
      'identity fields in the clear that wait for a second person (`bulkhead approval list`); until then the policy in force goes on',
  },
)

const Names = Type.Array(Type.String())
const RuleAnswer = Type.Object(
  {
    purpose: Type.String(),
    basis: Type.Enum([...CONSENT_BASES]),
    gpc: Type.Enum([...SIGNAL_USES]),
    dnt: Type.Enum([...SIGNAL_USES]),
    reason: Type.String(),
  },
  closed,
)

export const PolicyShowAnswer = Type.Object(
  {
    ...versionHead,
    inForce: Type.Boolean(),
    file: Type.Enum(['same', 'differs', 'unknown'], {
      description: 'what the configuration file said when it was last heard, beside this version',
    }),
    pending: Pending,
    store: Type.Object({ events: Names, properties: Names, paths: Names, referrers: Names, consent: Type.Optional(RuleAnswer) }, closed),
    destinations: Type.Array(
      Type.Object(
        {
          vendor: Type.String(),
          destination: Type.String(),
          protocol: Type.String(),
          recipient: Type.Optional(RecipientAnswer),
          grants: Type.Array(GrantAnswer),
          events: Names,
          properties: Names,
          consent: Type.Array(RuleAnswer),
        },
        closed,
      ),
    ),
    versions: Type.Array(Type.Object(versionHead, closed), { description: 'all of them, newest first' }),
  },
  { ...closed, title: 'bulkhead policy show --json' },
)

const fieldChange = {
  destination: Type.String({ description: '`store` is the own store' }),
  field: Type.String({ description: 'a field; `event.NAME`, `property.KEY`, `url.PATH`, `referrer.DOMAIN` for approved names' }),
  from: FormName,
  to: FormName,
}

export const PolicyPlanAnswer = Type.Object(
  {
    changes: Type.Array(
      Type.Object(
        {
          ...fieldChange,
          subjects: Type.Integer({ minimum: 0, description: 'people whose events of those days it concerns' }),
          events: Count,
        },
        closed,
      ),
    ),
    days: Count,
    version: Type.Integer({ minimum: 0, description: 'the version in force, which was compared with' }),
    pending: Pending,
  },
  { ...closed, title: 'bulkhead policy plan FILE --json' },
)

export const PolicyApplyAnswer = Type.Object(
  {
    version: Count,
    appliedAt: Instant,
    changed: Type.Boolean({ description: 'false: the policy in force says the same already' }),
    changes: Type.Array(Type.Object(fieldChange, closed)),
    gateway: Type.Enum(['taken', 'not_confirmed'], {
      description: 'not_confirmed: the gateway does not answer; it takes the version when it looks for it, twice a second',
    }),
    pending: Pending,
  },
  { ...closed, title: 'bulkhead policy apply FILE --json' },
)

export const PolicyExplainAnswer = Type.Object(
  {
    vendor: Type.String(),
    policy: Count,
    records: Type.Array(
      Type.Object({ destination: Type.String(), record: Count, sent: Type.Boolean(), dropped: nullable(Type.String()) }, closed),
    ),
    fields: Type.Array(
      Type.Object(
        {
          destination: Type.String(),
          record: Type.Integer({ minimum: 0, description: 'which of the records that the event becomes' }),
          field: Type.String(),
          form: FormName,
          rule: Type.String(),
          reason: Type.String(),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'bulkhead policy explain EVENT --vendor V --json' },
)

const Counts = Type.Record(Type.String(), Count)

export const PolicyProposeAnswer = Type.Object(
  {
    days: Count,
    k: Type.Integer({ minimum: 2, description: 'a name of fewer people is not told' }),
    records: Type.Integer({ minimum: 0, description: 'records that were looked through, newest first' }),
    unreadable: Type.Integer({ minimum: 0, description: 'records whose text nobody can open any more' }),
    beyond: Type.Integer({ minimum: 0, description: 'times that a name was met after as many names as fit' }),
    proposals: Type.Array(
      Type.Object(
        {
          kind: Type.Enum(['event', 'property', 'group'], { description: 'a group name is approved by sources[].groupKeys' }),
          name: nullable(Type.String()),
          nameWithheld: nullable(Type.Enum(['few', 'personal'])),
          nameShape: Type.String({ description: 'letters as a, digits as 9, runs as one' }),
          identity: nullable(Type.String({ description: 'the identity field that the key names: it cannot be approved' })),
          category: nullable(Type.String({ description: 'data category, a term of fideslang' })),
          approved: Type.Boolean({
            description: 'open in the own store; what waits under it was held back by the detectors, or came before',
          }),
          records: Count,
          people: nullable(Type.Integer({ description: 'null: fewer than k' })),
          types: Counts,
          shapes: Counts,
          distinct: Type.Enum(['one', 'up to 10', 'up to 100', 'more']),
          personal: Counts,
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'bulkhead policy propose --json' },
)

export const PolicyApproveAnswer = Type.Object(
  {
    ...PolicyApplyAnswer.properties,
    approved: Type.Object({ events: Names, properties: Names }, closed),
    destination: nullable(Type.String({ description: 'null: the own store alone' })),
    backfill: nullable(
      Type.Object(
        {
          days: Type.Integer({ minimum: 0, description: 'arrival days that were written anew' }),
          records: Type.Integer({ minimum: 0, description: 'records in which something opened' }),
          below: Type.Integer({
            minimum: 0,
            description: 'entries of the log from this one on were left: a destination has still to get them',
          }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'bulkhead policy approve NAME… --json' },
)

export type PolicyPropose = Static<typeof PolicyProposeAnswer>
export type PolicyApprove = Static<typeof PolicyApproveAnswer>
export type PolicyProposeBody = Static<typeof PolicyProposeRequest>
export type PolicyApproveBody = Static<typeof PolicyApproveRequest>
export type PolicyShow = Static<typeof PolicyShowAnswer>
export type PolicyPlan = Static<typeof PolicyPlanAnswer>
export type PolicyApply = Static<typeof PolicyApplyAnswer>
export type PolicyExplain = Static<typeof PolicyExplainAnswer>
export type PolicyPlanBody = Static<typeof PolicyPlanRequest>
export type PolicyApplyBody = Static<typeof PolicyApplyRequest>
export type PolicyExplainBody = Static<typeof PolicyExplainRequest>
