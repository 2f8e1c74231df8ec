import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Ajv, type ValidateFunction } from 'ajv'
import type { Records } from '#records/port.ts'
import { commandSchemas } from './contract.ts'
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
  headers: http.IncomingHttpHeaders
  json: Record<string, unknown>
}

function call(method: string, route: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port: staff.port,
        method,
        path: route,
        headers: {
          authorization: `Bearer ${CREDENTIAL}`,
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      (response) => {
        let answer = ''
        response.on('data', (chunk) => {
          answer += String(chunk)
        })
        response.on('end', () => {
          const isJson = String(response.headers['content-type']).startsWith('application/json')
          resolve({ status: response.statusCode ?? 0, text: answer, headers: response.headers, json: isJson ? JSON.parse(answer) : {} })
        })
      },
    )
    request.on('error', reject)
    request.end(text)
  })
}

const validators = new Map<string, ValidateFunction>()

function assertFollows(schema: string, value: unknown): void {
  const text = (): string => readFileSync(path.join(SCHEMAS, `${schema}.schema.json`), 'utf8')
  const validate = validators.get(schema) ?? new Ajv({ strict: false }).compile(JSON.parse(text()))
  validators.set(schema, validate)
  assert.ok(validate(value), `${schema}: ${JSON.stringify(validate.errors)}`)
}

test('the published schemas are those of the contract, and no other files lie beside them', () => {
  const expected = commandSchemas()
  for (const [name, text] of Object.entries(expected))
    assert.equal(readFileSync(path.join(SCHEMAS, name), 'utf8'), text, `${name}: run tools/generate-schemas.ts`)
  assert.deepEqual(
    readdirSync(SCHEMAS).sort(),
    ['bulkhead.yaml.schema.json', 'clock-rules.schema.json', 'story.schema.json', ...Object.keys(expected)].sort(),
  )
})

test('only the operator, only under a name of this machine, and never for another origin', async () => {
  const routes = [
    ['GET', '/v1/vendors'],
    ['POST', '/v1/vendors/acme/cut'],
    ['POST', '/v1/who'],
    ['POST', '/v1/incidents/affected'],
    ['POST', '/v1/query/funnel'],
    ['GET', '/v1/doctor'],
    ['GET', '/v1/nothing'],
  ] as const
  for (const [method, route] of routes) {
    for (const authorization of ['', 'Bearer ', `Bearer ${CREDENTIAL}x`, `Bearer ${CREDENTIAL.slice(1)}`, `Basic ${CREDENTIAL}`]) {
      const reply = await call(method, route, method === 'POST' ? {} : undefined, { authorization })
      assert.equal(reply.status, 401, `${method} ${route} with ${JSON.stringify(authorization)}`)
      assertFollows('error', reply.json)
    }
    for (const host of ['rebound.example', 'localhost.rebound.example', '127.0.0.1.rebound.example:4701', '10.0.0.1']) {
      assert.equal((await call(method, route, method === 'POST' ? {} : undefined, { host })).status, 401, host)
    }
  }
  assert.equal((await call('GET', '/metrics', undefined, { host: 'rebound.example' })).status, 401)
  const preflight = await call('OPTIONS', '/v1/who', undefined, { origin: 'https://elsewhere.example' })
  assert.equal(preflight.headers['access-control-allow-origin'], undefined)
  assert.equal(records.flow('acme').fence, 0)
  assert.equal((await call('GET', '/v1/vendors', undefined, { host: `localhost:${staff.port}` })).status, 200)
})

test('health follows the roles and metrics are text, both without a credential', async () => {
  const anonymous = { authorization: '' }
  assert.equal((await call('GET', '/healthz', undefined, anonymous)).status, 200)
  stage.isReady = false
  assert.equal((await call('GET', '/healthz', undefined, anonymous)).status, 503)
  stage.isReady = true
  assert.equal((await call('GET', '/metrics', undefined, anonymous)).text, 'bulkhead_up 1\n')
  const doctor = await call('GET', '/v1/doctor')
  assertFollows('doctor', doctor.json)
  assert.deepEqual(doctor.json.events, { accepted: 9, warehouse: 12 })
  for (const part of [/abcd…/, /refused_browser_mark 3/, /retrying \(http_503\), 3 log entries/]) assert.match(doctor.text, part)
})

test('cut and restore: fenced, killed, or named with the cut on record', async () => {
  const cut = await call('POST', '/v1/vendors/acme/cut', { reason: 'breach' })
  assert.equal(cut.status, 200)
  assertFollows('vendor-cut', cut.json)
  assert.equal(cut.json.heldEvents, 7)
  stage.fenceAnswers = async () => Promise.reject(new Error('gone'))
  stage.killAnswers = { pid: 5, gone: false }
  const unfenced = await call('POST', '/v1/vendors/acme/cut', {})
  assert.equal(unfenced.status, 500)
  assert.match(unfenced.text, /vendor_unfenced.*pid 5/)
  assert.equal(records.flow('acme').state, 'cut')
  stage.killAnswers = { pid: 5, gone: true }
  assert.equal((await call('POST', '/v1/vendors/acme/cut', {})).json.fencedWorkers, 1)
  assertFollows('vendor-restore', (await call('POST', '/v1/vendors/acme/restore', {})).json)
  assert.equal((await call('POST', '/v1/vendors/acme/restore', {})).status, 409)
  assert.equal((await call('POST', '/v1/vendors/acmee/cut', {})).status, 404)
  const list = await call('GET', '/v1/vendors')
  assertFollows('vendor-list', list.json)
  const show = await call('GET', '/v1/vendors/acme')
  assertFollows('vendor-show', show.json)
  assert.equal((show.json.history as unknown[]).length, 4)
})

test('who and affected follow their schemas; looking needs a reason; a list ends with its summary', async () => {
  assert.equal((await call('POST', '/v1/who', { query: 'ann' })).status, 400)
  assert.equal((await call('POST', '/v1/who', { query: 'ann', reason: '  ' })).status, 400)
  assert.deepEqual(stage.looks, [])
  const found = await call('POST', '/v1/who', { query: 'ann', reason: 'access request' })
  assertFollows('who', found.json)
  const nobody = await call('POST', '/v1/who', { query: 'bob@example.com', reason: 'x' })
  assert.equal(nobody.status, 404)
  assert.ok(!nobody.text.includes('bob'), 'an error repeats no address')
  const summary = await call('POST', '/v1/incidents/affected', { vendor: 'acme', accessTo: '2026-02-10T00:00:00Z' })
  assertFollows('incident-affected', summary.json)
  assert.equal((await call('POST', '/v1/incidents/affected', { vendor: 'acme', list: true })).status, 400)
  assert.equal((await call('POST', '/v1/incidents/affected', { vendor: 'acme', identities: true, reason: 'x' })).status, 400)
  assert.equal((await call('POST', '/v1/incidents/affected', { vendor: 'acme', destination: 'none' })).status, 404)
  assert.equal((await call('POST', '/v1/incidents/affected', { vendor: 'acme', from: 'yesterday' })).status, 400)
  assert.equal((await call('POST', '/v1/incidents/affected', { vendor: 'gone' })).status, 200, 'the ledger alone knows it')
  assert.equal((await call('GET', '/v1/vendors/gone')).status, 200)
  assert.equal((await call('GET', '/v1/vendors/gone/deletions')).status, 200)
  assert.equal((await call('GET', '/v1/vendors/gone/baseline')).status, 200)
  assert.equal((await call('POST', '/v1/incidents/affected', { vendor: 'nobody' })).status, 404)
  stage.looks.length = 0
  stage.persons = 1203
  const list = await call('POST', '/v1/incidents/affected', { vendor: 'acme', list: true, identities: true, reason: 'incident 4' })
  const lines = list.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { affected?: { subjects: number } })
  assert.equal(lines.length, 1204)
  for (const line of lines.slice(0, -1)) assertFollows('incident-affected-line', line)
  assert.equal(lines.at(-1)?.affected?.subjects, 1203)
  assert.match(stage.looks[0] ?? '', /identities 1203/)
})

test('an unexpected failure tells neither the caller nor the diagnostics what it was about', async () => {
  stage.persons = 6000
  const reply = await call('POST', '/v1/incidents/affected', { vendor: 'acme' })
  stage.persons = 1
  assert.equal(reply.status, 500)
  assertFollows('error', reply.json)
  assert.ok(stage.traces.length > 0)
  for (const text of [reply.text, ...stage.traces]) assert.ok(!text.includes('ann@example.com'), text)
})

test('a directory batch is taken whole or refused before the vault sees it', async () => {
  const rows = [{ id: 'u1', email: 'a@example.com', groups: [{ key: 'org', value: 'o1', admin: true }] }]
  const reply = await call('POST', '/v1/directory/import', { namespace: 'default', rows })
  assertFollows('directory-import', reply.json)
  assert.equal(stage.imported.length, 1)
  for (const body of [
    { namespace: 'default', rows: [...rows, { id: 5, groups: [] }] },
    { rows },
    { namespace: 'default', rows, extra: 1 },
    '{"rows":',
    '[]',
  ]) {
    const refused = await call('POST', '/v1/directory/import', body)
    assert.equal(refused.status, 400, JSON.stringify(body))
    assertFollows('error', refused.json)
  }
  assert.equal(stage.imported.length, 1)
})

test('each acts under their own name, and who was removed not any more', async () => {
  const as = (name: string) => ({ authorization: `Bearer credential-of-${name}` })
  const sha256 = (name: string): string => createHash('sha256').update(`credential-of-${name}`).digest('hex')
  for (const name of ['ann', 'bob']) {
    assert.equal((await call('GET', '/v1/operators', undefined, as(name))).status, 401)
    const added = await call('POST', '/v1/operators', { name, credentialSha256: sha256(name) })
    assert.deepEqual([added.status, added.json.addedBy], [200, 'operator'])
    assert.equal(stage.looks.at(-1), `look operator add ${name} 0`)
  }
  for (const name of ['ann', 'bulkhead.yaml', 'single-operator', 'Ann', 'a b', ''])
    assert.notEqual((await call('POST', '/v1/operators', { name, credentialSha256: 'f'.repeat(64) })).status, 200, name)
  assert.equal((await call('POST', '/v1/operators', { name: 'cem', credentialSha256: sha256('ann') })).status, 409)
  const list = await call('GET', '/v1/operators', undefined, as('ann'))
  assertFollows('operator-list', list.json)
  assert.deepEqual([list.json.you, list.json.mode], ['ann', 'several-operators'])
  assert.ok(!list.text.includes(sha256('ann')), 'not even hashes of credentials are told')

  assert.equal((await call('POST', '/v1/vendors/acme/cut', { reason: 'breach' }, as('ann'))).status, 200)
  assert.equal((await call('POST', '/v1/vendors/acme/restore', { reason: 'over' }, as('bob'))).status, 200)
  const actors = records.history('acme').map(({ actor }) => actor)
  assert.deepEqual(actors.slice(-2), ['ann', 'bob'])
  const { id } = await stage.deps.approvals.propose({ kind: 'k', what: 'text', by: 'ann', reason: 'r' })
  assert.equal((await call('POST', `/v1/approvals/${id}/approve`, { reason: 'mine' }, as('ann'))).json.error !== undefined, true)
  assert.equal((await call('POST', `/v1/approvals/${id}/approve`, { reason: ' ' }, as('bob'))).status, 400)
  const approved = await call('POST', `/v1/approvals/${id}/approve`, { reason: 'seen' }, as('bob'))
  assertFollows('approval-decision', approved.json)
  assert.deepEqual([approved.json.proposedBy, approved.json.approvedBy, approved.json.state], ['ann', 'bob', 'counts'])
  assertFollows('approval-list', (await call('GET', '/v1/approvals')).json)

  for (const name of ['ann', 'bob'])
    assertFollows('operator-remove', (await call('POST', `/v1/operators/${name}/remove`, {}, as('bob'))).json)
  for (const name of ['ann', 'bob']) assert.equal((await call('GET', '/v1/vendors', undefined, as(name))).status, 401)
  assert.equal((await call('POST', '/v1/operators/operator/remove', {})).status, 409, 'one remains')
})
