/** The network that a request comes from, as a short key. Lives in memory; the vault keeps it under a keyed hash. */
import { BlockList, isIP } from 'node:net'
import type { NetworkBits } from '#model/source-limits.ts'

/**
 * Addresses that the internet does not route: this machine, the company's own network, a proxy that `trustProxy` does not
 * name. Behind one of them may stand everybody, so it is no network of its own and has no share of its own.
 */
const unrouted = new BlockList()
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  unrouted.addSubnet(address, bits, 'ipv4')
for (const [address, bits] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  unrouted.addSubnet(address, bits, 'ipv6')

/** Behind a trusted proxy that names nobody: all of these share what one network may do. */
export const UNNAMED = 'unnamed'

/** Undefined: no network of its own. `address` as `clientAddress` gives it. */
export function networkOf(address: string | undefined, bits: NetworkBits): string | undefined {
  if (address === undefined) return UNNAMED
  if (isIP(address) === 4) {
    if (unrouted.check(address, 'ipv4')) return undefined
    return `4/${bits.ipv4}/${keepBits(octets(address), bits.ipv4)}`
  }
  if (unrouted.check(address, 'ipv6')) return undefined
  const [a, b, c, d] = groups(address)
  return `6/${bits.ipv6}/${keepBits(a * 65_536 + b, Math.min(bits.ipv6, 32))}:${keepBits(c * 65_536 + d, Math.max(bits.ipv6 - 32, 0))}`
}

function octets(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

/** The first four groups of an IPv6 address: no network is named by more. */
function groups(address: string): [number, number, number, number] {
  const [head = '', tail] = address.split('::')
  const parts = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    // An IPv4 address at the end stands for two groups.
    const length = after.length + (after.at(-1)?.includes('.') === true ? 1 : 0)
    while (parts.length + length < 8) parts.push('0')
    parts.push(...after)
  }
  return [0, 1, 2, 3].map((at) => Number.parseInt(parts[at] ?? '0', 16)) as [number, number, number, number]
}

function keepBits(number: number, bits: number): number {
  return bits === 0 ? 0 : Math.floor(number / 2 ** (32 - bits)) >>> 0
}

export interface Origin {
  address: string | undefined
  /** Shares quotas; undefined: has none of its own. */
  network: string | undefined
  /** The address itself, or the smallest net that one customer has (IPv6 /64): for what harms whoever shares it. */
  place: string | undefined
}

const ORIGINS_MAX = 20_000

/** Origins by address: the connections of one client ask again and again. */
export class Origins {
  readonly #bits: NetworkBits
  readonly #known = new Map<string | undefined, Origin>()

  constructor(bits: NetworkBits) {
    this.#bits = bits
  }

  of(address: string | undefined): Origin {
    const known = this.#known.get(address)
    if (known !== undefined) return known
    if (this.#known.size >= ORIGINS_MAX) this.#known.clear()
    const origin = { address, network: networkOf(address, this.#bits), place: networkOf(address, { ipv4: 32, ipv6: 64 }) }
    this.#known.set(address, origin)
    return origin
  }
}
