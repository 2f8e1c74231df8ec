/** What the vault asks before it signs another tree; it knows no trees itself. */
import { isConsistent } from '#ledger/tree.ts'
import type { IsExtension } from '#vault/tree-port.ts'

export const isExtension: IsExtension = (from, to, proof) =>
  isConsistent({ from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root, proof })
