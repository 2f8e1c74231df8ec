/** Legal clocks on the records of incidents: what the routes and the running program share. */
import type { Clock as TimeSource } from '#base/clock.ts'
import type { BulkheadError } from '#base/errors.ts'
import { startOfDay } from '#clocks/counting.ts'
import { type ClockKeeper, createClockKeeper } from '#clocks/keeper.ts'
import { readClockRecord } from '#clocks/record.ts'
import type { RulePack } from '#clocks/rule.ts'
import { affected, type IncidentPorts } from '#incidents/affected.ts'
import type { IncidentBook } from '#incidents/incident-book.ts'
import { queryOf } from '#incidents/incident-count.ts'
import { PersonSet } from '#incidents/person-set.ts'
import type { DayPlace } from '#incidents/incident-input.ts'
import type { Surveyed } from '#incidents/jurisdictions.ts'
import { currentScope, type IncidentState } from '#incidents/incident-state.ts'
import type { DoneBody, MarkBody, SurveyedBody } from '#model/clock.ts'
import { type ClocksConfig, SIGNAL_HOURS_DEFAULT } from '#model/config.ts'
import type { NoticeRecords } from '#records/notice-rows.ts'
import type { IncidentRecords } from '#records/port.ts'
import type { Look } from '#vault/port.ts'

const LOOK: Look = { actor: 'bulkhead', action: 'incident clocks', reason: 'legal clocks are kept' }

export interface LegalClocks {
  keeper: ClockKeeper
  /** Numbers of open incidents. */
  open(): number[]
  /** And of the others: closing one ends no period of a law. */
  closed(): number[]
  /** Where days begin of which no time is known. */
  place: DayPlace
  /** So long a signal may wait for its triage. */
  signalHours: number
  /** The first notice to people left. Of several the earliest counts; saying it again changes nothing. */
  peopleNotified(incident: number, at: number, look: Look): Promise<void>
  /** What was due was filed or sent. Of several times the earliest counts. */
  done(incident: number, rule: string, at: number, look: Look): Promise<void>
}

type NotifiedRecords = Pick<NoticeRecords, 'noticeVersions' | 'recipientCounts' | 'peopleNotified'>

export interface LegalClockParts {
  book: IncidentBook
  records: Pick<IncidentRecords, 'incidentHeads'> & NotifiedRecords
  /** Questions about the ledger; asked for when there is one. */
  ports: () => IncidentPorts
  pack: RulePack
  config: ClocksConfig | undefined
  clock: TimeSource
  say(text: string): void
  onFailure(error: BulkheadError): void
}

export function openLegalClocks(parts: LegalClockParts): LegalClocks {
  const { book, records, pack, config, clock } = parts
  const { placeOfAwareness } = config ?? {}
  const zone = placeOfAwareness ?? 'UTC'
  type Read = ReturnType<typeof readOne>
  const readOne = (state: IncidentState) => ({
    ...readClockRecord(state.events, state.times),
    isOpen: state.state === 'open',
    lastRow: state.events.at(-1)?.row ?? 0,
  })
  // Rows are only ever added, so what was read once holds up to the last of them.
  const known = new Map<number, Read>()
  const isOpen = ({ incident, row }: { incident: number; row: number }): boolean => {
    if (known.get(incident)?.lastRow !== row) known.set(incident, readOne(book.state(incident)))
    return known.get(incident)?.isOpen === true
  }
  const numbers = (wanted: boolean): number[] =>
    records
      .incidentHeads()
      .filter((head) => isOpen(head) === wanted)
      .map(({ incident }) => incident)
  const open = (): number[] => numbers(true)
  const keeper = createClockKeeper({
    book: {
      open,
      read: (incident) => readOne(book.state(incident)),
      add: async (incident, make) => {
        await book.add(incident, LOOK, (state) => make(readClockRecord(state.events, state.times)))
      },
      survey: (incident) => survey(book.state(incident), parts.ports(), () => notified(incident, { records, clock })),
    },
    pack,
    profile: { establishedIn: config?.establishedIn, sectors: config?.sectors, roles: config?.roles ?? [] },
    clock,
    say: parts.say,
    onFailure: parts.onFailure,
  })
  return {
    keeper,
    open,
    closed: () => numbers(false),
    place: { zone, startOf: (day) => startOfDay(day, zone) },
    signalHours: config?.signalHours ?? SIGNAL_HOURS_DEFAULT,
    peopleNotified: async (incident, at, look) => {
      await book.add(incident, look, (state) => {
        const said = readClockRecord(state.events, state.times).marks.filter(
          ({ event, regime }) => event === 'people-notified' && regime === null,
        )
        if (said.some((mark) => mark.at <= at)) return undefined
        const body: MarkBody = { event: 'people-notified', at, dayIn: null, regime: null, corrects: false, bySending: true }
        return { kind: 'mark', body, texts: { reason: look.reason } }
      })
    },
    done: async (incident, rule, at, look) => {
      await book.add(incident, look, (state) => {
        const said = readClockRecord(state.events, state.times).done.filter((each) => each.rule === rule)
        if (said.some((each) => each.at <= at)) return undefined
        return { kind: 'done', body: { rule, at, dayIn: null, corrects: false } satisfies DoneBody, texts: { reason: look.reason } }
      })
    },
  }
}

async function survey(state: IncidentState, ports: IncidentPorts, whoWasTold: () => Promise<PersonSet>): Promise<SurveyedBody> {
  const { version, scope } = currentScope(state)
  const { summary, without } = await affected(queryOf(state.vendor, scope), ports)
  const wasBegun = state.events.some(({ kind }) => kind === 'notice-begun')
  const said = state.statements.flatMap(({ fields }) => fields.map((field) => `${field}:said`))
  return {
    version,
    entries: summary.checked.entries,
    subjects: summary.subjects,
    residents: summary.jurisdictions
      .map(({ jurisdiction, subjects, basis }) => ({ of: jurisdiction, people: subjects, ...basis }))
      .sort((a, b) => (a.of < b.of ? -1 : 1)),
    fields: [...new Set([...summary.fields.map(({ field, form }) => `${field}:${form}`), ...said])].sort(),
    freeText: [...new Set(summary.checked.freeText.filter(({ form }) => form === 'clear').map(({ field }) => field))].sort(),
    otherFields: state.statements.reduce((sum, { others = 0 }) => sum + others, 0),
    ...(wasBegun && { notTold: notToldOf(await without(await whoWasTold())) }),
  }
}

/** A hundred thousand rows take half a second: in parts, so that nobody else waits for it. */
const ROWS_A_TIME = 10_000

async function notified(
  incident: number,
  { records, clock }: { records: NotifiedRecords; clock: Pick<TimeSource, 'sleep'> },
): Promise<PersonSet> {
  const people = new PersonSet()
  for (const { version } of records.noticeVersions(incident)) {
    const of = { incident, version }
    const rows = records.recipientCounts(of).reduce((sum, { count }) => sum + count, 0)
    for (let after = 0; after < rows; after += ROWS_A_TIME) {
      for (const person of records.peopleNotified(of, { after, limit: ROWS_A_TIME })) people.add(person)
      await clock.sleep(0)
    }
  }
  return people
}

function notToldOf({ jurisdictions, erased }: Surveyed): NonNullable<SurveyedBody['notTold']> {
  const residents = jurisdictions.map(({ jurisdiction, subjects }) => ({ of: jurisdiction, people: subjects }))
  return { residents: residents.sort((a, b) => (a.of < b.of ? -1 : 1)), erased }
}
