/** Bulk between the vault and its callers: 64-bit floats in the machine's own order (both ends are one machine). */
import type { SubjectKind } from '#model/disclosure.ts'
import { TRUSTS, type Trust } from '#model/field.ts'
import type { DeviceInterval } from './port.ts'

const KINDS: readonly SubjectKind[] = ['user', 'device', 'group']

export function encodeNumbers(numbers: readonly number[]): Buffer {
  return Buffer.from(Float64Array.from(numbers).buffer)
}

export function decodeNumbers(bytes: Buffer): number[] {
  // A part of a frame need not begin at a multiple of eight.
  const aligned = Uint8Array.from(bytes).buffer
  return Array.from(new Float64Array(aligned))
}

/** Two numbers for each subject: its kind and its ordinal. */
export function encodeSubjects(subjects: readonly { kind: SubjectKind; ordinal: number }[]): Buffer {
  const numbers = new Float64Array(subjects.length * 2)
  subjects.forEach(({ kind, ordinal }, at) => {
    numbers[at * 2] = KINDS.indexOf(kind)
    numbers[at * 2 + 1] = ordinal
  })
  return Buffer.from(numbers.buffer)
}

export function decodeSubjects(bytes: Buffer): { kind: SubjectKind; ordinal: number }[] {
  const numbers = decodeNumbers(bytes)
  const subjects: { kind: SubjectKind; ordinal: number }[] = []
  for (let at = 0; at + 1 < numbers.length; at += 2)
    subjects.push({ kind: KINDS[numbers[at] as number] as SubjectKind, ordinal: numbers[at + 1] as number })
  return subjects
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
