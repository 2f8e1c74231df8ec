/** What the connection and the headers say of the client. Read once for a request, kept nowhere. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { BulkheadError } from '#base/errors.ts'
import type { ConsentSignals } from '#model/log-entry.ts'

const FORWARDED_HOPS_MAX = 50
const BASIC_CHARACTERS_MAX = 2048

/** Proxies whose `X-Forwarded-For` counts. Entries are addresses or CIDR ranges. */
export function decodeTrustedProxies(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix, ...rest] = entry.trim().split('/')
    const version = isIP(address)
    const bits = prefix === undefined ? (version === 6 ? 128 : 32) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
    if (version === 0 || rest.length > 0 || bits < 0 || bits > (version === 6 ? 128 : 32)) {
      throw new BulkheadError('config_invalid', 'gateway.trustProxy holds something that is neither an address nor a CIDR range')
    }
    list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/**
 * The address to believe: the socket's, or behind trusted proxies the rightmost one in `X-Forwarded-For` that is not such
 * a proxy. Everything left of it was written by the client. Undefined when a trusted proxy names nobody.
 */
export function clientAddress(request: IncomingMessage, trusted: BlockList): string | undefined {
  const peer = plainAddress(request.socket.remoteAddress ?? '')
  if (peer === undefined || !isTrusted(peer, trusted)) return peer
  const header = request.headers['x-forwarded-for']
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').slice(-FORWARDED_HOPS_MAX)
  for (const hop of hops.reverse()) {
    const address = plainAddress(hop.trim())
    if (address === undefined) return undefined
    if (!isTrusted(address, trusted)) return address
  }
  return undefined
}

/** Address of whoever opened the connection; undefined when it is a trusted proxy, behind which stands everybody. */
export function peerAddress(socket: { remoteAddress?: string | undefined }, trusted: BlockList): string | undefined {
  const peer = plainAddress(socket.remoteAddress ?? '')
  return peer === undefined || isTrusted(peer, trusted) ? undefined : peer
}

function isTrusted(address: string, trusted: BlockList): boolean {
  return trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Without port, brackets, zone, and the IPv4-in-IPv6 prefix of dual-stack sockets. */
function plainAddress(text: string): string | undefined {
  let address = text
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::\d{1,5})?$/.exec(text)
  if (bracketed !== null) address = bracketed[1] as string
  else if (/^[\d.]+:\d{1,5}$/.test(text)) address = text.slice(0, text.indexOf(':'))
  address = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(address) === 0 ? undefined : address
}

/**
 * Headers that only browsers send: a request with them did not come from a server. Not `Sec-Fetch-Mode` alone: the `fetch`
 * of Node sends it, and a browser never sends it without `Sec-Fetch-Site` (w3.org/TR/fetch-metadata).
 */
export function hasBrowserMarks(headers: IncomingHttpHeaders): boolean {
  if (headers.origin !== undefined) return true
  for (const name in headers) if ((name.startsWith('sec-fetch-') && name !== 'sec-fetch-mode') || name.startsWith('sec-ch-ua')) return true
  return false
}

/**
 * A header that a proxy or an extension sends again comes joined by commas: one yes in it is a yes. All other values say
 * nothing (globalprivacycontrol.github.io/gpc-spec, www.w3.org/TR/tracking-dnt).
 */
export function consentOf(headers: IncomingHttpHeaders): ConsentSignals {
  const signals: ConsentSignals = {}
  if (valuesOf(headers['sec-gpc']).includes('1')) signals.gpc = true
  const dnt = valuesOf(headers.dnt).map((value) => value[0])
  if (dnt.includes('1')) signals.dnt = true
  else if (dnt.length > 0 && dnt.every((value) => value === '0')) signals.dnt = false
  return signals
}

function valuesOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  return String(header)
    .split(',')
    .map((value) => value.trim())
}

/** User part of HTTP Basic: SDKs carry their public token there. */
export function basicUser(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers
  if (authorization === undefined || authorization.length > BASIC_CHARACTERS_MAX) return undefined
  const match = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(authorization)
  if (match === null) return undefined
  const text = Buffer.from(match[1] as string, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? text : text.slice(0, colon)
}
