/**
 * Network addresses as numbers, read strictly as RFC 4291 and the usual dotted form write them: no leading zeros, no zone, nothing
 * around. There is one for every event, so they are read in one pass.
 */

const DOT = 0x2e
const COLON = 0x3a
const GROUPS = 8

/** The four bytes as one number, 0 to 2^32 - 1; -1 for what is no address of this family. */
export function ipv4Of(text: string, from = 0): number {
  const { length } = text
  if (length - from < 7 || length - from > 15) return -1
  let bits = 0
  let parts = 0
  let byte = -1
  for (let at = from; at <= length; at++) {
    const code = at < length ? text.charCodeAt(at) : DOT
    if (code >= 48 && code <= 57) {
      if (byte === 0) return -1
      byte = (byte < 0 ? 0 : byte * 10) + (code - 48)
      if (byte > 255) return -1
    } else if (code === DOT && byte >= 0) {
      bits = bits * 256 + byte
      parts++
      byte = -1
    } else return -1
  }
  return parts === 4 ? bits : -1
}

/** Its eight groups of 16 bits, in one place that all calls share: valid until the next call. */
const groups = new Uint16Array(GROUPS)

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

export function ipv6Of(text: string): Uint16Array | undefined {
  const { length } = text
  if (length < 2 || length > 45) return undefined
  let count = 0
  /** How many groups stand before `::`; -1 without one. */
  let gap = -1
  let at = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined
    gap = 0
    at = 2
  }
  while (at < length) {
    const start = at
    let group = 0
    let digit = digitOf(text.charCodeAt(at))
    while (digit >= 0 && at - start < 4) {
      group = group * 16 + digit
      digit = ++at < length ? digitOf(text.charCodeAt(at)) : -1
    }
    if (at === start || count === GROUPS) return undefined
    if (at < length && text.charCodeAt(at) === DOT) {
      const tail = ipv4Of(text, start)
      if (tail < 0 || count > GROUPS - 2) return undefined
      groups[count++] = tail >>> 16
      groups[count++] = tail & 0xffff
      at = length
      break
    }
    groups[count++] = group
    if (at === length) break
    if (text.charCodeAt(at) !== COLON) return undefined
    at++
    if (at < length && text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined
      gap = count
      at++
    } else if (at === length) return undefined
  }
  if (gap < 0) return count === GROUPS ? groups : undefined
  // A gap stands for one group at least.
  if (count === GROUPS) return undefined
  groups.copyWithin(GROUPS - (count - gap), gap, count)
  groups.fill(0, gap, GROUPS - (count - gap))
  return groups
}
