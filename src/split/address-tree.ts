/**
 * The search tree of a MaxMind database (MaxMind DB File Format 2.0, "Binary Search Tree Section"): from an address to the number of
 * its row. A look-up is on the way of every event, so the first sixteen bits of the older family are one step.
 */
import type { CountryResponse, Reader } from 'mmdb-lib'

const PREFIX_BITS = 16
const IPV4_BITS = 32
/** Zeros before an address of the older family in a tree of the newer one. */
const LEADING_BITS = 96

export class AddressTree {
  readonly #bytes: Uint8Array
  readonly #nodes: number
  readonly #nodeBytes: number
  readonly #recordBits: number
  /** What stands behind each beginning of sixteen bits. */
  readonly #prefixes = new Uint32Array(1 << PREFIX_BITS)
  readonly #holdsIpv6: boolean

  constructor(bytes: Uint8Array, metadata: Reader<CountryResponse>['metadata']) {
    this.#bytes = bytes
    this.#nodes = metadata.nodeCount
    this.#nodeBytes = metadata.nodeByteSize
    this.#recordBits = metadata.recordSize
    this.#holdsIpv6 = metadata.ipVersion === 6
    if (![24, 28, 32].includes(this.#recordBits) || this.#nodes * this.#nodeBytes > bytes.length) throw new Error('no tree of a known form')
    let root = 0
    for (let bit = 0; this.#holdsIpv6 && bit < LEADING_BITS && root < this.#nodes; bit++) root = this.#next(root, 0)
    this.#fill(root, 0, 0)
  }

  /** A number that is the row's alone; 0 for an address that the tree does not know. */
  rowOfIpv4(bits: number): number {
    let node = this.#prefixes[bits >>> PREFIX_BITS] as number
    for (let shift = IPV4_BITS - PREFIX_BITS - 1; shift >= 0 && node < this.#nodes; shift--) node = this.#next(node, (bits >>> shift) & 1)
    return this.#rowAt(node)
  }

  rowOfIpv6(groups: Uint16Array): number {
    if (!this.#holdsIpv6) return 0
    let node = 0
    for (let bit = 0; bit < groups.length * 16 && node < this.#nodes; bit++) {
      node = this.#next(node, ((groups[bit >> 4] as number) >>> (15 - (bit & 15))) & 1)
    }
    return this.#rowAt(node)
  }

  #rowAt(node: number): number {
    return node > this.#nodes ? node : 0
  }

  #fill(node: number, prefix: number, depth: number): void {
    if (depth === PREFIX_BITS || node >= this.#nodes) {
      const width = 1 << (PREFIX_BITS - depth)
      this.#prefixes.fill(node, prefix * width, (prefix + 1) * width)
      return
    }
    this.#fill(this.#next(node, 0), prefix * 2, depth + 1)
    this.#fill(this.#next(node, 1), prefix * 2 + 1, depth + 1)
  }

  #next(node: number, bit: number): number {
    const bytes = this.#bytes
    const at = node * this.#nodeBytes
    if (this.#recordBits === 24) {
      const from = at + 3 * bit
      return ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number)
    }
    if (this.#recordBits === 28) {
      const from = at + 4 * bit
      const middle = bytes[at + 3] as number
      const high = bit === 0 ? middle >>> 4 : middle & 15
      return (high << 24) | ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number)
    }
    const from = at + 4 * bit
    return (
      (((bytes[from] as number) << 24) |
        ((bytes[from + 1] as number) << 16) |
        ((bytes[from + 2] as number) << 8) |
        (bytes[from + 3] as number)) >>>
      0
    )
  }
}
