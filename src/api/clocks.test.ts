/** Legal clocks through the API: what starts, what only people know, what hostile input gets, and that asking again moves nothing. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Ajv } from 'ajv'
import type { Records } from '#records/port.ts'
import { clockFacts } from './clock-checks.ts'
import type { ClockShown } from './clock-contract.ts'
import { CLAIMS_HEADER, type IncidentShow } from './incident-contract.ts'
import type { Staff } from './staff.ts'
import { type ServedStage, serveStage, type Stage } from './staff-fixture.ts'

const CREDENTIAL = 'operator-credential-of-the-test'
const SCHEMAS = path.join(import.meta.dirname, '..', '..', 'docs', 'schemas')
const HOUR = 3_600_000

let records: Records
let staff: Staff
let stage: Stage
let served: ServedStage
let now = Date.parse('2025-11-25T19:00:00Z')

before(async () => {
  served = await serveStage(CREDENTIAL, (deps) => {
    deps.clock = { ...deps.clock, now: () => now }
  })
  ;({ records, stage, staff } = served)
})

after(() => served?.close())

async function call(method: string, route: string, body?: object): Promise<{ status: number; json: unknown; code: string | undefined }> {
  const reply = await fetch(`${staff.url}/v1/incidents${route}`, {
    method,
    headers: { authorization: `Bearer ${CREDENTIAL}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const json = (await reply.json()) as { error?: { code: string } }
  return { status: reply.status, json, code: json.error?.code }
}

const post = (route: string, body: object): ReturnType<typeof call> => call('POST', route, body)

async function open(more: object = {}): Promise<number> {
  const { status, json } = await post('', { vendor: 'acme', told: '2025-11-25T18:00:00Z', title: 'Export of a data set', ...more })
  assert.equal(status, 200, JSON.stringify(json))
  return (json as { id: number }).id
}

async function clocks(id: number, query = ''): Promise<ClockShown[]> {
  const { status, json } = await call('GET', `/${id}/clocks${query}`)
  assert.equal(status, 200, JSON.stringify(json))
  const schema = JSON.parse(readFileSync(path.join(SCHEMAS, 'incident-clocks.schema.json'), 'utf8'))
  const validate = new Ajv({ strict: false }).compile(schema)
  assert.ok(validate(json), JSON.stringify(validate.errors))
  return json as ClockShown[]
}

async function one(id: number, rule: string, basis = 'clock'): Promise<ClockShown> {
  const found = (await clocks(id, '?all=true')).find((clock) => clock.rule === rule && clock.basis === basis)
  assert.ok(found !== undefined, `${rule} ${basis}`)
  return found
}

const rowsOf = (id: number): string[] => records.incidentRows(id).map(({ kind }) => kind)

test('the first ten keys are those of the contract, and everybody who is reached is named with why', async () => {
  const id = await open()
  const found = await clocks(id)
  const keys = ['regime', 'to', 'trigger', 'startsAt', 'dueAt', 'state', 'rule', 'source', 'asOf', 'assumed']
  assert.deepEqual(Object.keys(found[0] as ClockShown).slice(0, 10), keys)
  // The stage has one person, who lives in Germany by the directory.
  const sa = found.find(({ rule }) => rule === 'eu-sa')
  assert.deepEqual([sa?.state, sa?.startsAt, sa?.dueAt], ['running', '2025-11-25T18:00:00.000Z', '2025-11-28T18:00:00.000Z'])
  assert.equal(sa?.dueLocal, '2025-11-28 19:00:00 +01:00')
  assert.deepEqual(sa?.residents, { known: 1, unknown: 0, directory: 1, server: 0, place: 0 })
  assert.ok(sa?.why.includes('1 person in the scope lives there (1 by the directory)'))
  assert.equal(sa?.review, 'not reviewed by counsel')
  assert.ok(!found.some(({ rule }) => rule === 'jp-prelim'))
  assert.match((await one(id, 'jp-prelim')).why.at(-1) ?? '', /nobody in the scope is known to live there/)
})

test('asking again, later, moves nothing and records nothing more; a corrected time moves the clock and both stand', async () => {
  const id = await open()
  const first = await one(id, 'eu-sa', 'first-warning')
  const rows = rowsOf(id)
  now += HOUR
  assert.deepEqual((await one(id, 'eu-sa', 'first-warning')).dueAt, first.dueAt)
  assert.deepEqual(rowsOf(id), rows)
  assert.equal((await post(`/${id}/times`, { told: '2025-11-24T18:00:00Z', reason: 'a shared box' })).status, 200)
  const moved = await one(id, 'eu-sa', 'first-warning')
  assert.equal(moved.dueAt, '2025-11-27T18:00:00.000Z')
  assert.deepEqual(
    moved.moved.map(({ dueAt }) => dueAt),
    ['2025-11-28T18:00:00.000Z'],
  )
  const shown = (await call('GET', `/${id}`)).json as IncidentShow
  assert.ok(shown.timeline.some(({ detail }) => detail.startsWith('clocks moved, since a time was corrected: ')))
})

test('a day without a time is its first moment at the place of awareness, and is said to be assumed', async () => {
  const id = await open({ told: '2025-11-25' })
  const sa = await one(id, 'eu-sa', 'first-warning')
  // 00:00 in India is 18:30 UTC of the day before.
  assert.equal(sa.startsAt, '2025-11-24T18:30:00.000Z')
  assert.ok(sa.assumed.includes('only the day of told is known: 00:00 in Asia/Kolkata'))
  assert.equal((await post(`/${id}/times`, { told: '2025-11-25T09:00:00Z' })).status, 200)
  const exact = await one(id, 'eu-sa', 'first-warning')
  assert.equal(exact.startsAt, '2025-11-25T09:00:00.000Z')
  assert.ok(!exact.assumed.some((text) => text.startsWith('only the day')))
})

test('events, assessments and filings are rows with a reason, and a sign-off lapses with the next', async () => {
  const id = await open()
  assert.equal(
    (await post(`/${id}/clock/mark`, { event: 'confirmed', at: '2025-11-25T18:30:00Z', reason: 'the data set came' })).status,
    200,
  )
  assert.equal((await one(id, 'eu-sa')).dueAt, '2025-11-28T18:30:00.000Z')
  assert.equal(
    (await post(`/${id}/clock/mark`, { event: 'confirmed', at: '2025-11-25T18:40:00Z', reason: 'again' })).code,
    'clock_recorded',
  )
  assert.equal(
    (await post(`/${id}/clock/mark`, { event: 'confirmed', at: '2025-11-25T18:40:00Z', correct: true, reason: 'it was later' })).status,
    200,
  )
  assert.equal((await one(id, 'eu-sa')).dueAt, '2025-11-28T18:40:00.000Z')
  assert.equal((await one(id, 'eu-ind')).state, 'needs_assessment')
  assert.equal(
    (await post(`/${id}/clock/assess`, { regime: 'eu-gdpr-33-34', rule: 'eu-ind', applies: true, reason: 'aimed phishing' })).status,
    200,
  )
  assert.equal((await one(id, 'eu-ind')).state, 'no_fixed_time')
  assert.equal((await post(`/${id}/clock/sign-off`, { as: 'counsel', name: 'A. Counsel', reason: 'looked at' })).status, 200)
  const signed = await one(id, 'eu-sa')
  assert.equal(signed.review, 'reviewed by counsel')
  assert.deepEqual([signed.signedOff?.name, signed.signedOff?.stands], ['A. Counsel', true])
  assert.equal((await post(`/${id}/clock/done`, { rule: 'eu-sa', at: '2025-11-25T19:30:00Z', reason: 'filed' })).status, 200)
  const done = await one(id, 'eu-sa')
  assert.deepEqual([done.state, done.doneAt], ['met', '2025-11-25T19:30:00.000Z'])
  assert.match(done.review, /^not reviewed by counsel: something was added/)
})

test('asked for the clocks, people are counted anew, whenever they were counted last', async () => {
  const id = await open()
  const before = await one(id, 'eu-sa', 'first-warning')
  assert.equal(before.residents.known + (before.residents.unknown ?? 0), 1)
  const { persons } = stage
  stage.persons = 3
  const after = await one(id, 'eu-sa', 'first-warning')
  stage.persons = persons
  assert.equal(after.residents.known + (after.residents.unknown ?? 0), 3)
})

test('kinds of data that only a statement names are counted for the clocks, without their names', async () => {
  const id = await open()
  const claims = { says: 'affected', file: 'mail.txt', fields: ['email', 'password', 'ssn'], reason: 'it came' }
  const reply = await fetch(`${staff.url}/v1/incidents/${id}/statements`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${CREDENTIAL}`,
      'content-type': 'application/octet-stream',
      [CLAIMS_HEADER]: Buffer.from(JSON.stringify(claims)).toString('base64url'),
    },
    body: 'words',
  })
  assert.equal(reply.status, 200, await reply.text())
  await clocks(id)
  const row = records.incidentRows(id).findLast(({ kind }) => kind === 'surveyed')
  assert.equal(JSON.parse(row?.body ?? '{}').otherFields, 2)
  assert.ok(!JSON.stringify(records.incidentRows(id).map(({ body }) => body)).includes('ssn'))
})

test('what is said is refused at the edge when it cannot be, and nothing is kept of it', async () => {
  const id = await open()
  await clocks(id)
  const rows = rowsOf(id)
  const refused: [string, object, string][] = [
    ['mark', { event: 'confirmed', at: '2035-01-01T00:00:00Z', reason: 'r' }, 'incident_invalid'],
    ['mark', { event: 'confirmed', at: '2025-02-30', reason: 'r' }, 'window_invalid'],
    ['mark', { event: 'confirmed', at: '2025-11-25T18:00:00', reason: 'r' }, 'window_invalid'],
    ['mark', { event: 'confirmed', at: '2025-11-25T18:00:00Z', reason: ' ' }, 'reason_required'],
    ['mark', { event: 'confirmed', at: '2025-11-25T18:00:00Z', reason: 'a\u202eb' }, 'incident_invalid'],
    ['mark', { event: 'invented', at: '2025-11-25T18:00:00Z', reason: 'r' }, 'bad_usage'],
    ['mark', { event: 'confirmed', at: '2025-11-25T18:00:00Z', reason: 'r', regime: '__proto__' }, 'rule_unknown'],
    ['assess', { regime: 'eu-gdpr-33-34', rule: 'jp-final', applies: true, reason: 'r' }, 'rule_unknown'],
    ['assess', { regime: 'eu-gdpr-33-34', applies: 'yes', reason: 'r' }, 'bad_usage'],
    ['done', { rule: 'eu-sa', at: '2020-01-01T00:00:00Z' }, 'incident_invalid'],
    ['mark', { event: 'determined', at: '2025-01-01', reason: 'r' }, 'incident_invalid'],
    ['done', { rule: 'no-rule', at: '2025-11-25T18:00:00Z' }, 'rule_unknown'],
    ['sign-off', { as: 'nobody', name: 'n', reason: 'r' }, 'bad_usage'],
    ['sign-off', { as: 'counsel', name: ' ', reason: 'r' }, 'incident_invalid'],
  ]
  for (const [verb, body, code] of refused) assert.equal((await post(`/${id}/clock/${verb}`, body)).code, code, JSON.stringify(body))
  assert.equal((await call('GET', '/99/clocks')).code, 'incident_unknown')
  assert.deepEqual(rowsOf(id), rows)
})

test('warnings come from the running program, each recorded once, and stand in the timeline', async () => {
  const id = await open()
  const { keeper } = stage.deps.clocks
  now = Date.parse('2025-11-25T18:30:00Z')
  await keeper.settle()
  for (const hours of [36, 37, 58, 73, 74]) {
    now = Date.parse('2025-11-25T18:00:00Z') + hours * HOUR
    await keeper.settle()
  }
  const sa = await one(id, 'eu-sa', 'first-warning')
  assert.deepEqual(
    sa.warnedAt.map(({ percent }) => percent),
    [50, 80, 100],
  )
  assert.equal(sa.state, 'overdue')
  const said = stage.traces.filter((text) => text.includes(`incident ${id}: the clock eu-sa`))
  assert.equal(said.length, 3)
  const shown = (await call('GET', `/${id}`)).json as IncidentShow
  assert.ok(shown.timeline.some(({ detail }) => detail === 'clocks warned: due: eu-sa (first-warning)'))
  assert.deepEqual(shown.report.rows.broken, [])
})

test('doctor names what is overdue, the report and `incident show` carry the clocks', async () => {
  const id = await open()
  await clocks(id)
  now += 200 * HOUR
  const headers = { authorization: `Bearer ${CREDENTIAL}` }
  const doctor = (await (await fetch(`${staff.url}/v1/doctor`, { headers })).json()) as {
    checks: { id: string; state: string; what: string }[]
  }
  const check = doctor.checks.find((each) => each.id === 'clocks')
  assert.equal(check?.state, 'warn')
  assert.match(check?.what ?? '', /overdue: .*incident \d+: eu-sa.*; people counted \d+ min ago$/)
  const shown = (await call('GET', `/${id}`)).json as IncidentShow
  assert.equal(shown.clocks.find(({ rule }) => rule === 'eu-sa')?.state, 'overdue')
  // Only who asks for the clocks has people counted anew; elsewhere their age is said.
  assert.equal(shown.clocks[0]?.countedAt, new Date(now - 200 * HOUR).toISOString())
  assert.equal((await clocks(id))[0]?.countedAt, new Date(now).toISOString())
  const { json } = await post(`/${id}/report`, { audience: 'regulator', zone: 'Europe/Dublin' })
  const { report, markdown } = json as {
    report: { clocks: { review: string; all: { rule: string; due: { local: string } | null }[] } }
    markdown: string
  }
  assert.equal(report.clocks.review, 'not reviewed by counsel')
  assert.equal(report.clocks.all.find(({ rule }) => rule === 'eu-sa')?.due?.local, '2025-11-28 18:00:00 GMT+00:00')
  assert.match(markdown, /## Legal clocks\n\nnot reviewed by counsel\./)
})

test('that people were notified is recorded once, by the earliest', async () => {
  const id = await open()
  const look = { actor: 'bulkhead', action: 'incident notify', reason: 'the first notice was accepted' }
  const { clocks: legal } = stage.deps
  await legal.peopleNotified(id, now - HOUR, look)
  await legal.peopleNotified(id, now, look)
  await legal.peopleNotified(id, now - 2 * HOUR, look)
  assert.equal(rowsOf(id).filter((kind) => kind === 'mark').length, 2)
  const { doneAt } = await one(id, 'eu-ind', 'first-warning')
  assert.equal(doneAt, new Date(now - 2 * HOUR).toISOString())
})

test('of two people one mail was refused: that person is not notified, and the clock of their law goes on', async () => {
  const { persons } = stage
  stage.persons = 2
  const id = await open()
  await clocks(id)
  const assessed = { regime: 'eu-gdpr-33-34', rule: 'eu-ind', applies: true, reason: 'aimed phishing' }
  assert.equal((await post(`/${id}/clock/assess`, assessed)).status, 200)
  const of = { incident: id, version: 1 }
  const row = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [], tag: 't' }
  records.addRecipients(
    of,
    1,
    [1, 2].map((person) => ({ ...row, person })),
    now,
  )
  const texts = {
    state: 'sending',
    way: 'smtp',
    dir: null,
    content: '{}',
    sha256: 's',
    madeBy: 'ann',
    approval: null,
    endedAt: null,
  } as const
  records.addNoticeVersion({ ...of, ...texts, id: 'v', scopeVersion: 1, noAddress: 0, erased: 0, madeAt: now, startedAt: now })
  const look = { actor: 'bulkhead', action: 'incident notify', reason: 'a test' }
  const { incidents, clocks: legal } = stage.deps
  const add = (kind: 'notice-begun' | 'notice-ended', body: object): Promise<unknown> => incidents.add(id, look, () => ({ kind, body }))
  await add('notice-begun', { version: 1, recipients: 2, noAddress: 0 })
  await legal.peopleNotified(id, now, look)
  records.changeRecipients(
    of,
    [
      { number: 1, state: 'sent' },
      { number: 2, state: 'failed', why: 'refused' },
    ],
    now,
  )
  await add('notice-ended', { version: 1, recipients: 2, sent: 1, filed: 0, skipped: 0, failed: 1, unknown: 0 })
  const refused = await one(id, 'eu-ind', 'first-warning')
  assert.deepEqual([refused.state, refused.doneAt], ['no_fixed_time', null])
  assert.equal(refused.why.at(-1), 'no notice reached 1 person known to live there: they are not notified')
  assert.match(refused.assumed.at(-1) ?? '', /For them: Art\. 34\(3\)\(c\) allows a public communication/)
  // Somebody who is told by the mail of another has been told.
  records.changeRecipients(of, [{ number: 2, state: 'skipped', why: 'same_address', joined: 1 }], now)
  assert.equal((await one(id, 'eu-ind', 'first-warning')).state, 'met')
  stage.persons = persons
})

test('clocks of a closed incident stand still: they are shown, and nothing is recorded', async () => {
  const id = await open()
  await clocks(id)
  assert.equal((await post(`/${id}/close`, { reason: 'over' })).status, 200)
  const rows = rowsOf(id)
  now += 400 * HOUR
  await stage.deps.clocks.keeper.settle()
  assert.equal((await clocks(id)).length > 0, true)
  assert.equal((await post(`/${id}/clock/mark`, { event: 'determined', at: '2025-11-25T18:00:00Z', reason: 'r' })).code, 'incident_closed')
  assert.deepEqual(rowsOf(id), rows)
  const named = clockFacts(stage.deps).closed.filter((text) => text.startsWith(`incident ${id}: `))
  assert.ok(named.length > 0, '`doctor` names what was not met')
})

test('a ledger that cannot be asked stops no clock', async () => {
  const persons = stage.persons
  stage.persons = 5000
  const id = await open()
  for (let round = 0; round < 4; round++) await stage.deps.clocks.keeper.settle()
  const sa = await one(id, 'eu-sa', 'first-warning')
  assert.notEqual(sa.recordedAt, null)
  assert.ok(sa.assumed.includes('the ledger could not be asked who is in the scope: taken to reach it'))
  stage.persons = persons
  assert.deepEqual((await one(id, 'eu-sa', 'first-warning')).dueAt, sa.dueAt)
})

test('a signal gets a triage time; an incident that is opened from it takes its time as our awareness', async () => {
  const { url } = staff
  const headers = { authorization: `Bearer ${CREDENTIAL}`, 'content-type': 'application/json' }
  const signal = async (route: string, body?: object): Promise<{ status: number; json: Record<string, unknown> }> => {
    const reply = await fetch(`${url}/v1/signals${route}`, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) })
    return { status: reply.status, json: (await reply.json()) as Record<string, unknown> }
  }
  now = Date.parse('2025-11-25T19:00:00Z')
  const what = 'mail to an alias that nobody but the vendor had'
  const { json: first } = await signal('', { source: 'alias-mail', at: '2025-11-25T10:00:00Z', what })
  const { json: second } = await signal('', { source: 'canary', at: '2025-11-25', what: 'a canary was written to' })
  assert.deepEqual([first.id, second.id], [1, 2])
  for (const [body, code] of [
    [{ source: 'alias-mail', at: '2035-01-01T00:00:00Z', what }, 'incident_invalid'],
    [{ source: 'nowhere', at: '2025-11-25T10:00:00Z', what }, 'bad_usage'],
    [{ source: 'canary', at: '2025-11-25T10:00:00Z', what: ' ' }, 'incident_invalid'],
    [{ source: 'canary', at: '2025-11-25T10:00:00Z', what: 'a\u202eb' }, 'incident_invalid'],
  ] as const) {
    assert.equal(((await signal('', body)).json.error as { code: string }).code, code)
  }
  const { json: wrong } = await signal('', { source: 'nowhere', at: '2025-11-25T10:00:00Z', what })
  assert.match(
    (wrong.error as { message: string }).message,
    /source must be equal to one of the allowed values: alias-mail, canary, bypass, vendor, press, person, staff$/,
  )
  now += 5 * HOUR
  const findings = async (): Promise<string | undefined> => {
    const doctor = (await (await fetch(`${url}/v1/doctor`, { headers })).json()) as { checks: { id: string; what: string }[] }
    return doctor.checks.find(({ id }) => id === 'signals')?.what
  }
  // They were recorded by the system's clock, which is later than that of the test.
  now = Date.now() + 5 * HOUR
  assert.match((await findings()) ?? '', /^2 wait for a triage: 1 \(5 h\), 2 \(5 h\)/)
  assert.equal((await signal('/2/triage', { decision: 'dismissed', reason: 'our own test' })).status, 200)
  assert.equal(((await signal('/9/triage', { decision: 'dismissed', reason: 'r' })).json.error as { code: string }).code, 'signal_unknown')
  assert.equal(
    ((await signal('/1/triage', { decision: 'incident', incident: 999, reason: 'r' })).json.error as { code: string }).code,
    'incident_unknown',
  )
  const id = await open({ signal: 1 })
  const shown = (await call('GET', `/${id}`)).json as IncidentShow
  assert.deepEqual([shown.times.aware, shown.report.source], ['2025-11-25T10:00:00.000Z', 'signal'])
  assert.equal((await one(id, 'eu-sa')).dueAt, '2025-11-28T10:00:00.000Z')
  assert.equal(await findings(), undefined)
  const list = (await signal('')).json as { signals: { id: number; what: string; decision: string; triage: { incident: number }[] }[] }
  assert.deepEqual(
    list.signals.map(({ decision, triage }) => [decision, triage.at(-1)?.incident]),
    [
      ['incident', id],
      ['dismissed', null],
    ],
  )
  assert.equal(list.signals[0]?.what, what)
  assert.equal(await open({ signal: 99 }).catch(() => 'refused'), 'refused')
})
