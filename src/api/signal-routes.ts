/** `signal …`: what came in that may be a breach, and what was decided of it, and when. */
import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import type { TimesBody } from '#incidents/incident-bodies.ts'
import type { Signal } from '#incidents/signal-book.ts'
import { readableText } from '#incidents/written.ts'
import { whenOf } from './clock-routes.ts'
import type { StaffDeps } from './deps.ts'
import { iso, lookOf, numberOf } from './incident-print.ts'
import {
  type SignalAddBody,
  SignalAddRequest,
  type SignalAdded,
  type SignalList,
  SIGNALS_ROUTE,
  type SignalTriageBody,
  SignalTriageRequest,
} from './signal-contract.ts'

const WHAT_MAX = 2000
const REASON_MAX = 1000

export function addSignalRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { signals, incidents } = deps

  app.post<{ Body: SignalAddBody }>(SIGNALS_ROUTE, { schema: { body: SignalAddRequest } }, async (request): Promise<SignalAdded> => {
    const { source, at, what } = request.body
    const text = readableText('what came', what, WHAT_MAX)
    if (text === '') throw new BulkheadError('incident_invalid', 'it is not said what came (--what)')
    const when = whenOf(at, deps)
    return { id: await signals.add({ source, at: when.at, dayIn: when.dayIn }, text, lookOf(request, 'signal add', undefined)) }
  })

  app.get(SIGNALS_ROUTE, async (request): Promise<SignalList> => {
    const all = await signals.readAll(lookOf(request, 'signal list', undefined))
    return { signals: all.map(print) }
  })

  app.post<{ Params: { id: string }; Body: SignalTriageBody }>(
    `${SIGNALS_ROUTE}/:id/triage`,
    { schema: { body: SignalTriageRequest } },
    async (request): Promise<SignalAdded> => {
      const { decision, incident, reason } = request.body
      const why = readableText('the reason', reason, REASON_MAX)
      if (why === '') throw new BulkheadError('reason_required', 'a triage needs a reason')
      if (incident !== undefined && decision !== 'incident')
        throw new BulkheadError('bad_usage', 'an incident is named for the decision incident only')
      if (incident !== undefined) incidents.state(incident)
      const id = numberOf(request.params.id)
      await signals.triage(id, { decision, incident: incident ?? null }, why, lookOf(request, 'signal triage', why))
      return { id }
    },
  )
}

/** When we became aware, as far as nobody has said otherwise: when the signal came. */
export function awareFrom(times: TimesBody, signal: Signal | undefined): TimesBody {
  if (signal === undefined || times.aware !== null) return times
  const days = signal.dayIn === null ? times.days : { ...times.days, aware: signal.dayIn }
  return { ...times, aware: signal.at, ...(days === undefined ? {} : { days }) }
}

function print({ id, source, at, dayIn, recordedAt, by, what, triage }: Signal): SignalList['signals'][number] {
  const last = triage.at(-1)
  return {
    id,
    source,
    at: iso(at),
    dayIn,
    recordedAt: iso(recordedAt),
    by,
    what,
    decision: last?.decision ?? null,
    triagedAt: last === undefined ? null : iso(last.at),
    triage: triage.map((each) => ({ ...each, at: iso(each.at) })),
  }
}
