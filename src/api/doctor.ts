/** Whether all is well, from what each part says of itself. A part that does not answer is a finding, not a failure of the answer. */
import { isJsonObject } from '#model/json.ts'
import { vendorNames } from '#vendors/register.ts'
import type { Doctor } from './contract.ts'
import type { Check, RoleView, StaffDeps } from './deps.ts'

/** A part that is silent for longer is reported as silent. */
const PART_MS = 3000
/** Updates of profiles and groups stand in the same table; they are no events. */
const EVENTS_IN_WAREHOUSE = `SELECT count() AS rows FROM events WHERE type IN ('event', 'identify', 'merge')`

export async function examine(deps: StaffDeps): Promise<Doctor> {
  const [roles, gateway, worker, described, warehouse, further] = await Promise.all([
    within(deps, deps.supervisor.status()),
    within(deps, deps.gateway.status()),
    within(deps, deps.worker.status()),
    within(deps, deps.vault.describe()),
    within(deps, deps.warehouse.query<{ rows: number | string }>(EVENTS_IN_WAREHOUSE, {}, 'badday')),
    within(deps, deps.checks?.() ?? Promise.resolve([])),
  ])
  const policy = deps.records.currentPolicy()
  const vendors = vendorNames(deps.records, deps.config.vendors).map((vendor) => ({ vendor, state: deps.records.flow(vendor).state }))
  const checks: Check[] = [
    rolesCheck(roles),
    ...gatewayChecks(gateway),
    ...answered('worker', worker),
    ...destinationChecks(worker),
    ...answered('vault', described),
    ...answered('warehouse', warehouse),
    vendorsCheck(vendors),
    ...(further ?? []),
  ]
  return {
    ok: checks.every((check) => check.state !== 'fail'),
    version: deps.version,
    instance: deps.instanceId,
    mode: 'single-operator',
    startedAt: new Date(deps.startedAt).toISOString(),
    checks,
    roles: (roles ?? []).map(({ role, pid, state, restarts, since }) => ({
      role,
      pid,
      state,
      restarts,
      since: new Date(since).toISOString(),
    })),
    events: { accepted: acceptedCount(gateway), warehouse: warehouse === undefined ? null : Number(warehouse[0]?.rows ?? 0) },
    policy: policy === undefined ? null : { version: policy.version, appliedAt: new Date(policy.appliedAt).toISOString() },
    vendors,
    keys: described === undefined ? null : { folder: described.keyFolder, people: described.people, looks: described.looks },
    gateway: gateway ?? null,
    worker: worker ?? null,
  }
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

function answered(name: string, answer: unknown): Check[] {
  return [answer === undefined ? { name, state: 'fail', text: 'does not answer' } : { name, state: 'ok', text: 'answers' }]
}

function rolesCheck(roles: RoleView[] | undefined): Check {
  if (roles === undefined) return { name: 'processes', state: 'fail', text: 'the supervisor does not answer' }
  const unready = roles.filter((role) => role.state !== 'ready')
  if (unready.length > 0) return { name: 'processes', state: 'fail', text: `not ready: ${unready.map((role) => role.role).join(', ')}` }
  const restarted = roles.filter((role) => role.restarts > 0)
  const text = restarted.map((role) => `${role.role} ${role.restarts} times`).join(', ')
  return restarted.length > 0
    ? { name: 'processes', state: 'warn', text: `all ready; started again: ${text}` }
    : { name: 'processes', state: 'ok', text: `all ${roles.length} ready` }
}

/** `stats()` of the gateway: records kept, tokens of no source, disk. */
function gatewayChecks(gateway: unknown): Check[] {
  if (!isJsonObject(gateway)) return [{ name: 'gateway', state: 'fail', text: 'does not answer' }]
  const checks: Check[] = [{ name: 'gateway', state: 'ok', text: 'answers' }]
  const unknown = gateway.unknownTokens
  if (isJsonObject(unknown) && Number(unknown.count) > 0) {
    const tokens = Array.isArray(unknown.tokens)
      ? unknown.tokens.flatMap((entry) => (isJsonObject(entry) ? [String(entry.token)] : []))
      : []
    const named = tokens.length > 0 ? `: ${tokens.slice(0, 5).join(', ')}` : ''
    checks.push({ name: 'tokens', state: 'warn', text: `${Number(unknown.count)} records with a token of no source were dropped${named}` })
  }
  const dropped = isJsonObject(gateway.records) && isJsonObject(gateway.records.dropped) ? Object.entries(gateway.records.dropped) : []
  const others = dropped.filter(([reason]) => reason !== 'unknown_token').map(([reason, count]) => `${reason} ${Number(count)}`)
  if (others.length > 0) checks.push({ name: 'dropped', state: 'warn', text: `records not kept: ${others.join(', ')}` })
  if (gateway.diskLow === true)
    checks.push({ name: 'disk', state: 'fail', text: 'too little free space: the gateway refuses traffic until there is more' })
  return checks
}

/** `status()` of the worker: a destination that is blocked or failed stands still until somebody acts. */
function destinationChecks(worker: unknown): Check[] {
  const forwarders = isJsonObject(worker) && Array.isArray(worker.forwarders) ? worker.forwarders.filter(isJsonObject) : []
  return forwarders.flatMap((forwarder): Check[] => {
    const name = `${String(forwarder.vendor)}/${String(forwarder.destination)}`
    const why = typeof forwarder.reason === 'string' ? ` (${forwarder.reason})` : ''
    const text = `${String(forwarder.state)}${why}, ${Number(forwarder.lag)} log entries behind`
    if (forwarder.state === 'blocked' || forwarder.state === 'failed') return [{ name, state: 'fail', text }]
    if (forwarder.state === 'retrying') return [{ name, state: 'warn', text }]
    return [{ name, state: 'ok', text }]
  })
}

function acceptedCount(gateway: unknown): number | null {
  return isJsonObject(gateway) && isJsonObject(gateway.records) && typeof gateway.records.kept === 'number' ? gateway.records.kept : null
}

function vendorsCheck(vendors: readonly { vendor: string; state: string }[]): Check {
  const cut = vendors.filter((vendor) => vendor.state === 'cut').map((vendor) => vendor.vendor)
  if (cut.length > 0) return { name: 'vendors', state: 'warn', text: `cut: ${cut.join(', ')}` }
  return { name: 'vendors', state: 'ok', text: vendors.length === 0 ? 'none configured: nothing leaves' : `${vendors.length}, none cut` }
}
