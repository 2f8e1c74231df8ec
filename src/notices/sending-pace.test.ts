/** How fast a version goes out, by a clock of its own: the throttle, later and later attempts, and what a stop leaves behind. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { SMTPServer } from 'smtp-server'
import type { IncidentRow } from '#model/incident-row.ts'
import type { NoticesConfig, NoticeSmtp } from '#model/notices-config.ts'
import type { NewRecipient, RecipientChange } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { createComposer } from './compose.ts'
import type { NoticeContent } from './draft.ts'
import { sendVersion } from './sending.ts'
import type { NoticeWords } from './words.ts'

const OF = { incident: 1, version: 1 }
const ROW = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [] }
const plain = (count: number): NewRecipient[] => Array.from({ length: count }, (_, n) => ({ ...ROW, person: n + 1, tag: `t${n + 1}` }))

interface Given {
  rows: NewRecipient[]
  /** That each of them had before. */
  attempts?: number
  /** A code of refusal at RCPT TO, `close`, or nothing. */
  judge?: (person: number, attempt: number) => number | 'close' | undefined
  /** Of the address as it is when mails are made; else each person's own. */
  tagOf?: (person: number) => string
  /** In the middle of a sleep. */
  onSleep?: (world: { taken: readonly { person: number; at: number }[]; stop(): void }) => void
  perSecond?: number
  connections?: number
  onTrouble?: (trouble: string | undefined, stop: () => void) => void
}

async function sendAll(t: TestContext, given: Given) {
  const { rows, judge = () => undefined, perSecond = 10_000, connections = 1, onTrouble = () => undefined, onSleep } = given
  const tagOf = given.tagOf ?? ((person: number): string => `t${person}`)
  const records = openRecords({ path: ':memory:' })
  records.addRecipients(OF, 1, rows, 0)
  if (given.attempts !== undefined) records.changeRecipients(OF, [{ number: 1, state: 'waiting', attempts: given.attempts }], 0)
  const changes: RecipientChange[] = []
  const { changeRecipients } = records
  records.changeRecipients = (of, some, at) => {
    changes.push(...some)
    changeRecipients(of, some, at)
  }
  let now = 1_800_000_000_000
  const start = now
  const taken: { person: number; at: number }[] = []
  const asked: { person: number; at: number }[] = []
  const personOf = (address: string): number => Number(/\d+/.exec(address)?.[0])
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS', 'AUTH'], disableReverseLookup: true, logger: false },
    onRcptTo: ({ address }, _session, done) => {
      const person = personOf(address)
      asked.push({ person, at: now - start })
      const answer = judge(person, asked.filter((each) => each.person === person).length)
      if (answer === 'close') return server.connections.forEach((one) => one.close())
      done(answer === undefined ? undefined : Object.assign(new Error('no'), { responseCode: answer }))
    },
    onData: (stream, session, done) => {
      stream.resume().on('end', () => {
        taken.push({ person: personOf(session.envelope.rcptTo[0]?.address ?? ''), at: now - start })
        done()
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise<void>((resolve) => server.close(resolve)))
  const { port } = server.server.address() as AddressInfo
  const smtp: NoticeSmtp = {
    ...{ user: undefined, passwordFile: undefined, ca: undefined, tls: 'none' as const },
    ...{ host: '127.0.0.1', port, connections, perSecond },
  }
  const config = { from: { name: 'Example', address: 'security@company.example' }, officialDomain: 'company.example' } as NoticesConfig
  const content = { subject: { ...OF, versionId: 'a'.repeat(32) }, shapes: [{ key: 's' }] } as unknown as NoticeContent
  const render = (): object => ({ subject: 'A notice', text: 'Hello', html: '<p>Hello</p>', common: ['Hello'], personal: [] })
  const ends = new AbortController()
  const stop = (): void => ends.abort()
  const ports = {
    records,
    vault: {
      findReachable: async () => [],
      openAddresses: async (_of: object, people: readonly (readonly number[])[]) =>
        people.map(([person]) => ({ isErased: false, address: `p${person}@example.org`, name: null, tag: tagOf(person ?? 0) })),
      openMembers: async () => [],
      issueNotices: async (_of: object, people: readonly object[]) => people.map((_, index) => `code ${index}`),
      keepSheets: async () => undefined,
      keepNotices: async () => undefined,
    },
    words: { render } as unknown as NoticeWords,
    identifiersOf: async () => (person: number) => [person],
    now: () => now,
    clock: {
      now: () => now,
      sleep: async (ms: number) => {
        now += Math.max(0, ms)
        onSleep?.({ taken, stop })
        await new Promise((resolve) => setImmediate(resolve))
      },
    },
    onTrouble: (trouble: string | undefined) => onTrouble(trouble, stop),
    onAccepted: () => undefined,
    composer: createComposer(config, 'windows'),
  }
  const of = { ...OF, content, begun: {} as IncidentRow, look: { actor: 'ann', action: 'test', reason: 'test' }, config, smtp }
  await sendVersion(of, ports, ends.signal)
  const states = records.recipientCounts(OF).map(({ state, why, count }) => [state, why, count])
  return { records, changes, taken, asked, states }
}

test('no more mails go than the throttle allows, over all connections', { timeout: 240_000 }, async (t) => {
  const perSecond = 8
  const { taken, changes } = await sendAll(t, { rows: plain(40), perSecond, connections: 3 })
  assert.equal(taken.length, 40)
  // A burst of a quarter of a second, and what is on its way on each connection.
  for (const [index, { at }] of taken.entries())
    assert.ok(index + 1 <= (at / 1000) * perSecond + 2 + 3, `${index + 1} mails after ${at} ms`)
  // Each change is written once: begun, and ended.
  assert.equal(changes.length, 2 * 40)
})

test('a recipient who is refused for now is tried later and later, with one Message-ID, the last of all too', {
  timeout: 240_000,
}, async (t) => {
  const tries = 12
  const { asked, states, changes } = await sendAll(t, { rows: plain(1), judge: (_person, attempt) => (attempt < tries ? 451 : undefined) })
  assert.deepEqual(states, [['sent', null, 1]])
  const times = asked.map(({ at }) => at)
  assert.equal(times.length, tries)
  // 2 s, and twice as long each time up to a quarter of an hour, each within a quarter more or less.
  for (const [index, at] of times.entries()) {
    const wanted = Math.min(15 * 60_000, 2000 * 2 ** (index - 1))
    const gap = at - (times[index - 1] ?? 0)
    if (index > 0) assert.ok(gap >= wanted * 0.75 && gap <= wanted * 1.25 + 2000, `attempt ${index + 1} after ${gap} ms, not ${wanted}`)
  }
  assert.equal(new Set(changes.filter(({ state }) => state === 'sending').map(({ messageId }) => messageId)).size, 1)
})

test('whoever was refused for now a hundred times is given up, and not before', { timeout: 240_000 }, async (t) => {
  const { asked, states, records } = await sendAll(t, { rows: plain(1), attempts: 98, judge: () => 451 })
  assert.deepEqual(states, [['failed', 'deferred_too_often', 1]])
  assert.equal(asked.length, 2)
  assert.equal(records.recipientsIn(OF, 'failed', { after: 0, limit: 1 })[0]?.attempts, 100)
})

test('trouble of the connection leaves nobody as if their mail were under way, costs no attempt, and ends with a mail that is taken', {
  timeout: 240_000,
}, async (t) => {
  const stopped = await sendAll(t, { rows: plain(1), judge: () => 'close', onTrouble: (_trouble, stop) => stop() })
  assert.deepEqual(stopped.states, [['waiting', null, 1]])
  assert.equal(stopped.records.recipientsIn(OF, 'waiting', { after: 0, limit: 1 })[0]?.attempts, 0)
  const troubles: (string | undefined)[] = []
  const gone = await sendAll(t, {
    rows: plain(1),
    judge: (_person, attempt) => (attempt < 4 ? 'close' : undefined),
    onTrouble: (trouble) => void troubles.push(trouble),
  })
  assert.deepEqual(gone.states, [['sent', null, 1]])
  assert.equal(gone.records.recipientsIn(OF, 'sent', { after: 0, limit: 1 })[0]?.attempts, 1)
  assert.ok(troubles.length >= 4 && troubles.slice(0, -1).every((each) => each !== undefined), String(troubles))
  assert.equal(troubles.at(-1), undefined)
})

test('whoever waits for the throttle when it is stopped gets no mail any more', { timeout: 240_000 }, async (t) => {
  const { taken, states } = await sendAll(t, {
    rows: plain(3),
    perSecond: 1,
    onSleep: ({ taken: sofar, stop }) => {
      if (sofar.length > 0) stop()
    },
  })
  assert.equal(taken.length, 1)
  assert.deepEqual(states.map(([state, , count]) => [state, count]).sort(), [
    ['sent', 1],
    ['waiting', 2],
  ])
})

test('who has another address by now gets a mail of their own, who still shares one does not', { timeout: 240_000 }, async (t) => {
  const rows = plain(3)
  const shared = [{ ...ROW, person: 1, tag: 'before' }, { ...ROW, person: 2, tag: 't2', joined: 1 }, rows[2] as NewRecipient]
  const { taken } = await sendAll(t, { rows: shared })
  assert.deepEqual(taken.map(({ person }) => person).sort(), [1, 2, 3])
  const still = await sendAll(t, { rows: [rows[0] as NewRecipient, { ...ROW, person: 2, tag: 't1', joined: 1 }], tagOf: () => 't1' })
  assert.deepEqual(
    still.taken.map(({ person }) => person),
    [1],
  )
})
