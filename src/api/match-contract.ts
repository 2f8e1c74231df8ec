/** What `incident match` asks and says. */
import { type Static, type TSchema, Type } from 'typebox'
import { ROW_FORMATS } from '#incidents/row-file.ts'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

/** In the header `bulkhead-claims`, as base64url of its JSON; the body is the file as it is. */
export const LeakedFileRequest = Type.Object(
  { file: Type.String({ maxLength: 4096 }), reason: Type.Optional(Type.String({ maxLength: 1000 })) },
  closed,
)

const Evidence = Type.Object({ id: Type.String(), sha256: Type.String(), bytes: Count }, closed)

export interface LeakedFileResult {
  evidence: Static<typeof Evidence>
  /** The same file was sealed for this incident before, and is used again. */
  known: boolean
}

export const MatchRequest = Type.Object(
  {
    evidence: Type.String({ maxLength: 64 }),
    file: Type.String({ maxLength: 4096 }),
    reason: Type.Optional(Type.String({ maxLength: 1000 })),
    format: Type.Optional(Type.Enum([...ROW_FORMATS])),
    map: Type.Optional(Type.Array(Type.String({ maxLength: 2000 }), { maxItems: 1000 })),
  },
  closed,
)
export type MatchBodyRequest = Static<typeof MatchRequest>

const grades = (description: string) => Type.Object({ a: Count, b: Count, c: Count }, { ...closed, description })

export const MatchAnswer = Type.Object(
  {
    rows: Count,
    matched: grades('rows by grade: a pseudonym of ours that the ledger holds; an id; an address, number or name'),
    outsideWindow: Count,
    notSentThroughBulkhead: Type.Integer({ minimum: 0, description: 'bypass, older data, another breach or fabrication' }),
    people: Type.Integer({ minimum: 0, description: 'people whom the rows name, by any grade' }),
    fieldsNotInLedger: Type.Array(Type.String(), {
      description: 'fields, and columns that are none, of which nothing was sent to this vendor',
    }),
    columnsNotInLedger: Type.Array(Type.Object({ column: Type.String(), field: nullable(Type.String()), rows: Count }, closed)),
    peopleBy: grades('each person by the best grade'),
    reconciled: Type.Object(
      { inBoth: Count, inBothByPseudonym: Count, onlyInFile: Count, onlyInLedger: Count },
      { ...closed, description: 'people of the file beside those in the scope of the incident, which the file does not change' },
    ),
    unknown: Type.Integer({ minimum: 0, description: 'rows that name nobody whom we know' }),
    knownNothingSent: Type.Integer({ minimum: 0, description: 'rows of people about whom nothing was sent to this vendor' }),
    unidentified: Type.Integer({ minimum: 0, description: 'rows that hold nothing that could name anybody' }),
    notInLedger: Type.Integer({ minimum: 0, description: 'rows with a pseudonym that we made and the ledger does not hold' }),
    ambiguous: Type.Integer({ minimum: 0, description: "graded rows that name several people, or a device in nobody's hands" }),
    foreignEpochs: Type.Array(
      Type.Object({ vendor: nullable(Type.String()), destination: nullable(Type.String()), epoch: Count, rows: Count }, closed),
      { description: 'pseudonyms that another vendor was given; vendor null: those of our own answers' },
    ),
    epochs: Type.Array(
      Type.Object({ destination: Type.String(), epoch: Count, state: Type.Enum(['active', 'closed', 'destroyed']), rows: Count }, closed),
    ),
    destroyedEpochs: Type.Array(Type.Object({ destination: Type.String(), epoch: Count }, closed), {
      description: 'epochs of this vendor that were destroyed: what they made cannot be told from foreign ids',
    }),
    malformed: Type.Integer({ minimum: 0, description: 'rows that could not be read' }),
    readInPart: Type.Integer({ minimum: 0, description: 'rows with a wrong number of cells, or bytes that are no text' }),
    faults: Type.Array(
      Type.Object({ number: Count, fault: Type.Enum(['cut_off', 'no_json', 'no_object', 'too_long', 'cells', 'encoding']) }, closed),
      { description: 'the first hundred of both, by the number of the row' },
    ),
    format: Type.Enum(['csv', 'json', 'ndjson', 'none']),
    entries: Type.Integer({ minimum: 0, description: 'ledger entries 1..entries were looked at' }),
    incident: Count,
    evidence: Evidence,
  },
  { ...closed, title: 'bulkhead incident match ID --file F --json' },
)
export type MatchAnswer = Static<typeof MatchAnswer>

const { rows, matched, outsideWindow, notSentThroughBulkhead, people, fieldsNotInLedger, reconciled, malformed, foreignEpochs, entries } =
  MatchAnswer.properties
/** As `incident show` has it beside the file. */
export const MatchShown = Type.Object(
  {
    rows,
    matched,
    outsideWindow,
    notSentThroughBulkhead,
    people,
    fieldsNotInLedger,
    reconciled,
    malformed,
    foreignEpochs,
    entries,
    columns: Type.Array(Type.String(), { description: 'columns that hold what was never sent, as the file calls them' }),
  },
  { ...closed, description: 'what the file says beside the ledger' },
)
export type MatchShown = Static<typeof MatchShown>

export const MATCH_SCHEMAS = { 'incident-match': MatchAnswer }
