/**
 * Seeded simulation in CI: 1,000 short runs, and the proof that a seed is a run. Long campaigns are run by hand
 * (`npm run sim`), and what the simulation is able to find is shown by `npm run sim -- --mutations`.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'

const SEEDS = Number(process.env.SEEDS ?? 1000)
const LANES = 2
const SCRIPT = path.join(import.meta.dirname, 'campaign.ts')

test('a seed is a run: the same twice gives the same trace, another gives another', async () => {
  const options = ['--from', '15', '--seeds', '8', '--hashes']
  const [first, second] = await Promise.all([runCampaign(options), runCampaign(options)])
  const hashes = first.output.split('\n').filter((line) => line.includes(' steps') && line.startsWith('seed '))
  assert.equal(new Set(hashes.map((line) => line.split(' ')[2])).size, 8, first.output)
  assert.deepEqual(
    second.output.split('\n').filter((line) => line.startsWith('seed ')),
    hashes,
  )
})

test(`the laws hold in ${SEEDS} simulated runs`, { timeout: 14 * 60_000 }, async (t) => {
  const each = Math.ceil(SEEDS / LANES)
  const lanes = Array.from({ length: LANES }, (_, lane) => runCampaign(['--from', String(1 + lane * each), '--seeds', String(each)]))
  for (const { output, code } of await Promise.all(lanes)) {
    t.diagnostic(output.trimEnd().split('\n').at(-1) ?? '')
    assert.equal(code, 0, output)
  }
})

function runCampaign(options: readonly string[]): Promise<{ output: string; code: number }> {
  return new Promise((resolve) => {
    const command = ['--disable-warning=ExperimentalWarning', SCRIPT, ...options]
    execFile(process.execPath, command, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ output: `${stdout}${stderr}`, code: error === null ? 0 : 1 })
    })
  })
}
