/** What `bulkhead ledger …` is answered; the same rules as in contract.ts. */
import { type Static, Type } from 'typebox'
import { SentPlace } from './statement-contract.ts'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Index = Type.Integer({ minimum: 0, description: 'place of an entry in the tree, from 0: its number less one' })
const Base64 = Type.String({ description: 'base64' })

const head = {
  size: Type.Integer({ minimum: 0, description: 'entries that it covers' }),
  root: Type.String({ description: 'SHA-256 of RFC 6962 over them, base64' }),
  origin: Type.String({ description: 'names the tree; another one begins after a restore that lost entries' }),
}

export const LedgerCheckpointAnswer = Type.Object(
  {
    ...head,
    note: Type.String({ description: 'the signed note (c2sp.org/tlog-checkpoint), as it is handed on' }),
    key: Type.Union([Type.String(), Type.Null()], {
      description: 'name+hash+base64, by which its signature is checked; null with nothing running',
    }),
    places: Type.Optional(Type.Array(SentPlace, { description: 'with --send' })),
  },
  { ...closed, title: 'bulkhead ledger checkpoint [--send] --json' },
)

export const LedgerProveAnswer = Type.Object(
  {
    index: Index,
    entry: Type.Integer({ minimum: 1, description: 'its number in the ledger' }),
    ...head,
    note: Type.String(),
    leaf: Type.String({ description: 'the 66 bytes of the leaf, base64' }),
    proof: Type.Array(Base64, { description: 'hashes from the leaf upwards (RFC 6962, section 2.1.1)' }),
    header: Type.Record(Type.String(), Type.Unknown(), { description: 'the entry without salt, sealed rows, key and signature' }),
    headerKey: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'opens the header and nothing else' }),
    rowsRoot: Type.String({ description: 'root over the commitments to the rows, base64' }),
  },
  { ...closed, title: 'bulkhead ledger prove INDEX --json' },
)

const KINDS = ['changed', 'dropped', 'inserted', 'reordered', 'tile', 'bundle', 'checkpoint', 'signature', 'totals'] as const

export const LedgerVerifyAnswer = Type.Object(
  {
    entries: Type.Integer({ minimum: 0, description: 'entries that were held against the tree' }),
    ok: Type.Boolean(),
    problems: Type.Array(
      Type.Object(
        {
          index: Type.Union([Index, Type.Null()], {
            description: 'of the entry, or of the first that a file covers; null where none can be named',
          }),
          kind: Type.Enum([...KINDS]),
          what: Type.String(),
        },
        closed,
      ),
    ),
    moreProblems: Type.Integer({ minimum: 0, description: 'beyond those listed' }),
    checkpoint: Type.Union([Type.Object(head, closed), Type.Null()], { description: 'null when no signature holds' }),
    totals: Type.Union(
      [
        Type.Array(
          Type.Object(
            { destination: Type.String(), state: Type.Enum(['delivered', 'possible']), rows: Count, people: Count, events: Count },
            closed,
          ),
        ),
        Type.Null(),
      ],
      { description: 'as the manifests have them; null when only files were checked' },
    ),
    pending: Type.Integer({ minimum: 0, description: 'entries that no checkpoint covers yet' }),
    notChecked: Type.Array(Type.String()),
  },
  { ...closed, title: 'bulkhead ledger verify --json' },
)

export const LedgerRepairRequest = Type.Object({ reason: Type.Optional(Type.String()) }, closed)

export const LedgerRepairAnswer = Type.Object(
  {
    size: Type.Integer({ minimum: 0, description: 'entries of the tree that was signed' }),
    repaired: Type.Array(Type.String(), { description: 'files below `ledger/tiles` that were made again' }),
  },
  { ...closed, title: 'bulkhead ledger repair --json' },
)

export const LedgerAcknowledgeRequest = Type.Object(
  { entry: Type.Integer({ minimum: 1 }), reason: Type.Optional(Type.String({ maxLength: 1000 })) },
  closed,
)

export const LedgerAcknowledgeAnswer = Type.Object(
  {
    entry: Type.Integer({ minimum: 1, description: 'the ledger entry that records the gap' }),
    from: Type.Integer({ minimum: 1 }),
    to: Type.Integer({ minimum: 0 }),
    origin: Type.String({ description: 'the origin that the gap opened' }),
  },
  { ...closed, title: 'bulkhead ledger acknowledge ENTRY --json' },
)

export type LedgerAcknowledge = Static<typeof LedgerAcknowledgeAnswer>
export type LedgerRepair = Static<typeof LedgerRepairAnswer>
export type LedgerCheckpoint = Static<typeof LedgerCheckpointAnswer>
export type LedgerProve = Static<typeof LedgerProveAnswer>
export type LedgerVerify = Static<typeof LedgerVerifyAnswer>

export const LEDGER_SCHEMAS = {
  'ledger-checkpoint': LedgerCheckpointAnswer,
  'ledger-prove': LedgerProveAnswer,
  'ledger-acknowledge': LedgerAcknowledgeAnswer,
  'ledger-repair': LedgerRepairAnswer,
  'ledger-verify': LedgerVerifyAnswer,
} as const
