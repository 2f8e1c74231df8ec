/** What `--help` says besides each command's own words: which commands belong together, and in which order a bad day needs them. */
import { type Command, Help, type Option } from 'commander'
import { assert } from '#base/errors.ts'

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

const CLOCK = `
What happened, whether a law applies, what was filed, and that counsel has looked (\`incident clocks 1\` names regimes and rules):
  bulkhead incident clock 1 mark --event determined --at 2026-11-26T09:00:00Z --reason R
  bulkhead incident clock 1 assess --regime eu-gdpr-33-34 --rule eu-ind --applies yes --reason R
  bulkhead incident clock 1 done --rule eu-sa --at 2026-11-27T10:00:00Z --reason R
  bulkhead incident clock 1 sign-off --as counsel --name N --reason R`

const NOTIFY = `
One after the other:
  bulkhead incident notify 1 --dry-run                 how many people; nothing is kept
  bulkhead incident notify 1 --preview                 what they read; --shape and --lang choose
  bulkhead incident notify 1 --propose --reason R      fixes texts and people
  bulkhead approval approve N --reason R               by somebody else
  bulkhead incident notify 1 --send
  bulkhead incident notice list 1                      what became of each`

/** What a command alone has comes first, what all have last. */
export function ownOptionsFirst(command: Command): Option[] {
  const shown = new Help().visibleOptions(command)
  const isOwn = ({ flags }: Option): boolean => !EVERYWHERE.includes(flags)
  return [...shown.filter(isOwn), ...shown.filter((option) => !isOwn(option))]
}

const EVERYWHERE: readonly string[] = ['--data <dir>', '--json', '--as <file>', '--credential <file>', '--help']

export function explainWays(root: Command): void {
  // The command `help` too.
  root.commandsGroup(RUNNING).helpCommand(true)
  for (const command of root.commands) {
    const group = GROUPS.find(([, commands]) => commands.includes(command.name()))
    command.helpGroup(group?.[0] ?? RUNNING)
  }
  root.addHelpText('after', BAD_DAY)
  const texts: readonly (readonly [command: readonly string[], text: string])[] = [
    [['incident'], INCIDENT],
    [['incident', 'clock'], CLOCK],
    [['incident', 'notify'], NOTIFY],
    [['vendor'], VENDOR],
  ]
  for (const [words, text] of texts) commandOf(root, words).addHelpText('after', text)
}

function commandOf(root: Command, words: readonly string[]): Command {
  return words.reduce((command, word) => {
    const inner = command.commands.find((each) => each.name() === word)
    assert(inner !== undefined, `there is a command ${word}`)
    return inner
  }, root)
}
