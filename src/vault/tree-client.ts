/** The vault's part in the tree over the ledger's entries, as worker and staff see it from their processes. */
import type { RpcClient } from '#base/rpc.ts'
import type { Look, WorkerVault } from './port.ts'
import { encodeColumns } from './row-columns.ts'
import type { CommittingVault, RowColumns, TreeVault } from './tree-port.ts'

export function treeVault(client: RpcClient): TreeVault {
  return {
    ...committing(client),
    keepRows: async (rows) => void (await client.call('keepRows', null, encodeColumns(rows))),
    signTree: async ({ origin, size, root }, proof) => {
      const { body, attachments } = await client.call('signTree', { origin, size }, [root, ...proof])
      return { ...(body as { key: string }), signature: attachments[0] as Buffer }
    },
    signedTree: () => signedTree(client),
  }
}

async function signedTree(client: RpcClient): ReturnType<TreeVault['signedTree']> {
  const { body, attachments } = await client.call('signedTree', null)
  return body === null ? undefined : { ...(body as { origin: string; size: number }), root: attachments[0] as Buffer }
}

/** Public key of the ledger's signatures, SPKI in base64; undefined when nothing was ever signed. */
export async function ledgerKey(client: RpcClient): Promise<string | undefined> {
  return ((await client.call('ledgerKey', null)).body as string | null) ?? undefined
}

export interface TreeReadingVault extends CommittingVault, Pick<WorkerVault, 'openManifests'>, Pick<TreeVault, 'signedTree'> {
  /** What shows rows to whom they are about; undefined for those of the erased. The look is durable before the answer. */
  rowKeys(rows: RowColumns, look: Look): Promise<(Buffer | undefined)[]>
  /** Signature over `statementText` and the public key, base64. The look is durable before. */
  signStatement(sha256: string, look: Look): Promise<{ signature: string; key: string }>
}

export function treeReadingVault(client: RpcClient): TreeReadingVault {
  return {
    ...committing(client),
    signedTree: () => signedTree(client),
    openManifests: async (manifests) => (await client.call('openManifests', { manifests })).attachments,
    signStatement: async (sha256, look) =>
      (await client.call('signStatement', { sha256, look })).body as { signature: string; key: string },
    rowKeys: async (rows, look) => {
      const { attachments } = await client.call('rowKeys', { look }, encodeColumns(rows))
      return attachments.map((key) => (key.length === 0 ? undefined : key))
    },
  }
}

function committing(client: RpcClient): CommittingVault {
  return {
    commitRows: async (rows) => (await client.call('commitRows', null, encodeColumns(rows))).attachments[0] as Buffer,
  }
}
