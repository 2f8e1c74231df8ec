/** `incident clocks` and `incident clock …`: the commands and their options. */
import { Argument, type Command } from 'commander'
import { CLOCK_EVENTS } from '#model/clock.ts'
import { incidentNumber } from './arguments.ts'
import { CLOCK_VERBS, type ClockOptions, type ClockVerb } from './clock-options.ts'
import type { CommonOptions } from './context.ts'
import type { Parts } from './parts.ts'

export function addClocks(incident: Command, { common, placed, reason, contextOf }: Parts): void {
  common(incident.command('clocks <id>'))
    .description('what is due to whom when: each legal clock with its rule, trigger, why it applies and what it assumes')
    .option('--all', 'also of regimes that reach nobody in the scope')
    .action(async (id: string, options: CommonOptions & { all?: boolean }) =>
      (await import('./clock-commands.ts')).showClocks(contextOf(options), incidentNumber(id), options),
    )
  reason(placed(incident.command('clock <id>').addArgument(new Argument('<verb>').choices([...CLOCK_VERBS]))), true)
    .description("record what clocks hang on and only people know: an event, an assessment, a filing, counsel's sign-off")
    .option('--event <event>', `mark: ${CLOCK_EVENTS.join(', ')}, or filed (then --rule says what)`)
    .option('--at <instant>', 'mark, done: when it was; a day alone is its beginning at clocks.placeOfAwareness')
    .option('--regime <regime>', 'assess: of which law; mark: of this law alone')
    .option('--rule <rule>', 'done: what was filed or sent; assess: this rule of it alone')
    .option('--applies <answer>', 'assess: yes or no')
    .option('--correct', 'mark, done: state it anew; what was said before stays on record')
    .option('--name <name>', 'sign-off: who signs')
    .option('--as <role-or-file>', 'sign-off: counsel, privacy, security, board; else the file with your credential')
    .option('--credential <file>', "file with your credential (BULKHEAD_CREDENTIAL holds one); else the first operator's")
    .action(async (id: string, verb: ClockVerb, options: CommonOptions & ClockOptions) => {
      const as = options.credential ?? (verb === 'sign-off' ? undefined : options.as)
      await (await import('./clock-commands.ts')).recordClock(
        contextOf({ ...options, as: as as string }),
        { id: incidentNumber(id), verb },
        options,
      )
    })
}
