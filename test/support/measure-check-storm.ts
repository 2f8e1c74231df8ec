/**
 * What a storm on the check page costs SDKs: answers to `/track` at a steady pace, in calm and beside bodies that come a byte at a time,
 * mails made to be slow, and many small questions. `node bin/bulkhead.mjs --run test/support/measure-check-storm.ts [SECONDS]`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { type Program, startProgram } from '#drill/program.ts'

const SECONDS = Number(process.argv[2] ?? 15)
const PER_SECOND = 100
const LORIS = 150
const FLOODS = 6
const CONFIG = `sources: [{ id: web, protocol: mixpanel, token: tok, trust: server }]
gateway: { trustProxy: ["127.0.0.1/32"] }
notices:
  company: Nimbus Notes
  officialDomain: nimbusnotes.com
  checkUrl: https://nimbusnotes.com/check
  contact: { team: Privacy team, mail: privacy@nimbusnotes.com }
  from: { name: Nimbus Notes security, address: security@nimbusnotes.com }
`
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Milliseconds of each answer. */
async function pace(program: Program, count: number): Promise<{ times: number[]; failed: number }> {
  const times: number[] = []
  let failed = 0
  const begunAt = performance.now()
  const open: Promise<void>[] = []
  for (let index = 0; index < count; index++) {
    const dueAt = begunAt + (index * 1000) / PER_SECOND
    if (dueAt > performance.now()) await systemClock.sleep(dueAt - performance.now())
    open.push(track(program, index, dueAt).then((ms) => void (ms === undefined ? failed++ : times.push(ms))))
  }
  await Promise.all(open)
  return { times: times.sort((a, b) => a - b), failed }
}

async function track(program: Program, index: number, dueAt: number): Promise<number | undefined> {
  const event = {
    event: 'Opened',
    properties: { token: 'tok', distinct_id: `p${index % 500}`, $insert_id: `i${dueAt}`, time: Math.floor(Date.now() / 1000) },
  }
  const body = JSON.stringify([event])
  const response = await fetch(`${program.gatewayUrl}/track`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  await response.arrayBuffer()
  return response.ok ? performance.now() - dueAt : undefined
}

function loris(port: number, stop: AbortSignal): void {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: 2000000\r\n\r\n`)
  const timer = setInterval(() => socket.write('a'), 1000)
  stop.addEventListener('abort', () => {
    clearInterval(timer)
    socket.destroy()
  })
}

async function flood(program: Program, stop: AbortSignal, statuses: Map<number, number>, first: number): Promise<void> {
  const page = `${'<div>'.repeat(35)}${'<b>x</b> y <i>z</i> '.repeat(9000)}`
  const slow = `From: a@b.net\r\nTo: v@x.net\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n${page}${' '.repeat(1_700_000)}`
  for (let turn = 0; !stop.aborted; turn++) {
    const form = new FormData()
    form.append('address', 'v@x.net')
    if (turn % 2 === 0) form.append('mail', new Blob([slow]))
    else form.append('code', 'BH-7K2QD-00000-11111-22222-33333')
    const headers = { 'x-forwarded-for': `20.${first}.${turn % 250}.7`, accept: 'application/json' }
    const response = await fetch(`${program.gatewayUrl}/check`, { method: 'POST', body: form, headers })
    await response.arrayBuffer()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
  }
}

function say(name: string, { times, failed }: { times: number[]; failed: number }): void {
  const at = (share: number): string => (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(1)
  print(`${name}: ${times.length} answers, ${failed} failed, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`)
}

const folder = mkdtempSync(path.join(tmpdir(), 'bulkhead-storm-'))
const program = await startProgram({ config: CONFIG, folder })
try {
  await program.waitReady()
  await pace(program, PER_SECOND * 3)
  say('calm', await pace(program, PER_SECOND * SECONDS))
  const stop = new AbortController()
  const statuses = new Map<number, number>()
  const port = Number(new URL(program.gatewayUrl).port)
  for (let index = 0; index < LORIS; index++) loris(port, stop.signal)
  const floods = Array.from({ length: FLOODS }, (_, index) => flood(program, stop.signal, statuses, index + 1))
  say('storm', await pace(program, PER_SECOND * SECONDS))
  stop.abort()
  await Promise.all(floods)
  print(`beside it ${LORIS} bodies a byte a second, and questions by status: ${JSON.stringify(Object.fromEntries(statuses))}`)
} finally {
  await program.stop()
  rmSync(folder, { recursive: true, force: true })
}
