/**
 * Bulk between the vault and its callers: numbers in the machine's own order (both ends are one machine), 64-bit floats unless
 * said otherwise.
 */
import { TRUSTS, type Trust } from '#model/field.ts'
import type { DeviceInterval } from './port.ts'

export function bytesOf(numbers: Float64Array | Uint32Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}

/** A part of a frame need not begin at a multiple of eight. */
export function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

export function encodeNumbers(numbers: readonly number[]): Buffer {
  return bytesOf(Float64Array.from(numbers))
}

export function decodeNumbers(bytes: Uint8Array): number[] {
  return Array.from(new Float64Array(alignedCopy(bytes)))
}

export function encodeIntervals(intervals: readonly DeviceInterval[]): Buffer {
  return encodeNumbers(intervals.flatMap(({ device, person, from, to }) => [device, person, from, to]))
}

export function decodeIntervals(bytes: Buffer): DeviceInterval[] {
  const numbers = decodeNumbers(bytes)
  const intervals: DeviceInterval[] = []
  for (let at = 0; at + 3 < numbers.length; at += 4) {
    const [device, person, from, to] = numbers.slice(at, at + 4) as [number, number, number, number]
    intervals.push({ device, person, from, to })
  }
  return intervals
}

type Membership = [user: number, group: number, key: string, trust: Trust]

/** Group keys once, as JSON; then user, group, number of the key and of the trust for each membership. */
export function encodeMemberships(memberships: readonly Membership[]): { keys: string[]; bytes: Buffer } {
  const keys = new Map<string, number>()
  const numbers: number[] = []
  for (const [user, group, key, trust] of memberships) {
    if (!keys.has(key)) keys.set(key, keys.size)
    numbers.push(user, group, keys.get(key) as number, TRUSTS.indexOf(trust))
  }
  return { keys: [...keys.keys()], bytes: encodeNumbers(numbers) }
}

export function decodeMemberships(keys: readonly string[], bytes: Buffer): Membership[] {
  const numbers = decodeNumbers(bytes)
  const memberships: Membership[] = []
  for (let at = 0; at + 3 < numbers.length; at += 4) {
    const [user, group, key, trust] = numbers.slice(at, at + 4) as [number, number, number, number]
    memberships.push([user, group, keys[key] as string, TRUSTS[trust] as Trust])
  }
  return memberships
}
