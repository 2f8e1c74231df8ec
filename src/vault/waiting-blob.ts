/**
 * Taking one person's text out of a blob of the waiting room, in which the text of several requests lies sealed together: it
 * is opened, their texts are left out, spaces take the room, and it is sealed anew. Same day, same key, same length: every
 * reference to it stays good.
 */
import { assert } from '#base/errors.ts'
import type { WaitingDrop } from './erasure-port.ts'
import { openWaitingText, sealWaitingText } from './door.ts'
import type { WaitingKeys } from './key-store.ts'
import { bind, open, seal } from './seal.ts'

interface Text {
  record: number
}

/** Undefined when nothing of it goes, or it does not open: what nobody can read need not be taken out. */
export function resealBlob(
  { sealing, pair }: WaitingKeys,
  day: number,
  sealed: Uint8Array,
  drops: readonly WaitingDrop[],
): Buffer | undefined {
  const isFirst = sealed[0] === 1
  const text = isFirst ? open(sealing, bind('waiting', day), sealed)?.toString('utf8') : openWaitingText(pair, day, sealed)
  if (text === undefined) return undefined
  const kept = withoutTexts(JSON.parse(text), drops)
  if (kept === undefined) return undefined
  const room = Buffer.byteLength(text) - Buffer.byteLength(kept)
  assert(room >= 0, 'less text takes no more room')
  const padded = kept + ' '.repeat(room)
  const again = isFirst ? seal(sealing, bind('waiting', day), padded) : sealWaitingText(pair.publicKey, day, padded)
  assert(again.length === sealed.length, 'a blob keeps its length')
  return again
}

function withoutTexts(blob: unknown, drops: readonly WaitingDrop[]): string | undefined {
  assert(Array.isArray(blob), 'a blob is a list')
  let removed = 0
  const keep = (texts: readonly Text[], gone: readonly WaitingDrop[]): Text[] => {
    const left = texts.filter(({ record }) => !gone.some(({ records }) => records === undefined || records.includes(record)))
    removed += texts.length - left.length
    return left
  }
  // Before blobs were lists of lists, one was the list of one request's texts.
  const isOne = blob.every((text) => !Array.isArray(text))
  const ofPart = (part: number): WaitingDrop[] => drops.filter((drop) => drop.part === undefined || drop.part === part)
  const kept = isOne ? keep(blob as Text[], drops) : (blob as Text[][]).map((texts, part) => keep(texts, ofPart(part)))
  return removed === 0 ? undefined : JSON.stringify(kept)
}
