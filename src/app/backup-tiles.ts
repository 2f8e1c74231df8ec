/** A copy of the tree's files as its checkpoint of one moment covers them; taken before the ledger, which then has all its entries. */
import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import { toBulkheadError } from '#base/errors.ts'
import { parseCheckpoint } from '#ledger/checkpoint.ts'
import { parseNote } from '#ledger/note.ts'
import { TileFiles } from '#ledger/tile-files.ts'
import { CHECKPOINT_FILE, fullTiles, partialTiles, tilePath } from '#ledger/tile-paths.ts'
import type { MemberWriter, Progress } from './backup-manifest.ts'

const ATTEMPTS = 20

interface Pinned {
  note: string
  size: number
  /** Partial tiles, open: wider ones take their place meanwhile. */
  partial: { own: string; handle: number }[]
}

export function copyTiles(writer: MemberWriter, dir: string, target: string, progress: Progress): void {
  const pinned = pinTiles(dir, progress)
  if (pinned === undefined) return
  try {
    for (const name of fullTiles(pinned.size)) writer.take(path.join(dir, tilePath(name)), `${target}/${tilePath(name)}`)
    for (const { own, handle } of pinned.partial) writer.copy(handle, `${target}/${own}`)
    writer.write(pinned.note, `${target}/${CHECKPOINT_FILE}`)
  } finally {
    for (const { handle } of pinned.partial) closeSync(handle)
  }
}

/** Undefined when there is no whole tree: the first start on the copy makes it from the ledger. */
function pinTiles(dir: string, progress: Progress): Pinned | undefined {
  const files = new TileFiles(dir)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const note = files.checkpoint()
    if (note === undefined) return undefined
    const pinned: Pinned = { note, size: 0, partial: [] }
    try {
      pinned.size = parseCheckpoint(parseNote(note).text).size
      for (const name of partialTiles(pinned.size)) {
        pinned.partial.push({ own: tilePath(name), handle: openSync(path.join(dir, tilePath(name)), 'r') })
      }
      return pinned
    } catch (thrown) {
      for (const { handle } of pinned.partial) closeSync(handle)
      // The tree has grown between the look at its checkpoint and this.
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') continue
      progress(`the tree over the ledger is not whole and is left out: ${toBulkheadError(thrown).message}`)
      return undefined
    }
  }
  progress('the tree over the ledger is not whole and is left out: tiles are missing')
  return undefined
}
