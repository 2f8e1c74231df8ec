/** `incident match`: its options. */
import type { Command } from 'commander'
import { collect, incidentNumber } from './arguments.ts'
import type { CommonOptions } from './context.ts'
import type { MatchOptions } from './match-command.ts'
import type { Parts } from './parts.ts'

export function addMatch(incident: Command, { common, reason, contextOf }: Parts): void {
  reason(common(incident.command('match <id>')), true)
    .description("hold the vendor's leaked data set against the ledger: graded rows, other windows, what was never sent")
    .requiredOption('--file <file>', 'CSV, JSON or lines of JSON, also compressed by gzip; it is sealed when it arrives')
    .option('--format <format>', 'auto, csv, json, ndjson', 'auto')
    .option('--map <column=field>', 'what a column is, where its name does not tell; may be given several times', collect)
    .action(async (id: string, options: CommonOptions & MatchOptions) => {
      await (await import('./match-command.ts')).matchCommand(contextOf(options), incidentNumber(id), options)
    })
}
