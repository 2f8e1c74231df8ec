/** Calls about the tree over the ledger's entries: the worker builds and signs it, staff checks it and shows rows to their subjects. */
import { BulkheadError } from '#base/errors.ts'
import type { RpcMethods } from '#base/rpc.ts'
import { statementText } from '#model/statement-text.ts'
import { checkLook } from './looks.ts'
import type { Look } from './port.ts'
import { decodeColumns } from './row-columns.ts'
import type { Vault } from './vault.ts'

export function treeMethods(vault: Vault): RpcMethods {
  return {
    ...committing(vault),
    keepRows: async (_body, attachments) => ({ body: await vault.tree.keepRows(decodeColumns(attachments)) }),
    signTree: async ({ origin, size }: { origin: string; size: number }, [root, ...proof]) => {
      const { signature, key } = await vault.tree.signTree({ origin, size, root: root ?? Buffer.alloc(0) }, proof)
      return { body: { key }, attachments: [signature] }
    },
  }
}

export function treeReadingMethods(vault: Vault): RpcMethods {
  return {
    ...committing(vault),
    openManifests: async ({ manifests }: { manifests: { entry: number; sealed: string }[] }) => ({
      body: null,
      attachments: await vault.openManifests(manifests),
    }),
    /** On record, since the file that is signed goes out of the house. */
    signStatement: async ({ sha256, look }: { sha256: string; look: Look }) => {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new BulkheadError('vault_refused', 'a statement is signed by its SHA-256')
      await vault.recordLook({ ...look, subjects: 1 })
      return { body: vault.keeping.signLedger(Buffer.from(statementText(sha256))) }
    },
    /** Empty where there is none. On record: a row key shows a row to whoever holds it. */
    rowKeys: async ({ look }: { look: Look }, attachments) => {
      const rows = decodeColumns(attachments)
      checkLook(look)
      await vault.recordLook({ ...look, subjects: new Set(rows.subjects).size })
      const keys = await vault.tree.rowKeys(rows)
      return { body: null, attachments: keys.map((key) => key ?? Buffer.alloc(0)) }
    },
  }
}

function committing(vault: Vault): RpcMethods {
  return {
    signedTree: async () => {
      const head = await vault.tree.signedTree()
      if (head === undefined) return { body: null }
      return { body: { origin: head.origin, size: head.size }, attachments: [head.root] }
    },
    commitRows: async (_body, attachments) => ({ body: null, attachments: [await vault.tree.commitRows(decodeColumns(attachments))] }),
  }
}
