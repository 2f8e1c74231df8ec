/** What a running Bulkhead says of itself, through its own command line. */
import { BulkheadError } from '#base/errors.ts'
import type { Program } from '#drill/program.ts'

export interface EventCounts {
  /** Records of type event, identify and merge that were acknowledged, since the data folder was made. */
  accepted: number
  /** The same in the warehouse. */
  warehouse: number
}

export async function eventCounts(program: Program): Promise<EventCounts> {
  const result = await program.cli(['doctor', '--json'])
  const answer = parseLast(result.stdout) as { events?: Partial<EventCounts> } | undefined
  const { accepted, warehouse } = answer?.events ?? {}
  if (typeof accepted !== 'number' || typeof warehouse !== 'number') {
    throw new BulkheadError('drill_failed', `doctor ended with ${result.code} and no counts: ${result.stderr.slice(0, 500)}`)
  }
  return { accepted, warehouse }
}

/** The JSON value that a command printed last; commands print one. */
export function parseLast(stdout: string): unknown {
  const text = stdout.trim()
  for (let at = /^[{[]/.test(text) ? 0 : text.indexOf('\n{') + 1; at >= 0 && at < text.length; at = text.indexOf('\n{', at) + 1) {
    try {
      return JSON.parse(text.slice(at))
    } catch {
      // Not from here to the end; the next line that opens an object may be it.
      if (text.indexOf('\n{', at) < 0) return undefined
    }
  }
  return undefined
}
