/** What a version of an incident's scope comes to, and whom it has that no earlier version had: all as of one ledger entry. */
import { canonicalJson } from '#base/canonical-json.ts'
import { type AffectedAnswer, type AffectedQuery, affected, type IncidentPorts } from './affected.ts'
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
  const before = new PersonSet()
  // Two versions may say the same, after a correction say.
  const scopes = new Map(state.scopes.filter((each) => each.version < version).map(({ scope }) => [canonicalJson(scope), scope]))
  for (const scope of scopes.values()) before.addAll(await (await affected(queryOf(state.vendor, scope), ports)).people())
  return before
}

export async function countVersion(
  state: Pick<IncidentState, 'vendor' | 'scopes'>,
  version: number,
  livePorts: IncidentPorts,
): Promise<{ counted: CountedBody; answer: AffectedAnswer }> {
  const ports = await asOfNow(livePorts)
  const scopeOf = (number: number): ScopeBody | undefined => state.scopes.find((each) => each.version === number)?.scope
  const answer = await affected(queryOf(state.vendor, scopeOf(version) as ScopeBody), ports)
  const { subjects, delivered, possible, checked } = answer.summary
  const counted = { version, entries: checked.entries, subjects, delivered, possible, added: subjects, removed: 0 }
  const last = scopeOf(version - 1)
  if (last === undefined) return { counted, answer }
  const people = await answer.people()
  const former = await (await affected(queryOf(state.vendor, last), ports)).people()
  const before = await peopleBefore(state, version, ports)
  return { counted: { ...counted, added: people.countWithout(before), removed: former.countWithout(people) }, answer }
}
