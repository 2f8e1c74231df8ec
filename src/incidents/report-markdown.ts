/** A report as Markdown. What stands in it comes from closed words, configured names and numbers; names are escaped all the same. */
import type { IncidentReport, Instants } from './incident-report.ts'

export function reportMarkdown(report: IncidentReport): string {
  const { audience } = report
  const parts = [
    head(report),
    summary(report),
    ...(audience === 'regulator' ? [nature(report), contact(report), consequences(report)] : []),
    places(report),
    fields(report),
    statements(report),
    ...(audience === 'board' ? [] : [amendments(report)]),
    measures(report),
    clocks(report),
    ...(audience === 'regulator' ? [forCounsel(report)] : []),
    limits(report),
    ...(audience === 'auditor' ? [evidence(report)] : []),
    timeline(report),
    record(report),
  ]
  return `${parts.flat().join('\n')}\n`
}

function head({ incident, vendor, audience, signOff, madeAt }: IncidentReport): string[] {
  const signed =
    signOff === null
      ? '**Draft for counsel.** Counsel has not signed off what stands here; it is no notification.'
      : `Signed off by ${signOff.as} on ${both(signOff.at)}, up to row ${signOff.upTo} of the record.`
  return [`# Incident ${incident} at ${text(vendor)}`, '', `For ${TO[audience]}. Made on ${both(madeAt)}.`, '', signed]
}

const TO = { regulator: 'the regulator', board: 'the board', auditor: 'the auditor' } as const

function summary(report: IncidentReport): string[] {
  const { scope, times, heardFrom } = report
  const people =
    scope.people === null
      ? `How many people may be affected could not be asked (${scope.notAsked}).`
      : [
          `**${number(scope.people)} ${scope.people === 1 ? 'person' : 'people'} may be affected:`,
          'data about them was sent through Bulkhead**',
          `(${number(scope.delivered ?? 0)} delivered, ${number(scope.possible ?? 0)} possible).`,
        ].join(' ')
  const list = (names: string[] | null, all: string): string => (names === null ? all : names.map(code).join(', '))
  return [
    ...section('Summary'),
    people,
    '',
    ...table([
      ['What', 'When or what'],
      ['The vendor’s event', `${maybe(times.eventFrom)} to ${maybe(times.eventTo)}`],
      ['The vendor became aware', maybe(times.vendorAware)],
      [`We were told (${heardFrom})`, both(times.told)],
      ['We became aware ourselves', maybe(times.aware)],
      ['Scope', `version ${scope.version}`],
      ['Destinations', list(scope.destinations, 'all of the vendor')],
      ['Surfaces', list(scope.surfaces, 'all')],
      ['Access window', `${scope.accessWindow} (everything sent before its end counts)`],
      ['Data window', scope.dataWindow],
      ...(scope.narrowed === null ? [] : [['Narrowed', `${text(scope.narrowed.words)}; SHA-256 ${code(scope.narrowed.sha256)}`]]),
      ['Groups named in what was sent', scope.groups === null ? 'not asked' : number(scope.groups)],
      ...reach(scope),
      ['Ambiguous devices', scope.ambiguousDevices === null ? 'not asked' : `${number(scope.ambiguousDevices)} (of no single person)`],
      ['Upper bound', text(report.upperBound)],
      ['Baseline', text(report.baseline)],
      ['Bypass', text(report.bypass)],
      ['Checked', report.checked],
    ]),
  ]
}

function reach({ organisations, erased, withoutAddress }: IncidentReport['scope']): string[][] {
  if (organisations === null) return []
  const { total, withAdministrators, administrators, reachableAdministrators } = organisations
  return [
    ['Organisations', `${number(total)}; ${number(withAdministrators)} with administrators that the directory names`],
    ['Administrators', `${number(administrators)}, ${number(reachableAdministrators)} with an address that may be trusted`],
    ['Erased since', `${number(erased ?? 0)} (nobody can notify them)`],
    ['Without an address that may be trusted', number(withoutAddress ?? 0)],
  ]
}

function places({ scope: { jurisdictions, surfaceCounts } }: IncidentReport): string[] {
  if (jurisdictions.length === 0) return []
  const rows = jurisdictions.map(({ jurisdiction, eu, people }) => [text(jurisdiction), eu ? 'EU' : '', number(people)])
  const surfaces = surfaceCounts.map(({ surface, subjects }) => [code(surface || '(none)'), number(subjects)])
  return [
    ...section('Where they live'),
    ...table([['Country or state', 'European Union', 'People'], ...rows]),
    ...section('Surfaces'),
    ...table([['Surface', 'People'], ...surfaces]),
  ]
}

function nature({ scope, sent }: IncidentReport): string[] {
  const categories = [...new Set(sent.map(({ field }) => field))]
  return [
    ...section('Nature of the breach'),
    `Categories of data: ${categories.length === 0 ? 'none in this scope' : categories.map(code).join(', ')}.`,
    '',
    `Approximate number of people: ${scope.people === null ? 'not asked' : number(scope.people)}.`,
    '',
    `Approximate number of records (events and profile updates that were sent): ${scope.records === null ? 'not counted' : number(scope.records)}.`,
  ]
}

function contact({ contact: whom }: IncidentReport): string[] {
  if (whom === null) return []
  const { company, team, mail, hours, dpo } = whom
  return [
    ...section('Contact point'),
    ...table([
      ['', ''],
      ['Company', text(company)],
      ['Team', text(team)],
      ...(mail === null ? [] : [['Mail', code(mail)]]),
      ...(hours === null ? [] : [['Hours', text(hours)]]),
      ...(dpo === null ? [] : [['Data protection officer', text(dpo)]]),
    ]),
  ]
}

function consequences({ consequences: all }: IncidentReport): string[] {
  if (all.length === 0) return []
  const words = 'By the fields that were sent; how likely each is here, counsel has to say.'
  return [...section('Possible consequences'), words, '', ...all.map((each) => `- ${text(each)}`)]
}

function fields({ sent, notSent }: IncidentReport): string[] {
  return [
    ...section('Fields that were sent'),
    ...(sent.length === 0
      ? ['None in this scope.']
      : table([['Field', 'Form', 'People'], ...sent.map(({ field, form, people }) => [code(field), form, number(people)])])),
    ...section('Fields that were not sent'),
    `Each of these ${text(notSent.words)}.`,
    '',
    notSent.fields.length === 0 ? 'None.' : notSent.fields.map(code).join(', '),
    '',
    ...(notSent.grantedNotSent.length === 0
      ? []
      : [`Granted in these versions, and in no entry all the same: ${notSent.grantedNotSent.map(code).join(', ')}.`, '']),
    notSent.freeText.length === 0
      ? 'No field that was granted holds free text.'
      : `Granted fields that hold free text, in which anything may have stood: ${notSent.freeText.map(code).join(', ')}.`,
  ]
}

function statements({ statements: all }: IncidentReport): string[] {
  const one = (statement: IncidentReport['statements'][number]): string[] => {
    const { reconciled } = statement
    const reverses = statement.reverses === null ? '' : ` It reverses statement ${statement.reverses}; both are kept.`
    return [
      `### Statement ${statement.number}: ${statement.says}`,
      '',
      `Received on ${both(statement.received)}, kept as received (SHA-256 ${code(statement.sha256)}).${reverses}`,
      '',
      ...table([
        ['Says', 'Ledger says', 'File says'],
        [text(reconciled.says), text(reconciled.ledger ?? 'could not be asked'), text(reconciled.file ?? 'no data set was matched')],
      ]),
      '',
      ...(reconciled.differences.length === 0
        ? ['They do not differ.']
        : [
            'Where they differ:',
            '',
            ...table([
              ['About', 'Says', 'Ledger says', 'File says'],
              ...reconciled.differences.map(({ about, field, says, ledger, file }) => [
                field === undefined ? about : `${about} ${code(field)}`,
                text(says ?? '–'),
                text(ledger ?? '–'),
                text(file ?? '–'),
              ]),
            ]),
          ]),
    ]
  }
  return [
    ...section('What the vendor says'),
    ...(all.length === 0 ? ['No statement of the vendor is on record.'] : all.flatMap((each) => ['', ...one(each)]).slice(1)),
  ]
}

function amendments({ amendments: all }: IncidentReport): string[] {
  const counted = (value: number | null): string => (value === null ? 'not counted' : number(value))
  return [
    ...section('How the scope changed'),
    ...(all.length === 0
      ? ['It has not changed since the incident was opened.']
      : table([
          ['Version', 'On', 'Scope', 'People', 'Added', 'No more in it'],
          ...all.map((each) => [
            String(each.version),
            both(each.at),
            text(each.scope),
            counted(each.people),
            counted(each.added),
            counted(each.removed),
          ]),
        ])),
  ]
}

function measures({ measures: all }: IncidentReport): string[] {
  return [
    ...section('Measures'),
    ...(all.length === 0 ? ['None is on record here.'] : all.map(({ at, what }) => `- ${both(at)}: ${text(what)}`)),
  ]
}

function clocks({ audience, clocks: { review, all } }: IncidentReport): string[] {
  const reaching = all.filter(({ state }) => state !== 'not_applicable' && state !== 'planned')
  const isLeftOut = (clock: (typeof all)[number]): boolean => audience !== 'auditor' && clock.isRemote
  const live = reaching.filter((clock) => !isLeftOut(clock))
  const remote = reaching.filter(isLeftOut)
  return [
    ...section('Legal clocks'),
    `${text(review)}. From a rule pack with sources; no legal advice. Each rule's sources, and what was assumed, stand in the report as data.`,
    '',
    ...(live.length === 0
      ? ['No rule of the pack reaches anybody in the scope.']
      : table([
          ['State', 'Due', 'Rule', 'To', 'Law'],
          ...live.map(({ state, due, rule, basis, whom, law }) => [
            state.replaceAll('_', ' '),
            due === null ? 'no fixed time' : both(due),
            code(basis === 'clock' ? rule : `${rule} (${basis})`),
            text(whom),
            text(law),
          ]),
        ])),
    ...(remote.length === 0
      ? []
      : [
          '',
          `${remote.length} more rules could apply, since people of unknown residence may live there or the company’s sectors are not said:`,
          `${[...new Set(remote.map(({ regime }) => code(regime)))].join(', ')}. The auditor’s report lists them.`,
        ]),
  ]
}

/** What no record can know. */
function forCounsel({ contact: whom }: IncidentReport): string[] {
  return [
    ...section('For counsel to fill in'),
    '- How likely which consequences are, and how severe',
    ...(whom === null ? ['- Name and contact details of the contact point'] : []),
    ...(whom !== null && whom.dpo === null ? ['- Data protection officer, where there is one'] : []),
    '- Measures beyond those on record, and measures that are planned',
    '- Reasons for a delay, if there was one',
  ]
}

function limits({ limits: all, ledgerGaps }: IncidentReport): string[] {
  const gaps = ledgerGaps.length === 0 ? ['- No gap of the ledger is on record.'] : []
  return [...section('What this does not say'), ...all.map((line) => `- ${text(line)}`), ...gaps]
}

function evidence({ evidence: all }: IncidentReport): string[] {
  const rows = all.map(({ row, at, as, sha256, bytes }) => [String(row), both(at), as, code(sha256), number(bytes)])
  return [...section('Evidence'), ...(rows.length === 0 ? ['None.'] : table([['Row', 'On', 'As', 'SHA-256', 'Bytes'], ...rows]))]
}

function timeline({ timeline: all }: IncidentReport): string[] {
  return [...section('Timeline'), ...table([['When', 'What'], ...all.map(({ at, detail }) => [both(at), text(detail)])])]
}

function record({ record: { rows, broken, hold }, checkpoint }: IncidentReport): string[] {
  const whole = broken.length === 0 ? 'each as it was signed' : `rows ${broken.join(', ')} NOT as they were signed`
  return [
    ...section('What this rests on'),
    checkpoint === null
      ? '- Checkpoint of the ledger: there is none yet.'
      : `- Latest checkpoint of the ledger: size ${number(checkpoint.size)}, root ${code(checkpoint.root)}.`,
    `- Record of this incident: ${number(rows)} rows, ${whole}.`,
    `- ${hold ? 'Erasures and the epochs of this vendor are held while the incident is open.' : 'Nothing is held for this incident.'}`,
  ]
}

function section(title: string): string[] {
  return ['', `## ${title}`, '']
}

function table([header = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)]
}

function both({ utc, local }: Instants): string {
  return local === null ? utc : `${utc} (${local})`
}

function maybe(instants: Instants | null): string {
  return instants === null ? 'not known' : both(instants)
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

function text(value: string): string {
  return value.replaceAll(/[\r\n]+/g, ' ').replaceAll(/[\\|*_`<>[\]#]/g, (sign) => `\\${sign}`)
}

/** In a table too a bar must not end the cell. */
function code(value: string): string {
  const plain = value.replaceAll(/[\r\n]+/g, ' ').replaceAll('|', '\\|')
  const fence = plain.includes('`') ? '``' : '`'
  return plain.includes('``') ? text(value) : `${fence}${fence === '``' ? ` ${plain} ` : plain}${fence}`
}
