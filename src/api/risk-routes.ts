import type { FastifyInstance } from 'fastify'
import { policyRisk } from '#analytics/risk.ts'
import { BulkheadError } from '#base/errors.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import { type RiskBody, RiskRequest } from './risk-contract.ts'

/** Counts and shares only, so no look is recorded. An asker who goes away ends the question in the engine. */
export function addRiskRoute(app: FastifyInstance, deps: StaffDeps): void {
  app.post<{ Body: RiskBody }>(ROUTES.risk, { schema: { body: RiskRequest } }, async (request, reply) => {
    const current = deps.records.currentPolicy()
    if (current === undefined) throw new BulkheadError('not_running', 'no policy is applied yet')
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return policyRisk(request.body, { policy: current.policy, now: deps.clock.now(), warehouse: deps.warehouse, signal: gone.signal })
  })
}
