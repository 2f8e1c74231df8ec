import type { SourceConfig } from '#model/config.ts'

const TOKENS_KEPT_MAX = 20

/** Which source a record's token belongs to. A source without a token takes what no other source of its protocol takes. */
export class SourceTable {
  readonly #byToken = new Map<string, Map<string, SourceConfig>>()
  readonly #anyToken = new Map<string, SourceConfig>()

  constructor(sources: readonly SourceConfig[]) {
    for (const source of sources) {
      if (source.token === undefined) {
        if (!this.#anyToken.has(source.protocol)) this.#anyToken.set(source.protocol, source)
        continue
      }
      const tokens = this.#byToken.get(source.protocol) ?? new Map<string, SourceConfig>()
      tokens.set(source.token, source)
      this.#byToken.set(source.protocol, tokens)
    }
  }

  find(protocol: string, token: string): SourceConfig | undefined {
    return this.#byToken.get(protocol)?.get(token) ?? this.#anyToken.get(protocol)
  }
}

/** Tokens that belong to no source: enough to find the wrong setting, too little to be the token (or whatever was sent). */
export class UnknownTokens {
  #count = 0
  readonly #tokens = new Map<string, number>()

  add(token: string): void {
    this.#count++
    const redacted = `${token.slice(0, Math.min(4, Math.floor(token.length / 2))).replace(/[^\x21-\x7e]/g, '?')}…`
    const count = this.#tokens.get(redacted)
    if (count !== undefined || this.#tokens.size < TOKENS_KEPT_MAX) this.#tokens.set(redacted, (count ?? 0) + 1)
  }

  stats(): { count: number; tokens: { token: string; count: number }[] } {
    return { count: this.#count, tokens: [...this.#tokens].map(([token, count]) => ({ token, count })) }
  }
}
