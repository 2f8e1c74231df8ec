/**
 * Operating system and browser reduced to closed vocabularies. Nothing that stands in a User-Agent or in an SDK's value
 * ever leaves as text: it is only looked up, and what is not in the list is `Other`. (Bowser itself names an unknown
 * browser by the text of the header, so its answer is looked up, too.)
 */
import Bowser from 'bowser'
import { remember } from '#base/remember.ts'

export interface Client {
  os?: string
  browser?: string
  browserVersion?: number
}

const OTHER = 'Other'
const BOT = 'Bot'
const USER_AGENT_CHARACTERS_MAX = 512
const SPELLINGS = { entriesMax: 2000, charactersMax: 64 }

const OS_NAMES: Readonly<Record<string, readonly string[]>> = {
  Windows: ['windows', 'win32', 'win64', 'windowsnt', 'win'],
  macOS: ['macos', 'macosx', 'osx', 'darwin', 'mac', 'macintosh'],
  iOS: ['ios', 'ipados', 'iphone', 'ipad', 'ipod', 'iphoneos'],
  Android: ['android', 'fireos'],
  Linux: ['linux', 'ubuntu', 'debian', 'fedora', 'freebsd', 'openbsd'],
  'Chrome OS': ['chromeos', 'cros'],
  HarmonyOS: ['harmonyos', 'openharmony'],
  Tizen: ['tizen'],
  webOS: ['webos'],
  Roku: ['roku'],
  PlayStation: ['playstation', 'playstation4', 'playstation5'],
  Xbox: ['xbox'],
  'Windows Phone': ['windowsphone', 'windowsmobile'],
  BlackBerry: ['blackberry'],
}

const BROWSER_NAMES: Readonly<Record<string, readonly string[]>> = {
  Chrome: ['chrome', 'chromeios', 'mobilechrome', 'chromemobile', 'chromium', 'headlesschrome', 'googlesearch'],
  Safari: ['safari', 'mobilesafari', 'safarimobile'],
  Firefox: ['firefox', 'firefoxios', 'firefoxmobile', 'mobilefirefox', 'focus', 'mozilla', 'librewolf'],
  Edge: ['edge', 'microsoftedge', 'edgeios', 'edgemobile', 'edgechromium'],
  Opera: ['opera', 'operamini', 'operamobile', 'operatouch', 'operagx', 'operacoast'],
  'Samsung Internet': ['samsunginternet', 'samsunginternetforandroid', 'samsungbrowser'],
  'Internet Explorer': ['internetexplorer', 'internetexplorermobile', 'ie', 'msie'],
  Brave: ['brave'],
  Vivaldi: ['vivaldi'],
  DuckDuckGo: ['duckduckgo'],
  'UC Browser': ['ucbrowser'],
  'QQ Browser': ['qqbrowser', 'qqbrowserlite'],
  'Yandex Browser': ['yandexbrowser', 'yandex'],
  Whale: ['naverwhalebrowser', 'whalebrowser', 'whale'],
  WeChat: ['wechat'],
  Facebook: ['facebook', 'facebookmobile', 'facebookinappbrowser'],
  Instagram: ['instagram'],
  'Android Browser': ['androidbrowser', 'androidmobile', 'android'],
  'Amazon Silk': ['amazonsilk', 'silk'],
  BlackBerry: ['blackberry'],
  'Vivo Browser': ['vivobrowser'],
  'Pale Moon': ['palemoon'],
  SeaMonkey: ['seamonkey'],
  Electron: ['electron'],
}

/** Names that Bowser gives to programs that are not people. */
const BOT_NAME =
  /bot$|spider$|crawler$|slurp$|^phantomjs$|^facebookexternalhit$|^chatgptuser$|^perplexityuser$|^metaexternal|^metawebindexer$/

function invert(names: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(names).flatMap(([family, spellings]) => spellings.map((spelling) => [spelling, family] as const)))
}

const OS_OF = invert(OS_NAMES)
const BROWSER_OF = invert(BROWSER_NAMES)

export const OS_FAMILIES: ReadonlySet<string> = new Set([...Object.keys(OS_NAMES), OTHER])
export const BROWSER_FAMILIES: ReadonlySet<string> = new Set([...Object.keys(BROWSER_NAMES), BOT, OTHER])

function spellingOf(value: string): string {
  return value
    .slice(0, 64)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
}

/** Family of an operating system that an SDK names. Versions after the name are let go. */
export const osFamily = remember((value) => {
  const spelling = spellingOf(value)
  return OS_OF.get(spelling) ?? OS_OF.get(spelling.replace(/\d+$/, '')) ?? OTHER
}, SPELLINGS)

export const browserFamily = remember((value) => {
  const spelling = spellingOf(value)
  return BROWSER_OF.get(spelling) ?? (BOT_NAME.test(spelling) ? BOT : OTHER)
}, SPELLINGS)

/** First number of a version, 0 to 999; undefined when there is none. */
export function majorVersion(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value <= 999 ? value : undefined
  const text = typeof value === 'number' ? String(Math.trunc(value)) : typeof value === 'string' ? value.slice(0, 32) : ''
  const major = /^\s*(\d{1,3})(?!\d)/.exec(text)
  return major === null ? undefined : Number(major[1])
}

/** What a User-Agent header says, RFC 9110 section 10.1.5. Empty for none. */
export function clientOf(userAgent: string | undefined): Client {
  return userAgent === undefined || userAgent === '' ? {} : parseUserAgent(userAgent)
}

/** Systems by a mark in the header, for programs that the parser does not know: their own names stand before it. */
const OS_MARKS: readonly (readonly [family: string, mark: RegExp])[] = [
  ['Windows Phone', /windows phone/i],
  ['Android', /android|okhttp\/|dalvik\//i],
  ['iOS', /iphone|ipad|ipod|(?<![a-z])ios[ /;_]|cfnetwork\/.*darwin\/(?!.*(?:x86_64|mac))/i],
  ['Windows', /windows nt|windows 9|win32|win64|(?<![a-z])windows/i],
  ['macOS', /mac os x|macintosh|macos|darwin\//i],
  ['Chrome OS', /(?<![a-z])cros /i],
  ['Linux', /linux|x11/i],
]
const EVERY_MARK = OS_MARKS.map(([family]) => family)
/** What the parser took for the system, and the marks that say it better. */
const MARKED_OVER: Readonly<Record<string, readonly string[]>> = { [OTHER]: EVERY_MARK, Linux: ['Android'], macOS: ['iOS'] }
/** Programs that name themselves, or give an address at which somebody explains them. */
const PROGRAM =
  /(?<![a-z])(?!cubot)(?:[a-z]{0,32}(?:bot|crawler|spider|crawl)|slurp|headless\w{0,32}|lighthouse|pingdom\w{0,32}|curl|wget|python-\w{1,32}|go-http-client|java(?=\/)|axios|node-fetch|scrapy|monitor\w{0,32})(?![a-z])|\+?https?:\/\/|@[\w-]{1,64}\.[a-z]{2,}/i
/** In-app browsers put their name behind the one of the engine. */
const APPS: readonly (readonly [family: string, mark: RegExp])[] = [
  ['Instagram', /instagram/i],
  ['Facebook', /\bFB(?:AN|AV|_IAB)\b/],
  ['WeChat', /micromessenger/i],
]

const parseUserAgent = remember(
  (userAgent): Client => {
    const parsed = Bowser.parse(userAgent.slice(0, USER_AGENT_CHARACTERS_MAX))
    const os = osFamily(parsed.os.name ?? '')
    const client: Client = {
      os: OS_MARKS.find(([family, mark]) => MARKED_OVER[os]?.includes(family) === true && mark.test(userAgent))?.[0] ?? os,
    }
    if (PROGRAM.test(userAgent)) return { ...client, browser: BOT }
    client.browser = APPS.find(([, mark]) => mark.test(userAgent))?.[0] ?? browserFamily(parsed.browser.name ?? '')
    const version = majorVersion(parsed.browser.version)
    if (version !== undefined && client.browser !== OTHER && client.browser !== BOT) client.browserVersion = version
    return client
  },
  { entriesMax: 2000, charactersMax: USER_AGENT_CHARACTERS_MAX },
)
