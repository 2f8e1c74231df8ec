/**
 * How many ids never seen before a source may bring, in all and from one network: a public token must not fill the vault.
 * Only the vault knows which ids are new, and it alone writes them, so it counts; the count stands in the rows, written in
 * the commit that adds the ids, and no restart gives a fresh one. A network stands there as a keyed hash.
 *
 * What is over the cap is left out, not refused: to whoever sends it the answer is the same as for an id that is known, and
 * nothing can be asked. Its events are kept and are about nobody.
 */
import type { KeyObject } from 'node:crypto'
import { type Clock, DAY_MS } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { PaidMap, type Rate, rateOf, SteadyTime, take, waitFor } from '#base/gcra.ts'
import type { Trust } from '#model/field.ts'
import { type FlowLimits, limitsOf, type SourceLimits } from '#model/source-limits.ts'
import type { NewcomerRun } from './port.ts'
import type { Rows } from './rows.ts'
import { bind, hmac } from './seal.ts'

/** Networks of one source with a count of their own; the others share one. */
export const NETWORKS_MAX = 20_000
/** What networks without a count of their own share: those that have one keep the other half. */
const SHARED = 0.5
const TAG_BYTES = 16

export interface CappedSource {
  id: string
  trust: Trust
  limits?: SourceLimits | undefined
}

interface Meter {
  paidAt: number
  /** Of a network's meter: the source in whose map it belongs. */
  readonly source: string | null
}

interface Cap {
  own: Rate
  ownTag: string
  ownMeter: Meter
  network: Rate | undefined
  networks: PaidMap<Meter>
  shared: Rate
  sharedTag: string
  sharedMeter: Meter
}

export class Newcomers {
  readonly #key: KeyObject
  readonly #rows: Rows
  readonly #clock: Pick<Clock, 'now'>
  readonly #time = new SteadyTime()
  readonly #sources: readonly CappedSource[]
  readonly #networksMax: number
  readonly #caps = new Map<string, Cap>()
  readonly #changed = new Map<string, Meter>()
  readonly #forgotten = new Set<string>()

  constructor(options: {
    sources: readonly CappedSource[]
    key: KeyObject
    rows: Rows
    clock: Pick<Clock, 'now'>
    networksMax?: number
  }) {
    this.#sources = options.sources
    this.#key = options.key
    this.#rows = options.rows
    this.#clock = options.clock
    this.#networksMax = options.networksMax ?? NETWORKS_MAX
    this.load()
  }

  /** From the rows: at the start, and after a commit that failed, whose newcomers never came. */
  load(): void {
    this.#changed.clear()
    this.#forgotten.clear()
    const now = this.#now()
    const rows = this.#rows.newcomers()
    const stored = new Map(rows.map(({ tag, paidAt }) => [nameOf(tag), paidAt]))
    // Never further ahead than a full cap: the clock may have been set back since.
    const meter = (tag: string, rate: Rate, source: string | null = null): Meter => {
      return { paidAt: Math.min(stored.get(tag) ?? 0, now + rate.aheadMs), source }
    }
    for (const source of this.#sources) {
      const limits = limitsOf(source)
      const [own, shared] = [rateOfIds(limits), rateOfIds(limits, SHARED)]
      const [ownTag, sharedTag] = [this.#tag(source.id, 'own', ''), this.#tag(source.id, 'shared', '')]
      this.#caps.set(source.id, {
        own,
        ownTag,
        ownMeter: meter(ownTag, own),
        network: limits.network === undefined ? undefined : rateOfIds(limits.network),
        networks: new PaidMap<Meter>(
          this.#networksMax,
          ({ paidAt }, at) => paidAt <= at,
          (tag) => {
            this.#changed.delete(tag)
            this.#forgotten.add(tag)
          },
        ),
        shared,
        sharedTag,
        sharedMeter: meter(sharedTag, shared),
      })
    }
    for (const { tag, source, paidAt } of rows) {
      const name = nameOf(tag)
      const cap = source === null ? undefined : this.#caps.get(source)
      const rate = cap?.network
      if (paidAt <= now) this.#forgotten.add(name)
      else if (cap !== undefined && rate !== undefined) cap.networks.findOrAdd(name, () => meter(name, rate, source), now)
    }
  }

  /** Says for each identifier of a call, in order, whether it may be new; asking for one that is new counts it. */
  gate(runs: readonly NewcomerRun[]): (index: number) => boolean {
    let run = -1
    let end = 0
    let admit = (): boolean => false
    return (index) => {
      while (index >= end) {
        run += 1
        const next = runs[run]
        if (next === undefined) throw new BulkheadError('vault_refused', 'the call does not say where its identifiers come from')
        end += next.count
        admit = this.#admission(next)
      }
      return admit()
    }
  }

  #admission({ source, network }: NewcomerRun): () => boolean {
    const cap = this.#caps.get(source)
    if (cap === undefined) throw new BulkheadError('vault_refused', 'the call names a source that is not configured')
    const now = this.#now()
    const own = { tag: cap.ownTag, rate: cap.own, meter: cap.ownMeter }
    const meters = cap.network === undefined || network === null ? [own] : [own, this.#shareOf(source, cap, cap.network, network, now)]
    return () => {
      if (meters.some(({ rate, meter }) => waitFor(rate, meter.paidAt, now, 1) > 0)) return false
      for (const { tag, rate, meter } of meters) {
        meter.paidAt = take(rate, meter.paidAt, now, 1)
        this.#forgotten.delete(tag)
        this.#changed.set(tag, meter)
      }
      return true
    }
  }

  #shareOf(source: string, cap: Cap, rate: Rate, network: string, now: number): { tag: string; rate: Rate; meter: Meter } {
    const tag = this.#tag(source, 'network', network)
    const meter = cap.networks.findOrAdd(tag, () => ({ paidAt: 0, source }), now)
    return meter === undefined ? { tag: cap.sharedTag, rate: cap.shared, meter: cap.sharedMeter } : { tag, rate, meter }
  }

  /** Within the commit that adds the newcomers. */
  save(): void {
    for (const tag of this.#forgotten) this.#rows.dropNewcomers(bytesOf(tag))
    for (const [tag, { source, paidAt }] of this.#changed) this.#rows.putNewcomers(bytesOf(tag), source, paidAt)
    this.#forgotten.clear()
    this.#changed.clear()
  }

  #now(): number {
    return this.#time.at(this.#clock.now())
  }

  #tag(source: string, kind: string, network: string): string {
    return nameOf(hmac(this.#key, bind('newcomers', source, kind, network)).subarray(0, TAG_BYTES))
  }
}

function rateOfIds(limits: FlowLimits, share = 1): Rate {
  return rateOf({ units: limits.newIdsPerDay * share, perMs: DAY_MS, burst: limits.newIdsPerHour * share })
}

function nameOf(tag: Uint8Array): string {
  return Buffer.from(tag).toString('latin1')
}

function bytesOf(name: string): Buffer {
  return Buffer.from(name, 'latin1')
}
