/**
 * The list of people that a matching leaves, sealed: a line for each person with the number and the grades that name them, as bits.
 * Whom a row within the windows names by grade A carries one bit more: only these keep their place in a scope that the file narrows.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Look } from '#vault/port.ts'
import type { EvidenceStore } from './evidence.ts'
import type { EvidenceBody } from './incident-bodies.ts'
import type { Matched } from './match-result.ts'
import { PersonSet } from './person-set.ts'

/** Such a list as the record of the incident names it. */
export type KeptFile = EvidenceBody

const KEPT = 8
const LINES_A_PIECE = 10_000
const LINE = /^(\d{1,16}) (\d{1,2})$/
/** Lists that are held in memory: a set of numbers each, without anything that they stand for. */
const LISTS_HELD_MAX = 8

export async function* peopleLines({ people, kept }: Pick<Matched, 'people' | 'kept'>): AsyncGenerator<Buffer, void> {
  let lines: string[] = []
  for (const [person, bits] of bitsOf({ people, kept })) {
    lines.push(`${person} ${bits}\n`)
    if (lines.length < LINES_A_PIECE) continue
    yield Buffer.from(lines.join(''))
    lines = []
  }
  yield Buffer.from(lines.join(''))
}

function* bitsOf({ people, kept }: Pick<Matched, 'people' | 'kept'>): Generator<[Ordinal, number], void> {
  for (const [person, grades] of people.entries()) yield [person, kept.has(person) ? grades | KEPT : grades]
  // Those who may have held a device are named by no row themselves.
  for (const person of kept.values()) if (people.get(person) === 0) yield [person, KEPT]
}

/** Whom the list keeps. The look is on record before it is opened. Throws `evidence_corrupt`, `not_found`. */
export async function readKept(file: KeptFile, evidence: Pick<EvidenceStore, 'open'>, look: Look): Promise<PersonSet> {
  const { row, content } = await evidence.open(file.id, look)
  const kept = new PersonSet()
  let rest = ''
  for await (const piece of content) {
    const lines = (rest + piece.toString('latin1')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, person, bits] = LINE.exec(line) ?? []
      if (person === undefined) throw corrupt()
      if ((Number(bits) & KEPT) !== 0) kept.add(Number(person))
    }
  }
  // The record of the incident is signed; what the store calls that file must be the same.
  if (rest !== '' || row.sha256 !== file.sha256) throw corrupt()
  return kept
}

function corrupt(): BulkheadError {
  return new BulkheadError('evidence_corrupt', 'a sealed list of people is not the one that was written')
}

/** Reads a list once and remembers it: every question about a narrowed scope asks for it. */
export function createKeptReader(evidence: Pick<EvidenceStore, 'open'>): (file: KeptFile) => Promise<PersonSet> {
  const look: Look = { actor: 'bulkhead', action: 'incident scope', reason: 'whom a narrowed scope keeps' }
  const held = new Map<string, Promise<PersonSet>>()
  return (file) => {
    const name = `${file.id} ${file.sha256}`
    const known = held.get(name)
    if (known !== undefined) return known
    const reading = readKept(file, evidence, look)
    held.set(name, reading)
    // What failed is asked for anew.
    reading.catch(() => held.delete(name))
    for (const oldest of held.keys()) if (held.size > LISTS_HELD_MAX) held.delete(oldest)
    return reading
  }
}
