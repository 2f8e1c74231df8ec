/** Durable accept: our gateway with everything behind it against the bare server, alternating in one run. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type Program, startProgram } from '#drill/program.ts'
import { makeRequests } from './events.ts'
import { introducePeople, type LoadResult, runLoad } from './load.ts'
import { endChild, startChild } from './processes.ts'
import type { Table } from './table.ts'

const SHAPES: [events: number, connections: number][] = [
  [50, 16],
  [2000, 4],
  [1, 32],
]

export async function benchAccept(table: Table, folder: string, seconds: number): Promise<void> {
  mkdirSync(path.join(folder, 'bare'), { recursive: true })
  const bare = await startChild('bare-server.ts', [path.join(folder, 'bare')])
  let program: Program | undefined
  try {
    program = await startProgram({ folder: path.join(folder, 'accept') })
    await introducePeople(program.port)
    for (const [events, connections] of SHAPES) {
      const ours = await twice(program.port, events, connections, seconds)
      const peer = await twice(bare.port, events, connections, seconds)
      for (const [name, result] of [
        ['gateway', ours],
        ['bare server', peer],
      ] as const) {
        table.row({
          what: `accept ${events.toLocaleString('en')}-event requests, ${connections} connections: ${name}`,
          figure: result.events / result.seconds,
          unit: 'events/s',
          ...(name === 'gateway' ? { ratio: result.events / result.seconds / (peer.events / peer.seconds), peer: 'bare server' } : {}),
          note: `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms${failuresOf(result)}`,
        })
      }
    }
  } finally {
    await program?.stop('SIGTERM', 10_000)
    await endChild(bare)
  }
}

function failuresOf(result: LoadResult): string {
  return result.failures > 0 ? `, ${result.failures} FAILED` : ''
}

/** The better of two runs: on a shared machine the worse one measures the neighbours. */
async function twice(port: number, events: number, connections: number, seconds: number): Promise<LoadResult> {
  const make = makeRequests(events)
  const first = await runLoad({ port, connections, seconds: seconds / 2, make })
  const second = await runLoad({ port, connections, seconds: seconds / 2, make })
  return first.events / first.seconds > second.events / second.seconds ? first : second
}
