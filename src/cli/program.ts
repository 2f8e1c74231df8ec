/** The commands and their options. What a command does is loaded when it is called, so that `--help` answers at once. */
import { Command, CommanderError, Option } from 'commander'
import { BulkheadError } from '#base/errors.ts'
import { decodePort, fraction, PORT_EXPECTED, portNumber, wholeNumber } from './arguments.ts'
import { addBaseline } from './baseline-program.ts'
import { addNotice } from './check-program.ts'
import type { CommonOptions, Context } from './context.ts'
import type { WhoOptions } from './people-commands.ts'
import { addLedger } from './ledger-program.ts'
import { addLeaving } from './leaving-program.ts'
import type { LineOptions } from './line-commands.ts'
import { addEpochs, addErasure, addKeys } from './erase-program.ts'
import { explainWays, ownOptionsFirst } from './help.ts'
import { addIncident } from './incident-program.ts'
import { addOperators } from './operator-program.ts'
import type { Parts } from './parts.ts'
import { addPolicy } from './policy-program.ts'
import { addSignals } from './signal-program.ts'
import { addRisk } from './risk-program.ts'
import { demandOnce, usageHint, withUsageHint } from './usage.ts'
import { PLACE_DETAILS } from '#model/config.ts'

export type Surroundings = Pick<Context, 'env' | 'version' | 'out' | 'err'>

/** Runs one command line (without interpreter and file); resolves with the exit code. Throws BulkheadError. */
export async function runCommandLine(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  let code = 0
  const root = buildProgram(surroundings, (exit) => {
    code = exit
  })
  try {
    await root.parseAsync([...argv], { from: 'user' })
    return code
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw withUsageHint(thrown, usageHint(root, argv))
    if (thrown.exitCode === 0) return 0
    throw new BulkheadError('bad_usage', usageMessage(thrown, argv), { hint: usageHint(root, argv) })
  }
}

function usageMessage(thrown: CommanderError, argv: readonly string[]): string {
  if (thrown.code === 'commander.help') {
    if (argv.length === 0) return 'no command was given'
    return argv[0] === 'help' ? `there is no help on '${argv.slice(1).join(' ')}'` : 'the command is not complete'
  }
  // One line: a suggestion of the parser stands on a second.
  return thrown.message.replace(/^error: /, '').replaceAll('\n', ' ')
}

export function buildProgram(surroundings: Surroundings, exit: (code: number) => void): Command {
  const { env } = surroundings
  const root = new Command('bulkhead')
    .description('The wall between your users and the vendors that you send their data to.')
    .version(surroundings.version, '--version', 'print the version')
    .helpOption('--help', 'explain a command')
    .showHelpAfterError(false)
    // `--version` of a command is a matter of its own.
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ visibleOptions: ownOptionsFirst })
    .configureOutput({ writeOut: surroundings.out, writeErr: () => undefined, outputError: () => undefined })
  const contextOf = (options: CommonOptions): Context => ({
    ...surroundings,
    dataDir: options.data,
    json: options.json === true,
    as: options.as,
  })
  const placed = (command: Command): Command =>
    command
      .option('--data <dir>', 'data folder (BULKHEAD_DATA)', env.BULKHEAD_DATA ?? './data')
      .option('--json', 'print one JSON value (docs/schemas)')
  const common = (command: Command): Command =>
    placed(command).option('--as <file>', "file with your credential (BULKHEAD_CREDENTIAL holds one); else the first operator's")
  const reason = (command: Command, needed: boolean): Command =>
    command.option('--reason <text>', `why${needed ? ' (needed: looking is on record)' : ''}`)

  const parts: Parts = { placed, common, reason, contextOf }

  // In the order in which `--help` has them: what a bad day needs comes first.
  addIncident(root, parts)
  addSignals(root, parts)
  addNotice(root, parts)

  const vendor = root.command('vendor').description('the flow to a vendor')
  common(vendor.command('list'))
    .description('all vendors and the state of their flow')
    .action(async (options: CommonOptions) => {
      await (await import('./vendor-commands.ts')).listVendors(contextOf(options))
    })
  common(vendor.command('show <vendor>'))
    .description('destinations, grants and history of one')
    .action(async (name: string, options: CommonOptions) => {
      await (await import('./vendor-commands.ts')).showVendor(contextOf(options), name)
    })
  reason(common(vendor.command('cut <vendor>')), false)
    .description('stop the flow now, also with nothing running')
    .action(async (name: string, options: CommonOptions & { reason?: string }) => {
      await (await import('./vendor-commands.ts')).cutVendorCommand(contextOf(options), name, options.reason ?? '')
    })
  reason(common(vendor.command('restore <vendor>')), false)
    .description('open the flow again; what waited is sent')
    .action(async (name: string, options: CommonOptions & { reason?: string }) => {
      await (await import('./vendor-commands.ts')).restoreVendorCommand(contextOf(options), name, options.reason ?? '')
    })
  addBaseline(vendor, parts)
  addEpochs(vendor, parts)
  addLeaving(vendor, parts)
  addRisk(addPolicy(root, parts), parts)

  const directory = root.command('directory').description("the company's own user table")
  reason(common(directory.command('import <file>')), false)
    .description('take over users and organisations from CSV (docs/directory.md)')
    .option('--namespace <name>', 'namespace of the ids', 'default')
    .action(async (file: string, options: CommonOptions & { namespace: string; reason?: string }) => {
      await (await import('./directory-command.ts')).importDirectoryCommand(contextOf(options), file, options)
    })

  reason(common(root.command('who <address-or-id>')), true)
    .description('what was disclosed about a person, to whom and when')
    .option('--statement [file]', "the person's statement: each disclosure with a proof, for the person to keep and check")
    .action(async (query: string, options: CommonOptions & WhoOptions) => {
      await (await import('./people-commands.ts')).whoCommand(contextOf(options), query, options)
    })
  addErasure(root, parts)
  addOperators(root, parts)
  addLedger(root, parts, exit)
  addLineCommands(root)

  addUp(root, surroundings, exit)
  common(root.command('doctor'))
    .description('whether all is well')
    .action(async (options: CommonOptions) => {
      exit(await (await import('./doctor-command.ts')).doctorCommand(contextOf(options)))
    })
  common(root.command('backup <dir>'))
    .description('a copy of the data folder, while it runs or not; never of the keys')
    .option('--keys <dir>', 'and one of the key folder into this other folder; those older than 30 days there are removed')
    .action(async (dir: string, options: CommonOptions & { keys?: string }) => {
      await (await import('./backup-commands.ts')).backupCommand(contextOf(options), dir, options)
    })
  common(root.command('restore <dir>'))
    .description('a backup into a new data folder, with the newest keys')
    .option('--keys <dir>', 'folder with backups of keys, for when the key folder is lost')
    .option('--ledger-head <n>', 'last ledger entry that is known from elsewhere, a report say', wholeNumber)
    .action(async (dir: string, options: CommonOptions & { keys?: string; ledgerHead?: number }) => {
      await (await import('./backup-commands.ts')).restoreCommand(contextOf(options), dir, options)
    })
  addKeys(root, parts)
  root
    .command('drill')
    .description('rehearse a breach end to end, with real SDKs and a loopback vendor, and score it')
    .option('--users <n>', 'how many users act', wholeNumber, 20)
    .option('--json', 'print the score as one JSON object, last')
    .option('--keep', 'leave its folder for a closer look')
    .option('--data <dir>', 'folder to work in; a temporary one when absent')
    .option('--story <file-or-name>', 'play a breach from a file instead, with dates (docs/stories.md)')
    .action(async (options: { users: number; json?: boolean; keep?: boolean; data?: string; story?: string }) => {
      const shared = {
        json: options.json === true,
        keep: options.keep === true,
        ...(options.data !== undefined && { dataDir: options.data }),
      }
      if (options.story !== undefined) exit(await (await import('#drill/story.ts')).runStory({ story: options.story, ...shared }))
      else exit(await (await import('#drill/drill.ts')).runDrill({ users: options.users, ...shared }))
    })

  demandOnce(root)
  explainWays(root)
  return root
}

/** They need no data folder and nothing that runs. */
function addLineCommands(root: Command): void {
  const streams = { input: process.stdin, output: process.stdout }
  root
    .command('detect')
    .description('personal values and secrets in lines of JSON: {id, text} or {id, key, value} (docs/DETECTORS.md)')
    .option('--stdin', 'read the lines from standard input')
    .option('--min-confidence <n>', 'print findings from this confidence on, 0 to 1', fraction)
    .option('--json', 'print one JSON object a line')
    .action(async (options: LineOptions) => {
      await (await import('./line-commands.ts')).detectCommand(streams, options)
    })
  root
    .command('coarsen')
    .description('what is left of a value: {id, kind, value}, kind one of ua, url, referrer, ip')
    .option('--stdin', 'read the lines from standard input')
    .addOption(new Option('--places <detail>', 'how exactly addresses are told').choices(PLACE_DETAILS))
    .option('--json', 'print one JSON object a line')
    .action(async (options: LineOptions) => {
      await (await import('./line-commands.ts')).coarsenCommand(streams, options)
    })
}

function addUp(root: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  const { env } = surroundings
  root
    .command('up')
    .description('run Bulkhead until a signal')
    .option('--data <dir>', 'data folder (BULKHEAD_DATA)', env.BULKHEAD_DATA ?? './data')
    .option('--port <n>', 'port for SDK traffic (BULKHEAD_PORT, else 4700)', portNumber)
    .option('--host <address>', 'address for SDK traffic (BULKHEAD_HOST)', env.BULKHEAD_HOST ?? '0.0.0.0')
    .option('--console-port <n>', 'port for staff (BULKHEAD_CONSOLE_PORT, else 4701)', portNumber)
    .option('--console-host <address>', 'address for staff (BULKHEAD_CONSOLE_HOST)', env.BULKHEAD_CONSOLE_HOST ?? '127.0.0.1')
    .option('--config <file>', 'configuration (BULKHEAD_CONFIG); bulkhead.yaml in this folder when there is one', env.BULKHEAD_CONFIG)
    .action(async (options: { data: string; port?: number; host: string; consolePort?: number; consoleHost: string; config?: string }) => {
      const { runUp } = await import('#app/up.ts')
      const code = await runUp({
        dataDir: options.data,
        host: options.host,
        port: options.port ?? portOf(env, 'BULKHEAD_PORT', 4700),
        consoleHost: options.consoleHost,
        consolePort: options.consolePort ?? portOf(env, 'BULKHEAD_CONSOLE_PORT', 4701),
        configFile: options.config,
        version: surroundings.version,
        env: surroundings.env,
      })
      exit(code)
    })
}

/** Read when it is needed: a wrong variable must not keep a command from working that opens no port. */
function portOf(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  const port = decodePort(text)
  if (port === undefined) throw new BulkheadError('bad_usage', `${name} is not ${PORT_EXPECTED}`)
  return port
}
