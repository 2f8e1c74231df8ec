/** `incident evidence destroy`: proposes, and destroys once a second person has approved the very text. */
import { INCIDENTS_ROUTE } from '#api/incident-contract.ts'
import type { EvidenceDestroyResult } from '#api/evidence-destroy-contract.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { when } from './render.ts'
import { connect } from './staff-client.ts'

export async function destroyEvidence(
  context: Context,
  of: { incident: number; evidence: string },
  { reason }: { reason?: string },
): Promise<void> {
  const route = `${INCIDENTS_ROUTE}/${of.incident}/evidence/${encodeURIComponent(of.evidence)}/destroy`
  printAnswer(context, await connect(context).post<EvidenceDestroyResult>(route, { reason: demandReason(reason) }), render)
}

function render({ incident, evidence, state, approval, what, countsFrom }: EvidenceDestroyResult): string {
  if (state === 'destroyed')
    return [
      `Evidence ${evidence.id} of incident ${incident} is destroyed: nobody can read it any more, in any copy of the data.`,
      `Its row and its hash stay: ${evidence.bytes} bytes, sha256 ${evidence.sha256}.`,
    ].join('\n')
  return [
    `Proposal ${approval}: destroy evidence ${evidence.id} of incident ${incident}. Nothing has changed yet.`,
    `What is approved, to the letter: ${what}`,
    countsFrom === null
      ? `Somebody else approves it (bulkhead approval approve ${approval} --as FILE --reason "…"); then give this command again.`
      : `It counts from ${when(countsFrom)} on; then give this command again.`,
  ].join('\n')
}
