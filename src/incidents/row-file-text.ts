/** From the bytes of a foreign file to UTF-8: compression undone within bounds, marks of the encoding taken off. */
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { BulkheadError } from '#base/errors.ts'

const GZIP = 0x1f8b
/** Exports of events shrink twenty to forty times; a file that says the same row over and over may shrink more. */
const RATIO_MAX = 250
const FREE_BYTES = 256 << 20

/** As it is, or what gzip made of it. */
export async function* decompressed(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  const input = piecesOf(content)
  const first = await firstBytes(input, 2)
  const all = async function* (): AsyncGenerator<Buffer, void> {
    yield first
    yield* input
  }
  if (first.length < 2 || first.readUInt16BE(0) !== GZIP) yield* all()
  else yield* gunzipped(all())
}

async function* gunzipped(content: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  let packed = 0
  let unpacked = 0
  const counted = async function* (): AsyncGenerator<Buffer, void> {
    for await (const piece of content) {
      packed += piece.length
      yield piece
    }
  }
  const source = Readable.from(counted(), { objectMode: false })
  const gunzip = createGunzip({ chunkSize: 1 << 18 })
  source.on('error', (error) => gunzip.destroy(error))
  source.pipe(gunzip)
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      unpacked += piece.length
      if (unpacked > FREE_BYTES && unpacked > packed * RATIO_MAX)
        throw invalid(`it unpacks to more than ${RATIO_MAX} times its size: it was made to do harm, not to be read`)
      yield piece
    }
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? ''
    if (!code.startsWith('Z_')) throw thrown
    throw invalid(code === 'Z_BUF_ERROR' ? 'its compression breaks off before the end' : 'its compression is broken')
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

/** Takes marks of the encoding off; UTF-16, which spreadsheets write, is written anew. */
export async function* utf8Of(content: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  const first = await firstBytes(content, 4)
  const all = async function* (skipped: number): AsyncGenerator<Buffer, void> {
    yield first.subarray(skipped)
    yield* content
  }
  const [a, b, c] = first
  if (a === 0xef && b === 0xbb && c === 0xbf) yield* all(3)
  else if (a === 0xff && b === 0xfe) yield* transcoded(all(2), 'utf-16le')
  else if (a === 0xfe && b === 0xff) yield* transcoded(all(2), 'utf-16be')
  else if (a !== 0 && b === 0 && c !== 0 && first[3] === 0) yield* transcoded(all(0), 'utf-16le')
  else yield* all(0)
}

async function* transcoded(content: AsyncGenerator<Buffer, void>, encoding: string): AsyncGenerator<Buffer, void> {
  const decoder = new TextDecoder(encoding)
  for await (const piece of content) yield Buffer.from(decoder.decode(piece, { stream: true }))
  yield Buffer.from(decoder.decode())
}

async function firstBytes(content: AsyncGenerator<Buffer, void>, count: number): Promise<Buffer> {
  let first: Buffer = Buffer.alloc(0)
  while (first.length < count) {
    const next = await content.next()
    if (next.done === true) break
    first = first.length === 0 ? next.value : Buffer.concat([first, next.value])
  }
  return first
}

async function* piecesOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  for await (const piece of content) yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
}

function invalid(what: string): BulkheadError {
  return new BulkheadError('leak_file_invalid', `the file cannot be read: ${what}`)
}
