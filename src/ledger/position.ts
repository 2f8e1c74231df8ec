import type { LogPosition } from '#model/disclosure.ts'

/** Where a destination starts that has no cursor yet. */
export const FIRST_POSITION: LogPosition = { seq: 1, index: 0 }

export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.seq - b.seq || a.index - b.index
}
