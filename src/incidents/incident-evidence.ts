/** Files that belong to incidents. The store seals them; the record of the incident says what they are. */
import type { EvidenceStore } from './evidence.ts'
import type { EvidenceBody } from './incident-bodies.ts'
import type { IncidentBook } from './incident-book.ts'

/** What comes from outside; the rest is made here, and made again. */
const ARRIVED: ReadonlySet<string> = new Set(['file', 'statement', 'leak'])

export function ownerOf(incident: number): string {
  return `incident:${incident}`
}

/**
 * At the start, before anybody else adds anything: a file that was whole when its command was killed, and that no row names, is
 * recorded as what it is, evidence of which nobody has said more. Files are never thrown away for want of a row.
 */
export async function mendEvidence(book: IncidentBook, incidents: readonly number[], evidence: Pick<EvidenceStore, 'of'>): Promise<number> {
  let mended = 0
  for (const incident of incidents) {
    const known = new Set(book.state(incident).evidence.map(({ id }) => id))
    for (const { id, sha256, bytes, kind, actor, destroyedAt } of evidence.of(ownerOf(incident))) {
      if (known.has(id) || destroyedAt !== null || !ARRIVED.has(kind)) continue
      const texts = { note: 'it arrived, and the command that brought it ended before it said what it is' }
      const look = { actor, action: 'incident evidence', reason: 'the command that brought it was cut off' }
      await book.add(incident, look, () => ({ kind: 'evidence', body: { id, sha256, bytes } satisfies EvidenceBody, texts }), {
        closed: true,
      })
      mended += 1
    }
  }
  return mended
}
