/** An erasure as the processes that own the files see it. */
import type { RpcClient } from '#base/rpc.ts'
import type { ErasurePorts, VendorCalls } from '#erasure/ports.ts'
import { readWaiting } from '#log/waiting-file.ts'
import type { Config } from '#model/config.ts'
import { protocols } from '#protocols/registry.ts'
import type { Warehouse } from '#warehouse/port.ts'

export function erasurePorts(parts: {
  vault: ErasurePorts['vault']
  gateway: RpcClient
  worker: RpcClient
  calls: VendorCalls
  warehouse: Warehouse
  waitingDir: string
}): ErasurePorts {
  const { vault, gateway, worker, calls, warehouse, waitingDir } = parts
  return {
    vault,
    gateway: {
      forget: async () => void (await gateway.call('forget', null)),
      replaceWaiting: async (replacements) => {
        const places = replacements.map(({ folder, offset }) => ({ folder, offset }))
        const blobs = replacements.map(({ blob }) => blob)
        await gateway.call('replaceWaiting', places, blobs)
      },
    },
    worker: {
      refuse: async ({ ordinals, shared }) => void (await worker.call('refuse', { ordinals, shared })),
      eventsLoaded: async () => void (await worker.call('eventsLoaded', null)),
      barrier: async () => (await worker.call('barrier', null)).body as never,
      keepRows: async (subjects) => void (await worker.call('keepRows', { subjects })),
      eraseEvents: async (people) => void (await worker.call('eraseEvents', people)),
    },
    calls,
    warehouse,
    readWaiting: (place) => readWaiting(waitingDir, place),
  }
}

/** Where neither configuration nor protocol says how long a vendor may take: what the law gives a controller, and as much again. */
const PROMISE_DAYS = 60
const IDS_MAX = 1000

export function vendorCalls(worker: RpcClient, config: Pick<Config, 'vendors'>): VendorCalls {
  const destinations = config.vendors.flatMap((vendor) => vendor.destinations)
  const of = (destination: string) => {
    const outlet = destinations.find(({ id }) => id === destination)
    return { outlet, deletion: outlet === undefined ? undefined : protocols.get(outlet.protocol)?.deletion }
  }
  return {
    askDeletion: async (destination, request) => (await worker.call('askDeletion', { destination, ...request })).body as never,
    deletionProgress: async (destination, task) => (await worker.call('deletionProgress', { destination, task })).body as never,
    promiseDays: (destination) => {
      const { outlet, deletion } = of(destination)
      return outlet?.deletionDays ?? deletion?.promiseDays ?? PROMISE_DAYS
    },
    idsMax: (destination) => of(destination).deletion?.idsMax ?? IDS_MAX,
  }
}
