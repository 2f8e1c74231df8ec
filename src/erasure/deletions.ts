/** Which vendors hold something under which identifiers: what they were sent, and what may be on its way to them. */
import { DELETION_PURPOSE } from '#model/disclosure.ts'
import type { Deletion, ErasureJob } from '#vault/erasure-port.ts'
import type { ErasurePorts } from './ports.ts'

interface Row {
  vendor: string
  destination: string
  epoch: number
  kind: string
  subject: number
}

/** Of what it reads, all stands in the projection by subject. */
const SENT = `SELECT DISTINCT vendor, destination, epoch, toString(kind) AS kind, subject FROM disclosures
  WHERE subject IN {ordinals:Array(UInt64)} AND kind IN ('user', 'device') AND purpose != {deletion:String}`

/** Nobody is asked about identifiers that were never sent: the question itself would be a disclosure. */
export async function planDeletions(
  job: ErasureJob,
  parts: Pick<ErasurePorts, 'warehouse'> & { barrier: ErasurePorts['worker']['barrier']; now: number },
): Promise<Deletion[]> {
  const { open } = await parts.barrier()
  const own = new Set(job.ordinals)
  const rows: Row[] = open.filter((row) => own.has(row.subject) && row.kind !== 'group' && row.purpose !== DELETION_PURPOSE)
  rows.push(...(await parts.warehouse.query<Row>(SENT, { ordinals: job.ordinals, deletion: DELETION_PURPOSE }, 'badday')))
  const deletions = new Map(job.deletions.map((known) => [nameOf(known), known]))
  for (const { vendor, destination, epoch, kind, subject } of rows) {
    const name = nameOf({ destination, epoch: Number(epoch) })
    const known = deletions.get(name)
    const list = kind === 'user' ? ('users' as const) : ('devices' as const)
    if (known?.[list].includes(Number(subject))) continue
    const before = known ?? { vendor, destination, epoch: Number(epoch), users: [], devices: [], state: 'due' as const, at: parts.now }
    // One more than was asked about: it is asked again, about all.
    // What the vendor says is done stays so; one more is a promise of its own.
    const { tasks: _tasks, askedAt, dueAt, ...rest } = before
    const asked = before.state === 'done' || askedAt === undefined || dueAt === undefined ? rest : { ...rest, askedAt, dueAt }
    deletions.set(name, { ...asked, [list]: [...before[list], Number(subject)], state: 'due', at: parts.now })
  }
  return [...deletions.values()]
}

function nameOf({ destination, epoch }: { destination: string; epoch: number }): string {
  return `${destination} ${epoch}`
}
