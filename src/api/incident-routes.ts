/** What is said of an incident: its opening, statements, amendments, evidence, its end. Each adds a row and changes none. */
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { passesByItself } from '#base/passing.ts'
import type { EvidenceBody, NoteBody, OpenedBody, SignOffBody, StatementBody } from '#incidents/incident-bodies.ts'
import { countVersion } from '#incidents/incident-count.ts'
import { ownerOf } from '#incidents/incident-evidence.ts'
import { decodeClaimedSides, decodeFields, decodeSides, decodeTimes, pastInstant } from '#incidents/incident-input.ts'
import { amendScope, isShownBy, narrows, narrowsData, sorted } from '#incidents/incident-scope.ts'
import { currentScope, type IncidentState, lastMatter } from '#incidents/incident-state.ts'
import { assertSurfaces } from '#incidents/surfaces.ts'
import { readableFileName, readableText } from '#incidents/written.ts'
import type { IncidentTexts, Look } from '#vault/port.ts'
import type { StaffDeps } from './deps.ts'
import {
  CLAIMS_HEADER,
  type IncidentAmendBody,
  IncidentAmendRequest,
  type IncidentAmendResult,
  IncidentEvidenceRequest,
  type IncidentEvidenceResult,
  type IncidentNoteBody,
  IncidentNoteRequest,
  type IncidentOpenBody,
  type IncidentOpened,
  IncidentOpenRequest,
  IncidentReasonRequest,
  type IncidentRowResult,
  type IncidentSignOffBody,
  IncidentSignOffRequest,
  IncidentStatementRequest,
  type IncidentStatementResult,
  type IncidentTimesBody,
  IncidentTimesRequest,
  INCIDENTS_ROUTE,
} from './incident-contract.ts'
import { incidentPorts } from './incident-ports.ts'
import { lookOf, numberOf, printCounted, printWindowsOf } from './incident-print.ts'
import { peopleNow, reconciledOf } from './incident-shown.ts'
import { hideFault } from './routes.ts'
import { awareFrom } from './signal-routes.ts'
import { assertDestinations, assertVendorEverKnown } from './vendor-known.ts'

const TITLE_MAX = 200
const NOTE_MAX = 2000
export const FILES = 'application/octet-stream'

interface OfIncident {
  Params: { id: string }
}

export function addIncidentRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book, clock } = deps

  app.post<{ Body: IncidentOpenBody }>(
    INCIDENTS_ROUTE,
    { schema: { body: IncidentOpenRequest } },
    async (request): Promise<IncidentOpened> => {
      const { body } = request
      const signal = body.signal === undefined ? undefined : deps.signals.get(body.signal)
      const { vendor, source = signal === undefined ? 'vendor' : 'signal' } = body
      const title = readableText('the title', body.title, TITLE_MAX)
      const look = lookOf(request, 'incident open', body.reason)
      const access = decodeClaimedSides({ accessFrom: body.accessFrom, accessTo: body.accessTo })
      // What the vendor says of its event is the access window, until it is said apart.
      const { accessFrom, accessTo } = body
      const now = clock.now()
      const times = decodeTimes(
        { ...body, eventFrom: body.eventFrom ?? pastText(accessFrom, now), eventTo: body.eventTo ?? pastText(accessTo, now) },
        undefined,
        now,
        deps.clocks.place,
      )
      await assertVendorEverKnown(vendor, deps)
      const names = await knownNames(vendor, body, deps)
      const from = signal === undefined ? {} : { signal: signal.id }
      const opened: OpenedBody = { vendor, source, times: awareFrom(times, signal), scope: { ...names, ...access }, ...from }
      const id = await book.open(opened, textsOf({ title, reason: body.reason }), look)
      if (signal !== undefined) await triage(signal.id, id, look, deps)
      await countAmended(id, 1, look, deps)
      await deps.clocks.keeper.now(id)
      return { id }
    },
  )

  app.post<OfIncident & { Body: IncidentTimesBody }>(
    `${INCIDENTS_ROUTE}/:id/times`,
    { schema: { body: IncidentTimesRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { params, body } = request
      const { reason, ...texts } = body
      if (Object.keys(texts).length === 0) throw new BulkheadError('incident_invalid', 'no time is said anew')
      const look = lookOf(request, 'incident times', reason)
      const after = await book.add(numberOf(params.id), look, ({ times }) => ({
        kind: 'times',
        body: decodeTimes(texts, times, clock.now(), deps.clocks.place),
        texts: textsOf({ reason }),
      }))
      return rowOf(after)
    },
  )

  app.post<OfIncident & { Body: IncidentAmendBody }>(
    `${INCIDENTS_ROUTE}/:id/amend`,
    { schema: { body: IncidentAmendRequest } },
    async (request): Promise<IncidentAmendResult> => {
      const { params, body } = request
      const id = numberOf(params.id)
      const look = lookOf(request, 'incident amend', body.reason)
      const change = { ...decodeSides(body), only: body.only, wholeLedger: body.wholeLedger }
      const names = await knownNames(book.state(id).vendor, body, deps)
      const after = await book.add(id, look, (state) => {
        const before = currentScope(state)
        const scope = amendScope(before.scope, { ...change, surfaces: names.surfaces ?? [], destinations: names.destinations ?? [] })
        const isNarrower = narrows(before.scope, scope)
        if (isNarrower && (body.reason ?? '').trim() === '') {
          throw new BulkheadError('reason_required', 'an amendment that takes somebody out of the scope needs a reason')
        }
        const statement = narrowsData(before.scope, scope) ? shownBy(state, scope, body.statement) : statementNamed(state, body.statement)
        const version = before.version + 1
        return { kind: 'amendment', body: { version, scope, statement }, texts: textsOf({ reason: body.reason }) }
      })
      const { version, scope } = currentScope(after)
      const { counted, unavailable } = await countAmended(id, version, look, deps)
      const { destinations, surfaces } = scope
      return { incident: id, version, destinations, surfaces, windows: printWindowsOf(scope), counted: printCounted(counted), unavailable }
    },
  )

  app.post<OfIncident & { Body: IncidentNoteBody }>(
    `${INCIDENTS_ROUTE}/:id/note`,
    { schema: { body: IncidentNoteRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { params, body } = request
      const text = readableText('the note', body.text, NOTE_MAX)
      if (text === '') throw new BulkheadError('incident_invalid', 'the note is empty')
      const note: NoteBody = { when: pastInstant('--at', body.at, clock.now()) ?? clock.now() }
      const look = lookOf(request, 'incident note', undefined)
      return rowOf(await book.add(numberOf(params.id), look, () => ({ kind: 'note', body: note, texts: { text } })))
    },
  )

  app.post<OfIncident & { Body: IncidentSignOffBody }>(
    `${INCIDENTS_ROUTE}/:id/sign-off`,
    { schema: { body: IncidentSignOffRequest } },
    async (request): Promise<IncidentRowResult> => {
      const { params, body } = request
      const name = readableText('the name', body.name, TITLE_MAX)
      if (name === '') throw new BulkheadError('incident_invalid', 'it is not said who signs (--name)')
      const { as, reason } = body
      const look = demandLook(request, 'incident sign-off', reason)
      const id = numberOf(params.id)
      const people = await peopleNow(book.state(id), deps)
      const seen = people === undefined ? {} : { people }
      const signed = (state: IncidentState): SignOffBody => ({ as, upTo: lastMatter(state), ...seen })
      const texts = textsOf({ name, reason })
      const after = await book.add(id, look, (state) => ({ kind: 'signed-off', body: signed(state), texts }), { closed: true })
      return rowOf(after)
    },
  )

  for (const verb of ['close', 'reopen'] as const) {
    app.post<OfIncident & { Body: Static<typeof IncidentReasonRequest> }>(
      `${INCIDENTS_ROUTE}/:id/${verb}`,
      { schema: { body: IncidentReasonRequest } },
      async (request): Promise<IncidentRowResult> => {
        const { reason } = request.body
        const look = demandLook(request, `incident ${verb}`, reason)
        return rowOf(await book[verb](numberOf(request.params.id), textsOf({ reason }), look))
      },
    )
  }

  // Files come as they are, whatever their length; what they are stands in a header.
  app.register(async (files) => {
    files.addContentTypeParser(FILES, (_request, payload, done) => done(null, payload))
    // A file that is refused is read to its end all the same: a connection that breaks first would hide the reason.
    files.addHook('onSend', async (request, reply, payload) => {
      const { raw } = request
      if (reply.statusCode >= 400 && request.operator !== '' && !raw.readableEnded && !raw.destroyed) {
        raw.resume()
        await finished(raw).catch(() => undefined)
      }
      return payload
    })
    addFileRoutes(files, deps)
  })
}

/** The incident is open, whether that can be written of its signal now or at the next start. */
async function triage(signal: number, incident: number, look: Look, { signals }: StaffDeps): Promise<void> {
  try {
    await signals.triage(signal, { decision: 'incident', incident }, look.reason, look)
  } catch (thrown) {
    if (!passesByItself(thrown)) throw thrown
  }
}

function addFileRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { incidents: book, clock } = deps

  app.post<OfIncident & { Body: Readable }>(`${INCIDENTS_ROUTE}/:id/statements`, async (request): Promise<IncidentStatementResult> => {
    const id = numberOf(request.params.id)
    const claims = claimsOf(request, IncidentStatementRequest)
    const look = lookOf(request, 'incident statement', claims.reason)
    const sides = decodeClaimedSides(claims)
    const { fields, otherFields } = decodeFields(claims.fields ?? [])
    const receivedAt = pastInstant('--received', claims.received, clock.now()) ?? clock.now()
    const evidence = await keep(request, id, 'statement', claims.file, deps)
    const { says = 'unknown', people = null } = claims
    const said: StatementBody = { says, receivedAt, evidence, ...sides, fields, others: otherFields.length, people }
    const texts = textsOf({ file: readableFileName(claims.file), otherFields, reason: claims.reason })
    const after = await book.add(id, look, () => ({ kind: 'statement', body: said, texts }))
    const statement = after.statements.findLast((each) => each.evidence.id === evidence.id)
    if (statement === undefined) throw new TypeError('a statement that was added is not there')
    const reconciled = await reconciledOf({ ...statement, otherFields }, after, deps)
    return { incident: id, number: statement.number, evidence, reverses: statement.reverses, reconciled }
  })

  app.post<OfIncident & { Body: Readable }>(`${INCIDENTS_ROUTE}/:id/evidence`, async (request): Promise<IncidentEvidenceResult> => {
    const id = numberOf(request.params.id)
    const claims = claimsOf(request, IncidentEvidenceRequest)
    const note = readableText('the note', claims.note, NOTE_MAX)
    const look = lookOf(request, 'incident evidence', claims.reason)
    const evidence = await keep(request, id, 'file', claims.file, deps)
    const texts = textsOf({ file: readableFileName(claims.file), note, reason: claims.reason })
    const after = await book.add(id, look, () => ({ kind: 'evidence', body: evidence, texts }))
    return { incident: id, row: after.events.at(-1)?.row ?? 0, evidence }
  })
}

/** Sealed before anything is said of it. A closed incident takes nothing, so nothing is kept either. */
async function keep(
  request: FastifyRequest<{ Body: Readable }>,
  incident: number,
  kind: 'statement' | 'file',
  name: string,
  deps: StaffDeps,
): Promise<EvidenceBody> {
  if (request.headers['content-type'] !== FILES) throw new BulkheadError('bad_usage', 'the request carries no file')
  if (deps.incidents.state(incident).state === 'closed') {
    throw new BulkheadError('incident_closed', `incident ${incident} is closed: nothing is added to it`)
  }
  const of = { owner: ownerOf(incident), kind, name: readableFileName(name), actor: request.operator }
  const { id, sha256, bytes } = await deps.evidence.put(kind === 'statement' ? withContent(request.body) : request.body, of)
  return { id, sha256, bytes }
}

/** Nobody says anything by a file of no bytes: a wrong name, or a mail that was saved without its text. Throws `incident_invalid`. */
async function* withContent(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let isEmpty = true
  for await (const piece of body) {
    isEmpty &&= piece.length === 0
    yield piece
  }
  if (isEmpty) throw new BulkheadError('incident_invalid', 'the statement is empty: give it as it was received')
}

export function claimsOf<Schema extends TSchema>(request: FastifyRequest, schema: Schema): Static<Schema> {
  const header = request.headers[CLAIMS_HEADER]
  let claims: unknown
  try {
    claims = JSON.parse(Buffer.from(String(header ?? ''), 'base64url').toString('utf8'))
  } catch (cause) {
    throw new BulkheadError('bad_usage', `the header ${CLAIMS_HEADER} holds no JSON`, { cause })
  }
  if (!request.validateInput(claims, schema as never))
    throw new BulkheadError('bad_usage', `the header ${CLAIMS_HEADER} is not as the contract says`)
  return claims as Static<Schema>
}

/** The statement that shows a data window as narrow as the new scope's. Throws `incident_invalid`. */
function shownBy(state: IncidentState, scope: Parameters<typeof isShownBy>[0], named: number | undefined): number {
  const candidates = state.statements.filter(({ number, from, to }) => (named ?? number) === number && (from !== null || to !== null))
  const shown = candidates.findLast((statement) => isShownBy(scope, statement))
  if (shown !== undefined) return shown.number
  throw new BulkheadError(
    'incident_invalid',
    'no statement on record claims a data window that lies in the new one: a data window narrows the scope only as far as one does',
  )
}

function statementNamed(state: IncidentState, named: number | undefined): number | null {
  if (named === undefined) return null
  if (state.statements.some(({ number }) => number === named)) return named
  throw new BulkheadError('incident_invalid', `there is no statement ${named}`)
}

/** What was added stands, whether it can be counted now or not. */
export async function countAmended(
  id: number,
  version: number,
  look: Look,
  deps: StaffDeps,
): Promise<{ counted: IncidentState['scopes'][number]['counted']; unavailable: string | null }> {
  try {
    const { counted } = await countVersion(deps.incidents.state(id), version, incidentPorts(deps))
    await deps.incidents.add(id, look, () => ({ kind: 'counted', body: counted }), { closed: true })
    return { counted, unavailable: null }
  } catch (thrown) {
    return { counted: undefined, unavailable: hideFault(thrown, 'counting the scope of an incident', deps).code }
  }
}

/** null: all. Throws `destination_unknown`, `surface_unknown`. */
async function knownNames(
  vendor: string,
  given: { surfaces?: string[]; destinations?: string[] },
  deps: StaffDeps,
): Promise<{ surfaces: string[] | null; destinations: string[] | null }> {
  const { surfaces = [], destinations = [] } = given
  const configured = deps.config.sources.map(({ surface }) => surface)
  if (surfaces.length > 0) await assertSurfaces(surfaces, { vendor, configured }, deps.warehouse)
  await assertDestinations(destinations, vendor, deps)
  return {
    surfaces: surfaces.length === 0 ? null : sorted(surfaces),
    destinations: destinations.length === 0 ? null : sorted(destinations),
  }
}

function rowOf(state: IncidentState): IncidentRowResult {
  return { incident: state.id, row: state.events.at(-1)?.row ?? 0, state: state.state }
}

/** A window may end in the future, what has happened cannot. */
function pastText(text: string | undefined, now: number): string | undefined {
  return text === undefined || text === 'open' || Date.parse(text) > now ? undefined : text
}

/** What was not given is left out. */
export function textsOf(texts: Record<string, string | readonly string[] | undefined>): IncidentTexts {
  const given = Object.entries(texts).map(([name, text]) => [name, typeof text === 'string' ? readableText(name, text, NOTE_MAX) : text])
  return Object.fromEntries(given.filter(([, text]) => text !== undefined && text.length > 0))
}

function demandLook(request: Pick<FastifyRequest, 'operator'>, action: string, reason: string): Look {
  if (reason.trim() === '') throw new BulkheadError('reason_required', `${action} needs a reason`)
  return lookOf(request, action, reason)
}
