import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Instance, lockInstance, openInstance, writeChildren, writeRun } from '#app/instance.ts'
import { processStartTime } from '#base/processes.ts'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { cutDirectly } from './direct-flow.ts'

function setUp(t: TestContext): { instance: Instance; records: Records } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-direct-'))
  const instance = openInstance({ dataDir: path.join(folder, 'data'), create: true, env: { HOME: folder, XDG_RUNTIME_DIR: folder } })
  const records = openRecords({ path: instance.recordsPath })
  records.applyPolicy(
    {
      destinations: [{ vendor: 'acme', destination: 'acme', protocol: 'p', grants: [], events: [], properties: [] }],
      store: { events: [], properties: [], paths: [], referrers: [] },
    },
    1,
  )
  t.after(() => {
    records.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { instance, records }
}

test('a cut beside a holder that nobody can see does not say that its worker is fenced', { timeout: 240_000 }, async (t) => {
  const { instance, records } = setUp(t)
  // The holder of the lock left no run file that names a process of this machine, as one in another container.
  const holder = lockInstance(instance.dataDir)
  const beside = await cutDirectly(instance, { vendor: 'acme', reason: 'r' })
  assert.deepEqual([beside.fencedWorkers, beside.unfenced], [0, ['worker']])
  assert.equal(records.flow('acme').state, 'cut')
  holder.release()
  const alone = await cutDirectly(instance, { vendor: 'acme', reason: 'r' })
  assert.deepEqual([alone.fencedWorkers, alone.unfenced], [0, []])
})

test('beside a silent holder staff and worker end, the others do not, and a wrong name ends nobody', { timeout: 240_000 }, async (t) => {
  const { instance } = setUp(t)
  const roles = ['gateway', 'staff', 'worker'] as const
  const processes = roles.map(() => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }))
  t.after(() => processes.forEach((one) => void one.kill('SIGKILL')))
  await Promise.all(processes.map((one) => once(one, 'spawn')))
  const children = roles.map((role, index) => {
    const pid = processes[index]?.pid as number
    return { role, pid, startTime: processStartTime(pid) as string }
  })
  writeChildren(instance, children)
  writeRun(instance, { consoleUrl: '', gatewayUrl: '', startedAt: 0 })
  const holder = lockInstance(instance.dataDir)
  t.after(() => holder.release())
  const living = (): string[] => children.filter(({ pid, startTime }) => processStartTime(pid) === startTime).map(({ role }) => role)

  await assert.rejects(cutDirectly(instance, { vendor: 'acmee', reason: 'r' }), { code: 'vendor_unknown' })
  assert.deepEqual(living(), [...roles])
  const result = await cutDirectly(instance, { vendor: 'acme', reason: 'r' })
  assert.deepEqual([result.fencedWorkers, result.unfenced], [1, []])
  assert.deepEqual(living(), ['gateway'])
})
