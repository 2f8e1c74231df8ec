/** Whether all is well, from what each part says of itself. A part that does not answer is a finding, not a failure of the answer. */
import { ERRORS, isErrorCode } from '#base/errors.ts'
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
    ...reserveCheck(worker),
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

function answered(id: string, answer: unknown): Check[] {
  if (answer === undefined)
    return [fail(id, 'does not answer', `Read the ${id} lines of the diagnostics; the supervisor starts it again by itself.`)]
  return [ok(id, 'answers')]
}

const ok = (id: string, what: string): Check => ({ id, state: 'ok', what, fix: '' })
const warn = (id: string, what: string, fix: string): Check => ({ id, state: 'warn', what, fix })
const fail = (id: string, what: string, fix: string): Check => ({ id, state: 'fail', what, fix })
const cannotTell = (id: string, what: string, fix: string): Check => ({ id, state: 'cannot_tell', what, fix })

function rolesCheck(roles: RoleView[] | undefined): Check {
  if (roles === undefined) return cannotTell('processes', 'the supervisor does not answer', 'Stop it (TERM, then KILL) and start it again.')
  const unready = roles.filter((role) => role.state !== 'ready')
  if (unready.length > 0) {
    const named = unready.map(({ role, failures = 0, fault }) => {
      const said = fault === undefined ? '' : `: ${fault.code}: ${fault.message}`
      return failures > 1 ? `${role} (ended ${failures} times in a row${said})` : `${role}${said}`
    })
    const code = unready.map(({ fault }) => fault?.code).find(isErrorCode)
    const wait = 'Wait a moment; then read their lines of the diagnostics.'
    return fail(
      'processes',
      `not ready: ${named.join(', ')}`,
      code === undefined ? wait : `${ERRORS[code].hint} It is started again by itself.`,
    )
  }
  const restarted = roles.filter((role) => role.restarts > 0)
  if (restarted.length === 0) return ok('processes', `all ${roles.length} ready`)
  const text = restarted.map((role) => `${role.role} ${role.restarts} times`).join(', ')
  return warn('processes', `all ready; started again: ${text}`, 'Read why they ended in the diagnostics.')
}

/** `stats()` of the gateway: records kept, tokens of no source, disk. */
function gatewayChecks(gateway: unknown): Check[] {
  if (!isJsonObject(gateway)) return answered('gateway', undefined)
  const checks = answered('gateway', gateway)
  const unknown = gateway.unknownTokens
  if (isJsonObject(unknown) && Number(unknown.count) > 0) {
    const tokens = Array.isArray(unknown.tokens)
      ? unknown.tokens.flatMap((entry) => (isJsonObject(entry) ? [String(entry.token)] : []))
      : []
    const named = tokens.length > 0 ? ` (${tokens.slice(0, 5).join(', ')})` : ''
    const what = `dropped for an unknown token: ${Number(unknown.count)}${named}`
    checks.push(warn('unknown_tokens', what, 'Add the token to `sources` in bulkhead.yaml, or correct it in the SDK that sends it.'))
  }
  const dropped = isJsonObject(gateway.records) && isJsonObject(gateway.records.dropped) ? Object.entries(gateway.records.dropped) : []
  const others = dropped.filter(([reason]) => reason !== 'unknown_token').map(([reason, count]) => `${reason} ${Number(count)}`)
  if (others.length > 0)
    checks.push(warn('dropped', `records not kept: ${others.join(', ')}`, 'docs/configuration.md says what each reason means.'))
  checks.push(
    gateway.diskLow === true
      ? fail(
          'disk',
          `nothing is accepted until there is room: ${shortages(gateway.short)}`,
          'Free space there, or see why the log is not taken.',
        )
      : ok('disk', 'enough free space'),
  )
  return checks
}

function shortages(short: unknown): string {
  return Array.isArray(short) && short.length > 0 ? short.map(String).join('; ') : 'too little free space'
}

/** Space set aside that is in use: nothing is sent to vendors or loaded until it is whole again. */
function reserveCheck(worker: unknown): Check[] {
  if (!isJsonObject(worker) || worker.reserve !== 'in use') return []
  return [warn('reserve', 'the space set aside is in use: nothing new is sent or loaded', 'Free space on the disk of the data folder.')]
}

/** `status()` of the worker: a destination that is blocked or failed stands still until somebody acts. */
function destinationChecks(worker: unknown): Check[] {
  const forwarders = isJsonObject(worker) && Array.isArray(worker.forwarders) ? worker.forwarders.filter(isJsonObject) : []
  return forwarders.flatMap((forwarder): Check[] => {
    const id = `destination:${String(forwarder.vendor)}/${String(forwarder.destination)}`
    const why = typeof forwarder.reason === 'string' ? ` (${forwarder.reason})` : ''
    const what = `${String(forwarder.state)}${why}, ${Number(forwarder.lag)} log entries behind`
    if (forwarder.state === 'blocked')
      return [fail(id, what, 'The vendor refuses the credentials: correct them in bulkhead.yaml and start again.')]
    if (forwarder.state === 'failed') return [fail(id, what, 'Read the worker lines of the diagnostics.')]
    if (forwarder.state === 'retrying') return [warn(id, what, 'Nothing: the vendor does not answer as it should, and it is tried again.')]
    return [ok(id, what)]
  })
}

function acceptedCount(gateway: unknown): number | null {
  return isJsonObject(gateway) && isJsonObject(gateway.records) && typeof gateway.records.kept === 'number' ? gateway.records.kept : null
}

function vendorsCheck(vendors: readonly { vendor: string; state: string }[]): Check {
  const cut = vendors.filter((vendor) => vendor.state === 'cut').map((vendor) => vendor.vendor)
  if (cut.length > 0) return warn('vendors', `cut: ${cut.join(', ')}`, '`bulkhead vendor restore V` opens the flow again.')
  return ok('vendors', vendors.length === 0 ? 'none configured: nothing leaves' : `${vendors.length}, none cut`)
}
