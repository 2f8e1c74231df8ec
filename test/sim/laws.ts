/** The laws of docs/SECURITY.md as they can be seen from outside: at each first byte, at each commit of the ledger, at the end. */
import { decodeEntry } from '#ledger/entry-codec.ts'
import type { Intent, LedgerEntry, LogPosition, ManifestRow, Outcome } from '#model/disclosure.ts'
import type { SimDisk } from './disk.ts'
import type { Mark, Model } from './model.ts'
import { DESTINATIONS, PLANTED, vendorOf } from './plan.ts'
import { openRows, type SimVault } from './vault.ts'
import type { Receipt, SimVendor, VendorRecord } from './vendor.ts'
import type { EventRow, SimWarehouse } from './warehouse.ts'

/** Keys of the wire itself, with values that are pseudonyms, rounded times, or the vendor's own privacy switches. */
const WIRE_KEYS: ReadonlySet<string> = new Set(['token', 'time', 'distinct_id', '$insert_id', '$user_id', '$device_id', 'ip'])

/** Between the last look at consent and an intent on disk: it is written. */
const SEALING_MS_MAX = 6_000

export class Laws {
  readonly #model: Model
  readonly #disk: SimDisk
  readonly #vault: SimVault
  readonly #warehouse: SimWarehouse
  readonly #decoded = new Map<number, LedgerEntry>()
  readonly #positions = new Map<string, LogPosition>()
  readonly #homes = new Map<string, string>()
  readonly #insertIds = new Map<string, string>()
  /** When each intent was first seen on disk, virtual ms. */
  readonly #written = new Map<number, number>()
  readonly #now: () => number
  vendor: SimVendor | undefined

  constructor(parts: { model: Model; disk: SimDisk; vault: SimVault; warehouse: SimWarehouse; now: () => number }) {
    this.#now = parts.now
    this.#model = parts.model
    this.#disk = parts.disk
    this.#vault = parts.vault
    this.#warehouse = parts.warehouse
  }

  // ---------------------------------------------------------------------------------------- while the run goes on

  /** Laws 2, 3, 5 and 6, in the instant in which the first byte of a request leaves. */
  firstByte(receipt: Receipt): void {
    const { destination, records } = receipt
    if (this.#model.cut.has(vendorOf(destination))) this.#model.fail('law 5', `${destination} is sent to after cut had returned`)
    const open = this.#openIntents().filter((each) => each.destination === destination && each.bodySha256 === receipt.sha256)
    const [intent] = open
    if (intent === undefined) return this.#model.fail('law 3', `bytes leave for ${destination} that no open intent names`)
    receipt.intents = open.map(({ entry }) => entry)
    if (intent.policy !== this.#model.version) {
      this.#model.fail('law 2', `${destination} is sent to under policy ${intent.policy}, in force is ${this.#model.version}`)
    }
    if (intent.records !== records.length) this.#model.fail('law 3', `intent ${intent.entry} counts ${intent.records} records`)
    for (const record of records) {
      this.#checkGranted(destination, record)
      this.#checkConsent(destination, intent.entry, record)
      this.#checkUnlinkable(`${destination} epoch ${intent.epoch}`, record)
    }
  }

  #checkGranted(destination: string, record: VendorRecord): void {
    const granted = this.#model.grants.get(this.#model.version)?.[destination]
    if (record.event !== undefined && granted?.events.has(record.event) !== true) {
      this.#model.fail('law 2', `${destination} gets the event ${record.event}, which is not granted`)
    }
    for (const key of record.keys) {
      if (!WIRE_KEYS.has(key) && granted?.properties.has(key) !== true)
        this.#model.fail('law 2', `${destination} gets ${key}, which is not granted`)
    }
    if (record.text.includes(PLANTED)) this.#model.fail('law 2', `${destination} gets text that nobody granted`)
  }

  /** Nothing of who had left before the intent was written, and never the record that says so. */
  #checkConsent(destination: string, intent: number, { mark }: VendorRecord): void {
    const known = mark === undefined ? undefined : this.#model.marks[mark]
    if (known === undefined) return
    if (known.optsOut) this.#model.fail('law 2', `${destination} gets record ${known.mark}, which says that its user opts out`)
    const left = this.#model.left.get(known.user)
    const written = this.#written.get(intent)
    if (left !== undefined && written !== undefined && left + SEALING_MS_MAX < written)
      this.#model.fail('law 2', `${destination} gets record ${known.mark} of a user who had left ${written - left} ms before its intent`)
  }

  #checkUnlinkable(home: string, record: VendorRecord): void {
    const ids = record.insertId === undefined ? record.ids : [...record.ids, record.insertId]
    for (const id of ids) {
      const known = this.#homes.get(id)
      if (known !== undefined && known !== home) this.#model.fail('law 6', `one identifier is at ${known} and at ${home}`)
      this.#homes.set(id, home)
    }
    if (record.insertId === undefined || record.mark === undefined || !this.#isSentOnce(record.mark)) return
    const name = `${home} ${record.mark}`
    const known = this.#insertIds.get(name)
    if (known !== undefined && known !== record.insertId) this.#model.fail('law 4', `record ${record.mark} has two insert ids at ${home}`)
    this.#insertIds.set(name, record.insertId)
  }

  /** Without an insert id of the SDK its retry is another record. */
  #isSentOnce(mark: number): boolean {
    const known = this.#model.marks[mark]
    return known !== undefined && (known.hasInsertId || known.sent === 1)
  }

  /** After each durable commit: no cursor ever goes back. */
  ledgerDurable(): void {
    for (const number of this.#disk.ledger.open.getKeys()) if (!this.#written.has(number)) this.#written.set(number, this.#now())
    for (const { key, value } of this.#disk.ledger.state.getRange({})) {
      const [kind, name] = key.split('/')
      if (kind !== 'cursor' && kind !== 'reached' && kind !== 'load') continue
      const [seq, index] = Array.isArray(value) ? (value as [number, number]) : [value as number, 0]
      const before = this.#positions.get(key)
      const isBack = before !== undefined && (seq < before.seq || (seq === before.seq && index < before.index))
      if (isBack && !(kind === 'load' && this.#isEmpty(name))) this.#model.fail('law 4', `the ${kind} cursor of ${name} goes back`)
      this.#positions.set(key, { seq, index })
    }
  }

  /** An empty warehouse is filled again. */
  #isEmpty(table: string | undefined): boolean {
    return (table === 'events' ? this.#warehouse.eventParts : this.#warehouse.disclosureParts).length === 0
  }

  #openIntents(): Intent[] {
    return [...this.#disk.ledger.open.getKeys()].map((number) => this.#entry(number) as Intent)
  }

  #entry(number: number): LedgerEntry {
    const known = this.#decoded.get(number)
    if (known !== undefined) return known
    const entry = decodeEntry(number, this.#disk.ledger.entries.get(number) as Buffer)
    this.#decoded.set(number, entry)
    return entry
  }

  // ---------------------------------------------------------------------------------------------------- at the end

  /** Everything has drained: what was acknowledged is where it belongs, and the ledger says what happened. */
  atTheEnd(waitingOf: readonly (Buffer | undefined)[]): void {
    const entries = [...this.#disk.ledger.entries.getKeys()].map((number) => this.#entry(number))
    const rows = Map.groupBy(this.#warehouse.events, ({ mark }) => mark)
    for (const mark of this.#model.marks) this.#checkKept(mark, rows.get(mark.mark) ?? [])
    this.#checkEachPlaceOnce(this.#warehouse.events)
    this.#checkOutcomes(entries)
    this.#checkArrivals(rows)
    this.#checkDisclosures(entries)
    if (waitingOf.some((blob) => blob === undefined)) this.#model.fail('law 4', 'a log entry refers to waiting text that is not there')
  }

  #checkKept(mark: Mark, rows: readonly EventRow[]): void {
    const most = mark.hasInsertId ? 1 : mark.sent
    if (rows.length > most)
      this.#model.fail('law 4', `record ${mark.mark} is in the warehouse ${rows.length} times, was sent ${mark.sent} times`)
    if (mark.acknowledged && rows.length === 0)
      this.#model.fail('law 4', `record ${mark.mark} was acknowledged and is not in the warehouse`)
    if (mark.acknowledged && mark.statesEmail) {
      const ordinal = this.#vault.ordinalOf(mark.user)
      if (ordinal === undefined || !this.#vault.holdsFact(ordinal, 'email')) {
        this.#model.fail('law 4', `record ${mark.mark} was acknowledged, and the vault does not hold what it stated`)
      }
    }
  }

  #checkEachPlaceOnce(rows: readonly EventRow[]): void {
    const places = new Set(rows.map(({ seq, index }) => `${seq}:${index}`))
    if (places.size !== rows.length) this.#model.fail('law 4', 'the warehouse holds a log record twice')
  }

  #checkOutcomes(entries: readonly LedgerEntry[]): void {
    const outcomes = new Map<number, Outcome>()
    for (const entry of entries) {
      if (entry.type !== 'outcome') continue
      if (outcomes.has(entry.intent)) this.#model.fail('law 3', `intent ${entry.intent} has two outcomes`)
      outcomes.set(entry.intent, entry)
    }
    const receipts = this.vendor?.receipts ?? []
    for (const entry of entries) {
      if (entry.type !== 'intent') continue
      const state = outcomes.get(entry.entry)?.state
      const sent = receipts.filter(({ intents }) => intents.includes(entry.entry))
      if (state === undefined) this.#model.fail('law 3', `intent ${entry.entry} has no outcome`)
      if (state === 'not_sent' && sent.some(({ intents }) => intents.length === 1))
        this.#model.fail('law 3', `intent ${entry.entry} is not_sent, and bytes of it left`)
      if (state === 'delivered' && !sent.some(({ answered }) => answered)) {
        this.#model.fail('law 3', `intent ${entry.entry} is delivered, and no answer to it ever came`)
      }
      if (sent[0] !== undefined) this.#checkManifest(entry, sent[0])
    }
  }

  /** Recall and precision of people: who is in the request is in the manifest, and nobody else. */
  #checkManifest(intent: Intent, receipt: Receipt): void {
    const expected = new Map<number, number>()
    for (const { mark } of receipt.records) {
      const user = mark === undefined ? undefined : this.#model.marks[mark]?.user
      const ordinal = user === undefined ? undefined : this.#vault.ordinalOf(user)
      if (ordinal === undefined) return this.#model.fail('law 3', `intent ${intent.entry} carries a record that nobody sent`)
      expected.set(ordinal, (expected.get(ordinal) ?? 0) + 1)
    }
    const named = new Map<number, number>()
    for (const row of openRows(intent.entry, intent.manifest)) named.set(row.subject, (named.get(row.subject) ?? 0) + row.events)
    if (textOf(expected) !== textOf(named))
      this.#model.fail('law 3', `the manifest of intent ${intent.entry} names other people than its bytes`)
  }

  /** Law 4 at each destination: at least once, and once-only operations at most once. */
  #checkArrivals(rows: ReadonlyMap<number | undefined, readonly EventRow[]>): void {
    for (const { id } of DESTINATIONS) {
      const arrived = (this.vendor?.receipts ?? []).filter((receipt) => receipt.destination === id && receipt.arrived)
      const final = new Set<number>()
      const applied = new Map<number, number>()
      for (const receipt of arrived) {
        for (const { mark, once } of receipt.records) {
          if (mark === undefined) continue
          if (receipt.final) final.add(mark)
          if (receipt.applied && once) applied.set(mark, (applied.get(mark) ?? 0) + 1)
        }
      }
      let missing = 0
      for (const mark of this.#model.marks) {
        if (!mark.acknowledged || !this.#model.isOwed(mark, id) || final.has(mark.mark)) continue
        if (mark.kind !== 'add') this.#model.fail('law 4', `record ${mark.mark} was acknowledged and never reached ${id}`)
        missing++
      }
      for (const [mark, times] of applied) {
        const most = rows.get(mark)?.length ?? 0
        if (times > most) this.#model.fail('law 4', `the once-only operation ${mark} was applied ${times} times at ${id}`)
      }
      const counts = (this.#disk.ledger.state.get(`counts/${id}`) ?? {}) as Record<string, number>
      if (missing > (counts['once_only_uncertain'] ?? 0))
        this.#model.fail('law 4', `a once-only operation never reached ${id} and is not counted`)
    }
  }

  /** Each row of each closed intent once, with its state; nothing of what was not sent. */
  #checkDisclosures(entries: readonly LedgerEntry[]): void {
    const loaded = new Map<string, number>()
    for (const { entry, subject, kind, surface, shape, state } of this.#warehouse.disclosures) {
      const name = `${entry} ${kind} ${subject} ${surface} ${shape} ${state}`
      loaded.set(name, (loaded.get(name) ?? 0) + 1)
    }
    let expected = 0
    for (const entry of entries) {
      if (entry.type !== 'outcome' || entry.state === 'not_sent') continue
      const intent = this.#entry(entry.intent) as Intent
      for (const row of openRows(intent.entry, intent.manifest)) {
        expected++
        if (loaded.get(nameOf(intent.entry, row, entry.state)) !== 1) {
          return this.#model.fail(
            'law 3',
            `a disclosure of entry ${intent.entry} is in the warehouse ${loaded.get(nameOf(intent.entry, row, entry.state)) ?? 0} times`,
          )
        }
      }
    }
    if (loaded.size !== expected) this.#model.fail('law 3', `the warehouse holds ${loaded.size} disclosures, the ledger ${expected}`)
  }
}

function nameOf(entry: number, { kind, subject, surface, shape }: ManifestRow, state: string): string {
  return `${entry} ${kind} ${subject} ${surface} ${shape} ${state}`
}

function textOf(counts: ReadonlyMap<number, number>): string {
  return JSON.stringify([...counts].sort(([a], [b]) => a - b))
}
