/** What a sending does when the vault goes away: it waits and ends by itself, and what has to be on record is there before its end. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { BulkheadError, type ErrorCode } from '#base/errors.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { type DeskPorts, NoticeDesk } from './desk.ts'
import { type NoticeContent, textsSha256 } from './draft.ts'
import { openMaildir } from './maildir.ts'

const OF = { incident: 1, version: 1 }
const BEGUN = { way: 'smtp', dir: null, approval: null } as const

const ROW = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [], tag: '' }
const VERSION: NoticeVersion = {
  ...{ ...OF, id: 'a'.repeat(32), scopeVersion: 1, state: 'proposed', way: null, dir: null, content: '{}', sha256: '' },
  ...{ noAddress: 0, erased: 0, madeAt: 0, madeBy: 'ann', startedAt: null, approval: null, endedAt: null },
}

interface Given {
  onTold?: (at: number) => void
  onEnded?: () => void
}

/** A version of which everything was sent already, at these instants. */
function deskWith(sentAt: readonly number[], { onTold, onEnded }: Given) {
  const records = openRecords({ path: ':memory:' })
  const calls: string[] = []
  const ports: DeskPorts = {
    records,
    vault: {
      findReachable: async () => [],
      openAddresses: async () => [],
      openMembers: async () => [],
      issueNotices: async () => [],
      keepSheets: async () => undefined,
      keepNotices: async () => undefined,
    },
    words: { languages: [] } as unknown as DeskPorts['words'],
    config: undefined,
    clock: {
      now: () => 1000,
      sleep: async (ms) => {
        if (ms > 0) calls.push('waits')
        await new Promise((resolve) => setImmediate(resolve))
      },
    },
    sealedPlaces: [],
    begunRow: () => undefined,
    identifiersOf: async () => (person) => [person],
    assertStillTrue: async () => undefined,
    onTold: async (_incident, at) => {
      calls.push(`told ${at}`)
      onTold?.(at)
    },
    onEnded: async () => {
      calls.push('ended')
      onEnded?.()
    },
    trace: (level) => void calls.push(level),
  }
  records.addRecipients(
    OF,
    1,
    sentAt.map((_, index) => ({ ...ROW, person: index + 1 })),
    0,
  )
  for (const [index, at] of sentAt.entries()) records.changeRecipients(OF, [{ number: index + 1, state: 'sent' }], at)
  records.addNoticeVersion(VERSION)
  const desk = new NoticeDesk(ports)
  const state = () => records.noticeVersion(1, 1)?.state
  const untilStill = async (): Promise<void> => {
    for (let turn = 0; desk.isRunning(OF) && turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  return { desk, calls, state, untilStill, records, ports }
}

/** Fails so many times, then does not. */
function failing(times: number, code: ErrorCode): () => void {
  let left = times
  return () => {
    if (left-- > 0) throw new BulkheadError(code, 'away')
  }
}

test('a vault that goes away is waited for, and the version ends by itself', async () => {
  const { desk, calls, state, untilStill } = deskWith([], { onEnded: failing(3, 'vault_unavailable') })
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual(calls, ['ended', 'waits', 'ended', 'waits', 'ended', 'waits', 'ended'])
  assert.deepEqual([state(), desk.trouble(OF)], ['done', null])
})

test('a full disk is waited for too', async () => {
  let left = 2
  const onEnded = (): void => {
    if (left-- > 0) throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
  }
  const { desk, calls, state, untilStill } = deskWith([], { onEnded })
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual([calls.length, state()], [5, 'done'])
})

test('that people were told is on record before the end, with the earliest of the instants, also when a crash came between', async () => {
  const { desk, calls, state, untilStill } = deskWith([70, 50, 60], { onTold: failing(1, 'vault_unavailable') })
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual(calls, ['told 50', 'waits', 'told 50', 'ended'])
  assert.equal(state(), 'done')
})

test('words or a sender that nobody approved go to nobody, and what a check needs of the notices that are out stays', async () => {
  const from = { name: 'Example', address: 'security@company.example' }
  const content = { subject: { from }, shapes: [], languages: [] } as unknown as NoticeContent
  const cases: { sha256: string; from: typeof from; isBegun?: boolean }[] = [
    { sha256: 'f'.repeat(64), from },
    { sha256: textsSha256(content, {} as never), from: { ...from, name: 'Other' } },
    { sha256: textsSha256(content, {} as never), from: { ...from, address: 'other@company.example' } },
    // Approved, and nobody has signed that it was begun.
    { sha256: textsSha256(content, {} as never), from, isBegun: false },
  ]
  for (const approved of cases) {
    const { desk, calls, state, untilStill, records, ports } = deskWith([5], {})
    Object.assign(ports, { config: { from: approved.from, smtp: { host: '127.0.0.1', port: 1 } } })
    if (approved.isBegun !== false) ports.begunRow = () => ({ actor: 'ann' }) as IncidentRow
    ports.vault.keepSheets = async () => void calls.push('sheets')
    records.dropNotices(OF)
    records.addRecipients(OF, 1, [{ ...ROW, person: 1, tag: 't' }], 0)
    records.addNoticeVersion({ ...VERSION, content: JSON.stringify(content), sha256: approved.sha256 })
    records.changeNoticeVersion(OF, { state: 'sending', way: 'smtp' })
    desk.resume()
    await untilStill()
    assert.deepEqual([calls, state(), desk.trouble(OF)], [['info', 'error'], 'sending', 'notice_changed'])
    assert.deepEqual([desk.counts(OF).waiting, desk.left(1).length], [1, 1])
    await desk.stop(OF)
    assert.deepEqual([state(), desk.trouble(OF), desk.fault(OF)], ['stopped', null, undefined])
  }
})

test('whom a stopped version did not reach is told by the next one, and by the stopped one not any more', () => {
  const { desk, records } = deskWith([5], {})
  records.dropNotices(OF)
  const people = [1, 2, 3, 4].map((person) => ({ ...ROW, person, tag: `t${person}` }))
  records.addRecipients(OF, 1, [...people, { ...ROW, person: 5, tag: 't2', joined: 2 }, { ...ROW, person: 6, tag: 't1', joined: 1 }], 0)
  records.addNoticeVersion({ ...VERSION, state: 'stopped' })
  records.changeRecipients(
    OF,
    [
      { number: 1, state: 'sent' },
      { number: 3, state: 'unknown' },
    ],
    1,
  )
  // Nobody knows of the third; the fifth would have been told by the second's mail.
  assert.deepEqual([...records.peopleTold(1).reached].sort(), [1, 3, 6])
  assert.equal(desk.left(1).length, 1)
  const next = { incident: 1, version: 2 }
  records.addRecipients(
    next,
    1,
    [
      { ...ROW, person: 2, tag: 't2' },
      { ...ROW, person: 5, tag: 't2', joined: 1 },
    ],
    0,
  )
  records.addNoticeVersion({ ...VERSION, ...next, id: 'b'.repeat(32), state: 'sending' })
  desk.takeOver(next, (person) => person)
  assert.deepEqual(desk.counts(OF).why, { same_address: 2, later_version: 1 })
  assert.deepEqual(
    records.recipientsDue(OF, { now: 9, after: 0, limit: 9 }).map(({ person }) => person),
    [4],
  )
  assert.deepEqual([...records.peopleTold(1).reached].sort(), [1, 2, 3, 5, 6])
  // The next one is stopped too.
  records.changeNoticeVersion(next, { state: 'stopped' })
  assert.deepEqual([...records.peopleTold(1).reached].sort(), [1, 3, 6])
})

test('whom a version leaves to the next one, since the address had its mail, is told by the next one', () => {
  const { records } = deskWith([5, 6], {})
  records.changeNoticeVersion(OF, { state: 'done' })
  records.changeRecipients(OF, [{ number: 2, state: 'skipped', why: 'next_version', tag: 't' }], 7)
  records.changeRecipients(OF, [{ number: 1, state: 'sent', tag: 't' }], 7)
  assert.deepEqual([...records.peopleTold(1).reached], [1])
})

test('the next start removes mails that a crash left in tmp, and what is left in new was filed', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-desk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const dir = openMaildir(path.join(folder, 'out'), [])
  const { desk, records } = deskWith([1], {})
  records.changeNoticeVersion(OF, { state: 'stopped', way: 'maildir', dir })
  records.changeRecipients(OF, [{ number: 1, state: 'sending', messageId: '<gone@company.example>' }], 1)
  writeFileSync(path.join(dir, 'tmp', `${'0'.repeat(40)}.bulkhead`), 'To: ann@x.example')
  desk.resume()
  assert.deepEqual([readdirSync(path.join(dir, 'tmp')), records.recipientsIn(OF, 'filed', { after: 0, limit: 9 }).length], [[], 1])
})

test('a maildir that is somebody else’s by now keeps nobody from a start', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-desk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, 'tmp'), '')
  const { desk, calls, records } = deskWith([1, 1], {})
  records.changeNoticeVersion(OF, { state: 'done', way: 'maildir', dir: folder })
  desk.resume()
  assert.deepEqual(calls, ['warn'])
})

test('what a failure left under way is settled by the way that it took, before another is taken', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-desk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [former, next] = ['former', 'next'].map((name) => openMaildir(path.join(folder, name), [])) as [string, string]
  for (const taken of [
    { way: 'smtp', dir: null },
    { way: 'maildir', dir: former },
  ] as const) {
    const { desk, records } = deskWith([5], {})
    records.changeNoticeVersion(OF, { state: 'stopped', ...taken, startedAt: 7 })
    records.changeRecipients(OF, [{ number: 1, state: 'sending', messageId: '<a@company.example>', attempts: 1, why: null }], 8)
    // As it was called when it was filed.
    const name = `${createHash('sha256').update('<a@company.example>').digest('hex').slice(0, 40)}.bulkhead`
    writeFileSync(path.join(former, 'tmp', name), 'To: ann@x.example')
    desk.begin(OF, { way: 'maildir', dir: next, approval: null })
    const { filed, unknown, waiting } = desk.counts(OF)
    assert.deepEqual([filed, unknown, waiting], taken.way === 'smtp' ? [0, 1, 0] : [0, 0, 1], taken.way)
    await desk.close()
  }
})

test('who begins while another version files into the same maildir leaves its mails alone', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-desk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const dir = openMaildir(path.join(folder, 'out'), [])
  const { desk, calls, records, ports } = deskWith([5], {})
  const next = { incident: 1, version: 2 }
  records.addRecipients(next, 1, [{ ...ROW, person: 9, tag: 't' }], 0)
  records.addNoticeVersion({ ...VERSION, ...next, id: 'b'.repeat(32), state: 'stopped', way: 'maildir', dir })
  const letGo = heldEnd(ports, calls)
  desk.begin(OF, { way: 'maildir', dir, approval: null })
  await ticks()
  // Made, and its row does not say so yet.
  const made = `${'1'.repeat(40)}.bulkhead`
  writeFileSync(path.join(dir, 'tmp', made), 'To: ann@x.example')
  records.changeRecipients(next, [{ number: 1, state: 'sending', messageId: '<b@company.example>', attempts: 1 }], 8)
  const left = `${createHash('sha256').update('<b@company.example>').digest('hex').slice(0, 40)}.bulkhead`
  writeFileSync(path.join(dir, 'tmp', left), 'To: bob@x.example')
  desk.begin(next, { way: 'maildir', dir, approval: null })
  assert.deepEqual([readdirSync(path.join(dir, 'tmp')), desk.counts(next).waiting], [[made], 1])
  letGo()
  await desk.close()
})

test('what does not pass by itself stands still, and says why', async () => {
  const { desk, calls, state, untilStill } = deskWith([], { onEnded: failing(1, 'incident_unknown') })
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual(calls, ['ended', 'error'])
  assert.deepEqual([state(), desk.trouble(OF)], ['sending', 'incident_unknown'])
  // Whoever calls again sets it going again.
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual([state(), desk.trouble(OF)], ['done', null])
})

test('a sending that is closed while it waits goes no further', async () => {
  const { desk, calls, state } = deskWith([], { onEnded: failing(1_000_000, 'vault_unavailable') })
  desk.begin(OF, BEGUN)
  await new Promise((resolve) => setImmediate(resolve))
  await desk.close()
  const before = calls.length
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(calls.length, before)
  assert.equal(state(), 'sending')
})

test('what was approved and begun goes out: what a check needs is kept first', async () => {
  const from = { name: 'Example', address: 'security@company.example' }
  const content = { subject: { from }, shapes: [], languages: [] } as unknown as NoticeContent
  const { desk, calls, untilStill, records, ports } = deskWith([5], {})
  Object.assign(ports, { config: { from, smtp: { host: '127.0.0.1', port: 1 } }, begunRow: () => ({ actor: 'ann' }) })
  ports.vault.keepSheets = async () => {
    calls.push('sheets')
    throw new BulkheadError('vault_refused', 'no further')
  }
  records.dropNotices(OF)
  records.addRecipients(OF, 1, [{ ...ROW, person: 1, tag: 't' }], 0)
  records.addNoticeVersion({ ...VERSION, content: JSON.stringify(content), sha256: textsSha256(content, {} as never) })
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual([calls, desk.trouble(OF)], [['sheets', 'error'], 'vault_refused'])
})

test('what a crash left under way is open, of a stopped version too, and a stopped one does not go on by itself', async () => {
  for (const state of ['sending', 'stopped'] as const) {
    const { desk, records, untilStill } = deskWith([5, 5], {})
    records.changeNoticeVersion(OF, { state, way: 'smtp', startedAt: 7 })
    records.changeRecipients(OF, [{ number: 2, state: 'sending', messageId: '<a@company.example>', attempts: 1 }], 8)
    desk.resume()
    assert.equal(desk.isRunning(OF), state === 'sending')
    await untilStill()
    assert.equal(desk.counts(OF).unknown, 1)
    assert.deepEqual(desk.open(OF), [{ messageId: '<a@company.example>', at: 1000, why: 'crash' }])
    const { startedAt, state: now } = records.noticeVersion(1, 1) ?? {}
    assert.deepEqual([startedAt, now], [7, state === 'sending' ? 'done' : 'stopped'])
  }
})

test('an answer that could not be written is none: whoever calls again finds it open', async () => {
  const { desk, records, untilStill } = deskWith([5], {})
  records.changeNoticeVersion(OF, { state: 'sending', way: 'smtp', startedAt: 7 })
  records.changeRecipients(OF, [{ number: 1, state: 'sending', messageId: '<a@company.example>', attempts: 1 }], 8)
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.equal(desk.counts(OF).unknown, 1)
  assert.equal(records.noticeVersion(1, 1)?.startedAt, 7, 'it was begun before')
})

/** An end that waits until it is let go. */
function heldEnd(ports: DeskPorts, calls: string[]): () => void {
  const gate = Promise.withResolvers<void>()
  ports.onEnded = async ({ version }) => {
    calls.push(`ends ${version}`)
    await gate.promise
  }
  return gate.resolve
}

const ticks = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('versions go one after the other, a stop waits for what is under way, and nothing begins once it is closed', async () => {
  const { desk, calls, records, ports, untilStill } = deskWith([5], {})
  const next = { incident: 1, version: 2 }
  records.addNoticeVersion({ ...VERSION, ...next, id: 'b'.repeat(32) })
  const letGo = heldEnd(ports, calls)
  desk.begin(OF, BEGUN)
  desk.begin(next, BEGUN)
  await ticks()
  assert.deepEqual(calls, ['told 5', 'ends 1'])
  let isStopped = false
  const stopping = desk.stop(OF).then(() => {
    isStopped = true
  })
  await ticks()
  assert.equal(isStopped, false)
  letGo()
  await stopping
  await untilStill()
  await ticks()
  assert.deepEqual(calls, ['told 5', 'ends 1', 'ends 2'])
  await desk.close()
  records.changeNoticeVersion(next, { state: 'sending' })
  desk.begin(next, BEGUN)
  assert.equal(desk.isRunning(next), false)
})

test('who is to be told again while the end is put on record is not left behind', async () => {
  const { desk, records, ports, state, untilStill } = deskWith([5], {})
  ports.onEnded = async () => records.changeRecipients(OF, [{ number: 1, state: 'waiting', nextAt: 0 }], 9)
  desk.begin(OF, BEGUN)
  await untilStill()
  // Without a configuration it cannot go on, and says so; it is not done.
  assert.deepEqual([state(), desk.trouble(OF)], ['sending', 'notice_not_configured'])
})

test('who begins in the very moment in which the last of the others ends is not left behind', async () => {
  const { desk, records, ports, state, untilStill } = deskWith([5], {})
  const change = records.changeNoticeVersion
  ports.records = {
    ...records,
    changeNoticeVersion: (of, given) => {
      const changed = change(of, given)
      if (given.state !== 'done') return changed
      ports.records = records
      records.changeRecipients(OF, [{ number: 1, state: 'waiting', nextAt: 0 }], 9)
      queueMicrotask(() => desk.begin(OF, BEGUN))
      return changed
    },
  }
  desk.begin(OF, BEGUN)
  await untilStill()
  // Without a configuration it cannot go on, and says so.
  assert.deepEqual([state(), desk.trouble(OF)], ['sending', 'notice_not_configured'])
})
