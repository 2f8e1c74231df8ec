/** A mail server that is set up wrongly, on the real program: nobody is given up, it is said what to do, and then all are told. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { NotifyResult } from '#api/notice-contract.ts'
import { waitUntil } from '#drill/program.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { noticesConfig, testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { startMailServer } from './support/mail-server.ts'
import { assertSchema } from './support/schemas.ts'
import { startVendor } from './support/vendor.ts'

test('a server that relays for nobody makes nobody fail, and who failed can be sent to again', { timeout: 600_000 }, async (t) => {
  const folder = makeFolder(t)
  const mail = await startMailServer(t, path.join(folder, 'mail'), { refusedWord: 'refused' })
  const vendor = await startVendor(t)
  const smtp = `  smtp: {host: localhost, port: ${mail.port}, tls: none}\n`
  const more = noticesConfig(0).replace('approvals:', `${smtp}approvals:`)
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'], more })
  const program = await startBulkhead(t, { folder, config, env: vendorEnvironment })
  const run = async (...args: string[]): Promise<{ code: number; answer: NotifyResult; stderr: string }> => {
    const { code, stdout, stderr } = await program.cli(['incident', 'notify', '1', ...args, '--json'])
    const answer = lastJson<NotifyResult>(stdout)
    assertSchema('incident-notify', answer)
    return { code, answer, stderr }
  }
  const ids = Array.from({ length: 6 }, (_, n) => `u-${n}`)
  const addresses = ids.map((id, n) => (n === 4 ? 'refused@pulp.example' : `${id}@pulp.example`))
  writeFileSync(path.join(folder, 'users.csv'), `id,email\n${ids.map((id, n) => `${id},${addresses[n]}`).join('\n')}\n`)
  await program.cli(['directory', 'import', path.join(folder, 'users.csv'), '--reason', 'who they are'])
  const events = ids.map((id) => ({ event: 'Opened', properties: { distinct_id: id, n: 1 } }))
  assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events))
  await waitUntil('the vendor has all of them', () => vendor.loot().length >= ids.length)
  await program.cli(['incident', 'open', '--vendor', 'mixpanel', '--told', '2025-11-25T18:00:00Z'])
  await run('--propose', '--reason', 'they have to know')

  writeFileSync(path.join(mail.folder, 'closed'), '')
  const refused = await run('--send')
  assert.equal(refused.code, 1)
  assert.deepEqual([refused.answer.state, refused.answer.waiting, refused.answer.failed], ['sending', ids.length, 0])
  assert.equal(refused.answer.fault?.code, 'notice_server_refuses')
  assert.match(refused.stderr, /554 5\.7\.1 “… Relay access denied”/)
  assert.doesNotMatch(refused.stderr, /pulp/)

  rmSync(path.join(mail.folder, 'closed'))
  const sent = await run('--send')
  assert.equal(sent.code, 0, sent.stderr)
  assert.deepEqual([sent.answer.state, sent.answer.sent, sent.answer.failed, sent.answer.fault], ['done', 5, 1, null])
  // It means that one: it fails again, and nobody else is mailed again.
  const again = await run('--send', '--resend-failed', '--reason', 'the mailbox was said to be there by now')
  assert.deepEqual([again.code, again.answer.state, again.answer.sent, again.answer.failed], [0, 'done', 5, 1])
  assert.equal(new Set(mail.taken().map(({ to }) => to)).size, mail.taken().length)
})
