/** Whether a rule applies to an incident, and why: the time that it is in force, the company, the people, the data, what was assessed. */
import type { SurveyedBody } from '#model/clock.ts'
import { EU_COUNTRIES } from '#model/eu.ts'
import type { ClockRecord, Profile } from './facts.ts'
import { timeOf } from './facts.ts'
import { startOfDay } from './counting.ts'
import type { Regime, Rule, RulePack } from './rule.ts'

/** Forms in which a field says something of a person by itself. */
const SAYING_FORMS: ReadonlySet<string> = new Set(['clear', 'coarse'])
/** Free text of an address or a title, where anything may have stood. */
const OPEN_TEXT: ReadonlySet<string> = new Set(['url', 'search_keyword', 'page_title', 'user_agent'])

export type Verdict = 'applies' | 'open' | 'no' | 'planned'

export interface Residents {
  known: number
  /** Of no known residence, or of a country whose part is not known; null: nobody could be counted. */
  unknown: number | null
  byDirectory: number
  byServer: number
  byPlace: number
}

export interface Applies {
  verdict: Verdict
  why: string[]
  assumed: string[]
  residents: Residents
  /** Somebody recorded that. */
  byAssessment: boolean
  /** Nobody lives there, of unknown residence neither, and the company is not there; or it binds other companies. */
  isFar: boolean
  /** Only what the configuration does not say keeps it open. */
  isUnsaid: boolean
  /** Fewer people than it counts from, those of unknown residence among them: only an assessment would make it apply. */
  isFew: boolean
}

/** Where nothing speaks against it yet. */
export function applying(residents: Residents): Applies {
  return { verdict: 'applies', why: [], assumed: [], residents, byAssessment: false, isFar: false, isUnsaid: false, isFew: false }
}

export function appliesTo(
  rule: Rule,
  regime: Regime,
  given: { record: ClockRecord; profile: Profile; pack: Pick<RulePack, 'elements'>; startsAt: number | undefined; now: number },
): Applies {
  const { record, profile } = given
  const residents = residentsOf(regime.territory, record.survey)
  const found = applying(residents)
  const no = (why: string): Applies => ({ ...found, verdict: 'no', why: [...found.why, why] })
  const soften = (why: string): void => {
    found.verdict = 'open'
    found.why.push(why)
  }

  const reach = reachOf(regime, residents, profile, found)
  found.isFar = reach === 'far'
  const force = inForce(rule, regime, given, found)
  if (force !== undefined) return { ...found, verdict: force.verdict, why: [...found.why, force.why] }

  const own = record.assessed.findLast((each) => each.regime === regime.id && each.rule === rule.id)
  const assessed = own ?? record.assessed.findLast((each) => each.regime === regime.id && each.rule === null)
  if (assessed !== undefined) {
    found.why.push(`it was assessed that it ${assessed.applies ? 'applies' : 'does not apply'} (row ${assessed.row})`)
    const judged: Applies = { ...found, verdict: assessed.applies ? 'applies' : 'no', byAssessment: true }
    // That a law applies does not say which of its rules do: for how many, for whom, in whose place.
    return own === undefined && assessed.applies ? (exceptionOf(rule, regime, given, judged) ?? judged) : judged
  }
  if (found.isFar)
    return no('nobody in the scope is known to live there or may live there, and the company is not said to be established there')
  if (reach === 'perhaps') soften('only people of unknown residence may live there')

  const company = companyFits(rule, profile)
  if (company === 'no') return { ...no(companyText(rule, 'is not among')), isFar: true }
  if (company === 'unsaid') {
    found.isUnsaid = true
    soften(`${companyText(rule, 'is not said to be among')} (clocks.sectors of the configuration)`)
  }
  if (rule.insteadOf !== null && !wasAssessedNo(rule.insteadOf, regime, record)) return no(insteadText(rule.insteadOf))

  const elements = rule.elements === null ? undefined : elementsIn(rule.elements, given.pack, record.survey)
  if (elements !== undefined) {
    if (elements.verdict === 'not') return no(elements.why)
    found.assumed.push(...elements.assumed)
    if (elements.verdict === 'perhaps') soften(elements.why)
    else found.why.push(elements.why)
  }
  return countAndAssessment(rule, regime, record, found)
}

function exceptionOf(
  rule: Rule,
  regime: Regime,
  { record, profile }: { record: ClockRecord; profile: Profile },
  judged: Applies,
): Applies | undefined {
  const no = (why: string, isFar: boolean): Applies => ({ ...judged, verdict: 'no', isFar, why: [...judged.why, why] })
  if (rule.insteadOf !== null && !wasAssessedNo(rule.insteadOf, regime, record)) return no(insteadText(rule.insteadOf), false)
  if (companyFits({ ...rule, sectors: [] }, profile) === 'no') return no(companyText(rule, 'is not among'), true)
  if (rule.assessment !== null && rule.residentsMax === null) return undefined
  const counted = countAndAssessment({ ...rule, assessment: null }, regime, record, { ...judged, why: [...judged.why] })
  return counted.verdict === 'no' ? counted : undefined
}

function countAndAssessment(rule: Rule, regime: Regime, record: ClockRecord, found: Applies): Applies {
  const { residents } = found
  const all = record.survey?.subjects ?? 0
  const part = rule.countsParts ? largestPart(regime.territory, record.survey) : undefined
  const known = rule.countsAll ? all : (part?.known ?? residents.known)
  const unknown = rule.countsAll ? 0 : (part?.unknown ?? residents.unknown ?? 0)
  const notCounted = record.survey === undefined
  const where = rule.countsAll ? 'in the scope' : part === undefined ? 'known to live there' : `known to live in ${part.of}`
  const [nowhere, there] = part === undefined ? ['of unknown residence', 'there'] : ['of no known state or residence', `in ${part.of}`]
  if (rule.residentsMax !== null && known >= rule.residentsMax) {
    return { ...found, verdict: 'no', why: [...found.why, `${peopleText(known)} ${where}, and it is for fewer than ${rule.residentsMax}`] }
  }
  if (rule.residentsMin > 0) {
    const text = `${peopleText(known)} ${where}, ${unknown} ${nowhere}; it counts from ${rule.residentsMin} on`
    const isMany = known + unknown >= rule.residentsMin || notCounted
    if (known < rule.residentsMin && isMany) {
      found.assumed.push(
        notCounted
          ? 'people could not be counted: taken to be enough'
          : `${peopleText(unknown)} ${nowhere} may live ${there}, and ${unknown === 1 ? 'is' : 'are'} counted as if so`,
      )
    }
    found.why.push(text)
    if (!isMany && rule.assessment === null) return { ...found, verdict: 'no' }
    found.isFew = !isMany
    // Enough people are enough, whatever would be assessed besides.
    if (isMany) return found
  }
  const { assessment } = rule
  if (assessment === null) return found
  const yes = assessment.yesBy === undefined ? undefined : timeOf(assessment.yesBy, regime.id, record)
  if (yes !== undefined) found.why.push(`${assessment.yesBy} is recorded`)
  else if (assessment.until === 'runs') found.assumed.push(`taken as yes until it is assessed: ${assessment.question}`)
  else {
    found.verdict = 'open'
    found.why.push(`not assessed: ${assessment.question}`)
  }
  return found
}

function reachOf(regime: Regime, residents: Residents, profile: Profile, found: Applies): 'near' | 'perhaps' | 'far' {
  const { territory } = regime
  if (territory.length === 0) return 'near'
  const at = territory.flatMap((each) => (each === 'EU' ? EU_COUNTRIES : [each]))
  const here = regime.establishment ? (profile.establishedIn ?? []).filter((country) => at.includes(country)) : []
  if (here.length > 0) found.why.push(`the company is established in ${here.join(', ')}`)
  if (residents.known > 0) {
    const by = [
      ...(residents.byDirectory > 0 ? [`${residents.byDirectory} by the directory`] : []),
      ...(residents.byServer > 0 ? [`${residents.byServer} by a server`] : []),
      ...(residents.byPlace > 0 ? [`${residents.byPlace} by the coarse place of their events`] : []),
    ]
    found.why.push(`${peopleText(residents.known)} in the scope live${residents.known === 1 ? 's' : ''} there (${by.join(', ')})`)
  }
  if (residents.known > 0 || here.length > 0) return 'near'
  if (residents.unknown === null) found.assumed.push('the ledger could not be asked who is in the scope: taken to reach it')
  return residents.unknown === null || residents.unknown > 0 ? 'perhaps' : 'far'
}

export function residentsOf(territory: readonly string[], survey: Pick<SurveyedBody, 'residents'> | undefined): Residents {
  const found = { known: 0, byDirectory: 0, byServer: 0, byPlace: 0 }
  if (survey === undefined) return { ...found, unknown: null }
  const places = territory.flatMap((each) => (each === 'EU' ? EU_COUNTRIES : [each]))
  const countries = new Set(places.filter((place) => !place.includes('-')))
  const parts = new Set(places.filter((place) => place.includes('-')))
  const countriesOfParts = new Set([...parts].map((part) => part.slice(0, 2)))
  let unknown = 0
  for (const { of, people, directory, server, place } of survey.residents) {
    const country = of.slice(0, 2)
    if (parts.has(of) || countries.has(country)) {
      found.known += people
      found.byDirectory += directory
      found.byServer += server
      found.byPlace += place
      // A person of a country of which no part is known may live in any of them.
    } else if (of === 'unknown' || countriesOfParts.has(of)) unknown += people
  }
  return { ...found, unknown }
}

/** The state or province with most people of these countries. Of whom no part is known, they may all live in that one. */
function largestPart(
  territory: readonly string[],
  survey: Pick<SurveyedBody, 'residents'> | undefined,
): { of: string; known: number; unknown: number } {
  const found = { of: 'one state', known: 0, unknown: 0 }
  for (const { of, people } of survey?.residents ?? []) {
    if (of === 'unknown' || territory.includes(of)) found.unknown += people
    else if (territory.includes(of.slice(0, 2)) && people > found.known) Object.assign(found, { of, known: people })
  }
  return found
}

function peopleText(count: number): string {
  return count === 1 ? '1 person' : `${count} people`
}

function inForce(
  rule: Rule,
  regime: Regime,
  given: { startsAt: number | undefined; now: number },
  found: Applies,
): { verdict: 'planned' | 'no'; why: string } | undefined {
  const { startsAt, now } = given
  const { inForceFrom, inForceUntil, replacedBy, earlier } = rule
  const from = inForceFrom === null ? undefined : startOfDay(inForceFrom, regime.zone)
  const until = inForceUntil === null ? undefined : startOfDay(inForceUntil, regime.zone)
  if (from !== undefined && now < from) return { verdict: 'planned', why: `it is in force from ${inForceFrom} on` }
  if (until !== undefined && (startsAt ?? now) >= until) {
    const next = replacedBy === null ? '' : `; since then ${replacedBy} is the rule`
    return { verdict: 'no', why: `it was in force until ${inForceUntil}${next}` }
  }
  if (startsAt === undefined) return undefined
  if (from !== undefined && startsAt < from) {
    const began = `it is in force from ${inForceFrom} on, and this began before`
    const before = regime.rules.find((each) => each.replacedBy === rule.id)
    if (before !== undefined) return { verdict: 'no', why: `${began}: ${before.id} was the rule then` }
    if (earlier === 'none') return { verdict: 'no', why: `${began}: the pack knows no such rule of then` }
    found.assumed.push(`${began}: what the rule was then is not in the pack, and this one is used`)
  } else if (from === undefined) {
    const seen = startOfDay(inForceUntil ?? regime.asOf, regime.zone)
    const as = inForceUntil === null ? `it was on ${regime.asOf}` : `the last one before ${inForceUntil}`
    if (seen !== undefined && startsAt < seen) found.assumed.push(`since when this is the rule is not in the pack: it is taken as ${as}`)
  }
  return undefined
}

function companyFits({ sectors, roles }: Rule, profile: Profile): 'yes' | 'no' | 'unsaid' {
  if (roles.any.length > 0 && !roles.any.some((role) => profile.roles.includes(role))) return 'no'
  if (roles.none.some((role) => profile.roles.includes(role))) return 'no'
  if (sectors.length === 0) return 'yes'
  if (profile.sectors === undefined) return 'unsaid'
  return sectors.some((sector) => profile.sectors?.includes(sector)) ? 'yes' : 'no'
}

function companyText({ sectors, roles }: Rule, verb: string): string {
  const names = [...sectors, ...roles.any, ...roles.none.map((role) => `not ${role}`)]
  return `the company ${verb} those whom it binds (${names.join(', ')})`
}

function insteadText(rule: string): string {
  return `it takes the place of ${rule} where that was assessed not to apply`
}

function wasAssessedNo(rule: string, regime: Regime, { assessed }: ClockRecord): boolean {
  return assessed.findLast((each) => each.regime === regime.id && each.rule === rule)?.applies === false
}

/** Names and addresses of mail alone are in no list; what a vendor held before us is not looked at here. */
function elementsIn(
  id: string,
  { elements }: Pick<RulePack, 'elements'>,
  survey: SurveyedBody | undefined,
): { verdict: 'met' | 'perhaps' | 'not'; why: string; assumed: string[] } | undefined {
  const list = elements.get(id)
  if (list === undefined) return undefined
  if (survey === undefined) return { verdict: 'perhaps', why: `it needs listed kinds of data: ${list.words}`, assumed: [] }
  const pairs = survey.fields.map((pair) => pair.split(':') as [string, string])
  const sent = new Set(pairs.filter(([, form]) => SAYING_FORMS.has(form)).map(([field]) => field))
  // What the vendor names counts too: it may have had it from elsewhere.
  const said = new Set(pairs.filter(([field, form]) => form === 'said' && !sent.has(field)).map(([field]) => field))
  const has = (names: readonly string[]): string[] => [...sent, ...said].filter((field) => names.includes(field)).sort()
  const verb = (fields: readonly string[]): string =>
    fields.some((field) => said.has(field)) ? 'were sent or named by the vendor' : 'were sent'
  const isBeside = list.with.length === 0 || has(list.with).length > 0
  const [met, perhaps] = [has(list.fields), has(list.perhaps)]
  const assumed = ['what the vendor held before Bulkhead and what went past it held none of the listed kinds']
  const others = survey.freeText.filter((field) => !OPEN_TEXT.has(field))
  if (others.length > 0) assumed.push(`approved text (${others.slice(0, 10).join(', ')}) held none of the listed kinds`)
  if (isBeside && met.length > 0) return { verdict: 'met', why: `${met.join(', ')} ${verb(met)}, which is listed`, assumed }
  if (isBeside && perhaps.length > 0) {
    return {
      verdict: 'perhaps',
      why: `${perhaps.join(', ')} ${verb(perhaps)} beside names: whether that is listed (${list.words}) has to be judged`,
      assumed,
    }
  }
  const listed = [...said].filter((field) => list.fields.includes(field) || list.perhaps.includes(field)).sort()
  if (listed.length > 0) {
    const which = `the vendor names ${listed.join(', ')}, which may be listed with what it held besides (${list.words})`
    return { verdict: 'perhaps', why: `${which}: that has to be judged`, assumed }
  }
  const beyond = survey.otherFields ?? 0
  if (beyond > 0) {
    const names = `a statement of the vendor names ${beyond === 1 ? 'a kind' : `${beyond} kinds`} of data beyond those that we know`
    return { verdict: 'perhaps', why: `${names}: whether that is listed (${list.words}) has to be judged`, assumed }
  }
  const open = survey.freeText.filter((field) => OPEN_TEXT.has(field))
  if (open.length > 0) return { verdict: 'perhaps', why: `${open.join(', ')} hold free text, in which listed data may have stood`, assumed }
  const words = sent.size === 0 ? 'no field that says something of a person by itself was sent' : `sent were ${[...sent].sort().join(', ')}`
  const besides = said.size === 0 ? '' : `; the vendor names ${[...said].sort().join(', ')} besides, which is not listed either`
  return { verdict: 'not', why: `none of the kinds of data that it lists was among the fields that we sent: ${words}${besides}`, assumed }
}
