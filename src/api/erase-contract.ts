/** What `erase`, `hold`, `vendor rotate` and `vendor destroy-epoch` say. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })
const Reason = Type.String({ minLength: 1, maxLength: 1000 })
const Name = Type.String({ minLength: 1, maxLength: 64 })

export const EraseRequest = Type.Object(
  { query: Type.String({ minLength: 1, maxLength: 2048 }), reason: Reason, suppress: Type.Optional(Type.Boolean()) },
  closed,
)

export const EraseAnswer = Type.Object(
  {
    subject: Type.String({ description: 'staff-view pseudonym: the number under which disclosures to vendors are still counted' }),
    erasure: Type.Integer({ minimum: 1, description: 'number of the job' }),
    erasedAt: Type.Union([Instant, Type.Null()], { description: 'when the secret was destroyed; null: the job waits (exit 1)' }),
    finalAt: Type.Union([Instant, Type.Null()], {
      description: 'unreadable now, final then: when the last copy of keys that holds the secret and the last key of waiting text are gone',
    }),
    vendorsAsked: Type.Array(
      Type.Object(
        {
          vendor: Type.String(),
          destination: Type.String(),
          epoch: Count,
          identifiers: Count,
          state: Type.Enum(['asked', 'due'], {
            description: 'asked: the vendor says that it will delete; due: it is asked again by itself',
          }),
          at: Instant,
          why: Type.Optional(Type.String({ description: 'reason code of what is due' })),
        },
        closed,
      ),
    ),
    others: Type.Integer({ minimum: 0, description: 'other people who match the same address or id and were not erased' }),
  },
  { ...closed, title: 'bulkhead erase X --reason R --json' },
)

export const HoldRequest = Type.Object({ reason: Reason, vendor: Type.Optional(Name) }, closed)
export const HoldCloseRequest = Type.Object({ reason: Reason }, closed)

const hold = {
  id: Type.Integer({ minimum: 1 }),
  openedAt: Instant,
  closedAt: Type.Union([Instant, Type.Null()]),
  vendor: Type.Union([Type.String(), Type.Null()], { description: 'null: nothing at all is erased or destroyed' }),
  reason: Type.String(),
}
export const HoldAnswer = Type.Object(hold, { ...closed, title: 'bulkhead hold open|close --json' })
export const HoldListAnswer = Type.Object(
  { holds: Type.Array(Type.Object(hold, closed)) },
  { ...closed, title: 'bulkhead hold list --json' },
)

export const RotateRequest = Type.Object({ reason: Reason, destination: Type.Optional(Name) }, closed)
export const RotateAnswer = Type.Object(
  {
    vendor: Type.String(),
    epoch: Type.Integer({ minimum: 1, description: 'the epoch that is active now; of several destinations the highest' }),
    destinations: Type.Array(Type.Object({ destination: Type.String(), epoch: Count }, closed)),
  },
  { ...closed, title: 'bulkhead vendor rotate V --json' },
)

export const DestroyEpochRequest = Type.Object({ reason: Reason, destination: Name, epoch: Type.Integer({ minimum: 1 }) }, closed)
export const DestroyEpochAnswer = Type.Object(
  { vendor: Type.String(), destination: Type.String(), epoch: Count, state: Type.Enum(['destroyed']) },
  { ...closed, title: 'bulkhead vendor destroy-epoch V N --json' },
)

export const KeysRotateRequest = Type.Object({ what: Type.Enum(['root', 'kek']), reason: Reason }, closed)
export const KeysRotateAnswer = Type.Object(
  {
    what: Type.Enum(['root', 'kek']),
    wrapped: Type.Integer({ minimum: 0, description: 'keys that were wrapped anew' }),
    rotatedAt: Instant,
  },
  { ...closed, title: 'bulkhead keys rotate root|kek --json' },
)

export const KeysShowAnswer = Type.Object(
  {
    folder: Type.String(),
    wrap: Type.Enum(['file', 'transit'], { description: 'what wraps the root key' }),
    rootRotatedAt: Type.Union([Instant, Type.Null()], { description: 'null: nobody knows, so it is due' }),
    rotating: Type.Boolean(),
    backups: Type.Array(Type.Object({ at: Instant, dir: Type.String() }, closed), {
      description: 'copies of the key folder that were made and not removed yet; each is removed 30 days after it was made',
    }),
  },
  { ...closed, title: 'bulkhead keys show --json' },
)

/** By the names under which they are published. */
export const ERASURE_SCHEMAS = {
  erase: EraseAnswer,
  hold: HoldAnswer,
  'hold-list': HoldListAnswer,
  'vendor-rotate': RotateAnswer,
  'vendor-destroy-epoch': DestroyEpochAnswer,
  'keys-rotate': KeysRotateAnswer,
  'keys-show': KeysShowAnswer,
}

export type KeysRotateResult = Static<typeof KeysRotateAnswer>
export type KeysShowResult = Static<typeof KeysShowAnswer>
export type EraseBody = Static<typeof EraseRequest>
export type EraseResult = Static<typeof EraseAnswer>
export type HoldResult = Static<typeof HoldAnswer>
export type HoldList = Static<typeof HoldListAnswer>
export type RotateResult = Static<typeof RotateAnswer>
export type DestroyEpochResult = Static<typeof DestroyEpochAnswer>
