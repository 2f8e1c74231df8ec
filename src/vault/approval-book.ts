/**
 * What the key folder remembers of each approval: the hash of its row as it was last written. Whoever can write the records, and has
 * not the key folder, so makes no second person: a row that is another one counts for nothing. Who, what and why are in the record
 * of looks before.
 */
import { BulkheadError } from '#base/errors.ts'
import type { ApprovalMark, ApprovalVault } from './approval-port.ts'
import type { KeyStore } from './key-store.ts'
import { checkLook, type Looks } from './looks.ts'
import type { Look } from './port.ts'

const META = 'approvals'

/**
 * By number: the hash that counts, and the one before it while it is not known whether the row was written. '': a restore has lost the
 * row, and its number is not given again.
 */
type Marks = Record<string, [sha256: string, before: string | null]>

export class ApprovalBook implements ApprovalVault {
  readonly #keys: Pick<KeyStore, 'meta' | 'setMeta'>
  readonly #looks: Looks
  readonly #now: () => number

  constructor(parts: { keys: Pick<KeyStore, 'meta' | 'setMeta'>; looks: Looks; now: () => number }) {
    this.#keys = parts.keys
    this.#looks = parts.looks
    this.#now = parts.now
  }

  async approvalMarks(): Promise<ApprovalMark[] | null> {
    const marks = this.#read()
    if (marks === undefined) return null
    return Object.entries(marks).map(([id, [sha256, before]]) => ({ id: Number(id), sha256, before }))
  }

  async recordApproval(mark: Omit<ApprovalMark, 'before'>, look: Look): Promise<void> {
    checkLook(look)
    checkMark(mark)
    const { actor, action, reason } = look
    this.#looks.append({ at: this.#now(), actor, action, reason, counts: { approval: mark.id } })
    const marks = this.#read() ?? {}
    const known = marks[mark.id]
    // '' stands for no row at all.
    this.#write({ ...marks, [mark.id]: [mark.sha256, known === undefined ? '' : (known[1] ?? known[0])] })
  }

  async settleApproval({ id, sha256 }: Omit<ApprovalMark, 'before'>): Promise<void> {
    const marks = this.#read() ?? {}
    const known = marks[id]
    if (known === undefined || !known.includes(sha256)) throw new BulkheadError('vault_refused', 'this is on record for no approval')
    const { [id]: _, ...others } = marks
    this.#write(sha256 === '' ? others : { ...others, [id]: [sha256, null] })
  }

  async adoptApprovals(adopted: readonly Omit<ApprovalMark, 'before'>[], look: Look): Promise<void> {
    checkLook(look)
    if (this.#read() !== undefined) throw new BulkheadError('vault_refused', 'approvals are on record already')
    const { actor, action, reason } = look
    if (adopted.length > 0) this.#looks.append({ at: this.#now(), actor, action, reason, counts: { approvals: adopted.length } })
    this.replaceApprovals(adopted)
  }

  /** Only a restore does that, which closes what is not as it is on record. */
  replaceApprovals(marks: readonly Omit<ApprovalMark, 'before'>[]): void {
    for (const mark of marks) if (mark.sha256 !== '') checkMark(mark)
    this.#write(Object.fromEntries(marks.map(({ id, sha256 }) => [id, [sha256, null]])))
  }

  #read(): Marks | undefined {
    const text = this.#keys.meta(META)
    return typeof text === 'string' ? (JSON.parse(text) as Marks) : undefined
  }

  #write(marks: Marks): void {
    this.#keys.setMeta(META, JSON.stringify(marks))
  }
}

function checkMark({ id, sha256 }: Omit<ApprovalMark, 'before'>): void {
  if (Number.isSafeInteger(id) && id > 0 && /^[0-9a-f]{64}$/.test(sha256)) return
  throw new BulkheadError('vault_refused', 'this names no approval')
}
