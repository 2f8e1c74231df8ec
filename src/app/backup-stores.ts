/** Copies of the stores that any process may read: each as of one moment, by the store's own means. */
import { chmodSync, closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import path from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { open, type RootDatabase } from 'lmdb'
import { syncFile } from '#base/files.ts'
import { folderPath, listFolders, openFolder } from '#log/folders.ts'
import type { MemberWriter } from './backup-manifest.ts'

interface Pin {
  number: number
  handle: number
  texts: [name: string, text: string][]
}

/**
 * Folders of the log, held open: the gateway may drop one while the backup goes on, and the ledger that was copied before
 * would then point at nothing.
 */
export class PinnedLog {
  readonly #dir: string
  readonly #pins = new Map<number, Pin>()

  constructor(dir: string) {
    this.#dir = dir
    this.#pinAll()
  }

  /** Every folder that is there now or was at the beginning. */
  async copyTo(writer: MemberWriter, target: string): Promise<void> {
    this.#pinAll()
    const newest = Math.max(0, ...this.#pins.keys())
    for (const { number, handle, texts } of [...this.#pins.values()].sort((a, b) => a.number - b.number)) {
      const own = `log/${String(number).padStart(6, '0')}`
      for (const [name, text] of texts) writer.write(text, `${own}/${name}`)
      // Nobody writes to a folder that another has followed.
      if (number !== newest) writer.copy(handle, `${own}/data.mdb`)
      else {
        await copyEnvironment(openFolder(this.#dir, number, { readOnly: true }), path.join(target, own))
        await writer.found(`${own}/data.mdb`)
      }
    }
  }

  close(): void {
    for (const { handle } of this.#pins.values()) closeSync(handle)
    this.#pins.clear()
  }

  #pinAll(): void {
    for (const number of listFolders(this.#dir)) {
      if (this.#pins.has(number)) continue
      const place = folderPath(this.#dir, number)
      try {
        const handle = openSync(path.join(place, 'data.mdb'), 'r')
        const texts = ['first', 'after'].filter((name) => existsSync(path.join(place, name)))
        this.#pins.set(number, { number, handle, texts: texts.map((name) => [name, readFileSync(path.join(place, name), 'latin1')]) })
      } catch (thrown) {
        // Dropped between the list and the look: nobody needs it any more.
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
      }
    }
  }
}

/** Each repeat hash of a week, so that what SDKs repeat after a restore is known for what it is. Its owner reads anew what it lacks. */
export async function copyRepeats(dir: string, target: string): Promise<void> {
  const place = path.join(dir, 'dedup')
  if (existsSync(path.join(place, 'data.mdb'))) await copyEnvironment(open({ path: place, readOnly: true, maxDbs: 4 }), target)
}

/** `onSnapshot` is called when the moment has been taken. */
export async function copyLedger(dir: string, target: string, onSnapshot: () => Promise<void>): Promise<void> {
  const file = path.join(dir, 'ledger.mdb')
  if (!existsSync(file)) return onSnapshot()
  mkdirSync(target, { recursive: true, mode: 0o700 })
  await copyEnvironment(open({ path: file, readOnly: true, maxDbs: 8 }), path.join(target, 'ledger.mdb'), onSnapshot)
}

/** `target`: a folder for an environment that is one, a file for one that is a file. LMDB writes nothing before it has its snapshot. */
async function copyEnvironment(
  root: Pick<RootDatabase, 'backup' | 'close'>,
  target: string,
  onSnapshot?: () => Promise<void>,
): Promise<void> {
  const file = target.endsWith('.mdb') ? target : path.join(target, 'data.mdb')
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  try {
    let isDone = false
    const copying = root.backup(target, false).finally(() => {
      isDone = true
    })
    // A failure is thrown below, by the one who waits for the copy.
    copying.catch(() => undefined)
    while (onSnapshot !== undefined && !isDone && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) await delay(5)
    await onSnapshot?.()
    await copying
    chmodSync(file, 0o600)
    syncFile(file)
  } finally {
    await root.close()
  }
}

/** Records: SQLite in WAL mode, which others may read. */
export async function copyRecords(file: string, target: string): Promise<void> {
  if (!existsSync(file)) return
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    closeSync(openSync(target, 'wx', 0o600))
    await backup(database, target, { rate: 1000 })
    syncFile(target)
  } finally {
    database.close()
  }
}

/** Append-only files: each as long as it is now. */
export function copyWaiting(writer: MemberWriter, dir: string): void {
  copyFiles(writer, dir, 'waiting')
}

/** Files that never change once they have their name; one that gets it meanwhile is copied or not. */
export function copyEvidence(writer: MemberWriter, dir: string): void {
  copyFiles(writer, dir, 'evidence', (name) => !name.endsWith('.part'))
}

function copyFiles(writer: MemberWriter, dir: string, own: string, isWanted: (name: string) => boolean = () => true): void {
  for (const name of existsSync(dir) ? readdirSync(dir).filter(isWanted).sort() : []) {
    let handle: number
    try {
      handle = openSync(path.join(dir, name), 'r')
    } catch (thrown) {
      // Its day is over, or it was destroyed.
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') continue
      throw thrown
    }
    try {
      if (fstatSync(handle).isFile()) writer.copy(handle, `${own}/${name}`, fstatSync(handle).size)
    } finally {
      closeSync(handle)
    }
  }
}
