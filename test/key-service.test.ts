/** A key service that cannot be reached, at a start and while everything runs: nothing is acknowledged that cannot be sealed. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { freePorts, waitUntil } from '#drill/program.ts'
import { startTransit, TRANSIT_TOKEN } from '#vault/testing-transit.ts'
import { launchBulkhead, lastJson } from './support/bulkhead.ts'
import { testConfig, TOKENS } from './support/config.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'

test('a start waits for the key service, and what runs does not need it', { timeout: 600_000 }, async (t) => {
  const [port = 0] = await freePorts(1)
  const more = `keys: { transit: { url: "http://127.0.0.1:${port}", key: bulkhead, token: "\${TEST_TRANSIT_TOKEN}" } }\n`
  const env = { TEST_TRANSIT_TOKEN: TRANSIT_TOKEN }
  const program = await launchBulkhead(t, { config: testConfig({ events: ['Opened'], more }), env })
  const post = (id: string): Promise<string> =>
    postEvents(program.gatewayUrl, TOKENS.server, [{ event: 'Opened', properties: { distinct_id: id, $insert_id: id } }]).then(
      ({ status, body }) => `${status} ${body}`,
      () => 'no answer',
    )
  const said = (): number => program.output().stderr.split('key_service_unavailable').length - 1
  await waitUntil('it says what it waits for', () => said() > 0)
  assert.equal(await post('too-early'), 'no answer', 'nothing is taken')
  const transit = await startTransit(port)
  t.after(() => transit.close())
  await program.waitReady()
  assert.equal(await post('first'), '200 1')
  assert.ok(!existsSync(path.join(program.keysDir, 'kek')))

  transit.away = 503
  assert.equal(await post('second'), '200 1', 'it is not needed for what runs')
  const before = said()
  program.kill('vault')
  await waitUntil('the vault waits for it', () => said() > before)
  assert.notEqual(await post('new-person'), '200 1', 'nobody new is acknowledged while nobody can seal')
  transit.away = undefined
  await waitUntil('all goes on by itself', async () => (await post('new-person')) === '200 1')
  const shown = await program.cli(['keys', 'show', '--json'])
  assertSchema('keys-show', lastJson(shown.stdout))
  const rotated = await program.cli(['keys', 'rotate', 'root', '--reason', 'test', '--json'])
  assertSchema('keys-rotate', lastJson(rotated.stdout))
  assert.deepEqual(transit.complaints, [])
})
