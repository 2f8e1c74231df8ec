/**
 * Certificate and key of the gateway. They are read again every few seconds, so that a renewed certificate is used without
 * a restart; what does not fit together yet, because one of the two files is still the old one, is left for the next look.
 */
import { readFileSync } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import { BulkheadError } from '#base/errors.ts'

export const TLS_SETTINGS = { minVersion: 'TLSv1.2', handshakeTimeout: 10_000 } as const

interface Pair {
  cert: string
  key: string
}

export class TlsFiles {
  readonly #given: Pair
  #current: Pair
  #refused: Pair | undefined
  #failedLooks = 0
  #timer: NodeJS.Timeout | undefined

  /** PEM text, or the paths of PEM files. */
  constructor(given: Pair) {
    this.#given = given
    this.#current = this.#read()
  }

  get current(): Pair {
    return this.#current
  }

  watch(server: Server, everyMs: number, onFailure: (error: BulkheadError) => void): void {
    this.#timer = setInterval(() => this.#look(server, onFailure), everyMs)
    this.#timer.unref()
  }

  /** A pair that is no good is told once; the one in use stays. */
  #look(server: Server, onFailure: (error: BulkheadError) => void): void {
    let pair: Pair | undefined
    try {
      pair = this.#read()
      if (isSame(pair, this.#current)) return
      createSecureContext(pair)
      server.setSecureContext({ ...pair, minVersion: TLS_SETTINGS.minVersion })
      this.#current = pair
      this.#refused = undefined
    } catch {
      // The first look that fails may have come between the two files; from the third on it has been told.
      const read = pair ?? { cert: '', key: '' }
      this.#failedLooks = this.#refused !== undefined && isSame(read, this.#refused) ? this.#failedLooks + 1 : 1
      this.#refused = read
      if (this.#failedLooks === 2)
        onFailure(new BulkheadError('config_invalid', 'the new certificate and key cannot be used; the old ones stay in use'))
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #read(): Pair {
    return { cert: pemOf(this.#given.cert), key: pemOf(this.#given.key) }
  }
}

function isSame(a: Pair, b: Pair): boolean {
  return a.cert === b.cert && a.key === b.key
}

function pemOf(text: string): string {
  return text.includes('-----BEGIN') ? text : readFileSync(text, 'utf8')
}
