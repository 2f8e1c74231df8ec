/** What `vendor deletions`, `vendor held`, `vendor credential` and `vendor retire` say, and what `vendor show` and `cut` say of it. */
import { type Static, Type } from 'typebox'
import { DELETION_STATES } from '#erasure/asking.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const InstantOrNull = Type.Union([Instant, Type.Null()])
const Count = Type.Integer({ minimum: 0 })
const Reason = Type.String({ minLength: 1, maxLength: 1000 })

export const FLOW_STATES = ['open', 'cut', 'retired'] as const

const credential = {
  name: Type.String(),
  kind: Type.String(),
  place: Type.String({ description: 'where its value is, or was, configured; never the value' }),
  toRotate: Type.Boolean({ description: 'in use when the flow was closed, and nobody has said since that it was changed at the vendor' }),
  rotatedAt: InstantOrNull,
}

/** In the answer of `vendor cut`. */
export const CredentialsToRotate = Type.Array(Type.Object(credential, closed), { description: 'by what the vendor knows us' })

const CredentialAnswerObject = Type.Object(
  {
    ...credential,
    configured: Type.Boolean({ description: 'false: it is in the configuration no more' }),
    rotatedBy: Type.Union([Type.String(), Type.Null()]),
    reason: Type.Union([Type.String(), Type.Null()]),
  },
  closed,
)

const DeletionCounts = Type.Object(
  {
    due: Type.Integer({ minimum: 0, description: 'identifiers of which the vendor is still to be asked' }),
    asked: Count,
    done: Type.Integer({ minimum: 0, description: 'of which the vendor says that it is done' }),
    overdue: Count,
    refused: Count,
  },
  { ...closed, description: 'identifiers by state of their deletion; null: the vault does not answer' },
)

export const VendorCredentials = Type.Array(CredentialAnswerObject, { description: 'by what the vendor knows us' })

/** In the answer of `vendor show`. */
export const leavingOfVendor = {
  credentials: VendorCredentials,
  deletions: Type.Union([DeletionCounts, Type.Null()]),
  heldDecided: Type.Boolean({ description: 'false: events wait for this vendor, and nobody has decided what becomes of them' }),
}

export const DeletionsAnswer = Type.Array(
  Type.Object(
    {
      id: Type.String({ description: 'of the request; the same for as long as it is asked for' }),
      destination: Type.String(),
      epoch: Count,
      origin: Type.Enum(['erasure', 'leaving'], { description: 'of one erased person, or of everybody sent to a vendor that is left' }),
      subjectCount: Type.Integer({ minimum: 0, description: 'identifiers that it names' }),
      askedAt: Type.Union([Instant, Type.Null()], { description: 'when the vendor first said that it will; null: it has not' }),
      dueAt: Type.Union([Instant, Type.Null()], { description: 'by when it promised; asking again does not move it' }),
      state: Type.Enum([...DELETION_STATES], {
        description: 'due: to be asked; asked: it says that it will; vendor says done: it says that it has, and nobody can check that',
      }),
      stateAt: Instant,
      requests: Type.Integer({ minimum: 0, description: 'how often it was asked' }),
      entry: Type.Union([Count, Type.Null()], { description: 'ledger entry of the last request' }),
      why: Type.Union([Type.String(), Type.Null()], { description: 'reason code of what is due or refused' }),
    },
    closed,
  ),
  { title: 'bulkhead vendor deletions V --json' },
)

export const HeldAnswer = Type.Object(
  {
    vendor: Type.String(),
    state: Type.Enum([...FLOW_STATES]),
    events: Type.Integer({ minimum: 0, description: 'records that wait; of several destinations the one that is furthest behind' }),
    undecided: Type.Integer({ minimum: 0, description: 'of those, records on which nobody has decided' }),
    exact: Type.Boolean({ description: 'false: what came in last is not counted yet' }),
    destinations: Type.Array(
      Type.Object(
        {
          destination: Type.String(),
          events: Count,
          counts: Type.Array(
            Type.Object({ day: Type.String({ description: 'of arrival, UTC' }), kind: Type.String(), events: Count }, closed),
          ),
        },
        closed,
      ),
    ),
    decisions: Type.Array(
      Type.Object(
        {
          decision: Type.Enum(['release', 'drop', 'keep']),
          upTo: Type.Integer({ minimum: 0, description: 'last log entry that it is about' }),
          events: Count,
          at: Instant,
          actor: Type.String(),
          reason: Type.String(),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'bulkhead vendor held V --json' },
)

export const HeldDecisionRequest = Type.Object({ decision: Type.Enum(['release', 'drop', 'keep']), reason: Reason }, closed)
export const CredentialRequest = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }), reason: Reason }, closed)
export const CredentialAnswer = Type.Object(
  { vendor: Type.String(), credential: CredentialAnswerObject },
  { ...closed, title: 'bulkhead vendor credential V NAME --rotated --json' },
)

export const RetireRequest = Type.Object({ reason: Reason, delete: Type.Optional(Type.Boolean()) }, closed)
export const RetireAnswer = Type.Object(
  {
    vendor: Type.String(),
    state: Type.Enum(['retired']),
    retiredAt: Instant,
    fencedWorkers: Count,
    unfenced: Type.Array(Type.String(), { description: 'workers that neither confirmed nor died; not empty: exit 1' }),
    heldEvents: Type.Integer({ minimum: 0, description: 'events that waited and are never sent to it; the own store keeps them' }),
    closedEpochs: Type.Array(Type.Object({ destination: Type.String(), epoch: Count }, closed)),
    deletionWanted: Type.Boolean(),
    credentials: CredentialsToRotate,
  },
  { ...closed, title: 'bulkhead vendor retire V --reason R --json' },
)

/** By the names under which they are published. */
export const LEAVING_SCHEMAS = {
  'vendor-deletions': DeletionsAnswer,
  'vendor-held': HeldAnswer,
  'vendor-credential': CredentialAnswer,
  'vendor-retire': RetireAnswer,
}

export type DeletionsResult = Static<typeof DeletionsAnswer>
export type HeldResult = Static<typeof HeldAnswer>
export type CredentialResult = Static<typeof CredentialAnswer>
export type RetireResult = Static<typeof RetireAnswer>
