/**
 * Makes a person's statement (src/ledger/statement.ts has what it is): finds the entries that hold rows of the person, opens those
 * rows and no others, and proves each entry up to the newest checkpoint.
 */
import { createPublicKey } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import type { Clock } from '#base/clock.ts'
import type { SignedCheckpoint } from '#ledger/checkpoint.ts'
import { headerOf, type OpenedEntry, openEntry, type OpenRow, prepareEntry, proveEntry, proveOwnRow } from '#ledger/entry-proof.ts'
import type { CommitRows, RowToCommit } from '#ledger/leaf.ts'
import { formatNote, noteSignature, noteVerifier } from '#ledger/note.ts'
import { describe, STATEMENT_FORMAT, type StatedDisclosure, type Statement, statementHash } from '#ledger/statement.ts'
import type { SubtreeHashes } from '#ledger/tree.ts'
import type { TreeSnapshot } from '#ledger/tree-snapshot.ts'
import type { Gap, Intent, LedgerEntry, ManifestRow, Outcome } from '#model/disclosure.ts'
import { statementText } from '#model/statement-text.ts'
import { parseShape } from '#policy/shape.ts'
import type { Look, Person } from '#vault/port.ts'
import type { DisclosurePorts } from './affected.ts'
import type { Snapshot } from './rows.ts'
import { fieldsNotSent } from './shapes.ts'
import { aboutPerson, isAbout } from './who.ts'

export interface StatementPorts extends DisclosurePorts {
  namespaces: readonly string[]
  clock: Clock
  ledger: { entry(number: number): LedgerEntry | undefined; head(): number; gaps(): readonly Gap[] }
  /** Rows of intents, in their order. */
  manifests(intents: readonly Intent[]): Promise<ManifestRow[][]>
  commit: CommitRows
  /** What opens rows to whom they are about; undefined for those of the erased. The look is on record before. */
  rowKeys(rows: readonly RowToCommit[], look: Look): Promise<(Buffer | undefined)[]>
  sign(sha256: string, look: Look): Promise<{ signature: string; key: string }>
  /** The tree with its newest checkpoint; undefined while there is none. */
  tree(): Promise<TreeSnapshot | undefined>
  /** Name and address of the company behind a destination, as the configuration has them. */
  recipient(vendor: string, destination: string): { name: string; address: string | null }
}

const ENTRIES_MAX = 20_000
const ENTRIES_AT_ONCE = 50
/** One call to the vault is about no more, as when the tree is made. */
const ROWS_AT_ONCE = 10_000
/** An outcome stands soon after its intent; one that comes after days of retries is looked for no further than this. */
const OUTCOME_WITHIN = 5_000
const TREE_WAIT_MS = 5_000
const TREE_POLL_MS = 100

/** Throws `not_found`, or `person_ambiguous` when what is asked names several people. */
export async function statementOf(query: string, look: Look, ports: StatementPorts): Promise<Statement> {
  const [person, ...others] = await ports.vault.resolve(query, look)
  if (person === undefined) throw new BulkheadError('not_found', 'nobody with this address or id is known')
  if (others.length > 0) throw new BulkheadError('person_ambiguous', `${others.length + 1} people have this address or id`)
  const snapshot = await ports.snapshot()
  const found = await entriesAbout(person, snapshot, ports)
  const entries = found.slice(-ENTRIES_MAX)
  const tree = await treeCovering(snapshot.head, ports)
  const disclosures = await disclosuresOf(entries, { person, outcomes: new Outcomes(ports.ledger), look, tree }, ports)
  const fields = disclosures.flatMap(({ description }) => description.flatMap((row) => parseShape(row.fields)))
  const statement: Omit<Statement, 'signed'> = {
    format: STATEMENT_FORMAT,
    madeAt: new Date(ports.clock.now()).toISOString(),
    about: { asked: query, searched: searchedIn(ports, snapshot) },
    disclosures,
    notSent: fieldsNotSent(fields),
    limits: limitsOf({ disclosures, leftOut: found.length - entries.length, gaps: ports.ledger.gaps(), checkpoint: tree?.newest }),
    checkpoint: tree === undefined ? null : checkpointOf(tree.newest),
  }
  return sign(statement, look, ports)
}

async function sign(statement: Omit<Statement, 'signed'>, look: Look, ports: StatementPorts): Promise<Statement> {
  const hash = statementHash(statement)
  const { signature, key } = await ports.sign(hash, look)
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
  const verifier = noteVerifier(statement.checkpoint?.origin ?? 'bulkhead/ledger', publicKey)
  const signatures = [noteSignature(verifier, Buffer.from(signature, 'base64'))]
  return { ...statement, signed: formatNote({ text: statementText(hash), signatures }) }
}

function checkpointOf({ origin, size, root, note }: SignedCheckpoint): NonNullable<Statement['checkpoint']> {
  return { origin, size, root: root.toString('base64'), note }
}

function searchedIn({ namespaces }: StatementPorts, { head }: Snapshot): string[] {
  return [
    'email addresses',
    ...[...new Set(namespaces)].sort().map((each) => `ids in the namespace ${each}`),
    `ledger entries 1 to ${head}`,
  ]
}

/** Numbers of intents, ascending; those of which nothing was sent are none. */
async function entriesAbout(person: Person, snapshot: Snapshot, { warehouse }: StatementPorts): Promise<number[]> {
  const { where, parameters } = aboutPerson(person, snapshot)
  const sql = `SELECT DISTINCT entry FROM disclosures WHERE ${where} ORDER BY entry`
  const loaded = await warehouse.query<{ entry: number | string }>(sql, parameters, 'badday')
  const open = snapshot.open.filter((row) => isAbout(row, person)).map(({ entry }) => entry)
  return [...new Set([...loaded.map(({ entry }) => Number(entry)), ...open])].sort((a, b) => a - b)
}

function intentOf(number: number, { ledger }: StatementPorts): Intent | undefined {
  const entry = ledger.entry(number)
  return entry?.type === 'intent' ? entry : undefined
}

/** Finds outcomes of intents that are asked for in ascending order, and reads no entry twice. */
class Outcomes {
  readonly #ledger: StatementPorts['ledger']
  readonly #found = new Map<number, Outcome>()
  #read = 0

  constructor(ledger: StatementPorts['ledger']) {
    this.#ledger = ledger
  }

  of(intent: number): Outcome | undefined {
    const last = Math.min(this.#ledger.head(), intent + OUTCOME_WITHIN)
    for (let number = Math.max(intent, this.#read) + 1; number <= last && !this.#found.has(intent); number++) {
      const entry = this.#ledger.entry(number)
      this.#read = number
      if (entry?.type === 'outcome') this.#found.set(entry.intent, entry)
    }
    return this.#found.get(intent)
  }
}

/** Entries get into the tree within a second or two: worth waiting for, but not for long. */
async function treeCovering(entry: number, { tree, clock }: StatementPorts): Promise<TreeSnapshot | undefined> {
  const until = clock.now() + TREE_WAIT_MS
  for (;;) {
    const found = await tree()
    if ((found?.newest.size ?? 0) >= entry || clock.now() >= until) return found
    await clock.sleep(TREE_POLL_MS)
  }
}

interface About {
  person: Person
  outcomes: Outcomes
  look: Look
  tree: TreeSnapshot | undefined
}

async function disclosuresOf(entries: readonly number[], about: About, ports: StatementPorts): Promise<StatedDisclosure[]> {
  const disclosures: StatedDisclosure[] = []
  let some: Intent[] = []
  let rows = 0
  const flush = async (): Promise<void> => {
    disclosures.push(...(await disclosuresIn(some, about, ports)))
    some = []
    rows = 0
  }
  for (const number of entries) {
    const intent = intentOf(number, ports)
    if (intent === undefined) continue
    if (some.length >= ENTRIES_AT_ONCE || (some.length > 0 && rows + intent.subjects > ROWS_AT_ONCE)) await flush()
    some.push(intent)
    rows += intent.subjects
  }
  await flush()
  return disclosures
}

async function disclosuresIn(
  intents: readonly Intent[],
  { person, outcomes, look, tree }: About,
  ports: StatementPorts,
): Promise<StatedDisclosure[]> {
  if (intents.length === 0) return []
  const opened = await openIntents(intents, ports)
  const own = opened.map(({ rows }) => rows.flatMap((row, at) => (isAbout(row, person) ? [at] : [])))
  const wanted = opened.flatMap(({ toCommit }, index) => (own[index] ?? []).map((at) => toCommit[at] as RowToCommit))
  const keys = wanted.length === 0 ? [] : await ports.rowKeys(wanted, look)
  return opened.flatMap((intent, index) => {
    const rows = own[index] ?? []
    const opening = { intent, rows, keys: keys.splice(0, rows.length), outcome: outcomes.of(intent.entry.entry) }
    return rows.length === 0 ? [] : [stated(opening, tree, ports)]
  })
}

async function openIntents(intents: readonly Intent[], ports: StatementPorts): Promise<OpenedEntry[]> {
  const manifests = await ports.manifests(intents)
  const drafts = intents.map((intent, index) => prepareEntry(intent, manifests[index] ?? []))
  const commitments = await ports.commit(drafts.flatMap(({ toCommit }) => toCommit))
  let next = 0
  return drafts.map((draft) => {
    const own = commitments.slice(next, next + draft.rows.length)
    next += draft.rows.length
    return openEntry(draft, own)
  })
}

interface Opening {
  intent: OpenedEntry
  /** Places of the person's rows, and what opens each. */
  rows: readonly number[]
  keys: readonly (Buffer | undefined)[]
  outcome: Outcome | undefined
}

function stated({ intent, rows, keys, outcome }: Opening, tree: TreeSnapshot | undefined, ports: StatementPorts): StatedDisclosure {
  const said = describe({
    intent: { header: headerOf(intent.entry) },
    rows: rows.map((at) => ({
      row: { ...(intent.rows[at] as ManifestRow), groupTags: groupsOf(intent.rows[at] as ManifestRow) } as OpenRow,
    })),
    outcome: outcome === undefined ? null : { header: outcome },
  })
  const { vendor, destination, ...shown } = said
  const covers = tree !== undefined && Math.max(intent.entry.entry, outcome?.entry ?? 0) <= tree.newest.size
  const isOpen = keys.every((key) => key !== undefined)
  return {
    ...shown,
    recipient: { vendor, destination, ...ports.recipient(vendor, destination) },
    proof: covers && isOpen ? proofOf({ intent, rows, keys, outcome }, tree) : null,
  }
}

/** As many as there are; their tags stand in the proof. */
function groupsOf({ groups }: ManifestRow): string[] {
  return groups.map(() => '')
}

function proofOf(opening: Opening, { newest, hashes }: { newest: SignedCheckpoint; hashes: SubtreeHashes }): StatedDisclosure['proof'] {
  const { intent, rows, keys, outcome } = opening
  const closing = outcome === undefined ? undefined : openEntry(prepareEntry(outcome, [], intent.entry as Intent), [])
  return {
    intent: proveEntry(intent, newest.size, hashes),
    rows: rows.map((at, index) => proveOwnRow(intent, at, keys[index] as Buffer)),
    outcome: closing === undefined ? null : proveEntry(closing, newest.size, hashes),
  }
}

function limitsOf(known: {
  disclosures: readonly StatedDisclosure[]
  leftOut: number
  gaps: readonly Gap[]
  checkpoint: SignedCheckpoint | undefined
}): string[] {
  const { disclosures, leftOut, gaps, checkpoint } = known
  const unproved = disclosures.filter(({ proof }) => proof === null).length
  return [
    'What a recipient held before it was sent to through Bulkhead (its baseline) is not in it.',
    'Traffic that does not go through Bulkhead (a bypass) is not in it.',
    'What a device did while nobody, or somebody else, was signed in on it is not in it.',
    'Proofs show that what it says stands in the ledger. They cannot show that nothing is missing.',
    'Name and address of a recipient come from the configuration and are not proved.',
    'The header of an entry is about a whole request: its counts and times include other people, whom it does not name.',
    ...(unproved > 0 ? [`${unproved} of the disclosures have no proof: no checkpoint covers them yet.`] : []),
    ...(leftOut > 0 ? [`${leftOut} earlier disclosures are left out.`] : []),
    ...gaps.map(({ from, to, exact }) => `A restore lost ledger entries ${from} to ${exact ? to : `at least ${to}`}.`),
    checkpoint === undefined
      ? 'There is no checkpoint of the ledger yet.'
      : 'The ledger is tamper-evident against anyone without the signing key, and against ourselves since the last checkpoint held elsewhere.',
  ]
}
