/**
 * Whether all is well, from what each part says of itself and from what lies on the disk. A part that does not answer is a
 * finding, not a failure of the answer. The rules are data: another matter is one line in `RUNNING_CHECKS` or `PLACE_CHECKS`.
 */
import { isJsonObject } from '#model/json.ts'
import type { FlowState } from '#records/port.ts'
import { isSignedBy } from '#ledger/restored-ledger.ts'
import { vendorNames } from '#vendors/register.ts'
import type { Doctor } from './contract.ts'
import { brokenRows } from '#model/incident-row.ts'
import type { StaffDeps } from './deps.ts'
import { operatorMode } from './operator-routes.ts'
import { type Check, cannotTell, type CheckRule, type Facts, fail, type Finding, type PlaceFacts } from './facts.ts'
import { APPROVAL_CHECKS } from './approval-checks.ts'
import { CHECKPOINT_CHECKS } from './checkpoint-checks.ts'
import { CLOCK_CHECKS, clockFacts } from './clock-checks.ts'
import { LEAVING_CHECKS } from './leaving-checks.ts'
import { leavingFacts } from './leaving-routes.ts'
import { NOTICE_CHECKS, noticesStanding } from './notice-checks.ts'
import { PLACE_CHECKS } from './place-checks.ts'
import { RUNNING_CHECKS } from './running-checks.ts'

/** A part that is silent for longer is reported as silent. */
const PART_MS = 3000
/** Updates of profiles and groups stand in the same table; they are no events. */
const EVENTS_IN_WAREHOUSE = `SELECT count() AS rows FROM events WHERE type IN ('event', 'identify', 'merge')`

export const CHECKS: readonly CheckRule[] = [
  ...RUNNING_CHECKS,
  ...CLOCK_CHECKS,
  ...LEAVING_CHECKS,
  ...PLACE_CHECKS,
  ...CHECKPOINT_CHECKS,
  ...NOTICE_CHECKS,
  ...APPROVAL_CHECKS,
]

export async function examine(deps: StaffDeps): Promise<Doctor> {
  const names = vendorNames(deps.records, deps.config.vendors)
  const [roles, gateway, worker, described, warehouse, place, leaving, noticeAlerts] = await Promise.all([
    within(deps, deps.supervisor.status()),
    within(deps, deps.gateway.status()),
    within(deps, deps.worker.status()),
    within(deps, deps.vault.describe()),
    within(deps, deps.warehouse.query<{ rows: number | string }>(EVENTS_IN_WAREHOUSE, {}, 'badday')),
    within(deps, deps.place()),
    within(deps, leavingFacts(names, deps)),
    within(deps, deps.noticeAlerts?.() ?? Promise.resolve([])),
  ])
  const gaps = deps.gaps()
  const facts: Facts = {
    now: deps.clock.now(),
    waiting: deps.approvals
      .list()
      .filter((each) => deps.approvals.stateOf(each) === 'pending')
      .map(({ id }) => id),
    approvalProblems: { ...deps.approvals.problems(), operators: deps.operators.foreign },
    isRunning: true,
    config: deps.config,
    // The vault knows better than its file, which it writes now and then.
    place: place === undefined ? undefined : { ...place, ...(described && known(described)) },
    roles,
    gateway: isJsonObject(gateway) ? gateway : undefined,
    worker: isJsonObject(worker) ? worker : undefined,
    vault: described,
    warehouseRows: warehouse === undefined ? undefined : Number(warehouse[0]?.rows ?? 0),
    policy: deps.records.currentPolicy(),
    vendors: names.map((vendor) => ({ vendor, state: deps.records.flow(vendor).state })),
    ...(leaving === undefined ? {} : { leaving }),
    ...(noticeAlerts === undefined ? {} : { noticeAlerts }),
    noticesStanding: noticesStanding(deps),
    ...(described === undefined ? {} : { incidents: incidentFacts(deps, described.ledgerKey) }),
    clocks: clockFacts(deps),
    gaps,
    gapsSigned: described === undefined || gaps.every((gap) => isSignedBy(gap, described.ledgerKey)),
  }
  return report(facts, {
    version: deps.version,
    instance: deps.instanceId,
    startedAt: deps.startedAt,
    mode: operatorMode(deps.operators.list()),
    keys: described === undefined ? null : { folder: described.keyFolder, people: described.people, looks: described.looks },
  })
}

function known({ newest, backups, gapsAcknowledged }: Pick<PlaceFacts, 'newest' | 'backups' | 'gapsAcknowledged'>) {
  return { newest, backups, gapsAcknowledged }
}

/** Also for a Bulkhead that does not run. */
export function report(
  facts: Facts,
  about: Pick<Doctor, 'version' | 'instance' | 'keys'> & { mode?: Doctor['mode']; startedAt: number | undefined },
  further: readonly Check[] = [],
): Doctor {
  const checks = [...CHECKS.flatMap((rule) => findingsOf(rule, facts)), ...further]
  return {
    ok: checks.every((check) => check.state !== 'fail'),
    version: about.version,
    instance: about.instance,
    mode: about.mode ?? 'single-operator',
    startedAt: about.startedAt === undefined ? null : new Date(about.startedAt).toISOString(),
    checks,
    roles: (facts.roles ?? []).map(({ role, pid, state, restarts, since }) => ({
      role,
      pid,
      state,
      restarts,
      since: new Date(since).toISOString(),
    })),
    events: { accepted: acceptedCount(facts.gateway), warehouse: facts.warehouseRows ?? null },
    policy:
      facts.policy === undefined ? null : { version: facts.policy.version, appliedAt: new Date(facts.policy.appliedAt).toISOString() },
    vendors: facts.vendors.map(({ vendor, state }) => ({ vendor, state: state as FlowState })),
    keys: about.keys,
    gateway: facts.gateway ?? null,
    worker: facts.worker ?? null,
  }
}

function findingsOf(rule: CheckRule, facts: Facts): Check[] {
  const absent = absence(rule, facts)
  const found = absent ?? rule.look(facts) ?? []
  return [found].flat().map(({ of, ...finding }: Finding) => ({ id: of === undefined ? rule.id : `${rule.id}:${of}`, ...finding }))
}

/** What a rule needs and does not answer: said once, by the rule that is called like the part. */
function absence({ id, needs }: CheckRule, facts: Facts): Finding | readonly Finding[] | undefined {
  if (needs === undefined) return undefined
  const parts = { processes: facts.roles, gateway: facts.gateway, worker: facts.worker, vault: facts.vault, warehouse: facts.warehouseRows }
  if (parts[needs] !== undefined) return undefined
  if (!facts.isRunning) return cannotTell('nothing runs', 'Start it with `bulkhead up` to see.')
  if (id === 'processes') return cannotTell('the supervisor does not answer', 'Stop it (TERM, then KILL) and start it again.')
  if (id !== needs) return cannotTell(`the ${needs} does not answer`, `See the check \`${needs}\`.`)
  return fail('does not answer', `Read the ${needs} lines of the diagnostics; the supervisor starts it again by itself.`)
}

async function within<Answer>(deps: StaffDeps, answer: Promise<Answer>): Promise<Answer | undefined> {
  const waiting = new AbortController()
  const late = deps.clock.sleep(PART_MS, waiting.signal).then(() => undefined)
  try {
    return await Promise.race([answer.catch(() => undefined), late])
  } finally {
    waiting.abort()
  }
}

function acceptedCount(gateway: Facts['gateway']): number | null {
  return isJsonObject(gateway?.records) && typeof gateway.records.kept === 'number' ? gateway.records.kept : null
}

function incidentFacts({ records, signals }: Pick<StaffDeps, 'records' | 'signals'>, key: string | null): NonNullable<Facts['incidents']> {
  const incidents = [...Map.groupBy(records.incidentRows(), (row) => row.incident)]
  return {
    open: incidents
      .filter(([, rows]) => rows.findLast(({ kind }) => kind === 'closed' || kind === 'reopened')?.kind !== 'closed')
      .map(([id]) => id),
    broken: incidents.filter(([, rows]) => brokenRows(rows, key).length > 0).map(([id]) => id),
    brokenSignals: signals.broken(key),
  }
}
