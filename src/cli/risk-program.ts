/** `bulkhead policy risk`. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CommonOptions, Context } from './context.ts'

interface RiskOptions extends CommonOptions {
  days?: number
  k?: number
}

export function addRisk(
  policy: Command,
  { common, contextOf }: { common(command: Command): Command; contextOf(options: RiskOptions): Context },
): void {
  common(policy.command('risk'))
    .description('how many people each vendor can tell apart, and how far two can match theirs')
    .option('--days <n>', 'events of the last days, 1 to 400; 30 when left out', within(1, 400))
    .option('--k <n>', 'fewer people than this with one combination are at risk, 2 to 1000; 5 when left out', within(2, 1_000))
    .action(async (options: RiskOptions) => {
      await (await import('./risk-command.ts')).policyRiskCommand(contextOf(options), options)
    })
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
    if (!(number >= least && number <= most)) throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
    return number
  }
}
