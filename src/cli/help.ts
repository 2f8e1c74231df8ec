/** What `--help` says besides each command's own words: which commands belong together, and in which order a bad day needs them. */
import type { Command } from 'commander'

const RUNNING = 'Running it:'

/** Headings stand in the order of their first command. Whatever is in none of these is for running it. */
const GROUPS: readonly (readonly [heading: string, commands: readonly string[]])[] = [
  ['When a vendor was breached:', ['incident', 'signal', 'notice']],
  ['Vendors and what they get:', ['vendor', 'policy']],
  ['People:', ['directory', 'who', 'erase', 'hold']],
  ['Who may do what, and what can be proved:', ['operator', 'approval', 'ledger']],
  ['Lines of text, with nothing running:', ['detect', 'coarsen']],
]

const BAD_DAY = `
A vendor tells you that it was breached:
  bulkhead vendor cut VENDOR                                   stop the flow, also with nothing running
  bulkhead incident open --vendor VENDOR --told 2025-11-25T18:00:00Z
  bulkhead incident affected 1                                 who may be affected, and by which fields
  bulkhead incident clocks 1                                   what is due to whom, and when
  bulkhead incident --help                                     everything after that`

const INCIDENT = `
The way through one, of which each step can come again:
  open, affected                who may be affected, as the ledger has it now
  clocks, clock                 what is due when; record what only people know
  statement, evidence, match    what the vendor and others say, sealed and set beside the ledger
  amend, times, note            correct the scope and the times, add to the timeline
  notify, notice                tell people: --dry-run, --propose, approval by somebody else, --send
  report, sign-off, close       say it to others; end the draft; end the incident

An instant is written with its zone: 2025-11-25T18:00:00Z or 2025-11-25T19:00:00+01:00.`

const VENDOR = `
After a cut:
  held VENDOR                   what waits, and whether it is sent, dropped or kept
  rotate VENDOR                 nothing sent from now on can be joined with what the vendor holds
  restore VENDOR                open the flow again
  retire VENDOR --delete        or leave it for good, and ask it to delete everybody`

export function explainWays(root: Command): void {
  // The command `help` too.
  root.commandsGroup(RUNNING).helpCommand(true)
  for (const command of root.commands) {
    const group = GROUPS.find(([, commands]) => commands.includes(command.name()))
    command.helpGroup(group?.[0] ?? RUNNING)
  }
  root.addHelpText('after', BAD_DAY)
  const texts: readonly (readonly [string, string])[] = [
    ['incident', INCIDENT],
    ['vendor', VENDOR],
  ]
  for (const [name, text] of texts) root.commands.find((command) => command.name() === name)?.addHelpText('after', text)
}
