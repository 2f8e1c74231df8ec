/** `incident clocks` and `incident clock …`. They need a running Bulkhead. */
import type { ClockShown } from '#api/clock-contract.ts'
import { INCIDENTS_ROUTE, type IncidentRowResult } from '#api/incident-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { SIGNERS } from '#incidents/incident-bodies.ts'
import { CLOCK_EVENTS } from '#model/clock.ts'
import type { ClockOptions, ClockVerb } from './clock-options.ts'
import { renderClocks } from './clock-render.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { connect } from './staff-client.ts'

export async function showClocks(context: Context, id: number, options: { all?: boolean }): Promise<void> {
  const route = `${INCIDENTS_ROUTE}/${id}/clocks${options.all === true ? '?all=true' : ''}`
  printAnswer(context, await connect(context).get<ClockShown[]>(route), (clocks) => renderClocks(id, clocks))
}

export async function recordClock(context: Context, of: { id: number; verb: ClockVerb }, options: ClockOptions): Promise<void> {
  const { verb, body } = BODIES[of.verb](options)
  const answer = await connect(context).post<IncidentRowResult>(`${INCIDENTS_ROUTE}/${of.id}/clock/${verb}`, body)
  printAnswer(
    context,
    answer,
    ({ incident, row }) => `Row ${row} of incident ${incident}. What is due now: bulkhead incident clocks ${incident}`,
  )
}

interface Call {
  verb: ClockVerb
  body: object
}

const BODIES: Record<ClockVerb, (options: ClockOptions) => Call> = {
  mark: ({ event, at, regime, rule, correct, reason }) => {
    if (event === 'filed') return BODIES.done({ rule, at, correct, reason: demandReason(reason) } as ClockOptions)
    oneOf('--event', event, [...CLOCK_EVENTS, 'filed'])
    return { verb: 'mark', body: { event, at: needed('--at', at), regime, correct, reason: demandReason(reason) } }
  },
  assess: ({ regime, rule, applies, reason }) => {
    oneOf('--applies', applies, ['yes', 'no'])
    return { verb: 'assess', body: { regime: needed('--regime', regime), rule, applies: applies === 'yes', reason: demandReason(reason) } }
  },
  done: ({ rule, at, correct, reason }) => ({
    verb: 'done',
    body: { rule: needed('--rule', rule), at: needed('--at', at), correct, reason },
  }),
  'sign-off': ({ as, name, reason }) => {
    oneOf('--as', as, SIGNERS)
    return { verb: 'sign-off', body: { as, name: needed('--name', name), reason: demandReason(reason) } }
  },
}

function needed(option: string, value: string | undefined): string {
  if (value === undefined || value.trim() === '') throw new BulkheadError('bad_usage', `${option} is missing`)
  return value
}

function oneOf(option: string, value: string | undefined, values: readonly string[]): void {
  if (value === undefined || !values.includes(value)) throw new BulkheadError('bad_usage', `${option} is one of ${values.join(', ')}`)
}
