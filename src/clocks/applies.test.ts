/** Whether a rule applies, at each of its edges: numbers of people, the days on which it is in force, companies, kinds of data. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Applies, appliesTo, residentsOf } from './applies.ts'
import type { Profile } from './facts.ts'
import type { Elements, Regime, Rule } from './rule.ts'
import { NOBODY, PACK, recordOf, type Said, surveyOf, utc } from './testing-record.ts'

const TOLD = '2026-11-25T18:00:00Z'
const NOW = utc('2026-11-26T12:00:00Z')
const EU = PACK.regimes.find(({ rules }) => rules.some(({ id }) => id === 'eu-sa')) as Regime
/** Without a condition of its own. */
const PLAIN: Rule = { ...(EU.rules.find(({ id }) => id === 'eu-sa') as Rule), id: 'plain', assessment: null, elements: null }
const REGIME: Regime = { ...EU, territory: ['DE', 'US-CA'], zone: 'UTC', asOf: '2026-11-01', rules: [PLAIN] }

interface Given {
  rule?: Partial<Rule>
  regime?: Partial<Regime>
  people?: Record<string, number> | undefined
  profile?: Partial<Profile>
  said?: Partial<Said>
  elements?: Elements
  startsAt?: number | undefined
  now?: number
}

function applies(given: Given): Applies {
  const { rule = {}, regime = {}, profile = {}, said = {}, elements, now = NOW } = given
  const people = 'people' in given ? given.people : { DE: 3 }
  const startsAt = 'startsAt' in given ? given.startsAt : utc(TOLD)
  const pack = { elements: new Map(elements === undefined ? [] : [[elements.id, elements]]) }
  const record = recordOf({ told: TOLD, ...(people !== undefined && { people }), ...said })
  const one = { ...PLAIN, ...rule }
  return appliesTo(one, { ...REGIME, ...regime }, { record, profile: { ...NOBODY, ...profile }, pack, startsAt, now })
}

const verdict = (given: Given): string => applies(given).verdict

test('a rule for fewer than so many people ends with that number, of those who are known to live there', () => {
  const of = (DE: number, unknown = 0): string => verdict({ rule: { residentsMax: 500 }, people: { DE, unknown } })
  assert.deepEqual([of(499), of(500), of(499, 1), of(501)], ['applies', 'no', 'applies', 'no'])
})

test('a rule from so many people on begins with that number, and who may live there counts; else only an assessment makes it apply', () => {
  const of = (people: Given['people'], rule: Partial<Rule> = {}): Applies => applies({ rule: { residentsMin: 500, ...rule }, people })
  assert.deepEqual(
    [of({ DE: 500 }), of({ DE: 499 }), of({ DE: 499, unknown: 1 }), of({ DE: 498, unknown: 1 })].map((found) => found.verdict),
    ['applies', 'no', 'applies', 'no'],
  )
  const assessment = { question: 'is it grave?', until: 'open' } as const
  const few = of({ DE: 1 }, { assessment })
  assert.deepEqual([few.verdict, few.isFew], ['open', true])
  const many = of({ DE: 500 }, { assessment })
  assert.deepEqual([many.verdict, many.isFew], ['applies', false])
  // Nobody could be counted: taken to be enough, and said to be taken.
  const uncounted = of(undefined)
  assert.deepEqual([uncounted.verdict, uncounted.assumed.includes('people could not be counted: taken to be enough')], ['open', true])
})

test('where all people of the incident count, it does not matter where they live', () => {
  const of = (people: Record<string, number>, rule: Partial<Rule>): string => verdict({ rule: { countsAll: true, ...rule }, people })
  assert.deepEqual([of({ DE: 1, FR: 499 }, { residentsMin: 500 }), of({ DE: 1, FR: 498 }, { residentsMin: 500 })], ['applies', 'no'])
  assert.deepEqual([of({ DE: 1, FR: 499 }, { residentsMax: 500 }), of({ DE: 1, FR: 498 }, { residentsMax: 500 })], ['no', 'applies'])
  // Whoever is of unknown residence is among them already.
  assert.equal(of({ DE: 1, unknown: 300 }, { residentsMin: 500 }), 'no')
})

test('a rule is planned until the first instant of its day, and of its time from then on', () => {
  const from = utc('2026-11-25T00:00:00Z')
  const of = (now: number, startsAt: number | undefined): string => verdict({ rule: { inForceFrom: '2026-11-25' }, now, startsAt })
  assert.deepEqual(
    [of(from - 1, undefined), of(from, undefined), of(from, from), of(from, from - 1)],
    ['planned', 'applies', 'applies', 'no'],
  )
  const old = applies({ rule: { inForceFrom: '2026-11-25', earlier: 'not-known' }, startsAt: from - 1 })
  assert.deepEqual([old.verdict, old.assumed.some((text) => text.includes('what the rule was then is not in the pack'))], ['applies', true])
})

test('a rule ends with the last instant before its day, by when it began, or by now while nothing began', () => {
  const until = utc('2026-11-25T00:00:00Z')
  const of = (startsAt: number | undefined, now = NOW): string => verdict({ rule: { inForceUntil: '2026-11-25' }, startsAt, now })
  assert.deepEqual([of(until - 1), of(until), of(undefined, until - 1), of(undefined, until)], ['applies', 'no', 'applies', 'no'])
})

test('since when a rule is one is said to be taken only of what began before somebody looked', () => {
  const isSaid = (startsAt: number, rule: Partial<Rule> = {}): boolean =>
    applies({ startsAt, rule }).assumed.some((text) => text.startsWith('since when this is the rule is not in the pack'))
  const [asOf, end] = [utc('2026-11-01T00:00:00Z'), utc('2026-10-01T00:00:00Z')]
  assert.deepEqual([isSaid(asOf - 1), isSaid(asOf)], [true, false])
  assert.equal(isSaid(end - 1, { inForceUntil: '2026-10-01' }), true)
})

test('companies: roles that it wants, roles that it excepts, sectors that nobody has said', () => {
  const of = (rule: Partial<Rule>, profile: Partial<Profile> = {}): [string, boolean, boolean] => {
    const found = applies({ rule, profile })
    return [found.verdict, found.isFar, found.isUnsaid]
  }
  const roles = (any: string[], none: string[] = []): Partial<Rule> => ({ roles: { any, none } })
  assert.deepEqual(of(roles(['small'])), ['no', true, false])
  assert.deepEqual(of(roles(['small', 'state']), { roles: ['state'] }), ['applies', false, false])
  assert.deepEqual(of(roles([], ['small']), { roles: ['small'] }), ['no', true, false])
  assert.deepEqual(of({ sectors: ['finance'] }), ['no', true, false])
  assert.deepEqual(of({ sectors: ['finance'] }, { sectors: ['finance', 'health'] }), ['applies', false, false])
  assert.deepEqual(of({ sectors: ['finance'] }, { sectors: undefined }), ['open', false, true])
})

test('where people live: countries, parts of them, and who may', () => {
  const of = (people: Record<string, number>): [number, number | null] => {
    const { known, unknown } = residentsOf(['DE', 'US-CA'], surveyOf(people))
    return [known, unknown]
  }
  assert.deepEqual(of({ DE: 2, 'DE-BY': 1, 'US-CA': 4, 'US-TX': 8, US: 16, unknown: 32, FR: 64 }), [7, 48])
  const residents = [{ of: 'DE', people: 6, directory: 1, server: 2, place: 3 }]
  assert.deepEqual(residentsOf(['DE'], { residents }), { known: 6, unknown: 0, byDirectory: 1, byServer: 2, byPlace: 3 })
  assert.deepEqual([verdict({ people: { FR: 1 } }), applies({ people: { FR: 1 } }).isFar], ['no', true])
  assert.equal(verdict({ people: { unknown: 1 } }), 'open')
  assert.equal(verdict({ people: undefined }), 'open')
  assert.equal(verdict({ people: { FR: 1 }, regime: { territory: [] } }), 'applies')
  const there = { establishedIn: ['DE'] }
  assert.equal(verdict({ people: { FR: 1 }, profile: there, regime: { establishment: true } }), 'applies')
  assert.equal(verdict({ people: { FR: 1 }, profile: there, regime: { establishment: false } }), 'no')
})

test('of assessments the one of the rule stands before the one of its law, and the last of each', () => {
  const assessed = (...all: [string | null, boolean][]): Given => ({
    said: { assessed: all.map(([rule, yes]): [string, string | null, boolean] => [REGIME.id, rule, yes]) },
  })
  assert.equal(verdict(assessed(['plain', true], [null, false])), 'applies')
  assert.equal(verdict(assessed([null, false], [null, true])), 'applies')
  assert.equal(verdict(assessed([null, true], [null, false])), 'no')
  assert.equal(verdict(assessed(['plain', true], ['plain', false])), 'no')
  // What would make a rule apply besides its numbers is answered by that.
  const assessment = { question: 'is it grave?', until: 'open' } as const
  const grave = { rule: { residentsMin: 500, assessment } }
  assert.deepEqual([verdict({ ...assessed([null, true]), ...grave }), verdict(grave)], ['applies', 'open'])
  assert.equal(verdict({ ...assessed([null, true]), rule: { residentsMax: 3, assessment } }), 'no')
  // That the law applies leaves the numbers of its rules; that the rule does is somebody's judgement of all of it.
  const few = { rule: { residentsMin: 500 } }
  assert.deepEqual([verdict({ ...assessed([null, true]), ...few }), verdict({ ...assessed(['plain', true]), ...few })], ['no', 'applies'])
})

test('a question that nobody has answered holds a clock open, or is taken as yes; an event may answer it', () => {
  const asked = (until: 'open' | 'runs', marks: Said['marks'] = []): Applies =>
    applies({ rule: { assessment: { question: 'is it grave?', until, yesBy: 'determined' } }, said: { marks } })
  assert.deepEqual([asked('open').verdict, asked('runs').verdict], ['open', 'applies'])
  assert.ok(asked('runs').assumed.includes('taken as yes until it is assessed: is it grave?'))
  const answered = asked('open', [['determined', TOLD]])
  assert.deepEqual([answered.verdict, answered.why.at(-1)], ['applies', 'determined is recorded'])
})

const LIST: Elements = { id: 'list', fields: ['national_id'], perhaps: ['country'], with: ['name'], words: 'numbers of papers' }

test('kinds of data: listed ones beside a name, those that may be, and what anybody may have typed', () => {
  const of = (fields: string[], freeText: string[] = []): Applies =>
    applies({ rule: { elements: 'list' }, elements: LIST, said: { fields, freeText } })
  assert.equal(of(['name:clear', 'national_id:clear']).verdict, 'applies')
  assert.equal(of(['name:coarse', 'national_id:coarse']).verdict, 'applies')
  for (const fields of [
    ['national_id:clear'],
    ['name:clear', 'national_id:pseudonym'],
    ['name:pseudonym', 'national_id:clear'],
    ['country:coarse'],
  ])
    assert.equal(of(fields).verdict, 'no', fields.join(' '))
  assert.equal(of(['name:clear', 'country:coarse']).verdict, 'open')
  for (const field of ['url', 'search_keyword', 'page_title', 'user_agent'])
    assert.equal(of(['name:clear'], [field]).verdict, 'open', field)
  // Approved text of a property holds none of it: that is taken, and said.
  const approved = of(['name:clear'], ['plan'])
  assert.deepEqual([approved.verdict, approved.why.at(-1)?.startsWith('none of the kinds of data')], ['no', true])
  const beside = of(['name:clear', 'national_id:clear'], ['plan'])
  assert.ok(beside.assumed.some((text) => text.startsWith('approved text (plan) held none')))
  assert.equal(applies({ rule: { elements: 'list' }, elements: LIST, people: undefined }).verdict, 'open')
  // What the vendor names without a name beside it may have one there.
  assert.equal(of(['national_id:said']).verdict, 'open')
  assert.match(of(['name:clear', 'national_id:said']).why.at(-1) ?? '', /^national_id were sent or named by the vendor/)
  assert.match(of(['name:clear', 'national_id:clear', 'national_id:said']).why.at(-1) ?? '', /^national_id were sent, which is listed$/)
})
