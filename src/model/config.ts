/** The decoded configuration (`bulkhead.yaml` plus command line and environment). Secrets are wrapped on decode. */
import type { Secret } from '#base/secret.ts'
import type { Field, Form, Trust } from '#model/field.ts'
import type { ConsentBasis, SignalUse } from '#model/policy.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import type { NetworkBits, SourceLimits } from '#model/source-limits.ts'

export interface Config {
  sources: SourceConfig[]
  vendors: VendorConfig[]
  gateway: GatewayConfig
  /** What nobody else is told: approvals for the own store alone. */
  store: StoreConfig
  disk: DiskConfig
  consent?: ConsentConfig
  ledger?: LedgerConfig | undefined
  clocks?: ClocksConfig | undefined
  approvals?: ApprovalsConfig
  /** Undefined: nobody can be told through this program. */
  notices?: NoticesConfig | undefined
  /** Undefined: the root key is wrapped by a file in the key folder. */
  keys?: KeysConfig | undefined
}

/** What legal clocks need to know of the company; what is absent nobody has said. */
export interface ClocksConfig {
  /** Folder with files of rules of its own. */
  rules?: string
  establishedIn?: string[]
  sectors?: string[]
  roles?: string[]
  /** IANA zone in which days begin of which no time is known. */
  placeOfAwareness?: string
  /** So long a signal may wait for its triage before doctor names it. */
  signalHours?: number
}

export const SIGNAL_HOURS_DEFAULT = 4

/** What one person alone may not do. */
export interface ApprovalsConfig {
  /** So long a single operator waits, and a new credential, before it counts as a second person's. */
  singleOperatorDelayHours: number
  /** An identity field is granted in the clear for so many days at most. */
  clearDaysMax: number
}

export const APPROVALS_DEFAULTS: ApprovalsConfig = { singleOperatorDelayHours: 24, clearDaysMax: 400 }

/** The key service that wraps the root key. */
export interface KeysConfig {
  transit: {
    url: string
    key: string
    mount: string
    namespace: string | undefined
    token: Secret | undefined
    tokenFile: string | undefined
    ca: string | undefined
  }
}

/** Places outside that hold the ledger's checkpoints: who changes the ledger afterwards has to change them all. */
export interface LedgerConfig {
  checkpoints: CheckpointPlaceConfig[]
}

export type CheckpointPlaceConfig = GitPlaceConfig | MailPlaceConfig | WitnessPlaceConfig | FolderPlaceConfig

export interface GitPlaceConfig {
  id: string
  kind: 'git'
  remote: string
  branch: string
  /** File in the repository. */
  file: string
}

export interface MailPlaceConfig {
  id: string
  kind: 'mail'
  host: string
  port: number
  /** `tls` from the first byte, `starttls` before anything is said, `none` only on this machine. */
  security: 'tls' | 'starttls' | 'none'
  user: string | undefined
  password: Secret | undefined
  from: string
  to: string
  /** Path of a PEM file with the certificate authority of the server. */
  ca: string | undefined
}

/** An HTTP witness that co-signs (c2sp.org/tlog-witness). */
export interface WitnessPlaceConfig {
  id: string
  kind: 'witness'
  /** Submission prefix. */
  url: string
  /** Its public key, `name+hash+base64`. */
  key: string
  ca: string | undefined
}

export interface FolderPlaceConfig {
  id: string
  kind: 'folder'
  path: string
}

/** What holds for all destinations. */
export interface ConsentConfig {
  /** In place of what the program's list says of a country. */
  countries?: Record<string, 'opt-in' | 'opt-out'>
  /** Where nothing says from which country somebody comes. */
  unknownCountry?: 'opt-in' | 'opt-out'
  /** Category of a consent object to purpose of the policy. */
  categories?: Record<string, string>
}

/** Without a purpose: for all purposes of the destination that have no rule of their own. */
export interface ConsentRuleConfig {
  purpose?: string
  basis?: ConsentBasis
  gpc?: SignalUse
  dnt?: SignalUse
  reason?: string
}

export interface SourceConfig {
  id: string
  protocol: string
  /** Public token that routes records here; undefined accepts any token (only when no file was given). */
  token: string | undefined
  trust: Exclude<Trust, 'directory'>
  namespace: string
  /** App or page group; stands in every disclosure row. */
  surface: string
  /** Property keys that name groups (organisations) in this source's events. */
  groupKeys: string[]
  /** Undefined: the defaults of its trust. */
  limits?: SourceLimits
  /** `collected`: what it sends, people have agreed to. */
  consent?: 'unstated' | 'collected'
  /** Property that holds a consent object of the application's own. */
  consentKey?: string
}

/** What a vendor does for the company, as notices call it. */
export const VENDOR_KINDS = [
  'analytics provider',
  'messaging provider',
  'advertising provider',
  'payment provider',
  'support provider',
  'service provider',
] as const
export type VendorKind = (typeof VENDOR_KINDS)[number]

export interface VendorConfig {
  id: string
  name: string
  kind: VendorKind
  destinations: DestinationConfig[]
}

export interface DestinationConfig {
  id: string
  vendor: string
  protocol: string
  url: string
  token: string
  credentials: Credentials
  deletionToken: Secret | undefined
  /** How long the vendor may take to delete; undefined: as it promises itself. */
  deletionDays?: number
  /** undefined = the preset `analytics`; [] = nothing leaves. */
  grants: GrantConfig[] | undefined
  events: { approved: string[] }
  properties: { approved: string[] }
  consent?: ConsentRuleConfig[]
}

export type Credentials = { kind: 'secret'; secret: Secret } | { kind: 'serviceAccount'; user: string; secret: Secret; projectId: string }

export interface GrantConfig {
  field: Field | 'property.*'
  form: Form
  purpose: string
  /** UTC ms; undefined = until changed. */
  until: number | undefined
  reason: string
}

export const PLACE_DETAILS = ['country', 'region', 'city'] as const
export type PlaceDetail = (typeof PLACE_DETAILS)[number]

export interface GatewayConfig {
  tls: { cert: string; key: string } | undefined
  /** CIDR list of proxies whose X-Forwarded-For counts. */
  trustProxy: string[]
  /** What counts as one network. */
  networks?: NetworkBits
  /** Open connections from one network. */
  connectionsPerNetwork?: number
  /** How exactly the coarse place of an address is kept; absent: the country. */
  places?: PlaceDetail
}

export interface StoreConfig {
  events: { approved: string[] }
  properties: { approved: string[] }
  paths: { approved: string[] }
  referrers: { approved: string[] }
  consent?: ConsentRuleConfig
}

/** How much of the disk may be used, and for what. */
export interface DiskConfig {
  /** Below the greater of the two the gateway answers 503. */
  freeBytesMin: number
  freeShareMin: number
  /** Set aside by each of the processes that must write even then. */
  reserveBytes: number
  /** A log folder of this size is followed by a new one; folders are deleted whole. */
  folderBytesMax: number
  /** At this size of the log the gateway answers 503: what is behind it does not keep up. */
  logBytesMax: number
  /** A destination that is behind keeps no more than this of the log, and nothing older; the rest is sent from the warehouse. */
  holdBytesMax: number
  holdHoursMax: number
}

export const DISK_DEFAULTS: DiskConfig = {
  freeBytesMin: 2 * 1000 ** 3,
  freeShareMin: 0.05,
  reserveBytes: 8 * 1024 ** 2,
  folderBytesMax: 1024 ** 3,
  logBytesMax: 64 * 1024 ** 3,
  holdBytesMax: 8 * 1024 ** 3,
  holdHoursMax: 72,
}
