/** Answers about a foreign data set as bytes between the vault and the staff role: numbers, as in `wire.ts`. */
import type { FoundPerson, FoundPseudonym } from './match-port.ts'
import { KIND_CODES, type PseudonymKind } from './pseudonym.ts'
import { alignedCopy, bytesOf } from './wire.ts'

const KINDS = Object.keys(KIND_CODES) as PseudonymKind[]

/** Code of the kind (0: nobody's), ordinal, place of the epoch. */
export function encodePseudonyms(found: readonly (FoundPseudonym | undefined)[]): Buffer {
  const numbers = new Float64Array(found.length * 3)
  for (const [at, each] of found.entries()) {
    if (each === undefined) continue
    numbers[at * 3] = KIND_CODES[each.kind]
    numbers[at * 3 + 1] = each.ordinal
    numbers[at * 3 + 2] = each.epoch
  }
  return bytesOf(numbers)
}

export function decodePseudonyms(bytes: Uint8Array): (FoundPseudonym | undefined)[] {
  const numbers = new Float64Array(alignedCopy(bytes))
  return Array.from({ length: numbers.length / 3 }, (_, at) => {
    const kind = KINDS.find((each) => KIND_CODES[each] === numbers[at * 3])
    return kind === undefined ? undefined : { kind, ordinal: numbers[at * 3 + 1] as number, epoch: numbers[at * 3 + 2] as number }
  })
}

/** For each value how many, then ordinal and time of each. */
export function encodeFoundPeople(found: readonly (readonly FoundPerson[])[]): Buffer {
  const numbers = new Float64Array(found.reduce((sum, people) => sum + 1 + people.length * 2, 0))
  let to = 0
  for (const people of found) {
    numbers[to++] = people.length
    for (const { ordinal, at } of people) {
      numbers[to++] = ordinal
      numbers[to++] = at
    }
  }
  return bytesOf(numbers)
}

export function decodeFoundPeople(bytes: Uint8Array): FoundPerson[][] {
  const numbers = new Float64Array(alignedCopy(bytes))
  const found: FoundPerson[][] = []
  for (let from = 0; from < numbers.length; ) {
    const count = numbers[from] as number
    const people: FoundPerson[] = []
    for (let at = from + 1; at < from + 1 + count * 2; at += 2)
      people.push({ ordinal: numbers[at] as number, at: numbers[at + 1] as number })
    found.push(people)
    from += 1 + count * 2
  }
  return found
}
