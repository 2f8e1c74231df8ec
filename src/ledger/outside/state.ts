/**
 * What is known of each place outside, kept in one small file a place: when it last took a checkpoint, which one, with the
 * cosignature of a witness, and what went wrong since. Losing it costs a repeated round, never a wrong one.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { makeFolderDurably, writeFileDurably } from '#base/files.ts'
import type { ForkKind, Named, PlaceFault } from './place.ts'

export interface PlaceState {
  id: string
  kind: string
  target: string
  /** When it last said that it holds our newest checkpoint, UTC ms; 0 for never. */
  takenAt: number
  /** What it took then; the note with what a witness added. */
  taken: (Named & { note: string }) | undefined
  /** When it was first to hold something, UTC ms. */
  since: number
  /** Rounds in a row that failed. */
  failures: number
  fault: { code: PlaceFault | 'internal'; message: string; at: number } | undefined
  /** It holds what our tree does not extend: stays until a round ends well. */
  fork: { what: ForkKind; theirs: Named; ours: Named; at: number } | undefined
  /** When it is tried next, UTC ms. */
  nextAt: number
}

/** Within the ledger's folder, which the worker alone writes. */
export function outsideDir(ledgerDir: string): string {
  return path.join(ledgerDir, 'outside')
}

export function newState({ id, kind, target }: Pick<PlaceState, 'id' | 'kind' | 'target'>, now: number): PlaceState {
  return { id, kind, target, since: now, takenAt: 0, taken: undefined, failures: 0, fault: undefined, fork: undefined, nextAt: 0 }
}

/** The state of that place, or a new one when there is none, or it is of another target. */
export function readState(dir: string, place: Pick<PlaceState, 'id' | 'kind' | 'target'>, now: number): PlaceState {
  const fresh = newState(place, now)
  const known = readFile(fileOf(dir, place.id))
  return known === undefined || known.target !== place.target || known.kind !== place.kind ? fresh : { ...fresh, ...known }
}

export function writeState(dir: string, state: PlaceState): void {
  if (!existsSync(dir)) makeFolderDurably(dir)
  writeFileDurably(fileOf(dir, state.id), `${JSON.stringify(state)}\n`)
}

/** Of all places that ever were; for looking from outside, also with nothing running. */
export function readStates(dir: string): PlaceState[] {
  if (!existsSync(dir)) return []
  const names = readdirSync(dir).filter((name) => name.endsWith('.json'))
  return names.flatMap((name) => readFile(path.join(dir, name)) ?? [])
}

function fileOf(dir: string, id: string): string {
  return path.join(dir, `${id}.json`)
}

function readFile(file: string): PlaceState | undefined {
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as PlaceState
    const isWhole = typeof state.id === 'string' && typeof state.takenAt === 'number' && typeof state.nextAt === 'number'
    return isWhole && (state.taken === undefined || typeof state.taken.note === 'string') ? state : undefined
  } catch {
    // Absent or damaged: the place is asked anew, which does no harm.
    return undefined
  }
}
