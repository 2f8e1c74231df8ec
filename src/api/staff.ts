/**
 * The staff API on the console port: JSON over HTTP for the command line and the console. Every request needs an
 * operator's personal credential but health and metrics, which hold nothing personal. The Host header must name this machine,
 * so that a web page whose name was rebound to a loopback address gets nothing, and no CORS header is ever sent.
 */
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyError, type FastifyRequest } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { addBaselineRoutes } from './baseline-routes.ts'
import { addBackupRoutes } from './backup-routes.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import { addLedgerRoutes } from './ledger-routes.ts'
import { addApprovalRoutes, addPolicyRoutes } from './policy-routes.ts'
import { addOperatorRoutes } from './operator-routes.ts'
import { addStatementRoutes } from './statement-routes.ts'
import { addIncidentRoutes } from './incident-routes.ts'
import { addIncidentReadingRoutes } from './incident-shown.ts'
import { addMatchRoutes } from './match-routes.ts'
import { addEvidenceDestroyRoutes } from './evidence-destroy-routes.ts'
import { addNarrowRoutes } from './narrow-routes.ts'
import { addClockRoutes } from './clock-routes.ts'
import { addNoticeRoutes } from './notice-routes.ts'
import { addNoticeCheckRoute } from './notice-check-routes.ts'
import { addSignalRoutes } from './signal-routes.ts'
import { addRiskRoute } from './risk-routes.ts'
import { addEpochRoutes, addErasureRoutes, addKeyRoutes } from './erase-routes.ts'
import { addLeavingRoutes } from './leaving-routes.ts'
import { addAnalyticsRoutes, addPeopleRoutes, addStatusRoutes, addVendorRoutes, hideFault } from './routes.ts'

/** A batch of directory rows; everything else is small. */
const BODY_BYTES_MAX = 32 * 1024 * 1024
const OPEN_ROUTES: ReadonlySet<string> = new Set([ROUTES.health, ROUTES.metrics])

export interface Staff {
  url: string
  port: number
  close(): Promise<void>
}

/** Throws `port_taken`. */
export async function startStaff(deps: StaffDeps): Promise<Staff> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
  })
  app.decorateRequest('operator', '')
  app.addHook('onRequest', async (request, reply) => {
    reply.header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff')
    assertHost(request, deps.host)
    if (!OPEN_ROUTES.has(request.routeOptions.url ?? '')) request.operator = operatorOf(request, deps)
  })
  app.setErrorHandler<FastifyError>(async (thrown, request, reply) => {
    const error = errorOf(thrown, request, deps)
    return reply.code(error.status).send(error.toJSON())
  })
  app.setNotFoundHandler(async (_request, reply) => {
    const error = new BulkheadError('bad_usage', 'the staff API has no such route')
    return reply.code(404).send(error.toJSON())
  })
  addStatusRoutes(app, deps)
  addVendorRoutes(app, deps)
  addBaselineRoutes(app, deps)
  addPeopleRoutes(app, deps)
  addStatementRoutes(app, deps)
  addIncidentRoutes(app, deps)
  addIncidentReadingRoutes(app, deps)
  addClockRoutes(app, deps)
  addSignalRoutes(app, deps)
  addMatchRoutes(app, deps)
  addNarrowRoutes(app, deps)
  addEvidenceDestroyRoutes(app, deps)
  addNoticeRoutes(app, deps)
  addNoticeCheckRoute(app, deps)
  addErasureRoutes(app, deps)
  addEpochRoutes(app, deps)
  addLeavingRoutes(app, deps)
  addKeyRoutes(app, deps)
  addBackupRoutes(app, deps)
  addPolicyRoutes(app, deps)
  addApprovalRoutes(app, deps)
  addAnalyticsRoutes(app, deps)
  addRiskRoute(app, deps)
  addLedgerRoutes(app, deps)
  addOperatorRoutes(app, deps)
  try {
    await app.listen({ host: deps.host, port: deps.port })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw thrown
    throw new BulkheadError('port_taken', `the console port ${deps.port} is in use`, { cause: thrown })
  }
  const { port } = app.server.address() as AddressInfo
  const host = deps.host.includes(':') ? `[${deps.host}]` : deps.host
  return { url: `http://${host}:${port}`, port, close: () => app.close() }
}

/** Looked up with each request, so a removal counts at once; by the digest, of which the time that it takes says nothing. */
function operatorOf(request: FastifyRequest, { operators }: StaffDeps): string {
  const match = /^Bearer ([^\s]+)$/.exec(request.headers.authorization ?? '')
  const digest =
    match === null
      ? undefined
      : createHash('sha256')
          .update(match[1] as string)
          .digest('hex')
  const name = digest === undefined ? undefined : operators.named(digest)
  if (name !== undefined) return name
  throw new BulkheadError('unauthorized', 'the request carries no valid operator credential')
}

function assertHost(request: FastifyRequest, own: string): void {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  const names = ['localhost', '127.0.0.1', '[::1]', own.includes(':') ? `[${own}]` : own]
  if (!names.includes(name)) throw new BulkheadError('unauthorized', 'the staff API does not answer under this host name')
}

function errorOf(thrown: FastifyError, request: FastifyRequest, deps: StaffDeps): BulkheadError {
  if (thrown instanceof BulkheadError) return thrown
  const status = thrown.statusCode ?? 500
  if (thrown.validation !== undefined) {
    const [first] = thrown.validation
    // The path and the rule, not the value: a value may be somebody's address.
    const what = `${first?.instancePath || 'the body'} ${first?.message ?? ''}${allowedText(first?.params)}`
    return new BulkheadError('bad_usage', `the request is not as the contract says: ${what}`.trim())
  }
  if (status >= 400 && status < 500) return new BulkheadError('bad_usage', `the request cannot be read (${thrown.code ?? status})`)
  return hideFault(thrown, `${request.method} ${request.routeOptions.url ?? 'unknown route'}`, deps)
}

function allowedText(params: object | undefined): string {
  const { allowedValues } = (params ?? {}) as { allowedValues?: unknown }
  return Array.isArray(allowedValues) ? `: ${allowedValues.join(', ')}` : ''
}
