/** What commands print and how they end, as scripts rely on it: published schemas, fixed names, exit codes. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { LedgerCheckpoint, LedgerProve, LedgerRepair, LedgerVerify } from '#api/ledger-contract.ts'
import { waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { waitForWarehouse } from './support/counts.ts'
import { postEvents, send } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

interface AffectedLine {
  subject: string
  groups: { key: string; group: string }[]
  state: string
  ids?: string[]
  emails?: string[]
  names?: string[]
}

test('every command: its --json follows the published schema, its errors have a code, a hint and an exit code', {
  timeout: 600_000,
}, async (t) => {
  const vendor = await startVendor(t)
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'] })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  /** Runs a command that has to succeed; returns what it printed, checked. */
  const ask = async <T>(schema: string, ...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    const value = lastJson<T>(result.stdout)
    assertSchema(schema, value)
    const plain = await program.cli(args)
    assert.equal(plain.code, 0, `${args.join(' ')}: ${plain.stderr}`)
    assert.ok(plain.stdout.trim() !== '' && !plain.stdout.trimStart().startsWith('{'), `${args.join(' ')}: words for people without --json`)
    return value
  }
  const refuse = async (code: string, exit: number, ...args: string[]): Promise<void> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, exit, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
    const value = lastJson<{ error: { code: string } }>(result.stderr)
    assertSchema('error', value)
    assert.equal(value.error.code, code)
    assert.equal(result.stdout, '', 'errors go to stderr alone')
    const plain = await program.cli(args)
    assert.match(plain.stderr, new RegExp(`^error\\[${code}\\]: .+\\nhint: .+`, 'm'))
    assert.equal(plain.code, exit)
  }

  const csv = path.join(program.folder, 'users.csv')
  writeFileSync(
    csv,
    'id,email,name,company\nu-1,one@mail.example,One Person,org-1\nu-2,two@mail.example,Two Person,org-1\nu-3,three@mail.example,Three,org-2\n',
  )
  await ask('directory-import', 'directory', 'import', csv, '--reason', 'test')
  const from = Date.now()
  const answer = await postEvents(program.gatewayUrl, TOKENS.server, [
    { event: 'Opened', properties: { distinct_id: 'u-1', n: 1, company: 'org-1', $email: 'one@mail.example' } },
    { event: 'Opened', properties: { distinct_id: 'u-1', n: 2, company: 'org-1' } },
    { event: 'Opened', properties: { distinct_id: 'u-2', n: 3 } },
    { event: 'Never approved', properties: { distinct_id: 'u-3', n: 4 } },
  ])
  assert.equal(answer.body, '1')
  await waitForWarehouse(program, 4)
  await waitUntil('the vendor has them', () => eventsOf(vendor.loot()).length === 3)

  await t.test('who', async () => {
    const reason = ['--reason', 'test']
    const one = await ask<{ subject: string; disclosures: Record<string, unknown>[]; notSent: string[] }>(
      'who',
      'who',
      'one@mail.example',
      ...reason,
    )
    const byId = await ask<{ subject: string }>('who', 'who', 'u-1', ...reason)
    assert.equal(byId.subject, one.subject, 'one person by address and by id')
    assert.equal(
      one.disclosures.reduce((sum, row) => sum + Number(row.events), 0),
      2,
    )
    assert.deepEqual(
      [one.disclosures[0]?.vendor, one.disclosures[0]?.destination, one.disclosures[0]?.surface],
      ['mixpanel', 'mixpanel', 'api'],
    )
    assert.ok(one.notSent.includes('email') && one.notSent.includes('name') && one.notSent.includes('ip'))
    assert.ok(Date.parse(String(one.disclosures[0]?.sentFirst)) >= from)
    const quiet = await ask<{ disclosures: unknown[] }>('who', 'who', 'three@mail.example', ...reason)
    assert.deepEqual(quiet.disclosures, [], 'known, and nothing was sent')
    await refuse('not_found', 1, 'who', 'nobody@mail.example', ...reason)
    await refuse('reason_required', 2, 'who', 'one@mail.example')
  })

  await t.test('incident affected', async () => {
    const all = ['incident', 'affected', '--vendor', 'mixpanel']
    const file = path.join(program.folder, 'list.ndjson')
    const summary = await ask<Record<string, unknown>>('incident-affected', ...all)
    assert.deepEqual([summary.subjects, summary.delivered, summary.possible, summary.ambiguousDevices, summary.groups], [2, 2, 0, 0, 1])
    await ask('incident-affected', ...all, '--list', file, '--reason', 'test')
    const read = (): AffectedLine[] =>
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as AffectedLine)
    for (const line of read()) {
      assertSchema('incident-affected-line', line)
      assert.deepEqual([line.ids, line.emails, line.names], [undefined, undefined, undefined], 'identities only when asked for')
    }
    await ask('incident-affected', ...all, '--list', file, '--reason', 'test', '--identities')
    const named = read()
    for (const line of named) assertSchema('incident-affected-line', line)
    const emails = named.map((line) => line.emails?.[0]).sort()
    assert.deepEqual(emails, ['one@mail.example', 'two@mail.example'])
    const one = named.find((line) => line.emails?.includes('one@mail.example'))
    const who = await ask<{ subject: string }>('who', 'who', 'u-1', '--reason', 'test')
    assert.equal(one?.subject, who.subject, 'one staff-view pseudonym in all commands')
    assert.deepEqual([one?.ids, one?.names, one?.groups.length], [['u-1'], ['One Person'], 1])

    const early = await ask<{ subjects: number }>('incident-affected', ...all, '--access-to', new Date(from - 1000).toISOString())
    assert.equal(early.subjects, 0, 'an intruder who left before the first was sent has nothing')
    const late = await ask<{ subjects: number }>('incident-affected', ...all, '--access-from', new Date(Date.now() + 60_000).toISOString())
    assert.equal(late.subjects, 2, 'a thief takes what is at rest, however old')
    await refuse('reason_required', 2, ...all, '--list', file)
    await refuse('window_invalid', 2, ...all, '--access-to', 'yesterday')
    await refuse('vendor_unknown', 1, 'incident', 'affected', '--vendor', 'nobody')
    await refuse('destination_unknown', 1, ...all, '--destination', 'nowhere')
  })

  await t.test('vendor and doctor', async () => {
    await ask('vendor-list', 'vendor', 'list')
    await ask('vendor-show', 'vendor', 'show', 'mixpanel')
    await refuse('vendor_unknown', 1, 'vendor', 'show', 'nobody')
    const doctor = await ask<{ events: { accepted: number; warehouse: number } }>('doctor', 'doctor')
    assert.deepEqual(doctor.events, { accepted: 4, warehouse: 4 })
    const cut = await ask<{ vendor: string; fencedWorkers: number; unfenced: string[] }>(
      'vendor-cut',
      'vendor',
      'cut',
      'mixpanel',
      '--reason',
      'test',
    )
    assert.deepEqual([cut.vendor, cut.unfenced], ['mixpanel', []])
    const restored = await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'test', '--json'])
    assert.equal(restored.code, 0, restored.stderr)
    assertSchema('vendor-restore', lastJson(restored.stdout))
    await refuse('vendor_not_cut', 1, 'vendor', 'restore', 'mixpanel', '--reason', 'test')
  })

  await t.test('ledger', async () => {
    const checkpoint = await ask<LedgerCheckpoint>('ledger-checkpoint', 'ledger', 'checkpoint')
    const verified = await ask<LedgerVerify>('ledger-verify', 'ledger', 'verify')
    assert.deepEqual([verified.ok, verified.problems, verified.notChecked], [true, [], []])
    assert.ok(verified.entries > 0 && verified.totals?.some(({ state, people }) => state === 'delivered' && people > 0))
    assert.ok(verified.checkpoint !== null && verified.checkpoint.size >= checkpoint.size)
    const repaired = await ask<LedgerRepair>('ledger-repair', 'ledger', 'repair', '--reason', 'test')
    assert.deepEqual(repaired.repaired, [])
    const proved = await ask<LedgerProve>('ledger-prove', 'ledger', 'prove', '0')
    assert.deepEqual([proved.entry, proved.header.vendor, 'salt' in proved.header], [1, 'mixpanel', false])
    await refuse('not_found', 1, 'ledger', 'prove', '999999')
    await refuse('not_found', 1, 'ledger', 'acknowledge', '1', '--reason', 'test')
    await refuse('reason_required', 2, 'ledger', 'acknowledge', '1')
  })

  await t.test('policy risk', async () => {
    const risk = await ask<{ destinations: { id: string; k: number; people: number; unique: number; quasiIdentifiers: string[] }[] }>(
      'policy-risk',
      ...['policy', 'risk', '--days', '2', '--k', '3'],
    )
    const [found] = risk.destinations
    assert.deepEqual([found?.id, found?.k, found?.people, found?.unique], ['mixpanel', 3, 2, 2])
    assert.ok(found?.quasiIdentifiers.includes('property.n'))
    await refuse('bad_usage', 2, 'policy', 'risk', '--k', '1')
    await refuse('bad_usage', 2, 'policy', 'risk', '--days', 'all')
  })

  await t.test('directory', async () => {
    const bad = path.join(program.folder, 'bad.csv')
    writeFileSync(bad, 'email,name\nx@mail.example,X\n')
    await refuse('directory_invalid', 1, 'directory', 'import', bad, '--reason', 'test')
    writeFileSync(bad, 'id,email\nu-9,nine@mail.example\n,ten@mail.example\n')
    await refuse('directory_invalid', 1, 'directory', 'import', bad, '--reason', 'test')
    await refuse('not_found', 1, 'who', 'nine@mail.example', '--reason', 'test')
  })

  await t.test('metrics hold no personal data and name what counts', async () => {
    const metrics = await send(`${program.consoleUrl}/metrics`)
    assert.equal(metrics.status, 200)
    assert.match(metrics.body, /^# TYPE /m)
    for (const personal of ['u-1', 'one@', 'org-1', 'Never approved']) assert.ok(!metrics.body.includes(personal), personal)
  })
})
