/** What a running Bulkhead says of itself, through its own command line. */
import { BulkheadError } from '#base/errors.ts'
import { readFileSync } from 'node:fs'
import path from 'node:path'
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

interface Check {
  id: string
  what: string
}

/** True when all that was acknowledged before is decided on for these vendors, and what left of it has its outcome. */
export async function isForwarded(program: Program, vendors: readonly string[]): Promise<boolean> {
  const credential = readFileSync(path.join(program.keysDir, 'operator'), 'utf8').trim()
  const answer = await fetch(`${program.consoleUrl}/v1/doctor`, { headers: { authorization: `Bearer ${credential}` } })
  const { checks = [] } = (await answer.json()) as { checks?: Check[] }
  const behind = checks.flatMap(({ id, what }) => {
    const [, vendor = ''] = /^destination:([^/]*)\//.exec(id) ?? []
    return vendors.includes(vendor) ? [what] : []
  })
  return behind.length >= vendors.length && behind.every((what) => / 0 log entries behind/.test(what))
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
