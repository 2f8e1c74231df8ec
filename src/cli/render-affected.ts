/** Who may be affected, as lines for people. The words are those that counsel will read (docs/SECURITY.md). */
import type { AffectedResult } from '#api/contract.ts'
import { narrowedText } from './narrow-render.ts'
import { count, table, when, wrap } from './render.ts'

const people = (number: number): string => count(number, 'person', 'people')
const JURISDICTIONS_SHOWN = 40
const BEFORE: Record<AffectedResult['baseline'], string> = {
  unknown: 'what the vendor held before Bulkhead is not in these figures',
  none: 'the vendor held nothing of ours before Bulkhead, as was stated here',
  declared: 'what the vendor held before Bulkhead is counted apart, below',
  imported: 'what the vendor held before Bulkhead is counted apart, below',
}

export function renderAffected(answer: AffectedResult): string {
  const outlet = answer.destination === null ? answer.vendor : `${answer.vendor}/${answer.destination}`
  const fields = answer.fields.map((field) => [field.field, field.form, people(field.subjects), `${people(field.delivered)} delivered`])
  const surfaces = answer.surfaces.map(({ surface, subjects }) => [surface || '(requests to delete)', people(subjects)])
  return [
    answer.subjects === 0
      ? `No known person may be affected: in this scope nothing about one was sent to ${outlet} through Bulkhead.`
      : `${people(answer.subjects)} may be affected: data about them was sent to ${outlet} through Bulkhead.`,
    '',
    table(figures(answer), '  '),
    '',
    'Sent',
    fields.length === 0 ? '  nothing' : table(fields, '  '),
    ...(surfaces.length === 0 ? [] : ['', 'Surfaces', table(surfaces, '  ')]),
    ...(answer.subjects === 0 ? [] : ['', 'Where they live', table(jurisdictions(answer), '  ')]),
    ...baseline(answer),
    '',
    'Was not among the fields that we sent',
    wrap(answer.notSent, '  '),
    ...checked(answer),
  ].join('\n')
}

function figures(answer: AffectedResult): string[][] {
  const { access, data } = answer.windows
  const side = (text: string | null): string => (text === null ? 'open' : when(text))
  const { total, named, withMembers, withAdministrators, administrators, reachableAdministrators } = answer.organisations
  return [
    ...(answer.incident === undefined ? [] : [['incident', incidentText(answer.incident)]]),
    ...(answer.incident?.narrowed === undefined ? [] : [['narrowed', narrowedText(answer.incident.narrowed, answer.leftOut)]]),
    ['delivered', people(answer.delivered)],
    ['possible', `${people(answer.possible)} (nobody knows whether it arrived)`],
    ['erased since', `${people(answer.erased)} (nobody can notify them)`],
    ['no trusted address', `${people(answer.withoutAddress)} (none from a server or the directory)`],
    ['groups', String(answer.groups)],
    [
      'organisations',
      `${total} (${named} named, ${withMembers} with members in scope); ${withAdministrators} with administrators: ` +
        `${people(administrators)}, ${reachableAdministrators} reachable`,
    ],
    ['ambiguous devices', `${answer.ambiguousDevices} (of no single person; in no personal list)`],
    ['access window', `${side(access.from)} to ${side(access.to)} (everything sent before its end counts)`],
    ['data window', `${side(data.from)} to ${side(data.to)}`],
    ...(answer.onlySurfaces === null ? [] : [['only surfaces', answer.onlySurfaces.join(', ')]]),
    ['baseline', `${answer.baseline}: ${BEFORE[answer.baseline]}`],
    ['upper bound', answer.upperBound ? 'yes' : `no: ${answer.upperBoundReason ?? ''}`],
  ]
}

function incidentText({ id, version, added }: NonNullable<AffectedResult['incident']>): string {
  return `${id}, scope version ${version}${added === null ? '' : `; ${people(added)} that no earlier version had`}`
}

function jurisdictions({ jurisdictions: rows }: AffectedResult): string[][] {
  const shown = rows.slice(0, JURISDICTIONS_SHOWN)
  const rest = rows.slice(JURISDICTIONS_SHOWN).reduce((sum, row) => sum + row.subjects, 0)
  return [
    ...shown.map(({ jurisdiction, eu, subjects, basis }) => {
      const said = Object.entries(basis).filter(([, number]) => number > 0)
      const by = said.map(([who, number]) => `${number.toLocaleString('en-US')} by ${who === 'place' ? 'place of their events' : who}`)
      return [jurisdiction, eu ? 'EU' : '', people(subjects), by.join(', ')]
    }),
    ...(rest > 0 ? [[`${rows.length - shown.length} others`, '', people(rest), 'see --json']] : []),
  ]
}

function baseline({ beforeBulkhead: before }: AffectedResult): string[] {
  if (before === null) return []
  const { kind, saidAt, saidBy, inScope, subjects, onlyBaseline, declaredPeople, unmatchedRows, brokenRows } = before
  const said = `${kind} at ${when(saidAt)}${saidBy === '' ? '' : `, on the word of ${saidBy}`}`
  const named =
    subjects === null
      ? `about ${declaredPeople === null ? 'an unknown number of people' : people(declaredPeople)}, whom nobody has named`
      : `${people(subjects)}, ${onlyBaseline} of them not among those above; ${count(unmatchedRows, 'row')} of nobody who is known here` +
        `${brokenRows > 0 ? `, ${brokenRows} unreadable` : ''}`
  const fields = before.fields.map((field) => [field.field, field.form, field.subjects === null ? '' : people(field.subjects)])
  const lines = inScope ? [`  ${named}`, ...(fields.length === 0 ? [] : [table(fields, '  ')])] : ['  nothing of it lies in this scope']
  return ['', `Held before Bulkhead (${said})`, ...lines]
}

function checked({ checked: { entries, policies, freeText, grantedNotSent, checkpoint } }: AffectedResult): string[] {
  const versions = policies === null ? 'no policy version, since nothing was sent' : `policy versions ${policies.from} to ${policies.to}`
  return [
    '',
    `Checked: ledger entries 1 to ${entries}, ${versions}.`,
    `Checkpoint: ${checkpoint === null ? 'none yet' : `size ${checkpoint.size}, root ${checkpoint.root}`}.`,
    ...(grantedNotSent.length === 0 ? [] : ['Granted there, and in no entry all the same', wrap(grantedNotSent, '  ')]),
    ...(freeText.length === 0
      ? []
      : [
          'In these granted fields any text may have stood',
          wrap(
            freeText.map(({ field, form }) => `${field} (${form})`),
            '  ',
          ),
        ]),
  ]
}
