/**
 * A vendor's leaked data set on the real program: rows that the vendor really received, mixed with foreign ones; killed in the
 * middle and repeated; nothing of the file plain on the disk.
 */
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { killAndReturn, waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { needlesOf, PatternSet, scanFolder } from './support/search.ts'
import { startVendor } from './support/vendor.ts'

interface Matched {
  rows: number
  matched: { a: number; b: number; c: number }
  outsideWindow: number
  notSentThroughBulkhead: number
  people: number
  fieldsNotInLedger: string[]
  malformed: number
  evidence: { id: string; sha256: string }
  reconciled: { inBothByPseudonym: number; onlyInLedger: number }
}

const PEOPLE = 5
const MANY = 60_000
const PLANTED = ['Marsellus.Wallace@example.net', 'Jackrabbit Slims', 'Royale Column']

test('a leaked file is sealed, graded, survives a kill, and stands nowhere plain', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const config = testConfig({
    vendorUrl: vendor.url,
    events: ['Opened'],
    properties: ['n'],
    more: 'approvals: { singleOperatorDelayHours: 0.0005 }\n',
  })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  const file = (name: string): string => path.join(program.folder, name)
  const run = (...args: string[]) => program.cli([...args, '--json'])
  const ask = async <T>(schema: string, ...args: string[]): Promise<T> => {
    const result = await run(...args)
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    assertSchema(schema, lastJson<T>(result.stdout))
    return lastJson<T>(result.stdout)
  }
  const event = (n: number) => ({ event: 'Opened', properties: { distinct_id: `u-${n}`, $user_id: `u-${n}`, n } })
  const events = Array.from({ length: PEOPLE }, (_, n) => event(n))
  await postEvents(program.gatewayUrl, TOKENS.server, events)
  await waitUntil('the vendor has them', () => vendor.loot().length >= PEOPLE)
  writeFileSync(
    file('users.csv'),
    `id,email\n${events.map((_, n) => `u-${n},person${n}@example.com`).join('\n')}\nu-77,nobody.sent@example.com\n`,
  )
  await ask('directory-import', 'directory', 'import', file('users.csv'), '--reason', 'test')
  const { id } = await ask<{ id: number }>('incident-open', 'incident', 'open', '--vendor', 'mixpanel', '--told', '2025-11-25T18:00:00Z')

  const stolen = vendor.loot().map(({ record }) => JSON.stringify(record))
  const foreign = Array.from({ length: MANY }, (_, n) =>
    JSON.stringify({ event: 'Opened', properties: { distinct_id: randomUUID(), [PLANTED[2] as string]: n, note: PLANTED[1] } }),
  )
  const known = [
    JSON.stringify({ $distinct_id: 'u-1', $properties: { $email: 'person1@example.com', $city: 'Pune' } }),
    JSON.stringify({ $distinct_id: PLANTED[0], $properties: { $email: 'PERSON2@example.com' } }),
    JSON.stringify({ $distinct_id: 'u-77', $properties: {} }),
    'no row at all',
  ]
  const rows = [...foreign.slice(0, MANY / 2), ...stolen, ...known, ...foreign.slice(MANY / 2)].join('\n')
  let content = gzipSync(rows)
  writeFileSync(file('loot.ndjson.gz'), content)
  const match = ['incident', 'match', String(id), '--file', file('loot.ndjson.gz')]
  assert.equal(lastJson<{ error: { code: string } }>((await run(...match)).stderr).error.code, 'reason_required')

  // Killed while it is read.
  const evidence = path.join(program.folder, 'data', 'evidence')
  const sealed = (): string[] => (existsSync(evidence) ? readdirSync(evidence).filter((name) => !name.endsWith('.part')) : [])
  let read = 0
  for (let level = 5; ; level--) {
    assert.ok(level > 0, 'each was read before the kill came')
    const before = sealed().length
    const broken = run(...match, '--reason', 'the data set that the vendor gave us')
    await waitUntil('the file is sealed', () => sealed().length > before, 120_000, 5)
    assert.ok(await killAndReturn(program, 'staff'))
    if ((await broken).code === 1) break
    // It was faster. The same rows in other bytes are another file.
    read++
    content = gzipSync(rows, { level })
    writeFileSync(file('loot.ndjson.gz'), content)
  }
  const shownBefore = await ask<{ evidence: { as: string }[] }>('incident-show', 'incident', 'show', String(id))
  assert.equal(shownBefore.evidence.filter(({ as }) => as === 'match').length, read)

  const answer = await ask<Matched>('incident-match', ...match, '--reason', 'the data set that the vendor gave us')
  assert.equal(answer.rows, MANY + PEOPLE + 4)
  assert.deepEqual(answer.matched, { a: PEOPLE, b: 2, c: 1 })
  assert.equal(answer.notSentThroughBulkhead, MANY + 1)
  assert.equal(answer.people, PEOPLE + 1)
  assert.deepEqual([answer.malformed, answer.outsideWindow], [1, 0])
  // What the vendor received through us has no column that was never sent.
  assert.deepEqual(answer.fieldsNotInLedger.sort(), [PLANTED[2], 'city', 'email', 'note'])
  assert.deepEqual([answer.reconciled.inBothByPseudonym, answer.reconciled.onlyInLedger], [PEOPLE, 0])
  assert.equal(answer.evidence.sha256, createHash('sha256').update(content).digest('hex'))
  // The file that was sealed before the kill is used again, beside the list of people in it.
  assert.equal(sealed().length, 2 + 2 * read)
  const affected = await ask<{ subjects: number }>('incident-affected', 'incident', 'affected', String(id))
  assert.equal(affected.subjects, PEOPLE)

  const shown = await ask<{ evidence: { as: string; match?: { columns: string[]; matched: { a: number } } }[] }>(
    'incident-show',
    'incident',
    'show',
    String(id),
  )
  const entry = shown.evidence.findLast(({ as }) => as === 'match')
  assert.equal(entry?.match?.matched.a, PEOPLE)
  assert.ok(entry?.match?.columns.includes(PLANTED[2] as string))

  // A part of it alone narrows the scope, once somebody else has approved that.
  writeFileSync(file('part.ndjson'), [...stolen.slice(0, 2), ...known].join('\n'))
  await ask('incident-match', 'incident', 'match', String(id), '--file', file('part.ndjson'), '--reason', 'a part of it')
  assert.equal((await run('operator', 'add', 'berta', '--file', file('berta'))).code, 0)
  const narrow = ['incident', 'amend', String(id), '--narrow-to-file', 'last', '--reason', 'all that was read']
  const proposed = await ask<{ state: string; approval: number; stay: number; leftOut: number }>('incident-narrow', ...narrow)
  assert.deepEqual([proposed.state, proposed.stay, proposed.leftOut], ['proposed', 2, PEOPLE - 2])
  const unchanged = await ask<{ subjects: number }>('incident-affected', 'incident', 'affected', String(id))
  assert.equal(unchanged.subjects, PEOPLE)
  const approve = ['approval', 'approve', String(proposed.approval), '--reason', 'seen']
  await ask('approval-decision', ...approve, '--as', file('berta'))
  await waitUntil('it counts', async () => (await ask<{ state: string }>('incident-narrow', ...narrow)).state === 'applied')
  const narrowed = await ask<{ subjects: number; leftOut: number }>('incident-affected', 'incident', 'affected', String(id))
  assert.deepEqual([narrowed.subjects, narrowed.leftOut], [2, PEOPLE - 2])

  await program.stop()
  const patterns = new PatternSet(PLANTED.flatMap((text) => needlesOf(text, text)))
  assert.deepEqual(scanFolder(patterns, path.join(program.folder, 'data')).hits, [])
  assert.ok(readFileSync(file('loot.ndjson.gz')).equals(content))

  // A backup holds what is sealed, byte by byte.
  assert.equal((await run('backup', file('copy'))).code, 0)
  const copied = path.join(file('copy'), 'data', 'evidence')
  assert.deepEqual(readdirSync(copied).sort(), sealed().sort())
  for (const name of sealed()) assert.ok(readFileSync(path.join(copied, name)).equals(readFileSync(path.join(evidence, name))))
})
