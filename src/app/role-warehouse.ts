import { accessSync, constants, rmSync } from 'node:fs'
import path from 'node:path'
import { serveWarehouse } from '#warehouse/server.ts'
import { makeOwnFolder } from './instance.ts'
import { type RoleInit, type RunningRole, socketPath } from './role.ts'

/**
 * The engine in a process of its own. It ends by SIGKILL after its last flush: tearing the engine down is known to crash,
 * and a killed process leaves nothing half-done that a repeated plan does not mend.
 */
export async function startWarehouse(init: RoleInit): Promise<RunningRole> {
  // One folder for every start of this instance: what a killed process left in it is swept by the next.
  const spoolDir = path.join(memoryFolder() ?? init.instance.runtimeDir, `${path.basename(init.instance.runtimeDir)}-spool`)
  makeOwnFolder(spoolDir)
  const server = await serveWarehouse({
    dir: init.instance.warehouseDir,
    path: socketPath(init.instance, 'warehouse'),
    tokens: init.tokens.warehouse ?? {},
    spoolDir,
  })
  return {
    stop: async () => {
      await server.close()
      rmSync(spoolDir, { recursive: true, force: true })
      process.send?.({ type: 'stopped' }, undefined, {}, () => process.kill(process.pid, 'SIGKILL'))
      // Without a channel there is nobody to tell.
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)
      await new Promise(() => undefined)
    },
  }
}

/** A tmpfs, so that rows on their way into the engine never touch a disk. */
function memoryFolder(): string | undefined {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK)
    return '/dev/shm'
  } catch {
    return undefined
  }
}
