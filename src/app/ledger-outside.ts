/** The places outside that hold the ledger's checkpoints, as the worker serves them: it alone has sockets to the outside. */
import { systemClock } from '#base/clock.ts'
import { toBulkheadError } from '#base/errors.ts'
import type { RpcClient } from '#base/rpc.ts'
import { Outside } from '#ledger/outside/outside.ts'
import type { OwnTree } from '#ledger/outside/place.ts'
import { openPlace } from '#ledger/outside/places.ts'
import { outsideDir, type PlaceState } from '#ledger/outside/state.ts'
import type { Ledger } from '#ledger/port.ts'
import { readTree, treeVerifiers } from '#ledger/tree-snapshot.ts'
import type { Config } from '#model/config.ts'
import { ledgerKey } from '#vault/tree-client.ts'
import { type Instance, tilesDir } from './instance.ts'
import { sayable, trace } from './trace.ts'

export interface LedgerOutside {
  /** One round with every place, now. */
  send(): Promise<PlaceState[]>
  stop(): Promise<void>
}

export function startLedgerOutside(parts: {
  instance: Instance
  config: Config
  ledger: Pick<Ledger, 'gaps'>
  vaultClient: RpcClient
}): LedgerOutside {
  const { instance, config, ledger, vaultClient } = parts
  const dir = outsideDir(instance.ledgerDir)

  async function ownTree(): Promise<OwnTree | undefined> {
    const key = await ledgerKey(vaultClient)
    if (key === undefined) return undefined
    const gaps = ledger.gaps()
    const verifiers = treeVerifiers(key, instance.instanceId, gaps)
    const tree = readTree(tilesDir(instance), verifiers)
    // After a restore the tree gets its new name with its next checkpoint.
    if (tree === undefined || tree.newest.size === 0 || tree.newest.origin !== verifiers.at(-1)?.name) return undefined
    const former = gaps.map(({ from, to }, index) => ({ origin: verifiers[index]?.name ?? '', kept: from - 1, known: to }))
    return { ...tree, verifiers, former }
  }

  const outside = new Outside({
    places: (config.ledger?.checkpoints ?? []).map((place) => openPlace(place, { workDir: dir, clock: systemClock })),
    dir,
    clock: systemClock,
    random: Math.random,
    ownTree,
    onFailure: (place, thrown) => {
      const error = toBulkheadError(thrown)
      trace('error', 'worker', `the place ${place} for checkpoints: ${error.code}: ${sayable(error)}`)
    },
  })
  const stopping = new AbortController()
  const running = outside.run(stopping.signal)
  return {
    send: () => outside.send(stopping.signal),
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}
