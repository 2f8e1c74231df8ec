/** What `bulkhead drill --json` says. */
import { Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })

const DueAt = Type.Union([Instant, Type.Null()])
const StoryClock = Type.Object(
  {
    at: Instant,
    incident: Type.String({ description: 'as the story calls it' }),
    regime: Type.String(),
    to: Type.Optional(Type.String()),
    rule: Type.Optional(Type.String()),
    basis: Type.Optional(Type.String()),
    dueAt: Type.Optional(DueAt),
    state: Type.Optional(Type.String()),
    found: Type.Union([Type.Object({ dueAt: DueAt, state: Type.String() }, closed), Type.Null()]),
    ok: Type.Boolean(),
  },
  { ...closed, description: 'a clock that was expected, and what was found' },
)

const StoryAnswer = Type.Object(
  {
    name: Type.String(),
    steps: Type.Array(Type.Object({ at: Instant, what: Type.String(), ok: Type.Boolean() }, closed)),
    scope: Type.Object({ expected: Count, found: Count, precision: Type.Number(), recall: Type.Number() }, closed),
    clocks: Type.Array(StoryClock),
    notified: Type.Object(
      { expected: Count, sent: Count, wrongly: Count },
      { ...closed, description: 'notices owed, mails that the mail server took, and those of them that went to somebody else or twice' },
    ),
  },
  { ...closed, description: 'with --story: what happened, and the last scope that was expected' },
)

export const DrillAnswer = Type.Object(
  {
    loot: Type.Object({ rows: Count, names: Count, emails: Count, ids: Count, ips: Count, userAgents: Count, referrerUrls: Count }, closed),
    affected: Type.Object(
      { expected: Count, found: Count, precision: Type.Number(), recall: Type.Number(), answerMs: Type.Number() },
      closed,
    ),
    cut: Type.Object({ returnMs: Type.Number(), requestsAfter: Count }, closed),
    events: Type.Object({ sent: Count, warehouse: Count, vendorDistinct: Count, lost: Count }, closed),
    ok: Type.Boolean(),
    story: Type.Optional(StoryAnswer),
  },
  { ...closed, title: 'bulkhead drill --json, last line' },
)
