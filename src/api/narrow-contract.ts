/** What `incident amend ID --narrow-to-file` asks and says. */
import { type Static, type TSchema, Type } from 'typebox'
import { EVIDENCE_DESTROY_SCHEMAS } from './evidence-destroy-contract.ts'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

export const NarrowRequest = Type.Object(
  {
    file: Type.String({ minLength: 1, maxLength: 64, description: '`last`, or the id of the evidence' }),
    reason: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  closed,
)

/** Beside each version of a scope; null: everybody whom the ledger has. */
export const Narrowed = Type.Object(
  {
    sha256: Type.String({ description: 'of the leaked file' }),
    evidence: Type.String({ description: 'id of the leaked file' }),
    stay: Type.Integer({ minimum: 1, description: 'people whom it names by grade A within the windows, as it was approved' }),
    leftOut: Type.Integer({ minimum: 1, description: 'people whom the ledger had besides, as it was approved' }),
    approval: Type.Integer({ minimum: 1, description: 'number of the proposal' }),
    proposedBy: Type.String(),
    approvedBy: Type.String({ description: '`single-operator`: nobody, there was one operator only and the delay was over' }),
  },
  { ...closed, description: 'this version is narrowed below the ledger to the people whom a leaked file names' },
)

export const NarrowAnswer = Type.Object(
  {
    incident: Type.Integer({ minimum: 1 }),
    state: Type.Enum(['proposed', 'applied'], {
      description: 'proposed: nothing has changed; somebody else has to approve that very text',
    }),
    version: Type.Integer({ minimum: 1, description: 'of the scope, as it now stands' }),
    approval: Type.Integer({ minimum: 1, description: 'number of the proposal' }),
    what: Type.String({ description: 'the very text that is approved' }),
    countsFrom: nullable(Type.String({ description: 'ISO 8601, UTC: when it counts, as far as that is known' })),
    file: Type.Object({ id: Type.String(), sha256: Type.String() }, closed),
    stay: Count,
    leftOut: Count,
    unavailable: nullable(Type.String({ description: 'the version stands; code of the error that kept it from being counted' })),
  },
  { ...closed, title: 'bulkhead incident amend ID --narrow-to-file FILE --json' },
)

export type NarrowBodyRequest = Static<typeof NarrowRequest>
export type NarrowResult = Static<typeof NarrowAnswer>
export type NarrowedShown = Static<typeof Narrowed>

/** What needs a second person in an incident. */
export const NARROW_SCHEMAS = { 'incident-narrow': NarrowAnswer, ...EVIDENCE_DESTROY_SCHEMAS }
