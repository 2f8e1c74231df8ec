import { existsSync } from 'node:fs'
import path from 'node:path'
import { dayOf, systemClock } from '#base/clock.ts'
import { serveVault } from '#vault/server.ts'
import { createKeys, openVault } from '#vault/vault.ts'
import { type RoleInit, type RunningRole, socketPath } from './role.ts'

/** Days for which unapproved text waits for an approval; then its key is destroyed and nobody can open it any more. */
const HOLD_DAYS = 30
const SWEEP_EVERY_MS = 3_600_000

/** The only process that reads key bytes. Keys are made once, while the instance is being created, and never again. */
export async function startVault(init: RoleInit): Promise<RunningRole> {
  const { instance } = init
  const keys = { keysDir: instance.keysDir, instance: instance.instanceId }
  // A crash between the keys and the end of the creation leaves keys of this very instance: opening checks that they are.
  if (instance.creating && !existsSync(path.join(instance.keysDir, 'keys.db'))) await createKeys(keys)
  const vault = await openVault({ ...keys, dataDir: instance.dataDir, clock: systemClock })
  const server = await serveVault({ vault, path: socketPath(instance, 'vault'), tokens: init.tokens.vault ?? {} })
  const sweep = (): void => void vault.destroyWaitingKeys(dayOf(systemClock.now()) - HOLD_DAYS)
  sweep()
  const sweeping = setInterval(sweep, SWEEP_EVERY_MS)
  return {
    stop: async () => {
      clearInterval(sweeping)
      await server.close()
      await vault.close()
    },
  }
}
