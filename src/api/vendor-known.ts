/** Whether a vendor means anything here: one whose name is left in the ledger alone was sent something and may be breached. */
import { BulkheadError } from '#base/errors.ts'
import { destinationsSentTo, wasSentTo } from '#incidents/surfaces.ts'
import { assertVendorKnown, destinationsOf, vendorNames } from '#vendors/register.ts'
import type { StaffDeps } from './deps.ts'

type Known = Pick<StaffDeps, 'records' | 'config' | 'warehouse'>

/** Throws `vendor_unknown`. */
export async function assertVendorEverKnown(vendor: string, { records, config, warehouse }: Known): Promise<void> {
  const names = vendorNames(records, config.vendors)
  if (!names.includes(vendor) && (await wasSentTo(vendor, warehouse))) return
  assertVendorKnown(vendor, names)
}

/** Throws `destination_unknown`. */
export async function assertDestinations(
  destinations: readonly string[],
  vendor: string,
  { records, config, warehouse }: Known,
): Promise<void> {
  const known = destinationsOf(vendor, records, config.vendors)
  const strange = destinations.filter((destination) => !known.includes(destination))
  const sentTo = strange.length === 0 ? [] : await destinationsSentTo(vendor, warehouse)
  const unknown = strange.find((destination) => !sentTo.includes(destination))
  if (unknown === undefined) return
  throw new BulkheadError('destination_unknown', `${vendor} has no destination ${JSON.stringify(unknown.slice(0, 64))}`)
}
