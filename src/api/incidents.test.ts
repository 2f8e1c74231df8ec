/** The record of an incident through the API: two windows, four times, reversals and amendments kept, and hostile input. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Ajv } from 'ajv'
import { BulkheadError } from '#base/errors.ts'
import { triageOpened } from '#incidents/signal-book.ts'
import type { Records } from '#records/port.ts'
import type { IncidentAmendResult, IncidentReportResult, IncidentShow, IncidentStatementResult } from './incident-contract.ts'
import type { Staff } from './staff.ts'
import { type ServedStage, serveStage, type Stage } from './staff-fixture.ts'

const CREDENTIAL = 'operator-credential-of-the-test'
const SCHEMAS = path.join(import.meta.dirname, '..', '..', 'docs', 'schemas')

let records: Records
let staff: Staff
let stage: Stage
let served: ServedStage

before(async () => {
  served = await serveStage(CREDENTIAL)
  ;({ records, stage, staff } = served)
})

after(() => served?.close())

interface Reply {
  status: number
  text: string
  code: string | undefined
}

function send(method: string, route: string, body: string | Buffer | undefined, headers: Record<string, string>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const all = { authorization: `Bearer ${CREDENTIAL}`, ...headers }
    const request = http.request({ host: '127.0.0.1', port: staff.port, method, path: route, headers: all }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += String(chunk)
      })
      response.on('end', () => {
        const error = text.startsWith('{"error"') ? (JSON.parse(text) as { error: { code: string } }).error.code : undefined
        resolve({ status: response.statusCode ?? 0, text, code: error })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

const post = (route: string, body: object): Promise<Reply> =>
  send('POST', `/v1/incidents${route}`, JSON.stringify(body), { 'content-type': 'application/json' })

const upload = (route: string, content: string | Buffer, claims: object): Promise<Reply> =>
  send('POST', `/v1/incidents${route}`, content, {
    'content-type': 'application/octet-stream',
    'bulkhead-claims': Buffer.from(JSON.stringify(claims)).toString('base64url'),
  })

function read<Answer>(reply: Reply, schema: string): Answer {
  assert.equal(reply.status, 200, reply.text)
  const value = JSON.parse(reply.text) as Answer
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(path.join(SCHEMAS, `${schema}.schema.json`), 'utf8')))
  assert.ok(validate(value), `${schema}: ${JSON.stringify(validate.errors)}`)
  return value
}

const isOnly = true
const ONLY = { only: isOnly }
const OPENING = { vendor: 'acme', told: '2025-11-25T18:00:00Z', title: 'Export of a data set' }

async function open(more: object = {}): Promise<number> {
  return read<{ id: number }>(await post('', { ...OPENING, ...more }), 'incident-open').id
}

async function show(id: number): Promise<IncidentShow> {
  return read<IncidentShow>(await send('GET', `/v1/incidents/${id}`, undefined, {}), 'incident-show')
}

test('four times and two windows are kept apart, and what is stated anew stands beside what was said', async () => {
  const id = await open({
    aware: '2025-11-25T19:00:00+01:00',
    vendorAware: '2025-11-09T00:00:00Z',
    accessFrom: '2025-11-08T00:00:00Z',
    accessTo: '2025-11-09T00:00:00Z',
    source: 'press',
  })
  const first = await show(id)
  assert.deepEqual(first.times, {
    event: { from: '2025-11-08T00:00:00.000Z', to: '2025-11-09T00:00:00.000Z' },
    vendorAware: '2025-11-09T00:00:00.000Z',
    told: '2025-11-25T18:00:00.000Z',
    aware: '2025-11-25T18:00:00.000Z',
  })
  assert.deepEqual(first.windows.access, first.times.event)
  assert.deepEqual(first.windows.data, { from: null, to: null })
  assert.equal(first.report.state, 'open')
  assert.equal(first.report.title, OPENING.title)
  assert.deepEqual(first.report.holds, [1])
  assert.deepEqual(first.report.rows.broken, [])
  read(await post(`/${id}/times`, { told: '2025-11-24T08:00:00Z', reason: 'the mail lay in a shared box' }), 'incident-row')
  const second = await show(id)
  assert.equal(second.times.told, '2025-11-24T08:00:00.000Z')
  assert.equal(second.times.vendorAware, first.times.vendorAware)
  assert.ok(second.timeline.some(({ what, text }) => what === 'times' && text === 'the mail lay in a shared box'))
  assert.deepEqual(Object.keys(second), [
    'id',
    'vendor',
    'times',
    'windows',
    'statements',
    'scope',
    'amendments',
    'evidence',
    'timeline',
    'report',
    'notices',
    'clocks',
  ])
})

test('"not affected" and then "affected" both stand, each beside what the ledger says', async () => {
  const id = await open()
  const first = read<IncidentStatementResult>(
    await upload(`/${id}/statements`, 'no other client is affected', {
      file: '../mail one.eml',
      says: 'not-affected',
      received: '2025-11-26T08:00:00Z',
    }),
    'incident-statement',
  )
  assert.equal(first.number, 1)
  assert.deepEqual(
    first.reconciled.differences.map(({ about, ledger }) => [about, ledger]),
    [['affected', 'data about 1 person was sent through Bulkhead (1 delivered, 0 possible)']],
  )
  const claims = { file: 'b', says: 'affected', fields: ['country', 'email,shoe size'], people: 7, to: '2025-11-09T00:00:00Z' }
  const second = read<IncidentStatementResult>(await upload(`/${id}/statements`, 'some are', claims), 'incident-statement')
  assert.equal(second.reverses, 1)
  const about = second.reconciled.differences.map(({ about: what, field, ledger }) => [what, field ?? '', ledger])
  assert.deepEqual(about, [
    ['people', '', '1 person'],
    ['field', 'email', 'was not among the fields that we sent'],
    ['field', 'shoe size', 'is no field of our catalogue'],
    ['field', 'user_id', 'was sent (pseudonym)'],
    ['data window', '', 'that of the scope: without bounds'],
  ])
  const shown = await show(id)
  assert.deepEqual(
    shown.statements.map(({ says, reverses, evidence, claims: said }) => [says, reverses, evidence.file, said.otherFields]),
    [
      ['not-affected', null, 'mail one.eml', []],
      ['affected', 1, 'b', ['shoe size']],
    ],
  )
  assert.deepEqual(shown.statements[1]?.reconciled, second.reconciled)
  assert.equal(shown.evidence.length, 2)
})

test('each amendment is a version that is kept; who is taken out needs a reason, and a data window a statement that shows it', async () => {
  const id = await open({ surfaces: ['web'], accessTo: '2025-11-09T00:00:00Z' })
  const grown = read<IncidentAmendResult>(
    await post(`/${id}/amend`, { accessTo: '2025-11-20T00:00:00Z', destinations: ['acme-main'] }),
    'incident-amend',
  )
  assert.equal(grown.version, 2)
  assert.equal(grown.windows.access.to, '2025-11-20T00:00:00.000Z')
  // All destinations hold the one that is named.
  assert.equal(grown.destinations, null)
  assert.equal((await post(`/${id}/amend`, { accessTo: '2025-11-10T00:00:00Z' })).code, 'reason_required')
  read(await post(`/${id}/amend`, { accessTo: '2025-11-10T00:00:00Z', reason: 'they corrected it' }), 'incident-amend')
  const narrow = { from: '2025-10-01T00:00:00Z', to: '2025-11-01T00:00:00Z', reason: 'says the vendor' }
  assert.equal((await post(`/${id}/amend`, narrow)).code, 'incident_invalid')
  read(
    await upload(`/${id}/statements`, 's', { file: 's', from: '2025-09-01T00:00:00Z', to: '2025-11-01T00:00:00Z' }),
    'incident-statement',
  )
  assert.equal((await post(`/${id}/amend`, narrow)).code, 'incident_invalid', 'the statement claims more')
  const shown = { ...narrow, from: '2025-09-01T00:00:00Z' }
  const narrowed = read<IncidentAmendResult>(await post(`/${id}/amend`, shown), 'incident-amend')
  assert.deepEqual(narrowed.windows.data, { from: '2025-09-01T00:00:00.000Z', to: '2025-11-01T00:00:00.000Z' })
  read(await post(`/${id}/amend`, { from: 'open', to: 'open' }), 'incident-amend')
  const { amendments, scope } = await show(id)
  assert.deepEqual(
    amendments.map(({ version, statement, reason }) => [version, statement, reason]),
    [
      [2, null, ''],
      [3, null, 'they corrected it'],
      [4, 1, 'says the vendor'],
      [5, null, ''],
    ],
  )
  assert.deepEqual([scope.version, scope.surfaces, scope.subjects], [5, ['web'], 1])
  assert.deepEqual(amendments[0]?.counted, { entries: 10, subjects: 1, delivered: 1, possible: 0, added: 0, removed: 0 })
})

test('a report is a draft until counsel signs, names nobody, and a signature ends where something is added', async () => {
  const id = await open({ title: 'Mia Wallace rang', reason: 'Vincent Vega said so' })
  await post(`/${id}/amend`, { surfaces: ['web'], reason: 'Butch Coolidge asked' })
  await upload(`/${id}/statements`, 'x', { file: 'from Marsellus.eml', says: 'affected', fields: ['Zed field'] })
  records.cut('acme', { at: Date.now(), actor: 'Jules', reason: 'Jules said so' })
  for (const audience of ['regulator', 'board', 'auditor']) {
    const { report, markdown, sha256 } = read<IncidentReportResult & { report: Record<string, unknown> }>(
      await post(`/${id}/report`, { audience, zone: 'Asia/Kolkata' }),
      'incident-report',
    )
    assert.match(sha256, /^[0-9a-f]{64}$/)
    assert.equal(report.status, 'draft for counsel')
    assert.match(markdown, /\*\*Draft for counsel\.\*\*/)
    assert.match(markdown, /may be affected: data about \w+ was sent through Bulkhead/)
    assert.match(markdown, /was not among the fields that we sent/)
    assert.match(markdown, /no entry 1\.\.10/)
    assert.match(markdown, /size 10, root/)
    assert.match(markdown, /No checkpoint of the ledger is held elsewhere/)
    assert.match(markdown, /Baseline \| unknown/)
    assert.match(markdown, /without passing through Bulkhead/)
    assert.match(markdown, /2025-11-25T18:00:00\.000Z \(2025-11-25 23:30:00 GMT\+05:30\)/)
    assert.match(markdown, /the flow to the vendor was cut/)
    assert.doesNotMatch(markdown, /exposed|confirmed|proof/i)
    for (const said of [JSON.stringify(report), markdown]) assert.doesNotMatch(said, /Mia|Vincent|Butch|Marsellus|Jules|operator/)
  }
  assert.equal((await post(`/${id}/sign-off`, { as: 'counsel', name: 'Winston Wolfe', reason: ' ' })).code, 'reason_required')
  const status = async (): Promise<string> => (await show(id)).report.status
  read(await post(`/${id}/sign-off`, { as: 'board', name: 'B', reason: 'read' }), 'incident-row')
  assert.equal(await status(), 'draft for counsel')
  read(await post(`/${id}/sign-off`, { as: 'counsel', name: 'Winston Wolfe', reason: 'read' }), 'incident-row')
  assert.equal(await status(), 'signed off')
  const signed = read<IncidentReportResult>(await post(`/${id}/report`, { audience: 'board' }), 'incident-report')
  assert.match(signed.markdown, /The sign-off covers rows 1\.\.\d+ of the record; figures of the ledger are those of when this was made/)
  assert.equal(await status(), 'signed off', 'making a report adds nothing to the matter')
  stage.persons = 2
  assert.equal(await status(), 'draft for counsel', 'people grew since, by what was sent meanwhile')
  const grown = read<IncidentReportResult & { report: Record<string, unknown> }>(
    await post(`/${id}/report`, { audience: 'board' }),
    'incident-report',
  )
  assert.deepEqual([grown.report.status, grown.report.signOff], ['draft for counsel', null])
  assert.match(grown.markdown, /People grew since the sign-off, by what was sent meanwhile: 1 then, 2 now/)
  stage.persons = 1
  assert.equal(await status(), 'signed off')
  read(await post(`/${id}/note`, { text: 'they rang again', at: '2025-11-26T10:00:00Z' }), 'incident-row')
  assert.equal(await status(), 'draft for counsel')
  const { report } = await show(id)
  assert.deepEqual(
    report.signOffs.map(({ name, stands }) => [name, stands]),
    [
      ['B', false],
      ['Winston Wolfe', false],
    ],
  )
  assert.equal(report.made.length, 5)
})

test('hostile input is refused with a code, and nothing of it is kept', async () => {
  const id = await open()
  const rows = (): number => records.incidentRows().length
  const before = rows()
  const refused: [Promise<Reply>, string][] = [
    [post('', { ...OPENING, vendor: 'nobody' }), 'vendor_unknown'],
    [post('', { vendor: 'acme' }), 'bad_usage'],
    [post('', { ...OPENING, told: '2025-11-25T18:00:00' }), 'window_invalid'],
    [post('', { ...OPENING, told: '2025-11-31T00:00:00Z' }), 'window_invalid'],
    [post('', { ...OPENING, told: '2999-01-01T00:00:00Z' }), 'incident_invalid'],
    [post('', { ...OPENING, aware: '2999-01-01T00:00:00Z' }), 'incident_invalid'],
    [post('', { ...OPENING, accessFrom: '2025-11-09T00:00:00Z', accessTo: '2025-11-08T00:00:00Z' }), 'window_invalid'],
    [post('', { ...OPENING, title: 'a\u0000b' }), 'incident_invalid'],
    [post('', { ...OPENING, title: 'a\nb' }), 'incident_invalid'],
    [post('', { ...OPENING, title: 'gnp.\u202eexe' }), 'incident_invalid'],
    [post('', { ...OPENING, title: 'x'.repeat(201) }), 'incident_invalid'],
    [post('', { ...OPENING, reason: 'a\u001b[2J' }), 'incident_invalid'],
    [post('', { ...OPENING, surfaces: ['wbe'] }), 'surface_unknown'],
    [post('', { ...OPENING, destinations: ['acme-mian'] }), 'destination_unknown'],
    [post('', { ...OPENING, source: 'rumour' }), 'bad_usage'],
    [post(`/${id}/amend`, {}), 'incident_invalid'],
    [post(`/${id}/amend`, { ...ONLY, accessTo: 'open' }), 'incident_invalid'],
    [post(`/${id}/amend`, { accessFrom: '2025-11-09T00:00:00Z', accessTo: '2025-11-08T00:00:00Z' }), 'window_invalid'],
    [post(`/${id}/amend`, { surfaces: ['web'], statement: 9 }), 'incident_invalid'],
    [post(`/${id}/times`, {}), 'incident_invalid'],
    [post(`/${id}/note`, { text: '  ' }), 'incident_invalid'],
    [post(`/${id}/report`, { audience: 'board', zone: 'Mars/Olympus' }), 'incident_invalid'],
    [post(`/${id}/affected`, { version: 7 }), 'incident_invalid'],
    [post(`/${id}/affected`, { list: true }), 'reason_required'],
    [post('/99/amend', { accessTo: 'open' }), 'incident_unknown'],
    [post('/1e1/amend', { accessTo: 'open' }), 'incident_unknown'],
    [post('/-1/close', { reason: 'x' }), 'incident_unknown'],
    [post('/..%2f1/close', { reason: 'x' }), 'incident_unknown'],
    [send('GET', '/v1/incidents/0', undefined, {}), 'incident_unknown'],
    [upload('/99/statements', 'x', { file: 'x' }), 'incident_unknown'],
    [upload(`/${id}/statements`, 'x', { file: 'x', says: 'maybe' }), 'bad_usage'],
    [upload(`/${id}/statements`, '', { file: 'x', says: 'affected' }), 'incident_invalid'],
    [upload(`/${id}/statements`, 'x', { file: 'x', received: '2999-01-01T00:00:00Z' }), 'incident_invalid'],
    [upload(`/${id}/statements`, 'x', { file: 'x', from: '2025-11-09T00:00:00Z', to: '2025-11-08T00:00:00Z' }), 'window_invalid'],
    [upload(`/${id}/statements`, 'x', { file: 'x', fields: ['a\u0007b'] }), 'incident_invalid'],
    [send('POST', `/v1/incidents/${id}/statements`, 'x', { 'content-type': 'application/octet-stream' }), 'bad_usage'],
    [send('POST', `/v1/incidents/${id}/statements`, '{}', { 'content-type': 'application/json' }), 'bad_usage'],
  ]
  for (const [index, [reply, code]] of refused.entries()) assert.equal((await reply).code, code, `case ${index}: ${(await reply).text}`)
  assert.equal(rows(), before)

  const long = Buffer.alloc(100 << 20, 'statement ')
  const statement = read<IncidentStatementResult>(await upload(`/${id}/statements`, long, { file: 'a\u202eb\n.pdf' }), 'incident-statement')
  assert.equal(statement.evidence.bytes, long.length)
  assert.equal((await show(id)).statements[0]?.evidence.file, 'a\ufffdb\ufffd.pdf')

  read(await post(`/${id}/close`, { reason: 'over' }), 'incident-row')
  const closed = [
    post(`/${id}/amend`, { accessTo: 'open' }),
    post(`/${id}/note`, { text: 'x' }),
    post(`/${id}/times`, { told: OPENING.told }),
    post(`/${id}/close`, { reason: 'x' }),
    upload(`/${id}/statements`, 'x', { file: 'x' }),
    upload(`/${id}/evidence`, 'x', { file: 'x' }),
    upload(`/${id}/evidence`, long, { file: 'x' }),
  ]
  for (const reply of closed) assert.equal((await reply).code, 'incident_closed')
  const shown = await show(id)
  assert.deepEqual([shown.report.state, shown.report.holds, shown.evidence.length], ['closed', [], 1])
  read(await post(`/${id}/reopen`, { reason: 'they say more' }), 'incident-row')
  assert.deepEqual([(await show(id)).report.state, (await show(id)).report.holds.length], ['open', 1])
})

test('an incident whose signal cannot be triaged now is open all the same, and the signal is triaged at the next start', async (t) => {
  const { signals } = stage.deps
  const signal = await signals.add({ source: 'canary', at: 1, dayIn: null }, 'a canary', { actor: 'ann', action: 'test', reason: 'test' })
  const gone = async (): Promise<never> => Promise.reject(new BulkheadError('vault_unavailable', 'gone'))
  t.mock.method(signals, 'triage', gone, { times: 1 })
  const id = await open({ signal })
  assert.deepEqual([(await show(id)).report.state, signals.get(signal).triage], ['open', []])
  for (const _start of [1, 2]) await triageOpened(signals, records.incidentRows())
  assert.deepEqual(
    signals.get(signal).triage.map(({ decision, incident }) => [decision, incident]),
    [['incident', id]],
  )
})

test('while the ledger cannot be asked, what was said can be read and added all the same', async () => {
  const id = await open()
  stage.persons = 5000
  try {
    const amended = read<IncidentAmendResult>(await post(`/${id}/amend`, { surfaces: ['web'] }), 'incident-amend')
    assert.deepEqual([amended.version, amended.counted, amended.unavailable], [2, null, 'internal'])
    const shown = await show(id)
    assert.deepEqual([shown.scope.subjects, shown.scope.unavailable, shown.scope.version], [null, 'internal', 2])
    const { markdown } = read<IncidentReportResult>(await post(`/${id}/report`, { audience: 'auditor' }), 'incident-report')
    assert.match(markdown, /could not be asked/)
    for (const text of [JSON.stringify(shown), markdown]) assert.doesNotMatch(text, /ann@example/)
  } finally {
    stage.persons = 1
  }
})

test('the scope of an incident is answered like any other, by version, and only with whom no earlier one had', async () => {
  const id = await open({ surfaces: ['web'] })
  await post(`/${id}/amend`, { accessTo: '2025-11-20T00:00:00Z', reason: 'narrower' })
  const whole = read<{ subjects: number; incident: object }>(await post(`/${id}/affected`, {}), 'incident-affected')
  assert.deepEqual(whole.incident, { id, version: 2, added: null })
  const added = read<{ incident: object }>(await post(`/${id}/affected`, { added: true, version: 2 }), 'incident-affected')
  assert.deepEqual(added.incident, { id, version: 2, added: 0 })
  const list = await post(`/${id}/affected`, { version: 1, added: true, list: true, reason: 'notices' })
  const lines = list.text.trimEnd().split('\n')
  assert.equal(lines.length, 2)
  assert.deepEqual((JSON.parse(lines[1] as string) as { affected: { incident: object } }).affected.incident, { id, version: 1, added: 1 })
})

test('evidence that was changed is refused by its code, before anything of it is answered', async () => {
  const id = await open()
  const kept = read<{ evidence: { id: string } }>(await upload(`/${id}/evidence`, 'kept', { file: 'x' }), 'incident-evidence')
  const { evidence } = stage.deps
  const given = evidence.open
  const row = { id: kept.evidence.id, owner: '', kind: 'file' as const, at: 0, actor: '', bytes: 4, sha256: '', destroyedAt: null }
  const openTo = async (content: () => AsyncGenerator<Buffer, void>): Promise<Reply> => {
    evidence.open = async () => ({ row, name: 'x', content: content() })
    return post(`/${id}/evidence/${kept.evidence.id}/open`, { reason: 'test' })
  }
  try {
    const changed = await openTo(async function* () {
      yield* []
      throw new BulkheadError('evidence_corrupt', 'changed')
    })
    assert.equal(changed.code, 'evidence_corrupt')
    const whole = await openTo(async function* () {
      yield Buffer.from('ke')
      yield Buffer.from('pt')
    })
    assert.deepEqual([whole.status, whole.text], [200, 'kept'])
  } finally {
    evidence.open = given
  }
})
