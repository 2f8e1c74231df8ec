/** A scope narrowed to a leaked file: proposed by one person, approved by another, and made a version by the same words again. */
import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { countNarrowed } from '#incidents/affected.ts'
import type { AmendmentBody, ScopeBody } from '#incidents/incident-bodies.ts'
import { asOfNow, queryOf } from '#incidents/incident-count.ts'
import { readKept } from '#incidents/kept-people.ts'
import { assertNarrows, NARROW_SCOPE, narrowedBy, narrowingOf, textOfNarrowing } from '#incidents/narrowing.ts'
import { currentScope } from '#incidents/incident-state.ts'
import type { Approval } from '#records/port.ts'
import type { StaffDeps } from './deps.ts'
import { INCIDENTS_ROUTE } from './incident-contract.ts'
import { incidentPorts } from './incident-ports.ts'
import { isoOrNull, numberOf } from './incident-print.ts'
import { countAmended, textsOf } from './incident-routes.ts'
import { type NarrowBodyRequest, NarrowRequest, type NarrowResult } from './narrow-contract.ts'
import { lookFor } from './routes.ts'

export function addNarrowRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book, approvals, evidence } = deps

  app.post<{ Params: { id: string }; Body: NarrowBodyRequest }>(
    `${INCIDENTS_ROUTE}/:id/narrow`,
    { schema: { body: NarrowRequest } },
    async (request): Promise<NarrowResult> => {
      const { file, reason } = request.body
      const id = numberOf(request.params.id)
      const look = lookFor(request, 'incident amend, narrow to file', reason)
      const before = book.state(id)
      const narrowing = narrowingOf(before, file)
      const ports = await asOfNow(incidentPorts(deps))
      const kept = await readKept(narrowing.people, evidence, look)
      const counts = await countNarrowed(queryOf(before.vendor, narrowing.scope), kept, ports)
      assertNarrows(counts)
      const what = textOfNarrowing(id, narrowing, counts)
      const answer = { incident: id, what, file: { id: narrowing.file.id, sha256: narrowing.file.sha256 }, ...counts }
      const approval = await standing(what)
      if (approval === undefined) {
        const proposal = await approvals.propose({ kind: NARROW_SCOPE, what, by: look.actor, reason: look.reason })
        const countsFrom = isoOrNull(approvals.countsFrom(proposal) ?? null)
        return { ...answer, state: 'proposed', version: narrowing.version, approval: proposal.id, countsFrom, unavailable: null }
      }
      const after = await book.add(id, look, (state) => {
        // Somebody may have amended the scope, or taken the approval back, while the people were counted.
        const now = narrowingOf(state, file)
        if (textOfNarrowing(id, now, counts) !== what) throw new BulkheadError('incident_changed', 'the scope was amended meanwhile')
        if (approvals.stateOf(approvals.get(approval.id)) !== 'counts')
          throw new BulkheadError('approval_needed', `proposal ${approval.id} does not count any more`)
        const scope: ScopeBody = { ...now.scope, narrowed: narrowedBy(now, counts, approval) }
        const body: AmendmentBody = { version: now.version + 1, scope, statement: null }
        return { kind: 'amendment', body, texts: textsOf({ reason: look.reason }) }
      })
      await approvals.use(approval.id)
      const { version } = currentScope(after)
      const { unavailable } = await countAmended(id, version, look, deps)
      return { ...answer, state: 'applied', version, approval: approval.id, countsFrom: null, unavailable }
    },
  )

  /** The approval that counts now for this very text. */
  async function standing(what: string): Promise<Approval | undefined> {
    try {
      return await approvals.require(NARROW_SCOPE, what)
    } catch (thrown) {
      if (thrown instanceof BulkheadError && thrown.code === 'approval_needed') return undefined
      throw thrown
    }
  }
}
