/** `signal …`: the commands and their options. */
import { type Command, Option } from 'commander'
import { SIGNAL_DECISIONS, SIGNAL_SOURCES } from '#model/signal.ts'
import { incidentNumber, signalNumber } from './arguments.ts'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

const commands = () => import('./signal-commands.ts')

export function addSignals(root: Command, { common, reason, contextOf }: Parts): void {
  const signal = root
    .command('signal')
    .description('what may be the first of a breach; its triage is on record, since it may start a legal clock')
  common(signal.command('add'))
    .description('record that something came in')
    .addOption(new Option('--source <source>', 'from where it came').choices([...SIGNAL_SOURCES]).makeOptionMandatory())
    .requiredOption('--at <instant>', 'when it came; a day alone is its beginning at clocks.placeOfAwareness')
    .requiredOption('--what <text>', 'what it was; it is sealed')
    .action(async (options: CommonOptions & { source: string; at: string; what: string }) =>
      (await commands()).addSignal(contextOf(options), options),
    )
  common(signal.command('list'))
    .description('all signals and what was decided of them')
    .action(async (options: CommonOptions) => (await commands()).listSignals(contextOf(options)))
  reason(common(signal.command('triage <id>')), true)
    .description('record what was decided of one; now is its triage time')
    .addOption(new Option('--decision <decision>', 'what it is').choices([...SIGNAL_DECISIONS]).makeOptionMandatory())
    .option('--incident <id>', 'the incident to which it belongs', incidentNumber)
    .action(async (id: string, options: CommonOptions & { decision: string; incident?: number; reason?: string }) =>
      (await commands()).triageSignal(contextOf(options), signalNumber(id), options),
    )
}
