import path from 'node:path'
import { Registry } from 'prom-client'
import { systemClock } from '#base/clock.ts'
import { toBulkheadError } from '#base/errors.ts'
import { RpcClient, serveRpc } from '#base/rpc.ts'
import { openLogWriter } from '#log/log-writer.ts'
import { openRecordsReader } from '#records/records.ts'
import type { Gateway } from '#ingest/gateway.ts'
import { openPlacesOf } from '#split/geo.ts'
import { gatewayVault, remembering } from '#vault/client.ts'
import { noticeCheckVault } from '#vault/notice-server.ts'
import { openCheckDesk, publicCheckPage } from './check-page.ts'
import { startGatewayPipeline } from './pipeline.ts'
import { splitInForce } from './policy-in-force.ts'
import { keepRemembered } from './remembering.ts'
import { type RoleInit, type RunningRole, socketPath } from './role.ts'
import { trace } from './trace.ts'

const CLEAN_EVERY_MS = 10_000
const WARN_EVERY_MS = 500
const LOOK_EVERY_MS = 500

/** The public edge. Holds plain values in memory only, from the socket to the split. */
export async function startGatewayRole(init: RoleInit): Promise<RunningRole> {
  const { instance, config, tokens } = init
  const vaultClient = new RpcClient({
    path: socketPath(instance, 'vault'),
    token: tokens.vault?.gateway ?? '',
    unavailable: 'vault_unavailable',
  })
  const workerClient = new RpcClient({ path: socketPath(instance, 'worker'), token: tokens.worker?.gateway ?? '' })
  const records = openRecordsReader({ path: instance.recordsPath })
  const splits = splitInForce(records, openPlacesOf(config.gateway.places))
  let policy = splits()
  // Looked for at times and on order, not with each request: reading the records costs as much as a tenth of one.
  const lookForPolicy = (): number => {
    policy = splits()
    return policy.version
  }
  const log = await openLogWriter({
    dir: instance.logDir,
    waitingDir: instance.waitingDir,
    clock: systemClock,
    folderBytesMax: config.disk.folderBytesMax,
  })
  const remembered = await keepRemembered(remembering(vaultClient), () => ({ log: log.head }))
  const registry = new Registry()
  const checking = config.notices && openCheckDesk(config.notices, noticeCheckVault(vaultClient))
  const gateway = await startGatewayPipeline({
    config,
    policy: () => policy,
    vault: gatewayVault(vaultClient),
    log,
    registry,
    host: init.host,
    port: init.port,
    places: {
      log: instance.logDir,
      waiting: instance.waitingDir,
      vault: instance.dataDir,
      warehouse: instance.warehouseDir,
      keys: instance.keysDir,
    },
    quotaFile: path.join(instance.dataDir, 'quotas.json'),
    page: config.notices && checking && publicCheckPage(config.notices, checking, systemClock),
    // Taken by nobody, so it ends the process (role-main), and the supervisor starts it again.
    onLogStopped: (error) => void Promise.reject(error),
  })
  const rpc = await serveRpc({
    path: socketPath(instance, 'gateway'),
    tokens: tokens.gateway ?? {},
    methodsByRole: {
      staff: {
        policy: async () => ({ body: lookForPolicy() }),
        status: async () => ({ body: { ...gateway.stats(), logHead: log.head } }),
        metrics: async () => ({ body: await registry.getMetricsAsJSON() }),
        forget: async () => ({ body: await gateway.forget() }),
        replaceWaiting: async (places: { folder: number; offset: number }[], blobs) => {
          await log.replaceWaiting(places.map((place, at) => ({ ...place, blob: blobs[at] as Buffer })))
          return { body: null }
        },
      },
    },
  })
  const cleaning = setInterval(() => {
    // Whole folders go only behind every reader; without the worker's word nothing goes.
    workerClient
      .call('needed', null)
      .then((reply) => log.dropBelow(Number(reply.body)))
      .catch(() => undefined)
    // Only what the vault says nobody can open any more: it knows better than a clock that somebody may have set.
    vaultClient
      .call('waitingSwept', null)
      .then((reply) => log.dropWaiting(Number(reply.body)))
      .catch(() => undefined)
  }, CLEAN_EVERY_MS)
  const watching = setInterval(() => {
    try {
      lookForPolicy()
    } catch (thrown) {
      // The policy of before stays in force here; the next look may read the records again.
      trace('error', 'gateway', `the records cannot be read: ${toBulkheadError(thrown).code}`)
    }
  }, LOOK_EVERY_MS)
  const warning = setInterval(warnOfUnknownTokens(gateway), WARN_EVERY_MS)
  return {
    facts: { port: gateway.port },
    stop: async () => {
      clearInterval(cleaning)
      clearInterval(warning)
      clearInterval(watching)
      await gateway.close()
      await checking?.close()
      await remembered.stop()
      await log.close()
      await rpc.close()
      vaultClient.close()
      workerClient.close()
      records.close()
    },
  }
}

/** An SDK with a wrong token is told that all is well, as at the vendor: so it must be loud here. At once, then when it doubles. */
function warnOfUnknownTokens(gateway: Gateway): () => void {
  let warnedAt = 0
  return () => {
    const { count, tokens } = gateway.stats().unknownTokens
    if (count === 0 || count < warnedAt * 2) return
    warnedAt = count
    const named = tokens.map(({ token }) => token).slice(0, 5)
    trace('warn', 'gateway', `${count} dropped for an unknown token (${named.join(', ')}): no source in bulkhead.yaml has it`)
  }
}
