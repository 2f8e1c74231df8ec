/** `bulkhead policy …`: its commands and their options. */
import type { Command } from 'commander'
import { wholeNumberFrom } from './arguments.ts'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

const daysNumber = wholeNumberFrom(1, 400)

export function addPolicy(root: Command, { common, reason, contextOf }: Parts): Command {
  const policy = root.command('policy').description('what may leave, in which form, and why')
  common(policy.command('show [version]'))
    .description('the policy in force, or an earlier version of it')
    .option('--yaml', 'print it as a policy file, to be edited and planned')
    .action(async (version: string | undefined, options: CommonOptions & { yaml?: boolean }) => {
      await (await import('./policy-commands.ts')).showPolicyCommand(contextOf(options), version, options.yaml === true)
    })
  common(policy.command('plan <file>'))
    .description('what a policy file or a bulkhead.yaml would send and no longer send, by the events of the last days')
    .option('--days <n>', 'how many days back', daysNumber)
    .action(async (file: string, options: CommonOptions & { days?: number }) => {
      await (await import('./policy-commands.ts')).planPolicyCommand(contextOf(options), file, options.days)
    })
  reason(common(policy.command('apply <file>')), true)
    .description('put it in force')
    .action(async (file: string, options: CommonOptions & { reason?: string }) => {
      await (await import('./policy-commands.ts')).applyPolicyCommand(contextOf(options), file, options.reason)
    })
  reason(common(policy.command('propose')), true)
    .description('names that wait for an approval: types, shapes and people, never values')
    .option('--days <n>', 'how many days back, 30 at most', daysNumber)
    .option('--k <n>', 'tell no name of fewer people', wholeNumberFrom(2, 10_000))
    .action(async (options: CommonOptions & { days?: number; k?: number; reason?: string }) => {
      await (await import('./policy-commands.ts')).proposePolicyCommand(contextOf(options), options)
    })
  reason(common(policy.command('approve <name...>')), true)
    .description('let event names and property keys open from now on: NAME, event:NAME or property:KEY')
    .option('--destination <destination>', 'and leave to this destination, in the forms that are granted')
    .option('--backfill', 'fill the own store with what still waits; vendors get nothing a second time')
    .option('--store', 'in the own store alone (so it is without --destination)')
    .action(
      async (names: string[], options: CommonOptions & { destination?: string; store?: boolean; backfill?: boolean; reason?: string }) => {
        await (await import('./policy-commands.ts')).approvePolicyCommand(contextOf(options), names, options)
      },
    )
  common(policy.command('explain <event>'))
    .description('which rule decides about each field of an event: a file, - for stdin, or SEQ:INDEX for one of the log')
    .requiredOption('--vendor <vendor>', 'towards whom')
    .option('--destination <destination>', 'only this destination of it')
    .option('--source <source>', 'as this source would take it; else the one whose token the event has')
    .action(async (event: string, options: CommonOptions & { vendor: string; destination?: string; source?: string }) => {
      await (await import('./policy-commands.ts')).explainPolicyCommand(contextOf(options), event, options)
    })
  return policy
}
