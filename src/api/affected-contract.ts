/** What `incident affected` says beyond its first figures: organisations, surfaces, jurisdictions, the baseline and what was checked. */
import { type TSchema, Type } from 'typebox'
import { BASELINE_KINDS } from '#model/baseline.ts'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const fieldForm = { field: Type.String(), form: Type.Enum(['clear', 'coarse', 'pseudonym', 'alias']) }

export const LatestCheckpoint = nullable(
  Type.Object(
    { size: Count, root: Type.String({ description: 'SHA-256, base64' }) },
    { ...closed, description: 'the newest of the ledger' },
  ),
)

export const scopeRequest = {
  surfaces: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 100 })),
  organisations: Type.Optional(
    Type.Boolean({ description: 'answer as NDJSON: an organisation a line, then a line {"affected"} or {"error"}' }),
  ),
}

export const BeforeBulkhead = Type.Object(
  {
    kind: Type.Enum(['declared', 'imported']),
    saidAt: Instant,
    saidBy: Type.String({ description: 'on whose word; empty: nobody was named' }),
    inScope: Type.Boolean({ description: 'false: its time or its surfaces lie outside of the question' }),
    subjects: nullable(Type.Integer({ minimum: 0, description: 'people of an import who are known here; null: nobody is named' })),
    onlyBaseline: nullable(
      Type.Integer({ minimum: 0, description: 'of these, about whom nothing was sent through Bulkhead in this scope' }),
    ),
    declaredPeople: nullable(Count),
    fields: Type.Array(Type.Object({ ...fieldForm, subjects: nullable(Count) }, closed)),
    ambiguousDevices: Count,
    surfaces: Type.Array(Type.String(), { description: 'empty: nobody said' }),
    from: nullable(Instant),
    to: nullable(Instant),
    unmatchedRows: Type.Integer({ minimum: 0, description: 'rows of nobody who is known here' }),
    brokenRows: Count,
    complete: Type.Boolean({ description: 'whoever imported it said that it is all that the vendor held' }),
  },
  { ...closed, description: 'what the vendor held before Bulkhead; its people are not in the figures above' },
)

export const scopeAnswer = {
  onlySurfaces: nullable(Type.Array(Type.String(), { description: 'what the question was narrowed to' })),
  organisations: Type.Object(
    {
      total: Type.Integer({ minimum: 0, description: 'named in what was sent, or of somebody in scope by a server or the directory' }),
      named: Count,
      withMembers: Count,
      withAdministrators: Type.Integer({ minimum: 0, description: 'for which the directory names an administrator' }),
      administrators: Count,
      reachableAdministrators: Type.Integer({ minimum: 0, description: 'with an address from a server or the directory' }),
    },
    closed,
  ),
  surfaces: Type.Array(
    Type.Object(
      { surface: Type.String({ description: 'empty: requests to delete, which come from no surface' }), subjects: Count, delivered: Count },
      closed,
    ),
  ),
  jurisdictions: Type.Array(
    Type.Object(
      {
        jurisdiction: Type.String({ description: 'country, US- and a state, or unknown' }),
        country: nullable(Type.String()),
        region: nullable(Type.String()),
        eu: Type.Boolean({ description: 'a member state of the European Union' }),
        subjects: Count,
        basis: Type.Object({ directory: Count, server: Count, place: Count }, { ...closed, description: 'who says so, in people' }),
      },
      closed,
    ),
    { description: 'people by where they live; together `subjects`' },
  ),
  erased: Type.Integer({ minimum: 0, description: 'of `subjects`, erased since: nobody can notify them' }),
  withoutAddress: Type.Integer({ minimum: 0, description: 'of the others, without an address from a server or the directory' }),
  baseline: Type.Enum([...BASELINE_KINDS]),
  beforeBulkhead: nullable(BeforeBulkhead),
  checked: Type.Object(
    {
      entries: Count,
      policies: nullable(Type.Object({ from: Count, to: Count }, closed)),
      freeText: Type.Array(Type.Object(fieldForm, closed), { description: 'granted fields in which any text may have stood' }),
      checkpoint: LatestCheckpoint,
      grantedNotSent: Type.Array(Type.String(), { description: 'granted in these versions, and in no entry all the same' }),
    },
    closed,
  ),
}

const TrustAnswer = Type.Enum(['browser', 'server', 'directory'])

export const AffectedPersonLine = Type.Object(
  {
    subject: Type.String(),
    groups: Type.Array(Type.Object({ key: Type.String(), group: Type.String() }, closed)),
    fields: Type.Array(Type.Object(fieldForm, closed)),
    first: nullable(Instant),
    last: nullable(Instant),
    sentFirst: nullable(Instant),
    sentLast: nullable(Instant),
    events: Count,
    state: Type.Enum(['delivered', 'possible', 'baseline'], {
      description:
        'baseline: held before Bulkhead, of which nobody knows more than the import said; such a line may stand beside another of the same person',
    }),
    ids: Type.Optional(Type.Array(Type.String())),
    emails: Type.Optional(Type.Array(Type.String())),
    names: Type.Optional(Type.Array(Type.String())),
    trust: Type.Optional(
      Type.Object(
        { emails: nullable(TrustAnswer), names: nullable(TrustAnswer) },
        { ...closed, description: 'who said so; what only a browser said anyone with the public token may have said' },
      ),
    ),
  },
  { ...closed, title: 'One line of bulkhead incident affected --list FILE; ids, emails and names only with --identities' },
)

export const OrganisationAnswerLine = Type.Object(
  {
    key: Type.String(),
    group: Type.String({ description: 'staff-view pseudonym' }),
    named: Type.Boolean({ description: 'in what was sent' }),
    members: Type.Integer({ minimum: 0, description: 'people in scope who belong to it by a server or the directory' }),
    administrators: Type.Integer({ minimum: 0, description: 'whom the directory names' }),
    ids: Type.Optional(Type.Array(Type.String())),
    addresses: Type.Optional(Type.Array(Type.Object({ subject: Type.String(), emails: Type.Array(Type.String()) }, closed))),
    memberSubjects: Type.Optional(Type.Array(Type.String(), { description: 'absent where there is no administrator to be told' })),
  },
  { ...closed, title: 'One line of bulkhead incident affected --organisations FILE; ids, addresses and members only with --identities' },
)
