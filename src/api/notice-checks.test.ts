import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NoticeVersion } from '#records/notice-rows.ts'
import type { Facts } from './facts.ts'
import { NOTICE_CHECKS, noticesStanding } from './notice-checks.ts'

type Deps = Parameters<typeof noticesStanding>[0]

test('a version of which people wait and that does not go on by itself is named', () => {
  const version = (incident: number, number: number, state: string, content = '{}') => ({ incident, version: number, state, content })
  const versions = [
    ...[version(1, 1, 'stopped'), version(1, 2, 'sending'), version(1, 3, 'proposed')],
    ...[
      version(2, 1, 'stopped', ''),
      version(3, 1, 'stopped', ''),
      version(3, 2, 'sending'),
      version(4, 1, 'done'),
      version(5, 1, 'stopped'),
    ],
  ]
  const deps = {
    records: {
      noticeVersions: () => versions as NoticeVersion[],
      nextDue: ({ incident }: NoticeVersion) => (incident === 5 ? undefined : 1),
    },
    notices: { fault: ({ incident }: NoticeVersion) => (incident === 1 ? { code: 'notice_changed' } : undefined) },
  } as unknown as Deps
  assert.deepEqual(noticesStanding(deps), [
    { incident: 1, version: 1, why: 'stopped' },
    { incident: 1, version: 2, why: 'notice_changed' },
    { incident: 2, version: 1, why: 'stopped' },
  ])
})

test('codes that are tried from many networks are told by version, with the last time of each', () => {
  const alert = (incident: number, version: number, at: number) => ({ incident, version, at, networks: 5 })
  const noticeAlerts = [alert(1, 1, 3000), alert(1, 2, 9000), alert(1, 1, 1000)]
  const look = (facts: object) => [NOTICE_CHECKS.find(({ id }) => id === 'notice_codes')?.look(facts as Facts) ?? []].flat()
  assert.deepEqual(look({}), [])
  assert.deepEqual(
    look({ noticeAlerts }).map(({ what }) => what),
    [
      '2 codes of incident 1, notice version 1, tried from many networks within a day, last at 1970-01-01T00:00:03.000Z',
      'a code of incident 1, notice version 2, tried from many networks within a day, last at 1970-01-01T00:00:09.000Z',
    ],
  )
})
