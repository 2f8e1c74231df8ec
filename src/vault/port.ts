/**
 * What the vault does for each role. One process answers (docs/ARCHITECTURE.md, "Processes"); each role has its own
 * token and may make only its own calls, anything else is `vault_refused`. A call either happens whole and durable
 * before it returns, or throws and has changed nothing that anyone can see. Callers retry on `vault_unavailable`.
 * Ordinals travel as numbers below 2^53.
 */
import type { Trust } from '#model/field.ts'
import type { Ordinal, PlainValue } from '#model/log-entry.ts'
import type { SubjectKind } from '#model/disclosure.ts'
import type { IncidentRow, IncidentRowHead } from '#model/incident-row.ts'
import type { Policy } from '#model/policy.ts'
import type { PolicySeal, PolicyStatement } from '#model/policy-statement.ts'
import type { Epoch } from './epochs.ts'
import type { CensusVault } from './survey.ts'
import type { Uuids } from './uuids.ts'

// ------------------------------------------------------------------------------------------- gateway: index, seal

/** Positive: an ordinal the caller knows. Negative: -(index + 1) into `identifiers` of this call. */
export type Ref = number

/** Where the next `count` identifiers of a call come from. */
export interface NewcomerRun {
  source: string
  /** Null: the sender has no share of its own in what the source may bring. */
  network: string | null
  count: number
}

export interface WindowRequest {
  /** [namespace, kind, value, role]. Insert-or-get; a UNIQUE index decides every race. Duplicates allowed. */
  identifiers: [namespace: string, kind: string, value: string, role: 'user' | 'device' | 'group'][]
  /** Origins of all of them, in order. Absent for what the company itself states: then no cap on new ones holds. */
  newcomers?: NewcomerRun[]
  facts: { of: Ref; field: string; value: string; once: boolean; trust: Trust; at: number }[]
  edges: { kind: 'device' | 'merge'; from: Ref; to: Ref; trust: Trust; at: number }[]
  memberships: { person: Ref; group: Ref; trust: Trust; at: number }[]
}

export interface WindowReply {
  /** In the order of `identifiers`. 0: new, over the cap of its source or network, and not taken; nor is what names it. */
  ordinals: Ordinal[]
}

/** What the gateway does with keys itself. Good for one arrival day. */
export interface Door {
  readonly day: number
  /** Seals unapproved text so that the vault alone can open it, and only until the day's key is destroyed. */
  seal(text: string): Buffer
  /** 16 bytes for each text (source, event name and insert id, joined unambiguously by the caller); the same in every run. */
  dedup(texts: readonly string[]): Buffer
}

/** Raw bytes: the day's public key (X25519) and the secret of the repeat hashes (AES-256). */
export interface DoorKeys {
  day: number
  waiting: Buffer
  dedup: Buffer
}

export interface GatewayVault {
  commitWindow(window: WindowRequest): Promise<WindowReply>
  /** The day's key pair is durable before its public half is given out. */
  door(day: number): Promise<Door>
}

// ------------------------------------------------------------- every role: what the key folder remembers of the data

/** Who may use the staff API, and since when who may not. Of a credential its SHA-256 alone. */
export interface RememberedOperator {
  name: string
  credentialSha256: string | null
  addedAt: number
  addedBy: string
  removedAt: number | null
  removedBy: string | null
}

/** A version of notices whose sending was begun. */
export interface RememberedNotices {
  incident: number
  version: number
  id: string
}

export interface Remember {
  /** Last number of the log, of the ledger. Each role speaks of its own store only. */
  log?: number
  ledger?: number
  operators?: RememberedOperator[]
  notices?: RememberedNotices[]
  flows?: { vendor: string; state: 'open' | 'cut' | 'retired'; fence: number }[]
  /** Nothing is written to that store any more until the next start. */
  final?: boolean
}

export interface Newest {
  log: number
  ledger: number
  /** Absent: written before there were several. */
  operators?: RememberedOperator[]
  notices?: RememberedNotices[]
  flows: { vendor: string; state: 'open' | 'cut' | 'retired'; fence: number }[]
  /** When this was last heard, UTC ms. */
  at: number
  /** Log and ledger were closed at these numbers; otherwise they may have gone on a little. */
  exact: boolean
}

/** No copy of keys is kept longer: an erased person is unreadable for good when the last one with their secret is gone. */
export const KEY_BACKUP_DAYS = 30

export interface Backups {
  data?: { at: number; dir: string }
  keys?: { at: number; dir: string }
}

/** Every role, each about its own store. */
export interface Remembering {
  remember(part: Remember): Promise<void>
}

export interface BackupVault {
  /** Copies of `vault.db` and `looks/` into a folder, each as of one moment that lies after the call. */
  backupRows(dir: string): Promise<void>
  /** A copy of the key folder into a folder that does not exist yet. */
  backupKeys(dir: string): Promise<void>
  recordBackup(kind: keyof Backups, made: { at: number; dir: string }): Promise<void>
}

/** Who changes grants is on record before the signature leaves: actor and reason of the statement are the look's. */
export interface PolicySigner {
  signPolicy(statement: Omit<PolicyStatement, 'instance'>): Promise<PolicySeal>
}

// ------------------------------------------------------------------------------ staff: names in the waiting room

/** A sealed blob, and the records of it that are asked about. */
export interface WaitingBlob {
  day: number
  sealed: Uint8Array
  records: readonly WaitingRecords[]
}

/** A record whose text waits in a blob. */
export interface WaitingRecords {
  /** Its place in the log. */
  seq: number
  index: number
  /** Which text of the blob is the request's; null: the whole blob. */
  part: number | null
  /** Number of the record in that text. */
  record: number
  /** Ordinal of whom it is about; 0 for nobody. */
  person: number
  /** A record of a group whose key nobody configured. */
  isStray: boolean
}

export interface WaitingProposal {
  kind: 'event' | 'property' | 'group'
  /** Null: not told, see `nameWithheld`. */
  name: string | null
  /** `few`: of fewer people than asked for. `personal`: the name itself looks personal. */
  nameWithheld: 'few' | 'personal' | null
  nameShape: string
  /** The identity field that the key names: it cannot be approved. */
  identity: string | null
  records: number
  /** Null: fewer than asked for. */
  people: number | null
  types: Record<string, number>
  /** Classes of texts. */
  shapes: Record<string, number>
  distinct: 'one' | 'up to 10' | 'up to 100' | 'more'
  /** Kinds that the detectors found, with the number of values. */
  personal: Record<string, number>
}

/** A name that was approved for the own store, as far as its text may open. */
export interface Opening {
  seq: number
  index: number
  /** The event's name. */
  event?: string
  properties?: Record<string, PlainValue>
  /** Pairs that no longer wait. */
  opened: number
}

export interface ApprovedNames {
  events: readonly string[]
  properties: readonly string[]
  /** The version that approves them, as the vault signed it: nothing opens that no signed version approves. */
  policy: Policy
  seal: PolicySeal
}

export interface WaitingVault {
  /** Begins a look through the waiting room; one at a time, a new one ends the one before. The look is durable on return. */
  beginNames(look: Look): Promise<void>
  addNames(blobs: readonly WaitingBlob[]): Promise<void>
  endNames(k: number): Promise<{ proposals: WaitingProposal[]; records: number; unreadable: number; beyond: number }>
  /** Of these names, the kinds in which each waits; a name that does not has none. */
  endFinding(names: readonly string[]): Promise<Record<string, WaitingProposal['kind'][]>>
  /** What may open under approved names of the records at these places. Nothing else of the text leaves the vault. */
  openApproved(blobs: readonly WaitingBlob[], names: ApprovedNames): Promise<Opening[]>
}

// ------------------------------------------------------------------------------------- worker: pseudonym, commit

export interface DiscloseRequest {
  destination: string
  epoch: number
  /** As `packSubjects` makes it. */
  subjects: Float64Array
  /** Sequence and index of each record: its insert id is a permutation of that under the epoch's `insert-id` key. */
  positions: Float64Array
}

export interface DiscloseReply {
  /** UUID v4, in the order of `subjects`. */
  pseudonyms: Uuids
  /** UUID v4, in the order of `positions`. */
  insertIds: Uuids
  /** Phase of time rounding of each subject, in the order of `subjects`. */
  phases: Uint32Array
}

export interface WorkerVault {
  /** The active epoch of a destination; started on first use. */
  activeEpoch(destination: string): Promise<number>
  disclose(request: DiscloseRequest): Promise<DiscloseReply>
  /** As `packManifest` makes them; sealed each under the number of its entry, base64. */
  sealManifests(manifests: readonly { entry: number; packed: Uint8Array }[]): Promise<string[]>
  openManifests(manifests: readonly { entry: number; sealed: string }[]): Promise<Uint8Array[]>
}

export interface DeletionVault {
  /** Of whom nothing is sent any more, deletion calls aside. */
  erasedPeople(): Promise<{ ordinals: Ordinal[]; shared: DeviceInterval[] }>
  /** What a vendor knows subjects under, for a deletion call alone; in the order of `subjects`. Of closed epochs too. */
  deletionPseudonyms(request: { destination: string; epoch: number; subjects: Float64Array }): Promise<string[]>
}

// ------------------------------------------------------------------------------------------- staff: epochs

export interface EpochVault {
  /** Ends the active epoch and begins the next, in one step; its number. What the one before named can still be said. */
  rotateEpoch(destination: string, look: Look): Promise<number>
  /** Throws `epoch_state_wrong` unless it is closed, `epoch_needed` while a hold or a deletion needs it. */
  destroyEpoch(of: { vendor: string; destination: string; epoch: number }, look: Look): Promise<Epoch>
}

// ------------------------------------------------------------------------------------------- staff: incidents

/** What people wrote, by the name of what it is. */
export type IncidentTexts = Readonly<Record<string, string | readonly string[]>>

export interface IncidentVault {
  /** Seals the texts and signs the row; who and why (`look`) are on record before. The row is not kept here. */
  signIncidentRow(
    row: Omit<IncidentRowHead, 'instance' | 'textsSha256' | 'actor'>,
    texts: IncidentTexts | undefined,
    look: Look,
  ): Promise<IncidentRow>
  /** In order; undefined for texts that were not sealed for that row. The look is durable before the answer. */
  openIncidentRows(rows: readonly Pick<IncidentRow, 'incident' | 'row' | 'sealed'>[], look: Look): Promise<(IncidentTexts | undefined)[]>
}

export interface SignalVault extends IncidentVault {
  /**
   * The highest number of a signal that is known here or there, kept with the keys: a copy of the records that is older does not give a
   * number again. `take`: one more than that, which is given from then on.
   */
  signalNumber(known: number, take: boolean): Promise<number>
}

// --------------------------------------------------------------------------------------- staff: resolve, open

export interface Look {
  actor: string
  action: string
  reason: string
}

/** Time during which a device counts for a person: from sign-in to the next other user's. */
export interface DeviceInterval {
  device: Ordinal
  person: Ordinal
  from: number
  /** Exclusive; Number.MAX_SAFE_INTEGER while nobody else has signed in. */
  to: number
}

export interface Person {
  /** Lowest user ordinal of the person's identifiers. */
  person: Ordinal
  users: Ordinal[]
  devices: DeviceInterval[]
}

/** How identifiers make people, for a set of ordinals; anything not named is its own person. */
export interface PeopleGraph {
  /** Identifiers that belong to a person of another number. */
  merged: [identifier: Ordinal, person: Ordinal][]
  devices: DeviceInterval[]
}

export interface Identity {
  ids: string[]
  emails: string[]
  names: string[]
  /** Who said so. What only a `browser` said anyone with the public token may have said: no notice goes there. */
  trust: { emails: Trust | null; names: Trust | null }
}

export interface DirectoryRow {
  id: string
  email?: string
  name?: string
  phone?: string
  country?: string
  /** A state of the United States, where that is the country. */
  region?: string
  language?: string
  groups: { key: string; value: string; admin: boolean }[]
}

/** Of the key under which everything is wrapped. Times in UTC ms; null: nobody knows. */
export interface RootState {
  rotatedAt: number | null
  /** A rotation was begun and goes on. */
  rotating: boolean
  /** What wraps it. */
  wrap: 'file' | 'transit'
}

export interface KeysRotated {
  what: 'root' | 'kek'
  /** Keys that were wrapped anew. */
  wrapped: number
  at: number
}

export interface RotatingVault {
  rotateKeys(what: 'root' | 'kek', look: Look): Promise<KeysRotated>
}

/** What is not done yet, of erasures. */
export interface ErasureCounts {
  open: number
  /** Requests to delete that no vendor has answered with yes. */
  due: number
  /** Holds that are open. */
  holds: number
}

export interface StaffVault extends CensusVault {
  /**
   * People who match an email address or an id, the best founded match first. The look is durable before the answer; an
   * empty answer is recorded too.
   */
  resolve(query: string, look: Look): Promise<Person[]>
  /** Relations of all identifiers; no plain values, so no look. */
  graph(): Promise<PeopleGraph>
  /** Staff-view pseudonyms: the same in all commands of one instance, unrelated to any vendor's. */
  staffPseudonyms(subjects: readonly { kind: SubjectKind; ordinal: Ordinal }[]): Promise<string[]>
  /** Plain values of people, in order. The look is durable before the answer. */
  identities(people: readonly Ordinal[][], look: Look): Promise<Identity[]>
  recordLook(look: Look & { subjects: number }): Promise<void>
  importDirectory(rows: readonly DirectoryRow[], namespace: string, look: Look): Promise<{ rows: number; newPeople: number; facts: number }>
  /** Where the keys lie and in what state; no key material. */
  describe(): Promise<{
    keyFolder: string
    instance: string
    people: number
    epochs: Epoch[]
    looks: number
    refusedMerges?: number
    newest: Newest
    backups: Backups
    erasures: ErasureCounts
    root: RootState
    /** Copies of the key folder that were made and not removed yet. */
    keyBackups: { at: number; dir: string }[]
    /** Public key of the ledger's signatures, SPKI in base64; null when nothing was ever signed. */
    ledgerKey: string | null
    /** Origins that gaps opened of which somebody has said that they know. */
    gapsAcknowledged: string[]
  }>
}
