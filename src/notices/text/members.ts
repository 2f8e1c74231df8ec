/**
 * The members that an administrator's notice lists, one item each. Addresses and names come from outside and stand in somebody else's
 * notice, so only what is plainly an address, or can be nothing but a name, is shown; everybody else is counted.
 */
import { findNoticeCodes, type NoticeMember, type NoticePerson } from '#model/notice-text.ts'
import { greetingName } from './greeting.ts'
import { escapeHtml } from './layout.ts'
import type { Phrases } from './phrases.ts'

/** Longer lists are given on request: a mail is no table. */
export const MEMBERS_LISTED_MAX = 200

const ADDRESS_MAX = 100
/** ASCII, single marks between letters and digits, and a domain in words: nothing that a program reads as markup. */
const LOCAL = /^[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*$/
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** Mail programs make links of what begins so. */
const LINK_LIKE = /^(?:https?|ftp|www|mailto)(?![A-Za-z0-9])/i

export interface MemberItems {
  text: string[]
  html: string[]
}

/** As it is printed, or undefined: it is no address that can be shown. */
export function memberAddress(raw: string | undefined): string | undefined {
  if (raw === undefined || raw.length > ADDRESS_MAX) return undefined
  const text = raw.trim()
  const at = text.lastIndexOf('@')
  const [local, domain] = [text.slice(0, at), text.slice(at + 1).toLowerCase()]
  const labels = domain.split('.')
  const isDomain = labels.length >= 2 && labels.every((label) => LABEL.test(label)) && /^[a-z]{2,24}$/.test(labels.at(-1) as string)
  if (at <= 0 || local.length > 64 || !isDomain || !LOCAL.test(local) || LINK_LIKE.test(local)) return undefined
  const address = `${local}@${domain}`
  // The line above may end in `.bh`.
  return isCode(`BH ${address}`) ? undefined : address
}

/** Sorted; at least one item, so that a list is never empty. */
export function memberItems(phrases: Phrases, organisation: NoticePerson['organisation']): MemberItems {
  const { listed = [], members } = organisation ?? { members: 0 }
  const addresses = new Set<string>()
  const names: string[] = []
  let shown = 0
  for (const member of listed.slice(0, MEMBERS_LISTED_MAX)) {
    const line = shownAs(member)
    if (line === undefined) continue
    shown += 1
    if (line.address !== undefined) addresses.add(line.address)
    else names.push(line.name)
  }
  names.sort(byCharacters)
  const others = members - shown
  const text = [...addresses].sort(byCharacters)
  const html = text.map(escapeHtml)
  for (const name of names) {
    text.push(phrases.say('members.name', { name }))
    html.push(escapeHtml(phrases.say('members.name', { name: SLOT })).replace(SLOT, () => `<bdi>${escapeHtml(name)}</bdi>`))
  }
  if (others > 0 || text.length === 0) {
    const line = phrases.count('members.others', Math.max(0, others))
    text.push(line)
    html.push(escapeHtml(line))
  }
  return { text, html }
}

/** In a preview: one item as each will be, and how the rest is counted. */
export function memberPlaceholders(phrases: Phrases): MemberItems {
  const text = [phrases.placeholder('member'), phrases.count('members.others', 2, { count: phrases.placeholder('members') })]
  return { text, html: text.map(escapeHtml) }
}

const SLOT = '\ue004'

function shownAs({ address: given, name }: NoticeMember): { address: string } | { address?: undefined; name: string } | undefined {
  const address = memberAddress(given)
  if (address !== undefined) return { address }
  const plain = greetingName(name)
  return plain === undefined || isCode(plain) ? undefined : { name: plain }
}

/** A second code in a notice would make a check ask for another notice. */
function isCode(text: string): boolean {
  return findNoticeCodes(text).length > 0
}

/** The same in every language, so that texts in two languages can be laid side by side. */
function byCharacters(a: string, b: string): number {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()]
  return left === right ? Number(a > b) - Number(a < b) : left < right ? -1 : 1
}
