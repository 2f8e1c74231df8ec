/** What `bulkhead notice check` asks and says. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const

export const NOTICE_CHECK_ROUTE = '/v1/notices/check'
/** Twice what is read, so that a mail that is too large is said to be so. */
export const CONTENT_BYTES_MAX = 4_000_000

export const NoticeCheckRequest = Type.Object(
  {
    code: Type.Optional(Type.String({ maxLength: 200 })),
    address: Type.Optional(Type.String({ maxLength: 1000 })),
    content: Type.Optional(
      Type.String({ maxLength: Math.ceil(CONTENT_BYTES_MAX / 3) * 4, description: 'a mail as it was saved, or text; base64' }),
    ),
    lang: Type.Optional(Type.String({ maxLength: 35, description: 'en or hi' })),
  },
  closed,
)

export const NoticeCheckAnswer = Type.Object(
  {
    verdict: Type.Enum(['genuine', 'altered', 'not_ours', 'cannot_tell']),
    reasons: Type.Array(
      Type.Object(
        {
          code: Type.String({ pattern: '^[a-z_]+$', description: 'see docs/checking.md' }),
          text: Type.String({ description: 'in plain words' }),
        },
        closed,
      ),
      { minItems: 1 },
    ),
  },
  { ...closed, title: 'bulkhead notice check --json' },
)

export const NOTICE_CHECK_SCHEMAS = { 'notice-check': NoticeCheckAnswer }

export type NoticeCheckBody = Static<typeof NoticeCheckRequest>
export type NoticeCheckResult = Static<typeof NoticeCheckAnswer>
