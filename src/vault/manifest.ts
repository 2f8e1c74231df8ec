/**
 * The rows of a ledger entry as bytes to be sealed: [version] then raw DEFLATE of JSON in which surfaces and shapes stand
 * once. Order is kept. Packing happens at the caller, so the vault only seals.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { BulkheadError } from '#base/errors.ts'
import type { ManifestRow, SubjectKind } from '#model/disclosure.ts'

const VERSION = 1
const SUBJECT_KINDS: readonly SubjectKind[] = ['user', 'device', 'group']
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024

type Packed = [subject: number, kind: number, surface: number, shape: number, events: number, first: number, last: number, groups: number[]]

export function packManifest(rows: readonly ManifestRow[]): Buffer {
  const words = new Map<string, number>()
  const numberOf = (word: string): number => {
    const known = words.get(word)
    if (known !== undefined) return known
    words.set(word, words.size)
    return words.size - 1
  }
  const packed = rows.map(
    (row): Packed => [
      row.subject,
      SUBJECT_KINDS.indexOf(row.kind),
      numberOf(row.surface),
      numberOf(row.shape),
      row.events,
      row.first,
      row.last,
      row.groups,
    ],
  )
  const text = JSON.stringify([[...words.keys()], packed])
  return Buffer.concat([Buffer.of(VERSION), deflateRawSync(text, { level: 1 })])
}

export function unpackManifest(bytes: Uint8Array): ManifestRow[] {
  try {
    if (bytes[0] !== VERSION) throw new Error('unknown version')
    const text = inflateRawSync(bytes.subarray(1), { maxOutputLength: UNPACKED_BYTES_MAX }).toString('utf8')
    const [words, rows] = JSON.parse(text) as [string[], Packed[]]
    return rows.map(([subject, kind, surface, shape, events, first, last, groups]) => ({
      subject,
      kind: SUBJECT_KINDS[kind] as SubjectKind,
      surface: words[surface] as string,
      shape: words[shape] as string,
      events,
      first,
      last,
      groups,
    }))
  } catch (cause) {
    throw new BulkheadError('ledger_corrupt', 'the manifest of a ledger entry cannot be read', { cause })
  }
}
