/** Signals of an instance: they are added and triaged, and never changed. The vault seals what people wrote and signs each row. */
import type { Clock } from '#base/clock.ts'
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import { type IncidentRow, type IncidentRowKind, brokenRows, incidentRowHash } from '#model/incident-row.ts'
import type { SignalBody, SignalDecision, SignalSource, TriageBody } from '#model/signal.ts'
import type { IncidentRecords } from '#records/port.ts'
import { SIGNALS_FROM } from '#records/signal-rows.ts'
import type { IncidentTexts, Look, SignalVault } from '#vault/port.ts'
import type { OpenedBody } from './incident-bodies.ts'
import { textOf } from './incident-state.ts'

export interface Triage {
  decision: SignalDecision
  incident: number | null
  at: number
  by: string
  reason: string
}

export interface Signal {
  id: number
  source: SignalSource
  at: number
  dayIn: string | null
  recordedAt: number
  by: string
  what: string
  /** Oldest first; the last counts. */
  triage: Triage[]
}

export class SignalBook {
  readonly #records: IncidentRecords
  readonly #vault: SignalVault
  readonly #clock: Pick<Clock, 'now'>
  #turn: Promise<unknown> = Promise.resolve()

  constructor({ records, vault, clock }: { records: IncidentRecords; vault: SignalVault; clock: Pick<Clock, 'now'> }) {
    this.#records = records
    this.#vault = vault
    this.#clock = clock
  }

  /** Its number. */
  add(body: SignalBody, what: string, look: Look): Promise<number> {
    return this.#inTurn(async () => {
      const id = await this.#vault.signalNumber(this.#last(), true)
      await this.#write(id, { kind: 'signal', body, texts: { what } }, look)
      return id
    })
  }

  /** Numbers that were given before the keys knew of them, by an earlier Bulkhead say, are kept there too. */
  keepNumbers(): Promise<void> {
    return this.#inTurn(async () => void (await this.#vault.signalNumber(this.#last(), false)))
  }

  /** Throws `signal_unknown`. A decision is stated anew by a later one. */
  triage(id: number, body: TriageBody, reason: string, look: Look): Promise<void> {
    return this.#inTurn(async () => {
      this.#rows(id)
      await this.#write(id, { kind: 'triaged', body, texts: { reason } }, look)
    })
  }

  /** Without what people wrote. Throws `signal_unknown`. */
  get(id: number): Signal {
    return readSignal(id, this.#rows(id), [])
  }

  /** Those that nobody has decided on; without what people wrote. */
  open(): Signal[] {
    return this.#all()
      .map(([id, rows]) => readSignal(id, rows, []))
      .filter(({ triage }) => triage.length === 0)
  }

  /** With what people wrote; looking is on record before. */
  async readAll(look: Look): Promise<Signal[]> {
    const rows = this.#records.incidentRows()
    const texts = await this.#vault.openIncidentRows(rows, look)
    const known = new Map(rows.map((row, index) => [row, texts[index]]))
    return this.#all(rows).map(([id, of]) =>
      readSignal(
        id,
        of,
        of.map((row) => known.get(row)),
      ),
    )
  }

  /** Numbers of signals whose rows are not as they were signed. */
  broken(key: string | null): number[] {
    return this.#all().flatMap(([id, rows]) => (brokenRows(rows, key).length > 0 ? [id] : []))
  }

  #last(): number {
    return Math.max(0, ...this.#records.incidentHeads().map(({ incident }) => incident - SIGNALS_FROM))
  }

  #all(rows: readonly IncidentRow[] = this.#records.incidentRows()): [number, IncidentRow[]][] {
    return [...Map.groupBy(rows, (row) => row.incident - SIGNALS_FROM)]
  }

  #rows(id: number): IncidentRow[] {
    const rows = Number.isSafeInteger(id) && id > 0 ? this.#records.incidentRows(SIGNALS_FROM + id) : []
    if (rows.length === 0) throw new BulkheadError('signal_unknown', 'there is no such signal')
    return rows
  }

  async #write(id: number, row: { kind: IncidentRowKind; body: object; texts: IncidentTexts }, look: Look): Promise<void> {
    const incident = SIGNALS_FROM + id
    const last = this.#records.incidentRows(incident).at(-1)
    const head = {
      incident,
      row: (last?.row ?? 0) + 1,
      kind: row.kind,
      at: Math.max(this.#clock.now(), last?.at ?? 0),
      body: canonicalJson(row.body),
      before: last === undefined ? '' : incidentRowHash(last),
    }
    this.#records.addIncidentRow(await this.#vault.signIncidentRow(head, row.texts, look))
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(act, act)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

/** That an incident was opened from a signal is its triage. A crash, or a vault that was away, may have kept it from being written. */
export async function triageOpened(signals: Pick<SignalBook, 'open' | 'triage'>, rows: readonly IncidentRow[]): Promise<void> {
  const open = new Set(signals.open().map(({ id }) => id))
  for (const { kind, body, incident } of open.size === 0 ? [] : rows) {
    if (kind !== 'opened') continue
    const { signal } = JSON.parse(body) as OpenedBody
    if (signal === undefined || !open.delete(signal)) continue
    const reason = `incident ${incident} was opened from it`
    await signals.triage(signal, { decision: 'incident', incident }, reason, { actor: 'bulkhead', action: 'incident open', reason })
  }
}

function readSignal(id: number, rows: readonly IncidentRow[], texts: readonly (IncidentTexts | undefined)[]): Signal {
  const [first, ...later] = rows
  if (first === undefined || first.kind !== 'signal') throw new TypeError('a signal begins with its coming')
  const { source, at, dayIn } = JSON.parse(first.body) as SignalBody
  const triage = later.map((row, index): Triage => {
    const { decision, incident } = JSON.parse(row.body) as TriageBody
    return { decision, incident, at: row.at, by: row.actor, reason: textOf(texts[index + 1], 'reason') }
  })
  return { id, source, at, dayIn, recordedAt: first.at, by: first.actor, what: textOf(texts[0], 'what'), triage }
}
