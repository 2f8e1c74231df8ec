/** What `incident notify` and `incident notice` ask and say. Of people there are numbers alone. */
import { type Static, type TSchema, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Count = (description?: string) => Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) })
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const nullable = <Schema extends TSchema>(schema: Schema, options: { description?: string } = {}) =>
  Type.Union([schema, Type.Null()], options)
const Reason = Type.String({ maxLength: 1000 })

export const NotifyRequest = Type.Object(
  {
    act: Type.Enum(['dry-run', 'propose', 'send']),
    lang: Type.Optional(Type.String({ minLength: 2, maxLength: 35 })),
    outbox: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'absolute path of a maildir' })),
    resendUnknown: Type.Optional(Type.Boolean()),
    resendFailed: Type.Optional(Type.Boolean()),
    continue: Type.Optional(Type.Boolean()),
    reason: Type.Optional(Reason),
  },
  closed,
)

export const NoticePreviewRequest = Type.Object(
  {
    shape: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    lang: Type.Optional(Type.String({ minLength: 2, maxLength: 35 })),
    version: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
)

export const NoticeSettleRequest = Type.Object(
  {
    version: Type.Optional(Type.Integer({ minimum: 1 })),
    message: Type.Optional(Type.String({ minLength: 3, maxLength: 400, description: 'a Message-ID; left out with all' })),
    all: Type.Optional(Type.Boolean()),
    as: Type.Enum(['sent', 'not-sent', 'refused']),
    reason: Type.Optional(Reason),
  },
  closed,
)

export const NoticeStopRequest = Type.Object(
  { version: Type.Optional(Type.Integer({ minimum: 1 })), reason: Type.Optional(Reason) },
  closed,
)

const counted = {
  recipients: Count('people who are told for themselves'),
  sent: Count('taken by the mail server'),
  skipped: Count('nothing is sent: erased since, without an address by now, or told under the same address by one mail'),
  failed: Count('refused for good, or no address that mail can go to'),
  unknown: Count('handed over, and nobody knows whether it was taken; never sent again by itself'),
}

const StateOf = Type.Enum(['draft', 'proposed', 'sending', 'stopped', 'done'], {
  description: 'draft: nothing of it is kept; proposed: its text waits for a second person; stopped: goes on by somebody’s word',
})

const answer = {
  version: Type.Integer({ minimum: 1, description: 'of the notices of this incident' }),
  ...counted,
  noTrustedAddress: Count('people in scope, told by no version, without an address from a server or the directory'),
  waiting: Count('not handed over yet'),
  filed: Count('written into the maildir'),
  erased: Count('people in scope who were erased before: nobody can tell them'),
  organisations: Type.Object(
    { ...counted, waiting: Count(), filed: Count() },
    { ...closed, description: 'notices to their administrators' },
  ),
  why: Type.Record(Type.String(), Count(), { description: 'of those that failed or were skipped' }),
  incident: Type.Integer({ minimum: 1 }),
  scopeVersion: Count('0: a restore has lost what it was about'),
  state: StateOf,
  way: nullable(Type.Enum(['smtp', 'maildir', 'outbox']), { description: 'outbox: sealed, for somebody to send' }),
  trouble: nullable(Type.String(), { description: 'what keeps it from going on right now' }),
  fault: nullable(Type.Object({ code: Type.String(), message: Type.String(), hint: Type.String() }, closed), {
    description: 'why it stands still until somebody sends again',
  }),
  languages: Type.Array(Type.String()),
  shapes: Count('texts in each language'),
  sha256: Type.String({ description: 'of all its texts: what is approved' }),
  approval: nullable(Type.Integer({ minimum: 1 }), {
    description: 'number of the proposal; null: there is none, or it was rejected or has run out',
  }),
  countsFrom: nullable(Instant, { description: 'when the approval counts, as far as that is known' }),
  startedAt: nullable(Instant),
  endedAt: nullable(Instant),
}

export const NoticeShown = Type.Object(answer, closed)

export const NotifyAnswer = Type.Object(answer, { ...closed, title: 'bulkhead incident notify ID --json' })

export const NoticeListAnswer = Type.Object(
  {
    incident: Type.Integer({ minimum: 1 }),
    notices: Type.Array(
      Type.Object(
        {
          ...answer,
          open: Type.Array(Type.Object({ messageId: Type.String(), at: Instant, why: nullable(Type.String()) }, closed), {
            description: 'notices of which nobody knows whether they were taken, at most 1000',
          }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'bulkhead incident notice list ID --json' },
)

export const NoticePreviewAnswer = Type.Object(
  {
    version: Type.Integer({ minimum: 1 }),
    sha256: Type.String({ description: 'of all texts of this version: what is approved' }),
    state: StateOf,
    languages: Type.Array(Type.String()),
    shapes: Type.Array(
      Type.Object(
        {
          number: Type.Integer({ minimum: 1 }),
          kind: Type.Enum(['person', 'organisation']),
          sent: Type.Array(Type.String({ description: 'field and form' })),
          possibleOnly: Type.Boolean(),
        },
        closed,
      ),
    ),
    shape: Type.Integer({ minimum: 1 }),
    language: Type.String(),
    subject: Type.String(),
    text: Type.String(),
    html: Type.String(),
  },
  { ...closed, title: 'bulkhead incident notify ID --preview --json' },
)

export const NoticeSettleAnswer = Type.Object(
  { incident: Type.Integer({ minimum: 1 }), version: Type.Integer({ minimum: 1 }), settled: Count(), unknown: Count('still open') },
  { ...closed, title: 'bulkhead incident notice settle ID --json' },
)

export type NotifyBody = Static<typeof NotifyRequest>
export type NotifyResult = Static<typeof NotifyAnswer>
export type NoticePreviewBody = Static<typeof NoticePreviewRequest>
export type NoticePreviewResult = Static<typeof NoticePreviewAnswer>
export type NoticeListResult = Static<typeof NoticeListAnswer>
export type NoticeSettleBody = Static<typeof NoticeSettleRequest>
export type NoticeSettleResult = Static<typeof NoticeSettleAnswer>
export type NoticeStopBody = Static<typeof NoticeStopRequest>

export const NOTICE_SCHEMAS = {
  'incident-notify': NotifyAnswer,
  'incident-notify-preview': NoticePreviewAnswer,
  'incident-notice-list': NoticeListAnswer,
  'incident-notice-settle': NoticeSettleAnswer,
}
