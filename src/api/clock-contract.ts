/** What `incident clocks` and `incident clock …` say. Instants are ISO 8601 UTC text; null = not known, or none. */
import { type Static, type TSchema, Type } from 'typebox'
import { CLOCK_STATES } from '#clocks/clocks.ts'
import { ADDRESSEES } from '#clocks/rule.ts'
import { CLOCK_BASES, CLOCK_EVENTS } from '#model/clock.ts'
import { SIGNERS } from '#incidents/incident-bodies.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const Name = Type.String({ minLength: 1, maxLength: 64 })
const InstantText = Type.String({ maxLength: 40 })
const Reason = Type.String({ maxLength: 1000 })

export const ClockMarkRequest = Type.Object(
  {
    event: Type.Enum([...CLOCK_EVENTS]),
    at: InstantText,
    regime: Type.Optional(Name),
    correct: Type.Optional(Type.Boolean()),
    reason: Reason,
  },
  closed,
)
export const ClockAssessRequest = Type.Object({ regime: Name, rule: Type.Optional(Name), applies: Type.Boolean(), reason: Reason }, closed)
export const ClockDoneRequest = Type.Object(
  { rule: Name, at: InstantText, correct: Type.Optional(Type.Boolean()), reason: Type.Optional(Reason) },
  closed,
)
export const ClockSignOffRequest = Type.Object(
  { as: Type.Enum([...SIGNERS]), name: Type.String({ minLength: 1, maxLength: 200 }), reason: Reason },
  closed,
)

export const ClockAnswer = Type.Object(
  {
    regime: Type.String(),
    to: Type.Enum([...ADDRESSEES], { description: 'us: the vendor owes it to us; own: a step of our own' }),
    trigger: Type.String({ description: 'the recorded time or event that started it, or what it waits for' }),
    startsAt: nullable(Instant),
    dueAt: nullable(Instant),
    state: Type.Enum([...CLOCK_STATES]),
    rule: Type.String(),
    source: Type.String(),
    asOf: Type.String({ description: 'day on which the sources were looked at' }),
    assumed: Type.Array(Type.String()),
    basis: Type.Enum([...CLOCK_BASES], { description: 'first-warning: by the first message; vendor: by what the vendor knew' }),
    why: Type.Array(Type.String()),
    whom: Type.String(),
    name: Type.String(),
    law: Type.String(),
    wording: Type.String(),
    delay: Type.String(),
    status: Type.String(),
    confidence: Type.String(),
    unverified: Type.Array(Type.String()),
    notes: Type.Array(Type.String()),
    zone: Type.String(),
    startsLocal: nullable(Type.String()),
    dueLocal: nullable(Type.String()),
    period: Type.String(),
    doneAt: nullable(Instant),
    residents: Type.Object(
      {
        known: Count,
        unknown: nullable(Type.Integer({ minimum: 0, description: 'who may live there; null: nobody could be counted' })),
        directory: Count,
        server: Count,
        place: Count,
      },
      closed,
    ),
    countedAt: nullable(Type.String({ description: 'when people were last counted, ISO 8601 UTC; null: they never were' })),
    recordedAt: nullable(Type.String({ description: 'when its start was recorded; from then on it moves only with a corrected time' })),
    moved: Type.Array(Type.Object({ startsAt: Instant, dueAt: nullable(Instant), recordedAt: Instant }, closed), {
      description: 'what it was before a time was corrected',
    }),
    warnedAt: Type.Array(Type.Object({ percent: Type.Integer(), at: Instant }, closed)),
    review: Type.String(),
    signedOff: nullable(Type.Object({ as: Type.String(), name: Type.String(), at: Instant, stands: Type.Boolean() }, closed)),
  },
  closed,
)

export const IncidentClocksAnswer = Type.Array(ClockAnswer, { title: 'bulkhead incident clocks ID --json' })

export const CLOCK_SCHEMAS = { 'incident-clocks': IncidentClocksAnswer }

export type ClockShown = Static<typeof ClockAnswer>
export type ClockMarkBody = Static<typeof ClockMarkRequest>
export type ClockAssessBody = Static<typeof ClockAssessRequest>
export type ClockDoneBody = Static<typeof ClockDoneRequest>
export type ClockSignOffBody = Static<typeof ClockSignOffRequest>
