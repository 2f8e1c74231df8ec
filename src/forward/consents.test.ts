import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { Ledger } from '#ledger/port.ts'
import type { ConsentStatement, LogEntry, LogRecord } from '#model/log-entry.ts'
import { destinationDecider } from '#policy/policy.ts'
import { planRequests, readRange } from './batch.ts'
import { Consents } from './consents.ts'
import { createEventLoader } from './load-events.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { plainProtocol, type TestLog, testLog, testVault } from './testing-parts.ts'

async function ledgerIn(t: TestContext): Promise<{ dir: string; ledger: Ledger }> {
  const dir = mkdtempSync(path.join(tmpdir(), 'bulkhead-consents-'))
  const ledger = await openLedger({ dir, clock: systemClock })
  t.after(async () => {
    await ledger.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return { dir, ledger }
}

function say(log: TestLog, said: ConsentStatement, trust: 'browser' | 'server' = 'browser'): void {
  log.add({ type: 'event', name: 'opened', time: 1, user: said.of[0] as number })
  Object.assign(log.entries.at(-1) as object, { consents: [said], trust })
}

test('a crash at any save leaves what reading on completes', async (t) => {
  const { ledger } = await ledgerIn(t)
  const log = testLog()
  for (let round = 0; round < 60; round++)
    say(log, { of: [1 + (round % 7), 100 + (round % 3)], optOut: round % 4 !== 3 }, round % 5 === 0 ? 'server' : 'browser')
  const whole = new Consents({ log, ledger: memoryLedger(), clock: systemClock })
  await whole.catchUp()

  // Each life reads a few entries of the same log and is gone; its unsaved state is lost with it.
  for (let upTo = 5; upTo <= 60; upTo += 5) {
    const part = { ...log, head: () => upTo, find: (seq: number, mark: string) => log.find(seq, mark, Math.max(1, upTo - seq + 1)) }
    await new Consents({ log: part, ledger, clock: systemClock }).catchUp()
  }
  const last = new Consents({ log, ledger, clock: systemClock })
  await last.catchUp()
  for (const ordinal of [1, 2, 3, 4, 5, 6, 7, 100, 101, 102]) {
    assert.ok(last.of(ordinal) !== undefined)
    assert.deepEqual(last.of(ordinal), whole.of(ordinal))
  }
  assert.equal(last.of(8), undefined)
})

test('the log is let go although nobody says anything, and no entry is decoded in vain', async (t) => {
  const { ledger } = await ledgerIn(t)
  const log = testLog()
  for (let seq = 1; seq <= 30; seq++) log.add({ type: 'event', name: 'opened', time: seq, user: 1 })
  assert.deepEqual(log.find(1, '"consents":', 100), { entries: [], next: 31 })
  const consents = new Consents({ log, ledger, clock: systemClock })
  assert.equal(consents.needed(), 1)
  const stop = new AbortController()
  const running = consents.run(stop.signal)
  while (consents.needed() < 31) await new Promise((resolve) => setTimeout(resolve, 5))
  stop.abort()
  await running
  assert.equal(ledger.consentCursor(), 31)
})

test('of an erased person nothing is kept, in memory or in the file, and reading on does not bring it back', async (t) => {
  const { ledger } = await ledgerIn(t)
  const log = testLog()
  say(log, { of: [1, 9], optOut: true })
  say(log, { of: [2], optOut: true })
  const consents = new Consents({ log, ledger, clock: systemClock })
  await consents.catchUp()
  assert.equal(consents.of(1)?.switch?.withdrawn, true)
  say(log, { of: [1], gpc: true })
  await consents.forget([1, 9])
  for (const known of [consents, new Consents({ log, ledger, clock: systemClock })]) {
    await known.catchUp()
    assert.deepEqual([known.of(1), known.of(9), known.of(2)?.switch?.withdrawn], [undefined, undefined, true])
  }
  assert.deepEqual([ledger.consent(1), ledger.consent(9), ledger.consentCursor()], [undefined, undefined, 4])
  await consents.forget([1, 9])
  await consents.forget([2])
  assert.equal(ledger.hasConsents(), false)
})

test('what is broken in the ledger is named and not guessed', async (t) => {
  const { ledger } = await ledgerIn(t)
  await ledger.saveConsents([[7, { odd: true }]], 5)
  const consents = new Consents({ log: testLog(), ledger, clock: systemClock })
  assert.throws(() => consents.of(7), { code: 'ledger_corrupt' })
})

test('a withdrawal stops what waits in the log before it, and the request holds the others', async (t) => {
  const { ledger } = await ledgerIn(t)
  const log = testLog()
  const event = (user: number): LogRecord => ({ type: 'event', name: 'opened', time: 1_000 * user, user, device: 50 + user })
  for (let user = 1; user <= 4; user++) log.add(event(user))
  say(log, { of: [2], optOut: true })
  say(log, { of: [53], gpc: true })
  const decider = destinationDecider({ version: 1, appliedAt: 0, policy: POLICY }, 'd')
  assert.ok(decider)
  const consents = new Consents({ log, ledger, clock: systemClock })
  await consents.catchUp()
  const range = readRange(log, { seq: 1, index: 0 }, 4)
  const plan = await planRequests(range?.records ?? [], {
    destination: 'd',
    decider,
    at: 0,
    epoch: 1,
    protocol: plainProtocol().egress,
    vault: testVault(),
    people: consents,
    context: { url: 'https://vendor.example', token: 't', credentials: { kind: 'secret', secret: 's' } },
  })
  assert.deepEqual(plan.dropped, { consent_withdrawn: 2 })
  const users = plan.requests.flatMap(({ members }) => members.map(({ placed }) => placed.record.user))
  assert.deepEqual(users.toSorted(), [1, 4])
})

test('of what comes to be loaded after a withdrawal the own store gets marks', async (t) => {
  const { ledger } = await ledgerIn(t)
  const log = testLog()
  const event = (user: number): LogRecord => ({
    ...{ type: 'event', name: 'opened', time: 90_000_000, user, device: 50 + user, properties: { n: user } },
    context: { country: 'US' },
  })
  log.add(event(1), { type: 'profile', op: 'delete', time: 90_000_000, user: 1 }, event(2))
  say(log, { of: [1], optOut: true })
  say(log, { of: [2], gpc: true })
  const rule = { purpose: 'own analytics', basis: 'opt-out' as const, gpc: 'ignored' as const, dnt: 'ignored' as const, reason: '' }
  const table = { optIn: new Set<string>(), gpcBinds: new Set<string>(), unknownCountry: 'opt-out' as const }
  const loaded: LogEntry[] = []
  const warehouse = {
    query: async () => [{ present: 1 }],
    insertEvents: async (entries: readonly LogEntry[]) => {
      loaded.push(...entries)
      return { rows: entries.length }
    },
  } as unknown as Warehouse
  const people = new Consents({ log, ledger, clock: systemClock })
  const consent = { people, rule: () => ({ rule, table, purposes: new Map<string, string>() }) }
  const loader = createEventLoader({ log, ledger, warehouse, clock: systemClock, consent })
  const stop = new AbortController()
  const running = loader.run(stop.signal)
  while (loaded.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  stop.abort()
  await running
  assert.deepEqual(loaded[0]?.records, [
    { type: 'event', name: 'opened', time: 86_400_000, consent: { withoutPerson: 'denied' } },
    log.entries[0]?.records[1],
    event(2),
  ])
  assert.equal(loaded[2], log.entries[2], 'what is kept whole is not copied')
})

const grant = (field: 'event' | 'time' | 'user_id', form: 'clear' | 'pseudonym') => ({
  field,
  form,
  purpose: 'p',
  until: null,
  rule: field,
})
const POLICY = {
  store: { events: ['opened'], properties: [], paths: [], referrers: [] },
  consent: { asOf: '', optIn: [], gpcBinds: [], unknownCountry: 'opt-out' as const, categories: [] },
  destinations: [
    {
      vendor: 'v',
      destination: 'd',
      protocol: 'plain',
      events: ['opened'],
      properties: [],
      grants: [grant('event', 'clear'), grant('time', 'clear'), grant('user_id', 'pseudonym')],
      consent: [{ purpose: 'p', basis: 'opt-out' as const, gpc: 'everywhere' as const, dnt: 'everywhere' as const, reason: '' }],
    },
  ],
}

function memoryLedger(): Ledger {
  const rows = new Map<number, unknown>()
  let cursor = 1
  return {
    consent: (ordinal: number) => rows.get(ordinal),
    hasConsents: () => rows.size > 0,
    consentCursor: () => cursor,
    saveConsents: async (said: readonly (readonly [number, unknown])[], next: number) => {
      for (const [ordinal, packed] of said) rows.set(ordinal, packed)
      cursor = next
    },
  } as unknown as Ledger
}
