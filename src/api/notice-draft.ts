/** The draft of a version of notices, from the incident, the ledger and the configuration as they are now. */
import { randomBytes } from 'node:crypto'
import { DAY_MS } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { type AffectedAnswer, affected } from '#incidents/affected.ts'
import { firstSentTo } from '#incidents/bound.ts'
import { asOfNow, queryOf } from '#incidents/incident-count.ts'
import { currentScope, type IncidentState } from '#incidents/incident-state.ts'
import type { NoticeMeasure, NoticeSubject } from '#model/notice-text.ts'
import { type NoticesConfig, NOTICES_DEFAULTS } from '#model/notices-config.ts'
import { type Draft, makeDraft } from '#notices/draft.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import type { Look } from '#vault/port.ts'
import type { StaffDeps } from './deps.ts'
import { incidentPorts } from './incident-ports.ts'

export interface Drafted {
  draft: Draft
  scopeVersion: number
}

export async function draftNotices(id: number, language: string | undefined, look: Look, deps: StaffDeps): Promise<Drafted> {
  const { notices, records, noticeOpener } = deps
  const { config } = notices
  const state = deps.incidents.state(id)
  const { version: scopeVersion, scope } = currentScope(state)
  const asked = language ?? 'auto'
  if (asked !== 'auto' && !notices.words.languages.includes(asked)) {
    throw new BulkheadError('notice_unknown', `there are no texts in ${JSON.stringify(asked.slice(0, 35))}`, {
      hint: `There are texts in ${notices.words.languages.join(', ')}; \`auto\` is each person's own.`,
    })
  }
  const ports = await asOfNow(incidentPorts(deps))
  const answer = await affected(queryOf(state.vendor, scope), ports)
  const exposed = await answer.exposed()
  const begun = notices.versions(id).filter((version) => version.state !== 'proposed')
  const subject = await subjectOf({ state, answer, config, begun }, deps)
  const fields = new Set(exposed.exposures.flatMap(({ sent }) => sent.map(({ field }) => field as string)))
  // What the vendor held before us is among what is told, so it is not told to be absent.
  const notSent = subject.notSent.filter((field) => !fields.has(field))
  const surfaces = answer.summary.surfaces.map(({ surface }) => surface)
  const freeText = new Set(answer.summary.checked.freeText.map(({ field }) => field as string))
  const draft = await makeDraft(
    {
      subject: { ...subject, notSent },
      exposed,
      language: asked,
      defaultLanguage: notices.words.languageFor(config.defaultLanguage, notices.words.languages[0] ?? 'en'),
      told: records.peopleTold(id),
      surface: surfaces.length === 1 ? surfaces[0] : undefined,
      isFreeText: (field) => freeText.has(field),
      listsMembers: listsMembers(config),
    },
    { vault: noticeOpener, words: notices.words },
    look,
  )
  return { draft, scopeVersion }
}

export function listsMembers({ memberLists }: NoticesConfig): boolean {
  return (memberLists ?? NOTICES_DEFAULTS.memberLists) === 'in-notice'
}

interface SubjectOf {
  state: IncidentState
  answer: AffectedAnswer
  config: NoticesConfig
  begun: readonly NoticeVersion[]
}

async function subjectOf({ state, answer, config, begun }: SubjectOf, deps: StaffDeps): Promise<NoticeSubject> {
  const { entries, policies, grantedNotSent } = answer.summary.checked
  const held = new Set((answer.summary.beforeBulkhead?.fields ?? []).map(({ field }) => field as string))
  const granted = new Set<string>(grantedNotSent)
  const checkpoint = await deps.checkpoint()
  const before = begun.at(-1)?.version
  return {
    incident: state.id,
    version: (before ?? 0) + 1,
    versionId: randomBytes(16).toString('hex'),
    ...(before === undefined ? {} : { correctsVersion: before }),
    ...fromConfiguration(state, config, deps),
    // Of fields that were granted only half holds: they were sent of nobody here.
    notSent: answer.summary.notSent.filter((field) => !granted.has(field) && !held.has(field)),
    checked: { policyFrom: policies?.from ?? 0, policyTo: policies?.to ?? 0, entries, ...(await recordOf(state.vendor, answer, deps)) },
    measures: await measuresOf(state, deps),
    ...(checkpoint === null ? {} : { checkpoint: { size: checkpoint.size, root: checkpoint.root } }),
    date: noonOf(deps.clock.now(), config.zone),
  }
}

/** Since when there is a record of what the vendor was sent, and whether anybody knows what it held before. */
async function recordOf(
  vendor: string,
  { summary }: AffectedAnswer,
  deps: StaffDeps,
): Promise<Pick<NoticeSubject['checked'], 'since' | 'isEarlierUnknown'>> {
  const isKnown = summary.baseline === 'none' || (summary.baseline === 'imported' && summary.beforeBulkhead?.complete === true)
  const since = await firstSentTo(vendor, summary.checked.entries, deps.warehouse)
  return { ...(since !== undefined && { since }), ...(!isKnown && { isEarlierUnknown: true }) }
}

type Configured = Pick<NoticeSubject, 'company' | 'officialDomain' | 'checkUrl' | 'contact' | 'vendor' | 'times' | 'zone' | 'from'>

/** What of a text follows from the configuration and from what was said of the incident: it must be the same when it is sent. */
export function fromConfiguration(state: IncidentState, config: NoticesConfig, deps: Pick<StaffDeps, 'config'>): Configured {
  const { company, officialDomain, checkUrl, zone } = config
  const { team, mail, hours, languages, dpo } = config.contact
  const { eventFrom, eventTo, vendorAware } = state.times
  const told = toldByVendor(state)
  const aware = awareAt(state)
  const vendor = deps.config.vendors.find(({ id }) => id === state.vendor)
  return {
    company,
    officialDomain,
    checkUrl,
    contact: {
      team,
      ...(mail !== undefined && { mail }),
      ...(hours !== undefined && { hours }),
      ...(languages !== undefined && { languages }),
      ...(dpo !== undefined && { dpo }),
    },
    // Of one that the configuration names no more only its id is known.
    vendor: { name: vendor?.name ?? state.vendor, what: vendor?.kind ?? 'service provider' },
    times: {
      ...(eventFrom !== null && { eventFrom }),
      ...(eventTo !== null && { eventTo }),
      ...(vendorAware !== null && { vendorAware }),
      ...(told !== undefined && { told }),
      ...(aware !== null && { aware }),
    },
    zone,
    from: { name: config.from.name, address: config.from.address },
  }
}

/** A notice says "the vendor told us" of the vendor's own word alone: of whoever else told us first, it is a statement that came later. */
function toldByVendor({ source, times, statements }: IncidentState): number | undefined {
  if (source === 'vendor') return times.told
  return statements.length === 0 ? undefined : Math.min(...statements.map(({ receivedAt }) => receivedAt))
}

/** What we found ourselves we knew when we found it. */
function awareAt({ source, times }: IncidentState): number | null {
  return times.aware ?? (source === 'us' ? times.told : null)
}

/** Only what is on record. */
export async function measuresOf(
  { vendor, times }: Pick<IncidentState, 'vendor' | 'times'>,
  deps: { records: Pick<StaffDeps['records'], 'flow' | 'rotations'>; leaving: { vault: Pick<StaffDeps['leaving']['vault'], 'deletions'> } },
): Promise<NoticeMeasure[]> {
  const { state } = deps.records.flow(vendor)
  // What was asked for single people who were erased is no measure for all.
  const { leaving } = await deps.leaving.vault.deletions(vendor)
  const isAsked = leaving.some((each) => each.state !== 'due')
  const measures: [NoticeMeasure, boolean][] = [
    ['cut', state !== 'open'],
    ['retired', state === 'retired'],
    ['deletion-asked', isAsked],
    ['credentials-rotated', deps.records.rotations(vendor).some(({ at }) => at >= times.told)],
  ]
  return measures.flatMap(([measure, holds]) => (holds ? [measure] : []))
}

/** Noon of the day that it is in the zone, so that a text of one day is the same text all day. */
export function noonOf(now: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(now)
  const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value)
  const noon = Date.UTC(part('year'), part('month') - 1, part('day')) + DAY_MS / 2
  const offset = Math.round((localOf(noon, timeZone) - noon) / 60_000) * 60_000
  return noon - offset
}

function localOf(instant: number, timeZone: string): number {
  const shape = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, ...shape }).formatToParts(instant)
  const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value)
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'))
}
