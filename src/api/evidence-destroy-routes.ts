/** Evidence that is destroyed: proposed by one person, approved by another, and done by the same words again. Its hash stays. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import { ownerOf } from '#incidents/incident-evidence.ts'
import type { Approval } from '#records/port.ts'
import type { StaffDeps } from './deps.ts'
import { EvidenceDestroyRequest, type EvidenceDestroyResult } from './evidence-destroy-contract.ts'
import { INCIDENTS_ROUTE } from './incident-contract.ts'
import { isoOrNull, numberOf } from './incident-print.ts'
import { lookFor } from './routes.ts'

/** Kind of proposal. */
export const DESTROY_EVIDENCE = 'destroy_evidence'

export function addEvidenceDestroyRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book, approvals, evidence } = deps

  app.post<{ Params: { id: string; evidence: string }; Body: Static<typeof EvidenceDestroyRequest> }>(
    `${INCIDENTS_ROUTE}/:id/evidence/:evidence/destroy`,
    { schema: { body: EvidenceDestroyRequest } },
    async (request): Promise<EvidenceDestroyResult> => {
      const { params, body } = request
      const incident = numberOf(params.id)
      const look = lookFor(request, `incident ${incident}, evidence destroy`, body.reason)
      // Only what this incident names: evidence of another is not destroyed under this one's number.
      const isNamed = book.state(incident).evidence.some(({ id }) => id === params.evidence)
      const row = isNamed ? evidence.row(params.evidence) : undefined
      if (row?.owner !== ownerOf(incident) || row.destroyedAt !== null)
        throw new BulkheadError('not_found', 'this incident has no evidence of that id, or it was destroyed', {
          hint: '`bulkhead incident show ID` names it.',
        })
      const { id, sha256, bytes } = row
      const what = canonicalJson({ incident, evidence: id, sha256, bytes })
      const answer = { incident, evidence: { id, sha256, bytes }, what }
      const approval = await standing(what)
      if (approval === undefined) {
        const proposal = await approvals.propose({ kind: DESTROY_EVIDENCE, what, by: look.actor, reason: look.reason })
        const countsFrom = isoOrNull(approvals.countsFrom(proposal) ?? null)
        return { ...answer, state: 'proposed', approval: proposal.id, countsFrom }
      }
      // The incident says it first: a kill between the two leaves a file that the same command destroys.
      const text = `evidence ${id} is destroyed, sha256 ${sha256}; proposal ${approval.id}`
      await book.add(incident, look, () => ({ kind: 'note', body: { when: deps.clock.now() }, texts: { text } }), { closed: true })
      await evidence.destroy(id, look)
      await approvals.use(approval.id)
      return { ...answer, state: 'destroyed', approval: approval.id, countsFrom: null }
    },
  )

  /** The approval that counts now for this very text. */
  async function standing(what: string): Promise<Approval | undefined> {
    try {
      return await approvals.require(DESTROY_EVIDENCE, what)
    } catch (thrown) {
      if (thrown instanceof BulkheadError && thrown.code === 'approval_needed') return undefined
      throw thrown
    }
  }
}
