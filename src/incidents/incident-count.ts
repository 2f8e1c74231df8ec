/** What a version of an incident's scope comes to, and whom it has that no earlier version had: all as of one ledger entry. */
import { canonicalJson } from '#base/canonical-json.ts'
import { type AffectedAnswer, type AffectedQuery, affected, type IncidentPorts, peopleAffected } from './affected.ts'
import type { CountedBody, ScopeBody } from './incident-bodies.ts'
import { windowsOf } from './incident-scope.ts'
import type { IncidentState } from './incident-state.ts'
import { PersonSet } from './person-set.ts'

export function queryOf(vendor: string, scope: ScopeBody): AffectedQuery {
  return {
    vendor,
    destination: undefined,
    destinations: scope.destinations ?? undefined,
    surfaces: scope.surfaces ?? undefined,
    windows: windowsOf(scope),
    keptIn: scope.narrowed?.people,
  }
}

/** Several questions about one moment. */
export async function asOfNow(ports: IncidentPorts): Promise<IncidentPorts> {
  const snapshot = await ports.snapshot()
  return { ...ports, snapshot: async () => snapshot }
}

/** People of all versions before this one. */
export async function peopleBefore(
  state: Pick<IncidentState, 'vendor' | 'scopes'>,
  version: number,
  ports: IncidentPorts,
): Promise<PersonSet> {
  const { before } = await earlierPeople(state, version, ports)
  return before
}

/** `last`: of the version just before; undefined for the first. */
async function earlierPeople(
  state: Pick<IncidentState, 'vendor' | 'scopes'>,
  version: number,
  ports: IncidentPorts,
): Promise<{ before: PersonSet; last: PersonSet | undefined }> {
  const before = new PersonSet()
  let last: PersonSet | undefined
  // Two versions may say the same, after a correction say.
  const known = new Map<string, PersonSet>()
  for (const { scope } of state.scopes.filter((each) => each.version < version)) {
    const text = canonicalJson(scope)
    last = known.get(text) ?? (await peopleAffected(queryOf(state.vendor, scope), ports))
    if (!known.has(text)) before.addAll(last)
    known.set(text, last)
  }
  return { before, last }
}

export async function countVersion(
  state: Pick<IncidentState, 'vendor' | 'scopes'>,
  version: number,
  livePorts: IncidentPorts,
): Promise<{ counted: CountedBody; answer: AffectedAnswer }> {
  const ports = await asOfNow(livePorts)
  const { scope } = state.scopes.find((each) => each.version === version) as IncidentState['scopes'][number]
  const answer = await affected(queryOf(state.vendor, scope), ports)
  const { subjects, delivered, possible, checked } = answer.summary
  const people = await answer.people()
  const { before, last } = await earlierPeople(state, version, ports)
  const [added, removed] = [people.countWithout(before), last?.countWithout(people) ?? 0]
  return { counted: { version, entries: checked.entries, subjects, delivered, possible, added, removed }, answer }
}
