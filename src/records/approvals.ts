/**
 * What needs a second person. Somebody proposes a text, somebody else approves it, and only then it counts; each step is in
 * the vault's record of looks before it is here (law 7), and the key folder remembers the hash of the row: one that is another
 * than the vault has on record counts for nothing.
 *
 * Two credentials are two people only as far as nobody could have made the second one for themselves a moment ago: an
 * approval counts once both credentials are older than the delay. With a single operator what was proposed counts after the
 * same delay without anybody else, and says so: `approvedBy` is then SINGLE_OPERATOR.
 */
import { createHash } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { canonicalJson } from '#base/canonical-json.ts'
import type { Approval, ApprovalRows, Operator, OperatorRows } from './port.ts'

/** Stands as the second person where there is only one. */
export const SINGLE_OPERATOR = 'single-operator'
/** Stands as the person who proposes where the configuration file does. */
export const CONFIGURATION_FILE = 'bulkhead.yaml'
/** What nobody has approved by then is no matter of today any more. */
const PENDING_DAYS = 30
const HOUR_MS = 3_600_000

/** `altered`: not as the vault has it on record. */
export type ApprovalState = 'pending' | 'approved' | 'counts' | 'used' | 'rejected' | 'expired' | 'altered'

export interface Proposal {
  /** A word of the part that will require it; its text is canonical, so that equal things are one proposal. */
  kind: string
  what: string
  by: string
  reason: string
  /** UTC ms; after it the approval is worth nothing. Default: 30 days. */
  expiresAt?: number
}

/** One port for everything that one person alone may not do. */
export interface Approvals {
  /** One that is open already, or counts, is given back. */
  propose(proposal: Proposal): Promise<Approval>
  /** Throws `approval_unknown`, `approval_closed`, `approval_own`. */
  approve(id: number, by: string, reason: string): Promise<Approval>
  reject(id: number, by: string, reason: string): Promise<Approval>
  /** The approval that counts now for this very text. Throws `approval_needed`, which names the proposal when there is one. */
  require(kind: string, what: string): Promise<Approval>
  /** It is not required a second time. */
  use(id: number): Promise<Approval>
  /** Those that count by now and were not used. */
  settle(): Promise<Approval[]>
  list(): Approval[]
  get(id: number): Approval
  stateOf(approval: Approval): ApprovalState
  /** When it counts, as far as that is known: nobody else has to say anything until then. */
  countsFrom(approval: Approval): number | undefined
  /** Numbers of what is not as it is on record, and of what is on record and not there. */
  problems(): { altered: number[]; missing: number[] }
}

/** Where it is known what each row was last. */
export interface ApprovalRecord {
  /** By number: the hash of the row; '' of one that a restore has lost. */
  marks: ReadonlyMap<number, string>
  /** Who and why is durable when it returns, and that the row is this one or, until `settled`, still the one before. */
  record(mark: { id: number; sha256: string }, look: { actor: string; action: string; reason: string }): Promise<void>
  settled(mark: { id: number; sha256: string }): Promise<void>
}

export interface ApprovalPorts {
  records: { operators: Pick<OperatorRows, 'list'>; approvals: ApprovalRows }
  known: ApprovalRecord
  now(): number
  singleOperatorDelayHours: number
}

export function hashOfText(what: string): string {
  return createHash('sha256').update(what).digest('hex')
}

/** Of all that a row says. */
export function approvalHash(row: Approval): string {
  const { id, kind, what, sha256, origin, proposedBy, proposedAt, reason, approvedBy, approvedAt, approvedReason } = row
  const { countsFrom, rejectedBy, rejectedAt, rejectedReason, expiresAt, usedAt } = row
  const proposed = [id, kind, what, sha256, origin, proposedBy, proposedAt, reason, expiresAt]
  const decided = [approvedBy, approvedAt, approvedReason, countsFrom, rejectedBy, rejectedAt, rejectedReason, usedAt]
  return hashOfText(`bulkhead/approval-row/v1\n${canonicalJson([...proposed, ...decided])}`)
}

export function createApprovals(ports: ApprovalPorts): Approvals {
  return new RecordedApprovals(ports)
}

class RecordedApprovals implements Approvals {
  readonly #ports: ApprovalPorts
  readonly #delayMs: number
  readonly #marks: Map<number, string>
  /** Written, and the vault has not heard of it yet. */
  #owed: { id: number; sha256: string } | undefined
  /** One step after another. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(ports: ApprovalPorts) {
    this.#ports = ports
    this.#delayMs = ports.singleOperatorDelayHours * HOUR_MS
    this.#marks = new Map(ports.known.marks)
  }

  propose({ kind, what, by, reason, expiresAt }: Proposal): Promise<Approval> {
    return this.#inTurn(async () => {
      const sha256 = hashOfText(what)
      const known = this.#standing(kind, sha256)
      if (known !== undefined) return known
      const proposedAt = this.#ports.now()
      const ends = Math.min(expiresAt ?? Number.MAX_SAFE_INTEGER, proposedAt + PENDING_DAYS * 24 * HOUR_MS)
      const id = Math.max(0, ...this.#marks.keys(), ...this.#rows.list().map((each) => each.id)) + 1
      const origin = by === CONFIGURATION_FILE ? 'file' : 'operator'
      const row = { ...UNDECIDED, id, kind, what, sha256, origin, proposedBy: by, proposedAt, reason, expiresAt: ends } as const
      await this.#record(row, by, `propose ${kind} ${sha256}`, reason)
      return this.#written(this.#rows.add(row))
    })
  }

  approve(id: number, by: string, reason: string): Promise<Approval> {
    return this.#inTurn(async () => {
      const approval = this.#assertOpen(id, by)
      const { proposedBy, proposedAt, sha256 } = approval
      const action = `approve ${id} ${sha256}`
      // Nobody knows who wrote the file: the first who approves answers for it, and somebody else has to approve it then.
      if (proposedBy === CONFIGURATION_FILE) return this.#change(approval, { proposedBy: by }, { by, action, reason })
      const approvedAt = this.#ports.now()
      const countsFrom = Math.max(approvedAt, proposedAt, this.#agedAt(proposedBy), this.#agedAt(by))
      const change = { approvedBy: by, approvedAt, approvedReason: reason, countsFrom }
      return this.#change(approval, change, { by, action, reason })
    })
  }

  reject(id: number, by: string, reason: string): Promise<Approval> {
    return this.#inTurn(async () => {
      // Their own too: a proposal can be taken back.
      const approval = this.#assertOpen(id, undefined)
      const change = { rejectedBy: by, rejectedAt: this.#ports.now(), rejectedReason: reason }
      return this.#change(approval, change, { by, action: `reject ${id} ${approval.sha256}`, reason })
    })
  }

  async require(kind: string, what: string): Promise<Approval> {
    const sha256 = hashOfText(what)
    await this.#settleSingle()
    const found = this.#newest(kind, sha256)
    if (found !== undefined && this.stateOf(found) === 'counts') return found
    const from = found === undefined ? undefined : this.countsFrom(found)
    const when = from === undefined ? '' : `; it counts from ${new Date(from).toISOString()}`
    const state = found === undefined ? 'nobody has proposed it' : `proposal ${found.id} is ${this.stateOf(found)}${when}`
    throw new BulkheadError('approval_needed', `this needs a second person: ${state}`)
  }

  use(id: number): Promise<Approval> {
    return this.#inTurn(async () => {
      const approval = this.get(id)
      if (this.stateOf(approval) === 'altered') throw new BulkheadError('approval_closed', `proposal ${id} is altered`)
      const by = approval.approvedBy ?? approval.proposedBy
      const reason = `what it was for is done: ${approval.reason}`
      return this.#change(approval, { usedAt: this.#ports.now() }, { by, action: `use ${id} ${approval.sha256}`, reason })
    })
  }

  async settle(): Promise<Approval[]> {
    await this.#settleSingle()
    return this.list().filter((each) => this.stateOf(each) === 'counts')
  }

  list(): Approval[] {
    return this.#rows.list()
  }

  get(id: number): Approval {
    const found = this.#rows.get(id)
    if (found === undefined) throw new BulkheadError('approval_unknown', `there is no proposal ${id}`)
    return found
  }

  stateOf(approval: Approval): ApprovalState {
    const now = this.#ports.now()
    if (this.#marks.get(approval.id) !== approvalHash(approval)) return 'altered'
    if (approval.usedAt !== null) return 'used'
    if (approval.rejectedAt !== null) return 'rejected'
    if (approval.expiresAt <= now) return 'expired'
    if (!this.#isApproved(approval)) return 'pending'
    return (approval.countsFrom ?? 0) <= now ? 'counts' : 'approved'
  }

  countsFrom(approval: Approval): number | undefined {
    if (this.#isApproved(approval)) return approval.countsFrom ?? undefined
    const live = this.#live()
    if (live.length > 1) return undefined
    // Who removes the others does not get to act at once by that.
    const lastChange = Math.max(...this.#ports.records.operators.list().map(({ removedAt }) => removedAt ?? 0), 0)
    return Math.max(approval.proposedAt, lastChange) + this.#delayMs
  }

  problems(): { altered: number[]; missing: number[] } {
    const rows = this.list()
    const there = new Set(rows.map(({ id }) => id))
    return {
      altered: rows.filter((row) => this.stateOf(row) === 'altered').map(({ id }) => id),
      missing: [...this.#marks].filter(([id, sha256]) => sha256 !== '' && !there.has(id)).map(([id]) => id),
    }
  }

  get #rows(): ApprovalRows {
    return this.#ports.records.approvals
  }

  /** What somebody wrote there without the vault hides nothing that is on record. */
  #newest(kind: string, sha256: string): Approval | undefined {
    const own = this.#rows.list().filter((each) => each.kind === kind && each.sha256 === sha256)
    return own.find((each) => this.stateOf(each) !== 'altered')
  }

  #live(): Operator[] {
    return this.#ports.records.operators.list().filter(({ removedAt }) => removedAt === null)
  }

  #agedAt(name: string): number {
    const { addedAt = 0 } = this.#ports.records.operators.list().find((operator) => operator.name === name) ?? {}
    return addedAt === 0 ? 0 : addedAt + this.#delayMs
  }

  /** Who was removed before it counted is no second person: a credential could be made for the purpose and be removed again. */
  #isApproved({ approvedBy, approvedAt, countsFrom }: Approval): boolean {
    const { removedAt = null } = this.#ports.records.operators.list().find(({ name }) => name === approvedBy) ?? {}
    return approvedAt !== null && (removedAt === null || removedAt >= (countsFrom ?? 0))
  }

  /** One that is still to be decided on, or that counts. */
  #standing(kind: string, sha256: string): Approval | undefined {
    const found = this.#newest(kind, sha256)
    return found !== undefined && ['pending', 'approved', 'counts'].includes(this.stateOf(found)) ? found : undefined
  }

  #assertOpen(id: number, by: string | undefined): Approval {
    const approval = this.get(id)
    const state = this.stateOf(approval)
    if (state !== 'pending' && !(by === undefined && (state === 'approved' || state === 'counts')))
      throw new BulkheadError('approval_closed', `proposal ${id} is ${state}`)
    if (by !== undefined && approval.proposedBy === by)
      throw new BulkheadError('approval_own', `${by} has proposed this: somebody else has to approve it`)
    return approval
  }

  /** With a single operator time stands for the second person. */
  #settleSingle(): Promise<void> {
    return this.#inTurn(async () => {
      const now = this.#ports.now()
      for (const approval of this.list()) {
        const from = this.stateOf(approval) === 'pending' ? this.countsFrom(approval) : undefined
        if (from === undefined || from > now) continue
        const [only] = this.#live()
        const reason = `nobody else could: the delay of a single operator is over since ${new Date(from).toISOString()}`
        const proposedBy = approval.proposedBy === CONFIGURATION_FILE && only !== undefined ? { proposedBy: only.name } : {}
        const change = { ...proposedBy, approvedBy: SINGLE_OPERATOR, approvedAt: now, approvedReason: reason, countsFrom: from }
        const action = `approve ${approval.id} ${approval.sha256} as ${SINGLE_OPERATOR}`
        await this.#change(approval, change, { by: only?.name ?? SINGLE_OPERATOR, action, reason })
      }
    })
  }

  async #change(
    approval: Approval,
    change: Partial<Omit<Approval, 'id' | 'kind' | 'what' | 'sha256'>>,
    { by, action, reason }: { by: string; action: string; reason: string },
  ): Promise<Approval> {
    await this.#record({ ...approval, ...change }, by, action, reason)
    return this.#written(this.#rows.update(approval.id, change))
  }

  async #record(row: Approval, actor: string, action: string, reason: string): Promise<void> {
    await this.#settleOwed()
    await this.#ports.known.record({ id: row.id, sha256: approvalHash(row) }, { actor, action: `approval ${action}`, reason })
  }

  async #written(row: Approval): Promise<Approval> {
    const mark = { id: row.id, sha256: approvalHash(row) }
    this.#marks.set(mark.id, mark.sha256)
    this.#owed = mark
    // A vault that is away now is told with the next step, or by the next start.
    await this.#settleOwed().catch(() => undefined)
    return row
  }

  async #settleOwed(): Promise<void> {
    if (this.#owed === undefined) return
    await this.#ports.known.settled(this.#owed)
    this.#owed = undefined
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const next = this.#turn.then(act)
    this.#turn = next.catch(() => undefined)
    return next
  }
}

const UNDECIDED = {
  approvedBy: null,
  approvedAt: null,
  approvedReason: null,
  countsFrom: null,
  rejectedBy: null,
  rejectedAt: null,
  rejectedReason: null,
  usedAt: null,
}
