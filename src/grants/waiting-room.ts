/** What waits sealed, as the warehouse knows where it lies: rows by blob, read from the gateway's files, in parts that fit a call. */
import { readWaiting } from '#log/waiting-file.ts'
import type { WaitingBlob } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'

export interface WaitingScope {
  /** First and last arrival day, as the engine writes days. */
  from: string
  to: string
  /** Entries of the log below this one. */
  below: number
  /** So many records, newest first. */
  recordsMax: number
}

export interface WaitingPorts {
  warehouse: Pick<Warehouse, 'query'>
  /** Folder of the gateway's sealed files. */
  waitingDir: string
}

interface Row {
  seq: number
  recordIndex: number
  waitingDay: number
  waitingFolder: number
  waitingOffset: number
  waitingLength: number
  waitingPart: number
  waitingRecord: number
  person: number
  isStray: number
}

/** `waitingPart` 0 was written before the warehouse knew which text of a blob is whose. */
const SELECT = `SELECT seq, recordIndex, waitingDay, waitingFolder, waitingOffset, waitingLength, waitingPart, waitingRecord,
    if(user > 0, user, device) AS person, (type = 'group' AND empty(groupKeys)) AS isStray
  FROM events WHERE arrival >= {from:Date} AND arrival <= {to:Date} AND seq < {below:UInt64} AND waitingPart > 0
    AND (waitingCount > 0 OR (type = 'event' AND event = ''))
  ORDER BY seq DESC, recordIndex LIMIT {records:UInt32}`

/** Of one call to the vault: it answers the gateway meanwhile. */
const CALL_BYTES = 1 << 20

/** Blobs in the order of their rows; a blob whose file is gone is empty, and nobody can open it. */
export async function* waitingBlobs(scope: WaitingScope, { warehouse, waitingDir }: WaitingPorts): AsyncGenerator<WaitingBlob[]> {
  const { from, to, below, recordsMax: records } = scope
  const rows = await warehouse.query<Row>(SELECT, { from, to, below, records }, 'badday')
  const byPlace = new Map<string, Row[]>()
  for (const row of rows) {
    const place = `${row.waitingFolder} ${row.waitingOffset}`
    const known = byPlace.get(place)
    if (known === undefined) byPlace.set(place, [row])
    else known.push(row)
  }
  let blobs: WaitingBlob[] = []
  let bytes = 0
  for (const group of byPlace.values()) {
    const [first] = group as [Row]
    const ref = { folder: first.waitingFolder, offset: Number(first.waitingOffset), length: first.waitingLength }
    const sealed = readWaiting(waitingDir, ref) ?? Buffer.alloc(0)
    blobs.push({
      day: first.waitingDay,
      sealed,
      records: group.map((row) => ({
        seq: Number(row.seq),
        index: row.recordIndex,
        part: row.waitingPart === 1 ? null : row.waitingPart - 2,
        record: row.waitingRecord,
        person: Number(row.person),
        isStray: row.isStray === 1,
      })),
    })
    bytes += sealed.length
    if (bytes < CALL_BYTES) continue
    yield blobs
    blobs = []
    bytes = 0
  }
  if (blobs.length > 0) yield blobs
}
