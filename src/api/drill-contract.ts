/** What `bulkhead drill --json` says. */
import { Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })

const StoryAnswer = Type.Object(
  {
    name: Type.String(),
    steps: Type.Array(Type.Object({ at: Instant, what: Type.String(), ok: Type.Boolean() }, closed)),
    scope: Type.Object({ expected: Count, found: Count, precision: Type.Number(), recall: Type.Number() }, closed),
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
