/** `notices` of the configuration: in whose name people are told, from where, and through which mail server. */

export const MEMBER_LISTS = ['in-notice', 'on-request'] as const
export type MemberLists = (typeof MEMBER_LISTS)[number]

export interface NoticesConfig {
  /** The company as people know it. */
  company: string
  /** The domain that people type by hand; sender, check page and signature lie under it. ASCII, lower case. */
  officialDomain: string
  /** Address of the check page, under the official domain. */
  checkUrl: string
  contact: NoticeContact
  from: NoticeSender
  /** Undefined: notices wait in the sealed outbox. */
  smtp: NoticeSmtp | undefined
  /** Undefined: no signature of ours; a mail server on the way may add one. */
  dkim: NoticeDkim | undefined
  /** Of people of whom the directory says no language, or one without texts. */
  defaultLanguage: string
  /** IANA time zone in which dates are printed. */
  zone: string
  /** Whether administrators get the list of their members in the notice, or when they ask for it. */
  memberLists?: MemberLists
  /** Whether a check may ask name servers for keys of our own domain that are not in this configuration. */
  checkDns?: boolean
}

export interface NoticeContact {
  team: string
  mail: string | undefined
  hours: string | undefined
  languages: readonly string[] | undefined
  /** Data protection officer, or who stands for them. */
  dpo: string | undefined
}

export interface NoticeSender {
  name: string
  address: string
}

export interface NoticeSmtp {
  host: string
  port: number
  /** `required`: nothing is said without it; `opportunistic`: where the server offers it; `none`: only on this machine. */
  tls: 'required' | 'opportunistic' | 'none'
  user: string | undefined
  /** Read when a sending begins; the password stands nowhere else. */
  passwordFile: string | undefined
  /** Path of a PEM file with the certificate authority of the server. */
  ca: string | undefined
  /** At most so many at a time. */
  connections: number
  /** At most so many notices a second, over all connections. */
  perSecond: number
}

export interface NoticeDkim {
  domain: string
  selector: string
  /** PEM file with the private key; read when a sending begins. */
  keyFile: string
  /** Its public half (SPKI in base64), read with the file at the start: who checks a notice needs no more. */
  publicKey?: string
}

export const NOTICES_DEFAULTS = { connections: 4, perSecond: 20, defaultLanguage: 'en', zone: 'UTC', memberLists: 'in-notice' } as const
