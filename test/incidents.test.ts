/**
 * An incident from its first hour to its end on the real program: scope by surface, statements that contradict, people added,
 * a kill in between, a vendor that has left the configuration, and nothing that people wrote plain on the disk.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { killAndReturn, waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { needlesOf, PatternSet, scanFolder } from './support/search.ts'
import { startVendor } from './support/vendor.ts'

interface Shown {
  times: { told: string }
  statements: {
    says: string
    reverses: number | null
    evidence: { id: string; sha256: string }
    reconciled: { differences: { about: string }[] }
  }[]
  scope: { version: number; subjects: number; surfaces: string[] | null }
  amendments: { version: number; counted: { added: number; removed: number } }[]
  timeline: { what: string }[]
  report: { state: string; status: string; rows: { broken: number[]; count: number } }
}

const WRITTEN = ['Mia Wallace', 'Vincent Vega', 'Butch Coolidge', 'Marsellus', 'Winston Wolfe']

test('scope, statements, amendments, a kill, a vendor that has left, and the end of an incident', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'] })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  const ask = async <T>(schema: string, ...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    const value = lastJson<T>(result.stdout)
    assertSchema(schema, value)
    return value
  }
  const file = (name: string): string => path.join(program.folder, name)
  const show = (id: number): Promise<Shown> => ask<Shown>('incident-show', 'incident', 'show', String(id))

  const event = (id: string) => ({ event: 'Opened', properties: { distinct_id: id, n: 1 } })
  await postEvents(program.gatewayUrl, TOKENS.server, [event('u-1'), event('u-2')])
  await postEvents(program.gatewayUrl, TOKENS.browser, [event('u-2'), event('u-3')])
  await waitUntil('the vendor has all four', () => vendor.loot().length >= 4)

  const opening = ['--vendor', 'mixpanel', '--told', '2025-11-25T18:00:00Z', '--vendor-aware', '2025-11-09T00:00:00Z', '--surface', 'api']
  const { id } = await ask<{ id: number }>(
    'incident-open',
    'incident',
    'open',
    ...opening,
    '--title',
    WRITTEN[0] as string,
    '--reason',
    WRITTEN[1] as string,
  )
  const whom = (...more: string[]) =>
    ask<{ subjects: number; incident: { added: number | null } }>('incident-affected', 'incident', 'affected', String(id), ...more)
  assert.equal((await whom()).subjects, 2)

  // What the vendor says first, and what it says then.
  writeFileSync(file('Marsellus.eml'), `no client is affected, says ${WRITTEN[2]}`)
  const denied = await ask<{ reconciled: Shown['statements'][number]['reconciled'] }>(
    'incident-statement',
    'incident',
    'statement',
    String(id),
    '--file',
    file('Marsellus.eml'),
    '--says',
    'not-affected',
  )
  assert.deepEqual(
    denied.reconciled.differences.map(({ about }) => about),
    ['affected'],
  )
  assert.ok(await killAndReturn(program, 'staff'))
  await ask(
    'incident-statement',
    'incident',
    'statement',
    String(id),
    '--file',
    file('Marsellus.eml'),
    '--says',
    'affected',
    '--fields',
    'email,country',
  )

  const kept = (await show(id)).statements[0]?.evidence
  const out = ['--out', file('back.eml'), '--reason', 'read it']
  await ask('incident-evidence-get', 'incident', 'evidence', 'get', String(id), kept?.id ?? '', ...out)
  assert.equal(readFileSync(file('back.eml'), 'utf8'), readFileSync(file('Marsellus.eml'), 'utf8'))

  // 40 days in: a surface was missed.
  await ask('incident-amend', 'incident', 'amend', String(id), '--surface', 'site', '--reason', WRITTEN[2] as string)
  const list = file('added.ndjson')
  assert.equal((await whom('--added', '--list', list, '--identities', '--reason', 'notices')).incident.added, 1)
  assert.deepEqual(
    readFileSync(list, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { ids: string[] }).ids),
    [['u-3']],
  )

  const waiting = await program.cli(['erase', 'u-1', '--reason', 'asked', '--json'])
  assert.deepEqual([waiting.code, lastJson<{ error: { code: string } }>(waiting.stderr).error.code], [1, 'erase_deferred'])

  const shown = await show(id)
  assert.deepEqual(
    shown.statements.map(({ says, reverses }) => [says, reverses]),
    [
      ['not-affected', null],
      ['affected', 1],
    ],
  )
  assert.deepEqual([shown.scope.version, shown.scope.subjects, shown.scope.surfaces], [2, 3, ['api', 'site']])
  assert.deepEqual(
    shown.amendments.map(({ counted }) => [counted.added, counted.removed]),
    [[1, 0]],
  )
  assert.deepEqual(shown.report.rows.broken, [])

  // The vendor leaves the configuration; its incident and another one about it go on.
  await program.stop()
  writeFileSync(file('bulkhead.yaml'), testConfig())
  await program.restart()
  assert.equal((await whom()).subjects, 3)
  const second = await ask<{ id: number }>(
    'incident-open',
    'incident',
    'open',
    '--vendor',
    'mixpanel',
    '--told',
    '2025-12-16T00:00:00Z',
    '--source',
    'press',
  )

  const markdown = file('report.md')
  const made = await ask<{ report: { status: string; scope: { people: number } } }>(
    'incident-report',
    'incident',
    'report',
    String(id),
    '--for',
    'regulator',
    '--md',
    markdown,
    '--zone',
    'Europe/Dublin',
  )
  assert.deepEqual([made.report.status, made.report.scope.people], ['draft for counsel', 3])
  assert.match(readFileSync(markdown, 'utf8'), /3 people may be affected: data about them was sent through Bulkhead/)
  await ask('incident-row', 'incident', 'sign-off', String(id), '--as', 'counsel', '--name', WRITTEN[4] as string, '--reason', 'read')
  await Promise.all([second.id, id].map((each) => ask('incident-row', 'incident', 'close', String(each), '--reason', 'over')))
  await waitUntil('the erasure that waited is done', async () => (await program.cli(['erase', 'u-1', '--reason', 'asked'])).code !== 0)
  const end = await show(id)
  assert.equal(end.scope.subjects, 3, 'an erased person is still counted')
  assert.deepEqual([end.report.status, end.report.state], ['signed off', 'closed'])

  const plain = new PatternSet(WRITTEN.flatMap((text) => needlesOf(text, text)))
  const report = readFileSync(markdown, 'utf8')
  for (const text of WRITTEN) assert.ok(!report.includes(text))
  assert.deepEqual(scanFolder(plain, program.dataDir).hits, [])
})
