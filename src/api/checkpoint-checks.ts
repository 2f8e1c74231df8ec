/** Whether what the ledger says of itself is held where we cannot change it; works with nothing running too. */
import { FORK_WORDS, type Named } from '#ledger/outside/place.ts'
import type { PlaceState } from '#ledger/outside/state.ts'
import { cannotTell, type CheckRule, fail, type Finding, named, ok, type PlaceFacts, warn } from './facts.ts'

const HOUR_MS = 3_600_000
/** A checkpoint goes out daily; two days without one is no delay any more. */
const UNTAKEN_HOURS = 48

export const CHECKPOINT_CHECKS: readonly CheckRule[] = [
  { id: 'checkpoints', look: ({ place, now }) => (place === undefined ? lost() : checkpoints(place, now)) },
  { id: 'checkpoint_place', look: ({ place }) => (place === undefined ? lost() : places(place)) },
]

function lost(): Finding {
  return cannotTell('the folders cannot be looked at', 'Check that the data folder can be read.')
}

/** Of all places together: one that holds a checkpoint is enough. */
function checkpoints({ outside, ledgerHead = 0 }: PlaceFacts, now: number): Finding {
  if (outside.length === 0)
    return warn(
      'no place outside holds checkpoints of the ledger: who has the signing key could write it anew',
      'Name one under `ledger.checkpoints` in bulkhead.yaml: a git repository, a mailbox, a witness or a folder on another disk.',
    )
  const known = outside.flatMap(({ state }) => state ?? [])
  const states = known.filter(({ fork }) => fork === undefined)
  if (known.length > 0 && states.length === 0)
    return fail('every place outside holds what our ledger does not go on from', 'See `checkpoint_place`, which names both checkpoints.')
  const newest = states.reduce((best, state) => (state.takenAt > best.takenAt ? state : best), { takenAt: 0, id: '' } as PlaceState)
  if (newest.taken !== undefined && now - newest.takenAt <= UNTAKEN_HOURS * HOUR_MS)
    return ok(`${newest.id} has held ${nameOf(newest.taken)} since ${new Date(newest.takenAt).toISOString()}`)
  if (ledgerHead === 0) return ok('the ledger has no entry yet: there is nothing to hold')
  const fix = 'See `checkpoint_place`; `bulkhead ledger checkpoint --send` tries all of them now.'
  const since = Math.min(...states.map(({ since: first }) => first))
  if (newest.taken === undefined && (states.length === 0 || now - since <= UNTAKEN_HOURS * HOUR_MS))
    return warn('no place outside has taken a checkpoint yet', fix)
  const last = newest.taken === undefined ? 'ever' : `since ${new Date(newest.takenAt).toISOString()}`
  return fail(`no place outside has taken a checkpoint ${last}`, fix)
}

function places({ outside }: PlaceFacts): Finding[] {
  return outside.map(({ id, kind, state }) => named(id, finding(kind, state)))
}

function finding(kind: string, state: PlaceState | undefined): Finding {
  if (state === undefined) return warn(`${kind}: not asked yet`, 'It is asked within a minute of the start.')
  const { fork, fault, failures, taken } = state
  if (fork !== undefined) {
    const both = `it has ${nameOf(fork.theirs)}, we have ${nameOf(fork.ours)}`
    return fail(
      `${kind}: ${FORK_WORDS[fork.what]}: ${both}`,
      'Touch neither. Compare the ledger with a backup; `bulkhead ledger verify` names what was changed. An older copy comes in by `bulkhead restore`.',
    )
  }
  if (fault !== undefined)
    return warn(
      `${kind}: ${fault.message} (${failures} ${failures === 1 ? 'failure' : 'failures in a row'})`,
      'It is tried again by itself.',
    )
  if (taken === undefined) return ok(`${kind}: nothing to hold yet`)
  const by = state.kind === 'witness' ? ', co-signed' : ''
  return ok(`${kind}: holds ${nameOf(taken)}${by}`)
}

function nameOf({ size, root }: Named): string {
  return size === 0 && root === '' ? 'what cannot be read' : `size ${size}${root === '' ? '' : ` root ${root}`}`
}
