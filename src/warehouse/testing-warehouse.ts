/** Test support: one warehouse process for all tests of a file, with the sessions of worker and staff. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before } from 'node:test'
import { openWarehouse } from './client.ts'
import type { Warehouse } from './port.ts'
import { startWarehouse, type WarehouseProcess } from './warehouse-process.ts'

export interface TestWarehouse {
  worker: Warehouse
  staff: Warehouse
}

/** Registers hooks; its members are there from the first test on. */
export function warehouseOfFile(): TestWarehouse {
  const opened = {} as TestWarehouse
  let folder = ''
  let running: WarehouseProcess | undefined
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
    running = await startWarehouse(folder)
    for (const role of ['worker', 'staff'] as const) opened[role] = openWarehouse({ path: running.path, token: running.tokens[role], role })
  })
  after(async () => {
    await opened.worker?.close()
    await opened.staff?.close()
    await running?.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  return opened
}
