/** Incidents as they are read: shown, listed, reported, with the people that they come to. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { type Affected, affected } from '#incidents/affected.ts'
import type { ReportedBody } from '#incidents/incident-bodies.ts'
import { asOfNow, peopleBefore, queryOf } from '#incidents/incident-count.ts'
import { makeReport } from '#incidents/incident-report.ts'
import {
  currentScope,
  hasOutgrown,
  type IncidentState,
  type ScopeVersion,
  type SignOff,
  type Statement,
  standingSignOff,
} from '#incidents/incident-state.ts'
import { type Reconciled, reconcile } from '#incidents/reconcile.ts'
import { reportMarkdown } from '#incidents/report-markdown.ts'
import { timeline, type TimelineEntry } from '#incidents/timeline.ts'
import { credentialsOf } from '#vendors/credentials.ts'
import { gapText } from './backup-contract.ts'
import { clockRecordOf, reportClocks, showClocks } from './clock-shown.ts'
import type { StaffDeps } from './deps.ts'
import {
  IncidentEvidenceOpenRequest,
  type IncidentAffectedBody,
  IncidentAffectedRequest,
  type IncidentList,
  type IncidentReportBody,
  IncidentReportRequest,
  type IncidentReportResult,
  type IncidentShow,
  INCIDENTS_ROUTE,
} from './incident-contract.ts'
import { incidentPorts } from './incident-ports.ts'
import { iso, isoOrNull, lookOf, numberOf, printCounted, printMatch, printNarrowed, printWindowsOf } from './incident-print.ts'
import { shown } from './notice-shown.ts'
import { ledgerGaps, listLines, lookFor, withCheckpoint, withGaps } from './routes.ts'
import { stepsAt } from './vendor-steps.ts'

interface OfIncident {
  Params: { id: string }
}

export function addIncidentReadingRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book } = deps

  app.get(INCIDENTS_ROUTE, async (request): Promise<IncidentList> => {
    const all = await book.readAll(lookOf(request, 'incident list', undefined))
    return {
      incidents: all.map((state) => ({
        id: state.id,
        vendor: state.vendor,
        title: state.title,
        state: state.state,
        source: state.source,
        told: iso(state.times.told),
        openedAt: iso(state.openedAt),
        version: currentScope(state).version,
        statements: state.statements.length,
      })),
    }
  })

  app.get<OfIncident>(`${INCIDENTS_ROUTE}/:id`, async (request) => {
    const { params } = request
    const id = numberOf(params.id)
    return show(await book.read(id, lookOf(request, 'incident show', `incident ${params.id}`)), deps)
  })

  app.post<OfIncident & { Body: IncidentAffectedBody }>(
    `${INCIDENTS_ROUTE}/:id/affected`,
    { schema: { body: IncidentAffectedRequest } },
    async (request, reply) => {
      const { params, body } = request
      const { list = false, organisations = false, identities = false, added = false, reason } = body
      if (list && organisations) throw new BulkheadError('bad_usage', 'people and organisations are two lists')
      if (identities && !list && !organisations) throw new BulkheadError('bad_usage', 'identities are given in a list only')
      const listed = `incident affected, ${organisations ? 'organisations' : 'list'}${identities ? ' with identities' : ''}`
      const look = list || organisations ? lookFor(request, listed, reason) : undefined
      const state = book.state(numberOf(params.id))
      const { scope, version } = versionOf(state, body.version)
      const ports = await asOfNow(incidentPorts(deps))
      const answer = await withCheckpoint(withGaps(await affected(queryOf(state.vendor, scope), ports), deps), deps)
      const before = added ? await peopleBefore(state, version, ports) : undefined
      const fresh = before === undefined ? null : (await answer.people()).countWithout(before)
      const narrowed = printNarrowed(scope)
      const incident = { id: state.id, version, added: fresh, ...(narrowed === null ? {} : { narrowed }) }
      const summary = { ...answer.summary, incident }
      if (look === undefined) return summary
      const options = { identities, ...(before === undefined ? {} : { without: before }) }
      const whole = { ...answer, summary, ...(organisations ? { lines: answer.organisations } : {}) }
      const lines = listLines(whole, look, options, deps)
      return reply.type('application/x-ndjson').send(Readable.from(lines, { objectMode: false }))
    },
  )

  app.post<{ Params: { id: string; evidence: string }; Body: Static<typeof IncidentEvidenceOpenRequest> }>(
    `${INCIDENTS_ROUTE}/:id/evidence/:evidence/open`,
    { schema: { body: IncidentEvidenceOpenRequest } },
    async (request, reply) => {
      const { id, evidence } = request.params
      const look = lookFor(request, `incident ${numberOf(id)}, evidence get`, request.body.reason)
      // Only what this incident names: evidence of another is not opened under this one's number.
      const named = book.state(numberOf(id)).evidence.some((each) => each.id === evidence)
      if (!named)
        throw new BulkheadError('not_found', 'this incident has no evidence of that id', { hint: '`bulkhead incident show ID` names it.' })
      const { content, row } = await deps.evidence.open(evidence, look)
      // Once something was answered nobody can be told by a code that the file was changed.
      const first = await content.next()
      reply.type('application/octet-stream').header('content-length', row.bytes).header('bulkhead-sha256', row.sha256)
      return reply.send(Readable.from(from(first, content), { objectMode: false }))
    },
  )

  app.post<OfIncident & { Body: IncidentReportBody }>(
    `${INCIDENTS_ROUTE}/:id/report`,
    { schema: { body: IncidentReportRequest } },
    async (request): Promise<IncidentReportResult> => {
      const { params, body } = request
      const { audience, zone, reason } = body
      const id = numberOf(params.id)
      const look = lookOf(request, `incident report for ${audience}`, reason)
      // Who is affected by now decides which clocks a report names.
      await deps.clocks.keeper.now(id, { recount: true })
      const state = await book.read(id, look)
      const ledger = await ledgerNow(state, deps, true)
      const report = makeReport({
        state,
        audience,
        zone,
        madeAt: deps.clock.now(),
        affected: ledger.summary,
        why: ledger.unavailable ?? undefined,
        reconciled: state.statements.map((statement) => reconcileNow(statement, state, ledger.summary)),
        timeline: await timelineOf(state, deps),
        checkpoint: await deps.checkpoint(),
        isHeldElsewhere: await isHeldElsewhere(deps),
        gaps: (ledgerGaps(deps).ledgerGaps ?? []).map((gap) => gapText(gap)),
        broken: await brokenOf(id, deps),
        ...reportClocks(deps.clocks.keeper.seen(id), clockRecordOf(state)),
        contact: deps.contact,
        records: ledger.records,
      })
      const sha256 = createHash('sha256').update(JSON.stringify(report)).digest('hex')
      const made: ReportedBody = { audience, sha256, entries: ledger.summary?.checked.entries ?? 0, draft: report.status !== 'signed off' }
      await book.add(id, look, () => ({ kind: 'reported', body: made }), { closed: true })
      return { report, markdown: reportMarkdown(report), sha256 }
    },
  )
}

/** What cannot be looked at is not claimed. */
async function isHeldElsewhere(deps: StaffDeps): Promise<boolean> {
  const place = await deps.place().catch(() => undefined)
  return place?.outside.some(({ state }) => state?.taken !== undefined && state.fork === undefined) ?? false
}

function versionOf(state: IncidentState, version: number | undefined): ScopeVersion {
  if (version === undefined) return currentScope(state)
  const found = state.scopes.find((each) => each.version === version)
  if (found === undefined) throw new BulkheadError('incident_invalid', `incident ${state.id} has no scope version ${version}`)
  return found
}

interface LedgerNow {
  summary: Affected | undefined
  records: number | null
  unavailable: string | null
}

async function ledgerNow(state: IncidentState, deps: StaffDeps, withRecords = false): Promise<LedgerNow> {
  try {
    const answer = await affected(queryOf(state.vendor, currentScope(state).scope), incidentPorts(deps))
    const { summary } = await withCheckpoint(withGaps(answer, deps), deps)
    return { summary, records: withRecords ? await answer.records() : null, unavailable: null }
  } catch (thrown) {
    // What was said can be read while the warehouse cannot: an incident must not hide behind it.
    const error = toBulkheadError(thrown)
    if (error.code === 'internal')
      deps.trace(`the scope of an incident could not be counted: ${thrown instanceof Error ? thrown.name : ''}`)
    return { summary: undefined, records: null, unavailable: error.code }
  }
}

/** Undefined: the ledger could not be asked. */
export async function peopleNow(state: IncidentState, deps: StaffDeps): Promise<number | undefined> {
  return (await ledgerNow(state, deps)).summary?.subjects
}

function reconcileNow(statement: Statement, state: IncidentState, ledger: Affected | undefined): Reconciled {
  return reconcile({ statement, scope: currentScope(state).scope, ledger, match: state.matches.at(-1) })
}

export async function reconciledOf(statement: Statement, state: IncidentState, deps: StaffDeps): Promise<Reconciled> {
  return reconcileNow(statement, state, (await ledgerNow(state, deps)).summary)
}

async function brokenOf(id: number, deps: StaffDeps): Promise<number[]> {
  return deps.incidents.broken(id, (await deps.vault.describe()).ledgerKey)
}

/** Without what the vault knows, where it is away. */
async function timelineOf(state: IncidentState, deps: StaffDeps): Promise<TimelineEntry[]> {
  const alerts = (await deps.noticeAlerts?.().catch(() => [])) ?? []
  const spread = alerts.filter(({ incident }) => incident === state.id)
  return timeline(state, deps.records.history(state.vendor), spread, await stepsAt(state.vendor, state.times.told, deps))
}

async function show(state: IncidentState, deps: StaffDeps): Promise<IncidentShow> {
  const { keeper } = deps.clocks
  const ledger = await ledgerNow(state, deps)
  const { version, scope } = currentScope(state)
  const { eventFrom, eventTo, vendorAware, told, aware } = state.times
  const { summary } = ledger
  const covers = (signOff: SignOff): boolean => signOff.stands && !hasOutgrown(signOff, summary?.subjects)
  const standing = standingSignOff(state)
  return {
    id: state.id,
    vendor: state.vendor,
    times: {
      event: { from: isoOrNull(eventFrom), to: isoOrNull(eventTo) },
      vendorAware: isoOrNull(vendorAware),
      told: iso(told),
      aware: isoOrNull(aware),
    },
    windows: printWindowsOf(scope),
    statements: state.statements.map((statement) => printStatement(statement, reconcileNow(statement, state, summary))),
    scope: {
      version,
      destinations: scope.destinations,
      surfaces: scope.surfaces,
      subjects: summary?.subjects ?? null,
      delivered: summary?.delivered ?? null,
      possible: summary?.possible ?? null,
      narrowed: printNarrowed(scope),
      leftOut: summary?.leftOut ?? null,
      affected: summary ?? null,
      unavailable: ledger.unavailable,
    },
    amendments: state.scopes.slice(1).map(printAmendment),
    evidence: state.evidence.map(({ row, at, actor, id, as, file, note, sha256, bytes }) => {
      const match = state.matches.find((each) => each.row === row)
      const shown = match === undefined ? {} : { match: printMatch(match) }
      return { row, at: iso(at), by: actor, id, as, file, note, sha256, bytes, ...shown }
    }),
    timeline: (await timelineOf(state, deps)).map(({ at, recordedAt, ...rest }) => ({
      at: iso(at),
      recordedAt: isoOrNull(recordedAt),
      ...rest,
    })),
    report: {
      title: state.title,
      state: state.state,
      source: state.source,
      status: standing === undefined || !covers(standing) ? 'draft for counsel' : 'signed off',
      signOffs: state.signOffs.map((signOff) => {
        const { as, name, reason, at, actor, upTo, people } = signOff
        return { as, name, reason, at: iso(at), by: actor, upTo, people: people ?? null, stands: covers(signOff) }
      }),
      made: state.reports.map(({ audience, at, actor, sha256, draft }) => ({ audience, at: iso(at), by: actor, sha256, draft })),
      holds: state.holds,
      credentials: credentialsOf(state.vendor, deps.records, deps.config.vendors),
      rows: { count: state.events.length, broken: await brokenOf(state.id, deps) },
    },
    notices: deps.notices.versions(state.id).map((notice) => shown(notice, deps)),
    clocks: showClocks(keeper.seen(state.id), clockRecordOf(state), { all: false, countedAt: keeper.countedAt(state.id) }),
  }
}

function printStatement(statement: Statement, reconciled: Reconciled): IncidentShow['statements'][number] {
  const { number, says, receivedAt, at, actor, evidence, file, fields, otherFields, people, reverses } = statement
  return {
    number,
    says,
    receivedAt: iso(receivedAt),
    recordedAt: iso(at),
    by: actor,
    evidence: { ...evidence, file },
    claims: { windows: printWindowsOf(statement), fields, otherFields: [...otherFields], people },
    reverses,
    reconciled,
  }
}

function printAmendment({ version, scope, at, actor, reason, statement, counted }: ScopeVersion): IncidentShow['amendments'][number] {
  const { destinations, surfaces } = scope
  return {
    version,
    destinations,
    surfaces,
    at: iso(at),
    by: actor,
    reason,
    statement,
    windows: printWindowsOf(scope),
    narrowed: printNarrowed(scope),
    counted: printCounted(counted),
  }
}

async function* from(first: IteratorResult<Buffer, void>, rest: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  if (first.done !== true) yield first.value
  yield* rest
}
