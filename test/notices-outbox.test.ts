/**
 * Notices without a mail server on the real program: approved by the delay of a single operator, sealed until somebody sends them,
 * filed as a maildir outside, and stopped by a restore from a backup that does not know of it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { simpleParser } from 'mailparser'
import type { NoticePreviewResult, NotifyResult } from '#api/notice-contract.ts'
import { delay, runCommand, waitUntil } from '#drill/program.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { noticesConfig, testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { needlesOf, PatternSet, scanFolder } from './support/search.ts'
import { startVendor } from './support/vendor.ts'

const DELAY_HOURS = 0.002
const CONFIG = noticesConfig(DELAY_HOURS)
const USERS = `id,email,name,language,company,admin
u-1,mia.wallace@pulp.example,Mia Wallace,hi,pulp,
u-2,vincent.vega@pulp.example,Vincent Vega,en,pulp,
u-3,jules@fiction.example,Jules,fr,,
u-4,JULES@fiction.example,Jules W,en,,
u-5,,Butch,en,pulp,
u-6,zed@localhost,Zed,en,,
u-9,marsellus@pulp.example,Marsellus,en,pulp,true
`

test('approved after the delay, sealed, filed once outside, and stopped by a restore', { timeout: 600_000 }, async (t) => {
  const folder = makeFolder(t)
  const vendor = await startVendor(t)
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'], more: CONFIG })
  const program = await startBulkhead(t, { folder, config, env: vendorEnvironment })
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await program.cli([...args, '--json'])
    assert.equal(code, 1, args.join(' '))
    return (JSON.parse(stderr.trim().split('\n').at(-1) as string) as { error: { code: string } }).error.code
  }
  const ask = async <T>(...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    return lastJson<T>(result.stdout)
  }
  const notify = async (...args: string[]): Promise<NotifyResult> => {
    const answer = await ask<NotifyResult>('incident', 'notify', '1', ...args)
    assertSchema('incident-notify', answer)
    return answer
  }
  writeFileSync(path.join(folder, 'users.csv'), USERS)
  await ask('directory', 'import', path.join(folder, 'users.csv'), '--reason', 'who they are')
  const people = ['u-1', 'u-2', 'u-3', 'u-4', 'u-5', 'u-6', 'nobody-known']
  const events = people.map((id) => ({ event: 'Opened', properties: { distinct_id: id, n: 1 } }))
  assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events))
  await waitUntil('the vendor has all of them', () => vendor.loot().length >= people.length)
  await ask('incident', 'open', '--vendor', 'mixpanel', '--told', '2025-11-25T18:00:00Z')

  // One person alone does not tell anybody; the first --send proposes.
  assert.equal(await refused('incident', 'notify', '1', '--send'), 'approval_needed')
  const proposed = await notify('--dry-run')
  assert.deepEqual([proposed.state, proposed.version, proposed.recipients, proposed.skipped], ['proposed', 1, 5, 1])
  assert.deepEqual([proposed.noTrustedAddress, proposed.organisations.recipients, proposed.why], [2, 1, { same_address: 1 }])
  assert.deepEqual(proposed.languages, ['en', 'hi'])
  const preview = await ask<NoticePreviewResult>('incident', 'notify', '1', '--preview', '--lang', 'hi')
  assertSchema('incident-notify-preview', preview)
  assert.equal(preview.sha256, proposed.sha256)
  await delay(DELAY_HOURS * 3_600_000 + 1500)

  // A copy of before anything was begun.
  const backup = path.join(folder, 'backup')
  await ask('backup', backup)
  const sealed = await notify('--send')
  assert.deepEqual([sealed.state, sealed.way, sealed.waiting, sealed.sent], ['sending', 'outbox', 4, 0])
  const planted = ['mia.wallace', 'vincent.vega', 'jules@fiction', 'Marsellus', 'Mia Wallace']
  const patterns = new PatternSet(planted.flatMap((text) => needlesOf(text, text)))
  assert.deepEqual(scanFolder(patterns, program.dataDir).hits, [])

  const outbox = path.join(folder, 'outbox')
  assert.equal(await refused('incident', 'notify', '1', '--send', '--outbox', path.join(program.dataDir, 'out')), 'outbox_place_wrong')
  const filed = await notify('--send', '--outbox', outbox)
  assert.deepEqual([filed.state, filed.filed, filed.failed, filed.skipped, filed.waiting], ['done', 3, 1, 1, 0])
  assert.deepEqual([filed.why, filed.organisations.filed], [{ same_address: 1, address_form: 1 }, 1])
  const again = await notify('--send', '--outbox', outbox)
  assert.deepEqual([again.state, again.filed, readdirSync(path.join(outbox, 'new')).length], ['done', 3, 4])
  const mails = await Promise.all(
    readdirSync(path.join(outbox, 'new')).map((name) => simpleParser(readFileSync(path.join(outbox, 'new', name)))),
  )
  const to = mails.map((mail) => (Array.isArray(mail.to) ? '' : mail.to?.text))
  assert.deepEqual(to.sort(), ['jules@fiction.example', 'marsellus@pulp.example', 'mia.wallace@pulp.example', 'vincent.vega@pulp.example'])
  for (const mail of mails) {
    assert.equal(mail.headers.get('auto-submitted'), 'auto-generated')
    assert.match(mail.messageId ?? '', /@company\.example>$/)
    assert.match(mail.text ?? '', /BH-[0-9A-Z-]{29}/)
    assert.equal(mail.attachments.length, 0)
    assert.deepEqual(mail.from?.value, [{ name: 'Example security', address: 'security@company.example' }])
  }
  assert.match(mails.find((mail) => JSON.stringify(mail.to).includes('mia.wallace'))?.text ?? '', /[\u0900-\u097f]{3}/)
  // The administrator is told who: by address, by name where there is none, and nobody of elsewhere.
  const list = mails.find((mail) => JSON.stringify(mail.to).includes('marsellus'))?.text ?? ''
  const items = list.split('\n').filter((line) => /^- (\S+@|Name: )/.test(line))
  assert.deepEqual(items, ['- mia.wallace@pulp.example', '- vincent.vega@pulp.example', '- Name: Butch'])
  assert.doesNotMatch(mails.map(({ text }) => text?.replace(list, '')).join('\n'), /@(pulp|fiction)\.example/)
  const shown = await ask<{ notices: NotifyResult[]; timeline: { what: string }[] }>('incident', 'show', '1')
  assert.deepEqual([shown.notices.length, shown.notices[0]?.filed], [1, 3])
  const kinds = shown.timeline.map(({ what }) => what).filter((what) => what.startsWith('notice'))
  assert.deepEqual(kinds, ['notice_proposed', 'notice_begun', 'notice_ended'])

  // Somebody gets an address: the next version is theirs alone.
  writeFileSync(path.join(folder, 'more.csv'), 'id,email\nu-5,butch@pulp.example\n')
  await ask('directory', 'import', path.join(folder, 'more.csv'), '--reason', 'an address')
  const next = await notify('--dry-run')
  assert.deepEqual([next.state, next.version, next.recipients, next.organisations.recipients], ['draft', 2, 1, 0])

  // The copy knows nothing of the notices that went out since: it must not tell anybody by itself.
  await delay(2500)
  await program.stop()
  rmSync(program.dataDir, { recursive: true })
  const answer = await runCommand(['restore', backup, '--data', program.dataDir, '--json'], { folder, env: vendorEnvironment })
  assert.equal(answer.code, 0, answer.stderr)
  const restored = lastJson<{ noticesStopped: number }>(answer.stdout)
  assertSchema('restore', restored)
  assert.equal(restored.noticesStopped, 1)
  program.launch()
  await program.waitReady()
  assert.equal(await refused('incident', 'notify', '1', '--send', '--outbox', outbox), 'notice_stopped')
  const [stopped] = (await ask<{ notices: NotifyResult[] }>('incident', 'notice', 'list', '1')).notices
  assert.deepEqual([stopped?.state, stopped?.waiting], ['stopped', 4])
})
