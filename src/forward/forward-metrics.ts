/** Counters of the forwarders: labels are destinations and reason codes, never anything of a person. */
import { Counter, Gauge, type Registry } from 'prom-client'

export interface ForwardMetrics {
  disclosed(records: number): void
  refused(reason: string, records: number): void
  dropped(reason: string, records: number): void
  retried(reason: string): void
  lag(entries: number): void
}

/** Registers on first use; forwarders of one process share the metrics and differ in the label. */
export function forwardMetrics(registry: Registry, destination: string): ForwardMetrics {
  const disclosed = counter(registry, 'bulkhead_disclosed_records_total', 'Records that a destination answered to.', ['destination'])
  const refused = counter(registry, 'bulkhead_refused_records_total', 'Records that a destination refused.', ['destination', 'reason'])
  const dropped = counter(registry, 'bulkhead_unsent_records_total', 'Records that were not sent.', ['destination', 'reason'])
  const retried = counter(registry, 'bulkhead_send_retries_total', 'Attempts that are to be repeated.', ['destination', 'reason'])
  const lag =
    (registry.getSingleMetric('bulkhead_forward_lag_entries') as Gauge | undefined) ??
    new Gauge({
      name: 'bulkhead_forward_lag_entries',
      help: 'Log entries between cursor and head.',
      labelNames: ['destination'],
      registers: [registry],
    })
  return {
    disclosed: (records) => disclosed.inc({ destination }, records),
    refused: (reason, records) => refused.inc({ destination, reason }, records),
    dropped: (reason, records) => dropped.inc({ destination, reason }, records),
    retried: (reason) => retried.inc({ destination, reason }),
    lag: (entries) => lag.set({ destination }, entries),
  }
}

function counter(registry: Registry, name: string, help: string, labelNames: string[]): Counter {
  return (registry.getSingleMetric(name) as Counter | undefined) ?? new Counter({ name, help, labelNames, registers: [registry] })
}
