/**
 * Answers of export APIs are one object with the rows in a list somewhere in it. Which list that is, is told by the names on the way to it;
 * where they do not tell it, the file is refused: as one row it would stand in the record as a file that names hardly anybody.
 */
import { BulkheadError } from '#base/errors.ts'

/** What the rows of a file are called, and what is around them. */
const NAMES: ReadonlySet<string> = new Set(
  (
    'results result data rows events users records profiles items hits nodes edges people persons contacts members ' +
    'response payload body export value values list entries'
  ).split(' '),
)
const [QUOTE, ESCAPE, COLON, COMMA, NEWLINE] = [0x22, 0x5c, 0x3a, 0x2c, 0x0a]
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]
const NAME_MAX = 64
/** Nobody's rows stand deeper. Objects within objects by the hundred thousand are there to do harm. */
const PATH_MAX = 16

/**
 * The list of rows, in a file that begins with an object; undefined: the object is a row itself, and so is each that follows.
 * `isWhole`: the head is all of the file. Throws `leak_file_invalid` where that cannot be told.
 */
export function listOfRows(head: Buffer, isWhole: boolean): List | undefined {
  const found = listsIn(head)
  if (found === undefined) return undefined
  const { lists, end } = found
  const isAlone = end === undefined || (isWhole && isBlank(head.subarray(end)))
  const named = lists.filter(isNamed)
  if (isAlone) {
    // An empty one counts where there is no other.
    const filled = named.filter(({ isEmpty }) => !isEmpty)
    const hasNoRows = lists.every(({ isEmpty }) => isEmpty)
    const [only, other] = hasNoRows ? named : filled
    if (only !== undefined && other === undefined) return only
    if (hasNoRows && only === undefined) return undefined
    throw unclear(WHICH)
  }
  // One on the first level is read as before, also where several answers follow each other.
  if (named.some(({ path, isEmpty }) => path.length > 1 && !isEmpty)) throw unclear(SEVERAL)
  return undefined
}

/**
 * Whether what stands behind the list of rows may hold more of them: `lost`, since a text broke off there or what follows is no JSON. The
 * list may be longer than any head, so another one was not seen with it. Throws `leak_file_invalid` where there is one.
 */
export function lookBehind({ path }: List, bytes: Buffer, isWhole: boolean): 'nothing' | 'lost' {
  const before = Buffer.from(`${path.map((name) => `{"${name}":`).join('')}[]`)
  const found = listsIn(Buffer.concat([before, bytes]))
  if (found === undefined || found.isBroken) return 'lost'
  if (found.lists.slice(1).some((list) => isNamed(list) && !list.isEmpty)) throw unclear(WHICH)
  if (found.end === undefined && isWhole) return 'nothing'
  if (found.end === undefined) throw unclear('too much stands behind the list of rows')
  const behind = bytes.subarray(found.end - before.length)
  if (isWhole && isBlank(behind)) return 'nothing'
  if (behind.find((byte) => byte > 0x20) !== OPEN) return 'lost'
  throw unclear(SEVERAL)
}

const WHICH = 'the file is one object, and which of the lists in it holds the rows cannot be told'
const SEVERAL = 'the file holds several objects with lists of rows in them'

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte <= 0x20)
}

function isNamed({ path }: List): boolean {
  return path.length <= PATH_MAX && path.every((name) => NAMES.has(name))
}

function unclear(what: string): BulkheadError {
  return new BulkheadError('leak_file_invalid', what, {
    hint: 'Give the list of rows alone, as JSON or a row a line. When each object is one row, say `--format ndjson` (an object a line).',
  })
}

export interface List {
  /** Names on the way to it, no more of them than tell whether it is too deep. */
  path: string[]
  at: number
  isEmpty: boolean
}

/**
 * Outermost lists of objects or lists, and empty ones, of the object with which these bytes begin; `end`: behind it. `isBroken`: it breaks
 * off within the last of them. Undefined: it breaks off outside of any, as a line that was cut off does, and what stands behind it is none
 * of its own.
 */
function listsIn(bytes: Buffer): { lists: List[]; end: number | undefined; isBroken: boolean } | undefined {
  const lists: List[] = []
  const broken = (): ReturnType<typeof listsIn> => (inner === 0 ? undefined : { lists, end: undefined, isBroken: true })
  const names: string[] = []
  let depth = 0
  let text: { from: number; to: number } | undefined
  let inner = 0
  let before = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte <= 0x20) continue
    const last = before
    before = byte
    if (byte === QUOTE) {
      const from = at + 1
      for (at = from; at < bytes.length && bytes[at] !== QUOTE; at++) {
        if (bytes[at] === NEWLINE) return broken()
        if (bytes[at] === ESCAPE) at += 1
      }
      text = { from, to: at }
    } else if (byte === COLON && text !== undefined && inner === 0) {
      names[depth - 1] = bytes.toString('utf8', text.from, Math.min(text.to, text.from + NAME_MAX))
    } else if (byte === OPEN || byte === OPEN_LIST) {
      if (depth > 0 && last !== COLON && (inner === 0 || (last !== COMMA && last !== OPEN_LIST))) return broken()
      depth += 1
      if (inner > 0 || byte === OPEN) continue
      const next = bytes.subarray(at + 1).find((each) => each > 0x20)
      inner = depth
      if (next === OPEN || next === OPEN_LIST || next === CLOSE_LIST)
        lists.push({ path: names.slice(0, Math.min(inner - 1, PATH_MAX + 1)), at, isEmpty: next === CLOSE_LIST })
    } else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (depth === inner) inner = 0
      depth -= 1
      if (depth === 0) return { lists, end: at + 1, isBroken: false }
    }
  }
  return { lists, end: undefined, isBroken: false }
}
