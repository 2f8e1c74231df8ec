import type { FastifyInstance } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { statementOf } from '#incidents/statement.ts'
import { FORK_WORDS } from '#ledger/outside/place.ts'
import type { PlaceState } from '#ledger/outside/state.ts'
import { ROUTES, type WhoBody, WhoRequest } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import type { SentPlaceResult } from './statement-contract.ts'

/** A person's statement, and the round with the places outside that hold checkpoints. */
export function addStatementRoutes(app: FastifyInstance, deps: StaffDeps): void {
  app.post<{ Body: WhoBody }>(ROUTES.statement, { schema: { body: WhoRequest } }, async (request) => {
    const { query, reason = '' } = request.body
    if (reason.trim() === '') throw new BulkheadError('reason_required', 'who --statement needs a reason')
    return statementOf(
      query,
      { actor: request.operator, action: 'who --statement', reason: reason.trim() },
      {
        ...deps.statements,
        warehouse: deps.warehouse,
        vault: deps.vault,
        snapshot: () => deps.worker.barrier(),
        namespaces: deps.config.sources.map((source) => source.namespace),
        clock: deps.clock,
      },
    )
  })

  app.post(ROUTES.sendCheckpoint, async () => ({ places: (await deps.worker.sendCheckpoint()).map(sentPlace) }))
}

export function sentPlace({ id, kind, fork, fault, taken, takenAt }: PlaceState): SentPlaceResult {
  const state = fork !== undefined ? 'forked' : fault === undefined && taken !== undefined ? 'held' : 'waiting'
  return {
    id,
    kind: kind as SentPlaceResult['kind'],
    state,
    size: taken?.size ?? null,
    root: taken?.root ?? null,
    takenAt: taken === undefined ? null : new Date(takenAt).toISOString(),
    what:
      fork !== undefined ? FORK_WORDS[fork.what] : (fault?.message ?? (taken === undefined ? 'the ledger has no entry to hold yet' : null)),
  }
}
