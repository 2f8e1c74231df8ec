/**
 * Where a link leads. There is one address that a notice links to; what leads anywhere else is named, and told apart when it
 * was made to look like ours.
 */
import { domainToUnicode } from 'node:url'
import { getDomain, parse } from 'tldts'
import { unfiltered } from './filter-links.ts'
import type { Findings, OfficialMarks } from './read-notice.ts'
import { shown, skeleton } from './letters.ts'

/** Mail filters that write their own address in front of each link. */
const REWRITERS =
  /(^|\.)(safelinks\.protection\.outlook\.com|urldefense\.com|urldefense\.proofpoint\.com|mimecastprotect\.com|mimecast\.com)$/

export type HostKind = 'ours' | 'lookalike' | 'foreign'

export function isOurs(host: string, { domain }: OfficialMarks): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

/** `host` as `URL` gives it: lower case, ASCII, full-width dots resolved. */
export function hostKind(host: string, marks: OfficialMarks): HostKind {
  if (isOurs(host, marks)) return 'ours'
  return looksLike(host, marks.domain) ? 'lookalike' : 'foreign'
}

function looksLike(host: string, domain: string): boolean {
  const shownHost = domainToUnicode(host) || host
  const labelOf = (name: string): string => (getDomain(name, { allowPrivateDomains: true }) ?? name).split('.')[0] as string
  const [ours, theirs] = [skeleton(labelOf(domain)), skeleton(domainToUnicode(labelOf(host)) || labelOf(host))]
  if (skeleton(shownHost).includes(skeleton(domain))) return true
  const parts = shownHost.split(/[.-]/).map(skeleton)
  if (ours.length >= 3 && parts.some((part) => part === ours || (ours.length >= 5 && part.includes(ours)))) return true
  if (theirs === ours) return true
  const distanceMax = ours.length >= 9 ? 2 : ours.length >= 5 ? 1 : 0
  return distanceMax > 0 && distance(ours, theirs, distanceMax) <= distanceMax
}

/** Changes of one letter, and swaps of two neighbours, from one word to another; more than `max` is not counted out. */
function distance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const next = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let best = Math.min((last[column] as number) + 1, (next[column - 1] as number) + 1, (last[column - 1] as number) + cost)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        best = Math.min(best, (before[column - 2] as number) + 1)
      next.push(best)
    }
    before = last
    last = next
  }
  return last[b.length] as number
}

/** Judges the target of a link. `recipients`: addresses that may stand in the head of a forwarded mail. */
export function judgeLink(target: string, marks: OfficialMarks, recipients: readonly string[], findings: Findings): void {
  // As browsers do: they pass over these.
  const text = target.replace(/[\u0000-\u0020]/g, '')
  if (text === '' || text.startsWith('#')) return
  // Some programs show what stands behind the address, and write it into the answer.
  if (/^mailto:[^?]*\?/i.test(text)) return findings.add('link_foreign', { where: shown(text) })
  if (/^mailto:/i.test(text)) return judgeAddress(decoded(text.slice(7)), marks, recipients, findings)
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return findings.add('link_foreign', { where: shown(text) })
  const { hostname } = url
  const where = shown(domainToUnicode(hostname) || hostname)
  if (unfiltered(text, marks) !== undefined) return findings.add('link_filtered', { where })
  if (REWRITERS.test(hostname)) return findings.add('link_rewritten', { where })
  const kind = hostKind(hostname, marks)
  if (kind === 'lookalike' || (kind === 'foreign' && hasOurNameInFront(url, marks))) return findings.add('link_lookalike', { where })
  if (kind === 'foreign') return findings.add('link_foreign', { where })
  if (!isOurPage(url, marks)) findings.add('link_foreign', { where: shown(url.href) })
}

/** Whether an address is one that a program may write behind words, letter by letter: it is no word of the text, and is read. */
export function isPlainlyOurs(
  link: string,
  { domain, checkUrl, contactMail, sender }: OfficialMarks,
  recipients: readonly string[],
): boolean {
  const mails = [sender, ...recipients, ...(contactMail === undefined ? [] : [contactMail])].map((mail) => `mailto:${mail}`)
  return [checkUrl, `https://${domain}`, `https://${domain}/`, ...mails].some((each) => each.toLowerCase() === link.toLowerCase())
}

/** `https://example.com@evil.net/`, `https://evil.net/example.com/`. */
function hasOurNameInFront(url: URL, { domain }: OfficialMarks): boolean {
  return `${decoded(url.username)} ${url.pathname}`.toLowerCase().includes(domain)
}

/** The check page, or the bare domain, that a mail program makes a link of by itself. */
function isOurPage(url: URL, { domain, checkUrl }: OfficialMarks): boolean {
  const check = new URL(checkUrl)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '' && url.port === check.port
  if (!plain) return false
  const path = (of: URL): string => of.pathname.replace(/\/$/, '')
  return (
    // Programs write `http` before a bare domain; before our page it stands only where somebody wants to listen.
    (url.protocol === check.protocol && url.hostname === check.hostname && path(url) === path(check)) ||
    ([domain, check.hostname].includes(url.hostname) && path(url) === '')
  )
}

function judgeAddress(address: string, marks: OfficialMarks, recipients: readonly string[], findings: Findings): void {
  const given = address.trim().toLowerCase()
  if ([marks.contactMail, marks.sender, ...recipients].includes(given)) return
  const host = URL.parse(`https://${given.split('@').at(-1) ?? ''}`)?.hostname ?? ''
  const isLike = hostKind(host, marks) === 'lookalike'
  findings.add(isLike ? 'link_lookalike' : 'link_foreign', { where: shown(given) })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not an escape: it stands for itself.
    return text
  }
}

const LINKS_MAX = 60
const LINK_CHARACTERS_MAX = 500

/** Links, addresses and bare domains in a text: piece by piece, so that no text takes longer than its length. */
export function linksIn(text: string): string[] {
  const links: string[] = []
  for (const piece of text.split(/[\s<>"'()[\],;]+/u)) {
    if (links.length >= LINKS_MAX) break
    const name = piece.slice(0, LINK_CHARACTERS_MAX).replace(/[.,;:!?*_|]{1,20}$/u, '')
    const scheme = /(?:https?:\/\/|mailto:)/iu.exec(name)
    if (scheme !== null) links.push(name.slice(scheme.index))
    else if (/[.\u3002\uff0e\uff61]/u.test(name)) links.push(...linkOfBare(name))
  }
  return links
}

/** What closes a quotation or a sentence, of whatever script, is no end of a name. */
function linkOfBare(given: string): string[] {
  const name = given.replace(/[^\p{L}\p{M}\p{N}/]{1,20}$/u, '')
  if (name.includes('@') && !name.includes('/')) return [`mailto:${name}`]
  // A word and the next sentence without a space between them is no domain.
  const url = URL.parse(`https://${name.replace(/^[^\p{L}\p{N}]{1,20}/u, '')}`)
  return url !== null && parse(url.hostname).isIcann === true ? [url.href] : []
}
