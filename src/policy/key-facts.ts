/** All that the name of a key says, found once: keys repeat with every event, and each look-up costs as much as a short value. */
import { remember } from '#base/remember.ts'
import { type SecretKey, secretKeyOf } from './detect/destroy.ts'
import { hintOf } from './detect/detect.ts'
import { type IdentityKey, identityKeyOf } from './identity-keys.ts'

export class KeyFacts {
  /** In NFC: as it is stored and approved. */
  readonly name: string
  readonly secret: SecretKey
  readonly identity: IdentityKey | undefined
  #hint: string | undefined

  constructor(key: string) {
    this.name = key.normalize('NFC')
    this.secret = secretKeyOf(this.name)
    this.identity = identityKeyOf(this.name)
  }

  /** The name, when it makes more of its value than the text alone says; else empty. Many rules are tried: ask of approved ones only. */
  get hint(): string {
    this.#hint ??= hintOf(this.name)
    return this.#hint
  }
}

export const keyFactsOf = remember((key) => new KeyFacts(key), { entriesMax: 10_000, charactersMax: 64 })
