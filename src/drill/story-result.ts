/** What a step of a story comes to. */
import type { NoticeScore } from './story-notified.ts'
import type { ScopeScore } from './story-truth.ts'

export interface StepResult {
  /** A line of words. */
  what: string
  /** Whether it went as it has to. */
  ok: boolean
  /** Of an expectation about a scope. */
  scope?: ScopeScore
  /** Of an expectation about clocks. */
  clocks?: ClockScore[]
  /** Of notices that were sent. */
  notified?: NoticeScore
}

/** One clock that was expected, and what was found in its place. */
export interface ClockScore {
  /** UTC. */
  at: string
  /** As the story calls it. */
  incident: string
  regime: string
  to?: string
  rule?: string
  basis?: string
  dueAt?: string | null
  state?: string
  found: { dueAt: string | null; state: string } | null
  ok: boolean
}

export function said(wrong: readonly string[]): string {
  return wrong.length === 0 ? '' : `; but ${wrong.join('; ')}`
}

/** `1 person`, `2 people`. */
export function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`
}
