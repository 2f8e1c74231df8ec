/**
 * A log that comes from a backup lacks what was written after it, and those numbers are out in the world: insert ids at the
 * vendors are made of them. So a restored log goes on in a new folder, far above every number that may have been used.
 */
import { mkdirSync } from 'node:fs'
import { createFolder, lastKey, listFolders, openFolder, readAfter, readFirst, removeUnfinished } from './folders.ts'

/** More than any log writes in the seconds by which what is remembered of its head may be old. */
const MARGIN = 10_000_000

/** Last number in a log that nobody has open; 0 when it is empty. */
export async function lastOfLog(dir: string): Promise<number> {
  const newest = listFolders(dir).at(-1)
  if (newest === undefined) return 0
  const environment = openFolder(dir, newest, { readOnly: true })
  const last = lastKey(environment)
  await environment.close()
  return last === 0 ? (readAfter(dir, newest) ?? readFirst(dir, newest) - 1) : last
}

/** `known`: the highest number that is known to have been given out. Returns the last that is there and the next one. */
export async function goOnAbove(dir: string, known: number): Promise<{ last: number; next: number }> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  removeUnfinished(dir)
  if (listFolders(dir).length === 0) await createFolder(dir, 1, 1)
  const last = await lastOfLog(dir)
  const next = Math.max(last, known) + MARGIN + 1
  await createFolder(dir, (listFolders(dir).at(-1) as number) + 1, next, last)
  return { last, next }
}
