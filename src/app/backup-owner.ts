/** With nothing running a backup opens the vault itself, under the locks that keep everybody else out. */
import { systemClock } from '#base/clock.ts'
import { openVault } from '#vault/vault.ts'
import type { BackupOwner } from './backup.ts'
import { keyWrapFor } from './key-service.ts'
import { type Instance, killSurvivors, lockInstance, lockPlace } from './instance.ts'

export interface StoppedOwner extends BackupOwner {
  erasuresReplayed: number
  close(): Promise<void>
}

/** Throws `already_running`, `key_missing`, `key_wrong` or `data_format_newer`. */
export async function openStoppedOwner(instance: Instance, env: NodeJS.ProcessEnv): Promise<StoppedOwner> {
  const lock = lockInstance(instance.dataDir)
  try {
    const place = lockPlace(instance)
    try {
      await killSurvivors(instance.dataDir)
      const { dataDir, keysDir, instanceId } = instance
      const vault = await openVault({ dataDir, keysDir, instance: instanceId, clock: systemClock, ...keyWrapFor(keysDir, env) })
      return {
        isRunning: false,
        erasuresReplayed: vault.erasuresReplayed,
        freeze: async () => undefined,
        resume: async () => true,
        thaw: async () => undefined,
        rows: (dir) => vault.keeping.backupRows(dir),
        keys: (dir) => vault.keeping.backupKeys(dir),
        record: (kind, made) => vault.keeping.recordBackup(kind, made),
        remember: async ({ log, ledger }) => {
          await vault.keeping.remember({ log, final: true })
          await vault.keeping.remember({ ledger, final: true })
        },
        close: async () => {
          await vault.close()
          place.release()
          lock.release()
        },
      }
    } catch (thrown) {
      place.release()
      throw thrown
    }
  } catch (thrown) {
    lock.release()
    throw thrown
  }
}
