/**
 * A referring address reduced to a medium and, for known or approved sites alone, the registrable domain: the domain of a
 * small site can be a person's name.
 */
import { parse } from 'tldts'
import { remember } from '#base/remember.ts'
import type { ReferrerMedium } from '#model/log-entry.ts'

export interface Referrer {
  readonly medium: ReferrerMedium
  readonly domain?: string
}

const URL_CHARACTERS_MAX = 2048

/** Sites whose name has many endings: the first label of the registrable domain, and the one domain that stands for all. */
const SITES_BY_LABEL: ReadonlyMap<string, readonly [domain: string, medium: ReferrerMedium]> = new Map([
  ['google', ['google.com', 'search']],
  ['bing', ['bing.com', 'search']],
  ['yahoo', ['yahoo.com', 'search']],
  ['yandex', ['yandex.com', 'search']],
  ['pinterest', ['pinterest.com', 'social']],
  ['lastfm', ['last.fm', 'social']],
  ['altavista', ['altavista.com', 'search']],
  ['abacho', ['abacho.com', 'search']],
  ['baidu', ['baidu.com', 'search']],
])

const SITES: ReadonlyMap<string, ReferrerMedium> = new Map([
  ...[
    'duckduckgo.com',
    'baidu.com',
    'ecosia.org',
    'startpage.com',
    'qwant.com',
    'naver.com',
    'daum.net',
    'seznam.cz',
    'sogou.com',
    'so.com',
    'ask.com',
    'aol.com',
    'brave.com',
    'kagi.com',
    'mojeek.com',
    'ya.ru',
    'perplexity.ai',
    'chatgpt.com',
    'openai.com',
    'claude.ai',
    'you.com',
    'phind.com',
    'deepseek.com',
    'duck.ai',
    'grok.com',
    'mistral.ai',
    'meta.ai',
    'qwen.ai',
    'chatglm.cn',
    'iask.ai',
    'exalead.com',
    'lycos.com',
    'metager.de',
    'metager.org',
    'swisscows.com',
    'search.com',
    'dogpile.com',
    'rambler.ru',
    'sm.cn',
    'coccoc.com',
    'petalsearch.com',
    'lukol.com',
    'presearch.com',
    'gibiru.com',
  ].map((domain) => [domain, 'search'] as const),
  ...[
    'facebook.com',
    'fb.com',
    'fb.me',
    'instagram.com',
    'threads.net',
    'threads.com',
    't.co',
    'x.com',
    'twitter.com',
    'linkedin.com',
    'lnkd.in',
    'reddit.com',
    'redd.it',
    'youtube.com',
    'youtu.be',
    'tiktok.com',
    'snapchat.com',
    'whatsapp.com',
    'wa.me',
    't.me',
    'telegram.org',
    'telegram.me',
    'discord.com',
    'discord.gg',
    'vk.com',
    'ok.ru',
    'weibo.com',
    'quora.com',
    'tumblr.com',
    'ycombinator.com',
    'bsky.app',
    'mastodon.social',
    'medium.com',
    'substack.com',
    'twitch.tv',
    'vimeo.com',
    'zhihu.com',
    'douban.com',
    'line.me',
    'xing.com',
    'producthunt.com',
    'stackoverflow.com',
    'stackexchange.com',
    'sharechat.com',
    'koo.app',
    'bilibili.com',
    'discordapp.com',
    'douyin.com',
    'flickr.com',
    'foursquare.com',
    'last.fm',
    'meetup.com',
    'soundcloud.com',
    'dribbble.com',
    'behance.net',
    'badoo.com',
    'myspace.com',
    'plurk.com',
    'renren.com',
    'qq.com',
    'taringa.net',
    'viadeo.com',
    'wechat.com',
    'xanga.com',
    'nextdoor.com',
    'skyrock.com',
    'mixi.jp',
    'livejournal.com',
    'gettr.com',
    'truthsocial.com',
    'imgur.com',
    'pixiv.net',
    'mewe.com',
  ].map((domain) => [domain, 'social'] as const),
  ...[
    'gmail.com',
    'outlook.com',
    'live.com',
    'hotmail.com',
    'office.com',
    'office365.com',
    'proton.me',
    'protonmail.com',
    'gmx.net',
    'gmx.com',
    'web.de',
    'zoho.com',
    'fastmail.com',
    'mail.ru',
    'rediff.com',
    'icloud.com',
  ].map((domain) => [domain, 'email'] as const),
  ...[
    'github.com',
    'gitlab.com',
    'wikipedia.org',
    'slack.com',
    'notion.so',
    'atlassian.net',
    'microsoft.com',
    'apple.com',
    'amazon.com',
    'g2.com',
    'capterra.com',
  ].map((domain) => [domain, 'referral'] as const),
])

/** Hosts whose medium differs from their site's. */
const MAIL_LABELS: ReadonlySet<string> = new Set(['mail', 'webmail', 'inbox', 'outlook', 'e'])

const COLON = 0x3a
const SLASH = 0x2f
const DOT = 0x2e
const DASH = 0x2d

function isHostCharacter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
}

/** The host of an address in the shape that nearly all have. Anything odd (user part, brackets, capitals, other letters) is none. */
function plainHost(text: string): string | undefined {
  const start = text.startsWith('https://') ? 8 : text.startsWith('http://') ? 7 : 0
  let end = start
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (!isHostCharacter(code) && code !== DOT && code !== DASH) break
  }
  if (end === start || !isHostCharacter(text.charCodeAt(start)) || !isHostCharacter(text.charCodeAt(end - 1))) return undefined
  let after = end
  if (text.charCodeAt(end) === COLON) {
    do after++
    while (after - end <= 5 && isDigit(text.charCodeAt(after)))
    if (after === end + 1) return undefined
  }
  const code = text.charCodeAt(after)
  return after === text.length || code === SLASH || code === 0x3f || code === 0x23 ? text.slice(start, end) : undefined
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

export interface ReferrerRules {
  /** Registrable domains whose name may be kept. */
  approved: ReadonlySet<string>
  /** Registrable domains of the company's own sites. */
  own: ReadonlySet<string>
}

/** What a host says by itself, as `referrerOf` needs it. */
interface Host {
  hostname: string | null
  /** Registrable; undefined for a number or a name without one. */
  domain: string | undefined
  isIcann: boolean
  known: Referrer | undefined
}

function hostFrom({ domain, hostname, isIp, domainWithoutSuffix, isIcann, subdomain }: ReturnType<typeof parse>): Host {
  if (domain === null || isIp === true) return { hostname, domain: undefined, isIcann: false, known: undefined }
  const byLabel = isIcann === true ? SITES_BY_LABEL.get(domainWithoutSuffix ?? '') : undefined
  const site = byLabel ?? siteOf(domain)
  return { hostname, domain, isIcann: isIcann === true, known: site === undefined ? undefined : knownReferrer(site, subdomain ?? '') }
}

function knownReferrer([domain, medium]: readonly [string, ReferrerMedium], subdomain: string): Referrer {
  const isMail = medium === 'search' && MAIL_LABELS.has(subdomain.split('.').at(-1) ?? '')
  return { medium: isMail ? 'email' : medium, domain }
}

function siteOf(domain: string): readonly [string, ReferrerMedium] | undefined {
  const medium = SITES.get(domain)
  return medium === undefined ? undefined : [domain, medium]
}

/** Hosts repeat from event to event, the addresses around them do not and are one person's: only hosts are remembered. */
const knownHost = remember((host) => hostFrom(parse(host)), { entriesMax: 20_000, charactersMax: 128 })

function hostOf(address: string): Host {
  const text = address.length > URL_CHARACTERS_MAX ? address.slice(0, URL_CHARACTERS_MAX) : address
  const host = plainHost(text)
  return host === undefined ? hostFrom(parse(text)) : knownHost(host)
}

/** Registrable domain (public suffix list, ICANN part) of an address or host name; undefined for addresses and junk. */
export function registrableDomain(address: string): string | undefined {
  return hostOf(address).domain
}

const DIRECT: Referrer = { medium: 'direct' }
const REFERRAL: Referrer = { medium: 'referral' }
const INTERNAL: Referrer = { medium: 'internal' }

/** `undefined` when the text names no host (and so says nothing); `$direct` and the empty text mean direct. */
export function referrerOf(address: string, rules: ReferrerRules): Referrer | undefined {
  const text = address.trim()
  if (text === '' || text === '$direct' || text === 'direct') return DIRECT
  const { hostname, domain, isIcann, known } = hostOf(text)
  if (hostname === null || hostname === '') return undefined
  if (domain === undefined) return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? REFERRAL : undefined
  if (rules.own.has(domain)) return INTERNAL
  if (known !== undefined) return known
  if (rules.approved.has(domain)) return { medium: 'referral', domain }
  return isIcann || text.includes('://') ? REFERRAL : undefined
}
