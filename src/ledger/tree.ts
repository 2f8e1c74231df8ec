/**
 * The Merkle tree of RFC 6962 (section 2.1), as arithmetic alone: no files, no keys. Everything is made from hashes of whole
 * subtrees, which a caller reads from tiles or keeps in memory. Sizes and indexes are numbers below 2^53, so halves are
 * taken by division: bit operators of JavaScript end at 32 bits.
 */
import { hash } from 'node:crypto'
import { assert } from '#base/errors.ts'

export const HASH_BYTES = 32
/** The deepest path in a tree whose size is a safe integer: what is longer is no proof. */
export const PROOF_HASHES_MAX = 53

/**
 * Hash of the whole subtree over leaves [index · 2^level, (index + 1) · 2^level). Asked for only where all of these leaves are
 * in the tree; throws when it cannot be read.
 */
export type SubtreeHashes = (level: number, index: number) => Uint8Array

/** Root of the tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', Buffer.alloc(0), 'buffer')

export function leafHash(leaf: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + leaf.length)
  input[0] = 0
  input.set(leaf, 1)
  return hash('sha256', input, 'buffer')
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  assert(left.length === HASH_BYTES && right.length === HASH_BYTES, 'a node has two hashes of 32 bytes')
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return hash('sha256', pair, 'buffer')
}

/** Root over the first `size` leaves. */
export function treeRoot(size: number, hashes: SubtreeHashes): Buffer {
  assertSize(size)
  return size === 0 ? EMPTY_ROOT : rangeRoot(0, size, hashes)
}

/** Root over leaves [from, to) as the tree has it, `from` being where a subtree of that many leaves may begin. */
export function rangeRoot(from: number, to: number, hashes: SubtreeHashes): Buffer {
  const count = to - from
  assert(Number.isSafeInteger(from) && from >= 0 && count > 0, 'a range of leaves has at least one')
  const left = powerBelow(count)
  // A whole subtree: `powerBelow` of a power of two is its half.
  if (left * 2 === count || count === 1) {
    assert(from % count === 0, 'a subtree begins at a multiple of its size')
    return Buffer.from(hashes(Math.log2(count), from / count))
  }
  return nodeHash(rangeRoot(from, from + left, hashes), rangeRoot(from + left, to, hashes))
}

/** Hashes from the leaf upwards (RFC 6962, section 2.1.1). */
export function inclusionProof(index: number, size: number, hashes: SubtreeHashes): Buffer[] {
  assertSize(size)
  assert(Number.isSafeInteger(index) && index >= 0 && index < size, 'a leaf is one of the tree')
  const proof: Buffer[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + powerBelow(to - from)
    if (index < middle) {
      proof.unshift(rangeRoot(middle, to, hashes))
      to = middle
    } else {
      proof.unshift(rangeRoot(from, middle, hashes))
      from = middle
    }
  }
  return proof
}

/** That the first `from` of `to` leaves are those of the tree that had `from` (RFC 6962, section 2.1.2). Empty from 0 and to itself. */
export function consistencyProof(from: number, to: number, hashes: SubtreeHashes): Buffer[] {
  assertSize(from)
  assertSize(to)
  assert(from <= to, 'a tree is consistent with a later one')
  if (from === 0 || from === to) return []
  const proof: Buffer[] = []
  let [begin, end] = [0, to]
  // Goes down to the subtree that ends where the former tree did.
  while (end !== from) {
    const middle = begin + powerBelow(end - begin)
    if (from <= middle) {
      proof.unshift(rangeRoot(middle, end, hashes))
      end = middle
    } else {
      proof.unshift(rangeRoot(begin, middle, hashes))
      begin = middle
    }
  }
  // What begins at the first leaf is the former root, which the verifier has.
  return begin === 0 ? proof : [rangeRoot(begin, end, hashes), ...proof]
}

export interface Inclusion {
  index: number
  size: number
  /** Hash of the leaf, not its bytes. */
  leaf: Uint8Array
  proof: readonly Uint8Array[]
  root: Uint8Array
}

/** RFC 9162, section 2.1.3.2. False for anything that is not exactly such a proof, whatever it comes from. */
export function isIncluded({ index, size, leaf, proof, root }: Inclusion): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, root, ...proof])) return false
  const path = new Path(index, size - 1)
  let found = leaf
  for (const step of proof) {
    if (path.isAtTop) return false
    found = path.climb() === 'right' ? nodeHash(step, found) : nodeHash(found, step)
  }
  return path.isAtTop && isEqual(found, root)
}

export interface Consistency {
  from: number
  to: number
  fromRoot: Uint8Array
  toRoot: Uint8Array
  proof: readonly Uint8Array[]
}

/**
 * RFC 9162, section 2.1.4.2. From a tree without leaves nothing can be shown, so that is false for any later one: who begins
 * with nothing, as a new witness does, takes the first tree as it comes and need not ask.
 */
export function isConsistent({ from, to, fromRoot, toRoot, proof }: Consistency): boolean {
  if (!isSize(from) || !isSize(to) || from > to || !areHashes([fromRoot, toRoot, ...proof])) return false
  if (from === 0) return to === 0 && proof.length === 0 && [fromRoot, toRoot].every((root) => isEqual(root, EMPTY_ROOT))
  if (from === to) return proof.length === 0 && isEqual(fromRoot, toRoot)
  const isWhole = powerBelow(from) * 2 === from || from === 1
  const [first, ...steps] = isWhole ? [fromRoot, ...proof] : proof
  if (first === undefined) return false
  const path = new Path(from - 1, to - 1)
  path.skipRightEdge()
  let [former, later] = [first, first]
  for (const step of steps) {
    if (path.isAtTop) return false
    if (path.climb() === 'right') {
      former = nodeHash(step, former)
      later = nodeHash(step, later)
    } else {
      later = nodeHash(later, step)
    }
  }
  return path.isAtTop && isEqual(former, fromRoot) && isEqual(later, toRoot)
}

/** A node and the last node of its level, upwards until they are the root. */
class Path {
  #node: number
  #last: number

  constructor(node: number, last: number) {
    this.#node = node
    this.#last = last
  }

  get isAtTop(): boolean {
    return this.#last === 0
  }

  /** On which side of its parent the node is, having gone to the parent; levels at which it has no sibling are passed over. */
  climb(): 'left' | 'right' {
    const isRight = this.#node % 2 === 1 || this.#node === this.#last
    if (isRight) while (this.#node % 2 === 0 && this.#node !== 0) this.#up()
    this.#up()
    return isRight ? 'right' : 'left'
  }

  skipRightEdge(): void {
    while (this.#node % 2 === 1) this.#up()
  }

  #up(): void {
    this.#node = Math.floor(this.#node / 2)
    this.#last = Math.floor(this.#last / 2)
  }
}

/** Greatest power of two below `count`, which is at least 2; 1 for 1. */
function powerBelow(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function assertSize(size: number): void {
  assert(isSize(size), 'a tree has a whole number of leaves')
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.length <= PROOF_HASHES_MAX + 3 && values.every((value) => value.length === HASH_BYTES)
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
