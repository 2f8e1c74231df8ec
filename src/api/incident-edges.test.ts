/** The record of an incident at its edges: after it was closed, beside other incidents, with times to come, and changed behind its back. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import type { Records } from '#records/port.ts'
import type { IncidentReportResult, IncidentShow } from './incident-contract.ts'
import type { Staff } from './staff.ts'
import { type ServedStage, serveStage, type Stage } from './staff-fixture.ts'

const CREDENTIAL = 'operator-credential-of-the-test'
const isOnly = true
const ONLY = { only: isOnly }
const OPENING = { vendor: 'acme', told: '2025-11-25T18:00:00Z' }

let folder: string
let records: Records
let staff: Staff
let stage: Stage
let served: ServedStage

before(async () => {
  served = await serveStage(CREDENTIAL)
  ;({ folder, records, stage, staff } = served)
})

after(() => served?.close())

interface Reply {
  status: number
  code: string | undefined
  text: string
}

async function send(route: string, body?: string, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(`http://127.0.0.1:${staff.port}/v1${route}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${CREDENTIAL}`, ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const code = text.startsWith('{"error"') ? (JSON.parse(text) as { error: { code: string } }).error.code : undefined
  return { status: response.status, code, text }
}

const post = (route: string, body: object): Promise<Reply> => send(route, JSON.stringify(body), { 'content-type': 'application/json' })

const upload = (route: string, content: string, claims: object): Promise<Reply> =>
  send(route, content, {
    'content-type': 'application/octet-stream',
    'bulkhead-claims': Buffer.from(JSON.stringify(claims)).toString('base64url'),
  })

function read<Answer>({ status, text }: Reply): Answer {
  assert.equal(status, 200, text)
  return JSON.parse(text) as Answer
}

async function open(more: object = {}): Promise<number> {
  return read<{ id: number }>(await post('/incidents', { ...OPENING, ...more })).id
}

const show = async (id: number): Promise<IncidentShow> => read<IncidentShow>(await send(`/incidents/${id}`))
const report = async (id: number): Promise<IncidentReportResult> =>
  read<IncidentReportResult>(await post(`/incidents/${id}/report`, { audience: 'auditor' }))

test('a closed incident is still signed off and reported on; what was made before counsel signed stays a draft', async () => {
  const id = await open()
  await report(id)
  read(await post(`/incidents/${id}/close`, { reason: 'over' }))
  read(await post(`/incidents/${id}/sign-off`, { as: 'counsel', name: 'W. Wolfe', reason: 'read' }))
  await report(id)
  const { report: shown } = await show(id)
  assert.deepEqual([shown.state, shown.status], ['closed', 'signed off'])
  assert.deepEqual(
    shown.made.map(({ draft }) => draft),
    [true, false],
  )
  assert.deepEqual(
    shown.signOffs.map(({ people }) => people),
    [1],
    'of how many people counsel knew',
  )
})

test('a window may end in the future; of what has happened at the vendor only what is past is known', async () => {
  const id = await open({ accessFrom: '2025-11-08T00:00:00Z', accessTo: '2999-01-01T00:00:00Z' })
  const { times, windows } = await show(id)
  assert.deepEqual(times.event, { from: '2025-11-08T00:00:00.000Z', to: null })
  assert.deepEqual(windows.access, { from: '2025-11-08T00:00:00.000Z', to: '2999-01-01T00:00:00.000Z' })
})

test('when a statement came and when a note is of stand beside when they were written down', async () => {
  const id = await open()
  read(await upload(`/incidents/${id}/statements`, 's', { file: 's', received: '2025-11-26T08:00:00Z' }))
  read(await post(`/incidents/${id}/note`, { text: 'they rang', at: '2025-11-27T09:00:00Z' }))
  const { statements, timeline } = await show(id)
  assert.equal(statements[0]?.receivedAt, '2025-11-26T08:00:00.000Z')
  assert.notEqual(statements[0]?.recordedAt, statements[0]?.receivedAt)
  assert.equal(timeline.find(({ what }) => what === 'statement')?.at, '2025-11-26T08:00:00.000Z')
  assert.equal(timeline.find(({ what }) => what === 'note')?.at, '2025-11-27T09:00:00.000Z')
})

test('a data window stands on the statement that is named, else on the last that shows it', async () => {
  const id = await open()
  const claim = async (file: string, from: string, to: string): Promise<void> =>
    void read(await upload(`/incidents/${id}/statements`, file, { file, from, to }))
  await claim('one', '2025-10-01T00:00:00Z', '2025-10-05T00:00:00Z')
  await claim('two', '2025-10-02T00:00:00Z', '2025-10-03T00:00:00Z')
  await claim('three', '2025-09-01T00:00:00Z', '2025-12-01T00:00:00Z')
  const narrow = { from: '2025-10-01T00:00:00Z', to: '2025-10-06T00:00:00Z', reason: 'says the vendor' }
  assert.equal((await post(`/incidents/${id}/amend`, { ...narrow, statement: 3 })).code, 'incident_invalid', 'that one claims more')
  assert.equal((await post(`/incidents/${id}/amend`, { ...narrow, reason: ' ' })).code, 'reason_required')
  read(await post(`/incidents/${id}/amend`, { ...narrow, statement: 1 }))
  read(await post(`/incidents/${id}/amend`, { from: 'open', to: 'open' }))
  read(await post(`/incidents/${id}/amend`, narrow))
  // Nobody has to show what takes people out by surface.
  read(await post(`/incidents/${id}/amend`, { surfaces: ['web'], ...ONLY, reason: 'theirs alone' }))
  const { amendments } = await show(id)
  assert.deepEqual(
    amendments.map(({ statement }) => statement),
    [1, null, 2, null],
  )
})

test('evidence is opened under the incident that names it, and lists are asked for one by one', async () => {
  const id = await open()
  const { evidence } = read<{ evidence: { id: string } }>(await upload(`/incidents/${id}/evidence`, 'kept', { file: 'x' }))
  const { evidence: store } = stage.deps
  const given = store.open
  let opened = 0
  const row = { id: evidence.id, owner: '', kind: 'file' as const, at: 0, actor: '', bytes: 4, sha256: '', destroyedAt: null }
  store.open = async () => {
    opened += 1
    const content = async function* (): AsyncGenerator<Buffer, void> {
      yield Buffer.from('kept')
    }
    return { row, name: 'x', content: content() }
  }
  try {
    const other = await open()
    const at = (incident: number): Promise<Reply> => post(`/incidents/${incident}/evidence/${evidence.id}/open`, { reason: 'test' })
    assert.deepEqual([(await at(other)).code, opened], ['not_found', 0])
    assert.deepEqual([(await at(id)).text, opened], ['kept', 1])
  } finally {
    store.open = given
  }
  const refused = [{ list: true, organisations: true, reason: 'r' }, { identities: true, reason: 'r' }, { organisations: true }]
  const codes = await Promise.all(refused.map(async (body) => (await post(`/incidents/${id}/affected`, body)).code))
  assert.deepEqual(codes, ['bad_usage', 'bad_usage', 'reason_required'])
})

test('alerts of its own notices stand in its timeline, and no others', async () => {
  const id = await open()
  const alert = { version: 1, at: Date.UTC(2026, 0, 1), networks: 4 }
  stage.deps.noticeAlerts = async () => [
    { ...alert, incident: id },
    { ...alert, incident: id + 1, networks: 9 },
  ]
  const spread = async (): Promise<string[]> =>
    (await show(id)).timeline.flatMap(({ what, detail }) => (what === 'notice_code_spread' ? [detail] : []))
  try {
    const found = await spread()
    assert.deepEqual([found.length, found[0]?.includes('4 networks')], [1, true])
    stage.deps.noticeAlerts = () => Promise.reject(new Error('the vault is away'))
    assert.deepEqual(await spread(), [])
  } finally {
    delete stage.deps.noticeAlerts
  }
})

test('a place outside that holds another ledger under the same name is no witness', async () => {
  const id = await open()
  const { place } = stage.deps
  const state = { taken: { origin: 'o', size: 10, root: 'r', note: '' } }
  const said = async (outside: object[]): Promise<string> => {
    stage.deps.place = async () => ({ ...(await place()), outside: outside as never })
    return (await report(id)).markdown
  }
  try {
    const [held, none] = [/and against ourselves since the last checkpoint held elsewhere/, /No checkpoint of the ledger is held elsewhere/]
    assert.match(await said([{ id: 'w', state: { ...state, fork: undefined } }]), held)
    assert.match(await said([{ id: 'w', state: { ...state, fork: {} } }]), none)
    assert.match(
      await said([
        { id: 'w', state: { taken: undefined, fork: undefined } },
        { id: 'x', state: undefined },
      ]),
      none,
    )
    stage.deps.place = () => Promise.reject(new Error('it cannot be looked at'))
    assert.match((await report(id)).markdown, none)
  } finally {
    stage.deps.place = place
  }
})

test('rows that somebody changed in the file are named, and the report says so', async () => {
  const id = await open()
  read(await post(`/incidents/${id}/note`, { text: 'as it was' }))
  const [opened, , counted] = records.incidentRows(id)
  assert.ok(opened !== undefined && counted !== undefined)
  const file = new DatabaseSync(path.join(folder, 'records.db'))
  file.prepare('UPDATE incident_row SET at = at + 1 WHERE incident = ? AND row_no = ?').run(id, counted.row)
  file.close()
  const { report: shown } = await show(id)
  // It, and the one that followed it as it was.
  assert.deepEqual(shown.rows.broken, [counted.row, counted.row + 1])
  assert.match(
    (await report(id)).markdown,
    new RegExp(`Rows ${counted.row}, ${counted.row + 1} of the record of this incident are not as they were signed`),
  )
})
