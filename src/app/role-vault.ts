import { existsSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { isDiskFull, openReserve } from '#base/reserve.ts'
import { WAITING_DAYS } from '#model/log-entry.ts'
import { openValue } from '#split/open-value.ts'
import { serveVault } from '#vault/server.ts'
import type { OpenValue } from '#vault/waiting-look.ts'
import { createKeys, openVault } from '#vault/vault.ts'
import { reservePath, type RoleInit, type RunningRole, socketPath } from './role.ts'

const SWEEP_EVERY_MS = 3_600_000
/** What one look writes there is a line of a table. */
const KEYS_RESERVE_BYTES = 1024 ** 2

/** What detectors find in text that was approved later stays sealed; nobody counts it then. */
const openQuietly: OpenValue = (key, value, approved) => openValue(key, value, approved, () => undefined)

/** The only process that reads key bytes. Keys are made once, while the instance is being created, and never again. */
export async function startVault(init: RoleInit): Promise<RunningRole> {
  const { instance } = init
  const keys = { keysDir: instance.keysDir, instance: instance.instanceId }
  // A crash between the keys and the end of the creation leaves keys of this very instance: opening checks that they are.
  if (instance.creating && !existsSync(path.join(instance.keysDir, 'keys.db'))) await createKeys(keys)
  const bytes = init.config.disk.reserveBytes
  const reserve = openReserve({ file: reservePath(instance, 'vault'), bytes })
  // The key folder is best on another disk, which can be full by itself.
  const keysReserve = openReserve({ file: path.join(instance.keysDir, 'reserve'), bytes: KEYS_RESERVE_BYTES })
  const vault = await openVault({
    ...keys,
    dataDir: instance.dataDir,
    clock: systemClock,
    room: reserve.room,
    keysRoom: keysReserve.room,
    sources: init.config.sources,
  })
  const server = await serveVault({ vault, path: socketPath(instance, 'vault'), tokens: init.tokens.vault ?? {}, openValue: openQuietly })
  const sweep = (): void => {
    try {
      vault.sweepWaiting(WAITING_DAYS)
    } catch (thrown) {
      // On a full disk nothing can be destroyed; the next sweep does it.
      if (!isDiskFull(thrown)) throw thrown
    }
  }
  sweep()
  const sweeping = setInterval(sweep, SWEEP_EVERY_MS)
  return {
    stop: async () => {
      clearInterval(sweeping)
      await server.close()
      await vault.close()
      reserve.close()
      keysReserve.close()
    },
  }
}
