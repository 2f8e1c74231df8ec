/**
 * The incidents of an instance: rows are added and read, one writer at a time. A row counts when it is durable in the records;
 * the vault has who and why on record before, and has signed it. An open incident holds the vendor's epochs and all erasures;
 * what a crash left between a row and its hold is mended at the next start, and before anything is destroyed (`held-first.ts`).
 */
import type { Clock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { canonicalJson } from '#base/canonical-json.ts'
import { passesByItself } from '#base/passing.ts'
import { type IncidentRow, type IncidentRowKind, brokenRows, incidentRowHash } from '#model/incident-row.ts'
import type { IncidentRecords } from '#records/port.ts'
import type { Hold } from '#vault/erasure-port.ts'
import type { IncidentTexts, IncidentVault, Look } from '#vault/port.ts'
import type { HoldBody, OpenedBody } from './incident-bodies.ts'
import { type IncidentState, readIncident } from './incident-state.ts'

export interface BookPorts {
  records: IncidentRecords
  vault: IncidentVault
  holds: {
    holds(): Promise<Hold[]>
    openHold(hold: { vendor?: string | undefined }, look: Look): Promise<Hold>
    closeHold(id: number, look: Look): Promise<Hold>
  }
  clock: Pick<Clock, 'now'>
}

export interface Addition {
  kind: IncidentRowKind
  body: object
  texts?: IncidentTexts
}

const HOLD_REASON = /^incident (\d{1,15})$/

export class IncidentBook {
  readonly #ports: BookPorts
  #turn: Promise<unknown> = Promise.resolve()
  #isBehind = false

  constructor(ports: BookPorts) {
    this.#ports = ports
  }

  /** Opens an incident and holds what it needs. Number of the incident. */
  open(body: OpenedBody, texts: IncidentTexts, look: Look): Promise<number> {
    return this.#inTurn(async () => {
      const id = await this.#nextId()
      await this.#write(id, { kind: 'opened', body, texts }, look)
      await this.#follow(() => this.#hold(id, body.vendor, look))
      return id
    })
  }

  /** Without what people wrote. Throws `incident_unknown`. */
  state(id: number): IncidentState {
    return readIncident(this.rows(id))
  }

  rows(id: number): IncidentRow[] {
    const rows = Number.isSafeInteger(id) && id > 0 ? this.#ports.records.incidentRows(id) : []
    if (rows.length === 0) throw new BulkheadError('incident_unknown', 'there is no such incident')
    return rows
  }

  /** With what people wrote; looking is on record before. Throws `incident_unknown`. */
  async read(id: number, look: Look): Promise<IncidentState> {
    const rows = this.rows(id)
    return readIncident(rows, await this.#ports.vault.openIncidentRows(rows, look))
  }

  async readAll(look: Look): Promise<IncidentState[]> {
    const rows = this.#ports.records.incidentRows()
    const texts = await this.#ports.vault.openIncidentRows(rows, look)
    const incidents = Map.groupBy(rows.keys(), (index) => (rows[index] as IncidentRow).incident)
    return [...incidents.values()].map((of) =>
      readIncident(
        of.map((index) => rows[index] as IncidentRow),
        of.map((index) => texts[index]),
      ),
    )
  }

  /** Rows that are not as they were signed. */
  broken(id: number, key: string | null): number[] {
    return brokenRows(this.rows(id), key)
  }

  /**
   * Adds what `make` says of the incident as it then is, and nothing for undefined. Nothing else is added between.
   * Throws `incident_unknown`, and `incident_closed` unless `closed` is allowed.
   */
  add(
    id: number,
    look: Look,
    make: (state: IncidentState) => Addition | undefined,
    options: { closed?: boolean } = {},
  ): Promise<IncidentState> {
    return this.#inTurn(async () => {
      const before = this.state(id)
      if (before.state === 'closed' && options.closed !== true) {
        throw new BulkheadError('incident_closed', `incident ${id} is closed: nothing is added to it`)
      }
      const addition = make(before)
      if (addition === undefined) return before
      await this.#write(id, addition, look)
      return this.state(id)
    })
  }

  close(id: number, texts: IncidentTexts, look: Look): Promise<IncidentState> {
    return this.#inTurn(async () => {
      if (this.state(id).state === 'closed') throw new BulkheadError('incident_closed', `incident ${id} is closed already`)
      await this.#write(id, { kind: 'closed', body: {}, texts }, look)
      await this.#follow(() => this.#release(id, look))
      return this.state(id)
    })
  }

  reopen(id: number, texts: IncidentTexts, look: Look): Promise<IncidentState> {
    return this.#inTurn(async () => {
      const { state, vendor } = this.state(id)
      if (state === 'open') throw new BulkheadError('incident_invalid', `incident ${id} is open`)
      await this.#write(id, { kind: 'reopened', body: {}, texts }, look)
      await this.#follow(() => this.#hold(id, vendor, look))
      return this.state(id)
    })
  }

  /** Whether a hold does not follow its incident yet, since the vault was away. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Holds that a crash, or a vault that was away, kept from being opened or given back. How many were mended. */
  mend(): Promise<number> {
    return this.#inTurn(async () => {
      const look = { actor: 'bulkhead', action: 'incident', reason: 'a hold follows its incident' }
      let mended = 0
      for (const rows of Map.groupBy(this.#ports.records.incidentRows(), (row) => row.incident).values()) {
        const { id, vendor, state, holds } = readIncident(rows)
        if ((state === 'open') === holds.length > 0) continue
        mended += 1
        if (state === 'open') await this.#hold(id, vendor, look)
        else await this.#release(id, look)
      }
      this.#isBehind = false
      return mended
    })
  }

  /** The row before it is durable, and that is the answer: a hold that cannot follow now follows later. */
  async #follow(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (thrown) {
      if (!passesByItself(thrown)) throw thrown
      this.#isBehind = true
    }
  }

  async #hold(id: number, vendor: string, look: Look): Promise<void> {
    // One that a crash left without its row is taken over, not opened twice.
    const reason = `incident ${id}`
    const open = (await this.#ports.holds.holds()).find(
      (hold) => hold.closedAt === null && hold.reason === reason && hold.vendor === vendor,
    )
    const hold = open ?? (await this.#ports.holds.openHold({ vendor }, { actor: look.actor, action: 'hold open', reason }))
    await this.#write(id, { kind: 'held', body: { hold: hold.id } satisfies HoldBody }, look)
  }

  async #release(id: number, look: Look): Promise<void> {
    const known = await this.#ports.holds.holds()
    for (const hold of this.state(id).holds) {
      // Somebody may have closed it by hand.
      const isOpen = known.some((each) => each.id === hold && each.closedAt === null)
      if (isOpen) await this.#ports.holds.closeHold(hold, { actor: look.actor, action: 'hold close', reason: `incident ${id} was closed` })
      await this.#write(id, { kind: 'released', body: { hold } satisfies HoldBody }, look)
    }
  }

  /** Never one that a hold names: records that were restored from an older copy may lack the incident. */
  async #nextId(): Promise<number> {
    const named = (await this.#ports.holds.holds()).map(({ reason }) => Number(HOLD_REASON.exec(reason)?.[1] ?? 0))
    const known = this.#ports.records.incidentRows().map((row) => row.incident)
    return Math.max(0, ...named, ...known) + 1
  }

  async #write(incident: number, addition: Addition, look: Look): Promise<void> {
    const { records, vault, clock } = this.#ports
    const last = records.incidentRows(incident).at(-1)
    const row = {
      incident,
      row: (last?.row ?? 0) + 1,
      kind: addition.kind,
      // A clock that was set back must not put a later row before an earlier one.
      at: Math.max(clock.now(), last?.at ?? 0),
      body: canonicalJson(addition.body),
      before: last === undefined ? '' : incidentRowHash(last),
    }
    records.addIncidentRow(await vault.signIncidentRow(row, addition.texts, look))
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(act, act)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}
