/** What a notice tells of our measures has to be so when it is sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NoticeMeasure } from '#model/notice-text.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import { assertStillTrue } from './notice-send.ts'

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
