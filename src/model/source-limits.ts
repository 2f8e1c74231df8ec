/**
 * How much one source may bring, and how much of it from one network. A public token is in everybody's hands, so without
 * these whoever holds it could fill the disk and the vault, and take the machine from the other sources.
 */
import type { Trust } from '#model/field.ts'

export interface FlowLimits {
  requestsPerSecond: number
  eventsPerSecond: number
  /** Of bodies, once unpacked. */
  bytesPerSecond: number
  /** Ids that the vault has not seen before: at once, and on average over a day. */
  newIdsPerHour: number
  newIdsPerDay: number
}

export interface SourceLimits extends FlowLimits {
  /** What the source's records may take of the disk before they are in the warehouse. */
  diskBytesPerDay: number
  /** Undefined: of a source whose token never ships, all networks count together. */
  network: FlowLimits | undefined
}

/** The flow may run this far ahead of its rate: SDKs send in bursts. */
export const BURST_SECONDS = 10

const MEGABYTE = 1_000_000

/** A vendor's own limits for a project are the measure: 30,000 events and some 35 MB a second (Mixpanel's documentation). */
const BROWSER: SourceLimits = {
  requestsPerSecond: 10_000,
  eventsPerSecond: 30_000,
  bytesPerSecond: 64 * MEGABYTE,
  newIdsPerHour: 500_000,
  newIdsPerDay: 2_000_000,
  diskBytesPerDay: 20_000 * MEGABYTE,
  // Some thousand browsers that each send every five seconds, as behind a mobile operator's or a campus's few addresses.
  network: {
    requestsPerSecond: 500,
    eventsPerSecond: 3000,
    bytesPerSecond: 6 * MEGABYTE,
    newIdsPerHour: 2000,
    newIdsPerDay: 20_000,
  },
}

const SERVER: SourceLimits = {
  requestsPerSecond: 50_000,
  eventsPerSecond: 200_000,
  bytesPerSecond: 500 * MEGABYTE,
  newIdsPerHour: 5_000_000,
  newIdsPerDay: 20_000_000,
  diskBytesPerDay: 200_000 * MEGABYTE,
  network: undefined,
}

/** Limits of a source as configured, else the defaults of its trust. */
export function limitsOf({ trust, limits }: { trust: Trust; limits?: SourceLimits | undefined }): SourceLimits {
  return limits ?? defaultLimits(trust)
}

export function defaultLimits(trust: Trust): SourceLimits {
  return trust === 'server' ? SERVER : BROWSER
}

/** Leading bits of an address that name a network. */
export interface NetworkBits {
  ipv4: number
  ipv6: number
}

/** What one customer of a provider gets at most: a /24 of the old addresses, a /48 of the new ones (RFC 6177). */
export const NETWORK_BITS: NetworkBits = { ipv4: 24, ipv6: 48 }
