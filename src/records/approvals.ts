/**
 * What needs a second person. Somebody proposes a text, somebody else approves it, and only then it counts; each step is in
 * the vault's record of looks before it is here (law 7).
 *
 * Two credentials are two people only as far as nobody could have made the second one for themselves a moment ago: an
 * approval counts once both credentials are older than the delay. With a single operator what was proposed counts after the
 * same delay without anybody else, and says so: `approvedBy` is then SINGLE_OPERATOR.
 */
import { createHash } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import type { Approval, Operator, Records } from './port.ts'

/** Stands as the second person where there is only one. */
export const SINGLE_OPERATOR = 'single-operator'
/** Stands as the person who proposes where the configuration file does. */
export const CONFIGURATION_FILE = 'bulkhead.yaml'
/** What nobody has approved by then is no matter of today any more. */
const PENDING_DAYS = 30
const HOUR_MS = 3_600_000

export type ApprovalState = 'pending' | 'approved' | 'counts' | 'used' | 'rejected' | 'expired'

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
  use(id: number): Approval
  /** Those that count by now and were not used. */
  settle(): Promise<Approval[]>
  list(): Approval[]
  get(id: number): Approval
  stateOf(approval: Approval): ApprovalState
  /** When it counts, as far as that is known: nobody else has to say anything until then. */
  countsFrom(approval: Approval): number | undefined
}

export interface ApprovalPorts {
  records: Pick<Records, 'operators' | 'approvals'>
  /** Durable when it returns. */
  recordLook(look: { actor: string; action: string; reason: string; subjects: number }): Promise<void>
  now(): number
  singleOperatorDelayHours: number
}

export function hashOfText(what: string): string {
  return createHash('sha256').update(what).digest('hex')
}

export function createApprovals(ports: ApprovalPorts): Approvals {
  return new RecordedApprovals(ports)
}

class RecordedApprovals implements Approvals {
  readonly #ports: ApprovalPorts
  readonly #delayMs: number

  constructor(ports: ApprovalPorts) {
    this.#ports = ports
    this.#delayMs = ports.singleOperatorDelayHours * HOUR_MS
  }

  async propose({ kind, what, by, reason, expiresAt }: Proposal): Promise<Approval> {
    const sha256 = hashOfText(what)
    const known = this.#standing(kind, sha256)
    if (known !== undefined) return known
    await this.#record(by, `propose ${kind} ${sha256}`, reason)
    const proposedAt = this.#ports.now()
    const origin = by === CONFIGURATION_FILE ? 'file' : 'operator'
    const ends = Math.min(expiresAt ?? Number.MAX_SAFE_INTEGER, proposedAt + PENDING_DAYS * 24 * HOUR_MS)
    // Somebody may have proposed the same while the look was written.
    return (
      this.#standing(kind, sha256) ?? this.#rows.add({ kind, what, sha256, origin, proposedBy: by, proposedAt, reason, expiresAt: ends })
    )
  }

  async approve(id: number, by: string, reason: string): Promise<Approval> {
    this.#assertOpen(id, by)
    await this.#record(by, `approve ${id} ${this.get(id).sha256}`, reason)
    const { proposedBy, proposedAt } = this.#assertOpen(id, by)
    // Nobody knows who wrote the file: the first who approves answers for it, and somebody else has to approve it then.
    if (proposedBy === CONFIGURATION_FILE) return this.#rows.update(id, { proposedBy: by })
    const approvedAt = this.#ports.now()
    const countsFrom = Math.max(approvedAt, proposedAt, this.#agedAt(proposedBy), this.#agedAt(by))
    return this.#rows.update(id, { approvedBy: by, approvedAt, approvedReason: reason, countsFrom })
  }

  async reject(id: number, by: string, reason: string): Promise<Approval> {
    // Their own too: a proposal can be taken back.
    this.#assertOpen(id, undefined)
    await this.#record(by, `reject ${id} ${this.get(id).sha256}`, reason)
    this.#assertOpen(id, undefined)
    return this.#rows.update(id, { rejectedBy: by, rejectedAt: this.#ports.now(), rejectedReason: reason })
  }

  async require(kind: string, what: string): Promise<Approval> {
    const sha256 = hashOfText(what)
    await this.#settleSingle()
    const found = this.#rows.find(kind, sha256)
    if (found !== undefined && this.stateOf(found) === 'counts') return found
    const from = found === undefined ? undefined : this.countsFrom(found)
    const when = from === undefined ? '' : `; it counts from ${new Date(from).toISOString()}`
    const state = found === undefined ? 'nobody has proposed it' : `proposal ${found.id} is ${this.stateOf(found)}${when}`
    throw new BulkheadError('approval_needed', `this needs a second person: ${state}`)
  }

  use(id: number): Approval {
    return this.#rows.update(id, { usedAt: this.#ports.now() })
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

  get #rows(): Records['approvals'] {
    return this.#ports.records.approvals
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
    const found = this.#rows.find(kind, sha256)
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
  async #settleSingle(): Promise<void> {
    const now = this.#ports.now()
    for (const approval of this.list()) {
      const from = this.stateOf(approval) === 'pending' ? this.countsFrom(approval) : undefined
      if (from === undefined || from > now) continue
      const [only] = this.#live()
      const reason = `nobody else could: the delay of a single operator is over since ${new Date(from).toISOString()}`
      await this.#record(only?.name ?? SINGLE_OPERATOR, `approve ${approval.id} ${approval.sha256} as ${SINGLE_OPERATOR}`, reason)
      if (this.stateOf(this.get(approval.id)) !== 'pending' || this.countsFrom(this.get(approval.id)) !== from) continue
      const proposedBy = approval.proposedBy === CONFIGURATION_FILE && only !== undefined ? { proposedBy: only.name } : {}
      const by = { approvedBy: SINGLE_OPERATOR, approvedAt: now, approvedReason: reason, countsFrom: from }
      this.#rows.update(approval.id, { ...proposedBy, ...by })
    }
  }

  async #record(actor: string, action: string, reason: string): Promise<void> {
    await this.#ports.recordLook({ actor, action: `approval ${action}`, reason, subjects: 0 })
  }
}
