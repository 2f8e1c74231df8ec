import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { AggregatorRegistry } from 'prom-client'
import { startStaff } from '#api/staff.ts'
import { systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { writeFileDurably } from '#base/files.ts'
import { openReserve } from '#base/reserve.ts'
import { RpcClient } from '#base/rpc.ts'
import { applyClear, CLEAR_GRANT } from '#grants/clear-grants.ts'
import { takeConfigured } from '#grants/configured.ts'
import { Erasures } from '#erasure/erase.ts'
import { type EvidenceStore, openEvidence } from '#incidents/evidence.ts'
import { freeSpace, spaceAt } from '#ingest/free-space.ts'
import { APPROVALS_DEFAULTS } from '#model/config.ts'
import { VendorDeletions } from '#erasure/vendor-deletions.ts'
import type { Snapshot } from '#incidents/rows.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { openLogReader } from '#log/log-reader.ts'
import type { LogReader } from '#log/port.ts'
import { policyFromConfig } from '#policy/policy.ts'
import { createApprovals } from '#records/approvals.ts'
import { alignOperators, openOperatorBook, type OperatorBook } from '#records/operator-book.ts'
import type { Approval, FlowState, OperatorRows, Records } from '#records/port.ts'
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
import type { Remember, Remembering, StaffVault } from '#vault/port.ts'
import { configuredCredentials } from '#vendors/credentials.ts'
import { countHeld, heldFrom, heldInWarehouse } from '#vendors/held.ts'
import { assertDestinationsStay, destinationsOf } from '#vendors/register.ts'
import { incidentPorts } from '#api/incident-ports.ts'
import { openLegalClocks } from '#api/clock-port.ts'
import type { StaffDeps } from '#api/deps.ts'
import { readRulePack } from '#clocks/rule-pack.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { askFreeze } from '#warehouse/freeze.ts'
import { approvalRecord } from './approval-record.ts'
import { openCheckDesk } from './check-page.ts'
import { openIncidents, openSignals } from './incident-ports.ts'
import { FIRST_OPERATOR, type Instance, readOperatorCredential } from './instance.ts'
import { ledgerTreePort } from './ledger-checking.ts'
import { openNotices } from './notice-ports.ts'
import { erasurePorts, vendorCalls } from './erasure-ports.ts'
import { placeFacts } from './place-facts.ts'
import { policyPorts } from './policy-ports.ts'
import { statementPorts } from './statement-ports.ts'
import { keepRemembered } from './remembering.ts'
import { settleApprovals } from './settle-approvals.ts'
import { reservePath, type RoleInit, type RunningRole, type SupervisorPort, socketPath } from './role.ts'
import { sayable, trace } from './trace.ts'

/** How long one role may take to give its metrics. */
const METRICS_MS = 2000

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
  const warehouse = openWarehouse({ path: socketPath(instance, 'warehouse'), token: tokens.warehouse?.staff ?? '', role: 'staff' })
  const ledger = openLedgerReader({ dir: instance.ledgerDir })
  const copies = backupVault(vaultClient)
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
  const freezing = (route: '/freeze' | '/thaw'): Promise<void> =>
    askFreeze(socketPath(instance, 'warehouse'), tokens.warehouse?.staff ?? '', route)
  const flows = (): Remember['flows'] => records.flows().map(({ vendor, state, fence }) => ({ vendor, state, fence }))
  const remembered = await keepRemembered(remember, () => ({
    flows: flows() ?? [],
    operators: operators.remembered(),
    notices: records.begunNotices(),
  }))
  const erasing = erasingVault(vaultClient)
  const leaving = leavingVault(vaultClient)
  const calls = vendorCalls(worker, config)
  const places = { gateway, worker, calls, warehouse, waitingDir: instance.waitingDir }
  const erasures = new Erasures(erasurePorts({ vault: { ...erasing, ...leaving }, ...places }), {
    clock: systemClock,
    onFailure: (error) => trace('warn', 'staff', `an erasure waits: ${error.code}: ${sayable(error)}`),
  })
  const evidence = evidenceFor(init, vaultClient, records)
  const incidents = await openIncidents({ records, vault: vaultClient, holds: erasing, evidence })
  const barrier = async (): Promise<Snapshot> => (await worker.call('barrier', null)).body as Snapshot
  const deletions = new VendorDeletions(
    { vault: leaving, calls, barrier, warehouse, lookAfterErasures: (vendor) => erasures.lookAfter(vendor) },
    { clock: systemClock, onFailure: (error) => trace('warn', 'staff', `deletions wait: ${error.code}: ${sayable(error)}`) },
  )
  records.recordCredentials(configuredCredentials(config.vendors))
  /** Opened for the question alone: a folder that is dropped would keep its place on the disk while somebody has it open. */
  const withLog = <Answer>(ask: (log: LogReader) => Answer): Answer => {
    const log = openLogReader({ dir: instance.logDir })
    try {
      return ask(log)
    } finally {
      log.close()
    }
  }
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
  const notices = openNotices({ instance, config: config.notices, records, vaultClient, vault, incidents, peopleNotified })
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
    worker: {
      fence: (vendor, fence) => worker.call('fence', { vendor, fence }),
      barrier,
      turnOver: async (vendor) => void (await worker.call('turnOver', { vendor })),
      status: async () => (await worker.call('status', null)).body,
      sendCheckpoint: async () => (await worker.call('sendCheckpoint', null)).body as never,
    },
    erasing,
    erasures,
    leaving: { vault: leaving, look: (vendor) => deletions.look(vendor), wake: () => deletions.wake() },
    gateway: { status: async () => (await gateway.call('status', null)).body },
    supervisor: { status: () => supervisor.status(), killWorker: () => supervisor.killRole('worker') },
    heldEvents: async (destinations, above) => withLog((log) => countHeld({ log, ledger, destinations, clock: systemClock, above })),
    held: {
      eventsLoaded: () => worker.call('eventsLoaded', null),
      from: (destinations, above) => withLog((log) => heldFrom({ log, ledger, destinations, above })),
      logHead: () => withLog((log) => log.head()),
    },
    heldInWarehouse: (destinations) => heldInWarehouse(destinations, ledger),
    metrics: () => collectMetrics([worker, gateway]),
    backup: {
      freeze: async () => {
        await worker.call('holdLoads', null)
        await freezing('/freeze')
      },
      resume: async () => (await worker.call('releaseLoads', null)).body === true,
      thaw: () => freezing('/thaw'),
      rows: copies.backupRows,
      keys: copies.backupKeys,
      record: copies.recordBackup,
    },
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
      barrier: async () => (await worker.call('barrier', null)).body as { head: number },
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
  const running = Promise.all([erasures.run(signal), deletions.run(signal), settling.run(signal), clocks.keeper.run(signal)])
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

/** The key folder says who they are; only when it has not heard of any do the records. */
async function knownOperators(
  instance: Instance,
  rows: OperatorRows,
  { vault, remember }: { vault: Pick<StaffVault, 'describe' | 'recordLook'>; remember: Remembering },
): Promise<OperatorBook> {
  const { newest } = await vault.describe()
  const foreign = alignOperators(rows, newest.operators)
  if (foreign.length > 0) {
    const reason = `the records said something else than the key folder of ${foreign.join(', ')}`
    await vault.recordLook({ actor: 'vault', action: 'operator align', reason, subjects: 0 })
    trace('error', 'staff', `operators: ${reason}; the key folder counts`)
  }
  takeFirstCredential(instance, rows)
  return openOperatorBook(rows, (operators) => remember.remember({ operators }), foreign)
}

/**
 * The first start gives the operator of this machine a credential of their own; it opens no data by itself. Who was removed does
 * not come back by it.
 */
function takeFirstCredential(instance: Instance, operators: OperatorRows): void {
  const file = path.join(instance.keysDir, FIRST_OPERATOR)
  if (!existsSync(instance.keysDir)) throw new BulkheadError('key_missing', `there is no key folder ${instance.keysDir}`)
  if (operators.list().some(({ name, removedAt }) => name === FIRST_OPERATOR && removedAt !== null)) return
  if (!existsSync(file)) writeFileDurably(file, `${randomBytes(32).toString('base64url')}\n`)
  operators.adoptFirst(FIRST_OPERATOR, createHash('sha256').update(readOperatorCredential(instance)).digest('hex'))
}

/** A role that does not answer in time (it is stopped, say) is absent from the answer: metrics must work on the bad day. */
async function collectMetrics(clients: readonly RpcClient[]): Promise<string> {
  const parts = await Promise.all(
    clients.map((client) => {
      const late = new AbortController()
      const answer = client.call('metrics', null).then(
        (reply) => reply.body,
        () => [],
      )
      const nothing = systemClock.sleep(METRICS_MS, late.signal).then(() => [])
      return Promise.race([answer, nothing]).finally(() => late.abort())
    }),
  )
  return AggregatorRegistry.aggregate(parts as never).metrics()
}
