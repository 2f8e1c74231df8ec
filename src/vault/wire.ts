/**
 * Bulk between the vault and its callers: numbers in the machine's own order (both ends are one machine), 64-bit floats unless
 * said otherwise.
 */
import type { DeviceInterval } from './port.ts'
import type { GroupSurvey, OrdinalPages } from './survey.ts'

export function bytesOf(numbers: Float64Array | Uint32Array | Uint16Array | Uint8Array): Buffer {
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

export function encodePages({ numbers, words }: OrdinalPages): Buffer[] {
  return [bytesOf(numbers), bytesOf(words)]
}

export function decodePages([numbers, words]: readonly Buffer[]): OrdinalPages {
  return { numbers: new Float64Array(alignedCopy(numbers ?? NOTHING)), words: new Uint32Array(alignedCopy(words ?? NOTHING)) }
}

const NOTHING = Buffer.alloc(0)

export function encodeGroups({ keys, groups, key, hasMembers, administrators, administered }: GroupSurvey): {
  body: string[]
  attachments: Buffer[]
} {
  return { body: keys, attachments: [groups, key, hasMembers, administrators, administered].map(bytesOf) }
}

export function decodeGroups(keys: string[], attachments: readonly Buffer[]): GroupSurvey {
  const [groups, key, hasMembers, administrators, administered] = attachments.map(alignedCopy)
  return {
    keys,
    groups: new Float64Array(groups as ArrayBuffer),
    key: new Uint16Array(key as ArrayBuffer),
    hasMembers: new Uint8Array(hasMembers as ArrayBuffer),
    administrators: new Float64Array(administrators as ArrayBuffer),
    administered: new Uint32Array(administered as ArrayBuffer),
  }
}

/** Lists of numbers, each behind its length. */
export function encodeLists(lists: readonly (readonly number[])[]): Buffer {
  return encodeNumbers(lists.flatMap((list) => [list.length, ...list]))
}

export function decodeLists(bytes: Buffer): number[][] {
  const numbers = decodeNumbers(bytes)
  const lists: number[][] = []
  for (let at = 0; at < numbers.length; ) {
    const length = numbers[at] as number
    lists.push(numbers.slice(at + 1, at + 1 + length))
    at += 1 + length
  }
  return lists
}
