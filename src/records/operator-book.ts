/**
 * Who may use the staff API, as the key folder remembers it: the table in the records is a copy. Whoever can write the records, and
 * has not the key folder, so adds no operator, changes no credential and removes nobody.
 */
import { BulkheadError } from '#base/errors.ts'
import { canonicalJson } from '#base/canonical-json.ts'
import type { Operator, OperatorRows, RememberedOperator } from './port.ts'

export interface OperatorBook {
  /** Removed ones too, in the order in which they came. */
  list(): Operator[]
  named(credentialSha256: string): string | undefined
  /** Durable in the key folder when it returns. Throws as `OperatorRows.add` does. */
  add(operator: { name: string; credentialSha256: string; at: number; by: string }): Promise<Operator>
  remove(name: string, by: { at: number; by: string }): Promise<Operator>
  remembered(): RememberedOperator[]
  /** Names under which the records had something else than the key folder when this was opened. */
  readonly foreign: readonly string[]
}

/** `known`: by the key folder; undefined when it has not heard of any. The table says the same when this returns. */
export function alignOperators(rows: OperatorRows, known: readonly RememberedOperator[] | undefined): string[] {
  if (known === undefined) return []
  const textOf = (operator: RememberedOperator): string => canonicalJson({ ...operator })
  const [said, kept] = [rows.remembered(), new Map(known.map((each) => [each.name, textOf(each)]))]
  const foreign = said.filter((each) => kept.get(each.name) !== textOf(each)).map(({ name }) => name)
  const missing = known.filter(({ name }) => !said.some((each) => each.name === name)).map(({ name }) => name)
  if (foreign.length + missing.length > 0) rows.replace(known)
  return [...foreign, ...missing]
}

/** `remember` is told all of them and is durable when it returns. */
export function openOperatorBook(
  rows: OperatorRows,
  remember: (operators: RememberedOperator[]) => Promise<void>,
  foreign: readonly string[] = [],
): OperatorBook {
  return new RememberedOperators(rows, remember, foreign)
}

class RememberedOperators implements OperatorBook {
  readonly #rows: OperatorRows
  readonly #remember: (operators: RememberedOperator[]) => Promise<void>
  readonly foreign: readonly string[]
  #known: RememberedOperator[]
  #turn: Promise<unknown> = Promise.resolve()

  constructor(rows: OperatorRows, remember: (operators: RememberedOperator[]) => Promise<void>, foreign: readonly string[]) {
    this.#rows = rows
    this.#remember = remember
    this.foreign = foreign
    this.#known = rows.remembered()
  }

  list(): Operator[] {
    return this.#known.map(({ credentialSha256: _, ...operator }) => operator)
  }

  named(credentialSha256: string): string | undefined {
    return this.#known.find((each) => each.removedAt === null && each.credentialSha256 === credentialSha256)?.name
  }

  remembered(): RememberedOperator[] {
    return this.#known
  }

  add({ name, credentialSha256, at, by }: { name: string; credentialSha256: string; at: number; by: string }): Promise<Operator> {
    return this.#inTurn(async () => {
      const known = this.#known.find((each) => each.name === name)
      if (known !== undefined) {
        const word = known.removedAt === null ? 'is an operator' : 'was one, and is not again'
        throw new BulkheadError('operator_exists', `${name} ${word}`)
      }
      if (this.named(credentialSha256) !== undefined) throw new BulkheadError('operator_exists', 'this credential is another operator’s')
      const added = { name, addedAt: at, addedBy: by, removedAt: null, removedBy: null }
      await this.#become([...this.#known, { ...added, credentialSha256 }])
      return added
    })
  }

  remove(name: string, { at, by }: { at: number; by: string }): Promise<Operator> {
    return this.#inTurn(async () => {
      const live = this.#known.filter(({ removedAt }) => removedAt === null)
      const known = live.find((each) => each.name === name)
      if (known === undefined) throw new BulkheadError('operator_unknown', `no operator is called ${JSON.stringify(name.slice(0, 64))}`)
      if (live.length <= 1) throw new BulkheadError('operator_last', `${name} is the only operator: nobody could do anything any more`)
      const removed = { ...known, credentialSha256: null, removedAt: at, removedBy: by }
      await this.#become(this.#known.map((each) => (each === known ? removed : each)))
      const { credentialSha256: _, ...operator } = removed
      return operator
    })
  }

  /** A removal counts at once; what the key folder did not take, nobody was told. */
  async #become(next: RememberedOperator[]): Promise<void> {
    const before = this.#known
    this.#known = next
    try {
      await this.#remember(next)
    } catch (thrown) {
      this.#known = before
      throw thrown
    }
    // Killed before: the next start writes the copy anew.
    this.#rows.replace(next)
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const next = this.#turn.then(act)
    this.#turn = next.catch(() => undefined)
    return next
  }
}
