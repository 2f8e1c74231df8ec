import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { mixpanel } from '#protocols/mixpanel/mixpanel.ts'
import { encodeRecord } from '#protocols/mixpanel/testing.ts'
import { readCloudStore, startMixpanelCloud } from './mixpanel-cloud.ts'
import type { CloudOptions, MixpanelCloud } from './mixpanel-cloud.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'mixpanel-cloud-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const ACCOUNT: CloudOptions = {
  projectId: '77',
  token: 'tk',
  credentials: { kind: 'serviceAccount', user: 'u', secret: 's', projectId: '77' },
  now: () => 1_800_000_000_000,
}
const LOGIN = `Basic ${Buffer.from('u:s').toString('base64')}`

function event(insertId: string, more: Record<string, unknown> = {}): unknown {
  return { event: 'Opened', properties: { token: 'tk', time: 1_700_000_000_000, distinct_id: 'p', $insert_id: insertId, ip: 0, ...more } }
}

async function withCloud(run: (cloud: MixpanelCloud) => Promise<void>, options: Partial<CloudOptions> = {}): Promise<void> {
  const cloud = await startMixpanelCloud({ ...ACCOUNT, ...options })
  try {
    await run(cloud)
  } finally {
    await cloud.close()
  }
}

interface Answer {
  status: number
  body: string
  retryAfter: string | null
}

async function post(
  cloud: { url: string },
  target: string,
  records: unknown,
  headers: Record<string, string> = { authorization: LOGIN },
): Promise<Answer> {
  const response = await fetch(`${cloud.url}${target}`, { method: 'POST', headers, body: JSON.stringify(records) })
  return { status: response.status, body: await response.text(), retryAfter: response.headers.get('retry-after') }
}

const IMPORT = '/import?strict=1&ip=0&project_id=77'

test('what our encoder sends is taken; login, repeats and bad records are judged as the vendor would', () =>
  withCloud(async (cloud) => {
    const account = {
      url: cloud.url,
      token: 'tk',
      credentials: { kind: 'serviceAccount', user: 'u', secret: 's', projectId: '77' },
    } as const
    const nobody = { user: undefined, device: undefined, linked: [], groups: [], op: undefined, fields: [], values: [], unset: [] }
    const encoded = encodeRecord(
      mixpanel.egress,
      { ...nobody, type: 'event', name: 'Opened', time: 1_700_000_000_000, insertId: 'i-0', user: 'p' },
      account,
    )
    const sent = mixpanel.egress.request('/import', Buffer.from(encoded ?? ''), account)
    const response = await fetch(sent.url, {
      method: 'POST',
      headers: { ...sent.headers, authorization: sent.authorization ?? '' },
      body: sent.body,
    })
    assert.equal(await response.text(), '{"code":200,"num_records_imported":1,"status":"OK"}')
    assert.deepEqual(cloud.schemaErrors(), [])

    assert.equal((await post(cloud, IMPORT, [event('i-1')], {})).status, 401)
    assert.equal((await post(cloud, '/import?strict=1&project_id=78', [event('i-1')])).status, 401)
    const mixed = await post(cloud, IMPORT, [
      event('i-2'),
      event('i-3', { time: 5e12 }),
      event('i-2'),
      event('i 4'),
      event('i-5', { distinct_id: 'null' }),
    ])
    assert.equal(mixed.status, 400)
    const parsed = mixpanel.egress.classify('/import', 400, mixed.body, 5)
    assert.deepEqual(parsed, {
      kind: 'accepted',
      refused: [
        { index: 1, reason: 'invalid_time' },
        { index: 3, reason: 'invalid_insert_id' },
        { index: 4, reason: 'invalid_distinct_id' },
      ],
    })
    const rows = cloud.loot().filter((row) => row.request === 4)
    assert.deepEqual(
      rows.map((row) => [row.accepted, row.duplicate]),
      [
        [true, false],
        [false, false],
        [true, true],
        [false, false],
        [false, false],
      ],
    )
    // Refused for its login, and received all the same.
    assert.deepEqual(
      cloud
        .loot()
        .filter((row) => row.request === 2)
        .map((row) => row.accepted),
      [false],
    )
    assert.equal(cloud.schemaErrors().length, 1)
    assert.ok(cloud.requests().every((request) => request.headers['authorization'] !== LOGIN))

    const gzipped = await fetch(`${cloud.url}${IMPORT}`, {
      method: 'POST',
      headers: { authorization: LOGIN, 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify([event('i-6')])),
    })
    assert.equal(gzipped.status, 200)
  }))

test('profiles are routed by token: a strange one is answered well and not kept', () =>
  withCloud(async (cloud) => {
    const update = { $token: 'tk', $distinct_id: 'p', $ip: '0', $set: { a: 1 } }
    assert.equal((await post(cloud, '/engage?verbose=1', [update], {})).body, '{"error":null,"status":1}')
    assert.equal((await post(cloud, '/engage', [{ ...update, $token: 'other' }], {})).body, '1')
    assert.equal((await post(cloud, '/groups', [{ $token: 'tk', $group_key: 'company', $group_id: 'g', $set: { a: 1 } }], {})).body, '1')
    assert.equal((await post(cloud, '/track', { event: 'e', properties: { token: 'tk' } }, {})).body, '1')
    assert.equal((await post(cloud, '/elsewhere', [], {})).status, 404)
    assert.deepEqual(
      cloud.loot().map((row) => [row.route, row.accepted]),
      [
        ['/engage', true],
        ['/engage', false],
        ['/groups', true],
        ['/track', true],
      ],
    )
  }))

test('ordered faults: status, partial refusal, reset, hang; what arrived is in the loot whatever was answered', () =>
  withCloud(async (cloud) => {
    cloud.faults.push({ kind: 'status', status: 429, retryAfter: '3' })
    cloud.faults.push({ kind: 'status', status: 500, keeps: true })
    cloud.faults.push({ kind: 'partial', indexes: [1], naming: '$insert_id' })
    cloud.faults.push({ kind: 'reset', when: 'stored' })
    cloud.faults.push({ kind: 'reset', when: 'body' })
    cloud.faults.push({ kind: 'reset', when: 'headers' })
    const limited = await post(cloud, IMPORT, [event('a')])
    assert.deepEqual([limited.status, limited.retryAfter], [429, '3'])
    assert.equal((await post(cloud, IMPORT, [event('a')])).status, 500)
    const partial = await post(cloud, IMPORT, [event('a'), event('b')])
    assert.deepEqual(mixpanel.egress.classify('/import', partial.status, partial.body, 2, { insertIds: ['a', 'b'] }), {
      kind: 'accepted',
      refused: [{ index: 1, reason: 'invalid_record' }],
    })
    for (const id of ['c', 'd', 'e']) await assert.rejects(post(cloud, IMPORT, [event(id)]))
    assert.deepEqual(
      cloud.loot().map((row) => [row.request, row.accepted, row.duplicate]),
      [
        [1, false, false],
        [2, true, false],
        [3, true, true],
        [3, false, false],
        [4, true, false],
      ],
    )
    assert.deepEqual(
      cloud.requests().map((request) => request.status),
      [429, 500, 400, 0, 0, 0],
    )

    cloud.faults.push({ kind: 'hang' })
    const waiting = post(cloud, IMPORT, [event('f')])
    while (cloud.faults.hung === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(cloud.loot().at(-1)?.accepted, true)
    cloud.faults.release()
    assert.equal((await waiting).status, 200)
  }))

test('a request that never became whole is on record with the time of its first byte', () =>
  withCloud(async (cloud) => {
    let expected = 0
    for (const head of ['POST /imp', `POST ${IMPORT} HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n[{"event"`]) {
      const socket = net.connect(cloud.port, '127.0.0.1')
      socket.on('error', () => {})
      await new Promise<void>((resolve) => socket.write(head, () => resolve()))
      await new Promise((resolve) => setTimeout(resolve, 30))
      socket.destroy()
      expected++
      while (cloud.requests().length < expected) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const seen = cloud.requests()
    assert.deepEqual(
      seen.map((request) => [request.route, request.complete, request.at]),
      [
        ['?', false, 1_800_000_000_000],
        ['/import', false, 1_800_000_000_000],
      ],
    )
    assert.deepEqual(cloud.loot(), [])
  }))

test('a cloud in its own process keeps what it got past its own death', async () => {
  const store = path.join(folder, 'loot.ndjson')
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      path.join(import.meta.dirname, 'mixpanel-cloud-main.ts'),
      '--store',
      store,
      '--with-parent',
      '--token',
      'tk',
      '--project',
      '77',
      '--user',
      'u',
      '--secret',
      's',
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())))
    const cloud = JSON.parse(line) as { url: string }
    assert.equal((await post(cloud, IMPORT, [event('a'), event('b')])).status, 200)
    assert.equal((await post(cloud, '/control/faults', { fault: { kind: 'status', status: 503 } }, {})).status, 200)
    assert.equal((await post(cloud, IMPORT, [event('c', { time: 1.5 })])).status, 503)
    const requests = (await (await fetch(`${cloud.url}/control/requests`)).json()) as unknown[]
    assert.equal(requests.length, 2)
  } finally {
    child.kill('SIGKILL')
    await exited
  }
  const kept = readCloudStore(store)
  assert.deepEqual(
    kept.loot.map((row) => row.accepted),
    [true, true, false],
  )
  assert.deepEqual(
    kept.requests.map((request) => request.status),
    [200, 503],
  )
  assert.equal(kept.schemaErrors.length, 1)
})
