/** Pseudonyms through the vault's socket, as the forwarder asks for them, against the bare cipher call. */
import { createCipheriv, randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { RpcClient } from '#base/rpc.ts'
import { workerVault } from '#vault/client.ts'
import { packSubjects } from '#vault/pseudonym.ts'
import { serveVault } from '#vault/server.ts'
import { createKeys, openVault } from '#vault/vault.ts'
import type { Table } from './table.ts'

const BATCH = 2000

/** Vault and caller share this process, so the figure holds both sides of the socket. */
export async function benchPseudonyms(table: Table, folder: string, seconds: number): Promise<void> {
  const place = { dataDir: path.join(folder, 'vault'), keysDir: path.join(folder, 'vault-keys'), instance: randomUUID() }
  mkdirSync(place.dataDir, { recursive: true })
  await createKeys(place)
  const vault = await openVault({ ...place, clock: systemClock })
  const socket = path.join(folder, 'v.sock')
  const server = await serveVault({ vault, path: socket, tokens: { worker: 'bench' } })
  const client = new RpcClient({ path: socket, token: 'bench', unavailable: 'vault_unavailable' })
  try {
    const worker = workerVault(client)
    const epoch = await worker.activeEpoch('bench/bench')
    const subjects = packSubjects(Array.from({ length: BATCH }, (_, index) => ({ kind: 'user', ordinal: index + 1 })))
    const positions = Float64Array.from({ length: BATCH * 2 }, (_, index) => (index % 2 === 0 ? index + 1 : 0))
    const ask = () => worker.disclose({ destination: 'bench/bench', epoch, subjects, positions })
    const ours = await ratePerSecond(seconds, BATCH, ask)
    const asText = await ratePerSecond(seconds, BATCH, async () => {
      const { pseudonyms, insertIds } = await ask()
      return [pseudonyms.texts(), insertIds.texts()]
    })
    const key = randomBytes(32)
    const blocks = randomBytes(16 * BATCH)
    const cipher = await ratePerSecond(Math.min(1, seconds), BATCH, async () => createCipheriv('aes-256-ecb', key, null).update(blocks))
    table.row({
      what: `pseudonyms with insert ids and phases, ${BATCH} a call, through the socket`,
      figure: ours.rate,
      unit: 'subjects/s',
      ratio: ours.cpuRate / cipher.cpuRate,
      peer: 'bare AES call, by CPU',
      note: byCpu(ours),
    })
    table.row({ what: 'the same, written as text', figure: asText.rate, unit: 'subjects/s', note: byCpu(asText) })
  } finally {
    client.close()
    await server.close()
    await vault.close()
  }
}

/** `rate` by the clock; `cpuRate` by what this process has used, which a busy machine disturbs less. */
async function ratePerSecond(seconds: number, batch: number, once: () => Promise<unknown>): Promise<{ rate: number; cpuRate: number }> {
  for (let warm = 0; warm < 5; warm++) await once()
  const before = process.cpuUsage()
  const startedAt = performance.now()
  let calls = 0
  while (performance.now() - startedAt < seconds * 1000) {
    await once()
    calls++
  }
  const elapsed = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(before)
  return { rate: (calls * batch) / elapsed, cpuRate: (calls * batch * 1e6) / (user + system) }
}

function byCpu({ cpuRate }: { cpuRate: number }): string {
  return `${(cpuRate / 1e6).toPrecision(2)} M a CPU second`
}
