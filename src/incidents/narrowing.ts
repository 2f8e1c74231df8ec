/**
 * A leaked file narrows a scope below the ledger. Nothing that arrives from outside may do that by itself: a person proposes it,
 * a second one approves the very text, and only then the same words make a new version. It keeps whom a row within the windows
 * names by grade A, which nobody can invent; what grades B and C say keeps nobody and takes nobody out.
 */
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import type { Approval } from '#records/port.ts'
import type { EvidenceBody, NarrowedBody, ScopeBody } from './incident-bodies.ts'
import { currentScope, type IncidentState, type Match } from './incident-state.ts'

/** Kind of proposal. */
export const NARROW_SCOPE = 'narrow_scope'
export const LAST = 'last'

export interface Narrowing {
  /** The version that would be narrowed. */
  version: number
  scope: ScopeBody
  file: EvidenceBody
  people: EvidenceBody
}

/** `file`: of the evidence, or the last that was matched. Throws `match_unknown`, `match_outdated`, `scope_narrowed`. */
export function narrowingOf(state: IncidentState, file: string): Narrowing {
  if (state.state === 'closed') throw new BulkheadError('incident_closed', `incident ${state.id} is closed: nothing is added to it`)
  const { version, scope } = currentScope(state)
  const match = state.matches.findLast(({ evidence }) => file === LAST || evidence.id === file)
  if (match === undefined) {
    const words = file === LAST ? 'no file was matched for this incident' : 'that file was not matched for this incident'
    throw new BulkheadError('match_unknown', words)
  }
  if (scope.narrowed !== undefined)
    throw new BulkheadError('scope_narrowed', `version ${version} of the scope is narrowed to a file already`)
  assertOfScope(match, scope, state)
  return { version, scope, file: match.evidence, people: match.peopleFile }
}

/** A file is graded against windows and a scope: what it says holds for those alone. */
function assertOfScope(match: Match, scope: ScopeBody, state: IncidentState): void {
  // Rows of an older program do not say it.
  const matchedFor = state.scopes.find(({ version }) => version === match.version)
  if (matchedFor === undefined || textOfScope(matchedFor.scope) !== textOfScope(scope))
    throw new BulkheadError('match_outdated', 'that file was matched for another scope than the one that stands now')
}

function textOfScope({ narrowed: _, ...rest }: ScopeBody): string {
  return canonicalJson(rest)
}

/** The very text that a second person approves. A count that has changed since makes it another one. */
export function textOfNarrowing(incident: number, { version, file, people }: Narrowing, counts: { stay: number; leftOut: number }): string {
  return canonicalJson({ incident, version, file: file.sha256, people: people.sha256, stay: counts.stay, leftOut: counts.leftOut })
}

/** Throws `narrowing_empty`, `incident_invalid`. */
export function assertNarrows({ stay, leftOut }: { stay: number; leftOut: number }): void {
  if (stay === 0) throw new BulkheadError('narrowing_empty', 'the file names nobody of the scope by grade A within the windows')
  if (leftOut === 0) throw new BulkheadError('incident_invalid', 'the file names everybody of the scope: it takes nobody out')
}

export function narrowedBy(narrowing: Narrowing, counts: { stay: number; leftOut: number }, approval: Approval): NarrowedBody {
  const { id, proposedBy, approvedBy } = approval
  return { file: narrowing.file, people: narrowing.people, ...counts, approval: id, proposedBy, approvedBy: approvedBy ?? '' }
}
