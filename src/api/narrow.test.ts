/** A leaked file narrows a scope only when a second person has approved the very text, on a real engine and real approvals. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Ajv } from 'ajv'
import type { MatchBody } from '#incidents/incident-bodies.ts'
import { peopleLines } from '#incidents/kept-people.ts'
import { Marks } from '#incidents/match-ledger.ts'
import { PersonSet } from '#incidents/person-set.ts'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import type { IncidentAmendResult, IncidentReportResult, IncidentShow } from './incident-contract.ts'
import type { NarrowResult } from './narrow-contract.ts'
import { type Staff, startStaff } from './staff.ts'
import { setStage, type Stage } from './staff-fixture.ts'

const ANNA = 'credential-of-anna-who-proposes'
const BERTA = 'credential-of-berta-who-approves'
const SCHEMAS = path.join(import.meta.dirname, '..', '..', 'docs', 'schemas')
const SENT_AT = Date.UTC(2025, 10, 1, 12)

let folder: string
let records: Records
let stage: Stage
let staff: Staff
let running: WarehouseProcess
let worker: Warehouse
let engine: Warehouse
const files = new Map<string, Buffer>()

function disclosure(subject: number, part: Partial<DisclosureRow> = {}): DisclosureRow {
  const rest = { route: '/import', purpose: 'analytics', policy: 1, shape: 'country:coarse,user_id:pseudonym', groups: [], events: 1 }
  const at = { first: SENT_AT, last: SENT_AT, sentAt: SENT_AT, entry: 1, epoch: 1, kind: 'user' as const, state: 'delivered' as const }
  return { ...rest, ...at, vendor: 'acme', destination: 'acme-main', surface: subject > 10 ? 'help' : 'web', subject, ...part }
}

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  running = await startWarehouse(path.join(folder, 'w'))
  worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  engine = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  await worker.migrate()
  // People 1..10 came by the web, 11 and 12 by the help centre.
  await worker.insertDisclosures(
    Array.from({ length: 12 }, (_, at) => disclosure(at + 1)),
    'rows',
  )
  records = openRecords({ path: path.join(folder, 'records.db') })
  stage = setStage(records, ANNA)
  records.operators.add({ name: 'berta', credentialSha256: createHash('sha256').update(BERTA).digest('hex'), at: 1, by: 'operator' })
  const open: Stage['deps']['evidence']['open'] = async (id, look) => {
    stage.looks.push(`${look.action} ${id}`)
    const bytes = files.get(id) ?? Buffer.alloc(0)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const row = { id, owner: 'incident:1', kind: 'people' as const, at: 0, actor: '', bytes: bytes.length, sha256, destroyedAt: null }
    return {
      row,
      name: '',
      content: (async function* () {
        yield bytes
      })(),
    }
  }
  staff = await startStaff({ ...stage.deps, warehouse: engine, evidence: { ...stage.deps.evidence, open } })
})

after(async () => {
  await staff?.close()
  records?.close()
  await worker?.close()
  await engine?.close()
  await running?.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function send(as: string, route: string, body?: object): Promise<{ status: number; value: unknown; code: string | undefined }> {
  const response = await fetch(`http://127.0.0.1:${staff.port}/v1${route}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${as}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const value = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as { error?: { code: string } }
  return { status: response.status, value, code: value.error?.code }
}

async function ask<Answer>(as: string, route: string, schema: string | undefined, body?: object): Promise<Answer> {
  const { status, value } = await send(as, route, body)
  assert.equal(status, 200, JSON.stringify(value))
  if (schema === undefined) return value as Answer
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(path.join(SCHEMAS, `${schema}.schema.json`), 'utf8')))
  assert.ok(validate(value), `${schema}: ${JSON.stringify(validate.errors)}`)
  return value as Answer
}

async function openIncident(): Promise<number> {
  return (
    await ask<{ id: number }>(ANNA, '/incidents', 'incident-open', { vendor: 'acme', told: '2025-11-25T18:00:00Z', surfaces: ['web'] })
  ).id
}

let made = 0

/** As a matching leaves it. `kept`: whom rows within the windows name by grade A; `others`: by B and C. */
async function recordMatch(
  id: number,
  kept: readonly number[],
  others: readonly number[] = [],
  part: Partial<MatchBody> = {},
): Promise<string> {
  const set = new PersonSet()
  const people = new Marks()
  for (const person of kept) {
    set.add(person)
    people.add(person, 1)
  }
  for (const person of others) people.add(person, 2 | 4)
  const pieces: Buffer[] = []
  for await (const piece of peopleLines({ people, kept: set })) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  const name = `people-${++made}`
  files.set(name, bytes)
  const peopleFile = { id: name, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
  const evidence = { id: `leak-${made}`, sha256: createHash('sha256').update(`leak ${made}`).digest('hex'), bytes: 1 }
  const grades = { a: kept.length, b: others.length, c: 0 }
  const counts = { rows: 9, outsideWindow: 0, notSentThroughBulkhead: 0, people: kept.length + others.length, unknown: 0, unidentified: 0 }
  const rest = { knownNothingSent: 0, notInLedger: 0, ambiguous: 0, malformed: 0, readInPart: 0, format: 'csv', entries: 10 }
  const lists = { fieldsNotInLedger: [], columnsNotInLedger: [], foreignEpochs: [], epochs: [], destroyedEpochs: [] }
  const reconciled = { inBoth: 0, inBothByPseudonym: 0, onlyInFile: 0, onlyInLedger: 0 }
  const version = stage.deps.incidents.state(id).scopes.length
  const body: MatchBody = {
    ...counts,
    ...rest,
    ...lists,
    evidence,
    peopleFile,
    matched: grades,
    peopleBy: grades,
    reconciled,
    version,
    kept: kept.length,
    ...part,
  }
  await stage.deps.incidents.add(id, { actor: 'operator', action: 'test', reason: 'test' }, () => ({ kind: 'match', body }))
  return evidence.id
}

const narrow = (as: string, id: number, file = 'last'): Promise<NarrowResult> =>
  ask<NarrowResult>(as, `/incidents/${id}/narrow`, 'incident-narrow', { file, reason: 'the file is all that was read' })
const refused = async (id: number, file = 'last'): Promise<string | undefined> =>
  (await send(ANNA, `/incidents/${id}/narrow`, { file, reason: 'r' })).code
const show = (id: number): Promise<IncidentShow> => ask<IncidentShow>(ANNA, `/incidents/${id}`, 'incident-show')
const approve = (as: string, approval: number): ReturnType<typeof send> => send(as, `/approvals/${approval}/approve`, { reason: 'seen' })

interface Answer {
  subjects: number
  leftOut?: number
  incident: { version: number; added: number | null }
}
const affected = (id: number, body: object = {}): Promise<Answer> =>
  ask<Answer>(ANNA, `/incidents/${id}/affected`, 'incident-affected', body)

test('one person proposes, a second approves that very text, and the same words then make the version', async () => {
  const id = await openIncident()
  // 11 is in the ledger and out of this scope, 99 is nobody; grades B and C name 9 and 10.
  const file = await recordMatch(id, [1, 2, 3, 11, 99], [9, 10])
  const proposed = await narrow(ANNA, id)
  assert.deepEqual([proposed.state, proposed.version, proposed.stay, proposed.leftOut, proposed.file.id], ['proposed', 1, 3, 7, file])
  assert.deepEqual(JSON.parse(proposed.what), {
    incident: id,
    version: 1,
    file: proposed.file.sha256,
    people: stage.deps.incidents.state(id).matches[0]?.peopleFile.sha256,
    stay: 3,
    leftOut: 7,
  })
  assert.equal((await affected(id)).subjects, 10, 'nothing has changed')
  assert.equal((await approve(ANNA, proposed.approval)).code, 'approval_own')
  assert.equal((await narrow(ANNA, id)).state, 'proposed')
  assert.equal((await narrow(BERTA, id)).approval, proposed.approval, 'it is the same proposal, and whose it is stays')
  assert.equal((await show(id)).scope.narrowed, null)
  assert.equal((await approve(BERTA, proposed.approval)).status, 200)
  assert.equal((await affected(id)).subjects, 10, 'approved is not done')
  const applied = await narrow(ANNA, id)
  assert.deepEqual([applied.state, applied.version, applied.stay, applied.leftOut, applied.unavailable], ['applied', 2, 3, 7, null])

  const shown = await show(id)
  const narrowed = { sha256: proposed.file.sha256, evidence: file, stay: 3, leftOut: 7, approval: proposed.approval }
  assert.deepEqual(shown.scope.narrowed, { ...narrowed, proposedBy: 'operator', approvedBy: 'berta' })
  assert.deepEqual([shown.scope.subjects, shown.scope.leftOut], [3, 7])
  assert.deepEqual(shown.amendments[0]?.counted && [shown.amendments[0].counted.added, shown.amendments[0].counted.removed], [0, 7])
  assert.ok(shown.timeline.some(({ detail }) => detail.includes('narrowed below the ledger')))
  const now = await affected(id, { added: true })
  assert.deepEqual([now.subjects, now.leftOut, now.incident.added], [3, 7, 0])
  const former = await affected(id, { version: 1 })
  assert.deepEqual([former.subjects, former.leftOut, former.incident.version], [10, undefined, 1], 'the earlier version is still answered')
  const { report, markdown } = await ask<IncidentReportResult>(ANNA, `/incidents/${id}/report`, undefined, { audience: 'auditor' })
  assert.match(JSON.stringify(report), /narrowed below the ledger to a leaked file/)
  assert.match(markdown, /\| Narrowed \| below the ledger, .*approved by a second person.*7 more are in the ledger/)
  assert.equal(JSON.stringify(report).includes('berta'), false, 'a report names nobody')
  assert.equal(await refused(id), 'scope_narrowed')
  assert.ok(
    stage.looks.some((look) => look.startsWith('incident amend, narrow to file people-')),
    'the list is opened on record',
  )

  // A list was drawn for one scope: another scope has all again.
  const wider = await ask<IncidentAmendResult>(BERTA, `/incidents/${id}/amend`, 'incident-amend', { surfaces: ['help'] })
  assert.deepEqual(wider.counted && [wider.version, wider.counted.subjects, wider.counted.added], [3, 12, 2])
  assert.equal(await refused(id, file), 'match_outdated')
})

test('an approval is worth nothing for another text', async () => {
  const id = await openIncident()
  await recordMatch(id, [1, 2])
  const first = await narrow(ANNA, id)
  await approve(BERTA, first.approval)
  // A file that was matched meanwhile is another text, though it keeps as many.
  await recordMatch(id, [3, 4])
  const second = await narrow(ANNA, id)
  assert.notEqual(second.approval, first.approval)
  assert.equal(second.state, 'proposed')
  // So is a ledger that has more people since.
  await approve(BERTA, second.approval)
  await worker.insertDisclosures([disclosure(13, { surface: 'web' })], `late-${id}`)
  const third = await narrow(ANNA, id)
  assert.deepEqual([third.state, third.stay, third.leftOut], ['proposed', 2, 9])
  assert.equal((await show(id)).scope.version, 1)
  await send(BERTA, `/approvals/${third.approval}/reject`, { reason: 'no' })
  assert.equal((await narrow(ANNA, id)).state, 'proposed')
  assert.equal((await show(id)).scope.narrowed, null)
})

test('what is no ground to narrow a scope is refused, and nothing is proposed', async () => {
  const id = await openIncident()
  const before = records.approvals.list().length
  assert.equal(await refused(id), 'match_unknown')
  await recordMatch(id, [11, 99], [1, 2, 3])
  assert.equal(await refused(id), 'narrowing_empty', 'grades B and C keep nobody')
  assert.equal(await refused(id, 'leak-of-another-incident'), 'match_unknown')
  const everybody = Array.from({ length: 13 }, (_, at) => at + 1)
  await recordMatch(id, everybody)
  assert.equal(await refused(id), 'incident_invalid')
  await recordMatch(id, [1], [], { version: 7 })
  assert.equal(await refused(id), 'match_outdated')
  const file = await recordMatch(id, [1])
  await ask(ANNA, `/incidents/${id}/amend`, 'incident-amend', { accessTo: '2025-11-20T00:00:00Z', reason: 'r' })
  assert.equal(await refused(id, file), 'match_outdated')
  assert.equal((await send(ANNA, `/incidents/${id}/narrow`, { file: 'last', reason: ' ' })).code, 'reason_required')
  files.set('people-0', Buffer.from('1 9\n'))
  await recordMatch(id, [1], [], { peopleFile: { id: 'people-0', sha256: 'another', bytes: 4 } })
  assert.equal(await refused(id), 'evidence_corrupt', 'a list that somebody put in the place of the signed one')
  await recordMatch(id, [1])
  await ask(ANNA, `/incidents/${id}/close`, 'incident-row', { reason: 'over' })
  assert.equal(await refused(id), 'incident_closed')
  assert.equal(records.approvals.list().length, before)
})

test('what a file narrowed is taken back by one person, and nobody is added by it', async () => {
  const id = await openIncident()
  await recordMatch(id, [5])
  assert.equal(
    (await send(ANNA, `/incidents/${id}/amend`, { wholeLedger: true })).code,
    'incident_invalid',
    'there is nothing to take back',
  )
  await approve(BERTA, (await narrow(ANNA, id)).approval)
  assert.equal((await narrow(ANNA, id)).state, 'applied')
  const back = await ask<IncidentAmendResult>(ANNA, `/incidents/${id}/amend`, 'incident-amend', { wholeLedger: true })
  assert.deepEqual(back.counted && [back.version, back.counted.subjects, back.counted.added], [3, 11, 0])
  // The same file may narrow it anew, and needs a second person anew.
  assert.equal((await narrow(ANNA, id)).state, 'proposed')
})
