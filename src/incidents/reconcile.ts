/**
 * A vendor's statement beside the ledger and beside the data set that leaked, if there is one: what each says, and where they
 * differ. Nothing here decides who is right. The ledger knows what was sent through Bulkhead and nothing else.
 */
import type { Affected } from './affected.ts'
import type { ScopeBody } from './incident-bodies.ts'
import { narrowsData } from './incident-scope.ts'
import type { Match, Statement } from './incident-state.ts'

export interface Difference {
  about: 'affected' | 'people' | 'field' | 'access window' | 'data window' | 'rows'
  /** Which field. */
  field?: string
  says: string | null
  ledger: string | null
  file: string | null
}

export interface Reconciled {
  says: string
  /** null: the ledger could not be asked. */
  ledger: string | null
  /** null: no data set was matched. */
  file: string | null
  differences: Difference[]
}

export interface ReconcileParts {
  statement: Pick<Statement, 'says' | 'people' | 'fields' | 'otherFields' | 'accessFrom' | 'accessTo' | 'from' | 'to'>
  scope: ScopeBody
  /** The scope in force. */
  ledger: Affected | undefined
  match: Match | undefined
}

export function reconcile(parts: ReconcileParts): Reconciled {
  const { statement, ledger, match } = parts
  return {
    says: saysText(statement),
    ledger: ledger === undefined ? null : ledgerText(ledger),
    file: match === undefined ? null : fileText(match),
    differences: [...ofPeople(parts), ...ofFields(parts), ...ofWindows(parts), ...ofRows(parts)],
  }
}

function saysText({ says, people }: ReconcileParts['statement']): string {
  const words = {
    affected: 'data of ours is affected',
    'not-affected': 'no data of ours is affected',
    unknown: 'not known yet whether data of ours is affected',
    corrected: 'an earlier statement is corrected',
  }[says]
  return people === null ? words : `${words}; ${countOf(people)}`
}

function ledgerText({ subjects, delivered, possible }: Affected): string {
  if (subjects === 0) return 'in this scope nothing about a known person was sent through Bulkhead'
  return `data about ${countOf(subjects)} was sent through Bulkhead (${delivered} delivered, ${possible} possible)`
}

function fileText({ people, matched }: Match): string {
  return `${countOf(people)} known here (rows by grade: A ${matched.a}, B ${matched.b}, C ${matched.c})`
}

function countOf(people: number): string {
  return people === 1 ? '1 person' : `${people} people`
}

function ofPeople({ statement, ledger, match }: ReconcileParts): Difference[] {
  const file = match === undefined ? null : fileText(match)
  const differences: Difference[] = []
  const isDenied = statement.says === 'not-affected'
  if (ledger !== undefined && ((isDenied && ledger.subjects > 0) || (statement.says === 'affected' && ledger.subjects === 0))) {
    differences.push({ about: 'affected', says: saysText(statement), ledger: ledgerText(ledger), file })
  } else if (isDenied && match !== undefined && match.people > 0) {
    differences.push({ about: 'affected', says: saysText(statement), ledger: ledger === undefined ? null : ledgerText(ledger), file })
  }
  const said = statement.people
  const isOther = (count: number | undefined): boolean => said !== null && count !== undefined && count !== said
  if (isOther(ledger?.subjects) || isOther(match?.people)) {
    const counted = ledger === undefined ? null : countOf(ledger.subjects)
    differences.push({
      about: 'people',
      says: countOf(said as number),
      ledger: counted,
      file: match === undefined ? null : countOf(match.people),
    })
  }
  return differences
}

function ofFields({ statement, ledger, match }: ReconcileParts): Difference[] {
  const named = [...statement.fields, ...statement.otherFields]
  if (named.length === 0) return []
  const inFile = new Set(match?.fieldsNotInLedger ?? [])
  const file = (field: string): string | null => (match === undefined ? null : inFile.has(field) ? 'a column of the file holds it' : null)
  const sent = new Map<string, string[]>()
  for (const { field, form } of ledger?.fields ?? []) sent.set(field, [...(sent.get(field) ?? []), form])
  const beyond = named
    .filter((field) => ledger !== undefined && !sent.has(field))
    .map((field): Difference => {
      const isKnown = (statement.fields as readonly string[]).includes(field)
      const words = isKnown ? 'was not among the fields that we sent' : 'is no field of our catalogue'
      return { about: 'field', field, says: 'named', ledger: words, file: file(field) }
    })
  const unnamed = [...sent]
    .filter(([field]) => !named.includes(field))
    .map(
      ([field, forms]): Difference => ({ about: 'field', field, says: 'not named', ledger: `was sent (${forms.join(', ')})`, file: null }),
    )
  return [...beyond, ...unnamed]
}

function ofWindows({ statement, scope }: ReconcileParts): Difference[] {
  const differences: Difference[] = []
  const isAccess = statement.accessFrom !== null || statement.accessTo !== null
  if (isAccess && (statement.accessFrom !== scope.accessFrom || statement.accessTo !== scope.accessTo)) {
    const says = spanText(statement.accessFrom, statement.accessTo)
    differences.push({
      about: 'access window',
      says,
      ledger: `that of the scope: ${spanText(scope.accessFrom, scope.accessTo)}`,
      file: null,
    })
  }
  const isData = statement.from !== null || statement.to !== null
  const claimed = { ...scope, from: statement.from, to: statement.to }
  if (isData && (narrowsData(scope, claimed) || narrowsData(claimed, scope))) {
    const says = spanText(statement.from, statement.to)
    differences.push({ about: 'data window', says, ledger: `that of the scope: ${spanText(scope.from, scope.to)}`, file: null })
  }
  return differences
}

function ofRows({ match }: ReconcileParts): Difference[] {
  if (match === undefined) return []
  const rows = (count: number, words: string): Difference[] =>
    count === 0 ? [] : [{ about: 'rows', says: null, ledger: words, file: `${count} of ${match.rows} rows` }]
  const columns = match.fieldsNotInLedger.map((field): Difference => {
    return { about: 'field', field, says: null, ledger: 'was not among the fields that we sent', file: 'a column of the file holds it' }
  })
  return [
    ...rows(match.notSentThroughBulkhead, 'not sent through Bulkhead: bypass, older data, another breach or fabrication'),
    ...rows(match.outsideWindow, 'outside the window of the scope'),
    ...columns,
  ]
}

export function spanText(from: number | null, to: number | null): string {
  if (from === null && to === null) return 'without bounds'
  const side = (instant: number | null): string => (instant === null ? 'open' : new Date(instant).toISOString())
  return `${side(from)} to ${side(to)}`
}
