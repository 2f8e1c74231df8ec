/**
 * Rotating keys by order and by itself, and removing copies of the key folder when their time is over. What goes by date goes
 * only by a clock that has run steadily.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { DAY_MS } from '#base/clock.ts'
import { syncFolder } from '#base/files.ts'
import type { KeyStore } from './key-store.ts'
import type { OpenKeys } from './keys.ts'
import { KEY_BACKUP_DAYS, type KeysRotated, type Look, type RootState } from './port.ts'
import { ROOT_DAYS_MAX } from './root-rotation.ts'
import type { SteadyClock } from './steady-clock.ts'

/** Some days before it must be. */
const ROOT_DAYS = ROOT_DAYS_MAX - 5
const KEY_BACKUP = /^keys-\d{8}T\d{6}Z$/

export interface KeyBackup {
  at: number
  dir: string
}

export class KeyRotating {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  state(): RootState {
    const { rotatedAt, rotating } = this.#parts.rotation.state()
    return { rotatedAt: rotatedAt ?? null, rotating, wrap: this.#parts.wrap }
  }

  /** Goes on in slices while the vault answers; returns when it is done. */
  async rotate(what: 'root' | 'kek', look: Look): Promise<KeysRotated> {
    this.#parts.record(look, {})
    if (what === 'root') return { what, wrapped: await this.#parts.rotation.rotate(), at: this.#parts.now() }
    await this.#parts.rotateKek()
    return { what, wrapped: 1, at: this.#parts.now() }
  }

  /** Called now and then. Throws when the key service or the disk does not allow it; the next call does it. */
  async keep(): Promise<{ rotated: boolean; removed: string[] }> {
    const { rotatedAt, rotating } = this.#parts.rotation.state()
    const isSteady = this.#parts.steady.look() >= DAY_MS
    const isDue = rotatedAt === undefined || (isSteady && this.#parts.now() - rotatedAt > ROOT_DAYS * DAY_MS)
    if (rotating || isDue) await this.#parts.rotation.rotate()
    return { rotated: rotating || isDue, removed: isSteady ? this.#removeBackups() : [] }
  }

  stop(): void {
    this.#parts.rotation.stop()
  }

  /** Copies of the key folder that were made and not removed yet, as far as they were recorded. */
  backups(): KeyBackup[] {
    return readKeyBackups(this.#parts.keys)
  }

  #removeBackups(): string[] {
    const { keys, now } = this.#parts
    const known = this.backups()
    const old = known.filter(({ at }) => now() - at > KEY_BACKUP_DAYS * DAY_MS)
    const gone = old.filter(({ dir }) => removeBackup(dir))
    if (gone.length > 0) keys.setMeta(KEY_BACKUPS, JSON.stringify(known.filter((each) => !gone.includes(each))))
    return gone.map(({ dir }) => dir)
  }
}

interface Parts extends OpenKeys {
  steady: SteadyClock
  now: () => number
  record: (look: Look, counts: Record<string, number>) => void
}

export const KEY_BACKUPS = 'key_backups'

export function readKeyBackups(keys: Pick<KeyStore, 'meta'>): KeyBackup[] {
  const text = keys.meta(KEY_BACKUPS)
  return typeof text === 'string' ? (JSON.parse(text) as KeyBackup[]) : []
}

/** Only what is a finished copy of keys. False while its disk is not there: then nobody knows, and doctor says so. */
function removeBackup(dir: string): boolean {
  const parent = path.dirname(dir)
  if (!existsSync(parent)) return false
  if (!existsSync(dir)) return true
  if (!KEY_BACKUP.test(path.basename(dir)) || !isCopyOfKeys(dir)) return false
  rmSync(dir, { recursive: true, force: true })
  syncFolder(parent)
  return true
}

function isCopyOfKeys(dir: string): boolean {
  try {
    return (JSON.parse(readFileSync(path.join(dir, 'MANIFEST.json'), 'utf8')) as { kind?: unknown }).kind === 'keys'
  } catch {
    // Whatever it is, it was not made by us.
    return false
  }
}
