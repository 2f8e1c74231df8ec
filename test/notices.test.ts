/**
 * Notices reach the right people once, on the real program and a real mail server in a process of its own, with kills in between.
 * `NOTICES` (people), `KILLS` and `SEED` make it a campaign; the seed is printed.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import type { NoticeListResult, NotifyResult } from '#api/notice-contract.ts'
import { delay, type Program, waitUntil } from '#drill/program.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { type MailServer, startMailServer } from './support/mail-server.ts'
import { randomFrom } from './support/random.ts'
import { startVendor } from './support/vendor.ts'

const NOTICES = Number(process.env.NOTICES ?? 2000)
const KILLS = Number(process.env.KILLS ?? 3)
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const CONNECTIONS = 4
const EVENTS_A_POST = 200

function addressOf(number: number): string {
  return number % 100 === 99 ? `refused${number}@example.org` : `p${number}@example.org`
}

function noticesConfig(port: number): string {
  return `notices:
  company: Example Ltd
  officialDomain: company.example
  checkUrl: https://company.example/check
  contact: {team: Privacy team, mail: privacy@company.example}
  from: {name: Example security, address: security@company.example}
  smtp: {host: localhost, port: ${port}, tls: none, connections: ${CONNECTIONS}, perSecond: 10000}
  dkim: {domain: company.example, selector: n1, keyFile: dkim.pem}
approvals: {singleOperatorDelayHours: 0}
`
}

interface World {
  program: Program
  mail: MailServer
  ask<T>(...args: string[]): Promise<T>
}

async function makeWorld(t: TestContext, people: number, faults: object): Promise<World> {
  const folder = makeFolder(t)
  const mail = await startMailServer(t, path.join(folder, 'mail'), faults)
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  writeFileSync(path.join(folder, 'dkim.pem'), key.export({ type: 'pkcs8', format: 'pem' }))
  const vendor = await startVendor(t)
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'], more: noticesConfig(mail.port) })
  const program = await startBulkhead(t, { folder, config, env: vendorEnvironment })
  const rows = Array.from({ length: people }, (_, n) => `u-${n},${addressOf(n)},Person ${n},${n % 3 === 0 ? 'hi-IN' : 'en'}`)
  writeFileSync(path.join(folder, 'users.csv'), `id,email,name,language\n${rows.join('\n')}\n`)
  const ask = async <T>(...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    return lastJson<T>(result.stdout)
  }
  await ask('directory', 'import', path.join(folder, 'users.csv'), '--reason', 'who they are')
  for (let start = 0; start < people; start += EVENTS_A_POST) {
    const count = Math.min(EVENTS_A_POST, people - start)
    const events = Array.from({ length: count }, (_, n) => ({ event: 'Opened', properties: { distinct_id: `u-${start + n}`, n: 1 } }))
    assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events))
  }
  await waitUntil('the vendor has all of them', () => vendor.loot().length >= people, 60_000 + people * 10, 200)
  return { program, mail, ask }
}

test('nobody is told twice and nobody is forgotten, whatever is killed', { timeout: 240_000 + NOTICES * 40 }, async (t) => {
  process.stdout.write(`NOTICES=${NOTICES} KILLS=${KILLS} SEED=${SEED}\n`)
  const random = randomFrom(SEED)
  const lost = NOTICES >= 50_000 ? 0.0005 : 0.002
  const faults = { seed: SEED, lost, cut: lost, deferred: 0.01, refusedWord: 'refused', slow: 0.01, slowMs: 200, keep: 3 }
  const { program, mail, ask } = await makeWorld(t, NOTICES, faults)
  const opened = await ask<{ id: number }>('incident', 'open', '--vendor', 'mixpanel', '--told', '2025-11-25T18:00:00Z')
  const id = String(opened.id)
  const dry = await ask<NotifyResult>('incident', 'notify', id, '--dry-run')
  assert.deepEqual([dry.version, dry.recipients, dry.sent, dry.noTrustedAddress, dry.state], [1, NOTICES, 0, 0, 'draft'])
  const proposed = await ask<NotifyResult>('incident', 'notify', id, '--propose', '--reason', 'they have to know')
  assert.equal(proposed.state, 'proposed')
  const begunAt = Date.now()
  await ask<NotifyResult>('incident', 'notify', id, '--send', '--no-wait')
  const list = async (): Promise<NoticeListResult['notices'][number]> => {
    const { notices } = await ask<NoticeListResult>('incident', 'notice', 'list', id)
    return notices[0] as NoticeListResult['notices'][number]
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const at = Math.floor(((kill + 0.2 + 0.6 * random()) / KILLS) * NOTICES * 0.95)
    await waitUntil(`${at} mails were taken`, () => mail.count() >= at, 60_000 + NOTICES * 30, 20)
    await delay(random() * 50)
    if (kill % 2 === 0) assert.ok(program.kill('staff'))
    else {
      assert.ok(program.kill('supervisor'))
      await program.ended
      program.launch()
    }
    await program.waitReady(120_000)
  }
  await waitUntil('nothing waits any more', async () => (await list()).state === 'done', 120_000 + NOTICES * 30, 500)
  const took = (Date.now() - begunAt) / 1000
  const end = await list()
  const figures = JSON.stringify({ ...end, open: end.open.length })
  process.stdout.write(`${NOTICES} notices in ${took.toFixed(1)} s with ${KILLS} kills: ${figures}\n`)

  const taken = mail.taken()
  const addresses = taken.map(({ to }) => to)
  assert.equal(new Set(addresses).size, addresses.length, 'an address was taken twice')
  assert.equal(new Set(taken.map(({ messageId }) => messageId)).size, taken.length)
  const refused = Array.from({ length: NOTICES }, (_, n) => addressOf(n)).filter((address) => address.startsWith('refused'))
  const open = new Set(end.open.map(({ messageId }) => messageId))
  const isTaken = new Set(addresses)
  const missing = Array.from({ length: NOTICES }, (_, n) => addressOf(n)).filter(
    (each) => !isTaken.has(each) && !each.startsWith('refused'),
  )
  assert.equal(end.failed, refused.length)
  assert.equal(end.sent + end.unknown + end.failed, NOTICES)
  // Whoever was not taken is open, and whoever is open and was taken had its answer lost or its sender killed.
  const openAndTaken = taken.filter(({ messageId }) => open.has(messageId))
  assert.equal(missing.length + openAndTaken.length, end.unknown)
  assert.equal(taken.length, end.sent + openAndTaken.length)
  const byCrash = end.open.filter(({ why }) => why === 'crash').length
  assert.ok(byCrash <= CONNECTIONS * KILLS, `${byCrash} open after ${KILLS} kills`)

  // What goes again must not be lost again.
  writeFileSync(path.join(mail.folder, 'calm'), '')
  // A person settles what the mail server's log says, and the rest goes again.
  for (const { messageId } of openAndTaken.slice(0, 5)) {
    await ask('incident', 'notice', 'settle', id, messageId, '--was', 'sent', '--reason', 'it stands in the log of the mail server')
  }
  const again = await ask<NotifyResult>('incident', 'notify', id, '--send')
  assert.equal(again.unknown, end.unknown - Math.min(5, openAndTaken.length))
  if (end.unknown <= 5 || openAndTaken.length > 5) return
  await ask('incident', 'notify', id, '--send', '--resend-unknown', '--reason', 'they do not stand in the log')
  const after = mail.taken().map(({ to }) => to)
  assert.equal(new Set(after).size + end.failed, NOTICES)
})
