/** An erasure as the processes that own the files see it. */
import type { RpcClient } from '#base/rpc.ts'
import type { ErasurePorts } from '#erasure/ports.ts'
import { readWaiting } from '#log/waiting-file.ts'
import type { ErasingVault } from '#vault/erasure-port.ts'
import type { Warehouse } from '#warehouse/port.ts'

export function erasurePorts(parts: {
  vault: ErasingVault
  gateway: RpcClient
  worker: RpcClient
  warehouse: Warehouse
  waitingDir: string
}): ErasurePorts {
  const { vault, gateway, worker, warehouse, waitingDir } = parts
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
      askDeletion: async (destination, request) => (await worker.call('askDeletion', { destination, ...request })).body as never,
    },
    warehouse,
    readWaiting: (place) => readWaiting(waitingDir, place),
  }
}
