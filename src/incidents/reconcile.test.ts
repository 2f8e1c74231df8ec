/** What a vendor says, what the ledger says and what a leaked file says: each difference is named, and nothing that is none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Affected } from './affected.ts'
import type { Match } from './incident-state.ts'
import { type ReconcileParts, reconcile } from './reconcile.ts'

const EVERYTHING = { destinations: null, surfaces: null, accessFrom: null, accessTo: null, from: null, to: null }
const SAID: ReconcileParts['statement'] = {
  ...{ says: 'affected', people: null, fields: [], otherFields: [], accessFrom: null, accessTo: null, from: null, to: null },
}

function ledgerOf(subjects: number, fields: string[] = ['email']): Affected {
  const counted = fields.map((field) => ({ field, form: 'clear', subjects, delivered: subjects }))
  return { subjects, delivered: subjects, possible: 0, fields: counted } as unknown as Affected
}

function matchOf(change: Partial<Match>): Match {
  const counts = { rows: 10, matched: { a: 1, b: 2, c: 3 }, people: 4, notSentThroughBulkhead: 0, outsideWindow: 0, fieldsNotInLedger: [] }
  return { ...counts, ...change } as unknown as Match
}

const about = (parts: Partial<ReconcileParts>): string[] =>
  reconcile({ statement: SAID, scope: EVERYTHING, ledger: undefined, match: undefined, ...parts }).differences.map(
    ({ about: what, field }) => `${what}${field === undefined ? '' : ` ${field}`}`,
  )

test('whether anybody is affected: a denial against ledger and file, a claim against an empty ledger', () => {
  const denied = { ...SAID, says: 'not-affected' as const }
  assert.deepEqual(about({ ledger: ledgerOf(4) }), [])
  assert.deepEqual(about({ ledger: ledgerOf(0) }), ['affected'])
  assert.deepEqual(about({ statement: denied, ledger: ledgerOf(4) }), ['affected'])
  assert.deepEqual(about({ statement: denied, ledger: ledgerOf(0) }), [])
  // The file shows it also where the ledger has nobody, or could not be asked.
  assert.deepEqual(about({ statement: denied, ledger: ledgerOf(0), match: matchOf({}) }), ['affected'])
  assert.deepEqual(about({ statement: denied, match: matchOf({}) }), ['affected'])
  assert.deepEqual(about({ statement: denied, match: matchOf({ people: 0 }) }), [])
  assert.deepEqual(about({ statement: denied, ledger: ledgerOf(4), match: matchOf({}) }), ['affected'], 'named once')
  assert.deepEqual(about({ statement: { ...SAID, says: 'unknown' }, ledger: ledgerOf(4) }), [])
})

test('how many people: against either of the two', () => {
  const four = { ...SAID, people: 4 }
  assert.deepEqual(about({ statement: four, ledger: ledgerOf(4), match: matchOf({ people: 4 }) }), [])
  assert.deepEqual(about({ statement: four, ledger: ledgerOf(5), match: matchOf({ people: 4 }) }), ['people'])
  assert.deepEqual(about({ statement: four, ledger: ledgerOf(4), match: matchOf({ people: 3 }) }), ['people'])
  assert.deepEqual(about({ statement: four, match: matchOf({ people: 3 }) }), ['people'])
  assert.deepEqual(about({ statement: four }), [])
  const { differences } = reconcile({ statement: four, scope: EVERYTHING, ledger: ledgerOf(5), match: matchOf({ people: 1 }) })
  assert.deepEqual(differences, [{ about: 'people', says: '4 people', ledger: '5 people', file: '1 person' }])
})

test('fields: those that we never sent, those that it does not name, and those that the file has besides', () => {
  const statement = { ...SAID, fields: ['email' as const, 'phone' as const], otherFields: ['shoe size'] }
  assert.deepEqual(about({ statement, ledger: ledgerOf(4, ['email', 'country']) }), ['field phone', 'field shoe size', 'field country'])
  assert.deepEqual(about({ ledger: ledgerOf(4, ['email']) }), [], 'a statement that names none says nothing of fields')
  assert.deepEqual(about({ ledger: ledgerOf(4), match: matchOf({ fieldsNotInLedger: ['ip'] }) }), ['field ip'])
})

test('windows and rows', () => {
  const scope = { ...EVERYTHING, accessFrom: 1, accessTo: 5, from: 1, to: 5 }
  assert.deepEqual(about({ statement: { ...SAID, accessFrom: 1, accessTo: 5, from: 1, to: 5 }, scope }), [])
  assert.deepEqual(about({ statement: { ...SAID, accessFrom: 1, accessTo: 6 }, scope }), ['access window'])
  assert.deepEqual(about({ statement: { ...SAID, accessTo: 5 }, scope }), ['access window'])
  assert.deepEqual(about({ statement: { ...SAID, from: 2, to: 5 }, scope }), ['data window'])
  assert.deepEqual(about({ statement: { ...SAID, from: 1 }, scope }), ['data window'])
  assert.deepEqual(about({ statement: { ...SAID, to: 4 }, scope }), ['data window'])
  assert.deepEqual(about({ match: matchOf({ notSentThroughBulkhead: 2, outsideWindow: 3 }) }), ['rows', 'rows'])
  const { differences } = reconcile({ statement: SAID, scope, ledger: undefined, match: matchOf({ outsideWindow: 3 }) })
  assert.deepEqual(differences, [{ about: 'rows', says: null, ledger: 'outside the window of the scope', file: '3 of 10 rows' }])
})
