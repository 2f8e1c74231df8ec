/** The staff API's routes about policy: what is in force, what a change would do, doing it, and why a field leaves or not. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BulkheadError } from '#base/errors.ts'
import { decodeEvent, type Explanation, explainRecord, explainWire } from '#grants/explain.ts'
import { firstDay } from '#grants/event-kinds.ts'
import { asIfApproved, checkDays, type PendingGrant, partUnapproved, pendingGrants, proposeClear } from '#grants/clear-grants.ts'
import { planPolicy, statedChanges } from '#grants/plan.ts'
import { fillBack, type Filled } from '#grants/fill-back.ts'
import { type NamesByKind, propose, sortNames } from '#grants/proposals.ts'
import type { WaitingScope } from '#grants/waiting-room.ts'
import { recordVersion, sealState } from '#grants/versions.ts'
import { dataCategoryOf } from '#model/field.ts'
import { WAITING_DAYS } from '#model/log-entry.ts'
import type { SourceConfig } from '#model/config.ts'
import type { JsonValue } from '#model/json.ts'
import type { Policy, PolicyVersion } from '#model/policy.ts'
import type { WireRecord } from '#model/wire-record.ts'
import {
  approvedPolicy,
  type CompiledDestination,
  type CompiledPolicy,
  compilePolicy,
  isSamePolicy,
  type PolicyProposal,
  proposedPolicy,
  withoutApprovals,
} from '#policy/policy.ts'
import type { Look, WaitingProposal } from '#vault/port.ts'
import { assertVendorKnown, vendorNames } from '#vendors/register.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import {
  type PolicyApply,
  type PolicyApplyBody,
  type PolicyApprove,
  type PolicyApproveBody,
  PolicyApproveRequest,
  type PolicyPropose,
  type PolicyProposeBody,
  PolicyProposeRequest,
  PolicyApplyRequest,
  type PolicyExplain,
  type PolicyExplainBody,
  PolicyExplainRequest,
  type PolicyPlan,
  type PolicyPlanBody,
  PolicyPlanRequest,
  type PolicyShow,
} from './policy-contract.ts'

const DAYS = 30

export function addPolicyRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { records } = deps

  app.get(ROUTES.policy, async () => show(current(deps), deps))
  app.get<{ Params: { version: string } }>(`${ROUTES.policy}/:version`, async ({ params }) => {
    const version = /^\d{1,9}$/.test(params.version) ? records.policy(Number(params.version)) : undefined
    if (version === undefined)
      throw new BulkheadError('not_found', 'there is no such version of the policy', { hint: '`bulkhead policy show` lists all versions.' })
    return show(version, deps)
  })

  app.post<{ Body: PolicyPlanBody }>(`${ROUTES.policy}/plan`, { schema: { body: PolicyPlanRequest } }, async (request, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const { version, policy: before } = current(deps)
    const stated = made(() => proposedPolicy(before, proposalOf(request.body.proposal)))
    const now = deps.clock.now()
    const { policy, asks } = partUnapproved(before, stated, now)
    checkDays(asks, { now, clearDaysMax: deps.clearDaysMax })
    const after = asIfApproved(policy, asks)
    const plan = await planPolicy({ before, after, days: request.body.days ?? DAYS, now }, deps.warehouse, gone.signal)
    return { ...plan, version, pending: pendingGrants(deps.approvals, asks).map(pendingAnswer) } satisfies PolicyPlan
  })

  app.post<{ Body: PolicyApplyBody }>(`${ROUTES.policy}/apply`, { schema: { body: PolicyApplyRequest } }, async (request) => {
    const { proposal, reason } = request.body
    if (reason === undefined || reason.trim() === '')
      throw new BulkheadError('reason_required', 'changing what a vendor gets needs a reason')
    const before = current(deps)
    const next = made(() => proposedPolicy(before.policy, proposalOf(proposal)))
    return apply(before, next, { origin: 'apply', actor: request.operator, reason: reason.trim() }, deps)
  })

  app.post<{ Body: PolicyExplainBody }>(`${ROUTES.policy}/explain`, { schema: { body: PolicyExplainRequest } }, async (request) =>
    explain(request.body, deps),
  )
}

const PROPOSE_DAYS = 7
const K = 5
/** Newest first; what comes often is among them. */
const PROPOSE_RECORDS = 200_000

/** Looking at names that nobody approved, and approving them. */
export function addApprovalRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const scopeOf = (days: number): WaitingScope => {
    const now = deps.clock.now()
    return { from: firstDay(days, now), to: firstDay(-1, now), below: Number.MAX_SAFE_INTEGER, recordsMax: PROPOSE_RECORDS }
  }
  const ports = { warehouse: deps.warehouse, waiting: deps.policies.waiting, waitingDir: deps.policies.waitingDir }

  /** The vault opens what a signed version approves, and nothing else. */
  const fill = async (names: NamesByKind, look: Look): Promise<Filled> => {
    const { version, policy } = current(deps)
    const seal = deps.records.policySeal(version)
    if (seal === undefined) throw new BulkheadError('internal', `version ${version} is not signed`)
    await deps.vault.recordLook({ ...look, action: `${look.action} --backfill`, subjects: 0 })
    return fillBack({ ...names, policy, seal }, deps.clock.now(), { ...ports, ...deps.policies.fill })
  }

  app.post<{ Body: PolicyProposeBody }>(`${ROUTES.policy}/propose`, { schema: { body: PolicyProposeRequest } }, async (request) => {
    const { days = PROPOSE_DAYS, k = K, reason } = request.body
    const found = await propose(scopeOf(days), k, lookFor(request, 'policy propose', reason), ports)
    const { store } = current(deps).policy
    const proposals = found.proposals.map((each) => ({ ...each, approved: isApproved(each, store), category: categoryOf(each) }))
    return { ...found, proposals, days, k } satisfies PolicyPropose
  })

  app.post<{ Body: PolicyApproveBody }>(`${ROUTES.policy}/approve`, { schema: { body: PolicyApproveRequest } }, async (request) => {
    const { names, destination, backfill = false, reason } = request.body
    const look = lookFor(request, 'policy approve', reason)
    const before = current(deps)
    const sorted = await sortNames(names, before.policy, scopeOf(WAITING_DAYS), look, ports)
    const next = made(() => approvedPolicy(before.policy, { ...sorted, destination }))
    const applied = await apply(before, next, { origin: 'approve', actor: look.actor, reason: look.reason }, deps)
    const filled = backfill ? await fill(sorted, look) : null
    return { ...applied, approved: sorted, destination: destination ?? null, backfill: filled } satisfies PolicyApprove
  })
}

function lookFor({ operator }: Pick<FastifyRequest, 'operator'>, action: string, reason: string | undefined): Look {
  if (reason === undefined || reason.trim() === '') throw new BulkheadError('reason_required', `${action} needs a reason`)
  return { actor: operator, action, reason: reason.trim() }
}

function isApproved({ kind, name }: WaitingProposal, { events, properties }: Policy['store']): boolean {
  return name !== null && (kind === 'event' ? events : kind === 'property' ? properties : []).includes(name)
}

/** What the key or the detectors say of the data; null where nothing does. */
function categoryOf({ identity, personal }: WaitingProposal): string | null {
  if (identity !== null) return dataCategoryOf(identity)
  const [kind] = Object.entries(personal).sort(([, a], [, b]) => b - a)[0] ?? []
  const field = kind === undefined ? undefined : FIELD_OF_KIND[kind]
  return field === undefined ? null : dataCategoryOf(field)
}

const FIELD_OF_KIND: Record<string, string> = {
  email: 'email',
  phone: 'phone',
  name: 'name',
  ip: 'ip',
  national_id: 'national_id',
  tax_id: 'national_id',
  passport: 'national_id',
  address: 'address',
  geo: 'location',
  date_of_birth: 'birth_date',
  username: 'username',
  device_id: 'device_id',
}

function current({ records }: Pick<StaffDeps, 'records'>): PolicyVersion {
  const version = records.currentPolicy()
  if (version === undefined) throw new BulkheadError('not_found', 'no policy was applied yet')
  return version
}

/** What cannot be in a policy is said of the policy: there may be no configuration file in it. */
function made(make: () => Policy): Policy {
  try {
    return make()
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError) || thrown.code !== 'config_invalid') throw thrown
    throw new BulkheadError('policy_invalid', thrown.message, { cause: thrown })
  }
}

/** Checked against the schema before; what JSON leaves out is the same as undefined. */
function proposalOf(proposal: PolicyApplyBody['proposal']): PolicyProposal {
  return proposal as PolicyProposal
}

async function show(shown: PolicyVersion, deps: StaffDeps): Promise<PolicyShow> {
  const { records, vault, clock } = deps
  const { ledgerKey } = await vault.describe()
  const now = clock.now()
  const inForce = records.policyNumber()
  const file = records.filePolicy()
  const head = ({ version, appliedAt, policy }: PolicyVersion): PolicyShow['versions'][number] => {
    const statement = records.policySeal(version)?.statement
    return {
      version,
      appliedAt: new Date(appliedAt).toISOString(),
      actor: statement?.actor ?? null,
      approvedBy: statement?.approvedBy ?? null,
      reason: statement?.reason ?? null,
      origin: statement?.origin ?? null,
      seal: sealState({ version, appliedAt, policy }, records, ledgerKey),
    }
  }
  const numbers = Array.from({ length: inForce }, (_, index) => inForce - index)
  return {
    ...head(shown),
    inForce: shown.version === inForce,
    file: file === undefined ? 'unknown' : isSamePolicy(withoutApprovals(file), withoutApprovals(shown.policy)) ? 'same' : 'differs',
    pending: pendingGrants(deps.approvals).map(pendingAnswer),
    store: shown.policy.store,
    destinations: shown.policy.destinations.map(({ grants, vendor, destination, protocol, recipient, events, properties, consent }) => ({
      vendor,
      destination,
      protocol,
      ...(recipient && { recipient }),
      grants: grants.map(({ until, reason, field, form, purpose, rule, approval }) => ({
        field,
        form,
        purpose,
        until: until === null ? null : new Date(until).toISOString(),
        active: until === null || until > now,
        rule,
        reason: reason ?? null,
        approval: approval ?? null,
      })),
      events,
      properties,
      consent: consent ?? [],
    })),
    versions: numbers.flatMap((number) => {
      const version = records.policy(number)
      return version === undefined ? [] : [head(version)]
    }),
  }
}

export async function apply(
  before: PolicyVersion,
  next: Policy,
  by: { origin: 'apply' | 'approve'; actor: string; reason: string },
  deps: StaffDeps,
): Promise<PolicyApply> {
  const { records, clock, policies, approvals, clearDaysMax } = deps
  const now = clock.now()
  const { policy, asks } = partUnapproved(before.policy, next, now)
  checkDays(asks, { now, clearDaysMax })
  const changes = statedChanges(before.policy, policy, now)
  const applied = await recordVersion({ policy, on: before.version, ...by }, { records, vault: policies.signer, clock })
  if (asks.length > 0) await proposeClear(asks, by, approvals)
  // Forwarders read the records before each request; the gateway is told, so that what arrives from now on is split by it.
  const taken = await policies.gatewayTakes()
  return {
    version: applied.version,
    appliedAt: new Date(applied.appliedAt).toISOString(),
    changed: applied.version !== before.version,
    changes: changes as PolicyApply['changes'],
    gateway: taken !== undefined && taken >= applied.version ? 'taken' : 'not_confirmed',
    pending: pendingGrants(approvals).map(pendingAnswer),
  }
}

function pendingAnswer({ until, countsFrom, ...grant }: PendingGrant): PolicyApply['pending'][number] {
  return { ...grant, until: new Date(until).toISOString(), countsFrom: countsFrom === null ? null : new Date(countsFrom).toISOString() }
}

async function explain(body: PolicyExplainBody, deps: StaffDeps): Promise<PolicyExplain> {
  const { vendor, event, entry } = body
  if ((event === undefined) === (entry === undefined)) throw new BulkheadError('bad_usage', 'give an event or the place of one in the log')
  const { version, policy } = current(deps)
  const compiled = compilePolicy(policy)
  const destinations = destinationsFor(body, compiled, deps)
  const at = deps.clock.now()
  const shown: (Explanation & { record: number })[] = []
  if (entry !== undefined) {
    const record = await deps.policies.recordAt(entry.seq, entry.index)
    for (const destination of destinations)
      shown.push({ ...explainRecord(record, { policy: compiled, destination, at }), record: entry.index })
  } else {
    const { source, wires } = wiresOf(event as JsonValue, body.source, deps)
    const split = deps.policies.splitOf(compiled)
    for (const destination of destinations) {
      for (const [record, wire] of wires.entries())
        shown.push({ ...explainWire(wire, { policy: compiled, destination, source, split, at }), record })
    }
  }
  return {
    vendor,
    policy: version,
    records: shown.map(({ destination, record, sent, dropped }) => ({ destination, record, sent, dropped })),
    fields: shown.flatMap(({ destination, record, fields }) => fields.map((field) => ({ destination, record, ...field }))),
  }
}

function destinationsFor({ vendor, destination }: PolicyExplainBody, compiled: CompiledPolicy, deps: StaffDeps): CompiledDestination[] {
  assertVendorKnown(vendor, vendorNames(deps.records, deps.config.vendors))
  const chosen = [...compiled.destinations.values()].filter(
    (each) => each.vendor === vendor && (destination === undefined || each.destination === destination),
  )
  if (chosen.length > 0) return chosen
  throw new BulkheadError(
    'destination_unknown',
    `the policy in force has no ${destination === undefined ? '' : 'such '}destination of ${vendor}`,
  )
}

/** As the source would take it that is named, that has the event's token, or that is the first. */
function wiresOf(event: JsonValue, named: string | undefined, deps: StaffDeps): { source: SourceConfig; wires: WireRecord[] } {
  const { sources } = deps.config
  const first = named === undefined ? sources[0] : sources.find(({ id }) => id === named)
  if (first === undefined) throw new BulkheadError('bad_usage', `no source is called ${JSON.stringify(named?.slice(0, 64))}`)
  const ingest = deps.policies.protocols.get(first.protocol)?.ingest
  if (ingest === undefined) throw new BulkheadError('internal', `no protocol ${first.protocol}`)
  const wires = decodeEvent(event, first, ingest)
  const own = sources.find(({ token, protocol }) => token === wires[0]?.token && protocol === first.protocol)
  return { source: named === undefined && own !== undefined ? own : first, wires }
}
