/** Files that are stolen in a story: what a vendor holds, as it would export it, and rows that somebody mixed in. */
import { createHash } from 'node:crypto'
import type { StepOf } from './story-format.ts'
import type { StoryWorld } from './story-world.ts'

type Row = Record<string, unknown>

/** As the vendor would export it: its own ids for everybody, which are our pseudonyms. */
export function stolenRows(step: StepOf<'steal'>, world: StoryWorld): Row[] {
  const until = step.until === undefined ? undefined : Date.parse(step.until)
  const rows: Row[] = []
  for (const { record, at } of world.cloud(step.vendor).loot()) {
    const { event, properties } = record as { event?: string; properties?: Row }
    if (event === undefined || properties === undefined || (until !== undefined && at >= until)) continue
    rows.push({ event, distinct_id: properties.distinct_id, time: properties.time, $insert_id: properties.$insert_id, n: properties.n })
  }
  const time = rows[0]?.time ?? Math.floor(world.now() / 1000)
  for (let index = 0; index < (step.foreign ?? 0); index++) {
    const hex = createHash('sha256').update(`foreign ${index}`).digest('hex')
    const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
    rows.push({ event: 'Somewhere else', distinct_id: id, time, $insert_id: hex.slice(0, 32), n: 0 })
  }
  const { people, count = 0 } = step.emails ?? {}
  for (const person of people === undefined ? [] : world.group(people).slice(0, count)) {
    rows.push({ event: 'Bought elsewhere', $email: person.email, time })
  }
  return rows
}

export function writeRows(rows: readonly Row[], format: 'ndjson' | 'csv' | 'json'): string {
  if (format === 'json') return JSON.stringify(rows.map(exported))
  if (format === 'ndjson') return rows.map((row) => `${JSON.stringify(exported(row))}\n`).join('')
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const quoted = (value: unknown): string => `"${String(value ?? '').replaceAll('"', '""')}"`
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))]
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('')
}

/** Mixpanel's raw export: `{event, properties}` (docs/stories.md). */
function exported({ event, ...properties }: Row): Row {
  return { event, properties }
}
