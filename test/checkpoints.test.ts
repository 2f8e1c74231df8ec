/**
 * Checkpoints held elsewhere, with the real program: a repository and a folder get them by themselves, `doctor` sees them, and
 * a ledger that does not go on from them is named.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { Doctor, WhoResult } from '#api/contract.ts'
import type { LedgerCheckpoint, LedgerVerify } from '#api/ledger-contract.ts'
import type { StatementCheck } from '#api/statement-contract.ts'
import { waitUntil } from '#drill/program.ts'
import type { Statement } from '#ledger/statement.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { startVendor } from './support/vendor.ts'

const notesIn = (folder: string): string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))

test('checkpoints leave by themselves, and doctor tells who holds which', async (t) => {
  const vendor = await startVendor(t)
  const outside = makeFolder(t)
  const [repository, folder] = [path.join(outside, 'repository.git'), path.join(outside, 'mount')]
  execFileSync('git', ['init', '--quiet', '--bare', repository])
  mkdirSync(folder)
  const more = `ledger:
  checkpoints:
    - { id: repository, kind: git, remote: ${repository} }
    - { id: mount, kind: folder, path: ${folder} }
`
  const config = testConfig({ vendorUrl: vendor.url, events: ['Bought'], properties: ['amount'], more })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  const send = (amount: number) =>
    postEvents(program.gatewayUrl, TOKENS.server, [{ event: 'Bought', properties: { distinct_id: 'ada', amount, time: Date.now() } }])
  await send(1)
  await waitUntil('the folder has a checkpoint', () => readdirSync(folder).length > 0)
  const doctor = async (): Promise<Doctor['checks']> => lastJson<Doctor>((await program.cli(['doctor', '--json'])).stdout).checks
  await waitUntil('both hold one', async () => {
    const places = (await doctor()).filter(({ id }) => id.startsWith('checkpoint'))
    return places.length === 3 && places.every(({ state }) => state === 'ok')
  })
  const asked = await program.cli(['who', 'ada', '--statement', path.join(outside, 'statement.json'), '--reason', 'Ada asked', '--json'])
  assert.equal(asked.code, 0, asked.stderr)
  const text = readFileSync(path.join(outside, 'statement.json'), 'utf8')
  const statement = JSON.parse(text) as Statement
  assert.deepEqual(statement, lastJson(asked.stdout))
  assertSchema('who-statement', statement)
  assert.deepEqual(
    statement.disclosures.map(({ proof, recipient }) => [proof === null, recipient.address]),
    [[false, vendor.url]],
  )
  assert.equal(statement.checkpoint?.size, 2)
  const who = lastJson<WhoResult>((await program.cli(['who', 'ada', '--reason', 'test', '--json'])).stdout)
  assert.deepEqual(who.checked.checkpoint, { size: 2, root: statement.checkpoint?.root })
  const sent = await program.cli(['ledger', 'checkpoint', '--send', '--json'])
  const checkpoint = lastJson<LedgerCheckpoint>(sent.stdout)
  assertSchema('ledger-checkpoint', checkpoint)
  assert.deepEqual(
    [sent.code, checkpoint.places?.map(({ id, state, size }) => `${id} ${state} ${size}`)],
    [0, ['repository held 2', 'mount held 2']],
  )
  assert.equal(execFileSync('git', ['-C', repository, 'show', 'main:checkpoint'], { encoding: 'utf8' }), notesIn(folder).at(-1))
  // From the file and the key alone.
  writeFileSync(path.join(outside, 'key'), checkpoint.key ?? '')
  const verify = async (file: string) =>
    program.cli(['ledger', 'verify', '--statement', path.join(outside, file), '--key', path.join(outside, 'key'), '--json'])
  writeFileSync(path.join(outside, 'changed.json'), text.replace('"possible"', '"delivered"').replace('"events": 1', '"events": 2'))
  const [whole, changed] = [await verify('statement.json'), await verify('changed.json')]
  assertSchema('ledger-verify-statement', lastJson(whole.stdout))
  assert.deepEqual([whole.code, lastJson<StatementCheck>(whole.stdout).proved, changed.code], [0, 1, 1])
  // While nothing runs, the same is known from the files.
  await program.stop()
  assert.equal((await doctor()).find(({ id }) => id === 'checkpoints')?.state, 'ok')
  const stopped = lastJson<LedgerVerify>((await program.cli(['ledger', 'verify', '--json'])).stdout)
  assert.deepEqual([stopped.ok, stopped.notChecked, stopped.totals?.length], [true, [], 1])
})
