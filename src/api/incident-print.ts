/** Parts of the answers about incidents, and who looks. */
import type { FastifyRequest } from 'fastify'
import type { CountedBody, ScopeBody } from '#incidents/incident-bodies.ts'
import type { Match } from '#incidents/incident-state.ts'
import { windowsOf } from '#incidents/incident-scope.ts'
import { type PrintedWindows, printWindows } from '#incidents/windows.ts'
import { readableText } from '#incidents/written.ts'
import type { Look } from '#vault/port.ts'
import type { IncidentAmendResult } from './incident-contract.ts'
import type { MatchShown } from './match-contract.ts'
import type { NarrowedShown } from './narrow-contract.ts'

const REASON_MAX = 1000

/** An action whose reason is plain from what it is: reading what stands there, adding to it. */
export function lookOf({ operator }: Pick<FastifyRequest, 'operator'>, action: string, reason: string | undefined): Look {
  return { actor: operator, action, reason: readableText('the reason', reason, REASON_MAX) || action }
}

/** NaN for what is no number: there is no such incident. */
export function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

export function printCounted(counted: CountedBody | undefined): IncidentAmendResult['counted'] {
  if (counted === undefined) return null
  const { entries, subjects, delivered, possible, added, removed } = counted
  return { entries, subjects, delivered, possible, added, removed }
}

export function printNarrowed({ narrowed }: ScopeBody): NarrowedShown | null {
  if (narrowed === undefined) return null
  const { file, stay, leftOut, approval, proposedBy, approvedBy } = narrowed
  return { sha256: file.sha256, evidence: file.id, stay, leftOut, approval, proposedBy, approvedBy }
}

export function printWindowsOf(sides: Pick<ScopeBody, 'accessFrom' | 'accessTo' | 'from' | 'to'>): PrintedWindows {
  return printWindows(windowsOf({ destinations: null, surfaces: null, ...sides }))
}

export function iso(instant: number): string {
  return new Date(instant).toISOString()
}

export function isoOrNull(instant: number | null): string | null {
  return instant === null ? null : iso(instant)
}

export function printMatch(match: Match): MatchShown {
  const { rows, matched, outsideWindow, notSentThroughBulkhead, people, fieldsNotInLedger, reconciled, malformed } = match
  const counts = { rows, matched, outsideWindow, notSentThroughBulkhead, people, fieldsNotInLedger, reconciled, malformed }
  return { ...counts, foreignEpochs: match.foreignEpochs, entries: match.entries, columns: [...match.columns] }
}
