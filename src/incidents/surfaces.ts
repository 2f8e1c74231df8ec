/** Whether the names of a scope mean anything: a mistyped one would find nobody and look like a small scope. */
import { BulkheadError } from '#base/errors.ts'
import type { Warehouse } from '#warehouse/port.ts'

/** Throws `surface_unknown`. `configured`: surfaces of the sources, of which nothing may have been sent yet. */
export async function assertSurfaces(
  surfaces: readonly string[],
  of: { vendor: string; configured: readonly string[] },
  warehouse: Pick<Warehouse, 'query'>,
): Promise<void> {
  if (surfaces.every((surface) => of.configured.includes(surface))) return
  const rows = await warehouse.query<{ surface: string }>(
    'SELECT DISTINCT toString(surface) AS surface FROM disclosures WHERE vendor = {vendor:String}',
    { vendor: of.vendor },
    'badday',
  )
  const known = new Set([...of.configured, ...rows.map(({ surface }) => surface)])
  const unknown = surfaces.find((surface) => !known.has(surface))
  if (unknown === undefined) return
  const names = [...known].sort().slice(0, 20).join(', ')
  throw new BulkheadError(
    'surface_unknown',
    `nothing was sent to ${of.vendor} from a surface ${JSON.stringify(unknown.slice(0, 64))}; there are: ${names}`,
  )
}

/** Whether anything was ever sent to a vendor that neither configuration nor records know. */
export async function wasSentTo(vendor: string, warehouse: Pick<Warehouse, 'query'>): Promise<boolean> {
  const sql = 'SELECT 1 AS found FROM disclosures WHERE vendor = {vendor:String} LIMIT 1'
  return (await warehouse.query(sql, { vendor }, 'badday')).length > 0
}

/** Destinations of a vendor that something was sent to. */
export async function destinationsSentTo(vendor: string, warehouse: Pick<Warehouse, 'query'>): Promise<string[]> {
  const sql = 'SELECT DISTINCT toString(destination) AS destination FROM disclosures WHERE vendor = {vendor:String}'
  return (await warehouse.query<{ destination: string }>(sql, { vendor }, 'badday')).map(({ destination }) => destination)
}
