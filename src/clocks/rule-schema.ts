/** The shape of a file of rules. Published for editors; what only makes sense of several parts is checked in `rule-pack.ts`. */
import { type Static, Type } from 'typebox'
import { CLOCK_EVENTS, UNITS } from '#model/clock.ts'
import { ADDRESSEES, TIMES } from './rule.ts'

const closed = { additionalProperties: false } as const
const Id = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', description: 'letters, digits, ".", "_" or "-", at most 64' })
const Text = Type.String({
  minLength: 1,
  maxLength: 400,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]*$',
})
const Texts = Type.Array(Text, { maxItems: 20 })
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'a day, like 2027-05-13' })
const Place = Type.String({
  pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$',
  description: 'a country or state, like IN or US-CA; EU stands for its members',
})
const Names = Type.Array(Id, { maxItems: 20 })
const Trigger = Type.String({
  pattern: `^(${[...TIMES, ...CLOCK_EVENTS].join('|')}|done:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$`,
  description: `one of ${[...TIMES, ...CLOCK_EVENTS].join(', ')}, or done:RULE`,
})
/** Of what began before `inForceFrom`: the rule is not used, or is used for want of the text of then. */
const Earlier = Type.Enum(['none', 'not-known'])
const Count = Type.Integer({ minimum: 1, maximum: 10_000_000_000 })

export const RuleSchema = Type.Object(
  {
    id: Id,
    to: Type.Enum([...ADDRESSEES]),
    whom: Text,
    trigger: Type.Array(Trigger, { minItems: 1, maxItems: 6 }),
    latest: Type.Optional(Type.Boolean()),
    firm: Type.Optional(Type.Enum([...CLOCK_EVENTS])),
    vendorToo: Type.Optional(Type.Boolean()),
    amount: Type.Optional(Type.Integer({ minimum: 1, maximum: 9000 })),
    unit: Type.Enum([...UNITS]),
    counting: Type.Optional(Type.Enum(['day-after', 'inclusive'])),
    rollOver: Type.Optional(Type.Boolean()),
    calendar: Type.Optional(Place),
    closedDays: Type.Optional(Type.Array(Type.String({ pattern: '^\\d{2}-\\d{2}$' }), { maxItems: 60 })),
    fromYearEnd: Type.Optional(Type.Boolean()),
    residentsMin: Type.Optional(Count),
    residentsMax: Type.Optional(Count),
    countsAll: Type.Optional(Type.Boolean()),
    countsParts: Type.Optional(Type.Boolean()),
    elements: Type.Optional(Id),
    assessment: Type.Optional(
      Type.Object({ question: Text, until: Type.Enum(['runs', 'open']), yesBy: Type.Optional(Type.Enum([...CLOCK_EVENTS])) }, closed),
    ),
    insteadOf: Type.Optional(Id),
    endedBy: Type.Optional(Trigger),
    sectors: Type.Optional(Names),
    roles: Type.Optional(Type.Object({ any: Type.Optional(Names), none: Type.Optional(Names) }, closed)),
    inForceFrom: Type.Optional(Day),
    inForceUntil: Type.Optional(Day),
    replacedBy: Type.Optional(Id),
    earlier: Type.Optional(Earlier),
    wording: Text,
    delay: Type.Optional(Text),
    substitute: Type.Optional(Text),
    mail: Type.Optional(Text),
    notes: Type.Optional(Texts),
  },
  closed,
)

export const RegimeSchema = Type.Object(
  {
    id: Id,
    /** Takes the place of one of an earlier file. */
    replaces: Type.Optional(Type.Boolean()),
    name: Text,
    law: Text,
    zone: Type.String({ minLength: 1, maxLength: 64, description: 'an IANA zone, like Asia/Kolkata' }),
    territory: Type.Array(Place, { maxItems: 300 }),
    establishment: Type.Boolean(),
    sectors: Type.Optional(Names),
    inForceFrom: Type.Optional(Day),
    inForceUntil: Type.Optional(Day),
    earlier: Type.Optional(Earlier),
    status: Text,
    threshold: Text,
    confidence: Text,
    asOf: Day,
    sources: Type.Array(Text, { minItems: 1, maxItems: 20 }),
    unverified: Texts,
    rules: Type.Array(RuleSchema, { minItems: 1, maxItems: 50 }),
  },
  closed,
)

const ElementsSchema = Type.Object(
  { id: Id, fields: Names, perhaps: Type.Optional(Names), with: Type.Optional(Names), words: Text },
  closed,
)

export const RuleFileSchema = Type.Object(
  {
    format: Type.Literal(1),
    elements: Type.Optional(Type.Array(ElementsSchema, { maxItems: 50 })),
    regimes: Type.Array(RegimeSchema, { minItems: 1, maxItems: 300 }),
  },
  { ...closed, title: 'a file of rules for legal clocks' },
)

export type RuleFile = Static<typeof RuleFileSchema>
