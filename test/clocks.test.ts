/**
 * Legal clocks on the real program, under a clock that is moved by hand: people in several jurisdictions by the directory, warnings
 * that outlive a kill -9 of the role that makes them, and what people only know, from the command line.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { waitUntil } from '#drill/program.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { startVendor } from './support/vendor.ts'

interface Shown {
  rule: string
  basis: string
  state: string
  startsAt: string | null
  dueAt: string | null
  why: string[]
  assumed: string[]
  residents: { known: number; unknown: number | null }
  warnedAt: { percent: number; at: string }[]
}

const HOUR = 3_600_000
/** Rules come into force and end: on any other day other ones are right. */
const TOLD = Date.parse('2026-11-25T18:00:00Z')

test('clocks run, warn through a kill, and are never set anew', { timeout: 600_000 }, async (t) => {
  const folder = makeFolder(t)
  const offset = path.join(folder, 'offset')
  const begunAt = Date.now()
  /** It is so long after that day's beginning of all. */
  const move = (ms: number): void => writeFileSync(offset, String(TOLD - begunAt + ms))
  move(0)
  const vendor = await startVendor(t)
  const clocks = 'clocks: { establishedIn: [IE], sectors: [], placeOfAwareness: Asia/Kolkata }'
  const config = `${testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'] })}\n${clocks}\n`
  const program = await startBulkhead(t, { folder, config, env: { ...vendorEnvironment, BULKHEAD_CLOCK: offset } })
  const ask = async <T>(schema: string, ...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    const value = lastJson<T>(result.stdout)
    assertSchema(schema, value)
    return value
  }
  const users = path.join(folder, 'users.csv')
  writeFileSync(
    users,
    'id,email,name,country,region\nu-1,a@example.com,A,IN,\nu-2,b@example.com,B,US,California\nu-3,c@example.com,C,DE,\n',
  )
  await ask('directory-import', 'directory', 'import', users)
  await postEvents(
    program.gatewayUrl,
    TOKENS.server,
    ['u-1', 'u-2', 'u-3', 'u-4'].map((id) => ({ event: 'Opened', properties: { distinct_id: id, n: 1 } })),
  )
  await waitUntil('the vendor has all four', () => vendor.loot().length >= 4)

  const told = TOLD
  const opening = ['incident', 'open', '--vendor', 'mixpanel', '--told', new Date(told).toISOString()]
  const { id } = await ask<{ id: number }>('incident-open', ...opening)
  const all = (): Promise<Shown[]> => ask<Shown[]>('incident-clocks', 'incident', 'clocks', String(id))
  const one = async (rule: string, basis = 'clock'): Promise<Shown> => {
    const found = (await all()).find((each) => each.rule === rule && each.basis === basis)
    assert.ok(found !== undefined, rule)
    return found
  }
  const at = (hours: number): string => new Date(told + hours * HOUR).toISOString()
  const certIn = await one('in-certin')
  assert.deepEqual([certIn.state, certIn.dueAt, certIn.residents], ['running', at(6), { ...certIn.residents, known: 1, unknown: 1 }])
  assert.deepEqual((await one('eu-sa', 'first-warning')).dueAt, at(72))
  assert.equal((await one('ca-ind')).state, 'not_applicable')
  assert.equal((await one('in-dpb-2', 'first-warning')).state, 'planned')

  // Killed in the middle of the time in which it has to warn; then set ahead past the end.
  move(3.2 * HOUR)
  program.kill('staff')
  await waitUntil('a warning is on record', async () => (await one('in-certin').catch(() => certIn)).warnedAt.length > 0)
  move(6.2 * HOUR)
  await waitUntil('all warnings are on record', async () => (await one('in-certin').catch(() => certIn)).warnedAt.length === 3)
  const late = await one('in-certin')
  assert.deepEqual([late.state, late.startsAt, late.dueAt], ['overdue', certIn.startsAt, certIn.dueAt])
  assert.deepEqual(
    late.warnedAt.map(({ percent }) => percent).sort((a, b) => a - b),
    [50, 80, 100],
  )
  await waitUntil('it is said aloud', () => program.output().stderr.includes(`incident ${id}: the clock in-certin was due at`))
  const doctor = await program.cli(['doctor', '--json'])
  assert.match(doctor.stdout, /overdue: incident 1: in-certin/)

  const clock = (verb: string, ...more: string[]): Promise<unknown> => ask('incident-row', 'incident', 'clock', String(id), verb, ...more)
  await clock('done', '--rule', 'in-certin', '--at', at(5), '--reason', 'by mail to the address of the direction')
  assert.equal((await one('in-certin')).state, 'met')
  await clock('mark', '--event', 'confirmed', '--at', at(4), '--reason', 'the data set came')
  assert.deepEqual([(await one('eu-sa')).dueAt, (await one('eu-sa', 'first-warning')).dueAt], [at(76), at(72)])
  await clock('assess', '--regime', 'eu-gdpr-33-34', '--rule', 'eu-ind', '--applies', 'yes', '--reason', 'aimed phishing is likely')
  await clock('sign-off', '--as', 'counsel', '--name', 'A. Counsel', '--reason', 'looked at')
  const plain = await program.cli(['incident', 'clocks', String(id)])
  assert.match(plain.stdout, /Legal clocks of incident 1; reviewed by counsel\./)
  const wrong = await program.cli(['incident', 'clock', String(id), 'mark', '--event', 'never', '--at', at(1), '--reason', 'r'])
  assert.equal(wrong.code, 2)
})
