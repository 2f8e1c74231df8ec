import type { IncidentPorts } from '#incidents/affected.ts'
import { CoarsePlaces } from '#incidents/coarse-places.ts'
import { createKeptReader } from '#incidents/kept-people.ts'
import type { StaffDeps } from './deps.ts'

const known = new WeakMap<StaffDeps, IncidentPorts>()

/** What questions about disclosures stand on; one for all routes, since it remembers where events came from. */
export function incidentPorts(deps: StaffDeps): IncidentPorts {
  let ports = known.get(deps)
  if (ports === undefined) {
    const { warehouse, vault, records, evidence } = deps
    const kept = createKeptReader(evidence)
    ports = { warehouse, vault, records, snapshot: () => deps.worker.barrier(), places: new CoarsePlaces(warehouse), kept }
    known.set(deps, ports)
  }
  return ports
}
