/** What the gateway has seen, as numbers with closed labels; the metrics read them when somebody asks. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ReasonCode } from '#model/outcome.ts'
import type { Refusal } from '#model/protocol.ts'
import type { QuotaStats } from './quota.ts'
import { UnknownTokens } from './sources.ts'

export interface GatewayStats {
  requests: number
  records: { kept: number; repeats: number; dropped: Partial<Record<ReasonCode, number>> }
  /** Requests of which nothing was kept, by refusal. */
  refused: Partial<Record<Refusal, number>>
  /** Requests that an exception of ours or of a store behind us failed, by stage. */
  failures: Record<string, number>
  /** Recognised secrets destroyed at the door, by kind. */
  destroyed: Record<string, number>
  unknownTokens: { count: number; tokens: { token: string; count: number }[] }
  windows: number
  heldBytes: number
  /** True while nothing more is taken for want of room; `short` says of what. */
  diskLow: boolean
  short: readonly string[]
  quotas: QuotaStats
  /** Identifiers that the vault did not take: one too many of their source or network. */
  refusedNewcomers: number
  /** Open now; closed unheard because their network or all together had too many, or for a TLS handshake that failed. */
  connections: { open: number; refused: Record<'network' | 'total' | 'handshake', number> }
}

/** What only others know at the moment of asking. */
export type LiveState = () => Pick<
  GatewayStats,
  'windows' | 'heldBytes' | 'diskLow' | 'short' | 'quotas' | 'refusedNewcomers' | 'connections'
>

export class GatewayCounts {
  readonly unknownTokens = new UnknownTokens()
  readonly #live: LiveState
  #kept = 0
  #repeats = 0
  #requests = 0
  #bodyBytes = 0
  readonly #byRoute = new Map<string, { protocol: string; route: string; status: string; count: number }>()
  readonly #dropped = new Map<ReasonCode, number>()
  readonly #refused = new Map<Refusal, number>()
  readonly #failures = new Map<string, number>()
  readonly #destroyed = new Map<string, number>()

  constructor(live: LiveState, registry: Registry) {
    this.#live = live
    this.#register(registry)
  }

  request(protocol: string, route: string, status: number): void {
    this.#requests++
    const label = `${Math.floor(status / 100)}xx`
    const key = `${protocol} ${route} ${label}`
    const row = this.#byRoute.get(key)
    if (row === undefined) this.#byRoute.set(key, { protocol, route, status: label, count: 1 })
    else row.count++
  }

  body(bytes: number): void {
    this.#bodyBytes += bytes
  }

  committed(kept: number, repeats: number): void {
    this.#kept += kept
    this.#repeats += repeats
  }

  dropped(reason: ReasonCode, count: number): void {
    add(this.#dropped, reason, count)
  }

  refused(refusal: Refusal): void {
    add(this.#refused, refusal, 1)
  }

  failure(stage: string): void {
    add(this.#failures, stage, 1)
  }

  destroyed(kinds: Record<string, number>): void {
    for (const [kind, count] of Object.entries(kinds)) add(this.#destroyed, kind, count)
  }

  stats(): GatewayStats {
    return {
      requests: this.#requests,
      records: { kept: this.#kept, repeats: this.#repeats, dropped: Object.fromEntries(this.#dropped) },
      refused: Object.fromEntries(this.#refused),
      failures: Object.fromEntries(this.#failures),
      destroyed: Object.fromEntries(this.#destroyed),
      unknownTokens: this.unknownTokens.stats(),
      ...this.#live(),
    }
  }

  #register(registry: Registry): void {
    const registers = [registry]
    const counter = (name: string, help: string, labelNames: string[], rows: () => Iterable<[Record<string, string>, number]>): void => {
      const metric: Counter = new Counter({
        name: `bulkhead_gateway_${name}`,
        help,
        labelNames,
        registers,
        collect: () => {
          metric.reset()
          for (const [labels, count] of rows()) metric.inc(labels, count)
        },
      })
    }
    counter('requests_total', 'Requests answered.', ['protocol', 'route', 'status'], () =>
      [...this.#byRoute.values()].map(({ count, ...labels }) => [labels, count]),
    )
    counter('records_total', 'Records by what became of them.', ['outcome', 'reason'], () => [
      [{ outcome: 'kept', reason: '' }, this.#kept],
      [{ outcome: 'dropped', reason: 'repeat' }, this.#repeats],
      ...labelled(this.#dropped, (reason) => ({ outcome: 'dropped', reason })),
    ])
    counter('refused_total', 'Requests of which nothing was kept.', ['reason'], () => labelled(this.#refused, (reason) => ({ reason })))
    counter('over_quota_total', 'Refusals by what there was too much of.', ['source', 'scope', 'what'], () =>
      this.#live().quotas.refused.map(({ source, scope, what, count }) => [{ source, scope, what }, count]),
    )
    counter('refused_newcomers_total', 'Identifiers not taken: one too many of their source or network.', [], () => [
      [{}, this.#live().refusedNewcomers],
    ])
    counter('refused_connections_total', 'Connections closed unheard.', ['reason'], () =>
      Object.entries(this.#live().connections.refused).map(([reason, count]) => [{ reason }, count]),
    )
    counter('failures_total', 'Windows that a store failed.', ['stage'], () => labelled(this.#failures, (stage) => ({ stage })))
    counter('destroyed_secrets_total', 'Recognised secrets destroyed at the door.', ['kind'], () =>
      labelled(this.#destroyed, (kind) => ({ kind })),
    )
    counter('body_bytes_total', 'Bytes of bodies received.', [], () => [[{}, this.#bodyBytes]])
    counter('windows_total', 'Commit windows begun.', [], () => [[{}, this.#live().windows]])
    const gauge = (name: string, help: string, value: () => number): void => {
      const metric: Gauge = new Gauge({ name: `bulkhead_gateway_${name}`, help, registers, collect: () => metric.set(value()) })
    }
    gauge('held_bytes', 'Bytes of bodies in memory.', () => this.#live().heldBytes)
    gauge('quota_networks', 'Networks with a meter of their own.', () => this.#live().quotas.networks)
    gauge('connections', 'Open connections.', () => this.#live().connections.open)
    gauge('disk_low', '1 while the free disk is below the reserve.', () => Number(this.#live().diskLow))
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

function labelled<Key extends string>(
  counts: Map<Key, number>,
  labels: (key: Key) => Record<string, string>,
): [Record<string, string>, number][] {
  return [...counts].map(([key, count]) => [labels(key), count])
}
