/** `bulkhead vendor baseline`. */
import type { Command } from 'commander'
import { collect } from './arguments.ts'
import type { BaselineOptions } from './baseline-command.ts'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

export function addBaseline(vendor: Command, { common, reason, contextOf }: Parts): void {
  reason(common(vendor.command('baseline <vendor>')), false)
    .description('what a vendor held before Bulkhead: shown, or said with one of the options and --reason')
    .option('--unknown', 'nobody knows')
    .option('--none', 'nothing')
    .option('--declare <file>', 'fields, forms, times, surfaces and how many people, as YAML or JSON (docs/baseline.md)')
    .option('--import <file>', 'an export of the vendor: CSV, JSON or lines of JSON, also compressed by gzip; read and not kept')
    .option('--complete', 'with --import: it is all that the vendor held')
    .option('--said-by <name>', 'with --import: on whose word')
    .option('--surface <surface>', 'with --import: where it was collected; may be given several times', collect)
    .option('--format <format>', 'with --import: csv, json or ndjson, where its beginning does not tell')
    .option('--map <column=field>', 'with --import: what a column is, where its name does not tell; may be given several times', collect)
    .action(async (name: string, options: CommonOptions & BaselineOptions) => {
      await (await import('./baseline-command.ts')).baselineCommand(contextOf(options), name, options)
    })
}
