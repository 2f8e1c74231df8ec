/** `bulkhead vendor deletions|held|credential|retire`: the commands and their options. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

export const DECISIONS = ['release', 'drop', 'keep'] as const

export function addLeaving(vendor: Command, { common, reason, contextOf }: Parts): void {
  const commands = () => import('./leaving-commands.ts')
  common(vendor.command('deletions <vendor>'))
    .description('what it was asked to delete, by when it promised, and what it says')
    .option('--refresh', 'ask the vendor first how far it is')
    .action(async (name: string, options: CommonOptions & { refresh?: boolean }) => {
      await (await commands()).deletionsCommand(contextOf(options), name, options.refresh === true)
    })
  reason(common(vendor.command('held <vendor>')), false)
    .description('what waits for a vendor that is cut, by day and kind, and what becomes of it')
    .option(
      '--decide <decision>',
      'release (sent when the flow opens), drop (never sent), keep (for another vendor); needs --reason',
      decision,
    )
    .action(async (name: string, options: CommonOptions & { decide?: string; reason?: string }) => {
      await (await commands()).heldCommand(contextOf(options), name, options)
    })
  reason(common(vendor.command('credential <vendor> <name>')), true)
    .description('record that a credential was changed at the vendor')
    .requiredOption('--rotated', 'it was')
    .action(async (name: string, credential: string, options: CommonOptions & { reason?: string }) => {
      await (await commands()).credentialCommand(contextOf(options), { vendor: name, name: credential }, options.reason)
    })
  reason(common(vendor.command('retire <vendor>')), true)
    .description('leave a vendor for good: the flow ends, epochs are closed, what it was sent stays on record')
    .option('--delete', 'and ask it to delete everybody that was ever sent to it')
    .action(async (name: string, options: CommonOptions & { reason?: string; delete?: boolean }) => {
      await (await commands()).retireCommand(contextOf(options), name, options)
    })
}

function decision(text: string): string {
  if (!DECISIONS.some((known) => known === text)) throw new InvalidArgumentError(`Give one of ${DECISIONS.join(', ')}.`)
  return text
}
