/** A version that goes on by itself: what it tells has to be so, and people are who they are by now. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import { openRecords } from '#records/records.ts'
import { type DeskPorts, NoticeDesk } from './desk.ts'
import { type NoticeContent, textsSha256 } from './draft.ts'

const OF = { incident: 1, version: 1 }
const CONTENT = { subject: {}, shapes: [], languages: [] } as unknown as NoticeContent
const none = async (): Promise<never[]> => []

/** With one who waits, as the program finds it at a start. */
function deskWith(more: Partial<DeskPorts>): { desk: NoticeDesk; calls: string[] } {
  const records = openRecords({ path: ':memory:' })
  const calls: string[] = []
  const desk = new NoticeDesk({
    records,
    vault: {
      ...{ findReachable: none, openAddresses: none, openMembers: none, issueNotices: none },
      ...{ keepSheets: async () => void calls.push('sheets'), keepNotices: async () => undefined },
    },
    words: { languages: [] } as unknown as DeskPorts['words'],
    config: { from: {}, smtp: { host: '127.0.0.1', port: 1 } } as unknown as DeskPorts['config'],
    clock: { now: () => 1000, sleep: async () => void calls.push('waits') },
    sealedPlaces: [],
    begunRow: () => ({ actor: 'ann' }) as IncidentRow,
    identifiersOf: async () => (person) => [person],
    assertStillTrue: async () => undefined,
    onTold: async () => undefined,
    onEnded: async () => undefined,
    trace: (level) => void calls.push(level),
    ...more,
  })
  const row = { person: 1, organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [], tag: 't' }
  records.addRecipients(OF, 1, [row], 0)
  const sha256 = textsSha256(CONTENT, {} as never)
  const kept = { ...OF, id: 'a'.repeat(32), scopeVersion: 1, dir: null, content: JSON.stringify(CONTENT), sha256, noAddress: 0, erased: 0 }
  const made = { madeAt: 0, madeBy: 'ann', startedAt: 0, approval: null, endedAt: null }
  records.addNoticeVersion({ ...kept, ...made, state: 'sending', way: 'smtp' })
  return { desk, calls }
}

test('it tells nobody what is not so any more, and stands still until a person has settled it', async () => {
  let away = 1
  const { desk, calls } = deskWith({
    assertStillTrue: async ({ version }) => {
      assert.equal(version, 1)
      // The vault is asked too, and waited for.
      if (away-- > 0) throw new BulkheadError('vault_unavailable', 'away')
      throw new BulkheadError('notice_changed', 'the flow was opened again', { hint: 'propose again' })
    },
  })
  desk.resume()
  while (desk.isRunning(OF)) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(calls, ['info', 'waits', 'error'])
  assert.deepEqual([desk.trouble(OF), desk.fault(OF)?.message], ['notice_changed', 'the flow was opened again'])
  assert.deepEqual([desk.counts(OF).waiting, desk.left(1).map(({ version, state }) => `${version} ${state}`)], [1, ['1 sending']])
})

test('who is who is asked anew: what was known a while ago will not do', async () => {
  const { desk } = deskWith({ identifiersOf: async (given) => (person) => (given?.isFresh === true ? [9, person] : [person]) })
  assert.equal((await desk.personOf())(1), 9)
})
