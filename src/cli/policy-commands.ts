import { readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { ROUTES } from '#api/contract.ts'
import type { PolicyApply, PolicyApprove, PolicyExplain, PolicyPlan, PolicyPropose, PolicyShow } from '#api/policy-contract.ts'
import { readPolicyFile } from '#app/policy-file.ts'
import { BulkheadError } from '#base/errors.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { renderApplied, renderApproved, renderExplanation, renderPlan, renderPolicy, renderProposals } from './policy-render.ts'
import { connect } from './staff-client.ts'

const EVENT_BYTES_MAX = 1024 * 1024

export async function showPolicyCommand(context: Context, version: string | undefined, yaml: boolean): Promise<void> {
  if (version !== undefined && !/^\d{1,9}$/.test(version)) throw new BulkheadError('bad_usage', 'a version of the policy is a number')
  const answer = await connect(context).get<PolicyShow>(version === undefined ? ROUTES.policy : `${ROUTES.policy}/${version}`)
  if (yaml && !context.json) context.out(policyYaml(answer))
  else printAnswer(context, answer, renderPolicy)
}

/** Reads back to the same policy. */
function policyYaml({ version, destinations, store }: PolicyShow): string {
  const names = (approved: readonly string[]) => ({ approved: [...approved] })
  const { consent: consentOfStore, ...approved } = store
  const lists = Object.fromEntries(Object.entries(approved).map(([list, listed]) => [list, names(listed)]))
  /** A rule without a reason has none. */
  const written = ({ reason, ...rule }: PolicyShow['destinations'][number]['consent'][number]) =>
    reason === '' ? rule : { ...rule, reason }
  const file = {
    destinations: destinations.map(({ destination, grants, events, properties, consent }) => ({
      id: destination,
      grants: grants.map(({ field, form, purpose, until, reason }) => ({
        field,
        form,
        purpose,
        ...(until === null ? {} : { until }),
        ...(reason === null ? {} : { reason }),
      })),
      events: names(events),
      properties: names(properties),
      consent: consent.map(written),
    })),
    store: { ...lists, ...(consentOfStore && { consent: written(consentOfStore) }) },
  }
  return `# Version ${version}. Change it, then: bulkhead policy plan FILE, bulkhead policy apply FILE --reason "…"\n${stringify(file)}`
}

export async function planPolicyCommand(context: Context, file: string, days: number | undefined): Promise<void> {
  const proposal = readPolicyFile(file, context.env)
  const answer = await connect(context).post<PolicyPlan>(`${ROUTES.policy}/plan`, { proposal, ...(days === undefined ? {} : { days }) })
  printAnswer(context, answer, renderPlan)
}

export async function applyPolicyCommand(context: Context, file: string, reason: string | undefined): Promise<void> {
  const body = { proposal: readPolicyFile(file, context.env), reason: demandReason(reason) }
  const answer = await connect(context).post<PolicyApply>(`${ROUTES.policy}/apply`, body)
  printAnswer(context, answer, renderApplied)
}

export async function proposePolicyCommand(context: Context, options: { days?: number; k?: number; reason?: string }): Promise<void> {
  const { days, k, reason } = options
  const body = { ...(days === undefined ? {} : { days }), ...(k === undefined ? {} : { k }), reason: demandReason(reason) }
  printAnswer(context, await connect(context).post<PolicyPropose>(`${ROUTES.policy}/propose`, body), renderProposals)
}

export async function approvePolicyCommand(
  context: Context,
  names: readonly string[],
  options: { destination?: string; store?: boolean; backfill?: boolean; reason?: string },
): Promise<void> {
  const { destination, store, backfill = false, reason } = options
  if (destination !== undefined && store === true)
    throw new BulkheadError('bad_usage', '--store is the own store alone: it excludes --destination')
  const body = { names, backfill, ...(destination === undefined ? {} : { destination }), reason: demandReason(reason) }
  printAnswer(context, await connect(context).post<PolicyApprove>(`${ROUTES.policy}/approve`, body), renderApproved)
}

export async function explainPolicyCommand(
  context: Context,
  event: string,
  options: { vendor: string; destination?: string; source?: string },
): Promise<void> {
  const { vendor, destination, source } = options
  const place = /^(\d{1,15}):(\d{1,9})$/.exec(event)
  const asked = place === null ? { event: readEvent(event) } : { entry: { seq: Number(place[1]), index: Number(place[2]) } }
  const body = { vendor, ...asked, ...(destination === undefined ? {} : { destination }), ...(source === undefined ? {} : { source }) }
  printAnswer(context, await connect(context).post<PolicyExplain>(`${ROUTES.policy}/explain`, body), renderExplanation)
}

function readEvent(file: string): unknown {
  const text = readEventText(file)
  if (text.length > EVENT_BYTES_MAX) throw new BulkheadError('event_invalid', 'the event is larger than 1 MiB')
  try {
    return JSON.parse(text) as unknown
  } catch {
    // What the parser says may quote the event.
    throw new BulkheadError('event_invalid', `${file === '-' ? 'what stands on stdin' : file} is not JSON`)
  }
}

function readEventText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (thrown) {
    throw new BulkheadError('event_invalid', `${file} cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}
