import { startStaff } from '#api/staff.ts'
import { systemClock } from '#base/clock.ts'
import type { BulkheadError } from '#base/errors.ts'
import { openReserve } from '#base/reserve.ts'
import { RpcClient } from '#base/rpc.ts'
import { applyClear, CLEAR_GRANT } from '#grants/clear-grants.ts'
import { takeConfigured } from '#grants/configured.ts'
import { Erasures } from '#erasure/erase.ts'
import { type EvidenceStore, openEvidence } from '#incidents/evidence.ts'
import { heldFirst, keepHolds } from '#incidents/held-first.ts'
import { freeSpace, spaceAt } from '#ingest/free-space.ts'
import { APPROVALS_DEFAULTS } from '#model/config.ts'
import { VendorDeletions } from '#erasure/vendor-deletions.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { policyFromConfig } from '#policy/policy.ts'
import { createApprovals } from '#records/approvals.ts'
import type { Approval, FlowState, Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { approvalVault } from '#vault/approval-server.ts'
import { noticeOpener, noticeVault } from '#vault/notice-server.ts'
import { treeReadingVault } from '#vault/tree-client.ts'
import {
  backupVault,
  erasingVault,
  fileVault,
  gapVault,
  matchVault,
  leavingVault,
  policySigner,
  remembering,
  staffVault,
  waitingVault,
} from '#vault/client.ts'
import type { Remember } from '#vault/port.ts'
import { configuredCredentials } from '#vendors/credentials.ts'
import { assertDestinationsStay, destinationsOf } from '#vendors/register.ts'
import { incidentPorts } from '#api/incident-ports.ts'
import { openLegalClocks } from '#api/clock-port.ts'
import type { StaffDeps } from '#api/deps.ts'
import { readRulePack } from '#clocks/rule-pack.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { approvalRecord } from './approval-record.ts'
import { openCheckDesk } from './check-page.ts'
import { openIncidents, openSignals } from './incident-ports.ts'
import { ledgerTreePort } from './ledger-checking.ts'
import { openNotices } from './notice-ports.ts'
import { erasurePorts, vendorCalls } from './erasure-ports.ts'
import { placeFacts } from './place-facts.ts'
import { policyPorts } from './policy-ports.ts'
import { statementPorts } from './statement-ports.ts'
import { keepRemembered } from './remembering.ts'
import { settleApprovals } from './settle-approvals.ts'
import { reservePath, type RoleInit, type RunningRole, type SupervisorPort, socketPath } from './role.ts'
import { knownOperators } from './staff-operators.ts'
import { backupPort, collectMetrics, heldPorts, workerPort } from './staff-ports.ts'
import { sayable, trace } from './trace.ts'

/** The staff API, and the only writer of the records: applies the configured policy before worker and gateway start. */
export async function startStaffRole(init: RoleInit, supervisor: SupervisorPort): Promise<RunningRole> {
  const { instance, config, tokens } = init
  const reserve = openReserve({ file: reservePath(instance, 'staff'), bytes: config.disk.reserveBytes })
  const records = openRecords({ path: instance.recordsPath, room: reserve.room })
  const configured = policyFromConfig(config)
  assertDestinationsStay(records, configured)
  const rpc = (server: 'vault' | 'worker' | 'gateway'): RpcClient =>
    new RpcClient({
      path: socketPath(instance, server),
      token: tokens[server]?.staff ?? '',
      unavailable: server === 'vault' ? 'vault_unavailable' : 'not_running',
    })
  const [vaultClient, worker, gateway] = [rpc('vault'), rpc('worker'), rpc('gateway')]
  const front = { socket: socketPath(instance, 'warehouse'), token: tokens.warehouse?.staff ?? '' }
  const warehouse = openWarehouse({ path: front.socket, token: front.token, role: 'staff' })
  const ledger = openLedgerReader({ dir: instance.ledgerDir })
  // Before worker and gateway start.
  const signer = policySigner(vaultClient)
  const versions = { records, vault: signer, clock: systemClock }
  const vault = staffVault(vaultClient)
  const { singleOperatorDelayHours, clearDaysMax } = config.approvals ?? APPROVALS_DEFAULTS
  const remember = remembering(vaultClient)
  const operators = await knownOperators(instance, records.operators, { vault, remember })
  const known = await approvalRecord(records.approvals, approvalVault(vaultClient), (text) => trace('warn', 'staff', text))
  const approvals = createApprovals({
    records: { operators, approvals: records.approvals },
    known,
    now: () => systemClock.now(),
    singleOperatorDelayHours,
  })
  const say = (text: string): void => trace('warn', 'staff', text)
  const policy = await takeConfigured(configured, versions, { approvals, clearDaysMax, say })
  const flows = (): Remember['flows'] => records.flows().map(({ vendor, state, fence }) => ({ vendor, state, fence }))
  const remembered = await keepRemembered(remember, () => ({
    flows: flows() ?? [],
    operators: operators.remembered(),
    notices: records.begunNotices(),
  }))
  const erasing = heldFirst(erasingVault(vaultClient), () => incidents)
  const leaving = leavingVault(vaultClient)
  const calls = vendorCalls(worker, config)
  const places = { gateway, worker, calls, warehouse, waitingDir: instance.waitingDir }
  const erasures = new Erasures(erasurePorts({ vault: { ...erasing, ...leaving }, ...places }), {
    clock: systemClock,
    onFailure: (error) => trace('warn', 'staff', `an erasure waits: ${error.code}: ${sayable(error)}`),
  })
  const evidence = evidenceFor(init, vaultClient, records)
  const incidents = await openIncidents({ records, vault: vaultClient, holds: erasing, evidence })
  const work = workerPort(worker)
  const { barrier } = work
  const deletions = new VendorDeletions(
    { vault: leaving, calls, barrier, warehouse, lookAfterErasures: (vendor) => erasures.lookAfter(vendor) },
    { clock: systemClock, onFailure: (error) => trace('warn', 'staff', `deletions wait: ${error.code}: ${sayable(error)}`) },
  )
  records.recordCredentials(configuredCredentials(config.vendors))
  const checking = config.notices && openCheckDesk(config.notices, noticeVault(vaultClient))
  const stopping = new AbortController()
  const detail = config.gateway.places
  const policies = policyPorts({ signer, waiting: waitingVault(vaultClient), gateway, worker, instance, warehouse, detail })
  const effects = {
    [CLEAR_GRANT]: (approval: Approval) => applyClear(approval, { ...versions, approvals, gatewayTakes: policies.gatewayTakes }),
  }
  const settling = settleApprovals(approvals, effects, systemClock, (error) =>
    trace('warn', 'staff', `an approval waits: ${error.code}: ${sayable(error)}`),
  )
  const clocks = openLegalClocks({
    book: incidents,
    records,
    ports: () => incidentPorts(deps),
    pack: readRulePack(config.clocks?.rules),
    config: config.clocks,
    clock: systemClock,
    say,
    onFailure: onceEach((text) => trace('warn', 'staff', `legal clocks: ${text}`)),
  })
  const { peopleNotified } = clocks
  const notices = openNotices({ instance, config: config.notices, records, vaultClient, vault, incidents, leaving, peopleNotified })
  const deps: StaffDeps = {
    host: init.consoleHost,
    port: init.consolePort,
    version: init.version,
    instanceId: instance.instanceId,
    startedAt: Date.now(),
    config,
    records,
    vault,
    warehouse,
    worker: work,
    erasing,
    erasures,
    leaving: { vault: leaving, look: (vendor) => deletions.look(vendor), wake: () => deletions.wake() },
    gateway: { status: async () => (await gateway.call('status', null)).body },
    supervisor: { status: () => supervisor.status(), killWorker: () => supervisor.killRole('worker') },
    ...heldPorts(instance, { ledger, worker }),
    metrics: () => collectMetrics([worker, gateway]),
    backup: backupPort(backupVault(vaultClient), { worker, warehouse: front }),
    evidence,
    matching: matchVault(vaultClient),
    incidents,
    clocks,
    signals: await openSignals(records, vaultClient),
    notices,
    noticeOpener: noticeOpener(vaultClient),
    policies,
    ...statementPorts({ instance, config, ledger, vaultClient, vault }),
    ledgerTree: ledgerTreePort({
      instance,
      vault: treeReadingVault(vaultClient),
      ledgerKey: async () => (await vault.describe()).ledgerKey,
      warehouse,
      barrier,
      repair: async () => (await worker.call('repairTree', null)).body as never,
      ledgerHead: () => ledger.head(),
    }),
    contact: config.notices && { company: config.notices.company, ...config.notices.contact },
    noticeCheck: checking,
    noticeAlerts: () => noticeVault(vaultClient).noticeAlerts(),
    gaps: () => ledger.gaps(),
    ...gapVault(vaultClient),
    place: async () => placeFacts(instance, { config, ledgerHead: ledger.head() }),
    trace: (text) => trace('error', 'staff', text),
    approvals,
    operators,
    settleApprovals: () => settling.settle(),
    singleOperatorDelayHours,
    clearDaysMax,
    clock: systemClock,
  }
  const staff = await startStaff(deps)
  // A leaving that was killed between its record and its epochs.
  for (const { vendor, state, actor, reason } of records.flows()) {
    const look = { actor, action: 'vendor retire', reason: reason || 'vendor retire' }
    if (state === 'retired') await leaving.closeEpochs(destinationsOf(vendor, records, config.vendors), look)
  }
  notices.resume()
  const { signal } = stopping
  const following = keepHolds(incidents, { clock: systemClock, signal })
  const running = Promise.all([erasures.run(signal), deletions.run(signal), settling.run(signal), clocks.keeper.run(signal), following])
  const named = (state: FlowState): string =>
    records
      .flows()
      .filter((flow) => flow.state === state)
      .map(({ vendor }) => vendor)
      .join(', ')
  return {
    facts: { port: staff.port, policyVersion: policy.version, cut: named('cut'), left: named('retired') },
    stop: async () => {
      stopping.abort()
      await Promise.all([staff.close(), notices.close()])
      await checking?.close()
      await remembered.stop()
      await warehouse.close()
      for (const client of [vaultClient, worker, gateway]) client.close()
      // Whatever it was at, the job stands in the vault and is gone on with by the next start.
      await running
      ledger.close()
      records.close()
      reserve.close()
    },
  }
}

/** Said again only when it is another fault. */
function onceEach(say: (text: string) => void): (error: BulkheadError) => void {
  let said = ''
  return (error) => {
    const text = `${error.code}: ${sayable(error)}`
    if (text !== said) say(text)
    said = text
  }
}

function evidenceFor({ instance, config }: RoleInit, vault: RpcClient, records: Records): EvidenceStore {
  const room = freeSpace('evidence', () => spaceAt(instance.evidenceDir), config.disk)
  const store = openEvidence({ dir: instance.evidenceDir, vault: fileVault(vault), records, now: () => systemClock.now(), room })
  if (store.missing > 0) trace('error', 'staff', `${store.missing} sealed files of evidence are not there: restore them from a backup`)
  return store
}
