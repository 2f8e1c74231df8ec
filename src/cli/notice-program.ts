/** `incident notify` and `incident notice`: their options. */
import type { Command } from 'commander'
import { incidentNumber, wholeNumberFrom } from './arguments.ts'
import type { CommonOptions } from './context.ts'
import type { NotifyOptions, SettleOptions } from './notice-commands.ts'
import type { Parts } from './parts.ts'

const commands = () => import('./notice-commands.ts')

const numbered = wholeNumberFrom(1, 999_999)

export function addNotices(incident: Command, { common, reason, contextOf }: Parts): void {
  reason(common(incident.command('notify <id>')), false)
    .description('tell the people who may be affected: draft, propose, and send what a second person has approved')
    .option('--lang <language>', 'auto (each person’s own), en, hi')
    .option('--dry-run', 'count whom it would tell; nothing is kept')
    .option('--preview', 'the exact text, with placeholders')
    .option('--shape <n>', 'with --preview: which of its texts', numbered)
    .option('--html <file>', 'with --preview: write the HTML there')
    .option('--propose', 'fix the texts and who gets them, and put them before a second person')
    .option('--send', 'send what was approved; waits and shows how far it is, and joins one that runs')
    .option('--outbox <dir>', 'with --send: write a plain maildir there, outside of the data folder, in place of sending')
    .option('--resend-unknown', 'with --send: again to those of whom nobody knows whether the mail server took it')
    .option('--resend-failed', 'with --send: again to those whom the mail server refused for good, after it was set right')
    .option('--continue', 'of a version that was stopped: go on with it (--send), or tell those who wait by a new one (--propose)')
    .option('--no-wait', 'with --send: return at once; it goes on by itself')
    .action(async (id: string, options: CommonOptions & NotifyOptions) =>
      (await commands()).notifyCommand(contextOf(options), incidentNumber(id), options),
    )
  const notice = incident.command('notice').description('what became of notices')
  common(notice.command('list <id>'))
    .description('the versions of an incident’s notices, and the Message-IDs whose fate is open')
    .action(async (id: string, options: CommonOptions) => (await commands()).listCommand(contextOf(options), incidentNumber(id)))
  reason(common(notice.command('settle <id> [messageId]')), true)
    .description('say what became of a notice of which nobody knew, as the mail server’s log has it')
    .option('--all', 'of all that are open, in place of one Message-ID')
    .option(
      '--was <what>',
      'sent, or not-sent: it is then sent again; with --all also refused: those whom the mail server refuses have failed',
    )
    .option('--notice-version <n>', 'the newest, when nothing is said', numbered)
    .action(async (id: string, messageId: string | undefined, options: CommonOptions & SettleOptions) =>
      (await commands()).settleCommand(contextOf(options), incidentNumber(id), messageId, options),
    )
  reason(common(notice.command('stop <id>')), true)
    .description('stop sending; what is under way is brought to its end')
    .option('--notice-version <n>', 'the newest, when nothing is said', numbered)
    .action(async (id: string, options: CommonOptions & SettleOptions) =>
      (await commands()).stopCommand(contextOf(options), incidentNumber(id), options),
    )
}
