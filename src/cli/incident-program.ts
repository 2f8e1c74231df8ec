/** `incident …`, but for `affected`: the commands and their options. */
import type { Command } from 'commander'
import { collect, incidentNumber, signalNumber, wholeNumber } from './arguments.ts'
import { addClocks } from './clock-program.ts'
import type { CommonOptions } from './context.ts'
import { addMatch } from './match-program.ts'
import { addNotices } from './notice-program.ts'
import type { Parts } from './parts.ts'
import type { AffectedOptions } from './people-commands.ts'
import type {
  AmendOptions,
  EvidenceOptions,
  OpenOptions,
  ReportOptions,
  SignOffOptions,
  StatementOptions,
  TimesOptions,
} from './incident-commands.ts'

const commands = () => import('./incident-commands.ts')

function named(command: Command): Command {
  return command
    .option('--surface <surface>', 'an app or group of pages; may be given several times', collect)
    .option('--destination <destination>', 'a destination of the vendor; may be given several times', collect)
}

function timed(command: Command): Command {
  return command
    .option('--aware <instant>', 'when we became aware ourselves')
    .option('--vendor-aware <instant>', 'when the vendor became aware')
    .option('--event-from <instant>', 'when it began at the vendor; the access window, when nothing else is said')
    .option('--event-to <instant>', 'when it ended there')
}

function access(command: Command): Command {
  return command
    .option('--access-from <instant>', 'when the intruder could first read (shown; it narrows nothing)')
    .option('--access-to <instant>', 'when no more; what was sent from then on does not count')
}

function data(command: Command): Command {
  return command.option('--from <instant>', 'only events from this time on').option('--to <instant>', 'only events up to this time')
}

export function addIncident(root: Command, parts: Parts): void {
  const { placed, common, reason, contextOf } = parts
  const incident = root.command('incident').description('a breach at a vendor')
  access(timed(named(reason(common(incident.command('open')), false))))
    .description('record that something happened at a vendor; holds its epochs and all erasures')
    .requiredOption('--vendor <vendor>', 'where it happened')
    .requiredOption('--told <instant>', 'when we were told')
    .option('--title <text>', 'in a few words')
    .option('--source <side>', 'who told us: vendor (when nothing is said), signal, press, person, us')
    .option('--signal <id>', 'opened from this signal: its time is when we became aware, unless --aware says otherwise', signalNumber)
    .action(async (options: CommonOptions & OpenOptions) => (await commands()).openIncident(contextOf(options), options))
  common(incident.command('list'))
    .description('all incidents, closed ones too')
    .action(async (options: CommonOptions) => (await commands()).listIncidents(contextOf(options)))
  common(incident.command('show <id>'))
    .description('times, windows, statements beside the ledger, scope, amendments, evidence, timeline')
    .action(async (id: string, options: CommonOptions) => (await commands()).showIncident(contextOf(options), incidentNumber(id)))
  addAffected(incident, parts)
  data(access(reason(common(incident.command('statement <id>')), false)))
    .description('keep what the vendor says as it was received, and set it beside the ledger')
    .requiredOption('--file <file>', 'the statement; it is sealed and never changed')
    .option('--says <what>', 'affected, not-affected, unknown, corrected', 'unknown')
    .option('--received <instant>', 'when it came; now, when nothing is said')
    .option('--fields <names>', 'fields that it names, by comma')
    .option('--people <n>', 'how many people of ours it names', wholeNumber)
    .action(async (id: string, options: CommonOptions & StatementOptions) =>
      (await commands()).stateIncident(contextOf(options), incidentNumber(id), options),
    )
  data(access(named(reason(common(incident.command('amend <id>')), false))))
    .description('a new version of the scope: surfaces and destinations are added, windows moved (`open` takes a bound away)')
    .option('--only', 'the surfaces and destinations named are all, in place of being added')
    .option('--statement <n>', 'the statement that shows a narrower data window', wholeNumber)
    .option('--narrow-to-file <file>', 'keep only whom this matched file (`last`, or its id) names by grade A; a second person approves it')
    .option('--whole-ledger', 'take such a narrowing away, as every other amendment does too')
    .action(async (id: string, options: CommonOptions & AmendOptions) => {
      const context = contextOf(options)
      if (options.narrowToFile === undefined) await (await commands()).amendIncident(context, incidentNumber(id), options)
      else await (await import('./narrow-command.ts')).narrowIncident(context, incidentNumber(id), options)
    })
  timed(reason(common(incident.command('times <id>')), false))
    .description('state times anew; what was said before is kept')
    .option('--told <instant>', 'when we were told')
    .action(async (id: string, options: CommonOptions & TimesOptions) =>
      (await commands()).timeIncident(contextOf(options), incidentNumber(id), options),
    )
  common(incident.command('note <id> <text>'))
    .description('a line of the timeline')
    .option('--at <instant>', 'when it happened; now, when nothing is said')
    .action(async (id: string, text: string, options: CommonOptions & { at?: string }) =>
      (await commands()).noteIncident(contextOf(options), incidentNumber(id), text, options),
    )
  addClocks(incident, parts)
  addMatch(incident, parts)
  addNotices(incident, parts)
  const evidence = incident.command('evidence').description('files that belong to an incident, sealed')
  reason(common(evidence.command('add <id> <file>')), false)
    .description('seal a file and record its hash')
    .option('--note <text>', 'what it is')
    .action(async (id: string, file: string, options: CommonOptions & EvidenceOptions) =>
      (await commands()).addEvidence(contextOf(options), incidentNumber(id), file, options),
    )
  reason(common(evidence.command('get <id> <evidence>')), true)
    .description('write a sealed file out as it was received')
    .requiredOption('--out <file>', 'where to; readable by you alone, and never over another file')
    .action(async (id: string, name: string, options: CommonOptions & { out: string; reason?: string }) =>
      (await commands()).getEvidence(contextOf(options), { incident: incidentNumber(id), evidence: name }, options),
    )
  reason(common(evidence.command('destroy <id> <evidence>')), true)
    .description('make a sealed file unreadable for ever, once a second person has approved it; its row and hash stay')
    .action(async (id: string, name: string, options: CommonOptions & { reason?: string }) => {
      const { destroyEvidence } = await import('./evidence-destroy-command.ts')
      await destroyEvidence(contextOf(options), { incident: incidentNumber(id), evidence: name }, options)
    })
  common(incident.command('report <id>'))
    .description('what is said of it to others; a draft until counsel has signed it off')
    .requiredOption('--for <audience>', 'regulator, board, auditor')
    .option('--md <file>', 'write it as Markdown')
    .option('--zone <zone>', 'a zone beside UTC, like Europe/Dublin')
    .action(async (id: string, options: CommonOptions & ReportOptions) =>
      (await commands()).reportIncident(contextOf(options), incidentNumber(id), options),
    )
  reason(placed(incident.command('sign-off <id>')), true)
    .description('record that what stands there was signed off; counsel ends the draft')
    .requiredOption('--as <role>', 'counsel, privacy, security, board')
    .requiredOption('--name <name>', 'who signs')
    .option('--credential <file>', "file with your credential (BULKHEAD_CREDENTIAL holds one); else the first operator's")
    .action(async (id: string, options: CommonOptions & SignOffOptions & { credential?: string }) =>
      (await commands()).signOffIncident(contextOf({ ...options, as: options.credential }), incidentNumber(id), options),
    )
  for (const [verb, does] of [
    ['close', 'nothing more is added; the hold is given back'],
    ['reopen', 'go on with a closed one; the hold is opened again'],
  ] as const) {
    reason(common(incident.command(`${verb} <id>`)), true)
      .description(does)
      .action(async (id: string, options: CommonOptions & { reason?: string }) =>
        (await commands()).endIncident(contextOf(options), incidentNumber(id), verb, options),
      )
  }
}

function addAffected(incident: Command, { common, reason, contextOf }: Parts): void {
  reason(common(incident.command('affected [id]')), true)
    .description('who may be affected, by which fields, and which were never sent: of an incident, or of any scope of a vendor')
    .option('--vendor <vendor>', 'whose breach, when no incident is named')
    .option('--version <n>', 'of an incident: an earlier version of its scope', wholeNumber)
    .option('--added', 'of an incident: only people that no earlier version had')
    .option('--destination <destination>', 'only this destination of it')
    .option('--access-from <instant>', 'when the intruder could first read (shown; it narrows nothing)')
    .option('--access-to <instant>', 'when no more; what was sent from then on does not count')
    .option('--surface <surface>', 'only what was sent for this app or group of pages; may be repeated', collect)
    .option('--from <instant>', 'only events from this time on')
    .option('--to <instant>', 'only events up to this time')
    .option('--list <file>', 'write one line a person (NDJSON); needs --reason')
    .option('--organisations <file>', 'write one line an organisation instead: members in scope, administrators; needs --reason')
    .option('--identities', 'with ids, addresses and names in the list')
    .action(async (id: string | undefined, options: CommonOptions & AffectedOptions) => {
      const { data: _data, json: _json, as: _as, ...query } = options
      const of = id === undefined ? {} : { incident: incidentNumber(id) }
      await (await import('./people-commands.ts')).affectedCommand(contextOf(options), { ...query, ...of })
    })
}
