/** A leaked data set: sealed when it arrives, then held against the ledger, its result a row of the incident. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import type { EvidenceBody, MatchBody } from '#incidents/incident-bodies.ts'
import { ownerOf } from '#incidents/incident-evidence.ts'
import { windowsOf } from '#incidents/incident-scope.ts'
import { currentScope } from '#incidents/incident-state.ts'
import { peopleLines } from '#incidents/kept-people.ts'
import { matchFile, type MatchPorts, type MatchQuery } from '#incidents/match.ts'
import { decodeMapping } from '#incidents/match-columns.ts'
import type { Matched } from '#incidents/match-result.ts'
import { isKnownField, type KnownField } from '#model/field.ts'
import { readable, readableFileName } from '#incidents/written.ts'
import type { IncidentTexts, Look } from '#vault/port.ts'
import { destinationsOf, vendorNames } from '#vendors/register.ts'
import type { StaffDeps } from './deps.ts'
import { INCIDENTS_ROUTE } from './incident-contract.ts'
import { numberOf } from './incident-print.ts'
import { claimsOf, FILES } from './incident-routes.ts'
import { type LeakedFileResult, LeakedFileRequest, type MatchAnswer, type MatchBodyRequest, MatchRequest } from './match-contract.ts'
import { inTurn } from './match-turn.ts'
import { hideFault, lookFor } from './routes.ts'

const PROGRESS_MS = 500
const COLUMNS_TOLD_MAX = 200
const COLUMN_LENGTH_MAX = 100

interface OfIncident {
  Params: { id: string }
}

export function addMatchRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book, evidence } = deps

  app.register(async (files) => {
    files.addContentTypeParser(FILES, (_request, payload, done) => done(null, payload))
    files.post<OfIncident & { Body: Readable }>(`${INCIDENTS_ROUTE}/:id/leaked`, async (request): Promise<LeakedFileResult> => {
      const id = openIncident(request, deps)
      const { file, reason } = claimsOf(request, LeakedFileRequest)
      const look = lookFor(request, 'incident match', reason)
      if (request.headers['content-type'] !== FILES) throw new BulkheadError('bad_usage', 'the request carries no file')
      const before = evidence.of(ownerOf(id)).filter(({ kind, destroyedAt }) => kind === 'leak' && destroyedAt === null)
      const of = { owner: ownerOf(id), kind: 'leak' as const, name: readableFileName(file), actor: look.actor }
      const { id: made, sha256, bytes } = await evidence.put(request.body, of)
      const same = before.find((each) => each.sha256 === sha256 && each.bytes === bytes)
      if (same === undefined) {
        const body: EvidenceBody = { id: made, sha256, bytes }
        const texts = { file: readableFileName(file), note: 'a data set that leaked, to be matched' }
        await book.add(id, look, () => ({ kind: 'evidence', body, texts }))
        return { evidence: body, known: false }
      }
      // A matching that broke off is repeated with what is sealed already.
      await evidence.destroy(made, { ...look, action: 'incident match, the same file again' })
      return { evidence: { id: same.id, sha256, bytes }, known: true }
    })
  })

  app.post<OfIncident & { Body: MatchBodyRequest }>(
    `${INCIDENTS_ROUTE}/:id/match`,
    { schema: { body: MatchRequest } },
    async (request, reply) => {
      const id = openIncident(request, deps)
      const look = lookFor(request, 'incident match', request.body.reason)
      const row = evidence.row(request.body.evidence)
      if (row?.owner !== ownerOf(id) || row.kind !== 'leak')
        throw new BulkheadError('not_found', 'that file was not sealed for this incident')
      const query = queryOf(id, request.body, deps)
      const work = (signal: AbortSignal, onProgress: (rows: number) => void): Promise<MatchAnswer> =>
        inTurn(deps.matching, () =>
          match({ id, evidence: { id: row.id, sha256: row.sha256, bytes: row.bytes }, query, look, request, signal, onProgress }, deps),
        )
      return reply.type('application/x-ndjson').send(Readable.from(progressLines(work, deps), { objectMode: false }))
    },
  )

  async function match(
    given: {
      id: number
      evidence: EvidenceBody
      query: MatchQuery & { version: number }
      look: Look
      request: FastifyRequest<{ Body: MatchBodyRequest }>
      signal: AbortSignal
      onProgress: (rows: number) => void
    },
    own: StaffDeps,
  ): Promise<MatchAnswer> {
    const { id, query, look, signal, onProgress } = given
    // The look with the file's hash is durable before the first row is read.
    const { content } = await evidence.open(given.evidence.id, look)
    const matched = await matchFile(content, query, portsOf(own), { look, signal, onProgress })
    const {
      sha256,
      bytes,
      id: peopleId,
    } = await evidence.put(peopleLines(matched), {
      owner: ownerOf(id),
      kind: 'people',
      name: 'people by grade',
      actor: look.actor,
    })
    const { body, texts } = recordOf(matched, given, { id: peopleId, sha256, bytes })
    await book.add(id, look, () => ({ kind: 'match', body, texts }))
    return { ...matched.result, incident: id, evidence: given.evidence }
  }
}

function openIncident(request: FastifyRequest<OfIncident>, { incidents }: StaffDeps): number {
  const id = numberOf(request.params.id)
  if (incidents.state(id).state === 'closed') throw new BulkheadError('incident_closed', `incident ${id} is closed: nothing is added to it`)
  return id
}

function queryOf(id: number, body: MatchBodyRequest, deps: StaffDeps): MatchQuery & { version: number } {
  const state = deps.incidents.state(id)
  const { scope, version } = currentScope(state)
  return {
    version,
    vendor: state.vendor,
    destinations: scope.destinations ?? undefined,
    surfaces: scope.surfaces ?? undefined,
    windows: windowsOf(scope),
    format: body.format === undefined || body.format === 'auto' ? undefined : (body.format as MatchQuery['format']),
    naming: namingOf(state.vendor, body.map ?? [], deps),
  }
}

/** What columns of a vendor's files are called. */
export function namingOf(vendor: string, map: readonly string[], deps: StaffDeps): MatchQuery['naming'] {
  const own = protocolsOf(vendor, deps)
  const fieldOfKey = (key: string): KnownField | undefined => {
    for (const protocol of own) {
      const field = deps.policies.protocols.get(protocol)?.fieldOfExportKey?.(key)
      if (field !== undefined) return field
    }
    return undefined
  }
  const groupKeys = new Set(deps.config.sources.flatMap((source) => source.groupKeys))
  return { mapped: decodeMapping(map), fieldOfKey, groupKeys }
}

/** Of all destinations that the vendor has or had: an old file speaks an old protocol. */
function protocolsOf(vendor: string, { records }: StaffDeps): Set<string> {
  const versions = Array.from({ length: records.policyNumber() }, (_, index) => records.policy(index + 1))
  const all = versions.flatMap((version) => version?.policy.destinations ?? [])
  return new Set(all.filter((each) => each.vendor === vendor).map(({ protocol }) => protocol))
}

function portsOf(deps: StaffDeps): MatchPorts {
  const { records, config } = deps
  return {
    warehouse: deps.warehouse,
    vault: { graph: () => deps.vault.graph(), ...deps.matching },
    snapshot: () => deps.worker.barrier(),
    destinationsOf: (vendor) => destinationsOf(vendor, records, config.vendors),
    vendorOf: (destination) =>
      vendorNames(records, config.vendors).find((vendor) => destinationsOf(vendor, records, config.vendors).includes(destination)),
  }
}

/** Plain: numbers, configured names, fields of our catalogue. Names of files and columns are somebody's text. */
function recordOf(
  { result, kept }: Matched,
  { evidence, query, request }: { evidence: EvidenceBody; query: { version: number }; request: FastifyRequest<{ Body: MatchBodyRequest }> },
  peopleFile: EvidenceBody,
): { body: MatchBody; texts: IncidentTexts } {
  const { faults: _faults, fieldsNotInLedger, columnsNotInLedger, ...counts } = result
  const columns = columnsNotInLedger.map(({ column }) => readable(column.slice(0, COLUMN_LENGTH_MAX))).slice(0, COLUMNS_TOLD_MAX)
  return {
    body: {
      ...counts,
      evidence,
      peopleFile,
      version: query.version,
      kept: kept.size,
      fieldsNotInLedger: fieldsNotInLedger.filter(isKnownField),
      columnsNotInLedger: columnsNotInLedger.map(({ field, rows }) => ({ field, rows })).slice(0, COLUMNS_TOLD_MAX),
    },
    texts: { file: readableFileName(request.body.file), columns },
  }
}

/** Lines of progress; the last is the answer or an error. Who stops reading ends the work. */
async function* progressLines(
  work: (signal: AbortSignal, onProgress: (rows: number) => void) => Promise<MatchAnswer>,
  deps: StaffDeps,
): AsyncGenerator<string, void> {
  const gone = new AbortController()
  let rows = 0
  const done = work(gone.signal, (count) => {
    rows = count
  }).then(
    (match) => JSON.stringify({ match }),
    (thrown) => JSON.stringify(hideFault(thrown, 'incident match', deps).toJSON()),
  )
  try {
    for (;;) {
      const late = new AbortController()
      const next = await Promise.race([done, deps.clock.sleep(PROGRESS_MS, late.signal).then(() => undefined)]).finally(() => late.abort())
      yield `${next ?? JSON.stringify({ progress: { rows } })}\n`
      if (next !== undefined) return
    }
  } finally {
    gone.abort()
  }
}
