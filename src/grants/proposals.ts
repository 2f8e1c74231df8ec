/** Names that wait for an approval, and the approval of names: what a name is, found by looking where it waits. */
import { BulkheadError } from '#base/errors.ts'
import type { Policy } from '#model/policy.ts'
import type { Look, WaitingProposal, WaitingVault } from '#vault/port.ts'
import { type WaitingPorts, type WaitingScope, waitingBlobs } from './waiting-room.ts'

export interface ProposalPorts extends WaitingPorts {
  waiting: WaitingVault
}

export type Proposals = Awaited<ReturnType<WaitingVault['endNames']>>

export async function propose(scope: WaitingScope, k: number, look: Look, ports: ProposalPorts): Promise<Proposals> {
  await lookThrough(scope, look, ports)
  return ports.waiting.endNames(k)
}

async function lookThrough(scope: WaitingScope, look: Look, ports: ProposalPorts): Promise<void> {
  await ports.waiting.beginNames(look)
  for await (const blobs of waitingBlobs(scope, ports)) await ports.waiting.addNames(blobs)
}

export interface NamesByKind {
  events: string[]
  properties: string[]
}

/**
 * `event:NAME` and `property:KEY` say what they are. A bare name is what it is in the own store or in the waiting room.
 * Throws `name_unclear`.
 */
export async function sortNames(
  names: readonly string[],
  current: Policy,
  scope: WaitingScope,
  look: Look,
  ports: ProposalPorts,
): Promise<NamesByKind> {
  const sorted: NamesByKind = { events: [], properties: [] }
  const bare: string[] = []
  for (const written of names) {
    const name = written.normalize('NFC')
    if (name.startsWith('event:')) sorted.events.push(name.slice('event:'.length))
    else if (name.startsWith('property:')) sorted.properties.push(name.slice('property:'.length))
    else bare.push(name)
  }
  const unknown = bare.filter((name) => !isOpen(name, current, sorted))
  if (unknown.length === 0) return sorted
  await lookThrough(scope, look, ports)
  const found = await ports.waiting.endFinding(unknown)
  for (const [index, name] of unknown.entries()) addFound(index, name, found[name] ?? [], sorted)
  return sorted
}

function isOpen(name: string, { store }: Policy, sorted: NamesByKind): boolean {
  const isEvent = store.events.includes(name)
  const isProperty = store.properties.includes(name)
  if (isEvent === isProperty) return false
  ;(isEvent ? sorted.events : sorted.properties).push(name)
  return true
}

/** The name itself is text that nobody approved yet: an error tells its place in the call. */
function addFound(index: number, name: string, kinds: readonly WaitingProposal['kind'][], sorted: NamesByKind): void {
  const [kind, ...others] = kinds.filter((each) => each !== 'group')
  const place = `name ${index + 1} of those that are not open yet`
  if (kind === undefined && kinds.includes('group'))
    throw new BulkheadError('name_unclear', `${place} is a group's: it is named in groupKeys of the source, in bulkhead.yaml`)
  if (kind === undefined) throw new BulkheadError('name_unclear', `${place} waits nowhere among what was looked through`)
  if (others.length > 0) throw new BulkheadError('name_unclear', `${place} is an event's name and a property's key`)
  ;(kind === 'event' ? sorted.events : sorted.properties).push(name)
}
