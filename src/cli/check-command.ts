import { createReadStream } from 'node:fs'
import { BulkheadError } from '#base/errors.ts'
import { CONTENT_BYTES_MAX, NOTICE_CHECK_ROUTE, type NoticeCheckResult } from '#api/notice-check-contract.ts'
import { type CommonOptions, type Context, printAnswer } from './context.ts'
import { connect } from './staff-client.ts'

export interface NoticeCheckOptions extends CommonOptions {
  code?: string
  address?: string
  lang?: string
}

/** Exit code 0 with any verdict: the question was answered. */
export async function noticeCheckCommand(context: Context, file: string | undefined, options: NoticeCheckOptions): Promise<void> {
  const { code, address, lang } = options
  if (file === undefined && code === undefined && address === undefined) {
    throw new BulkheadError('bad_usage', 'give a file, or --code and --address')
  }
  const content = file === undefined ? undefined : (await readContent(file)).toString('base64')
  const asked = { code, address, content, lang }
  printAnswer(context, await connect(context).post<NoticeCheckResult>(NOTICE_CHECK_ROUTE, asked), render)
}

async function readContent(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      chunks.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      // As much as shows that it is too large; the rest says nothing more.
      if (bytes >= CONTENT_BYTES_MAX) break
    }
  } catch (cause) {
    throw new BulkheadError('bad_usage', `${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`, { cause })
  }
  return Buffer.concat(chunks).subarray(0, CONTENT_BYTES_MAX)
}

function render({ verdict, reasons }: NoticeCheckResult): string {
  return [verdict, ...reasons.map(({ text }) => `  ${text}`)].join('\n')
}
