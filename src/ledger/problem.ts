/** What a check of the ledger finds wrong. */
export type ProblemKind =
  /** Of an entry, in the ledger or in a bundle. */
  | 'changed'
  | 'dropped'
  | 'inserted'
  | 'reordered'
  /** Of the tree's files. */
  | 'tile'
  | 'bundle'
  | 'checkpoint'
  | 'signature'
  /** The warehouse says otherwise than the ledger. */
  | 'totals'

export interface Problem {
  /** Index of the entry, or of the first that a file covers; null where no entry can be named. */
  index: number | null
  kind: ProblemKind
  what: string
}

export const PROBLEMS_MAX = 1_000

/** Keeps the first ones and counts the rest: a broken disk must not fill the memory. */
export class Problems {
  readonly list: Problem[] = []
  more = 0

  add(problem: Problem): void {
    if (this.list.length < PROBLEMS_MAX) this.list.push(problem)
    else this.more += 1
  }

  get none(): boolean {
    return this.list.length === 0
  }
}
