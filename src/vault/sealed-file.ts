/** A sealed file's name and content, under sub-keys of the key that the vault made for it, each bound to the file. */
import { createSecretKey } from 'node:crypto'
import { LABELS } from './labels.ts'
import { bind, deriveBytes, deriveKey, open, seal } from './seal.ts'
import { openStream, sealStream, type StreamKey } from './sealed-stream.ts'

export function sealFileName(key: Uint8Array, id: string, name: string): Buffer {
  return seal(deriveKey(createSecretKey(key), LABELS.evidenceName), bind('file-name', id), name)
}

/** Undefined when it is not the name that was sealed for this file. */
export function openFileName(key: Uint8Array, id: string, sealed: Uint8Array): string | undefined {
  return open(deriveKey(createSecretKey(key), LABELS.evidenceName), bind('file-name', id), sealed)?.toString('utf8')
}

export async function* sealFileContent(key: Uint8Array, id: string, plain: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  const own = contentKey(key, id)
  try {
    yield* sealStream(plain, own)
  } finally {
    own.key.fill(0)
  }
}

/** Throws `evidence_corrupt`. */
export async function* openSealedFile(key: Uint8Array, id: string, sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  const own = contentKey(key, id)
  try {
    yield* openStream(sealed, own)
  } finally {
    own.key.fill(0)
  }
}

function contentKey(key: Uint8Array, id: string): StreamKey {
  return { key: deriveBytes(createSecretKey(key), LABELS.evidence), bound: bind('file', id) }
}
