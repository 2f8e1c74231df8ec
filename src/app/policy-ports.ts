/** What the staff API's questions about policy stand on. */
import type { PolicyPorts } from '#api/deps.ts'
import { systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { RpcClient } from '#base/rpc.ts'
import { openLogReader } from '#log/log-reader.ts'
import type { LogRecord } from '#model/log-entry.ts'
import { protocols } from '#protocols/registry.ts'
import type { PlaceDetail } from '#model/config.ts'
import type { PlaceOf } from '#policy/forms.ts'
import { openPlacesOf } from '#split/geo.ts'
import { createSplit } from '#split/split.ts'
import type { PolicySigner, WaitingVault } from '#vault/port.ts'
import { entriesOf, type EventRow, EVENT_COLUMNS } from '#warehouse/event-rows.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { Instance } from './instance.ts'

/** A gateway that does not answer looks for a new version by itself. */
const GATEWAY_MS = 2000

export function policyPorts(given: {
  signer: PolicySigner
  waiting: WaitingVault
  gateway: RpcClient
  worker: RpcClient
  instance: Instance
  warehouse: Pick<Warehouse, 'query'>
  /** How exactly places are kept. */
  detail: PlaceDetail | undefined
}): PolicyPorts {
  const { signer, waiting, gateway, worker, instance, warehouse } = given
  // Opened when an event is explained: it may be large.
  let places: PlaceOf | undefined
  const placeOf: PlaceOf = (address) => {
    places ??= openPlacesOf(given.detail)
    return places(address)
  }
  return {
    signer,
    waiting,
    waitingDir: instance.waitingDir,
    fill: {
      sentUpTo: async () => Number((await worker.call('sentUpTo', null)).body),
      insertOpenings: async (fill, rows, token) => void (await worker.call('insertOpenings', { fill, rows, token })),
      fillDay: async (day, fill) => Number((await worker.call('fillDay', { day, fill })).body),
    },
    gatewayTakes: async () => {
      const late = new AbortController()
      const answer = gateway.call('policy', null).then(
        ({ body }) => Number(body),
        () => undefined,
      )
      const nothing = systemClock.sleep(GATEWAY_MS, late.signal).then(() => undefined)
      return Promise.race([answer, nothing]).finally(() => late.abort())
    },
    splitOf: (policy) => createSplit({ policy, placeOf }),
    protocols,
    recordAt: async (seq, index) => {
      const record = fromLog(instance, seq, index) ?? (await fromWarehouse(warehouse, seq, index))
      if (record === undefined) throw new BulkheadError('not_found', `neither log nor warehouse has a record ${seq}:${index}`)
      return record
    },
  }
}

/** Opened for the question alone: a folder that is dropped would keep its place on the disk while somebody has it open. */
function fromLog(instance: Instance, seq: number, index: number): LogRecord | undefined {
  const log = openLogReader({ dir: instance.logDir })
  try {
    if (seq < log.tail() || seq > log.head()) return undefined
    const [entry] = log.read(seq, { entries: 1, bytes: 1 })
    return entry?.seq === seq ? entry.records[index] : undefined
  } finally {
    log.close()
  }
}

async function fromWarehouse(warehouse: Pick<Warehouse, 'query'>, seq: number, index: number): Promise<LogRecord | undefined> {
  const sql = `SELECT ${EVENT_COLUMNS} FROM events WHERE seq = {seq:UInt64} ORDER BY recordIndex`
  const [entry] = entriesOf(await warehouse.query<EventRow>(sql, { seq }, 'analytics'))
  return entry?.records[index]
}
