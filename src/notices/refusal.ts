/**
 * Of whom a refusal speaks: of the one person whom the mail was for, or of us who send. What decides is where in the talk it came, then
 * the enhanced status code (RFC 3463 and the IANA registry of RFC 5248), then the reply code (RFC 5321, RFC 4954), then words that
 * servers without such codes use. What none of them settles is `unclear`, and judged together with what the server says to others.
 */
export type RefusalAbout =
  /** Whoever the mail is for: not signed in, the sender or this machine is refused. */
  | 'us'
  /** A rule of the server. It may be of the sender (no relaying) or of one mailbox (members alone). */
  | 'rule'
  | 'person'
  /** A mail that is larger than the server takes (RFC 1870): the same for everybody who gets one like it. */
  | 'size'
  | 'unclear'

export type RefusalStage = 'connection' | 'sign-in' | 'sender' | 'recipient' | 'mail'

export interface Refusal {
  about: RefusalAbout
  stage: RefusalStage
  reply: number
  /** For example `5.7.1`. */
  status: string | undefined
  /** What the server said, without any word that could be of a person. */
  words: string
  /** Of one about a size. `limit`: as the server announced it, so that it was not asked. */
  bytes?: { mail: number; limit?: number }
}

const STATUS = /^\d{3}[ -]#?([45]\.\d{1,3}\.\d{1,3})\b/

/** `response`: the server's lines as they came. */
export function readRefusal(stage: RefusalStage, reply: number, response: string): Refusal {
  const status = STATUS.exec(response)?.[1]
  return { about: aboutOf(stage, reply, status, response), stage, reply, status, words: plainWords(response) }
}

/** The server announced that it takes no mail of that size: nobody was named to it. */
export function tooLarge(mail: number, limit: number): Refusal {
  return { about: 'size', stage: 'sender', reply: 552, status: undefined, words: '', bytes: { mail, limit } }
}

/** Also one that is of the person: their own mailbox takes no such mail. */
export function isTooLarge({ about, status = '' }: Refusal): boolean {
  return about === 'size' || /^[45]\.2\.3$/.test(status)
}

/** Equal for refusals that say the same. */
export function signatureOf({ stage, reply, status = '' }: Refusal): string {
  return `${stage} ${reply} ${status}`
}

/** For somebody who has to do something about it. */
export function refusalText({ stage, reply, status, words, bytes }: Refusal): string {
  if (bytes?.limit !== undefined) return `it takes at most ${bytes.limit} bytes`
  const code = status === undefined ? String(reply) : `${reply} ${status}`
  return `${code}${words === '' ? '' : ` “${words}”`} (${STAGES[stage]})`
}

const STAGES: Record<RefusalStage, string> = {
  connection: 'when we connected',
  'sign-in': 'when we signed in',
  sender: 'when we named the sender',
  recipient: 'when we named a recipient',
  mail: 'when we handed a mail over',
}

/** Sign-in wanted or refused (RFC 4954). */
const SIGN_IN_REPLIES: ReadonlySet<number> = new Set([530, 534, 535, 538])
/** Forwarded or full mailboxes, names that cannot be mailboxes, a domain that takes no mail (RFC 5321, RFC 7504). */
const PERSON_REPLIES: ReadonlySet<number> = new Set([551, 552, 556])
/** Details of 5.7 (security or policy) that are of the mailbox: list expansion, an account closed, an owner who changed (RFC 7293). */
const PERSON_RULES: ReadonlySet<number> = new Set([2, 13, 17, 18])
/** Details of 5.7 about credentials and encryption (RFC 3463, RFC 4954), and about who may send in our name (RFC 7372, RFC 7505). */
const SIGN_IN_RULES: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 20, 21, 22, 23, 24, 25, 26, 27, 29])

function aboutOf(stage: RefusalStage, reply: number, status: string | undefined, response: string): RefusalAbout {
  if (isOfSize(stage, reply, status, response)) return 'size'
  if (stage === 'connection' || stage === 'sign-in' || stage === 'sender') return 'us'
  if (SIGN_IN_REPLIES.has(reply)) return 'us'
  const known = status === undefined ? undefined : aboutStatus(status)
  if (known !== undefined) return known
  if (OF_US.test(response)) return 'rule'
  if (PERSON_REPLIES.has(reply) || OF_PERSON.test(response)) return 'person'
  // A command that is not understood is no fault of the one whom it names.
  return reply >= 500 && reply <= 504 ? 'us' : 'unclear'
}

/** 5.2.3 is of a mailbox where one was just named; else servers say it of their own limit. */
function isOfSize(stage: RefusalStage, reply: number, status: string | undefined, response: string): boolean {
  if (stage === 'connection' || stage === 'sign-in') return false
  if (status !== undefined && /^[45]\.3\.4$/.test(status)) return true
  if (stage === 'recipient') return false
  if (status !== undefined && /^[45]\.2\.3$/.test(status)) return true
  if (status !== undefined && !/^[45]\.[036]\.0$/.test(status)) return false
  return (reply === 552 && stage === 'sender') || OF_SIZE.test(response)
}

function aboutStatus(status: string): RefusalAbout | undefined {
  const [, subject, detail] = status.split('.').map(Number) as [number, number, number]
  switch (subject) {
    case 1:
      if (detail === 7 || detail === 8) return 'us'
      return detail === 0 ? undefined : 'person'
    case 2:
      return 'person'
    // Routes to somebody's host; 5.4.1 is also what large servers say of a mailbox that is not there.
    case 4:
      return detail === 0 || detail === 5 ? undefined : 'person'
    case 5:
      return detail === 0 ? undefined : 'us'
    case 6:
      // The mailbox cannot take an address or a header beyond ASCII (RFC 6531); the rest is of the mail, which is the same for all.
      return detail >= 7 && detail <= 9 ? 'person' : undefined
    case 7:
      if (PERSON_RULES.has(detail)) return 'person'
      return SIGN_IN_RULES.has(detail) ? 'us' : 'rule'
    default:
      return undefined
  }
}

const OF_US =
  /\brelay|authenticat|\bsign(ing)? in\b|\blog ?in\b|rcpthosts|\bsender\b|\bspf\b|\bdkim\b|\bdmarc\b|black ?list|block ?list|\bspam|\bquota for sending|sending (limit|quota)|not (allowed|permitted|authorized|authorised) to send/i
const OF_SIZE =
  /\b(message|mail)( (file|size|body))?( is)? (too (big|large|long)|exceed)|\b(message|mail) size limit|(fixed|maximum)( message)? size/i
const OF_PERSON =
  /user (is )?unknown|unknown (user|recipient|mailbox|address)|no such (user|recipient|mailbox|address|person)|(user|recipient|mailbox|account|address)( \S+)? (does not|doesn.t) exist|(mailbox|account|user) (is )?(full|disabled|inactive|not found|over quota)|invalid (recipient|mailbox)/i

/** Words of mail servers about what they refuse. Every other one is left out: it may be an address, or part of one. */
const WORDS: ReadonlySet<string> = new Set(
  `access accept accepted accepts account action address allowed attachment authenticate authenticated authentication
   authorization authorized because big blacklisted block blocked blocklist blocklisted by cannot client command connect
   connection content credentials daily data delivery denied disabled dkim dmarc does domain domains encryption error exceeded
   exceeds exist expired failed first fixed for found from full hello helo host hosting in invalid ip is large limit local login
   mail mailbox many maximum message messages must need not of only or out outgoing over owned password permitted policy port
   prohibited quota rate recipient recipients refused rejected relay relayed relaying reputation require required requires rule
   sasl security send sender sending server service size smtp spam spf starttls submission syntax system temporarily this tls to
   too transaction unable unauthenticated unauthorized unavailable unknown unverified use user verified was with without you
   your`.split(/\s+/),
)
const WORDS_MAX = 24

function plainWords(response: string): string {
  const spoken = response
    .split(/\r?\n/)
    .map((line) => line.replace(/^\d{3}[ -]?(#?[45]\.\d{1,3}\.\d{1,3})?/, ''))
    .join(' ')
  const words = spoken
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const bare = word.replace(/^["'(<]+|["')>.,;:!]+$/g, '')
      return WORDS.has(bare.toLowerCase()) ? bare : '…'
    })
  const told = words.filter((word, index) => word !== '…' || words[index - 1] !== '…').slice(0, WORDS_MAX)
  return told.every((word) => word === '…') ? '' : told.join(' ')
}
