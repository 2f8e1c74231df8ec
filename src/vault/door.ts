/**
 * What the public edge does with keys itself, in its own process: seal the text that waits, and make the hashes by which
 * repeats are known. It holds a public key, and the one secret key of the repeat hashes, which opens nothing: with it and
 * a copy of the log somebody could try out whether a guessed insert id was seen.
 */
import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import { type Context, ENC_BYTES, type KeyPair, openMessage, sealMessage, setupReceiver, setupSender } from './hpke.ts'
import type { Door, DoorKeys } from './port.ts'
import { encryptBlocks } from './pseudonym.ts'
import { bind } from './seal.ts'

/** Version 1 was sealed under a symmetric key of the day, by the vault. */
const VERSION = 2
const HEAD_BYTES = 1 + ENC_BYTES + 4
const HASH_BYTES = 16
/**
 * A context's key opens what was sealed in it, so it is let go with the first text after a second: whoever reads the edge's
 * memory finds the key of the last text, and of what was sealed up to a second before that. On a quiet edge it stays until then.
 */
const CONTEXT_MS_MAX = 1000
const CONTEXT_MESSAGES_MAX = 10_000

function infoOf(day: number): Buffer {
  return Buffer.from(bind('waiting', day))
}

export function openDoor(keys: DoorKeys, now: () => number = () => performance.now()): Door {
  return new OpenDoor(keys, now)
}

class OpenDoor implements Door {
  readonly day: number
  readonly #publicKey: Buffer
  readonly #dedup: KeyObject
  readonly #now: () => number
  #sender: { enc: Buffer; context: Context; until: number } | undefined
  #sequence = 0

  constructor(keys: DoorKeys, now: () => number) {
    this.day = keys.day
    this.#publicKey = Buffer.from(keys.waiting)
    this.#dedup = createSecretKey(keys.dedup)
    this.#now = now
  }

  seal(text: string): Buffer {
    const { enc, context } = this.#currentSender()
    return sealIn(context, enc, this.#sequence++, text)
  }

  /**
   * The first half of a text's SHA-256 as one block under the key: a keyed permutation of what only an equal text has. All
   * blocks take one cipher call, where an HMAC for each text costs as much as parsing the event.
   */
  dedup(texts: readonly string[]): Buffer {
    let digests = ''
    for (const text of texts) digests += hash('sha256', text, 'binary').slice(0, HASH_BYTES)
    return encryptBlocks(this.#dedup, Buffer.from(digests, 'latin1'))
  }

  #currentSender(): { enc: Buffer; context: Context } {
    const known = this.#sender
    if (known !== undefined && this.#now() < known.until && this.#sequence < CONTEXT_MESSAGES_MAX) return known
    this.#sender = { ...setupSender(this.#publicKey, infoOf(this.day)), until: this.#now() + CONTEXT_MS_MAX }
    this.#sequence = 0
    return this.#sender
  }
}

function sealIn(context: Context, enc: Buffer, sequence: number, text: string): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head[0] = VERSION
  enc.copy(head, 1)
  head.writeUInt32BE(sequence, 1 + ENC_BYTES)
  return Buffer.concat([head, ...sealMessage(context, sequence, text)])
}

/** One text in a context of its own. */
export function sealWaitingText(publicKey: Uint8Array, day: number, text: string): Buffer {
  const { enc, context } = setupSender(publicKey, infoOf(day))
  return sealIn(context, enc, 0, text)
}

/** Undefined when it was not sealed to this pair for this day, or was changed. */
export function openWaitingText(own: KeyPair, day: number, sealed: Uint8Array): string | undefined {
  if (sealed.length < HEAD_BYTES || sealed[0] !== VERSION) return undefined
  const head = Buffer.from(sealed.subarray(0, HEAD_BYTES))
  const context = setupReceiver(head.subarray(1, 1 + ENC_BYTES), own, infoOf(day))
  return context && openMessage(context, head.readUInt32BE(1 + ENC_BYTES), sealed.subarray(HEAD_BYTES))?.toString('utf8')
}
