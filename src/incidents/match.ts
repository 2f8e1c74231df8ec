/**
 * A leaked data set held against the ledger. Each row is graded by what names its person: A, a pseudonym of one of this vendor's
 * epochs that the ledger holds, which nobody can invent; B, an id as our systems know it; C, an address, telephone number or
 * name, which may come from anywhere. What the file says stands beside what the ledger says and changes nothing of it: rows
 * that somebody mixed in neither add people to a scope nor take any out.
 */
import { BulkheadError } from '#base/errors.ts'
import type { SubjectKind } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { FoundPerson, FoundPseudonym, MatchEpoch, MatchVault } from '#vault/match-port.ts'
import type { Look, StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { type Keys, keysOf } from './match-cells.ts'
import { assertRead, type ColumnMeaning, type ColumnNaming, meaningOf } from './match-columns.ts'
import { findIdColumns } from './match-content.ts'
import { ColumnCounts } from './match-fields.ts'
import { Finder, type Found } from './match-finder.ts'
import { type LedgerView, Marks, viewLedger } from './match-ledger.ts'
import type { ForeignEpoch, Matched, MatchResult } from './match-result.ts'
import { People } from './people.ts'
import { PersonSet } from './person-set.ts'
import { readRows, type RowFormat } from './row-file.ts'
import { type FaultyRow, type FileRow, IN_PART, type RowBatch } from './row-sink.ts'
import type { Scope, Snapshot } from './rows.ts'
import type { Windows } from './windows.ts'

export interface MatchQuery {
  vendor: string
  /** The incident's, for what the ledger says. */
  destinations: readonly string[] | undefined
  surfaces: readonly string[] | undefined
  windows: Windows
  format: RowFormat | undefined
  naming: ColumnNaming
}

export interface MatchPorts {
  warehouse: Warehouse
  vault: Pick<StaffVault, 'graph'> & MatchVault
  snapshot: () => Promise<Snapshot>
  /** All destinations that a vendor has or had, and whose a destination is; undefined: nobody's that we know. */
  destinationsOf: (vendor: string) => readonly string[]
  vendorOf: (destination: string) => string | undefined
}

const FAULTS_SHOWN = 100
/** Rows that one turn of questions is about. */
const ROWS_A_TURN = 16_384
const BYTES_A_TURN = 32 << 20
const [A, B, C] = [1, 2, 4]
const FOLLOWED: ReadonlySet<string> = new Set(['user', 'device', 'group'])

/** The look must be on record with the file's hash before. `onProgress` gets the rows so far; throws what it throws. */
export async function matchFile(
  content: AsyncIterable<Uint8Array>,
  query: MatchQuery,
  ports: MatchPorts,
  options: { look: Look; signal?: AbortSignal; onProgress?: (rows: number) => void },
): Promise<Matched> {
  const snapshot = await ports.snapshot()
  const { vendor, destinations, surfaces, windows } = query
  const scope: Scope = { vendor, destination: undefined, destinations, surfaces, windows, snapshot }
  const people = new People(await ports.vault.graph())
  const ledger = await viewLedger(scope, people, ports.warehouse)
  const { session, epochs, destroyed } = await ports.vault.beginMatch(ports.destinationsOf(vendor), options.look)
  try {
    const tally = new MatchTally({ query, ports, people, ledger, epochs, destroyed })
    const finder = new Finder(ports.vault, session, (found) => tally.isGenuine(found))
    const file = readRows(content, { format: query.format })
    const turns = turnsOf(file.batches)
    // The vault looks up one turn while the next is read.
    let asked: { keys: Keys[]; found: Promise<Found> } | undefined
    for await (const { rows, faults } of turns) {
      if (options.signal?.aborted === true) throw new BulkheadError('not_running', 'nobody waits for the answer any more')
      tally.addFaults(faults)
      tally.count(rows, (place) => file.columns.nameOf(place))
      if (asked === undefined) await findIdColumns(rows, tally.meanings, (values) => ports.vault.matchValues(session, 'id', values))
      const keys = rows.map((row) => keysOf(row, tally.meanings))
      if (asked !== undefined) tally.grade(asked.keys, await asked.found)
      const found = finder.find(keys)
      found.catch(() => undefined)
      asked = { keys, found }
      options.onProgress?.(tally.rows)
    }
    if (asked !== undefined) tally.grade(asked.keys, await asked.found)
    const result = tally.result(file.format(), snapshot.head)
    assertRead(result, query.naming, file.columns.names)
    return { result, people: tally.people, kept: tally.kept }
  } finally {
    await ports.vault.endMatch(session)
  }
}

async function* turnsOf(batches: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch, void> {
  let turn: RowBatch = { rows: [], faults: [], bytes: 0 }
  for await (const { rows, faults, bytes } of batches) {
    turn = { rows: turn.rows.concat(rows), faults: turn.faults.concat(faults), bytes: turn.bytes + bytes }
    if (turn.rows.length < ROWS_A_TURN && turn.bytes < BYTES_A_TURN) continue
    yield turn
    turn = { rows: [], faults: [], bytes: 0 }
  }
  if (turn.rows.length + turn.faults.length > 0) yield turn
}

interface TallyParts {
  query: MatchQuery
  ports: MatchPorts
  people: People
  ledger: LedgerView
  epochs: readonly MatchEpoch[]
  destroyed: readonly { destination: string; epoch: number }[]
}

interface Graded {
  grade: typeof A | typeof B | typeof C
  /** Whom it is about: one person, or several identifiers' people where it is no matter of chance. */
  people: Ordinal[]
  /** All whom its values may name. */
  candidates: Ordinal[]
  groups: Ordinal[]
  isAmbiguous: boolean
  /** Of an identifier by which it is graded A. */
  isInWindow: boolean
  /** All who were ever signed in on a device of which nobody knows in whose hands it was. */
  holders: Ordinal[]
}

class MatchTally {
  readonly #parts: TallyParts
  readonly #own: ReadonlySet<string>
  readonly meanings: ColumnMeaning[] = []
  readonly #columns = new ColumnCounts()
  readonly #epochRows = new Map<number, number>()
  readonly people = new Marks()
  readonly kept = new PersonSet()
  rows = 0
  readonly #matched = { a: 0, b: 0, c: 0 }
  readonly #counts = {
    outsideWindow: 0,
    unknown: 0,
    knownNothingSent: 0,
    unidentified: 0,
    notInLedger: 0,
    ambiguous: 0,
    malformed: 0,
    readInPart: 0,
  }
  readonly #faults: FaultyRow[] = []

  constructor(parts: TallyParts) {
    this.#parts = parts
    this.#own = new Set(parts.ports.destinationsOf(parts.query.vendor))
  }

  addFaults(faults: readonly FaultyRow[]): void {
    for (const fault of faults) {
      if (IN_PART.has(fault.fault)) this.#counts.readInPart += 1
      else {
        this.#counts.malformed += 1
        this.rows += 1
      }
      if (this.#faults.length < FAULTS_SHOWN) this.#faults.push(fault)
    }
  }

  count(rows: readonly FileRow[], nameOf: (place: number) => string): void {
    this.rows += rows.length
    for (const row of rows) {
      for (const place of row.columns) this.meanings[place] ??= meaningOf(nameOf(place), this.#parts.query.naming)
      this.#columns.add(row, this.meanings, nameOf)
    }
  }

  isGenuine({ kind, ordinal, epoch }: FoundPseudonym): boolean {
    const made = this.#parts.epochs[epoch]
    if (made === undefined || made.destination === null || !this.#own.has(made.destination) || !FOLLOWED.has(kind)) return false
    return this.#parts.ledger.identifier(made.destination, made.epoch, kind as SubjectKind, ordinal).isSent
  }

  grade(rows: readonly Keys[], found: Found): void {
    for (const keys of rows) {
      const before = this.#counts.notInLedger
      const graded = this.#byPseudonym(keys, found) ?? this.#byValue(keys, found, B) ?? this.#byValue(keys, found, C)
      this.#count(keys, graded, this.#counts.notInLedger > before)
    }
  }

  /** `isLost`: we made its pseudonym, and the ledger does not hold it. */
  #count(keys: Keys, graded: Graded | undefined, isLost: boolean): void {
    const counts = this.#counts
    if (graded === undefined) {
      const hasKeys = keys.uuids.length + keys.ids.length + keys.groups.length + keys.emails.length + keys.phones.length + keys.names.length
      if (hasKeys === 0) counts.unidentified += 1
      else if (!isLost) counts.unknown += 1
    } else {
      this.#matched[graded.grade === A ? 'a' : graded.grade === B ? 'b' : 'c'] += 1
      if (graded.isAmbiguous) counts.ambiguous += 1
      for (const person of graded.people) this.people.add(person, graded.grade)
      const isSent = graded.grade === A || this.#sent(graded).length > 0
      if (!isSent) counts.knownNothingSent += 1
    }
    if (this.#isOutside(keys.time, graded)) counts.outsideWindow += 1
    else if (graded?.grade === A) for (const person of [...graded.people, ...graded.holders]) this.kept.add(person)
  }

  /** By its own time, or else by when anything about whom it names was sent. */
  #isOutside(time: number | undefined, graded: Graded | undefined): boolean {
    const { accessTo, from, to } = this.#parts.query.windows
    if (time !== undefined) {
      const isOutside =
        (from !== undefined && time < from) || (to !== undefined && time > to) || (accessTo !== undefined && time >= accessTo)
      if (isOutside) return true
    }
    if (graded === undefined) return false
    if (graded.grade === A) return !graded.isInWindow
    const sent = this.#sent(graded)
    return sent.length > 0 && sent.every(({ isInWindow }) => !isInWindow)
  }

  #sent({ candidates, groups }: Graded): { isInWindow: boolean }[] {
    const { ledger } = this.#parts
    return [...candidates.map((person) => ledger.person(person)), ...groups.map((each) => ledger.group(each))].filter(
      ({ isSent }) => isSent,
    )
  }

  #byPseudonym(keys: Keys, found: Found): Graded | undefined {
    const { epochs, ledger } = this.#parts
    const graded: Graded = { grade: A, people: [], candidates: [], groups: [], isAmbiguous: false, isInWindow: false, holders: [] }
    let isGraded = false
    let isLost = false
    const seen = new Set<number>()
    for (const [at, uuid] of keys.uuids.entries()) {
      const pseudonym = found.pseudonyms.get(uuid)
      if (pseudonym === undefined) continue
      seen.add(pseudonym.epoch)
      const made = epochs[pseudonym.epoch]
      if (made === undefined || made.destination === null || !this.#own.has(made.destination) || !FOLLOWED.has(pseudonym.kind)) continue
      const kind = pseudonym.kind as SubjectKind
      const { isSent, isInWindow } = ledger.identifier(made.destination, made.epoch, kind, pseudonym.ordinal)
      if (!isSent) {
        isLost = true
        continue
      }
      isGraded = true
      graded.isInWindow ||= isInWindow
      this.#columns.markPseudonym(keys.uuidColumns[at] as number, kind)
      if (kind !== 'group') this.#place(pseudonym.ordinal, kind === 'device', keys.time, graded)
    }
    for (const epoch of seen) this.#epochRows.set(epoch, (this.#epochRows.get(epoch) ?? 0) + 1)
    if (isLost && !isGraded) this.#counts.notInLedger += 1
    return isGraded ? graded : undefined
  }

  /** A device's row is about whoever held it then; about nobody, where that is not known. */
  #place(ordinal: Ordinal, isDevice: boolean, time: number | undefined, graded: Graded): void {
    const { people } = this.#parts
    const owner = isDevice ? people.deviceOwner(ordinal, time ?? Number.NaN, time ?? Number.NaN) : people.personOf(ordinal)
    if (typeof owner === 'number') {
      if (!graded.people.includes(owner)) graded.people.push(owner)
    } else {
      graded.holders.push(...people.holdersOf(ordinal))
      if (graded.people.length === 0) graded.isAmbiguous = true
    }
    if (graded.people.length > 0) graded.isAmbiguous = false
  }

  #byValue(keys: Keys, found: Found, grade: typeof B | typeof C): Graded | undefined {
    const { id, group, email, phone, name } = found.values
    const lists: (readonly FoundPerson[])[] =
      grade === B
        ? [...keys.ids.map((value) => id.get(value) ?? []), ...keys.groups.map((value) => group.get(value) ?? [])]
        : [
            ...keys.emails.map((value) => email.get(value) ?? []),
            ...keys.phones.map((value) => phone.get(value) ?? []),
            ...keys.names.map((value) => name.get(value) ?? []),
          ]
    const graded: Graded = { grade, people: [], candidates: [], groups: [], isAmbiguous: false, isInWindow: false, holders: [] }
    const isKnown = lists.some((list) => list.length > 0)
    if (!isKnown) return undefined
    const groups = new Set(grade === B ? keys.groups.flatMap((value) => group.get(value) ?? []) : [])
    graded.groups = [...groups].map(({ ordinal }) => ordinal)
    for (const each of lists.flat()) {
      if (groups.has(each)) continue
      const owner = ownerOf(this.#parts.people, each.ordinal, each.at === 0 ? keys.time : each.at)
      if (!graded.candidates.includes(owner)) graded.candidates.push(owner)
    }
    // What several people share names none of them.
    graded.isAmbiguous = graded.candidates.length > 1
    if (!graded.isAmbiguous) graded.people = graded.candidates
    return graded
  }

  result(format: RowFormat | undefined, entries: number): MatchResult {
    const { ledger } = this.#parts
    const peopleBy = { a: 0, b: 0, c: 0 }
    const reconciled = { inBoth: 0, inBothByPseudonym: 0, onlyInFile: 0, onlyInLedger: 0 }
    for (const [person, bits] of this.people.entries()) {
      peopleBy[(bits & A) !== 0 ? 'a' : (bits & B) !== 0 ? 'b' : 'c'] += 1
      if (!ledger.person(person).isInScope) reconciled.onlyInFile += 1
      else {
        reconciled.inBoth += 1
        if ((bits & A) !== 0) reconciled.inBothByPseudonym += 1
      }
    }
    for (const [person] of ledger.people.entries())
      if (ledger.person(person).isInScope && this.people.get(person) === 0) reconciled.onlyInLedger += 1
    const columnsNotInLedger = this.#columns.notIn(ledger, this.meanings)
    const { outsideWindow, unknown, knownNothingSent, ...others } = this.#counts
    return {
      rows: this.rows,
      matched: this.#matched,
      outsideWindow,
      notSentThroughBulkhead: unknown + knownNothingSent,
      people: peopleBy.a + peopleBy.b + peopleBy.c,
      fieldsNotInLedger: [...new Set(columnsNotInLedger.map(({ field, column }) => field ?? column))].sort(),
      columnsNotInLedger,
      peopleBy,
      reconciled,
      unknown,
      knownNothingSent,
      ...others,
      ...this.#epochs(),
      faults: this.#faults.sort((a, b) => a.number - b.number),
      format: format ?? 'none',
      entries,
    }
  }

  #epochs(): Pick<MatchResult, 'epochs' | 'foreignEpochs' | 'destroyedEpochs'> {
    const own: MatchResult['epochs'] = []
    const foreign: ForeignEpoch[] = []
    for (const [place, rows] of this.#epochRows) {
      const { destination, epoch, state } = this.#parts.epochs[place] as MatchEpoch
      if (destination !== null && this.#own.has(destination)) own.push({ destination, epoch, state, rows })
      else
        foreign.push({
          vendor: destination === null ? null : (this.#parts.ports.vendorOf(destination) ?? destination),
          destination,
          epoch,
          rows,
        })
    }
    const order = (a: { destination: string | null; epoch: number }, b: typeof a): number =>
      (a.destination ?? '') < (b.destination ?? '') ? -1 : (a.destination ?? '') > (b.destination ?? '') ? 1 : a.epoch - b.epoch
    const destroyedEpochs = this.#parts.destroyed.filter(({ destination }) => this.#own.has(destination))
    return { epochs: own.sort(order), foreignEpochs: foreign.sort(order), destroyedEpochs }
  }
}

/** An identifier on which nobody signed in stands for whoever it is. */
function ownerOf(graph: People, ordinal: Ordinal, time: number | undefined): Ordinal {
  const owner = time === undefined ? 'nobody' : graph.deviceOwner(ordinal, time, time)
  return typeof owner === 'number' ? owner : graph.personOf(ordinal)
}
