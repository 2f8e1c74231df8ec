/** What a sending does when the vault goes away: it waits and ends by itself, and what has to be on record is there before its end. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { BulkheadError, type ErrorCode } from '#base/errors.ts'
import { openRecords } from '#records/records.ts'
import { type DeskPorts, NoticeDesk } from './desk.ts'

const OF = { incident: 1, version: 1 }
const BEGUN = { way: 'smtp', dir: null, approval: null } as const

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
  const row = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [], tag: '' }
  records.addRecipients(
    OF,
    1,
    sentAt.map((_, index) => ({ ...row, person: index + 1 })),
    0,
  )
  for (const [index, at] of sentAt.entries()) records.changeRecipients(OF, [{ number: index + 1, state: 'sent' }], at)
  records.addNoticeVersion({
    ...{ ...OF, id: 'a'.repeat(32), scopeVersion: 1, state: 'proposed', way: null, dir: null, content: '{}', sha256: '' },
    ...{ noAddress: 0, erased: 0, madeAt: 0, madeBy: 'ann', startedAt: null, approval: null, endedAt: null },
  })
  const desk = new NoticeDesk(ports)
  const state = () => records.noticeVersion(1, 1)?.state
  const untilStill = async (): Promise<void> => {
    for (let turn = 0; desk.isRunning(OF) && turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  return { desk, calls, state, untilStill }
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

test('that people were told is on record before the end, with the earliest of the instants, also when a crash came between', async () => {
  const { desk, calls, state, untilStill } = deskWith([70, 50, 60], { onTold: failing(1, 'vault_unavailable') })
  desk.begin(OF, BEGUN)
  await untilStill()
  assert.deepEqual(calls, ['told 50', 'waits', 'told 50', 'ended'])
  assert.equal(state(), 'done')
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
