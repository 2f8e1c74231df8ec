/**
 * How an entry stands on disk: a version byte, then UTF-8 JSON with its keys in the order below. Reading is strict: what
 * is not exactly an entry of this version is `ledger_corrupt`, never a guess.
 */
import { BulkheadError } from '#base/errors.ts'
import { LEDGER_ENTRY_VERSION } from '#model/disclosure.ts'
import type { Gap, Intent, LedgerEntry, LogPosition, Outcome, OutcomeState } from '#model/disclosure.ts'

const STATES: readonly string[] = ['delivered', 'possible', 'not_sent'] satisfies OutcomeState[]
const HEX_64 = /^[0-9a-f]{64}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

export function encodeEntry(entry: LedgerEntry): Buffer {
  const json = Buffer.from(JSON.stringify(entry), 'utf8')
  const bytes = Buffer.allocUnsafe(json.length + 1)
  bytes[0] = LEDGER_ENTRY_VERSION
  json.copy(bytes, 1)
  return bytes
}

export function corrupt(entry: number, what: string): BulkheadError {
  return new BulkheadError('ledger_corrupt', `ledger entry ${entry}: ${what}`)
}

/** Versions are small: what is far above is a torn byte. */
const PLAUSIBLE_VERSION_MAX = 31

function unknownVersion(number: number, found: number | undefined): BulkheadError {
  if (found === undefined || found <= LEDGER_ENTRY_VERSION || found > PLAUSIBLE_VERSION_MAX) return corrupt(number, 'unknown version')
  return new BulkheadError(
    'data_format_newer',
    `ledger entry ${number} has version ${found}, this program knows up to ${LEDGER_ENTRY_VERSION}`,
  )
}

/** Decodes the entry that stands under `number`. Throws `ledger_corrupt` naming it; never quotes what it read. */
export function decodeEntry(number: number, bytes: Uint8Array): LedgerEntry {
  if (bytes[0] !== LEDGER_ENTRY_VERSION) throw unknownVersion(number, bytes[0])
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1).toString('utf8'))
  } catch (cause) {
    throw new BulkheadError('ledger_corrupt', `ledger entry ${number}: not JSON`, { cause })
  }
  const fields = new Fields(number, parsed)
  const type = fields.text('type')
  const entry = decodeAs(type, fields)
  if (entry === undefined) throw corrupt(number, 'unknown type')
  if (entry.version !== LEDGER_ENTRY_VERSION) throw corrupt(number, 'unknown version')
  if (entry.entry !== number) throw corrupt(number, 'stands under another number than its own')
  fields.finish()
  return entry
}

function decodeAs(type: string, fields: Fields): LedgerEntry | undefined {
  if (type === 'intent') return decodeIntent(fields)
  if (type === 'outcome') return decodeOutcome(fields)
  return type === 'gap' ? decodeGap(fields) : undefined
}

function decodeGap(fields: Fields): Gap {
  const gap: Gap = {
    type: 'gap',
    version: fields.count('version'),
    entry: fields.count('entry'),
    at: fields.whole('at'),
    from: fields.count('from'),
    to: fields.count('to'),
    exact: fields.flag('exact'),
    origin: fields.matching('origin', UUID),
    backupAt: fields.whole('backupAt'),
    salt: fields.matching('salt', HEX_64),
    key: fields.matching('key', BASE64),
    signature: fields.matching('signature', BASE64),
  }
  if (gap.from !== gap.entry || gap.to < gap.from - 1) throw corrupt(gap.entry, 'is a gap that does not begin where it stands')
  return gap
}

function decodeIntent(fields: Fields): Intent {
  return {
    type: 'intent',
    version: fields.count('version'),
    entry: fields.count('entry'),
    at: fields.whole('at'),
    vendor: fields.text('vendor'),
    destination: fields.text('destination'),
    route: fields.text('route'),
    epoch: fields.count('epoch'),
    policy: fields.count('policy'),
    encoder: fields.count('encoder'),
    purpose: fields.text('purpose'),
    from: fields.position('from'),
    to: fields.position('to'),
    bodySha256: fields.matching('bodySha256', HEX_64),
    records: fields.count('records'),
    subjects: fields.count('subjects'),
    first: fields.whole('first'),
    last: fields.whole('last'),
    fence: fields.count('fence'),
    salt: fields.matching('salt', HEX_64),
    manifest: fields.matching('manifest', BASE64),
  }
}

function decodeOutcome(fields: Fields): Outcome {
  const outcome: Outcome = {
    type: 'outcome',
    version: fields.count('version'),
    entry: fields.count('entry'),
    at: fields.whole('at'),
    intent: fields.count('intent'),
    state: fields.oneOf('state', STATES) as OutcomeState,
    attempts: fields.count('attempts'),
    status: fields.count('status'),
    refused: fields.refusals('refused'),
  }
  if (outcome.intent >= outcome.entry) throw corrupt(outcome.entry, 'closes an intent that is not before it')
  return outcome
}

/** Takes fields out of a parsed object one by one; whatever is left over or of another type is corruption. */
class Fields {
  readonly #number: number
  readonly #left: Map<string, unknown>

  constructor(number: number, parsed: unknown) {
    this.#number = number
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw corrupt(number, 'not an object')
    this.#left = new Map(Object.entries(parsed))
  }

  finish(): void {
    if (this.#left.size > 0) throw corrupt(this.#number, 'unknown fields')
  }

  text(name: string): string {
    const value = this.#take(name)
    if (typeof value !== 'string') throw corrupt(this.#number, `field ${name} is not text`)
    return value
  }

  matching(name: string, pattern: RegExp): string {
    const value = this.text(name)
    if (!pattern.test(value)) throw corrupt(this.#number, `field ${name} is malformed`)
    return value
  }

  oneOf(name: string, allowed: readonly string[]): string {
    const value = this.text(name)
    if (!allowed.includes(value)) throw corrupt(this.#number, `field ${name} is not one of the known values`)
    return value
  }

  flag(name: string): boolean {
    const value = this.#take(name)
    if (typeof value !== 'boolean') throw corrupt(this.#number, `field ${name} is neither true nor false`)
    return value
  }

  whole(name: string): number {
    const value = this.#take(name)
    if (!Number.isSafeInteger(value)) throw corrupt(this.#number, `field ${name} is not a whole number`)
    return value as number
  }

  count(name: string): number {
    const value = this.whole(name)
    if (value < 0) throw corrupt(this.#number, `field ${name} is negative`)
    return value
  }

  position(name: string): LogPosition {
    const inner = new Fields(this.#number, this.#take(name))
    const position = { seq: inner.count('seq'), index: inner.count('index') }
    inner.finish()
    return position
  }

  refusals(name: string): Outcome['refused'] {
    const value = this.#take(name)
    if (!Array.isArray(value)) throw corrupt(this.#number, `field ${name} is not a list`)
    return value.map((element) => {
      const inner = new Fields(this.#number, element)
      const refusal = { reason: inner.text('reason'), count: inner.count('count') }
      inner.finish()
      return refusal
    })
  }

  #take(name: string): unknown {
    if (!this.#left.has(name)) throw corrupt(this.#number, `field ${name} is missing`)
    const value = this.#left.get(name)
    this.#left.delete(name)
    return value
  }
}
