/**
 * What the ledger says of everybody, in a form that a file of millions of rows can be held against: for each number of an
 * identifier a few bits. A number is small and none is left out, so a table of bytes takes less than any set.
 */
import type { SubjectKind } from '#model/disclosure.ts'
import type { KnownField } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { parseShape } from '#policy/shape.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { People } from './people.ts'
import { condition, isInScope, type Scope } from './rows.ts'
import { gather } from './scan.ts'

/** Bits by number. */
export class Marks {
  #bytes = new Uint8Array(1024)

  get(number: Ordinal): number {
    return this.#bytes[number] ?? 0
  }

  /** The bits that were there before. */
  add(number: Ordinal, bits: number): number {
    if (number >= this.#bytes.length) {
      const grown = new Uint8Array(Math.max(number + 1, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    const before = this.#bytes[number] as number
    this.#bytes[number] = before | bits
    return before
  }

  *entries(): Generator<[number: Ordinal, bits: number], void> {
    for (let number = 0; number < this.#bytes.length; number++) {
      const bits = this.#bytes[number] as number
      if (bits !== 0) yield [number, bits]
    }
  }
}

const SENT = 1
const IN_WINDOW = 2
const IN_SCOPE = 4

const KINDS: readonly SubjectKind[] = ['user', 'device', 'group']

export class LedgerView {
  readonly #identifiers = new Map<string, Marks>()
  readonly people = new Marks()
  readonly #groups = new Marks()
  /** Bits of all that was sent under an epoch. */
  readonly #epochs = new Map<string, number>()
  readonly fields = new Set<string>()

  /** Whether that identifier was ever sent under that epoch, and whether in the windows. */
  identifier(destination: string, epoch: number, kind: SubjectKind, ordinal: Ordinal): { isSent: boolean; isInWindow: boolean } {
    const bits = this.#identifiers.get(keyOf(destination, epoch, kind))?.get(ordinal) ?? 0
    // Beside a user a device is sent without a row of its own: that it was, the epoch and the field say.
    if (bits === 0 && kind === 'device' && this.fields.has('device_id')) return stateOf(this.#epochs.get(`${destination}\0${epoch}`) ?? 0)
    return stateOf(bits)
  }

  group(group: Ordinal): { isSent: boolean; isInWindow: boolean } {
    return stateOf(this.#groups.get(group))
  }

  person(person: Ordinal): { isSent: boolean; isInWindow: boolean; isInScope: boolean } {
    const bits = this.people.get(person)
    return { ...stateOf(bits), isInScope: (bits & IN_SCOPE) !== 0 }
  }

  hasField(field: KnownField | `property.${string}`): boolean {
    return this.fields.has(field)
  }

  mark(destination: string, epoch: number, kind: SubjectKind, ordinal: Ordinal, bits: number): void {
    const key = keyOf(destination, epoch, kind)
    let marks = this.#identifiers.get(key)
    if (marks === undefined) {
      marks = new Marks()
      this.#identifiers.set(key, marks)
    }
    marks.add(ordinal, bits)
    if (kind === 'group') this.#groups.add(ordinal, bits)
    const used = `${destination}\0${epoch}`
    this.#epochs.set(used, (this.#epochs.get(used) ?? 0) | bits)
  }
}

function stateOf(bits: number): { isSent: boolean; isInWindow: boolean } {
  return { isSent: (bits & SENT) !== 0, isInWindow: (bits & IN_WINDOW) !== 0 }
}

function keyOf(destination: string, epoch: number, kind: SubjectKind): string {
  return `${destination}\0${epoch}\0${kind}`
}

/** `scope`: the incident's. What was sent at all, within its windows, and within all of it. */
export async function viewLedger(scope: Scope, people: People, warehouse: Warehouse): Promise<LedgerView> {
  const view = new LedgerView()
  const { vendor, snapshot, windows } = scope
  const noWindows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
  const ever: Scope = { vendor, destination: undefined, windows: noWindows, snapshot }
  const within: Scope = { ...ever, windows }
  // Where windows or scope leave nothing out, one reading answers for both.
  const passes = new Map<string, { each: Scope; bits: number }>()
  for (const [each, bits] of [[ever, SENT] as const, [within, IN_WINDOW] as const, [scope, IN_SCOPE] as const]) {
    const key = JSON.stringify(condition(each))
    passes.set(key, { each, bits: (passes.get(key)?.bits ?? 0) | bits })
  }
  for (const { each, bits } of passes.values()) {
    await markIdentifiers(view, each, bits, people, warehouse)
    // People whose rows come from several places, from devices above all.
    const { people: gathered } = await gather(each, people, warehouse)
    for (const person of gathered.keys()) view.people.add(person, bits)
  }
  await addFields(view, ever, warehouse)
  return view
}

async function markIdentifiers(view: LedgerView, scope: Scope, bits: number, people: People, warehouse: Warehouse): Promise<void> {
  const { where, parameters } = condition(scope)
  const listed = await warehouse.query<{ destination: string }>(
    `SELECT DISTINCT toString(destination) AS destination FROM disclosures WHERE ${where} ORDER BY destination`,
    parameters,
    'badday',
  )
  for (const { destination } of listed) {
    const blocks = await warehouse.columns(
      `SELECT toFloat64(subject) AS number, toUInt32(kind) AS kindCode, toUInt32(epoch) AS epochNumber FROM disclosures
       WHERE ${where} AND destination = {one:String} GROUP BY subject, kind, epoch`,
      { ...parameters, one: destination },
      'badday',
    )
    for (const { rows, columns } of blocks) {
      const [numbers, kinds, epochs] = ['number', 'kindCode', 'epochNumber'].map((name) => columns.get(name))
      for (let row = 0; row < rows; row++) {
        // The engine counts its kinds from one.
        const kind = KINDS[(kinds?.[row] ?? 0) - 1] as SubjectKind
        const number = numbers?.[row] as number
        view.mark(destination, epochs?.[row] as number, kind, number, bits)
        if (kind === 'user') view.people.add(people.personOf(number), bits)
      }
    }
    // Groups that were named beside a subject have no row of their own.
    const beside = await warehouse.columns(
      `SELECT toFloat64(arrayJoin("groups")) AS number, toUInt32(epoch) AS epochNumber FROM disclosures
       WHERE ${where} AND destination = {one:String} GROUP BY number, epoch`,
      { ...parameters, one: destination },
      'badday',
    )
    for (const { rows, columns } of beside) {
      const [numbers, epochs] = ['number', 'epochNumber'].map((name) => columns.get(name))
      for (let row = 0; row < rows; row++) view.mark(destination, epochs?.[row] as number, 'group', numbers?.[row] as number, bits)
    }
  }
  for (const row of scope.snapshot.open) {
    if (!isInScope(row, scope)) continue
    view.mark(row.destination, row.epoch, row.kind, row.subject, bits)
    for (const group of row.groups) view.mark(row.destination, row.epoch, 'group', group, bits)
    if (row.kind === 'user') view.people.add(people.personOf(row.subject), bits)
  }
}

async function addFields(view: LedgerView, scope: Scope, warehouse: Warehouse): Promise<void> {
  const { where, parameters } = condition(scope)
  const sql = `SELECT DISTINCT toString(shape) AS shape FROM disclosures WHERE ${where}`
  const shapes = new Set((await warehouse.query<{ shape: string }>(sql, parameters, 'badday')).map(({ shape }) => shape))
  for (const row of scope.snapshot.open) if (isInScope(row, scope)) shapes.add(row.shape)
  for (const shape of shapes) for (const { field } of parseShape(shape)) view.fields.add(field)
}
