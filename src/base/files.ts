import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'

/** Replaces a file whole and durably: after a crash it holds the old text or the new, never half. */
export function writeFileDurably(file: string, text: string, mode = 0o600): void {
  const temporary = `${file}.new`
  const handle = openSync(temporary, 'w', mode)
  try {
    writeFileSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, file)
  syncFolder(path.dirname(file))
}

/**
 * Replaces a short file of text that bears spaces at its end, as JSON does, whole and durably, also where the disk is full: two
 * files of `bytes` take turns, and the one that is not read is written over where it lies. Only the first calls and a longer text
 * need room.
 */
export function rewriteDurably(file: string, text: string, bytes: number): void {
  const [spare, old] = [`${file}.new`, `${file}.old`]
  // A crash between the steps below left it: as a second name of the file, or in place of the spare one.
  if (existsSync(old)) {
    if (existsSync(spare)) rmSync(old)
    else renameSync(old, spare)
  }
  const padded = Buffer.from(text.padEnd(bytes))
  const has = statSync(spare, { throwIfNoEntry: false })
  const handle = openSync(spare, has?.size === padded.length ? 'r+' : 'w', 0o600)
  try {
    for (let written = 0; written < padded.length; ) written += writeSync(handle, padded, written, padded.length - written, written)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  const hadFile = existsSync(file)
  if (hadFile) linkSync(file, old)
  renameSync(spare, file)
  if (hadFile) renameSync(old, spare)
  syncFolder(path.dirname(file))
}

/**
 * Makes a folder, and those above it, for us alone, so that their names survive a power cut. A folder that is there already
 * is flushed into its parent all the same: whoever made it may have been killed before that.
 */
export function makeFolderDurably(folder: string): void {
  const place = path.resolve(folder)
  const missing = missingFolders(place)
  for (const each of missing) makeOneFolder(each)
  if (missing.length === 0 && !statSync(place).isDirectory()) throw Object.assign(new Error(`${place} is no folder`), { code: 'ENOTDIR' })
  for (const each of missing.length === 0 ? [place] : missing.reverse()) syncFolder(path.dirname(each))
}

/** What of a path is not there, the highest first. */
function missingFolders(place: string): string[] {
  const missing: string[] = []
  for (let at = place; !existsSync(at); at = path.dirname(at)) missing.unshift(at)
  return missing
}

/** Not `recursive`: Node then tries for ever below a folder that is there and takes none, as /proc is. */
function makeOneFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (thrown) {
    // Somebody else was as fast.
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw thrown
  }
}

const LINKS_MAX = 40

/** Where a path leads on the disk, its links followed, also one to what is not there yet. Throws `ELOOP`. */
export function placeOnDisk(folder: string, links = 0): string {
  const place = path.resolve(folder)
  const [highest] = missingFolders(place)
  if (highest === undefined) return realpathSync(place)
  const there = realpathSync(path.dirname(highest))
  const rest = path.relative(highest, place)
  if (lstatSync(highest, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path.join(there, path.basename(highest), rest)
  // Whoever writes there follows it, and makes what it leads to.
  if (links >= LINKS_MAX) throw Object.assign(new Error(`${place} leads from link to link`), { code: 'ELOOP' })
  return placeOnDisk(path.join(path.resolve(there, readlinkSync(highest)), rest), links + 1)
}

/** Of two whole paths. A name may begin with two points and lie inside all the same. */
export function liesWithin(folder: string, place: string): boolean {
  const relative = path.relative(folder, place)
  return relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative)
}

/**
 * Flushes a file that another process may have written to and been killed before it flushed it. Whoever opens such a file
 * sees what it holds, and must not act on what a power cut could still take back. Nothing when there is no such file.
 */
export function syncFile(file: string): void {
  if (!existsSync(file)) return
  const handle = openSync(file, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** The same for a database of SQLite, its write-ahead log and their names. */
export function syncDatabase(file: string): void {
  for (const part of [`${file}-wal`, file]) syncFile(part)
  syncFolder(path.dirname(file))
}

/** Whether SQLite says that a file is no database or not a whole one (https://www.sqlite.org/rescode.html, 11 and 26). */
export function isDamaged(thrown: unknown): boolean {
  const errcode = thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) & 0xff : 0
  return errcode === 11 || errcode === 26
}

/** Makes names that were created or renamed in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
