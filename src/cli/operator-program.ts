/** `bulkhead operator …` and `bulkhead approval …`: their commands and options. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

export function addOperators(root: Command, { common, reason, contextOf }: Parts): void {
  const commands = () => import('./operator-commands.ts')
  const operator = root.command('operator').description('who may use the staff API, each with a credential of their own')
  common(operator.command('list'))
    .description('all operators, removed ones too')
    .action(async (options: CommonOptions) => {
      await (await commands()).listOperatorsCommand(contextOf(options))
    })
  reason(common(operator.command('add <name>')), false)
    .description('make a credential, shown once')
    .option('--file <file>', 'write it into this new file, for its owner alone to read, instead of printing it')
    .action(async (name: string, options: CommonOptions & { reason?: string; file?: string }) => {
      await (await commands()).addOperatorCommand(contextOf(options), name, options)
    })
  reason(common(operator.command('remove <name>')), false)
    .description('their credential opens nothing any more, at once')
    .action(async (name: string, options: CommonOptions & { reason?: string }) => {
      await (await commands()).removeOperatorCommand(contextOf(options), name, options.reason)
    })

  const approval = root.command('approval').description('what one person alone may not do')
  common(approval.command('list'))
    .description('what was proposed, what waits, and what counts from when')
    .action(async (options: CommonOptions) => {
      await (await commands()).listApprovalsCommand(contextOf(options))
    })
  for (const verb of ['approve', 'reject'] as const) {
    reason(common(approval.command(`${verb} <id>`)), true)
      .description(verb === 'approve' ? 'let through what somebody else proposed' : 'refuse it, or take back your own')
      .action(async (id: string, options: CommonOptions & { reason?: string }) => {
        await (await commands()).decideApprovalCommand(contextOf(options), { id: approvalNumber(id), verb }, options.reason)
      })
  }
}

function approvalNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Give the number of a proposal.')
  return Number(text)
}
