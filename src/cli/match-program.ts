/** `incident match`: its options. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CommonOptions, Context } from './context.ts'
import type { MatchOptions } from './match-command.ts'

interface Parts {
  incident: Command
  common: (command: Command) => Command
  reason: (command: Command, needed: boolean) => Command
  contextOf: (options: CommonOptions) => Context
}

export function addMatch({ incident, common, reason, contextOf }: Parts): void {
  reason(common(incident.command('match <id>')), true)
    .description("hold the vendor's leaked data set against the ledger: graded rows, other windows, what was never sent")
    .requiredOption('--file <file>', 'CSV, JSON or lines of JSON, also compressed by gzip; it is sealed when it arrives')
    .option('--format <format>', 'auto, csv, json, ndjson', 'auto')
    .option('--map <column=field>', 'what a column is, where its name does not tell; may be given several times', collect)
    .action(async (id: string, options: CommonOptions & MatchOptions) => {
      if (!/^[1-9]\d{0,14}$/.test(id))
        throw new InvalidArgumentError('The id of an incident is a number; `bulkhead incident list` names them.')
      await (await import('./match-command.ts')).matchCommand(contextOf(options), Number(id), options)
    })
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
