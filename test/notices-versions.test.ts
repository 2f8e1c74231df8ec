/** More than one version of an incident's notices on the real program: a newer one makes nobody of an older one forgotten. */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { NotifyResult } from '#api/notice-contract.ts'
import { delay, waitUntil } from '#drill/program.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { noticesConfig, testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { startVendor } from './support/vendor.ts'

const DELAY_HOURS = 0.0003
const CONFIG = noticesConfig(DELAY_HOURS)

test('a version in the sealed outbox goes with the next one, and one that was stopped is taken over by it', {
  timeout: 600_000,
}, async (t) => {
  const folder = makeFolder(t)
  const vendor = await startVendor(t)
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'], more: CONFIG })
  const program = await startBulkhead(t, { folder, config, env: vendorEnvironment })
  const ask = async <T>(...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    return lastJson<T>(result.stdout)
  }
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await program.cli([...args, '--json'])
    assert.equal(code, 1, args.join(' '))
    return (JSON.parse(stderr.trim().split('\n').at(-1) as string) as { error: { code: string } }).error.code
  }
  const addUser = async (line: string): Promise<void> => {
    writeFileSync(path.join(folder, 'users.csv'), `id,email\n${line}\n`)
    await ask('directory', 'import', path.join(folder, 'users.csv'), '--reason', 'an address')
  }
  const list = async (): Promise<unknown[]> =>
    (await ask<{ notices: NotifyResult[] }>('incident', 'notice', 'list', '1')).notices.map((each) => [
      each.state,
      each.filed,
      each.waiting,
    ])
  const counts = (): Promise<void> => delay(DELAY_HOURS * 3_600_000 + 1500)
  const propose = ['incident', 'notify', '1', '--propose', '--reason', 'they are told'] as const
  const send = ['incident', 'notify', '1', '--send'] as const

  await addUser('u-1,mia@pulp.example')
  const events = ['u-1', 'u-2', 'u-3', 'u-4'].map((id) => ({ event: 'Opened', properties: { distinct_id: id, n: 1 } }))
  assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events))
  await waitUntil('the vendor has all of them', () => vendor.loot().length >= events.length)
  await ask('incident', 'open', '--vendor', 'mixpanel', '--told', '2025-11-25T18:00:00Z')
  await ask(...propose)
  await counts()
  await ask(...send)
  await addUser('u-2,vincent@pulp.example')
  await ask(...propose)
  await counts()
  assert.deepEqual(await list(), [
    ['sending', 0, 1],
    ['proposed', 0, 1],
  ])
  const outbox = path.join(folder, 'outbox')
  await ask(...send, '--outbox', outbox)
  assert.deepEqual(await list(), [
    ['done', 1, 0],
    ['done', 1, 0],
  ])

  await addUser('u-3,jules@pulp.example')
  await ask(...propose)
  await counts()
  await ask(...send)
  await ask('incident', 'notice', 'stop', '1', '--reason', 'the words are wrong')
  await addUser('u-4,butch@pulp.example')
  assert.equal(await refused(...propose), 'notice_stopped')
  assert.equal(await refused(...send), 'notice_stopped')
  const proposed = await ask<NotifyResult>(...propose, '--continue')
  assert.deepEqual([proposed.version, proposed.recipients], [4, 2])
  await counts()
  await ask(...send, '--outbox', outbox)
  assert.deepEqual((await list()).slice(2), [
    ['stopped', 0, 0],
    ['done', 2, 0],
  ])
  assert.equal(readdirSync(path.join(outbox, 'new')).length, 4)
})
