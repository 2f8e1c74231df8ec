/** The real program for a test: a folder of its own, stopped and removed when the test ends, and nothing left running. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { isSameProcess } from '#base/processes.ts'
import { launchProgram, type ProcessRef, type Program, type ProgramOptions, startProgram } from '#drill/program.ts'

export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Starts and waits for /healthz 200. */
export async function startBulkhead(t: TestContext, options: Partial<ProgramOptions> = {}): Promise<Program> {
  const folder = options.folder ?? makeFolder(t)
  const program = await startProgram({ ...options, folder })
  t.after(() => endProgram(program))
  return program
}

/** Starts without waiting: for starts that are meant to fail. */
export async function launchBulkhead(t: TestContext, options: Partial<ProgramOptions> = {}): Promise<Program> {
  const folder = options.folder ?? makeFolder(t)
  const program = await launchProgram({ ...options, folder })
  t.after(() => endProgram(program))
  return program
}

async function endProgram(program: Program): Promise<void> {
  const left = program.processes()
  await program.stop('SIGTERM', 60_000)
  await killAll(left)
}

/** Kills processes that a failed test left behind, each only while it is still the one that was seen. */
export async function killAll(processes: readonly ProcessRef[]): Promise<void> {
  for (const one of processes) {
    if (!isSameProcess(one.pid, one.startTime)) continue
    try {
      process.kill(one.pid, 'SIGKILL')
    } catch {
      // It ended by itself in between.
    }
  }
}

export function alive(processes: readonly ProcessRef[]): ProcessRef[] {
  return processes.filter((one) => isSameProcess(one.pid, one.startTime))
}

/** The last JSON object that a command printed. */
export function lastJson<T>(stdout: string): T {
  const lines = stdout.trimEnd().split('\n')
  for (let at = lines.length - 1; at >= 0; at--) {
    if (!/^[{[]/.test(lines[at] as string)) continue
    try {
      return JSON.parse(lines.slice(at).join('\n')) as T
    } catch {
      // An inner line of a printed object; go up to where it begins.
    }
  }
  throw new Error(`no JSON in: ${stdout.slice(0, 500)}`)
}
