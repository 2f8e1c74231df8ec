/** `bulkhead ledger …`: its commands and their options. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CommonOptions } from './context.ts'
import type { VerifyOptions } from './ledger-commands.ts'
import type { Parts } from './parts.ts'

export function addLedger(root: Command, { common, contextOf }: Parts, exit: (code: number) => void): Command {
  const commands = () => import('./ledger-commands.ts')
  const ledger = root.command('ledger').description('what was disclosed, as a tree that can be checked (docs/ledger.md)')
  common(ledger.command('checkpoint'))
    .description('the newest signed checkpoint, and the key that it is checked with')
    .option(
      '--send',
      'and send it now to every place of `ledger.checkpoints`; exit 1 when none holds it then, or one holds another history',
    )
    .action(async (options: CommonOptions & { send?: boolean }) => {
      exit(await (await commands()).checkpointCommand(contextOf(options), options.send === true))
    })
  common(ledger.command('prove <index>'))
    .description('that an entry stands in the tree, with what its header says; the first has index 0')
    .action(async (index: string, options: CommonOptions) => {
      await (await commands()).proveCommand(contextOf(options), wholeIndex(index))
    })
  common(ledger.command('repair'))
    .description(
      "makes files of the tree again that are not as they were signed, from the ledger's entries; refused where those differ too",
    )
    .option('--reason <text>', 'kept on record')
    .action(async (options: CommonOptions & { reason?: string }) => {
      await (await commands()).repairCommand(contextOf(options), options.reason)
    })
  common(ledger.command('acknowledge <entry>'))
    .description('that somebody knows of a gap in the ledger, the entry that records it; until then `doctor` is red')
    .option('--reason <text>', 'kept on record')
    .action(async (entry: string, options: CommonOptions & { reason?: string }) => {
      await (await commands()).acknowledgeCommand(contextOf(options), wholeIndex(entry), options.reason)
    })
  common(ledger.command('verify'))
    .description('everything, against the signed tree: files, entries, the totals of the warehouse; exit 1 when anything does not fit')
    .option('--files <dir>', "only a copy of the tree's files (or of the ledger's folder): needs nothing else but --key")
    .option('--key <file>', 'public key that `ledger checkpoint` shows, or PEM')
    .option('--statement <file>', "a person's statement: needs nothing else but --key")
    .action(async (options: CommonOptions & VerifyOptions) => {
      exit(await (await commands()).verifyCommand(contextOf(options), options))
    })
  return ledger
}

function wholeIndex(text: string): number {
  const index = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(index)) throw new InvalidArgumentError('Give the index of an entry, from 0.')
  return index
}
