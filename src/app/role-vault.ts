import { existsSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { toBulkheadError } from '#base/errors.ts'
import { isDiskFull, openReserve } from '#base/reserve.ts'
import { WAITING_DAYS } from '#model/log-entry.ts'
import { openValue } from '#split/open-value.ts'
import { KEY_BACKUP_DAYS } from '#vault/port.ts'
import { serveVault } from '#vault/server.ts'
import type { OpenValue } from '#vault/waiting-look.ts'
import { createKeys, openVault } from '#vault/vault.ts'
import { keyWrapOf } from './key-service.ts'
import { isExtension } from './tree-extension.ts'
import { sayable, trace } from './trace.ts'
import { reservePath, type RoleInit, type RunningRole, socketPath } from './role.ts'

const SWEEP_EVERY_MS = 3_600_000
const ASK_AGAIN_MS = 2000
/** A line a minute is enough. */
const SAY_EVERY = 30
/** What one look writes there is a line of a table. */
const KEYS_RESERVE_BYTES = 1024 ** 2

/** What detectors find in text that was approved later stays sealed; nobody counts it then. */
const openQuietly: OpenValue = (key, value, approved) => openValue(key, value, approved, () => undefined)
/**
 * Until the key service answers nothing can be opened, so nothing is accepted: the gateway starts after the vault. It is asked
 * again until it does.
 */
async function whenServed<Result>(open: () => Promise<Result>): Promise<Result> {
  for (let asked = 0; ; asked++) {
    try {
      return await open()
    } catch (thrown) {
      const error = toBulkheadError(thrown)
      if (error.code !== 'key_service_unavailable') throw thrown
      if (asked % SAY_EVERY === 0) trace('warn', 'vault', `${error.code}: ${sayable(error)}; asking again every ${ASK_AGAIN_MS / 1000} s`)
      await systemClock.sleep(ASK_AGAIN_MS)
    }
  }
}

/** The only process that reads key bytes. Keys are made once, while the instance is being created, and never again. */
export async function startVault(init: RoleInit): Promise<RunningRole> {
  const { instance } = init
  const keys = { keysDir: instance.keysDir, instance: instance.instanceId, ...keyWrapOf(init.config) }
  // A crash between the keys and the end of the creation leaves keys of this very instance: opening checks that they are.
  if (instance.creating && !existsSync(path.join(instance.keysDir, 'keys.db'))) await whenServed(() => createKeys(keys))
  const bytes = init.config.disk.reserveBytes
  const reserve = openReserve({ file: reservePath(instance, 'vault'), bytes })
  // The key folder is best on another disk, which can be full by itself.
  const keysReserve = openReserve({ file: path.join(instance.keysDir, 'reserve'), bytes: KEYS_RESERVE_BYTES })
  const vault = await whenServed(() =>
    openVault({
      ...keys,
      dataDir: instance.dataDir,
      clock: systemClock,
      room: reserve.room,
      keysRoom: keysReserve.room,
      sources: init.config.sources,
      isExtension,
    }),
  )
  const server = await serveVault({ vault, path: socketPath(instance, 'vault'), tokens: init.tokens.vault ?? {}, openValue: openQuietly })
  const sweep = async (): Promise<void> => {
    try {
      vault.sweepWaiting(WAITING_DAYS)
      const { rotated, removed } = await vault.rotating.keep()
      if (rotated) trace('info', 'vault', 'the root key was rotated')
      for (const dir of removed) trace('info', 'vault', `removed ${dir}: a copy of keys is kept for ${KEY_BACKUP_DAYS} days`)
    } catch (thrown) {
      // On a full disk nothing can be destroyed, and without its key service nothing rotated; the next sweep does it.
      const error = toBulkheadError(thrown)
      const passes: readonly string[] = ['key_service_unavailable', 'disk_full', 'vault_unavailable']
      if (!isDiskFull(thrown) && !passes.includes(error.code)) throw thrown
      trace('warn', 'vault', `keys could not be swept: ${error.code}`)
    }
  }
  void sweep()
  // So that the first question of a bad day need not wait for it; asked for again by that question when it fails here.
  vault.census.warm().catch(() => undefined)
  const sweeping = setInterval(() => void sweep(), SWEEP_EVERY_MS)
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
