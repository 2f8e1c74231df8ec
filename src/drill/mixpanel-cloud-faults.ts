/** What a test tells the loopback cloud to do wrong. */
export type CloudFault =
  /** Answers with this status; `keeps`: the records were stored all the same, as a vendor that fails late does. */
  | { kind: 'status'; status: number; body?: string; retryAfter?: string; keeps?: boolean }
  /** Refuses these records of the request and keeps the others; `naming` is how the answer names them. */
  | { kind: 'partial'; indexes: readonly number[]; naming?: 'index' | 'insert_id' | '$insert_id' }
  /** Takes the records and never answers until `release` or `close`. */
  | { kind: 'hang' }
  /** Resets the connection when the headers are in, when the body is in, or after the records were stored. */
  | { kind: 'reset'; when: 'headers' | 'body' | 'stored' }
  /** Answers late, and then well. */
  | { kind: 'delay'; ms: number }

export class CloudFaults {
  readonly #queue: CloudFault[] = []
  readonly #hung = new Set<() => void>()
  #choose: ((request: { number: number; route: string }) => CloudFault | undefined) | undefined

  /** The next `times` requests fail this way, behind those that are already planned. */
  push(fault: CloudFault, times = 1): void {
    for (let count = 0; count < times; count++) this.#queue.push(fault)
  }

  /** Asked for every request for which nothing is planned. */
  choose(choice: ((request: { number: number; route: string }) => CloudFault | undefined) | undefined): void {
    this.#choose = choice
  }

  clear(): void {
    this.#queue.length = 0
    this.#choose = undefined
  }

  get pending(): number {
    return this.#queue.length
  }

  get hung(): number {
    return this.#hung.size
  }

  /** Lets every hanging request be answered. */
  release(): void {
    for (const answer of [...this.#hung]) answer()
  }

  next(request: { number: number; route: string }): CloudFault | undefined {
    return this.#queue.shift() ?? this.#choose?.(request)
  }

  hang(): Promise<void> {
    return new Promise((resolve) => {
      const answer = (): void => {
        this.#hung.delete(answer)
        resolve()
      }
      this.#hung.add(answer)
    })
  }
}

const KINDS: ReadonlySet<string> = new Set(['status', 'partial', 'hang', 'reset', 'delay'])

/** A fault that came over the control route. */
export function decodeFault(value: unknown): CloudFault | undefined {
  const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined
  return typeof kind === 'string' && KINDS.has(kind) ? (value as CloudFault) : undefined
}
