/** What a line of `bulkhead detect` and `bulkhead coarsen` says. */
import { Type } from 'typebox'
import { PERSONAL_KINDS } from '#model/personal-kind.ts'

const closed = { additionalProperties: false } as const
const Id = Type.Unknown({ description: 'as it was given; null for a line that has none' })
const Place = Type.Integer({ minimum: 0, description: 'UTF-16 units of the text as it was given' })

const Refusal = Type.Object(
  { id: Id, error: Type.Object({ code: Type.String(), message: Type.String(), hint: Type.Optional(Type.String()) }, closed) },
  { ...closed, description: 'a line that could not be answered; the next one is' },
)

const Span = Type.Object(
  {
    start: Place,
    end: Place,
    kind: Type.Enum([...PERSONAL_KINDS]),
    rule: Type.Optional(Type.String({ description: 'which one of the kind, in.aadhaar say' })),
    confidence: Type.Number({ minimum: 0, maximum: 1 }),
    path: Type.Optional(Type.String({ description: 'where in a list or object the leaf stands' })),
    in: Type.Optional(Type.Literal('key', { description: 'it stands in the name of a key' })),
  },
  closed,
)

const Coarse = Type.Object(
  {
    os: Type.Optional(Type.String()),
    browser: Type.Optional(Type.String()),
    browserVersion: Type.Optional(Type.Integer({ minimum: 0 })),
    path: Type.Optional(Type.String()),
    medium: Type.Optional(Type.Enum(['direct', 'internal', 'search', 'social', 'email', 'referral'])),
    domain: Type.Optional(Type.String()),
    country: Type.Optional(Type.String({ minLength: 2, maxLength: 2 })),
    region: Type.Optional(Type.String()),
    city: Type.Optional(Type.String()),
  },
  { ...closed, description: 'empty: nothing of it may be told' },
)

export const LINE_SCHEMAS = {
  'detect-line': Type.Union([Type.Object({ id: Id, spans: Type.Array(Span) }, closed), Refusal]),
  'coarsen-line': Type.Union([Type.Object({ id: Id, coarse: Coarse }, closed), Refusal]),
} as const
