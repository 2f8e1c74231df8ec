/** The staff API's routes about the tree over the ledger. Nothing personal is in their answers: only a repair is on record. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import { type LedgerAcknowledge, LedgerAcknowledgeRequest, type LedgerRepair, LedgerRepairRequest } from './ledger-contract.ts'
import { hideFault, lookFor } from './routes.ts'

const PROGRESS_MS = 1_000

export function addLedgerRoutes(app: FastifyInstance, deps: StaffDeps): void {
  app.get(`${ROUTES.ledger}/checkpoint`, async () => deps.ledgerTree.checkpoint())

  app.post<{ Body: Static<typeof LedgerRepairRequest> }>(
    `${ROUTES.ledger}/repair`,
    { schema: { body: LedgerRepairRequest } },
    async (request): Promise<LedgerRepair> => {
      const look = lookFor(request, 'ledger repair', request.body.reason)
      await deps.vault.recordLook({ ...look, subjects: 0 })
      return deps.ledgerTree.repair()
    },
  )

  app.post<{ Body: Static<typeof LedgerAcknowledgeRequest> }>(
    `${ROUTES.ledger}/acknowledge`,
    { schema: { body: LedgerAcknowledgeRequest } },
    async (request): Promise<LedgerAcknowledge> => {
      const look = lookFor(request, 'ledger acknowledge', request.body.reason)
      const gap = deps.gaps().find(({ entry }) => entry === request.body.entry)
      if (gap === undefined) throw new BulkheadError('not_found', `entry ${request.body.entry} records no gap of the ledger`)
      const { entry, from, to, origin } = gap
      await deps.acknowledgeGap(origin, { ...look, action: `ledger acknowledge ${entry}` })
      return { entry, from, to, origin }
    },
  )

  /** Lines of progress, then one with the answer or an error: a caller that sees neither knows that it is not whole. */
  app.post(`${ROUTES.ledger}/verify`, async (_request, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return reply.type('application/x-ndjson').send(Readable.from(verifyLines(deps, gone.signal), { objectMode: false }))
  })
}

async function* verifyLines(deps: StaffDeps, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  let progress = { entries: 0, of: 0 }
  const over = new AbortController()
  const verifying = deps.ledgerTree
    .verify((entries, of) => {
      signal.throwIfAborted()
      progress = { entries, of }
    })
    .then(
      (verified) => ({ verified }),
      (thrown: unknown) => hideFault(thrown, `${ROUTES.ledger}/verify`, deps).toJSON(),
    )
    .finally(() => over.abort())
  while (!over.signal.aborted) {
    await deps.clock.sleep(PROGRESS_MS, over.signal)
    if (!over.signal.aborted) yield Buffer.from(`${JSON.stringify({ progress })}\n`)
  }
  yield Buffer.from(`${JSON.stringify(await verifying)}\n`)
}
