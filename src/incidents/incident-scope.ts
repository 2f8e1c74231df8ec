/** Versions of an incident's scope: an amendment adds to it or, with a reason that is on record, corrects it. */
import { BulkheadError } from '#base/errors.ts'
import type { ScopeBody, StatementBody } from './incident-bodies.ts'
import type { Windows } from './windows.ts'

export interface ScopeChange {
  surfaces?: readonly string[] | undefined
  destinations?: readonly string[] | undefined
  /** The surfaces and destinations named are all that there are, in place of being added. */
  only?: boolean | undefined
  /** null opens the window on that side. */
  accessFrom?: number | null | undefined
  accessTo?: number | null | undefined
  from?: number | null | undefined
  to?: number | null | undefined
  /** Takes a narrowing to a leaked file away, and nothing else needs to be said. */
  wholeLedger?: boolean | undefined
}

/**
 * A narrowing to a file is never carried over: it was drawn for one scope and says nothing of another.
 * Throws `window_invalid` when a window would be the wrong way round, `incident_invalid` when nothing is said.
 */
export function amendScope(scope: ScopeBody, change: ScopeChange): ScopeBody {
  const { surfaces, destinations, only = false } = change
  const names = [surfaces, destinations].filter((list) => list !== undefined && list.length > 0)
  if (only && names.length === 0) throw new BulkheadError('incident_invalid', '--only goes with --surface or --destination')
  const next: ScopeBody = {
    surfaces: amendNames(scope.surfaces, surfaces, only),
    destinations: amendNames(scope.destinations, destinations, only),
    accessFrom: change.accessFrom === undefined ? scope.accessFrom : change.accessFrom,
    accessTo: change.accessTo === undefined ? scope.accessTo : change.accessTo,
    from: change.from === undefined ? scope.from : change.from,
    to: change.to === undefined ? scope.to : change.to,
  }
  const isLifted = change.wholeLedger === true && scope.narrowed !== undefined
  const isMoved = [change.accessFrom, change.accessTo, change.from, change.to].some((side) => side !== undefined)
  const isSaid = isLifted || names.length > 0 || isMoved
  if (change.wholeLedger === true && !isLifted) throw new BulkheadError('incident_invalid', 'the scope is not narrowed to a file')
  if (!isSaid) throw new BulkheadError('incident_invalid', 'the amendment changes nothing: name a surface, a destination or a window')
  assertWindow('access', next.accessFrom, next.accessTo)
  assertWindow('data', next.from, next.to)
  return next
}

function amendNames(before: string[] | null, given: readonly string[] | undefined, only: boolean): string[] | null {
  if (given === undefined || given.length === 0) return before
  if (only) return sorted(given)
  // All of them holds the ones that are named.
  return before === null ? null : sorted([...before, ...given])
}

export function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort()
}

function assertWindow(name: string, from: number | null, to: number | null): void {
  if (from === null || to === null || from < to) return
  throw new BulkheadError('window_invalid', `the ${name} window would end before it begins`)
}

/** Whether somebody who is in `before` may be missing in `next`, whatever was sent. */
export function narrows(before: ScopeBody, next: ScopeBody): boolean {
  return (
    isFewer(before.surfaces, next.surfaces) ||
    isFewer(before.destinations, next.destinations) ||
    (next.accessTo ?? Infinity) < (before.accessTo ?? Infinity) ||
    narrowsData(before, next)
  )
}

function isFewer(before: string[] | null, next: string[] | null): boolean {
  if (next === null) return false
  return before === null || before.some((name) => !next.includes(name))
}

/** The data window narrows only as far as a vendor's statement shows it. */
export function narrowsData(before: ScopeBody, next: ScopeBody): boolean {
  return (next.from ?? -Infinity) > (before.from ?? -Infinity) || (next.to ?? Infinity) < (before.to ?? Infinity)
}

/** Whether the claimed data window lies wholly in the one of the scope. */
export function isShownBy(scope: ScopeBody, claim: Pick<StatementBody, 'from' | 'to'>): boolean {
  return (claim.from ?? -Infinity) >= (scope.from ?? -Infinity) && (claim.to ?? Infinity) <= (scope.to ?? Infinity)
}

export function windowsOf(scope: ScopeBody): Windows {
  return {
    accessFrom: scope.accessFrom ?? undefined,
    accessTo: scope.accessTo ?? undefined,
    from: scope.from ?? undefined,
    to: scope.to ?? undefined,
  }
}
