/**
 * Notices as they are sent: addresses are opened in a vault of its own process, each mail is made, signed and handed over by SMTP, and
 * what becomes of it is durable before and after. Beside it, in the same run, a bare pool of nodemailer with as many connections, the
 * same mails and the same signature, that keeps nothing. One half of its mails goes before ours and one after.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type BenchChild, cpuSecondsOf, endChild, peakMegabytes, startChild } from './processes.ts'
import type { Table } from './table.ts'

const CONNECTIONS = 4
/** What is not sent by then is not: the figure is of what was. */
const LIMIT_MS = 20_000
const LIMIT_MS_A_NOTICE = 4

interface Sink {
  mails: number
  bytes: number
  signed: number
}

interface Measured {
  sent: number
  seconds: number
  cpu: number
  sinkCpu: number
  bytes: number
}

export async function benchNotices(table: Table, folder: string, notices: number): Promise<void> {
  const place = path.join(folder, 'notices')
  mkdirSync(place, { recursive: true })
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  writeFileSync(path.join(place, 'dkim.pem'), key.export({ type: 'pkcs8', format: 'pem' }))
  const children: ChildProcess[] = []
  const start = async (role: string, number: number): Promise<ChildProcess> => {
    const child = await startSender([role, place, String(number), String(CONNECTIONS)])
    children.push(child)
    return child
  }
  const sink = await startChild('mail-sink.ts')
  try {
    const vault = await start('vault', notices)
    const desk = await start('desk', sink.port)
    const bare = await start('bare', sink.port)
    const limitMs = Math.max(LIMIT_MS, notices * LIMIT_MS_A_NOTICE)
    const half = { limitMs: limitMs / 2, count: Math.ceil(notices / 2) }
    const before = await measure([bare], sink, half)
    const ours = await measure([desk, vault], sink, { limitMs })
    const after = await measure([bare], sink, half)
    show(table, ours, together(before, after), { desk, vault, bare })
  } finally {
    // By a signal that lets them write their profiles.
    await Promise.all([...children.map((child) => ({ process: child })), sink].map(endChild))
  }
}

function show(table: Table, ours: Measured, peer: Measured, { desk, vault, bare }: Record<'desk' | 'vault' | 'bare', ChildProcess>): void {
  const name = `bare nodemailer pool, ${CONNECTIONS} connections`
  const rates = [ours.sent / ours.seconds, peer.sent / peer.seconds] as const
  const costs = [(ours.cpu / ours.sent) * 100_000, (peer.cpu / peer.sent) * 100_000] as const
  const sizes = [ours.bytes / ours.sent, peer.bytes / peer.sent] as const
  if (Math.abs(sizes[0] / sizes[1] - 1) > 0.02)
    throw new Error(`mails of ${sizes[0].toFixed(0)} bytes beside mails of ${sizes[1].toFixed(0)}`)
  const server = `the mail server used ${share(ours.sinkCpu, ours)} and ${share(peer.sinkCpu, peer)} of a processor`
  table.row({
    what: `${ours.sent.toLocaleString('en')} notices by SMTP, DKIM, ${CONNECTIONS} connections, states durable`,
    id: 'notices_sent',
    figure: rates[0],
    unit: 'mails/s',
    ratio: rates[0] / rates[1],
    peer: name,
    note: `${rates[1].toFixed(0)} mails/s; mails of ${(sizes[0] / 1000).toFixed(1)} kB; ${server}`,
  })
  table.row({
    what: 'notices: CPU of staff and vault',
    id: 'notices_cpu',
    figure: costs[0],
    unit: 's per 100,000',
    ratio: costs[0] / costs[1],
    peer: name,
    note: `busy for ${share(ours.cpu, ours)} of a processor, the pool for ${share(peer.cpu, peer)}`,
  })
  const megabytes = (child: ChildProcess): number => peakMegabytes(child.pid ?? 0)
  table.row({
    what: 'notices: peak memory of staff',
    id: 'notices_memory',
    figure: megabytes(desk),
    unit: 'MB',
    ratio: megabytes(desk) / megabytes(bare),
    peer: name,
    note: `vault ${megabytes(vault).toFixed(0)} MB`,
  })
}

function share(cpu: number, { seconds }: Measured): string {
  return `${((cpu / seconds) * 100).toFixed(0)} %`
}

function together(one: Measured, other: Measured): Measured {
  const sum = (field: keyof Measured): number => one[field] + other[field]
  return { sent: sum('sent'), seconds: sum('seconds'), cpu: sum('cpu'), sinkCpu: sum('sinkCpu'), bytes: sum('bytes') }
}

/** The first of the processes is told to go on, and says how many it has sent; the server has to have counted as many. */
async function measure(processes: readonly ChildProcess[], sink: BenchChild, task: { limitMs: number; count?: number }): Promise<Measured> {
  const pids = processes.map(({ pid }) => pid ?? 0)
  const sinkPids = [sink.process.pid ?? 0]
  const sinkBefore = await ask<Sink>(sink.process, 'count')
  const cpuBefore = [cpuSecondsOf(pids), cpuSecondsOf(sinkPids)] as const
  const startedAt = performance.now()
  const { sent } = await ask<{ sent: number }>(processes[0] as ChildProcess, task)
  const seconds = (performance.now() - startedAt) / 1000
  const cpu = cpuSecondsOf(pids) - cpuBefore[0]
  const sinkCpu = cpuSecondsOf(sinkPids) - cpuBefore[1]
  const sinkAfter = await ask<Sink>(sink.process, 'count')
  const taken = sinkAfter.mails - sinkBefore.mails
  if (sent === 0 || taken !== sent) throw new Error(`${sent} mails were sent and ${taken} taken`)
  if (sinkAfter.signed - sinkBefore.signed !== sent) throw new Error('mails without a signature were taken')
  return { sent, seconds, cpu, sinkCpu, bytes: sinkAfter.bytes - sinkBefore.bytes }
}

function ask<Answer>(child: ChildProcess, task: object | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onEnd = (code: number | null): void => reject(new Error(`a process of the measurement ended with ${code}`))
    child.once('exit', onEnd)
    child.once('message', (answer) => {
      child.removeListener('exit', onEnd)
      resolve(answer as Answer)
    })
    child.send(task)
  })
}

function startSender(args: readonly string[]): Promise<ChildProcess> {
  const profile = process.env.BULKHEAD_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BULKHEAD_PROFILE}`] : []
  const script = path.join(import.meta.dirname, 'notice-senders.ts')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...profile, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    const onEnd = (code: number | null): void => reject(new Error(`${args[0]} ended with ${code}`))
    child.once('exit', onEnd)
    child.once('message', () => {
      child.removeListener('exit', onEnd)
      resolve(child)
    })
  })
}
