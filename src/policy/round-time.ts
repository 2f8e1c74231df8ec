/** Granularity of the form `coarse` of a time, in milliseconds. */
export const COARSE_TIME_MS = 10_000

const PHASES = 2 ** 32

/**
 * Rounds an instant (UTC ms) down to a grid whose origin depends on `phase` (0 ≤ phase < 2^32), one phase a person and
 * epoch: two destinations, or two epochs, cannot be joined by equal instants. The result is never later than `time` and
 * less than `granularityMs` before it. 0 as granularity leaves the time as it is (form `clear`).
 */
export function roundTime(time: number, phase: number, granularityMs: number): number {
  if (granularityMs <= 0) return time
  const offset = Math.floor((phase / PHASES) * granularityMs)
  return Math.floor((time - offset) / granularityMs) * granularityMs + offset
}
