import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  nodeHash,
  rangeRoot,
  type SubtreeHashes,
  treeRoot,
} from './tree.ts'

const VECTORS = path.join(
  process.env.BULKHEAD_TESTDATA ?? path.join(import.meta.dirname, '..', '..', '..', 'shared', 'testdata'),
  'merkle-rfc6962',
)

/** The definition of RFC 6962, section 2.1, word for word and without any memory. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT
  if (leaves.length === 1) return leafHash(leaves[0] as Buffer)
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1)
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

function hashesOf(leaves: readonly Buffer[]): SubtreeHashes {
  return (level, index) => {
    const part = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)
    assert.equal(part.length, 2 ** level, 'only whole subtrees are asked for')
    return naiveRoot(part)
  }
}

const leavesOf = (count: number): Buffer[] => Array.from({ length: count }, (_, index) => Buffer.from(`leaf ${index}`))

/** Roots of the tree over these eight leaves, from certificate-transparency's reference implementation. */
const REFERENCE_LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) =>
  Buffer.from(hex, 'hex'),
)
const REFERENCE_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

test('roots are those of the reference', () => {
  const hashes = hashesOf(REFERENCE_LEAVES)
  for (const [size, root] of REFERENCE_ROOTS.entries()) assert.equal(treeRoot(size, hashes).toString('hex'), root)
})

test('every leaf of every small tree is proved, and every tree is a beginning of every later one', () => {
  const leaves = leavesOf(34)
  const hashes = hashesOf(leaves)
  for (let size = 0; size <= leaves.length; size++) {
    const root = treeRoot(size, hashes)
    assert.deepEqual(root, naiveRoot(leaves.slice(0, size)))
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(index, size, hashes)
      assert.ok(proof.length <= Math.ceil(Math.log2(size)))
      assert.ok(isIncluded({ index, size, leaf: leafHash(leaves[index] as Buffer), proof, root }))
      for (let other = 0; other < size; other++) {
        const is = isIncluded({ index: other, size, leaf: leafHash(leaves[index] as Buffer), proof, root })
        assert.equal(is, other === index)
      }
    }
    for (let from = 0; from <= size; from++) {
      const proof = consistencyProof(from, size, hashes)
      const fromRoot = treeRoot(from, hashes)
      assert.equal(isConsistent({ from, to: size, fromRoot, toRoot: root, proof }), from > 0 || size === 0, `${from} to ${size}`)
      if (from > 0) assert.ok(!isConsistent({ from: from - 1, to: size, fromRoot, toRoot: root, proof }))
    }
  }
})

test('a proof with any change proves nothing', () => {
  const leaves = leavesOf(100)
  const hashes = hashesOf(leaves)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.nat(size))),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      ([size, index, from], place, flip) => {
        const root = treeRoot(size, hashes)
        const leaf = leafHash(leaves[index] as Buffer)
        const inclusion = inclusionProof(index, size, hashes)
        const flipped = (proof: readonly Buffer[]): Buffer[] => {
          const bytes = Buffer.concat(proof)
          const at = place % bytes.length
          bytes[at] = (bytes[at] as number) ^ flip
          return proof.map((_, step) => bytes.subarray(step * 32, step * 32 + 32))
        }
        const includes = (proof: readonly Buffer[]): boolean => isIncluded({ index, size, leaf, proof, root })
        assert.ok(includes(inclusion))
        assert.ok(!includes([...inclusion, root]) && !includes([leaf, ...inclusion]))
        if (inclusion.length > 0)
          assert.ok(!includes(flipped(inclusion)) && !includes(inclusion.slice(1)) && !includes(inclusion.slice(0, -1)))
        assert.ok(!isIncluded({ index, size, leaf: root, proof: inclusion, root }) || size === 1)
        const fromRoot = treeRoot(from, hashes)
        const consistency = consistencyProof(from, size, hashes)
        const follows = (proof: readonly Buffer[]): boolean => isConsistent({ from, to: size, fromRoot, toRoot: root, proof })
        assert.equal(follows(consistency), from > 0)
        assert.ok(!follows([...consistency, root]))
        if (consistency.length > 0) {
          assert.ok(!follows(flipped(consistency)) && !follows(consistency.slice(1)) && !follows(consistency.slice(0, -1)))
        }
        const other = Buffer.from(fromRoot)
        other[0] = (other[0] as number) ^ flip
        assert.ok(!isConsistent({ from, to: size, fromRoot: other, toRoot: root, proof: consistency }))
      },
    ),
  )
})

test('a way that goes on above the top is none, whatever it arrives at', () => {
  const leaves = leavesOf(20)
  const hashes = hashesOf(leaves)
  for (let size = 1; size <= 20; size++) {
    const root = treeRoot(size, hashes)
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(index, size, hashes)
      const leaf = leafHash(leaves[index] as Buffer)
      for (const above of [nodeHash(EMPTY_ROOT, root), nodeHash(root, EMPTY_ROOT)])
        assert.ok(!isIncluded({ index, size, leaf, proof: [...proof, EMPTY_ROOT], root: above }))
    }
    for (let from = 1; from < size; from++) {
      const proof = [...consistencyProof(from, size, hashes), EMPTY_ROOT]
      const fromRoots = [treeRoot(from, hashes), nodeHash(EMPTY_ROOT, treeRoot(from, hashes))]
      for (const fromRoot of fromRoots)
        for (const toRoot of [nodeHash(EMPTY_ROOT, root), nodeHash(root, EMPTY_ROOT)])
          assert.ok(!isConsistent({ from, to: size, fromRoot, toRoot, proof }))
    }
  }
})

test('sizes beyond 32 bits are divided as they should', () => {
  // Every leaf is the same, so a subtree's hash depends on its level alone and any size costs nothing.
  const levels = [leafHash(Buffer.from('x'))]
  const hashes: SubtreeHashes = (level) => {
    while (levels.length <= level) levels.push(nodeHash(levels.at(-1) as Buffer, levels.at(-1) as Buffer))
    return levels[level] as Buffer
  }
  for (const size of [2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32 + 5, 2 ** 40 + 12_345, Number.MAX_SAFE_INTEGER]) {
    const root = treeRoot(size, hashes)
    for (const index of [0, 1, 2 ** 31 - 1, size - 1, size - 2, Math.floor(size / 3)]) {
      const proof = inclusionProof(index, size, hashes)
      assert.ok(isIncluded({ index, size, leaf: hashes(0, 0), proof, root }))
      const from = index + 1
      const consistency = consistencyProof(from, size, hashes)
      assert.ok(isConsistent({ from, to: size, fromRoot: treeRoot(from, hashes), toRoot: root, proof: consistency }))
    }
  }
})

test('what is no size, no hash or no range is no proof, and is not read', () => {
  const leaf = leafHash(Buffer.alloc(0))
  const bare = { index: 0, size: 1, leaf, proof: [], root: leaf }
  assert.ok(isIncluded(bare))
  for (const change of [{ index: -1 }, { index: 0.5 }, { index: 1 }, { size: 0 }, { size: 2 ** 53 }, { leaf: leaf.subarray(1) }]) {
    assert.ok(!isIncluded({ ...bare, ...change }))
  }
  assert.ok(!isIncluded({ ...bare, proof: Array.from({ length: 10_000 }, () => leaf) }))
  const none = { from: 0, to: 0, fromRoot: EMPTY_ROOT, toRoot: EMPTY_ROOT, proof: [] }
  assert.ok(isConsistent(none))
  for (const change of [{ from: 2 }, { from: -1 }, { to: 1 }, { fromRoot: leaf }, { proof: [leaf] }])
    assert.ok(!isConsistent({ ...none, ...change }))
  assert.throws(() => rangeRoot(1, 3, hashesOf(leavesOf(4))))
  assert.throws(() => inclusionProof(3, 3, hashesOf(leavesOf(3))))
})

interface InclusionCase {
  id: string
  leafIdx: number
  treeSize: number
  root: string | null
  leafHash: string | null
  proof: string[] | null
  wantErr: boolean
}
interface ConsistencyCase {
  id: string
  size1: number
  size2: number
  root1: string | null
  root2: string | null
  proof: string[] | null
  wantErr: boolean
}

test('the vectors of transparency-dev/merkle', () => {
  if (!existsSync(VECTORS)) {
    process.stdout.write(`not run: vectors of transparency-dev/merkle (no folder ${VECTORS}; BULKHEAD_TESTDATA names another)\n`)
    return
  }
  const lines = (name: string): string[] => readFileSync(path.join(VECTORS, name), 'utf8').trim().split('\n')
  const bytes = (text: string | null): Buffer => Buffer.from(text ?? '', 'base64')
  let cases = 0
  for (const line of lines('inclusion.jsonl')) {
    const { id, leafIdx, treeSize, root, leafHash: leaf, proof, wantErr } = JSON.parse(line) as InclusionCase
    const given = { index: leafIdx, size: treeSize, leaf: bytes(leaf), root: bytes(root), proof: (proof ?? []).map(bytes) }
    assert.equal(isIncluded(given), !wantErr, id)
    cases++
  }
  for (const line of lines('consistency.jsonl')) {
    const { id, size1, size2, root1, root2, proof, wantErr } = JSON.parse(line) as ConsistencyCase
    // Some have words in the place of roots, which are none here: their hash stands for them.
    const rootOf = (text: string | null): Buffer => (bytes(text).toString().startsWith('don') ? leafHash(bytes(text)) : bytes(text))
    const given = { from: size1, to: size2, fromRoot: rootOf(root1), toRoot: rootOf(root2), proof: (proof ?? []).map(bytes) }
    assert.equal(isConsistent(given), !wantErr, id)
    cases++
  }
  assert.equal(cases, 196)
  const { leafInputsHex, nodeHashesByLevel } = JSON.parse(readFileSync(path.join(VECTORS, 'reference-tree.json'), 'utf8')) as {
    leafInputsHex: string[]
    nodeHashesByLevel: string[][]
  }
  const hashes = hashesOf(leafInputsHex.map((hex) => Buffer.from(hex, 'hex')))
  for (const [level, nodes] of nodeHashesByLevel.entries()) {
    for (const [index, node] of nodes.entries()) {
      assert.equal(rangeRoot(index * 2 ** level, (index + 1) * 2 ** level, hashes).toString('hex'), node)
    }
  }
})
