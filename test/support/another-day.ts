/**
 * Runs tests as if it were another day, `INSTANT WORD…`: none may go red because time has passed. Every process sees that day, but those of
 * the suites that load the shim themselves (`clock`, `power-cut`, `slow-disk`).
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { buildShim } from './power/shim.ts'

const [instant = '', ...words] = process.argv.slice(2)
const movedMs = Date.parse(instant) - Date.now()
if (Number.isNaN(movedMs)) throw new Error('usage: another-day.ts INSTANT WORD…')
const ends: (() => void)[] = []
const shim = buildShim({ after: (end: () => void) => void ends.push(end) } as TestContext)
shim.moveClock(movedMs)
const launcher = path.join(import.meta.dirname, '..', '..', 'bin', 'bulkhead.mjs')
const { status } = spawnSync(process.execPath, [launcher, '--run', 'tools/test.ts', ...words], {
  stdio: 'inherit',
  env: { ...process.env, ...shim.env },
})
for (const end of ends) end()
process.exitCode = status ?? 1
