/** Builds `shim.c` with the system's compiler and tells processes to load it; the control file is changed while they run. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { markRecord } from './recording.ts'

const source = path.join(import.meta.dirname, 'shim.c')

export interface Shim {
  /** Environment of a process that is to run above it. */
  env: Record<string, string>
  /** Milliseconds that every flush takes longer from now on. */
  slowFlushes(ms: number): void
  /** Moves the time of day by so much against the machine's. */
  moveClock(ms: number): void
}

export interface RecordingShim extends Shim {
  /** Path of the recording. */
  file: string
  /** Writes down that the outside world knows something now, at its place in the order of all changes. */
  mark(what: object): void
}

export function buildShim(t: TestContext): Shim {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-shim-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const library = path.join(folder, 'shim.so')
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-o', library, source, '-ldl'], { stdio: 'pipe' })
  const control = path.join(folder, 'control')
  const state = Buffer.alloc(16)
  writeFileSync(control, state)
  const change = (): void => {
    const handle = openSync(control, 'r+')
    writeSync(handle, state, 0, state.length, 0)
    closeSync(handle)
  }
  return {
    env: { LD_PRELOAD: library, BULKHEAD_SHIM_CONTROL: control },
    slowFlushes: (ms) => {
      state.writeInt32LE(ms, 8)
      change()
    },
    moveClock: (ms) => {
      state.writeBigInt64LE(BigInt(ms), 0)
      change()
    },
  }
}

/** Records every change below `root`, which is empty. */
export function recordingShim(t: TestContext, root: string, file: string): RecordingShim {
  const shim = buildShim(t)
  writeFileSync(file, '')
  const handle = openSync(file, 'a')
  t.after(() => closeSync(handle))
  return {
    ...shim,
    env: { ...shim.env, BULKHEAD_SHIM_ROOT: `${root}/`, BULKHEAD_SHIM_RECORD: file },
    file,
    mark: (what) => {
      writeSync(handle, markRecord(what))
    },
  }
}
