import assert from 'node:assert/strict'
import test from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import type { Gap } from '#model/disclosure.ts'
import { CHECKS, report } from './doctor.ts'
import type { PlaceState } from '#ledger/outside/state.ts'
import type { Facts, PlaceFacts } from './facts.ts'

const now = Date.UTC(2026, 10, 25)
const gap: Gap = {
  type: 'gap',
  version: 1,
  entry: 4,
  at: now,
  from: 4,
  to: 9,
  exact: false,
  origin: '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11',
  backupAt: now,
  salt: '',
  key: '',
  signature: '',
}
const checkpoint = { origin: 'o', size: 10, root: 'r1' }
const held: PlaceState = {
  id: 'w',
  kind: 'witness',
  target: 't',
  since: now - 9 * DAY_MS,
  takenAt: now - DAY_MS,
  taken: { ...checkpoint, note: '' },
  failures: 0,
  fault: undefined,
  fork: undefined,
  nextAt: now,
}
const fault = { code: 'unreachable' as const, message: 'the witness cannot be reached', at: now }
const fork = { what: 'other_root' as const, theirs: { ...checkpoint, root: 'r2' }, ours: checkpoint, at: now }
const outside = (change: Partial<PlaceState> | undefined): Partial<Facts> => ({
  place: { ...place, outside: [{ id: 'w', kind: 'witness', state: change && { ...held, ...change } }] },
})
const place: PlaceFacts = {
  gapsAcknowledged: [],
  dataDir: '/data',
  keysDir: '/keys',
  disks: [{ store: 'data', free: 50e9, total: 100e9 }],
  keysPresent: true,
  keysShareDisk: false,
  exposed: [],
  lastWritten: now - 1000,
  certificate: { validTo: now + 90 * DAY_MS },
  newest: { log: 5, ledger: 10, flows: [], at: now, exact: false },
  backups: { data: { at: now - DAY_MS, dir: '/b' }, keys: { at: now - DAY_MS, dir: '/k' } },
  ledgerHead: 10,
  outside: [{ id: 'w', kind: 'witness', state: held }],
}
const worker = {
  forwarders: [{ vendor: 'v', destination: 'd', state: 'running', lag: 0 }],
  loaders: [{ table: 'events', lag: 0, failures: 0 }],
  logHead: 5,
  reserve: 'whole',
  ledgerHead: 10,
  tree: { size: 10, state: 'current' },
}
const owed = { due: 0, asked: 0, done: 3, overdue: 0, refused: 0 }
const leaver = { vendor: 'v', state: 'open', toRotate: [] as string[], deletions: owed, heldDecided: true }
const well: Facts = {
  now,
  isRunning: true,
  config: { sources: [], vendors: [] },
  place,
  roles: [{ role: 'worker', pid: 1, state: 'ready', restarts: 0, since: now }],
  gateway: { records: { kept: 3, dropped: {} }, unknownTokens: { count: 0, tokens: [] }, failures: {}, diskLow: false },
  worker,
  vault: {
    people: 1,
    erasures: { open: 0, due: 0, holds: 0 },
    root: { rotatedAt: now, rotating: false, wrap: 'file' },
    keyBackups: [],
  },
  warehouseRows: 3,
  policy: { version: 1, appliedAt: now, policy: { destinations: [] } } as unknown as NonNullable<Facts['policy']>,
  vendors: [{ vendor: 'v', state: 'open' }],
  leaving: [leaver],
  incidents: { open: [1], broken: [] },
  gaps: [],
  gapsSigned: true,
}

function stateOf(facts: Facts, id: string): string | undefined {
  return report(facts, { version: '1', instance: 'i', keys: null, startedAt: undefined }).checks.find((check) => check.id === id)?.state
}

const grantEnding = {
  version: 1,
  appliedAt: now,
  policy: {
    destinations: [{ destination: 'd', grants: [{ field: 'email', form: 'clear', purpose: 'p', until: now + DAY_MS, rule: 'r' }] }],
  },
} as unknown as NonNullable<Facts['policy']>

/** [check, what goes wrong, state that it must have then]. */
const clocks: NonNullable<Facts['clocks']> = {
  overdue: [],
  soon: [],
  unassessed: [],
  closed: [],
  running: 2,
  next: now + DAY_MS,
  counted: 5,
  signals: [],
}

const WRONG: [id: string, change: Partial<Facts>, state: string][] = [
  ['processes', { roles: [{ role: 'vault', pid: 1, state: 'starting', restarts: 0, since: now }] }, 'fail'],
  ['processes', { roles: [{ role: 'vault', pid: 1, state: 'ready', restarts: 2, since: now }] }, 'warn'],
  ['processes', { roles: undefined }, 'cannot_tell'],
  ['approvals', { waiting: [3] }, 'warn'],
  ['approvals_record:altered', { approvalProblems: { altered: [3], missing: [], operators: [] } }, 'fail'],
  ['approvals_record:missing', { approvalProblems: { altered: [], missing: [4], operators: [] } }, 'fail'],
  ['approvals_record:operators', { approvalProblems: { altered: [], missing: [], operators: ['mask'] } }, 'fail'],
  ['gateway', { gateway: undefined }, 'fail'],
  ['disk', { gateway: undefined }, 'cannot_tell'],
  ['worker', { worker: undefined }, 'fail'],
  ['vault', { vault: undefined }, 'fail'],
  ['warehouse', { warehouseRows: undefined }, 'fail'],
  ['disk', { gateway: { diskLow: true, short: ['log'] } }, 'fail'],
  ['reserve', { worker: { ...worker, reserve: 'in use' } }, 'warn'],
  ['held:d', { worker: { ...worker, held: [{ destination: 'd', records: 5 }] } }, 'warn'],
  ['quotas', { gateway: { quotas: { refused: [{ source: 's', scope: 'network', what: 'requests', count: 3 }] } } }, 'warn'],
  ['unknown_tokens', { gateway: { unknownTokens: { count: 2, tokens: [{ token: 't', count: 2 }] } } }, 'warn'],
  ['dropped', { gateway: { records: { kept: 1, dropped: { bad_record: 3 } } } }, 'warn'],
  ['failures', { gateway: { failures: { vault: 2 } } }, 'warn'],
  ['traffic', { gateway: { records: { kept: 0 } } }, 'warn'],
  [
    'destination:v/d',
    { worker: { forwarders: [{ vendor: 'v', destination: 'd', state: 'blocked', lag: 1, reason: 'http_401' }] } },
    'fail',
  ],
  ['destination:v/d', { worker: { forwarders: [{ vendor: 'v', destination: 'd', state: 'retrying', lag: 1 }] } }, 'warn'],
  ['destination:v/d', { worker: { forwarders: [{ vendor: 'v', destination: 'd', state: 'running', lag: 90_000 }] } }, 'warn'],
  ['load:events', { worker: { loaders: [{ table: 'events', lag: 3, failures: 4 }] } }, 'fail'],
  ['load:events', { worker: { loaders: [{ table: 'events', lag: 90_000, failures: 0 }] } }, 'warn'],
  ['warehouse_rows', { warehouseRows: 0 }, 'warn'],
  ['ledger_tree', { worker: { ...worker, tree: { size: 7, state: 'building' } } }, 'warn'],
  ['ledger_tree', { worker: { ...worker, tree: { size: 7, state: 'waiting', reason: 'vault_unavailable' } } }, 'warn'],
  ['ledger_tree', { worker: { ...worker, tree: { size: 7, state: 'broken', reason: 'ledger_tree_broken' } } }, 'fail'],
  ['erasures', { vault: { ...well.vault, erasures: { open: 1, due: 0, holds: 1 } } as Facts['vault'] }, 'warn'],
  ['erasures', { vault: { ...well.vault, erasures: { open: 0, due: 2, holds: 0 } } as Facts['vault'] }, 'warn'],
  [
    'root_key',
    { vault: { ...well.vault, root: { rotatedAt: now - 40 * DAY_MS, rotating: false, wrap: 'file' } } as Facts['vault'] },
    'warn',
  ],
  ['root_key', { vault: { ...well.vault, root: { rotatedAt: null, rotating: false, wrap: 'transit' } } as Facts['vault'] }, 'warn'],
  ['key_copies', { vault: { ...well.vault, keyBackups: [{ at: now - 40 * DAY_MS, dir: '/k' }] } as Facts['vault'] }, 'fail'],
  ['vendors', { vendors: [{ vendor: 'v', state: 'cut' }] }, 'warn'],
  ['policy', { policy: undefined }, 'fail'],
  ['policy', { config: { sources: [], vendors: [{ destinations: [{ id: 'later' }] }] } as unknown as Facts['config'] }, 'warn'],
  ['grants', { policy: grantEnding }, 'warn'],
  ['keys', { place: { ...place, keysPresent: false } }, 'fail'],
  ['keys', { place: undefined }, 'cannot_tell'],
  ['keys_disk', { place: { ...place, keysShareDisk: true } }, 'warn'],
  ['files', { place: { ...place, exposed: ['/keys/kek'] } }, 'fail'],
  ['disk_space:data', { place: { ...place, disks: [{ store: 'data', free: 5e9, total: 100e9 }] } }, 'warn'],
  ['backup_data', { place: { ...place, backups: {} } }, 'warn'],
  ['backup_data', { place: { ...place, backups: { data: { at: now - 20 * DAY_MS, dir: '/b' } } } }, 'fail'],
  ['backup_data', { place: { ...place, backups: undefined } }, 'cannot_tell'],
  ['backup_keys', { place: { ...place, backups: {} } }, 'warn'],
  ['backup_keys', { place: { ...place, backups: { keys: { at: now - 40 * DAY_MS, dir: '/k' } } } }, 'fail'],
  ['data_age', { place: { ...place, ledgerHead: 9 } }, 'fail'],
  ['data_age', { place: { ...place, ledgerHead: undefined } }, 'cannot_tell'],
  ['clock', { place: { ...place, lastWritten: now + 3_600_000 } }, 'warn'],
  ['clock', { place: { ...place, clockMoved: true } }, 'warn'],
  ['clock', { now: 0, place: { ...place, lastWritten: 0 } }, 'fail'],
  ['certificate', { place: { ...place, certificate: { validTo: now - 1 } } }, 'fail'],
  ['certificate', { place: { ...place, certificate: { validTo: now + 5 * DAY_MS } } }, 'warn'],
  ['certificate', { place: { ...place, certificate: 'unreadable' } }, 'fail'],
  ['checkpoints', { place: { ...place, outside: [] } }, 'warn'],
  ['checkpoints', { place: undefined }, 'cannot_tell'],
  ['checkpoints', outside(undefined), 'warn'],
  ['checkpoints', outside({ taken: undefined, takenAt: 0, since: now - DAY_MS }), 'warn'],
  ['checkpoints', outside({ taken: undefined, takenAt: 0 }), 'fail'],
  ['checkpoints', outside({ takenAt: now - 49 * 3_600_000 }), 'fail'],
  ['checkpoints', outside({ fork }), 'fail'],
  ['checkpoint_place:w', outside(undefined), 'warn'],
  ['checkpoint_place:w', outside({ fault, failures: 2 }), 'warn'],
  ['checkpoint_place:w', outside({ fork }), 'fail'],
  ['notices_standing:3.1', { noticesStanding: [{ incident: 3, version: 1, why: 'stopped' }] }, 'warn'],
  ['notice_codes:3.1', { noticeAlerts: [{ incident: 3, version: 1, at: now, networks: 5 }] }, 'warn'],
  ['deletions', { leaving: undefined as never }, 'cannot_tell'],
  ['deletions:v', { leaving: [{ ...leaver, deletions: { ...owed, overdue: 1 } }] }, 'warn'],
  ['deletions:v', { leaving: [{ ...leaver, deletions: { ...owed, refused: 1 } }] }, 'warn'],
  ['deletions:v', { leaving: [{ ...leaver, state: 'retired', deletions: { ...owed, due: 1 } }] }, 'warn'],
  ['credentials:v', { leaving: [{ ...leaver, state: 'cut', toRotate: ['d.token'] }] }, 'warn'],
  ['credentials:v', { leaving: [{ ...leaver, state: 'retired', toRotate: ['d.token'] }] }, 'fail'],
  ['held_decision:v', { leaving: [{ ...leaver, state: 'cut', heldDecided: false }] }, 'warn'],
  ['incidents', { incidents: { open: [1], broken: [2] } }, 'fail'],
  ['incidents', { incidents: { open: [], broken: [], brokenSignals: [3] } }, 'fail'],
  ['clocks', { clocks: { ...clocks, overdue: ['incident 1: eu-sa'] } }, 'warn'],
  ['clocks', { clocks: { ...clocks, soon: ['incident 1: eu-sa'] } }, 'warn'],
  ['clocks', { clocks: { ...clocks, unassessed: ['incident 1: eu-ind'] } }, 'warn'],
  ['clocks', { clocks: { ...clocks, closed: ['incident 2: in-certin'] } }, 'warn'],
  ['signals', { clocks: { ...clocks, signals: [{ id: 3, hours: 9 }] } }, 'warn'],
  ['ledger_gap', { gaps: [gap] }, 'fail'],
  ['ledger_gap', { gaps: [gap], place: { ...place, gapsAcknowledged: [gap.origin] } }, 'warn'],
  ['ledger_gap', { gaps: [gap], gapsSigned: false }, 'fail'],
]

test('each check says so when its matter goes wrong, and nothing when all is well', () => {
  const good = report(well, { version: '1', instance: 'i', keys: null, startedAt: undefined })
  assert.deepEqual(
    good.checks.filter((check) => check.state !== 'ok'),
    [],
  )
  assert.ok(good.ok && good.checks.every((check) => check.fix === ''))
  for (const [id, change, state] of WRONG) {
    const facts = { ...well, ...change }
    assert.equal(stateOf(facts, id), state, `${id} with ${JSON.stringify(change).slice(0, 120)}`)
    const said = report(facts, { version: '1', instance: 'i', keys: null, startedAt: undefined })
    const found = said.checks.find((check) => check.id === id)
    assert.ok((found?.what ?? '') !== '' && (found?.fix ?? '') !== '', `${id}: what it is and what to do`)
    assert.equal(
      said.ok,
      said.checks.every((check) => check.state !== 'fail'),
    )
  }
  const tried = new Set(WRONG.map(([id]) => id.split(':')[0]))
  assert.deepEqual(
    CHECKS.map((rule) => rule.id).filter((id) => !tried.has(id)),
    [],
    'every rule is tried',
  )
})

test('with nothing running what runs cannot be told, and what lies there is looked at', () => {
  const facts = {
    ...well,
    isRunning: false,
    roles: undefined,
    gateway: undefined,
    worker: undefined,
    vault: undefined,
    warehouseRows: undefined,
  }
  const { checks, ok } = report(facts, { version: '1', instance: 'i', keys: null, startedAt: undefined })
  assert.ok(ok)
  for (const { id, needs } of CHECKS) {
    const found = checks.filter((check) => check.id.split(':')[0] === id)
    assert.ok(
      found.every((check) => check.state === (needs === undefined ? 'ok' : 'cannot_tell')),
      `${id}: ${JSON.stringify(found)}`,
    )
  }
})

test('a place that holds another history is named with both checkpoints', () => {
  const { checks } = report({ ...well, ...outside({ fork }) }, { version: '1', instance: 'i', keys: null, startedAt: undefined })
  const what = checks.find(({ id }) => id === 'checkpoint_place:w')?.what ?? ''
  assert.match(what, /size 10 root r2.*size 10 root r1/)
})
