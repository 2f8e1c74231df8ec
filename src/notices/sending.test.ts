/** What is durable while mails go out: never more are under way than there are connections, and a row says so before its mail goes. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { SMTPServer } from 'smtp-server'
import type { BulkheadError } from '#base/errors.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { NoticesConfig, NoticeSmtp } from '#model/notices-config.ts'
import type { NoticeRecords } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { type Composer, createComposer } from './compose.ts'
import type { NoticeContent } from './draft.ts'
import { sendVersion } from './sending.ts'
import { settleRecipients } from './settling.ts'
import type { NoticeWords } from './words.ts'

const OF = { incident: 1, version: 1 }
const PEOPLE = 80
const CONNECTIONS = 3
const LOOK = { actor: 'ann', action: 'test', reason: 'test' }

interface World {
  records: NoticeRecords
  /** Message-IDs in the order in which they were taken. */
  taken: string[]
  /** Largest number of rows that were `sending` on the disk at once. */
  underWay(): number
  states(): Record<string, number>
  send(signal?: AbortSignal, composer?: Composer, more?: Partial<NoticeSmtp>): Promise<void>
  troubles: string[]
}

/** `judge` answers RCPT TO: a code of refusal, or nothing. */
async function makeWorld(
  t: TestContext,
  judge: (address: string) => number | string | undefined,
  onTaken?: (count: number) => void,
  judgeSender?: () => string,
  size?: number,
): Promise<World> {
  const records = openRecords({ path: ':memory:' })
  const row = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [] }
  records.addRecipients(
    OF,
    1,
    Array.from({ length: PEOPLE }, (_, index) => ({ ...row, person: index + 1, tag: `t${index + 1}` })),
    0,
  )
  const taken: string[] = []
  const troubles: string[] = []
  let most = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    ...(size !== undefined && { size }),
    logger: false,
    onMailFrom: (_address, _session, done) => {
      const answer = judgeSender?.()
      done(answer === undefined ? undefined : refusalOf(answer))
    },
    onRcptTo: ({ address }, _session, done) => {
      const answer = judge(address)
      done(answer === undefined ? undefined : refusalOf(String(answer)))
    },
    onData: (stream, _session, done) => {
      let text = ''
      stream.setEncoding('latin1').on('data', (part: string) => {
        text += part
      })
      stream.on('end', () => {
        const messageId = /^message-id: *(<[^>]*>)/im.exec(text)?.[1] ?? ''
        const state = records.recipientBy(OF, messageId)?.state
        if (state !== 'sending') return done(Object.assign(new Error(`it is ${state}`), { responseCode: 554 }))
        most = Math.max(most, records.recipientsIn(OF, 'sending', { after: 0, limit: PEOPLE }).length)
        taken.push(messageId)
        onTaken?.(taken.length)
        done()
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise<void>((resolve) => server.close(resolve)))
  const { port } = server.server.address() as AddressInfo
  const given = { user: undefined, passwordFile: undefined, ca: undefined, tls: 'none' as const }
  const smtp: NoticeSmtp = { ...given, host: '127.0.0.1', port, connections: CONNECTIONS, perSecond: 10_000 }
  const config = { from: { name: 'Example', address: 'security@company.example' }, officialDomain: 'company.example' } as NoticesConfig
  const content = { subject: { ...OF, versionId: 'a'.repeat(32) }, shapes: [{ key: 's' }] } as unknown as NoticeContent
  const render = (): object => ({ subject: 'A notice', text: 'Hello', html: '<p>Hello</p>', common: ['Hello'], personal: [] })
  let shift = 0
  const ports = {
    records,
    vault: {
      findReachable: async () => [],
      openAddresses: async (_of: object, people: readonly (readonly number[])[]) =>
        people.map(([person]) => ({ isErased: false, address: `p${person}@example.org`, name: null, tag: `t${person}` })),
      openMembers: async () => [],
      issueNotices: async (_of: object, people: readonly object[]) => people.map((_, index) => `code ${index}`),
      keepSheets: async () => undefined,
      keepNotices: async () => undefined,
    },
    words: { render } as unknown as NoticeWords,
    identifiersOf: async () => (person: number) => [person],
    now: () => Date.now() + shift,
    clock: {
      now: () => Date.now() + shift,
      sleep: async (ms: number) => {
        shift += Math.max(0, ms)
        await new Promise((resolve) => setImmediate(resolve))
      },
    },
    onTrouble: (trouble: string | undefined) => void (trouble === undefined ? undefined : troubles.push(trouble)),
    onAccepted: () => undefined,
  }
  return {
    records,
    taken,
    troubles,
    underWay: () => most,
    states: () => {
      const counts: Record<string, number> = {}
      for (const { state, count } of records.recipientCounts(OF)) counts[state] = (counts[state] ?? 0) + count
      return counts
    },
    send: (signal = new AbortController().signal, composer = createComposer(config, 'windows'), more = {}) =>
      sendVersion(
        { ...OF, content, begun: {} as IncidentRow, look: LOOK, config, smtp: { ...smtp, ...more } },
        { ...ports, composer },
        signal,
      ),
  }
}

function refusalOf(answer: string): Error {
  return Object.assign(new Error(answer.slice(4) || 'no'), { responseCode: Number(answer.slice(0, 3)) })
}

test('each mail is on record as under way before its bytes go, never more of them than connections, and each goes once', {
  timeout: 240_000,
}, async (t) => {
  const deferred = new Set<string>()
  const { send, states, taken, underWay, records } = await makeWorld(t, (address) => {
    const number = Number(/\d+/.exec(address)?.[0])
    if (number % 10 === 0) return 550
    if (number % 7 !== 0 || deferred.has(address)) return undefined
    deferred.add(address)
    return 451
  })
  await send()
  assert.deepEqual(states(), { sent: PEOPLE - PEOPLE / 10, failed: PEOPLE / 10 })
  assert.equal(new Set(taken).size, PEOPLE - PEOPLE / 10)
  assert.equal(taken.length, PEOPLE - PEOPLE / 10)
  assert.equal(deferred.size > 0, true)
  assert.ok(underWay() >= 1 && underWay() <= CONNECTIONS, `${underWay()} were under way`)
  const attempts = records.recipientsIn(OF, 'sent', { after: 0, limit: PEOPLE }).map((each) => each.attempts)
  assert.equal(attempts.filter((count) => count === 2).length, deferred.size)
})

test('what was made ahead and not handed over when it is stopped waits, and goes with the next sending', {
  timeout: 240_000,
}, async (t) => {
  const ends = new AbortController()
  const world = await makeWorld(
    t,
    () => undefined,
    (count) => {
      if (count === 20) ends.abort()
    },
  )
  await world.send(ends.signal)
  const first = world.states()
  assert.equal(first.sent, world.taken.length)
  assert.equal((first.sent ?? 0) + (first.waiting ?? 0), PEOPLE)
  assert.ok((first.waiting ?? 0) > 0)
  await world.send()
  assert.deepEqual(world.states(), { sent: PEOPLE })
  assert.equal(new Set(world.taken).size, PEOPLE)
})

test('a mail that cannot be made stops the sending, and nobody is left as if their mail were under way', {
  timeout: 240_000,
}, async (t) => {
  const world = await makeWorld(t, () => undefined)
  let made = 0
  const composer: Composer = {
    compose: async (_mail, _to, { messageId }) => {
      made += 1
      if (made > 30) throw new Error('the key does not sign')
      return Buffer.from(`Message-ID: ${messageId}\r\n\r\nHello\r\n`)
    },
  }
  await assert.rejects(world.send(undefined, composer), /the key does not sign/)
  const { sent = 0, waiting = 0 } = world.states()
  assert.equal(sent, world.taken.length)
  assert.equal(sent + waiting, PEOPLE)
})

test('a server that refuses us ends the sending, everybody waits, and all are told when it is set right', {
  timeout: 240_000,
}, async (t) => {
  for (const [answer, most] of [
    ['554 5.7.1 Relay access denied', 3],
    ['530 5.7.0 Authentication required', 1],
    ['550 no', 20],
    ['550 5.1.1 User unknown', 20],
  ] as const) {
    let isRight = false
    let asked = 0
    const world = await makeWorld(t, (address) => {
      asked += 1
      if (!isRight) return answer
      // One whose own server has such a rule, and one that is not there.
      return ['p7@example.org', 'p8@example.org'].includes(address) ? answer : undefined
    })
    const error = await world.send().then(
      () => undefined,
      (thrown: unknown) => thrown as BulkheadError,
    )
    assert.equal(error?.code, 'notice_server_refuses', answer)
    assert.ok(error?.message.includes(answer.slice(0, 3)), error?.message)
    assert.ok(!/example\.org/.test(error?.message ?? ''))
    assert.deepEqual(world.states(), { waiting: PEOPLE }, answer)
    assert.ok(asked < most + CONNECTIONS, `${asked} were asked for with ${answer}`)
    isRight = true
    await world.send()
    assert.deepEqual(world.states(), { sent: PEOPLE - 2, failed: 2 }, answer)
  }
})

test('a server that stops taking mails from us in the middle makes nobody fail', { timeout: 240_000 }, async (t) => {
  let isRight = true
  const world = await makeWorld(
    t,
    () => (isRight ? undefined : '550 5.4.5 Daily sending limit exceeded'),
    (count) => {
      if (count === 30) isRight = false
    },
  )
  await assert.rejects(world.send(), /550 5\.4\.5/)
  const { sent = 0, waiting = 0, failed = 0 } = world.states()
  assert.deepEqual([sent + waiting, failed], [PEOPLE, 0])
  isRight = true
  await world.send()
  assert.deepEqual(world.states(), { sent: PEOPLE })
})

test('a sender that is refused before anybody is named ends the sending at once', { timeout: 240_000 }, async (t) => {
  const world = await makeWorld(
    t,
    () => undefined,
    undefined,
    () => '553 5.1.8 Sender address rejected',
  )
  await assert.rejects(world.send(), /553 5\.1\.8 .*when we named the sender/)
  assert.deepEqual(world.states(), { waiting: PEOPLE })
})

test('a mail that is larger than the server takes makes nobody fail: the others are sent, and then it is said', {
  timeout: 240_000,
}, async (t) => {
  const composerOf = (isLarge: (to: string) => boolean): Composer => ({
    compose: async (_mail, to, { messageId }) =>
      Buffer.from(`Message-ID: ${messageId}\r\n\r\n${isLarge(to) ? 'Ann\r\n'.repeat(1000) : 'Hello\r\n'}`),
  })
  const world = await makeWorld(t, () => undefined, undefined, undefined, 2000)
  const sendAll = (isLarge: (to: string) => boolean): Promise<BulkheadError | undefined> =>
    world.send(undefined, composerOf(isLarge)).then(
      () => undefined,
      (thrown: unknown) => thrown as BulkheadError,
    )
  const all = await sendAll(() => true)
  assert.equal(all?.code, 'notice_server_refuses')
  assert.deepEqual(world.states(), { waiting: PEOPLE })
  const few = await sendAll((to) => /^p\d?[78]@/.test(to))
  assert.match(few?.message ?? '', /^a mail of 5\d{3} bytes is too large for the mail server: it takes at most 2000 bytes$/)
  assert.match(few?.hint ?? '', /on-request/)
  const large = 2 * Math.ceil(PEOPLE / 10)
  assert.deepEqual(world.states(), { sent: PEOPLE - large, waiting: large })
  assert.ok(world.troubles.every((trouble) => trouble === 'some mails are larger than it takes'))
  assert.equal(await sendAll(() => false), undefined)
  assert.deepEqual(world.states(), { sent: PEOPLE })
  assert.equal(new Set(world.taken).size, PEOPLE)
})

test('what a person says of refused and failed ones: they go again, or have failed', { timeout: 240_000 }, async (t) => {
  const world = await makeWorld(t, () => '550 5.7.1 rejected')
  await assert.rejects(world.send())
  const settle = (was: 'refused' | 'failed-again'): number => settleRecipients(OF, { was }, world.records, 1)
  const refused = settle('refused')
  assert.ok(refused >= 3 && refused < 3 + CONNECTIONS)
  assert.deepEqual(world.states(), { failed: refused, waiting: PEOPLE - refused })
  assert.equal(settle('failed-again'), refused)
  assert.deepEqual(world.states(), { waiting: PEOPLE })
  assert.equal(
    world.records.recipientsDue(OF, { now: 1, after: 0, limit: PEOPLE }).every(({ attempts }) => attempts === 0),
    true,
  )
})

test('a server that hangs up at one person keeps nobody else from being told', { timeout: 240_000 }, async (t) => {
  let others = 0
  const world = await makeWorld(t, (address) => {
    if (address === 'p1@example.org' && others < PEOPLE - 1) return 421
    others += 1
    return undefined
  })
  await world.send(undefined, undefined, { connections: 1 })
  assert.deepEqual(world.states(), { sent: PEOPLE })
  assert.equal(new Set(world.taken).size, PEOPLE)
  assert.deepEqual(
    world.records.recipientsIn(OF, 'sent', { after: 0, limit: PEOPLE }).filter(({ attempts }) => attempts !== 1),
    [],
  )
})

test('an error of one connection ends the sending and says so', { timeout: 240_000 }, async (t) => {
  const world = await makeWorld(t, () => undefined)
  await assert.rejects(world.send(undefined, undefined, { user: 'u', passwordFile: '/nonexistent/password' }), /password/)
  assert.deepEqual(world.states(), { waiting: PEOPLE })
  const { changeRecipients } = world.records
  let calls = 0
  world.records.changeRecipients = (...given) => {
    calls += 1
    if (calls > 5) throw new Error('the disk is full')
    changeRecipients(...given)
  }
  await assert.rejects(world.send(), /the disk is full/)
})
