/**
 * What each source may bring, in all and from one network. A request is taken whole or not at all: all its meters are
 * looked at before one is charged. Memory is bounded: a network whose meters are paid is as good as one never seen and is
 * forgotten, and networks beyond the limit share one meter.
 */
import { PaidMap, rateOf, type Rate, SteadyTime, take, waitFor } from '#base/gcra.ts'
import { DAY_MS } from '#base/clock.ts'
import type { SourceConfig } from '#model/config.ts'
import { BURST_SECONDS, type FlowLimits, limitsOf } from '#model/source-limits.ts'

/** Networks of one source, and places that sent what belongs to no source. */
export const NETWORKS_MAX = 20_000
/** What a record costs beside its bytes, however short it is: its place in log, waiting room and warehouse. */
export const DISK_BYTES_PER_RECORD = 400
/** The disk budget may be used this far ahead. */
const DISK_BURST_DAYS = 0.25
/** Requests of which nothing was taken, a second from one place, before that place is answered unread. */
const STRAYS_PER_SECOND = 50
/** What newcomers share when there are too many networks: the known ones keep the other half. */
const OVERFLOW_SHARE = 0.5

export type QuotaScope = 'source' | 'network' | 'place'
export type QuotaKind = 'requests' | 'events' | 'bytes' | 'disk' | 'strays'

export interface OverQuota {
  source: string
  scope: QuotaScope
  what: QuotaKind
  count: number
}

export interface QuotaStats {
  networks: number
  /** Networks that came when there was no more room and had to share. */
  overflows: number
  refused: OverQuota[]
}

/** Paid-up instants; 0 is paid. */
interface Meters {
  requests: number
  events: number
  bytes: number
}

interface FlowRates {
  requests: Rate
  events: Rate
  bytes: Rate
}

interface SourceQuota {
  id: string
  rates: FlowRates
  disk: Rate
  own: Meters & { disk: number }
  networkRates: FlowRates | undefined
  overflowRates: FlowRates
  networks: PaidMap<Meters>
  overflow: Meters
}

const unpaid = (): Meters => ({ requests: 0, events: 0, bytes: 0 })

export class Quotas {
  readonly #sources = new Map<string, SourceQuota>()
  readonly #time = new SteadyTime()
  readonly #strays = new PaidMap<{ requests: number }>(NETWORKS_MAX, (meter, now) => meter.requests <= now)
  readonly #strayRate = rateOf({ units: STRAYS_PER_SECOND, perMs: 1000, burst: STRAYS_PER_SECOND * BURST_SECONDS })
  readonly #refused = new Map<string, OverQuota>()
  #overflows = 0

  constructor(sources: readonly SourceConfig[], networksMax = NETWORKS_MAX) {
    for (const source of sources) {
      const limits = limitsOf(source)
      this.#sources.set(source.id, {
        id: source.id,
        rates: flowRates(limits),
        disk: rateOf({ units: limits.diskBytesPerDay, perMs: DAY_MS, burst: limits.diskBytesPerDay * DISK_BURST_DAYS }),
        own: { ...unpaid(), disk: 0 },
        networkRates: limits.network === undefined ? undefined : flowRates(limits.network),
        overflowRates: flowRates(limits, OVERFLOW_SHARE),
        networks: new PaidMap(networksMax, (meters, now) => meters.requests <= now && meters.events <= now && meters.bytes <= now),
        overflow: unpaid(),
      })
    }
  }

  /** Before a body is read. How long a place must wait that sent too much of which nothing was taken; 0: come in. */
  atDoor(place: string | undefined, now: number): number {
    const meter = place === undefined ? undefined : this.#strays.find(place)
    const waitMs = meter === undefined ? 0 : waitFor(this.#strayRate, meter.requests, this.#time.at(now), 1)
    if (waitMs > 0) this.#count('', 'place', 'strays')
    return waitMs
  }

  /** A request of which nothing was taken: it had its cost all the same. Where there is no room for the place it goes free. */
  stray(place: string | undefined, now: number): void {
    if (place === undefined) return
    const at = this.#time.at(now)
    const meter = this.#strays.findOrAdd(place, () => ({ requests: 0 }), at)
    if (meter !== undefined) meter.requests = take(this.#strayRate, meter.requests, at, 1)
  }

  /** Takes a request of one or more sources whole and answers 0, or takes nothing of it and says how long to wait. */
  take(
    parts: ReadonlyMap<SourceConfig, { readonly length: number }>,
    given: { network: string | undefined; bytes: number; now: number },
  ): number {
    const now = this.#time.at(given.now)
    let waitMs = 0
    for (const [source, records] of parts) waitMs = Math.max(waitMs, this.#wait(source, records.length, { ...given, now }))
    if (waitMs > 0) return waitMs
    for (const [source, records] of parts) this.#charge(source, records.length, { ...given, now })
    return 0
  }

  #wait(source: SourceConfig, events: number, given: { network: string | undefined; bytes: number; now: number }): number {
    const quota = this.#sources.get(source.id)
    if (quota === undefined) return 0
    const { bytes, now } = given
    // The network first: what one network has too much of is no sign that the source has.
    const [rates, meters] = this.#shareOf(quota, given.network, now)
    if (rates !== undefined) {
      const waitMs = this.#flowWait(quota, 'network', rates, meters, events, bytes, now)
      if (waitMs > 0) return waitMs
    }
    const waitMs = this.#flowWait(quota, 'source', quota.rates, quota.own, events, bytes, now)
    if (waitMs > 0) return waitMs
    const diskMs = waitFor(quota.disk, quota.own.disk, now, diskCost(events, bytes))
    if (diskMs > 0) this.#count(quota.id, 'source', 'disk')
    return diskMs
  }

  #charge(source: SourceConfig, events: number, given: { network: string | undefined; bytes: number; now: number }): void {
    const quota = this.#sources.get(source.id)
    if (quota === undefined) return
    const { bytes, now } = given
    const [rates, meters] = this.#shareOf(quota, given.network, now)
    if (rates !== undefined) chargeFlow(rates, meters, events, bytes, now)
    chargeFlow(quota.rates, quota.own, events, bytes, now)
    quota.own.disk = take(quota.disk, quota.own.disk, now, diskCost(events, bytes))
  }

  #shareOf(quota: SourceQuota, network: string | undefined, now: number): [FlowRates | undefined, Meters] {
    if (network === undefined || quota.networkRates === undefined) return [undefined, quota.overflow]
    const meters = quota.networks.findOrAdd(network, unpaid, now)
    if (meters !== undefined) return [quota.networkRates, meters]
    this.#overflows++
    return [quota.overflowRates, quota.overflow]
  }

  #flowWait(quota: SourceQuota, scope: QuotaScope, rates: FlowRates, meters: Meters, events: number, bytes: number, now: number): number {
    const requestsMs = waitFor(rates.requests, meters.requests, now, 1)
    const eventsMs = waitFor(rates.events, meters.events, now, events)
    const bytesMs = waitFor(rates.bytes, meters.bytes, now, bytes)
    const waitMs = Math.max(requestsMs, eventsMs, bytesMs)
    if (waitMs > 0) this.#count(quota.id, scope, waitMs === requestsMs ? 'requests' : waitMs === eventsMs ? 'events' : 'bytes')
    return waitMs
  }

  #count(source: string, scope: QuotaScope, what: QuotaKind): void {
    const name = `${source} ${scope} ${what}`
    const known = this.#refused.get(name)
    if (known === undefined) this.#refused.set(name, { source, scope, what, count: 1 })
    else known.count++
  }

  /** When each source's use of the disk is paid: survives a restart, see `quota-file.ts`. */
  diskPaidAt(): Record<string, number> {
    return Object.fromEntries([...this.#sources].map(([id, { own }]) => [id, own.disk]))
  }

  /** Never further ahead than a full budget: the clock may have been set back in between. */
  restoreDisk(paidAt: Readonly<Record<string, unknown>>, now: number): void {
    const at = this.#time.at(now)
    for (const [id, quota] of this.#sources) {
      const stored = Object.hasOwn(paidAt, id) ? paidAt[id] : undefined
      if (typeof stored === 'number' && Number.isFinite(stored)) quota.own.disk = Math.min(stored, at + quota.disk.aheadMs)
    }
  }

  stats(): QuotaStats {
    const networks = [...this.#sources.values()].reduce((sum, quota) => sum + quota.networks.size, this.#strays.size)
    return { networks, overflows: this.#overflows, refused: [...this.#refused.values()].map((row) => ({ ...row })) }
  }
}

function flowRates(limits: FlowLimits, share = 1): FlowRates {
  const rate = (perSecond: number): Rate => rateOf({ units: perSecond * share, perMs: 1000, burst: perSecond * share * BURST_SECONDS })
  return { requests: rate(limits.requestsPerSecond), events: rate(limits.eventsPerSecond), bytes: rate(limits.bytesPerSecond) }
}

function chargeFlow(rates: FlowRates, meters: Meters, events: number, bytes: number, now: number): void {
  meters.requests = take(rates.requests, meters.requests, now, 1)
  meters.events = take(rates.events, meters.events, now, events)
  meters.bytes = take(rates.bytes, meters.bytes, now, bytes)
}

function diskCost(events: number, bytes: number): number {
  return bytes + events * DISK_BYTES_PER_RECORD
}
