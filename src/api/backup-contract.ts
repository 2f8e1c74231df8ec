/** What `backup` and `restore` say, and how reports name what a restore has lost. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })

const LedgerGapAnswer = Type.Object(
  {
    from: Count,
    to: Type.Integer({ minimum: 0, description: 'from - 1: no lost entry is known, but the end was not clean' }),
    exact: Type.Boolean({ description: 'false: a few more may be lost than is known' }),
    restoredAt: Instant,
  },
  { ...closed, description: 'entries that a restore from an older backup has lost' },
)
export const LedgerGaps = Type.Optional(Type.Array(LedgerGapAnswer))
export type LedgerGap = Static<typeof LedgerGapAnswer>

/** One gap in words, for reports. */
export function gapText({ from, to, exact }: Pick<LedgerGap, 'from' | 'to' | 'exact'>): string {
  if (to < from) return `entries from ${from} on, how many nobody knows`
  return `entries ${from} to ${to}${exact ? '' : ' at least'}`
}

const GapRecord = Type.Object(
  {
    entry: Type.Integer({ minimum: 1, description: 'the ledger entry that records the gap' }),
    from: Count,
    to: Type.Integer({ minimum: 0, description: 'last number known to have been given out; from - 1: none is known to be lost' }),
    exact: Type.Boolean({ description: 'false: nobody can say that no more were given out' }),
    origin: Type.String({ description: 'the origin that begins with that entry' }),
    key: Type.String({ description: 'Ed25519 public key of the signature, SPKI, base64' }),
  },
  closed,
)

export const BackupAnswer = Type.Object(
  {
    entries: Type.Integer({ minimum: 0, description: 'entries of the ledger in the copy' }),
    logHead: Count,
    takenAt: Instant,
    files: Count,
    bytes: Count,
    keys: Type.Union([Type.Object({ folder: Type.String(), removed: Type.Array(Type.String()) }, closed), Type.Null()]),
    erasuresReplayed: Type.Integer({ minimum: 0, description: 'identifiers removed because a crash had left their erasure unfinished' }),
  },
  { ...closed, title: 'bulkhead backup DIR --json' },
)

export const RestoreAnswer = Type.Object(
  {
    entries: Type.Integer({ minimum: 0, description: 'entries of the restored ledger, the record of a gap included' }),
    gap: Type.Optional(GapRecord),
    erasuresReplayed: Type.Integer({ minimum: 0, description: 'identifiers whose erasure was later than the backup, removed again' }),
    takenAt: Instant,
    logFrom: Type.Integer({ minimum: 1, description: 'number that the next entry of the log gets' }),
    cut: Type.Array(Type.String(), { description: 'vendors cut after the backup, cut again' }),
    noticesStopped: Type.Integer({ minimum: 0, description: 'versions of notices that were begun and go on only by somebody’s word' }),
    approvalsClosed: Type.Integer({
      minimum: 0,
      description: 'proposals and approvals of which the key folder knows later steps, or none at all: they count for nothing',
    }),
    keys: Type.String({ description: 'the key folder in use' }),
    outside: Type.Array(
      Type.Object(
        { id: Type.String(), size: Type.Union([Count, Type.Null()]), what: Type.Union([Type.String(), Type.Null()]) },
        { ...closed, description: 'a place that holds checkpoints: how many entries its newest one covers, or why it cannot say' },
      ),
    ),
  },
  { ...closed, title: 'bulkhead restore DIR --data NEW --json' },
)

export type BackupReport = Static<typeof BackupAnswer>
export type RestoreReport = Static<typeof RestoreAnswer>
