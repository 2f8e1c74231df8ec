/** `bulkhead vendor baseline`. */
import type { Command } from 'commander'
import type { BaselineOptions } from './baseline-command.ts'
import type { CommonOptions, Context } from './context.ts'

export function addBaseline(
  vendor: Command,
  shared: {
    common(command: Command): Command
    reason(command: Command, needed: boolean): Command
    contextOf(options: CommonOptions): Context
  },
): void {
  shared
    .reason(shared.common(vendor.command('baseline <vendor>')), false)
    .description('what a vendor held before Bulkhead: shown, or said with one of the options and --reason')
    .option('--unknown', 'nobody knows')
    .option('--none', 'nothing')
    .option('--declare <file>', 'fields, forms, times, surfaces and how many people, as YAML or JSON (docs/baseline.md)')
    .action(async (name: string, options: CommonOptions & BaselineOptions) => {
      await (await import('./baseline-command.ts')).baselineCommand(shared.contextOf(options), name, options)
    })
}
