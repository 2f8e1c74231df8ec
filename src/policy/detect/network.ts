/** Mail addresses, network addresses, hardware addresses. */
import { type Add, isNear, matchesIn } from './finding.ts'
import { words } from './id-rules.ts'

const LOCAL_CHARACTER = /[\p{L}\p{N}\p{M}.!#$%&'*+/=?^_`{|}~-]/u
const DOMAIN = /^(?:[\p{L}\p{N}\p{M}_-]{1,63}\.){1,8}(?:[\p{L}\p{M}]{2,63}|xn--[a-z0-9-]{2,59})/iu
const ADDRESS_LITERAL = /^\[(?:IPv6:)?[0-9a-f.:]{3,45}\]/i
const LOCAL_CHARACTERS_MAX = 64
/** `icon@2x.png` is a picture. */
const DENSITY = /^[1-9](?:\.\d)?x\.[a-z]{2,4}$/i
/** Handles of India's payment interface stand where a domain would. */
const UPI =
  /^(?:ok(?:axis|hdfcbank|icici|sbi)|ybl|ibl|axl|apl|upi|paytm|pt(?:axis|hdfc|sbi|yes)|yapl|waicici|ikwik|freecharge|airtel|jio|fbl|barodampay|sbi|hdfcbank|icici|axisbank|kotak)(?![\w.@-])/i

/** RFC 5322 addr-spec as it is met, with the international forms of RFC 6531. Works outward from each `@`. */
export function findEmails(text: string, add: Add): void {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const start = localStart(text, at)
    if (start === at || start < 0) continue
    const rest = text.slice(at + 1, at + 1 + 320)
    const domain = DOMAIN.exec(rest) ?? ADDRESS_LITERAL.exec(rest)
    if (domain === null) {
      const handle = UPI.exec(rest)
      if (handle !== null) add({ kind: 'username', rule: 'in.upi', start, end: at + 1 + handle[0].length, confidence: 0.8 })
    } else if (!DENSITY.test(domain[0])) {
      add({ kind: 'email', rule: 'email', start, end: at + 1 + domain[0].length, confidence: 0.98 })
    }
  }
}

/** Where the local part before the `@` begins; `at` itself when there is none. */
function localStart(text: string, at: number): number {
  if (text[at - 1] === '"') return Math.max(text.lastIndexOf('"', at - 2), at - LOCAL_CHARACTERS_MAX - 2)
  let start = at
  while (start > 0 && at - start < LOCAL_CHARACTERS_MAX && LOCAL_CHARACTER.test(text[start - 1] as string)) start--
  // Of a query or a form (`to=ann@b.example`, `a=1&to=…`) only what stands after the last sign is the address.
  const local = text.slice(start, at)
  const cut = Math.max(local.lastIndexOf('='), local.lastIndexOf('&'), local.lastIndexOf('?'), local.lastIndexOf('/')) + 1
  if (cut < local.length) start += cut
  // Half a letter of another plane, or a closing quote or bracket, right before `@` stands for a local part as well.
  return start === at && /[\ud800-\udfff\p{Pf}\p{Pe}'>]/u.test(text[at - 1] ?? '') ? at - 1 : start
}

const IPV4 = /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)/g
const IPV6 = /(?<![\w:.])[0-9a-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)/gi
const MAC = /(?<![\w:-])[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?![\w:-])/gi
const CISCO_MAC = /(?<![\w.])[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![\w.])/gi
const VERSION_WORDS = /(?:version|ver|release|build|firmware|revision|rev|sdk|driver|v)[ :=._-]{0,3}$|[A-Za-z)]\/$/i
const ADDRESS_WORDS = words('ip(?:v4)?', 'addr(?:ess)?', 'host', 'client', 'from', 'remote', 'server', 'dns')
/** Four small numbers are a version as often as an address. */
const SMALL = 20

function isIpv4(text: string): boolean {
  return text.split('.').every((octet) => Number(octet) <= 255 && !/^0\d/.test(octet))
}

/** RFC 4291 section 2.2: eight groups, or fewer around one `::`. */
export function isIpv6(text: string): boolean {
  const tail = /:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text)
  if (tail !== null && !isIpv4(tail[1] as string)) return false
  const groupsText = tail === null ? text : `${text.slice(0, tail.index)}:0:0`
  const sides = groupsText.split('::')
  if (sides.length > 2) return false
  const groups = sides.flatMap((side) => (side === '' ? [] : side.split(':')))
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false
  return sides.length === 2 ? groups.length <= 7 && groups.length >= 1 : groups.length === 8
}

export function findNetworkAddresses(text: string, add: Add, hint: string): void {
  for (const { 0: quad, index } of matchesIn(text, IPV4)) {
    if (!isIpv4(quad)) continue
    const span = { start: index, end: index + quad.length }
    const octets = quad.split('.').map(Number)
    const isVersion = VERSION_WORDS.test(text.slice(Math.max(0, index - 14), index)) && !ADDRESS_WORDS.test(hint)
    const isSmall =
      octets.every((octet) => octet <= SMALL) && octets[0] !== 10 && new Set(octets).size > 1 && !isNear(text, span, ADDRESS_WORDS, hint)
    if (isVersion && octets.some((octet) => octet <= SMALL)) continue
    add({ kind: 'ip', rule: 'ipv4', ...span, confidence: isVersion || isSmall ? 0.4 : 0.95 })
  }
  if (!text.includes(':')) return
  for (const { 0: run, index } of matchesIn(text, IPV6)) {
    // `a::b` is a name in C++ before it is an address.
    if (isIpv6(run) && (/\d/.test(run) || run.split(':').length > 4)) {
      add({ kind: 'ip', rule: 'ipv6', start: index, end: index + run.length, confidence: 0.95 })
    }
  }
}

export function findHardwareAddresses(text: string, add: Add): void {
  for (const pattern of [MAC, CISCO_MAC]) {
    for (const { 0: mac, index } of matchesIn(text, pattern)) {
      const bare = mac.replaceAll(/[^0-9a-f]/gi, '')
      if (/^(?:0+|f+)$/i.test(bare) || (pattern === CISCO_MAC && /^\d+$/.test(bare))) continue
      add({ kind: 'mac', rule: 'mac', start: index, end: index + mac.length, confidence: 0.95 })
    }
  }
}
