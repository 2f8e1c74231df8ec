/** Reads a body with limits on what comes in, what comes out of it, and what all requests hold together. */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { Refusal } from '#model/protocol.ts'
import type { Reading } from './connection.ts'

const inflations = {
  gzip: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gunzip),
  deflate: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.inflate),
  deflateRaw: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.inflateRaw),
  br: promisify<zlib.InputType, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress),
}
const INFLATIONS_MAX = 8
const ENCODINGS_MAX = 2
/** Batches of events shrink to a twentieth, seldom to a fiftieth. What claims more is there to cost us work. */
const RATIO_MAX = 200
/** Up to here any ratio will do: one line a thousand times over. */
const RATIO_FROM_BYTES = 1024 ** 2

/** `gone`: the client went away or was cut off before the body was whole; there is nobody to answer. */
export type BodyOutcome = { kind: 'body'; bytes: Buffer } | { kind: 'refused'; refusal: Refusal; close: boolean } | { kind: 'gone' }

/** Bytes that all requests hold together. */
export class HeldBytes {
  #held = 0
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get held(): number {
    return this.#held
  }

  hold(): Hold {
    let mine = 0
    return {
      add: (bytes) => {
        if (this.#held + bytes > this.#max) return false
        this.#held += bytes
        mine += bytes
        return true
      },
      release: () => {
        this.#held -= mine
        mine = 0
      },
    }
  }
}

export interface Hold {
  /** False: not taken, there is no room. */
  add(bytes: number): boolean
  release(): void
}

export interface BodyLimits {
  bodyBytesMax: number
  inflatedBytesMax: number
  discardBytesMax: number
}

/** `refusal`: known before the first byte; the body is then read away so that the client sees the answer. */
export function readBody(
  request: IncomingMessage,
  given: { limits: BodyLimits; hold: Hold; refusal?: Refusal | undefined; reading: Reading },
): Promise<BodyOutcome> {
  const { limits, hold, reading } = given
  return new Promise((resolve) => {
    let { refusal } = given
    let chunks: Buffer[] = []
    let bytes = 0
    const declared = Number(request.headers['content-length'] ?? 0)
    if (declared > limits.bodyBytesMax) refusal ??= 'too_large'
    if (refusal !== undefined && declared > limits.bodyBytesMax + limits.discardBytesMax)
      return resolve({ kind: 'refused', refusal, close: true })

    const finish = (outcome: BodyOutcome): void => {
      reading.onCut(undefined)
      request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone)
      request.on('error', () => undefined)
      resolve(outcome)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (refusal === undefined) {
        if (bytes > limits.bodyBytesMax) refusal = 'too_large'
        else if (!hold.add(chunk.length)) refusal = 'overloaded'
        else chunks.push(chunk)
      }
      if (refusal === undefined) return
      chunks = []
      if (bytes > limits.bodyBytesMax + limits.discardBytesMax) finish({ kind: 'refused', refusal, close: true })
    }
    const onEnd = (): void => {
      if (refusal !== undefined) finish({ kind: 'refused', refusal, close: false })
      else finish({ kind: 'body', bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) })
    }
    const onGone = (): void => finish({ kind: 'gone' })
    // Whole already, only its last event is still to come: what was read whole is answered.
    reading.onCut(() => {
      if (!request.complete) onGone()
    })
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone)
  })
}

/** Undoes `Content-Encoding`. `bad_encoding`: unknown, broken or cut short; `too_large`: over the cap. */
export class Inflater {
  readonly #bytesMax: number
  #running = 0
  readonly #queue: (() => void)[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  async undo(body: Buffer, encodingHeader: string | undefined, bytesMax: number): Promise<Buffer | Refusal> {
    if (encodingHeader === undefined) return body
    const names = encodingHeader
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && name !== 'identity')
    if (names.length === 0 || body.length === 0) return body
    if (names.length > ENCODINGS_MAX) return 'bad_encoding'
    let bytes = body
    for (const name of names.reverse()) {
      const inflated = await this.#inflate(bytes, name, Math.max(bytesMax, this.#bytesMax))
      if (typeof inflated === 'string') return inflated
      bytes = inflated
    }
    return bytes
  }

  /** For what protocols unpack by themselves. */
  gunzip(bytes: Buffer): Buffer | undefined {
    try {
      return zlib.gunzipSync(bytes, { maxOutputLength: outputMax(bytes, this.#bytesMax) })
    } catch {
      return undefined
    }
  }

  async #inflate(bytes: Buffer, name: string, maxOutputLength: number): Promise<Buffer | Refusal> {
    const inflation = inflationOf(bytes, name)
    if (inflation === undefined) return 'bad_encoding'
    // A small body may open to thousands of times its size: only a few are open at one time.
    if (this.#running >= INFLATIONS_MAX) await new Promise<void>((resolve) => this.#queue.push(resolve))
    this.#running++
    try {
      return await inflation(bytes, { maxOutputLength: outputMax(bytes, maxOutputLength) })
    } catch (thrown) {
      return (thrown as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'bad_encoding'
    } finally {
      this.#running--
      this.#queue.shift()?.()
    }
  }
}

function outputMax(bytes: Buffer, max: number): number {
  return Math.min(max, Math.max(RATIO_FROM_BYTES, bytes.length * RATIO_MAX))
}

function inflationOf(bytes: Buffer, name: string): ((bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>) | undefined {
  if (name === 'gzip' || name === 'x-gzip') return inflations.gzip
  if (name === 'br') return inflations.br
  // RFC 9110 means zlib's format by `deflate`; some clients send the bare stream.
  if (name === 'deflate') return ((bytes[0] as number) & 0x0f) === 8 ? inflations.deflate : inflations.deflateRaw
  return undefined
}
