/** Incidents as lines for people. */
import type { MatchShown } from '#api/match-contract.ts'
import type { IncidentAmendResult, IncidentList, IncidentShow, IncidentStatementResult } from '#api/incident-contract.ts'
import { narrowedText } from './narrow-render.ts'
import { count, table, when } from './render.ts'

type Reconciled = IncidentStatementResult['reconciled']
type Windows = IncidentAmendResult['windows']

export function renderIncidents({ incidents }: IncidentList): string {
  if (incidents.length === 0) return 'No incident is on record.'
  return table([
    ['ID', 'VENDOR', 'STATE', 'TOLD', 'SCOPE', 'STATEMENTS', 'TITLE'],
    ...incidents.map(({ id, vendor, state, told, version, statements, title }) => [
      String(id),
      vendor,
      state,
      when(told),
      `version ${version}`,
      String(statements),
      title || '-',
    ]),
  ])
}

export function renderIncident(shown: IncidentShow): string {
  const { times, scope, report } = shown
  const maybe = (instant: string | null): string => (instant === null ? 'not known' : when(instant))
  const list = (names: string[] | null): string => (names === null ? 'all' : names.join(', '))
  const people =
    scope.subjects === null
      ? `could not be asked (${scope.unavailable ?? ''})`
      : `${count(scope.subjects, 'person', 'people')} may be affected (${scope.delivered} delivered, ${scope.possible} possible)`
  return [
    `Incident ${shown.id} at ${shown.vendor}, ${report.state}${report.title === '' ? '' : `: ${report.title}`}`,
    table(
      [
        ['at the vendor', `${maybe(times.event.from)} to ${maybe(times.event.to)}`],
        ['vendor aware', maybe(times.vendorAware)],
        ['told', `${when(times.told)} (${report.source})`],
        ['aware ourselves', maybe(times.aware)],
        ['access window', side(shown.windows.access)],
        ['data window', side(shown.windows.data)],
        ['scope', `version ${scope.version}; destinations: ${list(scope.destinations)}; surfaces: ${list(scope.surfaces)}`],
        ['people', people],
        ...(scope.narrowed === null ? [] : [['narrowed', narrowedText(scope.narrowed, scope.leftOut)]]),
        ['report', report.status],
        [
          'record',
          report.rows.broken.length === 0
            ? `${report.rows.count} rows, each as signed`
            : `rows ${report.rows.broken.join(', ')} are NOT as they were signed`,
        ],
      ],
      '  ',
    ),
    ...shown.statements.flatMap(({ number, says, receivedAt, evidence, reverses, reconciled }) => [
      '',
      `Statement ${number}: ${says}, received ${when(receivedAt)}, ${evidence.file} (sha256 ${evidence.sha256.slice(0, 16)}…)`,
      ...(reverses === null ? [] : [`  it reverses statement ${reverses}; both are kept`]),
      ...reconciledLines(reconciled),
    ]),
    ...(shown.amendments.length === 0 ? [] : ['', 'Amendments', ...shown.amendments.map(amendmentLine)]),
    ...(shown.evidence.length === 0
      ? []
      : [
          '',
          'Evidence',
          ...shown.evidence.flatMap(({ as, file, sha256, bytes, note, match }) => [
            `  ${as}  ${file}  ${bytes} bytes  ${sha256.slice(0, 16)}…${note === '' ? '' : `  ${note}`}`,
            ...(match === undefined ? [] : [`    ${matchLine(match)}`]),
          ]),
        ]),
    ...(report.credentials.length === 0
      ? []
      : [
          '',
          'Credentials at the vendor',
          ...report.credentials.map(({ name, kind, place, toRotate, rotatedAt }) => {
            const rotated = rotatedAt === null ? 'not rotated, as far as anybody has said' : `rotated ${when(rotatedAt)}`
            return `  ${name}  ${kind}  ${toRotate ? 'TO ROTATE' : rotated}  (${place})`
          }),
        ]),
    ...clockLines(shown),
    '',
    'Timeline',
    table(
      shown.timeline.map(({ at, what, detail, text }) => [
        when(at),
        what.replaceAll('_', ' '),
        text === '' ? detail : `${detail}: ${text}`,
      ]),
      '  ',
    ),
  ].join('\n')
}

/** What goes on although nobody is warned of it any more: a law's period does not end with an incident. */
export function renderLeft({ id, clocks, notices }: IncidentShow): string {
  const running = clocks.filter(({ state }) => state === 'overdue' || state === 'due_soon' || state === 'running')
  const open = notices.filter(({ state }) => state !== 'done')
  if (running.length + open.length === 0) return ''
  const names = running.map(({ rule, basis, dueAt }) => {
    const due = dueAt === null ? '' : `, due ${when(dueAt)}`
    return `  ${basis === 'clock' ? rule : `${rule} (${basis})`}${due}`
  })
  return [
    ...(names.length === 0 ? [] : ['Clocks that are not met, of which nobody is warned any more:', ...names]),
    ...open.map(({ version, state }) => `Notices, version ${version}: ${state}; not everybody was told.`),
    `If that is not meant: bulkhead incident reopen ${id} --reason "…"`,
    '',
  ].join('\n')
}

/** Those that need somebody; all of them stand in `incident clocks`. */
function clockLines({ id, clocks }: IncidentShow): string[] {
  const live = clocks.filter(({ state }) => state === 'overdue' || state === 'due_soon' || state === 'running')
  const waiting = clocks.filter(({ state }) => state === 'needs_assessment').length
  if (live.length + waiting === 0) return []
  const lines = live.map(({ state, dueAt, rule, basis, whom }) => [
    state.replaceAll('_', ' '),
    dueAt === null ? '-' : when(dueAt),
    basis === 'clock' ? rule : `${rule} (${basis})`,
    whom,
  ])
  const [{ countedAt = null } = {}] = clocks
  const counted = countedAt === null ? 'people were not counted yet' : `people counted at ${when(countedAt)}`
  return ['', `Legal clocks (${waiting} more wait for an assessment; ${counted}; bulkhead incident clocks ${id})`, table(lines, '  ')]
}

function amendmentLine({ version, at, reason, windows, surfaces, narrowed, counted }: IncidentShow['amendments'][number]): string {
  const people = counted === null ? 'not counted' : `${counted.subjects} people, ${counted.added} added, ${counted.removed} no more in it`
  const where = surfaces === null ? 'all surfaces' : surfaces.join(', ')
  const why = reason === '' ? '' : `: ${reason}`
  const only = narrowed === null ? '' : `; narrowed ${narrowedText(narrowed)}`
  return `  version ${version}  ${when(at)}  ${where}; access ${side(windows.access)}; ${people}${only}${why}`
}

export function renderStatement({ incident, number, evidence, reverses, reconciled }: IncidentStatementResult): string {
  return [
    `Statement ${number} of incident ${incident} is kept as received: ${evidence.bytes} bytes, sha256 ${evidence.sha256}.`,
    ...(reverses === null ? [] : [`It reverses statement ${reverses}; both are kept.`]),
    ...reconciledLines(reconciled),
  ].join('\n')
}

function reconciledLines({ says, ledger, file, differences }: Reconciled): string[] {
  const rows = [
    ['says', says],
    ['ledger says', ledger ?? 'could not be asked'],
    ['file says', file ?? 'no data set was matched'],
  ]
  const differs = differences.map(({ about, field, says: said, ledger: ours, file: theirs }) => {
    const parts = [said === null ? '' : `says: ${said}`, ours === null ? '' : `ledger: ${ours}`, theirs === null ? '' : `file: ${theirs}`]
    return `  differs in ${field === undefined ? about : `${about} ${field}`}: ${parts.filter(Boolean).join('; ')}`
  })
  return [table(rows, '  '), ...differs]
}

export function renderAmended({ incident, version, windows, surfaces, counted, unavailable }: IncidentAmendResult): string {
  const people =
    counted === null
      ? `It could not be counted yet (${unavailable ?? ''}): bulkhead incident affected ${incident} --added`
      : `${count(counted.subjects, 'person', 'people')} may be affected: ${counted.added} added, ${counted.removed} no more in it.`
  const where = surfaces === null ? 'all surfaces' : surfaces.join(', ')
  return [
    `Scope version ${version} of incident ${incident}: ${where}; access ${side(windows.access)}; data ${side(windows.data)}.`,
    people,
    `The people added: bulkhead incident affected ${incident} --added --list FILE --reason "…"`,
  ].join('\n')
}

function side({ from, to }: Windows['access']): string {
  if (from === null && to === null) return 'without bounds'
  const end = (instant: string | null): string => (instant === null ? 'open' : when(instant))
  return `${end(from)} to ${end(to)}`
}

function matchLine({ rows, matched, people, reconciled, outsideWindow, notSentThroughBulkhead, columns }: MatchShown): string {
  const grades = `A ${matched.a}, B ${matched.b}, C ${matched.c} of ${rows} rows`
  const who = `${people} people, ${reconciled.inBoth} in the scope`
  const never = columns.length === 0 ? '' : `; never sent: ${columns.join(', ')}`
  return `${grades}; ${who}; ${outsideWindow} outside the window; ${notSentThroughBulkhead} not sent through Bulkhead${never}`
}
