import assert from 'node:assert/strict'
import test from 'node:test'
import type { NotifyResult } from '#api/notice-contract.ts'
import { renderNotify } from './notice-render.ts'

const counted = { recipients: 9, sent: 0, skipped: 0, failed: 9, unknown: 0, waiting: 0, filed: 0 }
const DONE: NotifyResult = {
  ...{ ...counted, organisations: { ...counted, recipients: 0, failed: 0 }, noTrustedAddress: 0, erased: 0, why: {} },
  ...{ incident: 1, version: 1, scopeVersion: 1, state: 'done', way: 'smtp', trouble: null, fault: null },
  ...{ languages: ['en'], shapes: 1, sha256: 'ab', approval: 1, countsFrom: null, startedAt: null, endedAt: null },
}

test('sending again is offered to whom it can reach: those whom a mail server refused, and nobody without an address for mail', () => {
  const offers = (why: NotifyResult['why']): boolean => renderNotify({ ...DONE, why }).includes('--resend-failed')
  assert.ok(renderNotify({ ...DONE, failed: 0, organisations: counted, why: { refused: 9 } }).includes('--resend-failed'))
  assert.deepEqual([offers({ address_form: 9 }), offers({ address_form: 8, refused: 1 }), offers({ refused: 9 })], [false, true, true])
})

test('administrators who wait are seen, and what can be done for whoever waits in a stopped version', () => {
  const stopped = (waiting: number): string =>
    renderNotify({ ...DONE, state: 'stopped', failed: 0, organisations: { ...counted, failed: 0, waiting } })
  assert.match(stopped(2), /of these wait +2\n/)
  assert.match(stopped(2), /--send --continue[\s\S]*--propose --continue/)
  assert.doesNotMatch(stopped(0), /--continue|of these/)
})
