/** Leaving a vendor, from the command line. All of it needs a running Bulkhead. */
import { ROUTES } from '#api/contract.ts'
import type { CredentialResult, DeletionsResult, HeldResult, RetireResult } from '#api/leaving-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { type Context, printAnswer } from './context.ts'
import { count, table, when } from './render.ts'
import { connect, RefusedError } from './staff-client.ts'

/** The fence, a kill, and the vault's record. */
const RETIRE_MS = 30_000

function reasonFor(why: string, given: string | undefined): string {
  const reason = given?.trim() ?? ''
  if (reason === '') throw new BulkheadError('reason_required', `${why}, and no reason was given`, { hint: 'Add --reason "…".' })
  return reason
}

function routeOf(vendor: string, what: string): string {
  return `${ROUTES.vendors}/${encodeURIComponent(vendor)}/${what}`
}

export async function deletionsCommand(context: Context, vendor: string, refresh: boolean): Promise<void> {
  const answer = await connect(context).get<DeletionsResult>(`${routeOf(vendor, 'deletions')}${refresh ? '?refresh=1' : ''}`)
  printAnswer(context, answer, renderDeletions)
}

function renderDeletions(deletions: DeletionsResult): string {
  if (deletions.length === 0) return 'It was asked to delete nothing.'
  const lacks = deletions.some(({ state, why }) => state === 'due' && why === 'no_deletion_token')
  const rows = table([
    ['DESTINATION', 'EPOCH', 'IDENTIFIERS', 'ASKED', 'DUE', 'STATE'],
    ...deletions.map(({ destination, epoch, subjectCount, askedAt, dueAt, state, why }) => [
      destination,
      String(epoch),
      subjectCount.toLocaleString('en-US'),
      askedAt === null ? '-' : when(askedAt),
      dueAt === null ? '-' : dueAt.slice(0, 10),
      why === null ? state : `${state} (${why})`,
    ]),
  ])
  return lacks ? `${rows}\n\nNobody can be asked without a deletionToken: give the destination one in bulkhead.yaml and start again.` : rows
}

export async function heldCommand(context: Context, vendor: string, options: { decide?: string; reason?: string }): Promise<void> {
  const client = connect(context)
  const route = routeOf(vendor, 'held')
  if (options.decide === undefined) return printAnswer(context, await client.get<HeldResult>(route), renderHeld)
  const reason = reasonFor('a decision on what waits is on record', options.reason)
  printAnswer(context, await client.post<HeldResult>(route, { decision: options.decide, reason }), renderHeld)
}

const DECIDED = { release: 'sent when the flow opens', drop: 'never sent to it', keep: 'kept for another vendor' } as const

function renderHeld({ vendor, state, events, undecided, exact, destinations, decisions }: HeldResult): string {
  const waiting = `${count(events, 'record')} wait for ${vendor}${exact ? '' : ' at least'}`
  const lines = [events === 0 ? `Nothing waits for ${vendor}.` : `${waiting}; on ${undecided.toLocaleString('en-US')} nobody has decided.`]
  for (const { destination, counts } of destinations.filter((each) => each.counts.length > 0)) {
    const rows = counts.map(({ day, kind, events: number }) => [day, kind, number.toLocaleString('en-US')])
    lines.push('', destination, table([['DAY', 'KIND', 'RECORDS'], ...rows], '  '))
  }
  if (decisions.length > 0) {
    const rows = decisions.map(({ at, decision, events: number, actor, reason }) => {
      return [when(at), DECIDED[decision], count(number, 'record'), actor, reason]
    })
    lines.push('', 'Decisions', table(rows, '  '))
  }
  if (state === 'cut' && undecided > 0) {
    lines.push('', `bulkhead vendor held ${vendor} --decide release|drop|keep --reason R; undecided, they are sent when the flow opens.`)
  }
  return lines.join('\n')
}

export async function credentialCommand(context: Context, of: { vendor: string; name: string }, given: string | undefined): Promise<void> {
  const reason = reasonFor('what was done at the vendor is on record', given)
  const answer = await connect(context).post<CredentialResult>(routeOf(of.vendor, 'credentials'), { name: of.name, reason })
  printAnswer(context, answer, ({ vendor, credential: { name, rotatedAt, rotatedBy } }) => {
    return `${name} of ${vendor}: ${rotatedBy ?? 'somebody'} says that it was changed at the vendor, ${when(rotatedAt ?? '')}.`
  })
}

/** Prints the result also when a worker could not be fenced, and then throws `vendor_unfenced`. */
export async function retireCommand(context: Context, vendor: string, options: { reason?: string; delete?: boolean }): Promise<void> {
  const reason = reasonFor('leaving a vendor is for good', options.reason)
  try {
    const body = { reason, delete: options.delete === true }
    printAnswer(context, await connect(context).post<RetireResult>(routeOf(vendor, 'retire'), body, RETIRE_MS), renderRetired)
  } catch (thrown) {
    const result = thrown instanceof RefusedError ? (thrown.answer.result as RetireResult | undefined) : undefined
    if (result !== undefined) printAnswer(context, result, renderRetired)
    throw thrown
  }
}

function renderRetired({ vendor, retiredAt, unfenced, heldEvents, closedEpochs, deletionWanted, credentials }: RetireResult): string {
  const open = credentials.filter(({ toRotate }) => toRotate)
  return [
    `${vendor} is left for good; this was recorded at ${retiredAt}. What it was sent stays on record.`,
    ...(unfenced.length > 0
      ? [`NOT COMPLETE: ${unfenced.join(', ')} could not be fenced; until it is gone a request may still start.`]
      : []),
    `${count(heldEvents, 'event')} that waited will never be sent to it; your own analytics keep them.`,
    ...closedEpochs.map(({ destination, epoch }) => `${destination}: epoch ${epoch} is closed.`),
    deletionWanted
      ? `It is asked to delete everybody; bulkhead vendor deletions ${vendor} says how far that is. Keep its deletionToken until then.`
      : `It was not asked to delete anything; bulkhead vendor retire ${vendor} --delete does that.`,
    ...open.map(({ name, kind, place }) => `Change or revoke at the vendor: ${name}, ${kind} (${place})`),
  ].join('\n')
}
