/** Data and keys as an earlier program left them (`test/released`), unpacked into a folder of the test. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Written } from './sample.ts'
import type { StoreFacts } from './stores.ts'

const folder = path.join(import.meta.dirname, '..', 'released')

export interface Released extends Written {
  /** When it was written, UTC ms. */
  at: number
  stores: StoreFacts
}

export function releasedNames(): string[] {
  return readdirSync(folder).flatMap((file) => (file.endsWith('.tar.gz') ? [file.slice(0, -'.tar.gz'.length)] : []))
}

export function readReleased(name: string): Released {
  return JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as Released
}

/** Makes `data` and `keys` below `target`. */
export function unpackReleased(name: string, target: string): { dataDir: string; keysDir: string } {
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', path.join(folder, `${name}.tar.gz`), '--no-same-owner', '-C', target])
  return { dataDir: path.join(target, 'data'), keysDir: path.join(target, 'keys') }
}

/** All copies are one instance, of which a machine runs one at a time: each test gets a runtime folder of its own. */
export function ownRuntime(target: string): { XDG_RUNTIME_DIR: string } {
  const folder = path.join(target, 'run')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return { XDG_RUNTIME_DIR: folder }
}
