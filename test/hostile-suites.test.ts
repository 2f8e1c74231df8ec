/**
 * Collected hostile input over raw sockets against the real program: each request gets one answer or a closed connection,
 * never two; nothing dies or hangs; what is in the log afterwards is what was acknowledged and nothing else; and nothing
 * that was sent shows in a metric, an error or a diagnostic.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import test from 'node:test'
import { openLogReader } from '#log/log-reader.ts'
import type { LogReader } from '#log/port.ts'
import type { Program } from '#drill/program.ts'
import { startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS } from './support/config.ts'
import { postEvents, send } from './support/gateway-client.ts'
import { type HostileSuites, OWN, readSuites, SUITES_FOLDER } from './support/hostile-suites.ts'
import { startPlanting } from './support/planted.ts'
import { eachOf, exchangeBytes, readAnswers } from './support/raw-http.ts'
import { scanBytes } from './support/search.ts'

const LANES = 24

/** Numbers of the events that were acknowledged, and of those that were not. */
class Told {
  next = 1
  readonly kept = new Set<number>()
  readonly refused = new Set<number>()

  number(): number {
    return this.next++
  }
}

function requestOf(body: string | Buffer, head = ''): Buffer {
  const bytes = Buffer.from(body as string)
  const start = `POST /track?verbose=1 HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Type: application/json\r\n`
  return Buffer.concat([Buffer.from(`${start}${head}Content-Length: ${bytes.length}\r\n\r\n`), bytes])
}

/** One request, one answer; notes under its number whether it was taken. */
async function sendOne(program: Program, told: Told, n: number, request: Buffer, name: string): Promise<boolean> {
  const { text, hung } = await exchangeBytes(program.port, request)
  assert.ok(!hung, `${name}: no answer and no end`)
  const answers = readAnswers(text)
  assert.equal(answers?.length, 1, `${name}: one answer: ${JSON.stringify(text.slice(0, 300))}`)
  const { status, body, head } = answers[0]!
  assert.doesNotMatch(head, /set-cookie/i, name)
  const taken = status === 200 && (JSON.parse(body) as { status: number }).status === 1
  ;(taken ? told.kept : told.refused).add(n)
  return taken
}

function eventOf(n: number, properties: Record<string, unknown> = {}, name = 'Numbered'): Record<string, unknown> {
  return { event: name, properties: { ...properties, token: TOKENS.browser, n } }
}

async function sendSuites(program: Program, told: Told, suites: HostileSuites, headers: () => string): Promise<void> {
  await eachOf(suites.json, LANES, async ({ name, bytes, isJson }) => {
    const whole = told.number()
    await sendOne(program, told, whole, requestOf(bytes, headers()), `${name} as a body`)
    assert.ok(told.refused.has(whole) || told.kept.has(whole))
    // None of these bodies names a token, so none may be kept, whatever the answer said.
    told.kept.delete(whole)
    const n = told.number()
    const start = `[{"event":"Numbered","properties":{"token":"${TOKENS.browser}","n":${n},"value":`
    const taken = await sendOne(
      program,
      told,
      n,
      requestOf(Buffer.concat([Buffer.from(start), bytes, Buffer.from('}}]')]), headers()),
      name,
    )
    if (isJson === false) assert.ok(!taken, `${name}: no JSON, and yet taken`)
    if (isJson === true) assert.ok(taken, `${name}: JSON, and not taken`)
  })
  await eachOf(suites.strings, LANES, async (value) => {
    const places = [
      eventOf(told.number(), {}, value === '' ? 'Empty' : value),
      eventOf(told.number(), { distinct_id: value, $device_id: value, $user_id: value }),
      eventOf(told.number(), { [value]: value, nested: { [value]: [value] }, company: value, $insert_id: `${told.next}${value}` }),
      eventOf(told.number(), { $current_url: value, $referrer: value, $os: value, $browser: value, time: value, ip: value }),
    ]
    for (const record of places) {
      const { n } = record.properties as { n: number }
      await sendOne(program, told, n, requestOf(JSON.stringify(record), headers()), `string ${JSON.stringify(value.slice(0, 60))}`)
    }
  })
  await eachOf(suites.prototypes, LANES, async (json) => {
    const n = told.number()
    const inner = /^\s*\{/.test(json) ? json.trim().slice(1, -1).trim() : `"text":${JSON.stringify(json)}`
    const rest = inner === '' ? '' : `,${inner}`
    await sendOne(
      program,
      told,
      n,
      requestOf(`[{"event":"Numbered","properties":{"token":"${TOKENS.browser}","n":${n}${rest}}}]`, headers()),
      json,
    )
    const bare = told.number()
    await sendOne(program, told, bare, requestOf(json, headers()), json)
    told.kept.delete(bare)
  })
  await eachOf(suites.paths, LANES, async (injected) => {
    for (const target of [injected, `/track${injected}`, `/track?callback=${injected}`, `/track/?data=${injected}&verbose=1`]) {
      const { text, hung } = await exchangeBytes(
        program.port,
        Buffer.from(`GET ${target} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`),
      )
      assert.ok(!hung, target)
      assert.equal(readAnswers(text)?.length, 1, `${target}: one answer`)
      assert.doesNotMatch(text.slice(0, text.indexOf('\r\n\r\n')), /set-cookie/i, target)
    }
  })
  await eachOf(suites.http, LANES, async ({ name, bytes, requests }) => {
    const { text, hung } = await exchangeBytes(program.port, bytes)
    // A request that never becomes whole is told so when its time is over; nothing else may be silent and open.
    const answers = readAnswers(text)
    assert.ok(answers !== undefined, `${name}: ${JSON.stringify(text.slice(0, 300))}`)
    assert.ok(answers.length <= requests, `${name}: ${answers.length} answers to ${requests} requests`)
    assert.ok(!hung || answers.length > 0, `${name}: no answer and no end`)
  })
}

/** An event as a request of its own, hidden where a front and a back server would disagree about where a request ends. */
async function smuggle(program: Program, told: Told): Promise<void> {
  const hidden = (n: number): string => {
    const body = JSON.stringify(eventOf(n))
    return `POST /track HTTP/1.1\r\nHost: gw\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  }
  const wraps: ((inner: string) => string)[] = [
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\nabcd${inner}`,
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na${inner}`,
    (inner) => `GET /track HTTP/1.1\r\nHost: gw\r\nX: a\rY: b\r\n\r\n${inner}`,
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n${inner}`,
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    (inner) => `OPTIONS /track HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n{}${inner}`,
    (inner) => `POST /track HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}${inner}`,
  ]
  await eachOf(wraps, LANES, async (wrap) => {
    const n = told.number()
    const { text } = await exchangeBytes(program.port, Buffer.from(wrap(hidden(n))))
    const answers = readAnswers(text) ?? []
    assert.ok(answers.length >= 1 && answers.length <= 2, JSON.stringify(text.slice(0, 300)))
    const taken = answers.length === 2 && answers[1]!.status === 200 && answers[1]!.body === '1'
    ;(taken ? told.kept : told.refused).add(n)
  })
}

test('hostile suites on a raw socket', { timeout: 10 * 60_000 }, async (t) => {
  const collected = readSuites()
  if (collected === undefined)
    process.stdout.write(`not run: the collected suites (no folder ${SUITES_FOLDER}; BULKHEAD_TESTDATA names another)\n`)
  const planted = startPlanting()
  const config = testConfig({
    more: 'store: {events: {approved: [Numbered]}, properties: {approved: [n]}}\ngateway: {trustProxy: ["127.0.0.1/32"]}\n',
  })
  const program = await startBulkhead(t, { config })
  const pids = program.processes().map(({ pid }) => pid)
  const told = new Told()
  // Each request from a network of its own: this is about bytes, quotas have a test of their own.
  let from = 0
  const headers = (): string => {
    from++
    const network = `X-Forwarded-For: 203.${(from >> 8) & 255}.${from & 255}.7`
    return `${network}\r\nUser-Agent: ${planted.word()}\r\nCookie: s=${planted.word()}\r\nX-Odd: ${planted.email()}\r\n`
  }
  const suites: HostileSuites[] = collected === undefined ? [OWN] : [OWN, collected]
  for (const one of suites) {
    await sendSuites(program, told, one, headers)
    assert.equal((await send(`${program.gatewayUrl}/healthz`)).status, 200)
  }
  await smuggle(program, told)
  // What an error could quote: names, ids and tokens of people in requests that are refused.
  for (const body of [
    `[{"event":"${planted.name()}",${planted.email()}`,
    JSON.stringify([{ event: planted.name(), properties: { token: planted.word() } }]),
  ])
    await exchangeBytes(program.port, requestOf(body, headers()))
  const last = told.number()
  assert.equal((await postEvents(program.gatewayUrl, TOKENS.browser, [{ event: 'Numbered', properties: { n: last } }])).body, '1')
  told.kept.add(last)

  const outputs: [string, string][] = [['/metrics', (await send(`${program.consoleUrl}/metrics`)).body]]
  const doctor = await program.cli(['doctor', '--json'])
  outputs.push(['doctor', doctor.stdout + doctor.stderr])
  assert.deepEqual(
    program.processes().map(({ pid }) => pid),
    pids,
    'no process died',
  )
  assert.equal(await program.stop(), 0)
  outputs.push(['stdout', program.output().stdout], ['stderr', program.output().stderr])
  const hits = outputs.flatMap(([where, text]) => scanBytes(planted.patterns(), where, Buffer.from(text)))
  assert.deepEqual(
    hits.map(({ where, label }) => `${label} in ${where}`),
    [],
    'nothing that was sent is told',
  )

  const reader = openLogReader({ dir: path.join(program.dataDir, 'log') })
  const found: number[] = []
  // What is loaded goes with its folder when a day has ended meanwhile.
  let first = 1
  while (first <= reader.head() && !isThere(reader, first)) first++
  for (let from = first; from <= reader.head(); ) {
    const entries = reader.read(from, { entries: 500, bytes: 1 << 24 })
    for (const { records } of entries) for (const { properties } of records) if (typeof properties?.n === 'number') found.push(properties.n)
    from = (entries.at(-1)?.seq ?? reader.head()) + 1
  }
  reader.close()
  t.diagnostic(
    `${told.next - 1} numbered requests, ${told.kept.size} taken, ${told.refused.size} refused; ${planted.count()} values planted`,
  )
  assert.equal(new Set(found).size, found.length, 'nothing is kept twice')
  const kept = [...told.kept].sort((a, b) => a - b)
  if (first === 1)
    assert.deepEqual(
      found.sort((a, b) => a - b),
      kept,
      'the log holds what was acknowledged',
    )
  else
    assert.ok(
      found.every((n) => told.kept.has(n)),
      'the log holds nothing that was not acknowledged',
    )
  assert.ok(told.kept.size > 10 && told.refused.size > 10)
})

function isThere(reader: LogReader, seq: number): boolean {
  try {
    reader.read(seq, { entries: 1, bytes: 1 })
    return true
  } catch {
    // Its folder is gone.
    return false
  }
}
