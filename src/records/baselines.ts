/** What vendors held before anything went to them through us: statements, and the people of imported exports as columns of numbers. */
import type { DatabaseSync } from 'node:sqlite'
import { canonicalJson } from '#base/canonical-json.ts'
import type { Baseline, BaselinePeople, RecordedBaseline } from '#model/baseline.ts'

export interface BaselineReading {
  /** What was said of a vendor, the newest last. */
  baselines(vendor: string): RecordedBaseline[]
  /** In parts of at most `BASELINE_PART`. */
  baselinePeople(id: number): Iterable<BaselinePeople>
}

export interface BaselineWriting {
  /** The statement and its people, all or nothing. */
  recordBaseline(baseline: Baseline, people: Iterable<BaselinePeople>): RecordedBaseline
}

/** Never changed once released. */
export const BASELINE_STEP = `CREATE TABLE vendor_baseline (id INTEGER NOT NULL PRIMARY KEY, vendor TEXT NOT NULL, statement TEXT NOT NULL);
   CREATE TABLE vendor_baseline_people (
     baseline INTEGER NOT NULL,
     part INTEGER NOT NULL,
     subjects TEXT NOT NULL,
     devices TEXT NOT NULL,
     shapes TEXT NOT NULL,
     firsts TEXT NOT NULL,
     lasts TEXT NOT NULL,
     PRIMARY KEY (baseline, part)
   );`

/** People of one row. */
export const BASELINE_PART = 100_000

/** Columns as base64: text of any length is what both databases have in common. */
const COLUMNS = ['subjects', 'devices', 'shapes', 'firsts', 'lasts'] as const

export function readingBaselines(database: DatabaseSync): BaselineReading {
  const statements = database.prepare('SELECT id, statement FROM vendor_baseline WHERE vendor = ? ORDER BY id')
  const parts = database.prepare(`SELECT ${COLUMNS.join(', ')} FROM vendor_baseline_people WHERE baseline = ? ORDER BY part`)
  return {
    baselines: (vendor) =>
      statements.all(vendor).map((row) => ({ ...(JSON.parse(row.statement as string) as Baseline), id: row.id as number })),
    baselinePeople: function* (id) {
      for (const row of parts.all(id)) {
        const bytes = (column: (typeof COLUMNS)[number]): ArrayBuffer =>
          new Uint8Array(Buffer.from(row[column] as string, 'base64')).buffer as ArrayBuffer
        yield {
          subjects: new Float64Array(bytes('subjects')),
          devices: new Uint8Array(bytes('devices')),
          shapes: new Uint16Array(bytes('shapes')),
          firsts: new Uint32Array(bytes('firsts')),
          lasts: new Uint32Array(bytes('lasts')),
        }
      }
    },
  }
}

export function writingBaselines(database: DatabaseSync, transact: <Result>(act: () => Result) => Result): BaselineWriting {
  const next = database.prepare('SELECT coalesce(max(id), 0) + 1 AS id FROM vendor_baseline')
  const insert = database.prepare('INSERT INTO vendor_baseline (id, vendor, statement) VALUES (?, ?, ?)')
  const insertPart = database.prepare(
    `INSERT INTO vendor_baseline_people (baseline, part, ${COLUMNS.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  return {
    recordBaseline: (baseline, people) =>
      transact(() => {
        const id = Number((next.get() as { id: number }).id)
        insert.run(id, baseline.vendor, canonicalJson(baseline))
        let part = 0
        for (const some of people) {
          const text = COLUMNS.map((column) => {
            const { buffer, byteOffset, byteLength } = some[column]
            return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
          })
          insertPart.run(id, part, ...text)
          part += 1
        }
        return { ...baseline, id }
      }),
  }
}
