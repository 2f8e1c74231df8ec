/**
 * What a person has said of consent, by channel, and from which place in the log on it counts. A withdrawal counts for all
 * that still waits, also for what comes to be sent after a later agreement: that one counts from its own place on.
 */
import { type Trust, trustRank } from '#model/field.ts'
import type { ConsentSignals } from '#model/log-entry.ts'

/** The SDK's switch, the two signals of browsers, or one purpose of the policy. */
export type ConsentChannel = 'switch' | 'gpc' | 'dnt' | `purpose:${string}`

/**
 * `withdrawn`: nothing of the person leaves. Else it was agreed to from log entry `from` on, and `restored` says that it had
 * been withdrawn before: then what is older stays back. `trust` is of the strongest withdrawal.
 */
export interface ConsentState {
  withdrawn: boolean
  from: number
  restored: boolean
  trust: number
}

export type PersonConsent = Readonly<Partial<Record<ConsentChannel, ConsentState>>>

/** What holds for a record at `seq`. */
export function standingOf(state: ConsentState | undefined, seq: number): 'none' | 'refused' | 'agreed' {
  if (state === undefined) return 'none'
  if (state.withdrawn) return 'refused'
  if (seq >= state.from) return 'agreed'
  return state.restored ? 'refused' : 'none'
}

/** The same object when nothing changes. In one statement refusals come last: the stricter wins. */
export function withStatement(person: PersonConsent, said: ConsentSignals, seq: number, trust: Trust): PersonConsent {
  const rank = trustRank(trust)
  let next = person
  const set = (channel: ConsentChannel, state: ConsentState | undefined): void => {
    if (state !== undefined) next = { ...next, [channel]: state }
  }
  if (said.optOut === false) {
    set('switch', agreed(next.switch, seq, rank))
    for (const signal of ['gpc', 'dnt'] as const) if (next[signal]?.withdrawn === true) set(signal, agreed(next[signal], seq, rank))
  }
  for (const purpose of said.allows ?? []) set(`purpose:${purpose}`, agreed(next[`purpose:${purpose}`], seq, rank))
  for (const purpose of said.denies ?? []) set(`purpose:${purpose}`, withdrawn(next[`purpose:${purpose}`], seq, rank))
  if (said.optOut === true) set('switch', withdrawn(next.switch, seq, rank))
  if (said.gpc === true) set('gpc', withdrawn(next.gpc, seq, rank))
  if (said.dnt === true) set('dnt', withdrawn(next.dnt, seq, rank))
  return next
}

/** Whoever has the public token can say this of anybody: it does not undo what a server has said. */
function agreed(state: ConsentState | undefined, seq: number, rank: number): ConsentState | undefined {
  if (state === undefined) return { withdrawn: false, from: seq, restored: false, trust: 0 }
  if (!state.withdrawn || rank < state.trust) return undefined
  return { withdrawn: false, from: seq, restored: true, trust: 0 }
}

function withdrawn(state: ConsentState | undefined, seq: number, rank: number): ConsentState | undefined {
  if (state?.withdrawn === true) return rank > state.trust ? { ...state, trust: rank } : undefined
  return { withdrawn: true, from: seq, restored: false, trust: rank }
}

/** As it lies in the ledger: short, since there is one for each person who has said something. */
export function packPersonConsent(person: PersonConsent): unknown {
  return Object.entries(person as Record<ConsentChannel, ConsentState>).map(([channel, state]) => [
    channel,
    state.withdrawn ? 1 : 0,
    state.from,
    state.restored ? 1 : 0,
    state.trust,
  ])
}

/** Undefined for anything that `packPersonConsent` does not make. */
export function unpackPersonConsent(packed: unknown): PersonConsent | undefined {
  if (!Array.isArray(packed)) return undefined
  const person: Partial<Record<ConsentChannel, ConsentState>> = {}
  for (const row of packed) {
    if (!Array.isArray(row) || row.length !== 5 || !isChannel(row[0]) || !row.slice(1).every(Number.isSafeInteger)) return undefined
    const [channel, is, from, restored, trust] = row as [ConsentChannel, number, number, number, number]
    person[channel] = { withdrawn: is === 1, from, restored: restored === 1, trust }
  }
  return person
}

function isChannel(value: unknown): value is ConsentChannel {
  return typeof value === 'string' && (value === 'switch' || value === 'gpc' || value === 'dnt' || value.startsWith('purpose:'))
}
