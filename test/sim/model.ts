/**
 * What must be true, kept apart from the code that is to make it true: which records were sent and acknowledged, which
 * policies were in force, what is cut, what every vendor received. The laws are checked while a run goes on and at its end.
 */
import type { SourceConfig } from '#model/config.ts'
import type { GrantTable } from './plan.ts'

/** One record as a client made it. */
export interface Mark {
  mark: number
  kind: 'event' | 'set' | 'add'
  event: string | undefined
  user: string
  source: SourceConfig
  hasInsertId: boolean
  statesEmail: boolean
  /** It says that its user opts out. */
  optsOut: boolean
  /** How often a request with it was sent, and whether one of them was answered with success. */
  sent: number
  acknowledged: boolean
  /** Policy version in force when it was first sent. */
  since: number
}

/** A law that did not hold. The run ends with it. */
export class Violation extends Error {
  readonly law: string

  constructor(law: string, what: string) {
    super(`${law}: ${what}`)
    this.name = 'Violation'
    this.law = law
  }
}

export class Model {
  readonly marks: Mark[] = []
  /** By version: what it lets through. */
  readonly grants = new Map<number, GrantTable>()
  version = 0
  /** Vendors for which `cut` has returned and `restore` has not been asked for. */
  readonly cut = new Set<string>()
  /** The warehouse was lost, so what was loaded is loaded again. */
  warehouseLost = false
  /** Users of whom an opt-out was sent, and when the first was acknowledged (virtual time). */
  readonly leaving = new Set<string>()
  readonly left = new Map<string, number>()
  violation: Violation | undefined

  fail(law: string, what: string): void {
    this.violation ??= new Violation(law, what)
  }

  /** Granted under every policy that was in force since it was first sent, and nobody has taken it back. */
  isOwed(mark: Mark, destination: string): boolean {
    if (this.leaving.has(mark.user)) return false
    for (let version = mark.since; version <= this.version; version++) {
      const granted = this.grants.get(version)?.[destination]
      if (granted === undefined || (mark.event !== undefined && !granted.events.has(mark.event))) return false
    }
    return true
  }
}
