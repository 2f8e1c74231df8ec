import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BulkheadError } from '#base/errors.ts'
import type { Policy } from '#model/policy.ts'
import { openRecords, openRecordsReader } from './records.ts'

async function withFolder(run: (folder: string) => unknown): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-records-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const by = (at: number) => ({ at, actor: 'operator', reason: 'drill' })

const policy: Policy = {
  store: { events: ['Paid'], properties: ['amount'], paths: [], referrers: [] },
  destinations: [
    {
      vendor: 'acme',
      destination: 'acme-main',
      protocol: 'mixpanel',
      events: ['Paid'],
      properties: [],
      grants: [{ field: 'user_id', form: 'pseudonym', purpose: 'analytics', until: null, rule: 'preset' }],
    },
  ],
}

test('a reader in the same instant sees each cut and restore, and fences only grow', () =>
  withFolder((folder) => {
    const file = path.join(folder, 'records.db')
    const records = openRecords({ path: file })
    const reader = openRecordsReader({ path: file })
    assert.deepEqual(reader.flow('acme'), { vendor: 'acme', state: 'open', fence: 0, changedAt: 0, actor: '', reason: '' })
    assert.throws(() => records.restore('acme', by(1)), { code: 'vendor_not_cut' })
    let fence = 0
    for (let at = 1; at <= 20; at++) {
      const state = at % 3 === 0 ? 'open' : 'cut'
      const flow = state === 'cut' ? records.cut('acme', by(at)) : records.restore('acme', by(at))
      assert.equal(flow.fence, ++fence)
      assert.deepEqual({ ...reader.flow('acme') }, flow)
    }
    records.cut('beta', by(99))
    assert.deepEqual(
      reader.flows().map((flow) => [flow.vendor, flow.state, flow.fence]),
      [
        ['acme', 'cut', 20],
        ['beta', 'cut', 1],
      ],
    )
    assert.equal(records.history('acme').length, 20)
    reader.close()
    records.close()
    // A reader must also work when no writer lives: the command line asks with nothing running.
    const later = openRecordsReader({ path: file })
    assert.equal(later.flow('acme').state, 'cut')
    later.close()
  }))

test('a policy gets a version only when it says something else', () =>
  withFolder((folder) => {
    const file = path.join(folder, 'records.db')
    const records = openRecords({ path: file })
    assert.equal(records.currentPolicy(), undefined)
    assert.equal(records.applyPolicy(policy, 10).version, 1)
    const reordered = { destinations: policy.destinations.map((d) => Object.fromEntries(Object.entries(d).reverse())), store: policy.store }
    assert.equal(records.applyPolicy(reordered as unknown as Policy, 11).version, 1)
    const wider = { ...policy, store: { ...policy.store, events: ['Paid', 'Signed'] } }
    assert.deepEqual(records.applyPolicy(wider, 12), { version: 2, appliedAt: 12, policy: wider })
    assert.deepEqual(records.applyPolicy(policy, 13), { version: 3, appliedAt: 13, policy })
    assert.deepEqual(records.policy(2), { version: 2, appliedAt: 12, policy: wider })
    assert.equal(records.policy(4), undefined)
    records.close()
  }))

test('records of a newer program are refused by writer and reader and left as they were', () =>
  withFolder((folder) => {
    const file = path.join(folder, 'records.db')
    openRecords({ path: file }).close()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 999')
    database.close()
    const isNewer = (thrown: unknown) => thrown instanceof BulkheadError && thrown.code === 'data_format_newer'
    assert.throws(() => openRecords({ path: file }), isNewer)
    assert.throws(() => openRecordsReader({ path: file }), isNewer)
    assert.throws(() => openRecordsReader({ path: path.join(folder, 'absent.db') }), { code: 'not_running' })
  }))

test('a cut that was reported survives kill -9 of its writer', () =>
  withFolder(async (folder) => {
    const file = path.join(folder, 'records.db')
    const writer = `
      import { openRecords } from '#records/records.ts'
      const records = openRecords({ path: process.argv[1] })
      for (let at = 1; ; at++) {
        const flow = records.cut('acme', { at, actor: 'a', reason: 'r' })
        process.stdout.write(flow.fence + '\\n')
      }`
    let reported = 0
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', writer, file], {
        cwd: path.dirname(fileURLToPath(import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let text = ''
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          text += String(chunk)
          if (text.split('\n').length > 20 + round * 7) child.kill('SIGKILL')
        })
        child.on('close', () => resolve())
      })
      reported = Math.max(reported, ...text.split('\n').slice(0, -1).map(Number))
      const reader = openRecordsReader({ path: file })
      assert.ok(reader.flow('acme').fence >= reported, `reported ${reported}, found ${reader.flow('acme').fence}`)
      reader.close()
    }
    assert.ok(reported > 20)
  }))
