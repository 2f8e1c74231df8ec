import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { reasonsIn } from '#notices/check/check-web.ts'
import { LANGUAGES, wordsOf } from '#notices/check/words.ts'
import type { StaffDeps } from './deps.ts'
import { type NoticeCheckBody, NOTICE_CHECK_ROUTE, NoticeCheckRequest, type NoticeCheckResult } from './notice-check-contract.ts'

/** The same question as on the public page. It opens nothing, so no look is recorded. */
export function addNoticeCheckRoute(app: FastifyInstance, { noticeCheck }: StaffDeps): void {
  app.post<{ Body: NoticeCheckBody }>(
    NOTICE_CHECK_ROUTE,
    { schema: { body: NoticeCheckRequest } },
    async (request): Promise<NoticeCheckResult> => {
      if (noticeCheck === undefined) throw new BulkheadError('notice_not_configured', 'bulkhead.yaml has no notices')
      const { code, address, content, lang = 'en' } = request.body
      const words = wordsOf(lang)
      if (words === undefined) {
        throw new BulkheadError(
          'bad_usage',
          `there are no words in ${lang}; there are ${LANGUAGES.map(({ language }) => language).join(', ')}`,
        )
      }
      const judged = await noticeCheck.desk.check({
        ...(code === undefined ? {} : { code }),
        ...(address === undefined ? {} : { address }),
        ...(content === undefined ? {} : { content: Buffer.from(content, 'base64') }),
      })
      return { verdict: judged.verdict, reasons: reasonsIn(words, judged, noticeCheck.marks) }
    },
  )
}
