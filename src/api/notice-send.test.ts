/** What a notice tells of our measures has to be so when it is sent, and two who send at once begin it once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NoticeMeasure } from '#model/notice-text.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import { assertStillTrue, begin, send } from './notice-send.ts'

const TOLD = 5000

function asked(measures: readonly NoticeMeasure[], now: { flow: string; deletions: string[]; rotatedAt: number[] }): Promise<void> {
  const deps = {
    incidents: { state: () => ({ vendor: 'mixpanel', times: { told: TOLD } }) },
    records: { flow: () => ({ state: now.flow }), rotations: () => now.rotatedAt.map((at) => ({ at })) },
    leaving: { vault: { deletions: async () => ({ leaving: now.deletions.map((state) => ({ state })) }) } },
  } as unknown as Parameters<typeof assertStillTrue>[1]
  const version = { incident: 1, version: 2, content: JSON.stringify({ subject: { measures } }) } as NoticeVersion
  return assertStillTrue(version, deps)
}

test('a measure that was taken back is told by no notice; one that came since makes no difference', async () => {
  const all: NoticeMeasure[] = ['cut', 'retired', 'deletion-asked', 'credentials-rotated']
  const whole = { flow: 'retired', deletions: ['asked'], rotatedAt: [TOLD] }
  await asked(all, whole)
  await asked(['cut'], whole)
  await asked([], { flow: 'open', deletions: [], rotatedAt: [] })
  const gone: [NoticeMeasure, Partial<typeof whole>, RegExp][] = [
    ['cut', { flow: 'open' }, /nothing is sent to the vendor/],
    ['retired', { flow: 'cut' }, /the vendor was left/],
    ['deletion-asked', { deletions: ['due'] }, /asked to delete/],
    ['credentials-rotated', { rotatedAt: [TOLD - 1] }, /credentials were replaced/],
  ]
  for (const [measure, change, message] of gone) {
    await assert.rejects(asked([measure], { ...whole, ...change }), (thrown) => {
      assert.equal((thrown as { code?: string }).code, 'notice_changed')
      assert.match((thrown as Error).message, message)
      return true
    })
  }
})

test('who goes on with a stopped version leaves to the later ones whom they tell, by the numbers that people have now', async () => {
  const content = JSON.stringify({ subject: { measures: [] }, shapes: [], languages: [] })
  const versions = [
    { incident: 1, version: 1, id: 'a', state: 'stopped', way: 'smtp', dir: null, content, startedAt: null, endedAt: null },
    { incident: 1, version: 2, id: 'b', state: 'done', way: 'smtp', dir: null, content },
    { incident: 1, version: 3, id: 'c', state: 'stopped', way: 'smtp', dir: null, content },
  ] as NoticeVersion[]
  const calls: string[] = []
  const deps = {
    notices: {
      versions: () => versions,
      left: () => versions.slice(0, 1),
      assertApproved: () => undefined,
      personOf: async () => (person: number) => person + 100,
      takeOver: ({ version }: NoticeVersion, personOf: (person: number) => number) => void calls.push(`${version} ${personOf(1)}`),
      wayOf: () => ({ way: 'smtp', dir: null }),
      begin: ({ version }: NoticeVersion) => void calls.push(`begin ${version}`),
      counts: () => ({}),
      fault: () => undefined,
      trouble: () => null,
    },
    incidents: { add: async () => void calls.push('row') },
    approvals: { list: () => [] },
    records: { noticeVersion: () => versions[0] },
  } as unknown as Parameters<typeof send>[2]
  const request = { params: {}, operator: 'ann', body: { reason: 'the log was looked at', continue: true } } as unknown as Parameters<
    typeof send
  >[1]
  await send(1, request, deps)
  assert.deepEqual(calls, ['row', '2 101', '3 101', 'begin 1'])
})

test('two who send at the same moment begin it once, however long the use of the approval takes to go on record', async () => {
  const version = { incident: 1, version: 2, id: 'a', scopeVersion: 1 } as NoticeVersion
  const now = { ...version, state: 'proposed' }
  const added: string[] = []
  let turn: Promise<unknown> = Promise.resolve()
  const deps = {
    notices: {
      wayOf: () => ({ way: 'outbox', dir: null }),
      counts: () => ({ recipients: 1, organisations: { recipients: 0 } }),
      personOf: async () => (person: number) => person,
      takeOver: () => undefined,
      begin: () => void Object.assign(now, { state: 'sending' }),
    },
    incidents: {
      add: (_id: number, _look: unknown, make: (state: unknown) => { kind: string }) => {
        const mine = turn.then(async () => {
          const addition = make({ events: [], amendments: [], scopes: [{ version: 1, scope: {} }], scope: {} })
          await Promise.resolve()
          added.push(addition.kind)
        })
        turn = mine.catch(() => undefined)
        return mine
      },
    },
    approvals: { get: (id: number) => ({ id }), stateOf: () => 'counts', use: () => new Promise((resolve) => setTimeout(resolve, 20)) },
    clocks: { keeper: { now: async () => [] } },
    records: { noticeVersion: () => now },
  } as unknown as Parameters<typeof begin>[2]
  const given = { outbox: undefined, approval: { id: 7 }, look: { actor: 'ann', action: 'send', reason: '' } } as Parameters<
    typeof begin
  >[1]
  void begin(version, given, deps)
  await assert.rejects(begin(version, given, deps), (thrown) => (thrown as { code?: string }).code === 'approval_needed')
  assert.deepEqual(added, ['notice-begun'])
})

test('before the first mail of a version people are counted, its beginning is on record, and it has taken over whom others left', async () => {
  const version = { incident: 1, version: 2, id: 'a', scopeVersion: 1 } as NoticeVersion
  const order: string[] = []
  const said = { scope: 1, state: 'proposed', approval: 'counts' }
  const deps = {
    notices: {
      wayOf: () => ({ way: 'outbox', dir: null }),
      counts: () => ({ recipients: 1, organisations: { recipients: 0 } }),
      personOf: async () => (person: number) => person,
      takeOver: () => void order.push('taken over'),
      begin: () => void order.push('begun'),
    },
    incidents: {
      add: async (_id: number, _look: unknown, make: (state: unknown) => { kind: string }) => {
        order.push(make({ events: [], amendments: [], scopes: [{ version: said.scope, scope: {} }], scope: {} }).kind)
      },
    },
    approvals: { get: (id: number) => ({ id }), stateOf: () => said.approval, use: async () => void order.push('used') },
    clocks: { keeper: { now: async (_id: number, asked: { recount?: boolean }) => void order.push(`counted ${asked.recount}`) } },
    records: { noticeVersion: () => ({ ...version, state: said.state }) },
  } as unknown as Parameters<typeof begin>[2]
  const given = { outbox: undefined, approval: { id: 7 }, look: { actor: 'ann', action: 'send', reason: '' } } as Parameters<
    typeof begin
  >[1]
  await begin(version, given, deps)
  assert.deepEqual(order, ['counted true', 'notice-begun', 'taken over', 'begun', 'used'])
  for (const [what, code] of [
    [{ scope: 2 }, 'notice_changed'],
    [{ state: 'sending' }, 'approval_needed'],
    [{ approval: 'withdrawn' }, 'approval_needed'],
  ] as const) {
    Object.assign(said, { scope: 1, state: 'proposed', approval: 'counts' }, what)
    order.length = 0
    await assert.rejects(begin(version, given, deps), (thrown) => (thrown as { code?: string }).code === code)
    assert.deepEqual(order, ['counted true'], code)
  }
})
