/** Whether what would be sent is what was approved. Another release or sender may be there by now. */
import { BulkheadError } from '#base/errors.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import { type NoticeContent, textsSha256 } from './draft.ts'
import type { NoticeWords } from './words.ts'

/** Throws `notice_changed`. What is kept of the notices that went out stays. */
export function assertApproved(
  { content: text, sha256 }: Pick<NoticeVersion, 'content' | 'sha256'>,
  { from: now }: Pick<NoticesConfig, 'from'>,
  words: NoticeWords,
): void {
  const content = JSON.parse(text) as NoticeContent
  const { from } = content.subject
  if (from !== undefined && (from.name !== now.name || from.address !== now.address))
    throw new BulkheadError('notice_changed', 'the sender is not as it was when this version was proposed', { hint: CHANGED })
  if (textsSha256(content, words) !== sha256)
    throw new BulkheadError('notice_changed', 'the words of notices are not as they were when this version was approved', { hint: CHANGED })
}

const CHANGED =
  'Put the configuration or the release back, or stop this version (`incident notice stop`) and tell those who wait by a new one: ' +
  '`incident notify ID --propose --continue --reason "…"`.'
