/** A folder on another mount: one file for each checkpoint, written once. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { writeFileDurably } from '#base/files.ts'
import type { FolderPlaceConfig } from '#model/config.ts'
import { type Place, PlaceRefused } from './place.ts'

const NAME = /^checkpoint-([0-9a-f]{16})-\d{16}\.txt$/
/** Size and ending: by these the names sort, whatever the origin. */
const SIZE_CHARS = 20
const NOTE_BYTES_MAX = 1_000_000

export function folderPlace({ id, path: folder }: FolderPlaceConfig): Place {
  return {
    id,
    kind: 'folder',
    target: folder,
    held: async (origin) => {
      const names = namesIn(folder)
      const newest = names.findLast((name) => name.includes(shortOf(origin))) ?? names.at(-1)
      return newest === undefined ? undefined : readNote(path.join(folder, newest))
    },
    put: async ({ newest }, before) => {
      // A mount that is away leaves its empty folder behind, and what is written there lies on our own disk.
      if (before.size > 0 && namesIn(folder).length === 0)
        throw new PlaceRefused('not_mounted', `${folder} held checkpoints before and is empty now: it may not be mounted`)
      const file = path.join(folder, `checkpoint-${shortOf(newest.origin)}-${String(newest.size).padStart(16, '0')}.txt`)
      try {
        writeFileDurably(file, newest.note, 0o644)
      } catch (cause) {
        throw refused(folder, cause)
      }
      return newest.note
    },
  }
}

/** Of a name that may hold anything. */
function shortOf(origin: string): string {
  return createHash('sha256').update(origin).digest('hex').slice(0, 16)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => NAME.test(name))
      .sort((a, b) => (a.slice(-SIZE_CHARS) < b.slice(-SIZE_CHARS) ? -1 : 1))
  } catch (cause) {
    throw refused(folder, cause)
  }
}

function readNote(file: string): string {
  try {
    if (statSync(file).size > NOTE_BYTES_MAX) return ''
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw refused(path.dirname(file), cause)
  }
}

function refused(folder: string, cause: unknown): PlaceRefused {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
  return new PlaceRefused(code === 'ENOENT' ? 'not_mounted' : 'refused', `${folder}: ${code}`, { cause })
}
