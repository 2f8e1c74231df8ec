/** What `signal …` says. Instants are ISO 8601 UTC text. */
import { type Static, type TSchema, Type } from 'typebox'
import { SIGNAL_DECISIONS, SIGNAL_SOURCES } from '#model/signal.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const Id = Type.Integer({ minimum: 1 })

export const SignalAddRequest = Type.Object(
  { source: Type.Enum([...SIGNAL_SOURCES]), at: Type.String({ maxLength: 40 }), what: Type.String({ maxLength: 2000 }) },
  closed,
)
export const SignalTriageRequest = Type.Object(
  { decision: Type.Enum([...SIGNAL_DECISIONS]), incident: Type.Optional(Id), reason: Type.String({ maxLength: 1000 }) },
  closed,
)

const Triage = Type.Object(
  { decision: Type.Enum([...SIGNAL_DECISIONS]), incident: nullable(Id), at: Instant, by: Type.String(), reason: Type.String() },
  closed,
)

const Signal = Type.Object(
  {
    id: Id,
    source: Type.Enum([...SIGNAL_SOURCES]),
    at: Type.String({ description: 'when it came' }),
    dayIn: nullable(Type.String({ description: 'only the day is known: its beginning in this zone' })),
    recordedAt: Instant,
    by: Type.String(),
    what: Type.String(),
    decision: nullable(Type.Enum([...SIGNAL_DECISIONS], { description: 'null: it waits for its triage' })),
    triagedAt: nullable(Instant),
    triage: Type.Array(Triage, { description: 'oldest first; the last counts' }),
  },
  closed,
)

export const SignalListAnswer = Type.Object({ signals: Type.Array(Signal) }, { ...closed, title: 'bulkhead signal list --json' })
export const SignalAnswer = Type.Object({ id: Id }, { ...closed, title: 'bulkhead signal add|triage --json' })

export const SIGNAL_SCHEMAS = { 'signal-list': SignalListAnswer, signal: SignalAnswer }
export const SIGNALS_ROUTE = '/v1/signals'

export type SignalAddBody = Static<typeof SignalAddRequest>
export type SignalTriageBody = Static<typeof SignalTriageRequest>
export type SignalList = Static<typeof SignalListAnswer>
export type SignalAdded = Static<typeof SignalAnswer>
