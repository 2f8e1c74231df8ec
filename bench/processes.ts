/** Child processes of a measurement, and what the system says of their cost. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Clock ticks of /proc/PID/stat a second: 100 on every Linux that Node runs on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100

export interface BenchChild {
  process: ChildProcess
  port: number
}

/** Starts a script of this folder that prints its port first. */
export function startChild(script: string, args: readonly string[] = []): Promise<BenchChild> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`${script} ended with ${code}`)))
    child.stdout?.setEncoding('utf8').once('data', (text: string) => resolve({ process: child, port: Number(text.trim()) }))
  })
}

export async function endChild(child: Pick<BenchChild, 'process'>): Promise<void> {
  const ended = new Promise((resolve) => child.process.once('exit', resolve))
  child.process.removeAllListeners('exit').once('exit', () => undefined)
  child.process.kill('SIGTERM')
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2000))])
}

/** CPU seconds that a process has used, user and system; 0 when it is gone. proc(5), fields 14 and 15. */
export function cpuSeconds(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    // Ended, or no Linux.
    return 0
  }
}

/** The same of several processes together. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

/** Largest resident size so far, MB; 0 when unknown. proc(5), VmHWM. */
export function peakMegabytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    // Ended, or no Linux.
    return 0
  }
}
