/**
 * Seeded simulation in CI: a few thousand short runs, and the proof that a seed is a run. Long campaigns are run by hand
 * (`npm run sim`), and what the simulation is able to find is shown by `npm run sim -- --mutations`.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { simulate } from './simulate.ts'

const SEEDS = Number(process.env.SEEDS ?? 2000)
const LANES = 2
const SCRIPT = path.join(import.meta.dirname, 'campaign.ts')

test('a seed is a run: the same twice gives the same trace, another gives another', async () => {
  const hashes = new Set<string>()
  for (const seed of [3, 15, 77, 394, 501]) {
    const first = await simulate(seed)
    const second = await simulate(seed)
    assert.equal(second.traceHash, first.traceHash, `seed ${seed} ran two ways`)
    assert.equal(second.steps, first.steps)
    hashes.add(first.traceHash)
  }
  assert.equal(hashes.size, 5)
})

test(`the laws hold in ${SEEDS} simulated runs`, { timeout: 10 * 60_000 }, async (t) => {
  const each = Math.ceil(SEEDS / LANES)
  const lanes = Array.from({ length: LANES }, (_, lane) => runLane(1 + lane * each, each))
  for (const { output, code } of await Promise.all(lanes)) {
    t.diagnostic(output.trimEnd().split('\n').at(-1) ?? '')
    assert.equal(code, 0, output)
  }
})

function runLane(from: number, seeds: number): Promise<{ output: string; code: number }> {
  const options = ['--disable-warning=ExperimentalWarning', SCRIPT, '--from', String(from), '--seeds', String(seeds)]
  return new Promise((resolve) => {
    execFile(process.execPath, options, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ output: `${stdout}${stderr}`, code: error === null ? 0 : 1 })
    })
  })
}
