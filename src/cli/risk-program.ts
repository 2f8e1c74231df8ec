/** `bulkhead policy risk`. */
import type { Command } from 'commander'
import { wholeNumberFrom } from './arguments.ts'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

interface RiskOptions extends CommonOptions {
  days?: number
  k?: number
}

export function addRisk(policy: Command, { common, contextOf }: Parts): void {
  common(policy.command('risk'))
    .description('how many people each vendor can tell apart, and how far two can match theirs')
    .option('--days <n>', 'events of the last days, 1 to 400; 30 when left out', wholeNumberFrom(1, 400))
    .option('--k <n>', 'fewer people than this with one combination are at risk, 2 to 1000; 5 when left out', wholeNumberFrom(2, 1_000))
    .action(async (options: RiskOptions) => {
      await (await import('./risk-command.ts')).policyRiskCommand(contextOf(options), options)
    })
}
