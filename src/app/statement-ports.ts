/** What a person's statement is made of, as the staff process reaches it; and the newest checkpoint that answers print. */
import type { StaffDeps } from '#api/deps.ts'
import type { RpcClient } from '#base/rpc.ts'
import { commitRowsOf } from '#ledger/tree-writer.ts'
import type { LedgerReader } from '#ledger/port.ts'
import { readTree, type TreeSnapshot, treeVerifiers } from '#ledger/tree-snapshot.ts'
import type { Config } from '#model/config.ts'
import { unpackManifest } from '#vault/manifest.ts'
import type { StaffVault } from '#vault/port.ts'
import { packRows } from '#vault/row-columns.ts'
import { treeReadingVault } from '#vault/tree-client.ts'
import { type Instance, tilesDir } from './instance.ts'

export function statementPorts(parts: {
  instance: Instance
  config: Pick<Config, 'vendors'>
  ledger: LedgerReader
  vaultClient: RpcClient
  vault: Pick<StaffVault, 'describe'>
}): Pick<StaffDeps, 'statements' | 'checkpoint'> {
  const { instance, config, ledger, vault } = parts
  const reading = treeReadingVault(parts.vaultClient)
  let key: string | null = null

  async function tree(): Promise<TreeSnapshot | undefined> {
    // Made with the first signature, and never changed.
    key ??= (await vault.describe()).ledgerKey
    return key === null ? undefined : readTree(tilesDir(instance), treeVerifiers(key, instance.instanceId, ledger.gaps()))
  }

  return {
    checkpoint: async () => {
      // Questions of the bad day are answered without it; `doctor` says what is wrong with the tree.
      const newest = (await tree().catch(() => undefined))?.newest
      return newest === undefined ? null : { size: newest.size, root: newest.root.toString('base64') }
    },
    statements: {
      ledger,
      tree,
      manifests: async (intents) => {
        const packed = await reading.openManifests(intents.map(({ entry, manifest }) => ({ entry, sealed: manifest })))
        return packed.map(unpackManifest)
      },
      commit: commitRowsOf(reading),
      rowKeys: (rows, look) => reading.rowKeys(packRows(rows), look),
      sign: (sha256, look) => reading.signStatement(sha256, look),
      recipient: (vendor, destination) => {
        const known = config.vendors.find(({ id }) => id === vendor)
        const address = known?.destinations.find(({ id }) => id === destination)?.url
        return { name: known?.name ?? vendor, address: address ?? null }
      },
    },
  }
}
