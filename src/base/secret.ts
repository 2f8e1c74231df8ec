import { inspect } from 'node:util'

/**
 * Text or bytes that must never be printed: `toString`, `toJSON` and `inspect` are redacted, and reading the value is a
 * call that reads as such.
 */
export class Secret<T extends string | Uint8Array = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
