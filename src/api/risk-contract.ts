/** What `bulkhead policy risk` asks and says. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Share = Type.Number({ minimum: 0, maximum: 1 })
const Sampled = Type.Integer({ minimum: 1, description: 'one in so many people was looked at; above 1 shares are too high' })

export const RISK_DEFAULTS = { days: 30, k: 5 } as const

export const RiskRequest = Type.Object(
  { days: Type.Integer({ minimum: 1, maximum: 400 }), k: Type.Integer({ minimum: 2, maximum: 1_000 }) },
  closed,
)

const FieldRiskAnswer = Type.Object(
  {
    field: Type.String(),
    values: Type.Integer({ minimum: 0, description: 'different sets of values that people have of it' }),
    alone: Type.Integer({ minimum: 0, description: 'people whom it tells from all others by itself: it has rare values' }),
    saved: Type.Integer({ description: 'people who would no longer be below k if it were not sent' }),
  },
  closed,
)

const DestinationRiskAnswer = Type.Object(
  {
    id: Type.String(),
    k: Count,
    people: Type.Integer({ minimum: 0, description: 'people about whom something was sent in these days' }),
    unique: Type.Integer({ minimum: 0, description: 'people whose combination of values nobody else has' }),
    below: Type.Integer({ minimum: 0, description: 'people who share theirs with fewer than k - 1 others, the unique included' }),
    groupsBelow: Type.Integer({ minimum: 0, description: 'combinations that fewer than k people have' }),
    quasiIdentifiers: Type.Array(Type.String()),
    clear: Type.Array(Type.String(), { description: 'identity that it gets in the clear: of whom it has that nobody hides among others' }),
    fields: Type.Array(FieldRiskAnswer),
    sampled: Sampled,
  },
  closed,
)

const MatchedAnswer = Type.Object(
  {
    sequence: Type.Number({ ...Share, description: 'by the order of event names' }),
    daily: Type.Number({ ...Share, description: 'by names and days' }),
    times: Type.Number({ ...Share, description: 'by names and times' }),
  },
  { ...closed, description: 'shares of people of whom exactly one at the other destination fits' },
)

const Granted = Type.Enum(['rounded', 'exact', 'none'])

const PairRiskAnswer = Type.Object(
  {
    destinations: Type.Array(Type.String(), { minItems: 2, maxItems: 2 }),
    people: Count,
    sampled: Sampled,
    withoutRounding: MatchedAnswer,
    withRounding: MatchedAnswer,
    byEvents: Type.Array(
      Type.Object(
        { from: Count, to: Type.Union([Count, Type.Null()]), people: Count, withoutRounding: Share, withRounding: Share },
        { ...closed, description: 'by names and times, of people with so many events' },
      ),
    ),
    granted: Type.Array(Granted, { minItems: 2, maxItems: 2, description: 'how the policy in force sends times to each' }),
  },
  closed,
)

export const RiskAnswer = Type.Object(
  { days: Count, destinations: Type.Array(DestinationRiskAnswer), pairs: Type.Array(PairRiskAnswer) },
  { ...closed, title: 'bulkhead policy risk --json' },
)

export type RiskBody = Static<typeof RiskRequest>
export type RiskResult = Static<typeof RiskAnswer>
