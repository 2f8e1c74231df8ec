/**
 * Test support: a warehouse in a process of its own, as in production, since the engine cannot be torn down and real kills
 * are what the tests are about. The child ends with its parent.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EngineLimits } from '#warehouse/engine.ts'
import { serveWarehouse } from '#warehouse/server.ts'

const TOKENS = { worker: 'worker-token', staff: 'staff-token' }

export interface WarehouseProcess {
  path: string
  tokens: typeof TOKENS
  child: ChildProcess
  /** SIGKILL, then waits for the end: what the role does after `close()`, and what a crash looks like. */
  kill(): Promise<void>
}

/** `folder` gets `warehouse/`, `spool/` and the socket. `analytics`: bounds of the analysts' session that a test can reach. */
export async function startWarehouse(folder: string, analytics: Partial<EngineLimits> = {}): Promise<WarehouseProcess> {
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), folder, JSON.stringify(analytics)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      if (String(bytes).includes('ready')) resolve()
      else reject(new Error(String(bytes)))
    })
    void ended.then(() => reject(new Error('the warehouse process ended before it was ready')))
  })
  return {
    path: path.join(folder, 'w.sock'),
    tokens: TOKENS,
    child,
    kill: () => {
      child.kill('SIGKILL')
      return ended
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] as string
  process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).resume()
  const server = await serveWarehouse({
    dir: path.join(folder, 'warehouse'),
    path: path.join(folder, 'w.sock'),
    tokens: TOKENS,
    spoolDir: path.join(folder, 'spool'),
    analytics: JSON.parse(process.argv[3] as string) as Partial<EngineLimits>,
  }).catch((error: unknown) => {
    process.stdout.write(`failed ${error instanceof Error ? `${(error as { code?: string }).code} ${error.message}` : ''}`)
    process.kill(process.pid, 'SIGKILL')
    throw error
  })
  process.once('SIGTERM', () => void server.close().then(() => process.kill(process.pid, 'SIGKILL')))
  process.stdout.write('ready\n')
}
