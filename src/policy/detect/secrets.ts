/**
 * Recognised secrets in text as it stands: keys and tokens of known vendors, tokens in addresses, passwords in connection
 * strings and beside their name, private keys, and random-looking text where its name says what it is for.
 */
import type { PersonalKind } from '#model/personal-kind.ts'
import { isRandomLooking } from './entropy.ts'
import { type Add, matchesIn } from './finding.ts'
import { markOf } from './marks.ts'
import type { Features } from './prescan.ts'
import { mayBegin, rulesAt } from './secret-rules.ts'

/** Shortest run of letters, digits and joints that any mark with its rest makes. */
const RUN_MIN = 14

/** Patterns that are sought all over: what marks them stands in the middle, or begins with no letter. */
interface Sought {
  rule: string
  kind: PersonalKind
  confidence: number
  /** Without it in the text the pattern is not tried. */
  mark: RegExp
  pattern: RegExp
  isValid?: (value: string) => boolean
}

const NOT_DESTROYED = '(?!\\[destroyed:)'
/** Parameters that carry nothing but a credential, and those that often carry something else. */
const TOKEN_PARAMETERS =
  '(?:(?:reset|access|id|refresh|auth|csrf|xsrf|session|invite|invitation|magic|verify|verification|confirm|confirmation|confirmation|login|password|signup|activation|unsubscribe|bearer|api|user|security|action|one[_-]?time|email)[_-]?)?tokens?' +
  '|jwt|api[_-]?key|apikey|(?:client[_-]?|app[_-]?)?secret|pass(?:word|wd|code)?|pwd|otp|magic(?:[_-]?link)?|oobCode|reset[_-]?(?:key|code|password[_-]?token)|' +
  '(?:verification|confirmation|activation|login|auth)[_-]?(?:code|key)|session(?:[_-]?id)?|sid|phpsessid|jsessionid|x-amz-(?:signature|credential|security-token)|x-goog-signature|' +
  'sig(?:nature)?|hmac|auth(?:orization)?|code|ticket|nonce|saml(?:request|response)|assertion|ott|hash_token|key_token|invite(?:[_-]?code)?|sso'
const URL_PARAMETER = new RegExp(`(?<=(?<![A-Za-z0-9_-])(?:${TOKEN_PARAMETERS})=)${NOT_DESTROYED}[^&#\\s"'<>;,)\\]}]{1,2048}`, 'gi')
const TOKEN_PATHS =
  'reset|password[_-]?resets?|reset[_-]?password|forgot(?:[_-]?password)?|passwords?|recover(?:y)?|magic(?:[_-]?links?)?|verify(?:[_-]?email)?|verification|confirm(?:ation|[_-]?email)?|activate|activation|' +
  'invites?|invitations?|accept(?:[_-]?invite)?|unsubscribe|optout|login|signin|sign-in|auth|authenticate|token|tokens|t|l|sso|session|sessions|otp|set-password|new-password|account-recovery|join|share'
const URL_PATH = new RegExp(
  `(?<=/(?:${TOKEN_PATHS})/(?:[A-Za-z0-9_=]{1,12}/)?)(?=[A-Za-z0-9._~-]*\\d)[A-Za-z0-9_~-][A-Za-z0-9._~-]{9,512}(?![A-Za-z0-9._~-])`,
  'gi',
)

function isPathToken(value: string): boolean {
  if (
    /\.(?:html?|php|aspx?|jsp|json|xml|png|jpe?g|svg|css|js)$/i.test(value) ||
    /^\d{1,19}$/.test(value) ||
    /^\d{4}-\d\d(?:-\d\d)?$/.test(value)
  )
    return false
  // Words with a number among them (`step-2-of-account-setup`) are a page.
  const words = value.split(/[-_.~]/)
  return !(words.length > 1 && words.every((word) => /^(?:[a-z]+|\d{1,4}|[a-z]+\d{1,2})$/i.test(word) && !/^[0-9a-f]{8,}$/i.test(word)))
}

const SOUGHT: readonly Sought[] = [
  {
    rule: 'bearer_token',
    kind: 'secret',
    confidence: 0.9,
    mark: /bearer|token/i,
    pattern: /(?<=(?<![A-Za-z0-9])(?:bearer|authorization:[ \t]{0,3}token)[ \t]{1,3})[A-Za-z0-9._~+/=-]{12,4096}/gi,
    isValid: (value) => /\d/.test(value) || value.length > 24,
  },
  {
    rule: 'basic_credentials',
    kind: 'secret',
    confidence: 0.9,
    mark: /basic/i,
    pattern: /(?<=(?<![A-Za-z0-9])basic[ \t]{1,3})[A-Za-z0-9+/]{8,512}={0,2}(?![A-Za-z0-9+/=])/gi,
    isValid: (value) => /^[\x20-\x7e]*:[\x20-\x7e]+$/.test(Buffer.from(value, 'base64').toString('latin1')),
  },
  {
    rule: 'url_password',
    kind: 'secret',
    // Above an address, which the password and the host look like together.
    confidence: 0.99,
    mark: /:\/\//,
    pattern: /(?<=:\/\/)[^\s/:@"'<>?#]{0,128}:[^\s/@"'<>]{1,256}(?=@)/g,
    isValid: (value) => !/:(?:\*+|x+|\$\{.*\}|<.*>|%s|password)$/i.test(value),
  },
  {
    rule: 'url_parameter',
    kind: 'url_token',
    confidence: 0.85,
    mark: /=/,
    pattern: URL_PARAMETER,
    isValid: (value) => !/^(?:true|false|null|undefined|\$\{.*|\{.*|<.*|\*+)$/i.test(value),
  },
  { rule: 'url_path', kind: 'url_token', confidence: 0.8, mark: /\/[^/]{2,40}\//, pattern: URL_PATH, isValid: isPathToken },
  {
    rule: 'slack.webhook',
    kind: 'secret',
    confidence: 0.97,
    mark: /hooks\.slack\.com/,
    pattern: /(?<=hooks\.slack\.com\/)(?:services|workflows|triggers)\/[A-Za-z0-9+/]{20,120}/g,
  },
  {
    rule: 'discord.webhook',
    kind: 'secret',
    confidence: 0.97,
    mark: /\/webhooks\//,
    pattern: /(?<=\/api\/(?:v\d{1,2}\/)?webhooks\/)\d{17,20}\/[A-Za-z0-9_-]{60,80}/g,
  },
  {
    rule: 'microsoft.webhook',
    kind: 'secret',
    confidence: 0.95,
    mark: /webhook\.office\.com/,
    pattern: /(?<=webhook\.office\.com\/webhookb2\/)[A-Za-z0-9@/-]{60,300}/g,
  },
  {
    rule: 'telegram.bot_token',
    kind: 'secret',
    confidence: 0.95,
    mark: /:A[A-Za-z0-9_-]{33}/,
    pattern: /(?<![A-Za-z0-9])(?:bot)?\d{8,10}:A[A-Za-z0-9_-]{33,35}(?![A-Za-z0-9_-])/g,
  },
  {
    rule: 'azure.storage_key',
    kind: 'secret',
    confidence: 0.97,
    mark: /(?:Account|SharedAccess)Key=/i,
    pattern: /(?<=(?:Account|SharedAccess)Key=)[A-Za-z0-9+/]{32,100}={0,2}/gi,
  },
  {
    rule: 'azure.client_secret',
    kind: 'secret',
    confidence: 0.9,
    mark: /\dQ~/,
    pattern: /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])/g,
  },
  {
    rule: 'terraform.token',
    kind: 'secret',
    confidence: 0.97,
    mark: /\.atlasv1\./,
    pattern: /(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}/g,
  },
  {
    rule: 'mailchimp.api_key',
    kind: 'secret',
    confidence: 0.95,
    mark: /-us\d/,
    pattern: /(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])/g,
  },
  {
    rule: 'connection_password',
    kind: 'secret',
    confidence: 0.92,
    mark: /(?:password|pwd)\s?=/i,
    pattern: /(?<=(?:;|^|\s)(?:password|pwd)\s?=\s?)(?!\[destroyed:)[^;\s"'&]{3,128}/gi,
  },
  {
    rule: 'named_secret',
    kind: 'secret',
    confidence: 0.8,
    mark: /pass|pwd|secret|token|key|credential|auth|\bpin\b|otp|cvv/i,
    pattern: namedSecret(),
    // A word alone may be the sentence going on (`password: enter yours`).
    isValid: (value) => !/^(?:\p{L}+|\*+|\.+)[.,!?:)]?$/u.test(value),
  },
]

/** Those that a single word can be: nothing is needed to tell it from what stands around. */
const WORD_MIN = 36
const SOUGHT_IN_WORDS = SOUGHT.filter(({ rule }) => ['azure.client_secret', 'terraform.token', 'mailchimp.api_key'].includes(rule))
/** One look that spares most texts the others. */
const ANY_MARK = new RegExp(SOUGHT.map(({ mark }) => mark.source).join('|'), 'i')
const WORD_MARK = new RegExp(SOUGHT_IN_WORDS.map(({ mark }) => mark.source).join('|'))

/** A password or key that stands beside its name: `password: hunter2`, `"api_key": "…"`, `AWS_SECRET_ACCESS_KEY=…`. */
function namedSecret(): RegExp {
  const passwords = '(?:pass(?:word|wd|phrase|code)|pwd|cvv2?|cvc)'
  const keys =
    '[A-Za-z0-9_.-]{0,40}(?:secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?(?:key|token)|access[_-]?token|refresh[_-]?token|client[_-]?secret|credentials?|signing[_-]?key|encryption[_-]?key|token)(?:[_-]?(?:id|key|value))?'
  const sign = '["\'`]?\\s{0,3}(?:=>|:=|[:=])\\s{0,3}["\'`]?'
  const password = `(?<=(?<![A-Za-z])${passwords}${sign})${NOT_DESTROYED}[^\\s"'\`,;<>&]{4,128}`
  const characters = '[A-Za-z0-9_.+/=~-]'
  const key = `(?<=(?<![A-Za-z0-9_.-])${keys}${sign})${NOT_DESTROYED}(?=${characters}{0,128}\\d)${characters}{12,512}`
  return new RegExp(`${password}|${key}`, 'gi')
}

function findPrivateKeys(text: string, add: Add): void {
  const begin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const tail = text.indexOf('-----END ', begin.lastIndex)
    const close = tail < 0 ? -1 : text.indexOf('-----', tail + 9)
    const end = close < 0 ? text.length : close + 5
    add({ kind: 'secret', rule: 'private_key', start: match.index, end, confidence: 0.99 })
    begin.lastIndex = end
  }
}

/** Where a word begins, the rules of the mark that stands there are tried. */
function findMarked(text: string, add: Add): void {
  const end = text.length - RUN_MIN
  let code = text.charCodeAt(0)
  let isInside = false
  for (let at = 0; at <= end; at++) {
    const next = text.charCodeAt(at + 1)
    const begins = !isInside && mayBegin(code, next)
    isInside = isAlphanumeric(code)
    code = next
    if (!begins) continue
    for (const { rule, pattern } of rulesAt(text, at)) {
      pattern.lastIndex = at
      const match = pattern.exec(text)
      if (match === null) continue
      add({ kind: 'secret', rule, start: at, end: at + match[0].length, confidence: 0.97 })
      at += match[0].length - 1
      isInside = isAlphanumeric(text.charCodeAt(at))
      code = text.charCodeAt(at + 1)
      break
    }
  }
}

function isAlphanumeric(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57)
}

/** Words before a token in a header. */
const SCHEMES = markOf('bearer|basic|authorization')
const SCHEME_TOKEN_MIN = 8
/** The shortest name of a secret, `pwd` say. */
const NAME_MIN = 3

/** Signs of an address, of a value beside its name, or of a header: without one only a word alone can be a secret. */
function mayBeSought({ equals, colons, slashes, spaces, longestRun, marks, upper, lower }: Features): boolean {
  if (equals > 0 || (colons > 0 && upper + lower >= NAME_MIN)) return true
  return slashes >= 2 || (spaces > 0 && longestRun >= SCHEME_TOKEN_MIN && (marks & SCHEMES) !== 0)
}

/** In an address or beside a name a key may be of small letters alone. */
function mayBeMarked({ hasRun, longestRun, equals, colons, slashes }: Features): boolean {
  return hasRun || (longestRun >= RUN_MIN - 1 && equals + colons + slashes > 0)
}

/** Whether any pattern of this file may match. */
export function mayHoldSecrets(features: Features): boolean {
  return mayBeMarked(features) || features.dashes >= 10 || mayBeSought(features)
}

/** What is destroyed at the door: certain enough to lose. */
export function findSecrets(text: string, features: Features, add: Add): void {
  if (features.dashes >= 10 && text.includes('-----BEGIN')) findPrivateKeys(text, add)
  if (mayBeMarked(features)) findMarked(text, add)
  const isSought = mayBeSought(features)
  if (!isSought && features.longestRun < WORD_MIN) return
  const sought = isSought ? SOUGHT : SOUGHT_IN_WORDS
  if (!(isSought ? ANY_MARK : WORD_MARK).test(text)) return
  for (const { rule, kind, confidence, mark, pattern, isValid } of sought) {
    if (!mark.test(text)) continue
    for (const { 0: value, index } of matchesIn(text, pattern)) {
      if (isValid?.(value) !== false) add({ kind, rule, start: index, end: index + value.length, confidence })
    }
  }
}

const RANDOM_RUN = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,256}={0,2}/g

/** Random-looking text that says nothing of what it is for: told and held back, not destroyed. */
export function findRandom(text: string, add: Add): void {
  for (const { 0: run, index } of matchesIn(text, RANDOM_RUN)) {
    // Pictures in an address, and digests with their name.
    if (/base64,$|sha\d{1,3}[-:]$/i.test(text.slice(Math.max(0, index - 8), index)) || /^sha\d{1,3}-/.test(run)) continue
    const confidence = isRandomLooking(run)
    if (confidence > 0) add({ kind: 'secret', rule: 'high_entropy', start: index, end: index + run.length, confidence })
  }
}
