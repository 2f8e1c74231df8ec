/** A person's statement, as `bulkhead who X --statement --json` prints it, and what checking one says. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Hash = Type.String({ description: 'SHA-256, base64' })
const nullable = <Schema extends Parameters<typeof Type.Array>[0]>(schema: Schema) => Type.Union([schema, Type.Null()])

const EntryProofSchema = Type.Object(
  {
    header: Type.Object({}, { description: 'the entry without what only the vault opens' }),
    headerKey: Type.String({ description: 'opens the header and nothing else, hex' }),
    rowsRoot: Hash,
    index: Count,
    path: Type.Array(Hash),
  },
  { ...closed, description: 'that the entry stands in the tree of the checkpoint' },
)

const RowProofSchema = Type.Object(
  {
    row: Type.Object({
      kind: Type.Enum(['user', 'device', 'group']),
      surface: Type.String(),
      shape: Type.String(),
      events: Count,
      first: Type.Integer(),
      last: Type.Integer(),
      groupTags: Type.Array(Type.String()),
    }),
    rowKey: Type.String({ description: 'opens this row and no other, hex' }),
    index: Count,
    size: Count,
    path: Type.Array(Hash),
  },
  { ...closed, description: 'that the row stands in the entry' },
)

export const StatementAnswer = Type.Object(
  {
    format: Type.Literal('bulkhead-statement/1'),
    madeAt: Instant,
    about: Type.Object({ asked: Type.String(), searched: Type.Array(Type.String()) }, closed),
    disclosures: Type.Array(
      Type.Object(
        {
          entry: Count,
          date: Instant,
          recipient: Type.Object(
            { vendor: Type.String(), destination: Type.String(), name: Type.String(), address: nullable(Type.String()) },
            closed,
          ),
          description: Type.Array(
            Type.Object(
              {
                surface: Type.String(),
                fields: Type.String({ description: 'pairs of field and form' }),
                about: Type.Enum(['person', 'device']),
                events: Count,
                first: Type.String(),
                last: Type.String(),
                groups: Count,
              },
              closed,
            ),
          ),
          purpose: Type.String(),
          state: Type.Enum(['delivered', 'possible']),
          proof: nullable(
            Type.Object({ intent: EntryProofSchema, rows: Type.Array(RowProofSchema), outcome: nullable(EntryProofSchema) }, closed),
          ),
        },
        closed,
      ),
    ),
    notSent: Type.Array(Type.String(), { description: 'fields about people that are in none of the disclosures' }),
    limits: Type.Array(Type.String(), { description: 'what it cannot say' }),
    checkpoint: nullable(Type.Object({ origin: Type.String(), size: Count, root: Hash, note: Type.String() }, closed)),
    signed: Type.String({ description: 'a note over the SHA-256 of all the rest, written with sorted keys and no space' }),
  },
  { ...closed, title: 'bulkhead who X --statement --json' },
)

export const StatementCheckAnswer = Type.Object(
  {
    ok: Type.Boolean(),
    disclosures: Count,
    proved: Count,
    problems: Type.Array(Type.Object({ entry: nullable(Type.Integer()), what: Type.String() }, closed)),
    checkpoint: nullable(Type.Object({ origin: Type.String(), size: Count, root: Hash }, closed)),
  },
  { ...closed, title: 'bulkhead ledger verify --statement FILE --key FILE --json' },
)

export const SentPlace = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum(['git', 'mail', 'witness', 'folder']),
    state: Type.Enum(['held', 'waiting', 'forked'], { description: 'forked: it holds what our ledger does not go on from' }),
    size: nullable(Count),
    root: nullable(Hash),
    takenAt: nullable(Instant),
    what: nullable(Type.String({ description: 'what went wrong' })),
  },
  closed,
)

export type SentPlaceResult = Static<typeof SentPlace>
export type StatementCheck = Static<typeof StatementCheckAnswer>

export const STATEMENT_SCHEMAS = { 'who-statement': StatementAnswer, 'ledger-verify-statement': StatementCheckAnswer }
