/** `bulkhead notice`. */
import type { Command } from 'commander'
import type { NoticeCheckOptions } from './check-command.ts'
import type { Parts } from './parts.ts'

export function addNotice(root: Command, { common, contextOf }: Parts): void {
  const notice = root.command('notice').description('what people were sent after an incident')
  common(notice.command('check [file]'))
    .description('whether a notice is real: a mail (.eml) or text in a file, `-` for stdin, or its code and address')
    .option('--code <code>', 'the code that stands in it')
    .option('--address <address>', 'the address at which it came in; else the one that a mail names')
    .option('--lang <language>', 'en or hi', 'en')
    .action(async (file: string | undefined, options: NoticeCheckOptions) => {
      await (await import('./check-command.ts')).noticeCheckCommand(contextOf(options), file, options)
    })
}
