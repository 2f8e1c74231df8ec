/** `notices` of `bulkhead.yaml`: in whose name people are told, from where, and through which mail server. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { getDomain } from 'tldts'
import { type Static, Type } from 'typebox'
import { MEMBER_LISTS, type NoticesConfig, NOTICES_DEFAULTS } from '#model/notices-config.ts'

const closed = { additionalProperties: false } as const
const Text = (description: string) => Type.String({ minLength: 1, maxLength: 2048, description })
/** One line of what people read. */
const Line = (description: string) => Type.String({ minLength: 1, maxLength: 200, description })

const SmtpSchema = Type.Object(
  {
    host: Text('the host of the mail server'),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'a port from 1 to 65535', default: 587 })),
    tls: Type.Optional(
      Type.Enum(['required', 'opportunistic', 'none'], {
        description: 'required, opportunistic or none (only on this machine); on port 465 TLS begins with the first byte',
        default: 'required',
      }),
    ),
    user: Type.Optional(Text('the name to log in with')),
    passwordFile: Type.Optional(Text('the path of a file with the password')),
    ca: Type.Optional(Text('the path of a PEM file with the certificate authority of the mail server')),
    connections: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 50, description: 'connections at a time, 1 to 50', default: NOTICES_DEFAULTS.connections }),
    ),
    perSecond: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10_000,
        description: 'notices a second, more than 0 and at most 10000',
        default: NOTICES_DEFAULTS.perSecond,
      }),
    ),
  },
  { ...closed, description: 'smtp: {host, port?, tls?, user?, passwordFile?, ca?, connections?, perSecond?}' },
)

export const NoticesSchema = Type.Object(
  {
    company: Line('the name of the company as people know it'),
    officialDomain: Text('the domain that people type by hand, for example example.com'),
    checkUrl: Text('the https:// address of the check page, under the official domain'),
    contact: Type.Object(
      {
        team: Line('who answers questions, for example Privacy team'),
        mail: Type.Optional(Text('a mail address')),
        hours: Type.Optional(Line('when they answer, as text')),
        languages: Type.Optional(Type.Array(Line('a language as text'), { maxItems: 20, description: 'a list of languages' })),
        dpo: Type.Optional(Line('the data protection officer, as text')),
      },
      { ...closed, description: 'contact: {team, mail?, hours?, languages?, dpo?}' },
    ),
    from: Type.Object(
      { name: Line('the name of the sender'), address: Text('the address of the sender, under the official domain') },
      { ...closed, description: 'from: {name, address}' },
    ),
    smtp: Type.Optional(SmtpSchema),
    dkim: Type.Optional(
      Type.Object(
        {
          domain: Text('the domain that signs, the official domain or one below it'),
          selector: Text('the selector under which the public key is published'),
          keyFile: Text('the path of a PEM file with the private key (RSA of at least 1024 bits; 2048 are usual)'),
        },
        { ...closed, description: 'dkim: {domain, selector, keyFile}' },
      ),
    ),
    defaultLanguage: Type.Optional(Text('the language of people whose language is not known, for example en or hi')),
    zone: Type.Optional(Text('an IANA time zone, for example Asia/Kolkata')),
    memberLists: Type.Optional(
      Type.Enum([...MEMBER_LISTS], {
        description: `one of ${MEMBER_LISTS.join(', ')}: how administrators get the list of their members`,
        default: NOTICES_DEFAULTS.memberLists,
      }),
    ),
    checkDns: Type.Optional(
      Type.Boolean({
        description: 'true or false: whether a check may look up earlier DKIM keys of the official domain in DNS',
        default: false,
      }),
    ),
  },
  {
    ...closed,
    description:
      'notices: {company, officialDomain, checkUrl, contact, from, smtp?, dkim?, defaultLanguage?, zone?, memberLists?, checkDns?}',
  },
)

type NoticesFile = Static<typeof NoticesSchema>
type Report = (at: (string | number)[], found: string, expected: string) => void

const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/
const LABELS = /^(?=.{1,200}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/
/** What goes into a header as it stands: a plain local part, so that nothing needs quoting. */
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]{1,253})$/
const THIS_MACHINE = /^(localhost|.+\.localhost|127(\.\d+){3}|\[?::1\]?)$/
/** Would break a line, hide text, or turn its direction round. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** `vendorUrls`: addresses of the vendors' destinations; none of them may carry a notice. */
export function checkNotices(notices: NoticesFile | undefined, vendorUrls: readonly string[], reportAt: Report): void {
  if (notices === undefined) return
  const report = (at: (string | number)[], found: string, expected: string): void => reportAt(['notices', ...at], found, expected)
  const { officialDomain, checkUrl, contact, from, smtp, dkim, defaultLanguage, zone } = notices
  if (!DOMAIN.test(officialDomain) || getDomain(officialDomain) === null)
    report(['officialDomain'], 'no domain in small letters that somebody can own', 'a domain, for example example.com')
  const wrong = whyNotCheckUrl(checkUrl, officialDomain)
  if (wrong !== undefined) report(['checkUrl'], wrong, 'an https:// address without user, query or fragment under the official domain')
  for (const [at, text] of lines(notices)) if (UNPRINTABLE.test(text)) report(at, 'a text with unprintable characters', 'one line of text')
  if (contact.mail !== undefined && !ADDRESS.test(contact.mail)) report(['contact', 'mail'], 'no mail address', 'a mail address')
  const sender = ADDRESS.exec(from.address)?.[1]
  if (sender === undefined) report(['from', 'address'], 'no mail address', 'a mail address under the official domain')
  else if (!isUnder(sender, officialDomain))
    report(['from', 'address'], `an address at ${sender}`, 'an address at the official domain or below it')
  if (dkim !== undefined) {
    if (!DOMAIN.test(dkim.domain) || !isUnder(dkim.domain, officialDomain))
      report(['dkim', 'domain'], 'a domain that is not the official one', 'the official domain or one below it')
    if (!LABELS.test(dkim.selector)) report(['dkim', 'selector'], 'no selector', 'letters, digits, "-" and "."')
  }
  if (defaultLanguage !== undefined && !isLanguage(defaultLanguage))
    report(['defaultLanguage'], 'no language', 'a language tag, for example en or hi')
  if (zone !== undefined && !isZone(zone)) report(['zone'], 'no time zone', 'an IANA time zone, for example Asia/Kolkata')
  if (smtp !== undefined) checkSmtp(smtp, vendorUrls, (at, found, expected) => report(['smtp', ...at], found, expected))
}

function checkSmtp(smtp: NonNullable<NoticesFile['smtp']>, vendorUrls: readonly string[], report: Report): void {
  const { host, tls = 'required', user, passwordFile } = smtp
  const isHere = THIS_MACHINE.test(host)
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(host)) report(['host'], 'no name of a host', 'the host of the mail server')
  // Who was breached must not carry the notice of it, and any vendor may be the next.
  const vendor = isHere ? undefined : vendorUrls.find((url) => isSameOwner(host, URL.parse(url)?.hostname ?? ''))
  if (vendor !== undefined)
    report(['host'], `a host of the vendor that is reached at ${vendor}`, 'a mail server that belongs to none of the vendors')
  if (tls === 'none' && !isHere) report(['tls'], 'none for another machine', 'required or opportunistic')
  if ((user === undefined) !== (passwordFile === undefined))
    report([user === undefined ? 'passwordFile' : 'user'], 'one of user and passwordFile without the other', 'both or neither')
  if (user !== undefined && tls !== 'required' && !isHere)
    report(['tls'], `a password with tls: ${tls}`, 'required: a password is never said in the open')
}

function isSameOwner(host: string, other: string): boolean {
  const [mine, theirs] = [host, other].map((name) => name.toLowerCase().replace(/\.$/, '')) as [string, string]
  if (mine === theirs) return true
  const owner = getDomain(mine, { allowPrivateDomains: true })
  return owner !== null && owner === getDomain(theirs, { allowPrivateDomains: true })
}

function whyNotCheckUrl(text: string, officialDomain: string): string | undefined {
  const url = URL.parse(text)
  if (url === null) return 'no address'
  if (url.username !== '' || url.password !== '') return 'an address with a user in it'
  if (url.search !== '' || url.hash !== '') return 'an address with a query or fragment'
  if (url.protocol !== 'https:') return `an address that begins with ${url.protocol}`
  // People compare it letter by letter.
  if (url.href !== text && `${text}/` !== url.href) return 'an address that browsers write differently'
  return isUnder(url.hostname, officialDomain) ? undefined : `an address at ${url.hostname}`
}

function isUnder(host: string, domain: string): boolean {
  const name = host.toLowerCase()
  return name === domain || name.endsWith(`.${domain}`)
}

function* lines({ company, contact, from }: NoticesFile): Generator<[(string | number)[], string], void> {
  yield [['company'], company]
  for (const key of ['team', 'hours', 'dpo'] as const) if (contact[key] !== undefined) yield [['contact', key], contact[key]]
  for (const [index, language] of (contact.languages ?? []).entries()) yield [['contact', 'languages', index], language]
  yield [['from', 'name'], from.name]
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch (thrown) {
    if (thrown instanceof RangeError) return false
    throw thrown
  }
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '' && !/^[+-]/.test(zone)
  } catch (thrown) {
    if (thrown instanceof RangeError) return false
    throw thrown
  }
}

/** After all checks; relative files start from `folder`. */
export function decodeNotices(notices: NoticesFile | undefined, folder: string): NoticesConfig | undefined {
  if (notices === undefined) return undefined
  const { company, officialDomain, checkUrl, contact, from, smtp, dkim } = notices
  const fileOf = (file: string | undefined): string | undefined => (file === undefined ? undefined : path.resolve(folder, file))
  const { team, mail, hours, languages, dpo } = contact
  return {
    company,
    officialDomain,
    checkUrl,
    contact: { team, mail, hours, languages, dpo },
    from: { name: from.name, address: from.address },
    smtp: smtp && {
      host: smtp.host,
      port: smtp.port ?? 587,
      tls: smtp.tls ?? 'required',
      user: smtp.user,
      passwordFile: fileOf(smtp.passwordFile),
      ca: fileOf(smtp.ca),
      connections: smtp.connections ?? NOTICES_DEFAULTS.connections,
      perSecond: smtp.perSecond ?? NOTICES_DEFAULTS.perSecond,
    },
    dkim: dkim && { domain: dkim.domain, selector: dkim.selector, keyFile: path.resolve(folder, dkim.keyFile) },
    defaultLanguage: notices.defaultLanguage ?? NOTICES_DEFAULTS.defaultLanguage,
    zone: notices.zone ?? NOTICES_DEFAULTS.zone,
    memberLists: notices.memberLists ?? NOTICES_DEFAULTS.memberLists,
    checkDns: notices.checkDns ?? false,
  }
}

/** What is wrong with a file that it names, and under which key; asked at the start, so that it does not come out on the bad day. */
export function findNoticeFault({ smtp, dkim }: NoticesConfig): { at: string[]; found: string; expected: string } | undefined {
  const files: [string[], string | undefined, string][] = [
    [['smtp', 'passwordFile'], smtp?.passwordFile, 'a file with the password'],
    [['smtp', 'ca'], smtp?.ca, 'a PEM file with the certificate authority'],
    [['dkim', 'keyFile'], dkim?.keyFile, 'a PEM file with the private key'],
  ]
  for (const [at, file, expected] of files) {
    const found = file === undefined ? undefined : whyNotRead(file)
    if (found !== undefined) return { at, found, expected }
  }
  if (dkim === undefined) return undefined
  const found = whyNotKey(dkim.keyFile)
  return found === undefined
    ? undefined
    : { at: ['dkim', 'keyFile'], found, expected: 'an RSA key of at least 1024 bits, without a password' }
}

/** With the public half of the key that signs, so that no process but the sender has to read the private one. */
export function withPublicKey(notices: NoticesConfig): NoticesConfig {
  const { dkim } = notices
  if (dkim === undefined) return notices
  const key = createPublicKey(readFileSync(dkim.keyFile)).export({ type: 'spki', format: 'der' })
  return { ...notices, dkim: { ...dkim, publicKey: key.toString('base64') } }
}

function whyNotRead(file: string): string | undefined {
  try {
    return readFileSync(file).length === 0 ? 'an empty file' : undefined
  } catch (thrown) {
    return `a file that cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'unknown error'})`
  }
}

function whyNotKey(file: string): string | undefined {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(readFileSync(file))
    if (asymmetricKeyType !== 'rsa') return `a key of the kind ${asymmetricKeyType}`
    const bits = asymmetricKeyDetails?.modulusLength ?? 0
    return bits >= 1024 ? undefined : `an RSA key of ${bits} bits`
  } catch (thrown) {
    return thrown instanceof Error ? 'no private key that opens without a password' : String(thrown)
  }
}
