/** Test support: everything that the staff API stands on, in memory, with one vendor, one known person and switches for trouble. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { statementBytes } from '#model/policy-statement.ts'
import { applyClear, CLEAR_GRANT } from '#grants/clear-grants.ts'
import { protocols } from '#protocols/registry.ts'
import { createApprovals } from '#records/approvals.ts'
import { testApprovalRecord, testOperatorBook } from '#records/approvals-fixture.ts'
import type { ErasureJob } from '#vault/erasure-port.ts'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { createSplit } from '#split/split.ts'
import type { DirectoryRow } from '#vault/port.ts'
import { MARKS } from '#vault/survey.ts'
import type { StaffDeps } from './deps.ts'
import { fakeClocks, fakeIncidents, fakeSignals } from './incident-fixture.ts'
import { NO_NOTICES } from './notices-fixture.ts'
import { NoticeDesk } from '#notices/desk.ts'
import { NO_MATCHING } from './matching-fixture.ts'
import { type Staff, startStaff } from './staff.ts'
import { fakeWarehouse } from './warehouse-fixture.ts'

export interface Stage {
  deps: StaffDeps
  fenceAnswers: () => Promise<unknown>
  killAnswers: { pid: number; gone: boolean }
  isReady: boolean
  /** People in the scope of every question; 5000 or more make the engine fail. */
  persons: number
  looks: string[]
  traces: string[]
  imported: DirectoryRow[]
  /** The vault's. */
  signing: { privateKey: KeyObject; publicKey: KeyObject }
}

const ROLES = ['vault', 'warehouse', 'staff', 'worker', 'gateway']

const noTree = (): Promise<never> => Promise.reject(new BulkheadError('ledger_tree_broken', 'this stage has no tree'))
const NO_TREE: StaffDeps['ledgerTree'] = {
  checkpoint: noTree,
  verify: noTree,
  repair: noTree,
}

const NO_EVIDENCE: Omit<StaffDeps['evidence'], 'put'> = {
  open: async () => {
    throw new BulkheadError('not_found', 'there is no evidence of that id')
  },
  destroy: async () => {
    throw new BulkheadError('not_found', 'there is no evidence of that id')
  },
  row: () => undefined,
  of: () => [],
}

const NOTHING: ErasureJob = {
  id: 1,
  person: 1,
  ordinals: [1],
  shared: [],
  step: 'done',
  askedAt: 0,
  suppress: false,
  others: 0,
  deletions: [],
  erasedAt: 1,
  finalAt: 2,
}

function fakeErasing(): StaffDeps['erasing'] {
  return {
    beginErasure: async () => NOTHING,
    openErasures: async () => [],
    erasure: async () => NOTHING,
    unlinkErased: async () => NOTHING,
    advanceErasure: async () => NOTHING,
    destroyErased: async () => NOTHING,
    resealWaiting: async () => undefined,
    openHold: async ({ vendor }, { reason }) => ({
      id: 1,
      openedAt: 0,
      closedAt: null,
      ...(vendor === undefined ? {} : { vendor }),
      reason,
    }),
    closeHold: async (id, { reason }) => ({ id, openedAt: 0, closedAt: 1, reason }),
    holds: async () => [],
    rotateEpoch: async () => 2,
    rotateKeys: async (what) => ({ what, wrapped: 3, at: 0 }),
    destroyEpoch: async ({ destination, epoch }) => ({ destination, epoch, state: 'destroyed' }),
  }
}

function fakeEvidence(): StaffDeps['evidence'] {
  return {
    ...NO_EVIDENCE,
    put: async (content, { owner, kind, actor }) => {
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of content) {
        hash.update(chunk)
        bytes += chunk.length
      }
      return { id: `evidence-${bytes}`, owner, kind, actor, at: 0, sha256: hash.digest('hex'), bytes, destroyedAt: null }
    },
  }
}

function fakeLeaving(): StaffDeps['leaving']['vault'] {
  return {
    deletions: async () => ({ erasures: [], leaving: [] }),
    awaitedErasures: async () => [],
    wishLeaving: async () => undefined,
    leavingWished: async () => [],
    planLeaving: async () => undefined,
    leavingIn: async () => [],
    putLeaving: async () => undefined,
    closeEpochs: async () => undefined,
  }
}

export function setStage(records: Records, credential: string): Stage {
  records.applyPolicy(
    {
      store: { events: [], properties: [], paths: [], referrers: [] },
      destinations: [
        {
          vendor: 'acme',
          destination: 'acme-main',
          protocol: 'mixpanel',
          grants: [{ field: 'country', form: 'coarse', purpose: 'analytics', until: null, rule: 'preset:analytics/country' }],
          events: [],
          properties: [],
        },
      ],
    },
    1,
  )
  const stage: Omit<Stage, 'deps'> = {
    fenceAnswers: async () => ({ inFlight: 0 }),
    killAnswers: { pid: 5, gone: true },
    isReady: true,
    persons: 1,
    looks: [],
    traces: [],
    imported: [],
    signing: generateKeyPairSync('ed25519'),
  }
  records.operators.adoptFirst('operator', createHash('sha256').update(credential).digest('hex'))
  const approvals = createApprovals({
    records,
    known: testApprovalRecord(({ action }) => void stage.looks.push(`look ${action} 0`)),
    now: () => systemClock.now(),
    singleOperatorDelayHours: 0,
  })
  const incidents = fakeIncidents(records, stage)
  const deps: StaffDeps = {
    host: '127.0.0.1',
    port: 0,
    version: '1.2.3',
    instanceId: 'instance',
    startedAt: 0,
    config: {
      sources: [{ id: 'web', protocol: 'mixpanel', token: 't', trust: 'browser', namespace: 'default', surface: 'web', groupKeys: [] }],
      vendors: [],
    },
    records,
    vault: {
      resolve: async (query, look) => {
        stage.looks.push(`resolve ${look.reason}`)
        return query === 'ann' ? [{ person: 1, users: [1], devices: [] }] : []
      },
      graph: async () => ({ merged: [], devices: [] }),
      staffPseudonyms: async (subjects) => subjects.map((subject) => `${subject.kind}-${subject.ordinal}`),
      staffUserIds: async (users) => new Uint8Array(users.length * 16).fill(0x44),
      groups: async () => ({
        keys: ['org'],
        groups: Float64Array.of(21),
        key: Uint16Array.of(0),
        hasMembers: Uint8Array.of(1),
        administrators: new Float64Array(0),
        administered: new Uint32Array(0),
      }),
      members: async () => ({ users: Float64Array.of(1), groups: Float64Array.of(21) }),
      survey: async ({ single, joined }) => ({
        places: ['', 'DE'],
        residence: new Uint16Array(single.length + joined.length).fill(1),
        marks: new Uint8Array(single.length + joined.length).fill(MARKS.address | MARKS.byDirectory),
      }),
      identities: async (people) =>
        people.map(() => ({ ids: ['ann'], emails: ['ann@example.com'], names: [], trust: { emails: 'server', names: null } })),
      recordLook: async (look) => void stage.looks.push(`look ${look.action} ${look.subjects}`),
      importDirectory: async (rows) => {
        stage.imported.push(...rows)
        return { rows: rows.length, newPeople: 1, facts: 2 }
      },
      describe: async () => ({
        keyFolder: '/keys',
        instance: 'instance',
        people: 3,
        epochs: [],
        looks: 4,
        newest: { log: 12, ledger: 10, flows: [], at: 0, exact: false },
        backups: {},
        gapsAcknowledged: [],
        ledgerKey: stage.signing.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
        erasures: { open: 0, due: 0, holds: 0 },
        root: { rotatedAt: 0, rotating: false, wrap: 'file' },
        keyBackups: [],
      }),
    },
    warehouse: fakeWarehouse(stage),
    backup: {
      freeze: async () => undefined,
      resume: async () => true,
      thaw: async () => undefined,
      rows: async () => undefined,
      keys: async () => undefined,
      record: async () => undefined,
    },
    policies: {
      waiting: {
        beginNames: async (look) => void stage.looks.push(`${look.action} ${look.reason}`),
        addNames: async () => undefined,
        endNames: async () => ({ proposals: [], records: 0, unreadable: 0, beyond: 0 }),
        endFinding: async (names) => Object.fromEntries(names.map((name) => [name, ['property' as const]])),
        openApproved: async () => [],
      },
      waitingDir: '/none',
      fill: { sentUpTo: async () => 1, insertOpenings: async () => undefined, fillDay: async () => 0 },
      signer: {
        signPolicy: async (statement) => {
          stage.looks.push(`policy ${statement.origin} ${statement.version} ${statement.reason}`)
          const whole = { ...statement, instance: 'instance' }
          const { privateKey, publicKey } = stage.signing
          const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
          return { statement: whole, key, signature: sign(null, statementBytes(whole), privateKey).toString('base64') }
        },
      },
      gatewayTakes: async () => records.policyNumber(),
      splitOf: (policy) => createSplit({ policy, placeOf: () => ({}) }),
      protocols,
      recordAt: async () => {
        throw new BulkheadError('not_found', 'no such record')
      },
    },
    ledgerTree: NO_TREE,
    incidents,
    signals: fakeSignals(records, stage),
    clocks: fakeClocks(incidents, stage, () => deps),
    evidence: fakeEvidence(),
    matching: NO_MATCHING,
    gaps: () => [],
    acknowledgeGap: async () => undefined,
    checkpoint: async () => ({ size: 10, root: 'r' }),
    statements: undefined as never,
    place: async () => ({
      dataDir: '/data',
      keysDir: '/keys',
      disks: [{ store: 'data', free: 50e9, total: 100e9 }],
      keysPresent: true,
      keysShareDisk: false,
      exposed: [],
      lastWritten: 0,
      certificate: undefined,
      newest: undefined,
      gapsAcknowledged: [],
      backups: {},
      ledgerHead: 10,
      outside: [],
    }),
    worker: {
      fence: () => stage.fenceAnswers(),
      barrier: async () => ({ head: 10, open: [] }),
      turnOver: async () => undefined,
      sendCheckpoint: async () => [],
      status: async () => ({ forwarders: [{ vendor: 'acme', destination: 'acme-main', state: 'retrying', reason: 'http_503', lag: 3 }] }),
    },
    erasing: fakeErasing(),
    erasures: { finish: async () => NOTHING },
    leaving: { vault: fakeLeaving(), look: async () => undefined, wake: () => undefined },
    held: { eventsLoaded: async () => undefined, from: () => [], logHead: () => 12 },
    gateway: {
      status: async () => ({
        records: { kept: 9, dropped: { refused_browser_mark: 3 } },
        unknownTokens: { count: 2, tokens: [{ token: 'abcd…', count: 2 }] },
        diskLow: false,
      }),
    },
    supervisor: {
      status: async () =>
        ROLES.map((role) => ({ role, pid: 4, state: stage.isReady || role !== 'worker' ? 'ready' : 'starting', restarts: 0, since: 0 })),
      killWorker: async () => stage.killAnswers,
    },
    heldInWarehouse: () => [],
    heldEvents: async (destinations) => (destinations.includes('acme-main') ? 7 : -1),
    metrics: async () => 'bulkhead_up 1\n',
    trace: (text) => void stage.traces.push(text),
    notices: new NoticeDesk({ ...NO_NOTICES, records, clock: systemClock }),
    noticeOpener: NO_NOTICES.vault,
    approvals,
    operators: testOperatorBook(records.operators),
    settleApprovals: async () => {
      const ports = { records, vault: deps.policies.signer, clock: systemClock, approvals, gatewayTakes: deps.policies.gatewayTakes }
      for (const each of await approvals.settle()) if (each.kind === CLEAR_GRANT) await applyClear(each, ports)
    },
    singleOperatorDelayHours: 0,
    clearDaysMax: 400,
    clock: systemClock,
  }
  return Object.assign(stage, { deps })
}

export interface ServedStage {
  folder: string
  records: Records
  stage: Stage
  staff: Staff
  /** Leaves nothing behind. */
  close(): Promise<void>
}

/** The staff API before a stage, with records in a folder of their own; `change`: what the stage has otherwise. */
export async function serveStage(credential: string, change: (deps: StaffDeps) => void = () => undefined): Promise<ServedStage> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-stage-'))
  const records = openRecords({ path: path.join(folder, 'records.db') })
  const stage = setStage(records, credential)
  change(stage.deps)
  const staff = await startStaff(stage.deps)
  const close = async (): Promise<void> => {
    await staff.close()
    records.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { folder, records, stage, staff, close }
}
