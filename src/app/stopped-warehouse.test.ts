import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import { stoppedTotals } from './stopped-warehouse.ts'

const AT = Date.UTC(2026, 2, 14)

function row(change: Partial<DisclosureRow>): DisclosureRow {
  const own = { entry: 1, vendor: 'v', destination: 'main', epoch: 1, route: '/', purpose: 'analytics', policy: 1, surface: 'app' } as const
  const when = { first: AT, last: AT, sentAt: AT }
  return { ...own, ...when, shape: 'country:coarse', subject: 7, kind: 'user', groups: [], events: 2, state: 'delivered', ...change }
}

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a warehouse that does not run tells its totals, and starts as before afterwards', async (context) => {
  const folder = folderOf(context)
  const dir = path.join(folder, 'warehouse')
  const loaded = [row({}), row({ entry: 3, subject: 8, events: 5 }), row({ entry: 4, state: 'possible' }), row({ entry: 9, events: 100 })]
  const running = await startWarehouse(folder)
  const warehouse = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  await warehouse.insertDisclosures(loaded, 'disclosures:1-10:2026-03-14')
  await warehouse.close()
  await running.kill()
  const found = await stoppedTotals(dir, { size: 8, open: [4] })
  assert.deepEqual(found, [{ destination: 'main', state: 'delivered', rows: 2, people: 2, events: 7 }])
  assert.equal((await stoppedTotals(dir, { size: 9, open: [] })).length, 2)
  assert.deepEqual(await stoppedTotals(dir, { size: 0, open: [] }), [])

  const again = await startWarehouse(folder)
  try {
    const staff = openWarehouse({ path: again.path, token: again.tokens.staff, role: 'staff' })
    assert.deepEqual(await staff.query('SELECT count() AS rows FROM disclosures', {}, 'badday'), [{ rows: 4 }])
    await staff.close()
  } finally {
    await again.kill()
  }
})

test('what cannot be asked is said, and nothing else is', async (context) => {
  const folder = folderOf(context)
  assert.match(String(await stoppedTotals(path.join(folder, 'absent'), { size: 1, open: [] })), /not there/)
  mkdirSync(path.join(folder, 'empty'))
  assert.match(String(await stoppedTotals(path.join(folder, 'empty'), { size: 1, open: [] })), /not there/)
  const broken = path.join(folder, 'broken')
  mkdirSync(broken)
  writeFileSync(path.join(broken, 'store'), 'this is no folder')
  assert.match(String(await stoppedTotals(broken, { size: 1, open: [] })), /does not/)
})

test('who asked is gone: the engine leaves the folder', { timeout: 240_000 }, async (context) => {
  const folder = folderOf(context)
  const program = fileURLToPath(new URL('./warehouse-totals.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, folder], { stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.end()
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
})
