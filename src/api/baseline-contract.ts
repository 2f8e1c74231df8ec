/** What a vendor held before Bulkhead: the answer of `vendor baseline`, and what is asked for it. */
import { type Static, type TSchema, Type } from 'typebox'
import { BASELINE_KINDS } from '#model/baseline.ts'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

const Statement = Type.Object(
  {
    kind: Type.Enum([...BASELINE_KINDS]),
    saidAt: nullable(Instant),
    actor: nullable(Type.String()),
    reason: nullable(Type.String()),
    saidBy: Type.String({ description: 'on whose word; empty: nobody was named' }),
    fields: Type.Array(Type.Object({ field: Type.String(), form: Type.Enum(['clear', 'coarse', 'pseudonym', 'alias']) }, closed)),
    surfaces: Type.Array(Type.String(), { description: 'empty: nobody said' }),
    from: nullable(Instant),
    to: nullable(Instant),
    people: nullable(Type.Integer({ minimum: 0, description: 'as declared or, of an import, as many as are known here' })),
    import: nullable(
      Type.Object(
        {
          sha256: Type.String(),
          rows: Count,
          unmatchedRows: Type.Integer({ minimum: 0, description: 'of nobody who is known here' }),
          brokenRows: Count,
          throughBulkhead: Type.Integer({
            minimum: 0,
            description: 'rows under a pseudonym of ours, which stand in the ledger and are left out',
          }),
          otherColumns: Type.Integer({ minimum: 0, description: 'columns that no field and no approved property is called like' }),
          complete: Type.Boolean(),
        },
        closed,
      ),
    ),
  },
  closed,
)

export const BaselineAnswer = Type.Object(
  {
    vendor: Type.String(),
    baseline: Statement,
    history: Type.Array(Statement, { description: 'all that was said, the newest last' }),
  },
  { ...closed, title: 'bulkhead vendor baseline V --json' },
)

export const BaselineRequest = Type.Object(
  {
    kind: Type.Enum(['unknown', 'none', 'declared']),
    reason: Type.String({ minLength: 1, maxLength: 1000 }),
    declaration: Type.Optional(Type.Unknown()),
  },
  closed,
)

/** What stands beside an export that is sent: as JSON in a header. */
export const BaselineImportRequest = Type.Object(
  {
    reason: Type.String({ minLength: 1, maxLength: 1000 }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'of the file, so that what is on record is what was read' }),
    complete: Type.Boolean(),
    saidBy: Type.Optional(Type.String({ maxLength: 200 })),
    surfaces: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 })),
    format: Type.Optional(Type.Enum(['csv', 'json', 'ndjson'])),
    map: Type.Optional(Type.Array(Type.String({ maxLength: 400 }), { maxItems: 200 })),
  },
  closed,
)

export type BaselineImportClaims = Static<typeof BaselineImportRequest>
export type BaselineBody = Static<typeof BaselineRequest>
export type BaselineResult = Static<typeof BaselineAnswer>
