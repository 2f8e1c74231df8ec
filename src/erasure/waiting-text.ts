/** Takes a person's text out of the waiting room: which texts are theirs, the warehouse knows; the vault opens and seals. */
import type { ErasureJob, WaitingDrop } from '#vault/erasure-port.ts'
import type { ErasurePorts } from './ports.ts'

interface Row {
  waitingDay: number
  waitingFolder: number
  waitingOffset: number
  waitingLength: number
  waitingPart: number
  waitingRecord: number
}

const THEIRS = `user IN {ordinals:Array(UInt64)} OR device IN {ordinals:Array(UInt64)} OR hasAny(linkedOrdinals, {ordinals:Array(UInt64)})
  OR (user = 0 AND arrayExists((one, since, until) -> one = device AND toUnixTimestamp64Milli(time) >= since
    AND toUnixTimestamp64Milli(time) < until, {devices:Array(UInt64)}, {froms:Array(Int64)}, {tos:Array(Int64)}))`
const PLACES = `SELECT waitingDay, waitingFolder, waitingOffset, waitingLength, waitingPart, waitingRecord FROM events
  WHERE waitingLength > 0 AND erased = 0 AND (${THEIRS}) ORDER BY waitingFolder, waitingOffset`
const AT_ONCE = 64

export async function takeOutWaiting(job: ErasureJob, ports: ErasurePorts): Promise<void> {
  const parameters = {
    ordinals: job.ordinals,
    devices: job.shared.map(({ device }) => device),
    froms: job.shared.map(({ from }) => from),
    tos: job.shared.map(({ to }) => to),
  }
  const blobs = new Map<string, { place: Row; drops: WaitingDrop[] }>()
  for (const row of await ports.warehouse.query<Row>(PLACES, parameters, 'badday')) {
    const name = `${row.waitingFolder} ${row.waitingOffset}`
    const blob = blobs.get(name) ?? { place: row, drops: [] }
    blob.drops.push(dropOf(row))
    blobs.set(name, blob)
  }
  const all = [...blobs.values()]
  for (let from = 0; from < all.length; from += AT_ONCE) await replaceBlobs(all.slice(from, from + AT_ONCE), ports)
}

/** Rows of before it was known where in a blob a record's text stands: all of the blob goes. */
function dropOf({ waitingPart, waitingRecord }: Row): WaitingDrop {
  if (Number(waitingPart) === 0) return { part: undefined, records: undefined }
  return { part: Number(waitingPart) === 1 ? undefined : Number(waitingPart) - 2, records: [Number(waitingRecord)] }
}

async function replaceBlobs(blobs: readonly { place: Row; drops: WaitingDrop[] }[], ports: ErasurePorts): Promise<void> {
  const replacements: { folder: number; offset: number; blob: Buffer }[] = []
  for (const { place, drops } of blobs) {
    const [folder, offset, length] = [Number(place.waitingFolder), Number(place.waitingOffset), Number(place.waitingLength)]
    const sealed = ports.readWaiting({ folder, offset, length })
    const blob = sealed && (await ports.vault.resealWaiting(Number(place.waitingDay), sealed, drops))
    if (blob !== undefined) replacements.push({ folder, offset, blob })
  }
  await ports.gateway.replaceWaiting(replacements)
}
