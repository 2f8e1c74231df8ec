/**
 * `node bin/bulkhead.mjs --run test/released/from-commit.ts COMMIT`: an earlier commit's own program, in a work tree of its own,
 * takes load and is killed in the middle of it; the program of this checkout then opens what it left, and every event that was
 * acknowledged has to be in the warehouse and at the vendor. Prints what it found; exits 1 when something is missing.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startMixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { delay, type Program, startProgram, waitUntil } from '#drill/program.ts'
import { killAll } from '#test/support/bulkhead.ts'
import { LOGIN, testConfig, TOKENS, vendorEnvironment } from '#test/support/config.ts'
import { eventCounts } from '#test/support/counts.ts'
import { NUMBERED, startLoad } from '#test/support/numbered.ts'
import { eventsOf } from '#test/support/vendor.ts'

const LOAD_MS = 8000
const [commit = ''] = process.argv.slice(2)
const root = path.join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-from-commit-'))
const tree = path.join(folder, 'tree')
const git = (...args: string[]): void => void execFileSync('git', ['-C', root, ...args], { stdio: 'ignore' })
const vendor = await startMixpanelCloud({
  token: TOKENS.vendor,
  projectId: LOGIN.projectId,
  credentials: { kind: 'serviceAccount', ...LOGIN },
})
const config = testConfig({ vendorUrl: vendor.url, ...NUMBERED })
let program: Program | undefined
let isGood = false
try {
  git('worktree', 'add', '--detach', tree, commit)
  symlinkSync(path.join(root, 'node_modules'), path.join(tree, 'node_modules'))
  const launcher = path.join(tree, 'bin', 'bulkhead.mjs')
  const place = { folder: path.join(folder, 'run'), config, env: vendorEnvironment, readyMs: 180_000 }
  const earlier = await startProgram({ ...place, launcher })
  program = earlier
  const load = startLoad({ gatewayUrl: earlier.gatewayUrl, token: TOKENS.server, people: 50, lanes: 3, batch: 10, pauseMs: 10 })
  await delay(LOAD_MS)
  await killAll(earlier.processes())
  await load.stop(0)
  await earlier.ended
  const present = await startProgram(place)
  program = present
  const acknowledged = [...load.acknowledged]
  const atVendor = (): Set<number> => new Set(eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n)))
  await waitUntil('each is at the vendor', () => acknowledged.every((n) => atVendor().has(n)), 120_000, 500)
  await waitUntil('each is in the warehouse', async () => (await eventCounts(present)).warehouse >= acknowledged.length, 120_000, 500)
  const doctor = await present.cli(['doctor'])
  isGood = doctor.code === 0 && (await present.stop()) === 0
  process.stdout.write(`${acknowledged.length} events acknowledged by ${commit}, all there${isGood ? '' : `, but:\n${doctor.stdout}`}\n`)
} finally {
  await killAll(program?.processes() ?? [])
  await vendor.close()
  git('worktree', 'remove', '--force', tree)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(isGood ? 0 : 1)
