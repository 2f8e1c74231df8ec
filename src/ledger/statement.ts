/**
 * A person's statement: what was disclosed about them, to whom, when and for what (45 CFR 164.528; GDPR Art. 15(1)(c)), with
 * proofs that can be checked from the file and the ledger's public key alone. What is proved is derived from the proofs and from
 * nothing else, so what it says and what they show cannot differ; a signature over the whole keeps it from being cut or added to.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import type { Intent, Outcome } from '#model/disclosure.ts'
import { statementText } from '#model/statement-text.ts'
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { type EntryProof, type RowProof, whyNotInEntry, whyNotInTree } from './entry-proof.ts'
import { type NoteVerifier, openNote, parseNote } from './note.ts'

export const STATEMENT_FORMAT = 'bulkhead-statement/1'
const DEPTH_MAX = 32

export interface Statement {
  format: typeof STATEMENT_FORMAT
  /** ISO 8601, UTC. */
  madeAt: string
  /** What was asked, in the asker's words, and where it was looked for. */
  about: { asked: string; searched: string[] }
  disclosures: StatedDisclosure[]
  /** Fields about people that are in none of them. */
  notSent: string[]
  /** What it cannot say. */
  limits: string[]
  checkpoint: { origin: string; size: number; root: string; note: string } | null
  /** A note over the SHA-256 of all the rest. */
  signed: string
}

export interface StatedDisclosure {
  /** Number in the ledger. */
  entry: number
  /** When it was sent, ISO 8601, UTC. */
  date: string
  recipient: { vendor: string; destination: string; name: string; address: string | null }
  description: StatedRow[]
  purpose: string
  /** `delivered`: the recipient answered to it. `possible`: some byte was handed over, or nobody knows. */
  state: 'delivered' | 'possible'
  /** Null for what no checkpoint covers yet. */
  proof: { intent: EntryProof; rows: RowProof[]; outcome: EntryProof | null } | null
}

export interface StatedRow {
  surface: string
  /** Pairs of field and form: `country:coarse,user_id:pseudonym`. */
  fields: string
  about: 'person' | 'device'
  events: number
  /** Event time, ISO 8601, UTC. */
  first: string
  last: string
  /** Organisations named beside the person. */
  groups: number
}

/** What the proofs show of one disclosure, in words; all of it but the name and the address of the recipient. */
export function describe(proof: {
  intent: Pick<EntryProof, 'header'>
  rows: readonly Pick<RowProof, 'row'>[]
  outcome: Pick<EntryProof, 'header'> | null
}) {
  const intent = proof.intent.header as Intent
  const outcome = proof.outcome?.header as Outcome | undefined
  return {
    entry: intent.entry,
    date: new Date(intent.at).toISOString(),
    vendor: intent.vendor,
    destination: intent.destination,
    purpose: intent.purpose,
    state: outcome?.state === 'delivered' ? ('delivered' as const) : ('possible' as const),
    description: proof.rows.map(
      ({ row }): StatedRow => ({
        surface: row.surface,
        fields: row.shape,
        about: row.kind === 'device' ? 'device' : 'person',
        events: row.events,
        first: instant(row.first),
        last: instant(row.last),
        groups: row.groupTags.length,
      }),
    ),
  }
}

/** Clients may say any time; what no calendar has stands as a number. */
function instant(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms)
}

/** Of all of it but its signature. */
export function statementHash(statement: Omit<Statement, 'signed'>): string {
  const { signed: _signed, ...rest } = statement as Statement
  return createHash('sha256').update(canonicalJson(rest)).digest('hex')
}

export interface StatementProblem {
  /** Null for what is about the whole. */
  entry: number | null
  what: string
}

export interface CheckedStatement {
  ok: boolean
  disclosures: number
  /** Those with proofs that hold. */
  proved: number
  problems: StatementProblem[]
  checkpoint: { origin: string; size: number; root: string } | null
}

/** `keyOf` gives the verifier that is to be under a name. Throws `statement_invalid` for what is none at all. */
export function checkStatement(text: string, keyOf: (name: string) => NoteVerifier): CheckedStatement {
  const statement = decodeStatement(text)
  const problems: StatementProblem[] = []
  const checkpoint = checkpointOf(statement, keyOf, problems)
  checkSignature(statement, keyOf, problems)
  let proved = 0
  let before = 0
  for (const stated of statement.disclosures) {
    const what = whyNot(stated, checkpoint)
    if (what !== undefined) problems.push({ entry: Number(stated.entry), what })
    else if (stated.proof !== null) proved++
    if (!(stated.entry > before)) problems.push({ entry: Number(stated.entry), what: 'it is there twice or out of order' })
    before = stated.entry
  }
  return {
    ok: problems.length === 0,
    disclosures: statement.disclosures.length,
    proved,
    problems,
    checkpoint:
      checkpoint === undefined ? null : { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root.toString('base64') },
  }
}

function decodeStatement(text: string): Statement {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new BulkheadError('statement_invalid', 'this is no statement: not JSON', { cause })
  }
  // Who reads the text sees both, and other programs may take the first: only the last one was signed.
  if (namesIn(text) !== membersOf(parsed)) throw new BulkheadError('statement_invalid', 'this is no statement: a name stands in it twice')
  const statement = parsed as Partial<Statement> | null
  if (typeof statement !== 'object' || statement === null || statement.format !== STATEMENT_FORMAT)
    throw new BulkheadError('statement_invalid', `this is no statement of the format ${STATEMENT_FORMAT}`)
  const { disclosures, checkpoint, signed } = statement
  const isStated = (each: unknown): boolean => isObject(each) && typeof each.entry === 'number' && isObject(each.recipient)
  const isShaped = Array.isArray(disclosures) && disclosures.every(isStated)
  const isCheckpoint = checkpoint === null || (isObject(checkpoint) && typeof checkpoint.note === 'string')
  if (!isShaped || typeof signed !== 'string' || !isCheckpoint)
    throw new BulkheadError('statement_invalid', 'this is no statement: parts of it are missing')
  return statement as Statement
}

/** Names of members in JSON text, those included that a reader drops because they stand there once more. */
function namesIn(json: string): number {
  return json.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').split(':').length - 1
}

function membersOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth > DEPTH_MAX) throw new BulkheadError('statement_invalid', 'this is no statement: it is nested deeper than any')
  const inside = Object.values(value).reduce<number>((sum, each) => sum + membersOf(each, depth + 1), 0)
  return inside + (Array.isArray(value) ? 0 : Object.keys(value).length)
}

function checkpointOf(
  { checkpoint }: Statement,
  keyOf: (name: string) => NoteVerifier,
  problems: StatementProblem[],
): SignedCheckpoint | undefined {
  if (checkpoint === null) return undefined
  try {
    const [name = ''] = String(checkpoint.note).split('\n', 1)
    const opened = openCheckpoint(String(checkpoint.note), [keyOf(name)])
    const said = { origin: opened.origin, size: opened.size, root: opened.root.toString('base64'), note: opened.note }
    if (canonicalJson(said) === canonicalJson(checkpoint)) return opened
    problems.push({ entry: null, what: 'the checkpoint is not the one of its note' })
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError)) throw thrown
    problems.push({ entry: null, what: `the checkpoint does not count: ${thrown.message}` })
  }
  return undefined
}

function checkSignature(statement: Statement, keyOf: (name: string) => NoteVerifier, problems: StatementProblem[]): void {
  try {
    const name = parseNote(statement.signed).signatures[0]?.name ?? ''
    const { text } = openNote(statement.signed, [keyOf(name)])
    if (text === statementText(statementHash(statement))) return
    problems.push({ entry: null, what: 'it was changed after it was signed' })
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError)) throw thrown
    problems.push({ entry: null, what: `its signature does not count: ${thrown.message}` })
  }
}

function whyNot(stated: StatedDisclosure, checkpoint: SignedCheckpoint | undefined): string | undefined {
  const { proof } = stated
  if (proof === null) return undefined
  if (!isObject(proof) || !isObject(proof.intent) || !Array.isArray(proof.rows)) return 'its proof is malformed'
  if (checkpoint === undefined) return 'there is no checkpoint to hold it against'
  const tree = { size: checkpoint.size, root: checkpoint.root }
  const wrong = whyNotInTree(proof.intent, tree) ?? (proof.outcome === null ? undefined : whyNotOutcome(proof.outcome, proof.intent, tree))
  if (wrong !== undefined) return wrong
  if (proof.intent.header.type !== 'intent') return 'its entry is no disclosure'
  if (proof.rows.length === 0) return 'it opens no row of the person'
  for (const row of proof.rows) {
    const why = isObject(row) ? whyNotInEntry(row, proof.intent) : 'the proof of a row is malformed'
    if (why !== undefined) return why
  }
  if (new Set(proof.rows.map(({ index }) => index)).size !== proof.rows.length) return 'it opens one row twice'
  const { proof: _proof, recipient, ...said } = stated
  const { vendor, destination, ...shown } = describe(proof)
  const isSame = canonicalJson(said) === canonicalJson(shown) && recipient.vendor === vendor && recipient.destination === destination
  return isSame ? undefined : 'it says something else than what its proof shows'
}

function whyNotOutcome(outcome: EntryProof, intent: EntryProof, tree: { size: number; root: Uint8Array }): string | undefined {
  if (!isObject(outcome)) return 'the proof of its outcome is malformed'
  const why = whyNotInTree(outcome, tree)
  if (why !== undefined) return `its outcome: ${why}`
  const { header } = outcome
  return header.type === 'outcome' && header.intent === intent.header.entry ? undefined : 'its outcome is of another entry'
}

function isObject(value: unknown): value is Record<string, never> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
