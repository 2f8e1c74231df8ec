/** Inclusion proofs in a tree of a million leaves: made, and verified beside the bare hashes that a verification cannot do without. */
import { hash, randomBytes } from 'node:crypto'
import { LEAF_BYTES } from '#ledger/leaf.ts'
import { HASH_BYTES, inclusionProof, isIncluded, leafHash, nodeHash, type SubtreeHashes, treeRoot } from '#ledger/tree.ts'
import type { Table } from './table.ts'

/** Not a power of two, so that paths differ. */
const LEAVES = 1_000_003
const PROOFS = 10_000
const RUNS = 5

export async function benchProofs(table: Table): Promise<void> {
  const leaf = (index: number): Buffer => {
    const bytes = Buffer.alloc(LEAF_BYTES)
    bytes.writeUInt32BE(index, 30)
    return bytes
  }
  const levels: Buffer[] = [Buffer.alloc(LEAVES * HASH_BYTES)]
  for (let index = 0; index < LEAVES; index++) leafHash(leaf(index)).copy(levels[0] as Buffer, index * HASH_BYTES)
  const hashes: SubtreeHashes = (level, index) => (levels[level] as Buffer).subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
  for (let count = Math.floor(LEAVES / 2), level = 1; count > 0; count = Math.floor(count / 2), level++) {
    const above = Buffer.alloc(count * HASH_BYTES)
    for (let at = 0; at < count; at++) nodeHash(hashes(level - 1, at * 2), hashes(level - 1, at * 2 + 1)).copy(above, at * HASH_BYTES)
    levels.push(above)
  }
  const root = treeRoot(LEAVES, hashes)
  const asked = Array.from({ length: PROOFS }, () => randomBytes(6).readUIntBE(0, 6) % LEAVES)
  const madeIn = bestOf(() => asked.map((index) => inclusionProof(index, LEAVES, hashes)))
  const proofs = asked.map((index) => ({ index, size: LEAVES, root, leaf: leaf(index), proof: inclusionProof(index, LEAVES, hashes) }))
  const verifiedIn = bestOf(() => {
    for (const each of proofs) if (!isIncluded({ ...each, leaf: leafHash(each.leaf) })) throw new Error('a proof does not hold')
  })
  const inputs = proofs.reduce((sum, { proof }) => sum + proof.length + 1, 0)
  const pair = randomBytes(1 + 2 * HASH_BYTES)
  const bareIn = bestOf(() => {
    for (let at = 0; at < inputs; at++) hash('sha256', pair, 'buffer')
  })
  table.row({
    what: `${PROOFS.toLocaleString('en')} proofs verified, tree of ${LEAVES.toLocaleString('en')} leaves, leaves hashed too`,
    id: 'proofs_verified',
    figure: verifiedIn,
    unit: 's',
    ratio: verifiedIn / bareIn,
    peer: `${inputs.toLocaleString('en')} bare SHA-256 of 65 bytes`,
    note: `aim 1 s; best of ${RUNS} by CPU`,
  })
  table.row({ what: 'the same, made', id: 'proofs_made', figure: madeIn, unit: 's' })
}

/** CPU seconds: a busy machine disturbs them less than the clock. */
function bestOf(run: () => unknown): number {
  let best = Infinity
  for (let at = 0; at < RUNS; at++) {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1e6)
  }
  return best
}
