/** Compares words with paragraphs of which only keyed hashes are known. */
import { timingSafeEqual } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { TextComparison } from './notice-port.ts'

export const START_BYTES = 4
export const MAC_BYTES = 16
const LENGTH_BYTES = 4
export const MARK_BYTES = LENGTH_BYTES + START_BYTES + MAC_BYTES
/** Places at which a whole paragraph is tried, for each word of the text: more comes from texts made for it. */
const TRIES_PER_WORD = 2
/** Hashes between two turns of the loop: the vault answers the gateway's commits as well. */
const HASHES_AT_ONCE = 1000

/** What is kept of one paragraph. */
export interface ParagraphMark {
  words: number
  /** Of the first word: so that most places need no look at the rest. */
  start: Buffer
  mac: Buffer
}

export interface MarkMaker {
  start(word: string): Buffer
  whole(paragraph: string): Buffer
}

export interface ExpectedParagraph extends ParagraphMark {
  maker: MarkMaker
}

export function encodeMarks(marks: readonly ParagraphMark[]): Buffer {
  return Buffer.concat(
    marks.map(({ words, start, mac }) => {
      const length = Buffer.alloc(LENGTH_BYTES)
      length.writeUInt32LE(words)
      return Buffer.concat([length, start, mac])
    }),
  )
}

export function decodeMarks(bytes: Uint8Array): ParagraphMark[] {
  const buffer = Buffer.from(bytes)
  return Array.from({ length: Math.floor(buffer.length / MARK_BYTES) }, (_, index) => {
    const at = index * MARK_BYTES
    return {
      words: buffer.readUInt32LE(at),
      start: buffer.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + START_BYTES),
      mac: buffer.subarray(at + LENGTH_BYTES + START_BYTES, at + MARK_BYTES),
    }
  })
}

/**
 * Paragraphs that stand one behind another are found wherever they are, also twice: a quote may hold a notice two times. But a single
 * word in front of all of them is none: an administrator's own address stands in `To: …` above a notice that lists it as a member's.
 */
export async function alignWords(words: readonly string[], expected: readonly ExpectedParagraph[]): Promise<TextComparison> {
  const seen = new Map<number, number>()
  const foreign: [number, number][] = []
  const starts = startFinder(expected)
  let triesLeft = words.length * TRIES_PER_WORD + expected.length
  let next = 0
  let at = 0
  let hashes = 0
  while (at < words.length) {
    hashes++
    if (hashes >= HASHES_AT_ONCE) {
      hashes = 0
      await turn()
    }
    const found = candidates(starts(words[at] as string), next, expected).find((index) => {
      const { words: length, mac, maker } = expected[index] as ExpectedParagraph
      if (at + length > words.length || triesLeft <= 0) return false
      if (seen.size === 0 && length === 1 && index !== 0) return false
      triesLeft--
      hashes++
      return timingSafeEqual(maker.whole(words.slice(at, at + length).join(' ')), mac)
    })
    if (found === undefined) {
      const last = foreign.at(-1)
      if (last?.[1] === at) last[1]++
      else foreign.push([at, at + 1])
      at++
      continue
    }
    if (!seen.has(found)) seen.set(found, at)
    next = found + 1
    at += (expected[found] as ExpectedParagraph).words
  }
  const order = [...seen.keys()]
  return {
    paragraphs: expected.length,
    missing: expected.flatMap((_, index) => (seen.has(index) ? [] : [index])),
    foreign,
    inOrder: order.every((index, place) => place === 0 || (order[place - 1] as number) < index),
  }
}

/** The paragraph that should come next is tried first, then the longer ones. */
function candidates(indexes: readonly number[], next: number, expected: readonly ExpectedParagraph[]): number[] {
  if (indexes.length < 2) return [...indexes]
  const length = (index: number): number => (expected[index] as ExpectedParagraph).words
  return indexes.toSorted((a, b) => Number(b === next) - Number(a === next) || length(b) - length(a))
}

/** Words come again and again: each is hashed once. */
function startFinder(expected: readonly ExpectedParagraph[]): (word: string) => readonly number[] {
  const makers = [...new Set(expected.map(({ maker }) => maker))]
  const known = new Map<string, readonly number[]>()
  return (word) => {
    const before = known.get(word)
    if (before !== undefined) return before
    const starts = new Map(makers.map((maker) => [maker, maker.start(word)]))
    const indexes = expected.flatMap(({ maker, start }, index) => (starts.get(maker)?.equals(start) ? [index] : []))
    known.set(word, indexes)
    return indexes
  }
}
