/** `incident clocks` and `incident clock …`: what is due when, and what only people can say of it. Each adds a row and changes none. */
import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import type { ClockRecord } from '#clocks/facts.ts'
import type { Regime, Rule, RulePack } from '#clocks/rule.ts'
import { assertOwnTime, pastInstant } from '#incidents/incident-input.ts'
import type { IncidentState } from '#incidents/incident-state.ts'
import { readableText } from '#incidents/written.ts'
import type { AssessedBody, ClocksSignedBody, DoneBody, MarkBody } from '#model/clock.ts'
import {
  type ClockAssessBody,
  ClockAssessRequest,
  type ClockDoneBody,
  ClockDoneRequest,
  type ClockMarkBody,
  ClockMarkRequest,
  type ClockShown,
  type ClockSignOffBody,
  ClockSignOffRequest,
} from './clock-contract.ts'
import { clockRecordOf, showClocks } from './clock-shown.ts'
import type { StaffDeps } from './deps.ts'
import { INCIDENTS_ROUTE, type IncidentRowResult } from './incident-contract.ts'
import { lookOf, numberOf } from './incident-print.ts'

const NAME_MAX = 200
const REASON_MAX = 1000
const DAY_MS = 86_400_000
const DAY = /^\d{4}-\d{2}-\d{2}$/

interface OfIncident {
  Params: { id: string }
}

export function addClockRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book, clocks } = deps

  app.get<OfIncident & { Querystring: { all?: string } }>(`${INCIDENTS_ROUTE}/:id/clocks`, async (request): Promise<ClockShown[]> => {
    const id = numberOf(request.params.id)
    const found = await clocks.keeper.now(id, { recount: true })
    const state = await book.read(id, lookOf(request, 'incident clocks', undefined))
    return showClocks(found, clockRecordOf(state), { all: request.query.all === 'true', countedAt: clocks.keeper.countedAt(id) })
  })

  app.post<OfIncident & { Body: ClockMarkBody }>(
    `${INCIDENTS_ROUTE}/:id/clock/mark`,
    { schema: { body: ClockMarkRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { event, at, regime, correct = false } = request.body
      const reason = demandReason(request.body.reason)
      if (regime !== undefined) regimeOf(clocks.keeper.pack, regime)
      const when = whenOf(at, deps)
      const body: MarkBody = { event, at: when.at, dayIn: when.dayIn, regime: regime ?? null, corrects: correct }
      return add(request, deps, 'incident clock mark', reason, (state) => {
        const { marks, ...known } = clockRecordOf(state)
        assertKnownBy(when, known)
        const isKnown = marks.some((mark) => mark.event === event && mark.regime === body.regime)
        if (isKnown && !correct) throw new BulkheadError('clock_recorded', `${event} is on record already`)
        return { kind: 'mark', body, texts: { reason } }
      })
    },
  )

  app.post<OfIncident & { Body: ClockAssessBody }>(
    `${INCIDENTS_ROUTE}/:id/clock/assess`,
    { schema: { body: ClockAssessRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { regime, rule, applies } = request.body
      const reason = demandReason(request.body.reason)
      const { rules } = regimeOf(clocks.keeper.pack, regime)
      if (rule !== undefined && !rules.some(({ id }) => id === rule))
        throw new BulkheadError('rule_unknown', `${regime} has no rule ${rule}`)
      const body: AssessedBody = { regime, rule: rule ?? null, applies }
      return add(request, deps, 'incident clock assess', reason, () => ({ kind: 'assessed', body, texts: { reason } }))
    },
  )

  app.post<OfIncident & { Body: ClockDoneBody }>(
    `${INCIDENTS_ROUTE}/:id/clock/done`,
    { schema: { body: ClockDoneRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { rule, at, correct = false } = request.body
      const reason = readableText('the reason', request.body.reason, REASON_MAX)
      const isLatest = ruleOf(clocks.keeper.pack, rule)
      const when = whenOf(at, deps)
      const body: DoneBody = { rule, at: when.at, dayIn: when.dayIn, corrects: correct }
      return add(request, deps, 'incident clock done', reason || 'incident clock done', (state) => {
        const { done, ...known } = clockRecordOf(state)
        assertKnownBy(when, known)
        const isKnown = done.some((each) => each.rule === rule)
        if (isKnown && !correct && !isLatest) throw new BulkheadError('clock_recorded', `${rule} is recorded as done already`)
        return { kind: 'done', body, texts: reason === '' ? undefined : { reason } }
      })
    },
  )

  app.post<OfIncident & { Body: ClockSignOffBody }>(
    `${INCIDENTS_ROUTE}/:id/clock/sign-off`,
    { schema: { body: ClockSignOffRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { as } = request.body
      const reason = demandReason(request.body.reason)
      const name = readableText('the name', request.body.name, NAME_MAX)
      if (name === '') throw new BulkheadError('incident_invalid', 'it is not said who signs (--name)')
      // What runs by now stands there before it is signed.
      await clocks.keeper.now(numberOf(request.params.id), { recount: true })
      return add(request, deps, 'incident clock sign-off', reason, (state) => {
        const { lastMatter } = clockRecordOf(state)
        return { kind: 'clocks-signed-off', body: { as, upTo: lastMatter } satisfies ClocksSignedBody, texts: { name, reason } }
      })
    },
  )
}

type Add = Parameters<StaffDeps['incidents']['add']>[2]

/** What was said may start a clock: it is recorded before the answer. */
async function add(
  request: Parameters<typeof lookOf>[0] & { params: { id: string } },
  { incidents: book, clocks }: StaffDeps,
  action: string,
  reason: string,
  make: Add,
): Promise<IncidentRowResult> {
  const id = numberOf(request.params.id)
  let row = 0
  await book.add(id, lookOf(request, action, reason), (state: IncidentState) => {
    row = (state.events.at(-1)?.row ?? 0) + 1
    return make(state)
  })
  await clocks.keeper.now(id)
  return { incident: id, row, state: book.state(id).state }
}

/** An instant, or a day: then its beginning at the place of awareness. */
export function whenOf(text: string, { clocks: { place }, clock }: StaffDeps): { at: number; dayIn: string | null } {
  if (DAY.test(text)) {
    const at = place.startOf(text)
    if (at === undefined) throw new BulkheadError('window_invalid', `--at ${JSON.stringify(text)} is no day of the calendar`)
    if (at > clock.now()) throw new BulkheadError('incident_invalid', '--at lies in the future')
    assertOwnTime('--at', at)
    return { at, dayIn: place.zone }
  }
  const at = pastInstant('--at', text, clock.now())
  if (at === undefined) throw new TypeError('an instant that was given is none')
  assertOwnTime('--at', at)
  return { at, dayIn: null }
}

/** Nobody determines or files what nobody has heard of: the wrong year, mostly. */
function assertKnownBy({ at, dayIn }: ReturnType<typeof whenOf>, { times, stated }: Pick<ClockRecord, 'times' | 'stated'>): void {
  const known = [...Object.values(times).map((time) => time.at), ...(stated === undefined ? [] : [stated])]
  const first = Math.min(...known)
  if (at + (dayIn === null ? 0 : DAY_MS) >= first) return
  const since = `the earliest time of the incident that is recorded is ${new Date(first).toISOString()}`
  throw new BulkheadError('incident_invalid', `--at lies before anybody knew of it: ${since} (\`incident times\` corrects it)`)
}

function demandReason(text: string): string {
  const reason = readableText('the reason', text, REASON_MAX)
  if (reason === '') throw new BulkheadError('reason_required', 'what is said of a clock needs a reason')
  return reason
}

function regimeOf({ regimes }: RulePack, id: string): Regime {
  const found = regimes.find((regime) => regime.id === id)
  if (found === undefined) throw new BulkheadError('rule_unknown', `there is no regime ${JSON.stringify(id)}`)
  return found
}

/** Throws `rule_unknown`. Whether a later one of several starts another clock. */
function ruleOf({ regimes }: RulePack, id: string): boolean {
  const rules = regimes.flatMap((regime) => regime.rules)
  if (!rules.some((rule) => rule.id === id)) throw new BulkheadError('rule_unknown', `there is no rule ${JSON.stringify(id)}`)
  return rules.some((rule: Rule) => rule.latest && rule.trigger.includes(`done:${id}`))
}
