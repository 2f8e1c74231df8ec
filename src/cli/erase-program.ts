/** `erase`, `hold`, `keys`, and the epochs of vendors: the commands and their options. */
import type { Command } from 'commander'
import { wholeNumber } from './arguments.ts'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

const commands = () => import('./erase-commands.ts')

export function addEpochs(vendor: Command, { common, reason, contextOf }: Parts): void {
  reason(common(vendor.command('rotate <vendor>')), false)
    .description('begin a new epoch: the vendor knows everybody under new identifiers from now on')
    .option('--destination <destination>', 'only this destination of it')
    .action(async (name: string, options: CommonOptions & { reason?: string; destination?: string }) => {
      await (await commands()).rotateVendorCommand(contextOf(options), name, options)
    })
  reason(common(vendor.command('destroy-epoch <vendor> <epoch>')), true)
    .description('destroy a closed epoch for ever: nobody can say any more whom its identifiers named')
    .option('--destination <destination>', 'whose epoch, when the destination has another id than the vendor')
    .action(async (name: string, epoch: string, options: CommonOptions & { reason?: string; destination?: string }) => {
      await (await commands()).destroyEpochCommand(contextOf(options), { vendor: name, epoch: Number(epoch) }, options)
    })
}

export function addErasure(root: Command, { common, reason, contextOf }: Parts): void {
  reason(common(root.command('erase <address-or-id>')), true)
    .description('erase a person for good, and ask vendors to do the same')
    .option('--suppress', 'and keep the same ids and addresses from ever being taken again')
    .action(async (query: string, options: CommonOptions & { reason?: string; suppress?: boolean }) => {
      await (await commands()).eraseCommand(contextOf(options), query, options)
    })
  const hold = root.command('hold').description('keep anything from being erased or destroyed')
  reason(common(hold.command('open')), true)
    .description('from now on erasures wait')
    .option('--vendor <vendor>', 'only the epochs of this vendor are kept, and erasures wait')
    .action(async (options: CommonOptions & { reason?: string; vendor?: string }) => {
      await (await commands()).openHoldCommand(contextOf(options), options)
    })
  reason(common(hold.command('close <n>')), true)
    .description('what waited for it goes on')
    .action(async (id: string, options: CommonOptions & { reason?: string }) => {
      await (await commands()).closeHoldCommand(contextOf(options), wholeNumber(id), options)
    })
  common(hold.command('list'))
    .description('all holds, closed ones too')
    .action(async (options: CommonOptions) => {
      await (await commands()).listHoldsCommand(contextOf(options))
    })
}

export function addKeys(root: Command, { common, reason, contextOf }: Parts): void {
  const keys = root.command('keys').description('the keys under which everything is sealed')
  common(keys.command('show'))
    .description('what wraps the root key, how old it is, and which copies of the key folder there are')
    .action(async (options: CommonOptions) => {
      await (await commands()).showKeysCommand(contextOf(options))
    })
  reason(common(keys.command('rotate <root|kek>')), true)
    .description('another root key, or another key-encryption key, while everything goes on')
    .action(async (what: string, options: CommonOptions & { reason?: string }) => {
      await (await commands()).rotateKeysCommand(contextOf(options), what, options)
    })
}
