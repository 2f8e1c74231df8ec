/** What `operator` and `approval` ask and are answered; the same rules as in contract.ts. */
import { type Static, type TSchema, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const Reason = Type.String({ maxLength: 1000 })

/** As it stands in records and looks for ever: plain letters, so that no two look alike. */
export const OPERATOR_NAME = '^[a-z][a-z0-9._-]{0,63}$'

export const OperatorAddRequest = Type.Object(
  {
    name: Type.String({ pattern: OPERATOR_NAME }),
    credentialSha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'the credential itself is not told to the server' }),
    reason: Type.Optional(Reason),
  },
  closed,
)
export const OperatorRemoveRequest = Type.Object({ reason: Type.Optional(Reason) }, closed)

const operator = {
  name: Type.String(),
  addedAt: nullable(Instant),
  addedBy: nullable(Type.String({ description: 'null: the first start' })),
  removedAt: nullable(Instant),
  removedBy: nullable(Type.String()),
  secondPersonFrom: nullable(
    Type.String({
      description:
        'ISO 8601, UTC: until then somebody else’s credential may as well be theirs, so what they propose or approve counts from then on; null: removed, or the first',
    }),
  ),
}

export const OperatorListAnswer = Type.Object(
  {
    operators: Type.Array(Type.Object(operator, closed)),
    you: Type.String({ description: 'whose credential asked' }),
    mode: Type.Enum(['single-operator', 'several-operators']),
    singleOperatorDelayHours: Type.Number(),
  },
  { ...closed, title: 'bulkhead operator list --json' },
)

export const OperatorAddAnswer = Type.Object(
  {
    ...operator,
    credential: nullable(Type.String({ description: 'shown this once; null: it was written into the file' })),
    file: nullable(Type.String()),
  },
  { ...closed, title: 'bulkhead operator add NAME --json' },
)
export const OperatorAnswer = Type.Object(operator, { ...closed, title: 'bulkhead operator remove NAME --json' })

export const ApprovalDecisionRequest = Type.Object({ reason: Reason }, closed)

export const APPROVAL_STATES = ['pending', 'approved', 'counts', 'used', 'rejected', 'expired', 'altered'] as const

const approval = {
  approval: Type.Integer({ minimum: 1, description: 'number of the proposal' }),
  kind: Type.String(),
  what: Type.String({ description: 'the very text that is approved' }),
  sha256: Type.String({ description: 'of that text' }),
  state: Type.Enum([...APPROVAL_STATES], {
    description:
      'pending: waits for somebody else. approved: counts from `countsFrom` on. counts: it counts and was not used yet. used: what it was for is done. altered: not as it is on record in the key folder, so it counts for nothing',
  }),
  origin: Type.Enum(['operator', 'file'], { description: 'file: bulkhead.yaml proposed it, so two people have to approve it' }),
  proposedBy: Type.String(),
  proposedAt: Instant,
  reason: Type.String(),
  approvedBy: nullable(Type.String({ description: '`single-operator`: nobody, there was one operator only and the delay is over' })),
  approvedAt: nullable(Instant),
  countsFrom: nullable(
    Type.String({ description: 'ISO 8601, UTC: when it counts; of a pending one with a single operator, the end of the delay' }),
  ),
  rejectedBy: nullable(Type.String()),
  rejectedAt: nullable(Instant),
  rejectedReason: nullable(Type.String()),
  expiresAt: Instant,
  usedAt: nullable(Instant),
}

export const ApprovalAnswer = Type.Object(approval, { ...closed, title: 'bulkhead approval approve|reject ID --json' })
export const ApprovalListAnswer = Type.Object(
  { approvals: Type.Array(Type.Object(approval, closed), { description: 'newest first' }) },
  { ...closed, title: 'bulkhead approval list --json' },
)

export type OperatorAddBody = Static<typeof OperatorAddRequest>
export type OperatorList = Static<typeof OperatorListAnswer>
export type OperatorAdded = Static<typeof OperatorAddAnswer>
export type OperatorShown = Static<typeof OperatorAnswer>
export type ApprovalShown = Static<typeof ApprovalAnswer>
export type ApprovalList = Static<typeof ApprovalListAnswer>

export const OPERATOR_SCHEMAS = {
  'operator-list': OperatorListAnswer,
  'operator-add': OperatorAddAnswer,
  'operator-remove': OperatorAnswer,
  'approval-list': ApprovalListAnswer,
  'approval-decision': ApprovalAnswer,
}
