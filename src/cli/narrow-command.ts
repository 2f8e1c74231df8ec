/** `incident amend ID --narrow-to-file`: proposes, and makes the version once a second person has approved the very text. */
import { INCIDENTS_ROUTE } from '#api/incident-contract.ts'
import type { NarrowResult } from '#api/narrow-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import type { AmendOptions } from './incident-commands.ts'
import { renderNarrow } from './narrow-render.ts'
import { connect } from './staff-client.ts'

export async function narrowIncident(context: Context, id: number, options: AmendOptions): Promise<void> {
  const { narrowToFile: file, reason, surface, destination, only, statement, accessFrom, accessTo, from, to, wholeLedger } = options
  // One text is approved, so one thing is said in it.
  const others = [surface, destination, only, statement, accessFrom, accessTo, from, to, wholeLedger]
  if (others.some((other) => other !== undefined))
    throw new BulkheadError('bad_usage', '--narrow-to-file goes with --reason alone: amend the rest before')
  const body = { file, reason: demandReason(reason) }
  printAnswer(context, await connect(context).post<NarrowResult>(`${INCIDENTS_ROUTE}/${id}/narrow`, body), renderNarrow)
}
