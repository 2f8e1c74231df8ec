import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isSameProcess } from '#base/processes.ts'
import { readConfig } from './config.ts'
import { openInstance, readChildren } from './instance.ts'
import { ROLES, type Role } from './role.ts'
import { Supervisor } from './supervisor.ts'

const TIMEOUT = { timeout: 240_000 }

function setUp(t: TestContext, plan: Partial<Record<Role, string>> = {}, pingMs?: number): { dataDir: string; supervisor: Supervisor } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-roles-'))
  const dataDir = path.join(folder, 'data')
  const instance = openInstance({ dataDir, create: true, env: { HOME: folder } })
  writeFileSync(path.join(dataDir, 'plan'), JSON.stringify(plan))
  const supervisor = new Supervisor({
    instance,
    config: readConfig({ env: {} }),
    host: '127.0.0.1',
    port: 0,
    consoleHost: '127.0.0.1',
    consolePort: 0,
    version: '0',
    entry: fileURLToPath(new URL('./testing-role.ts', import.meta.url)),
    ...(pingMs === undefined ? {} : { pingMs }),
  })
  t.after(async () => {
    await supervisor.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return { dataDir, supervisor }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const startsOf = (dataDir: string, role: Role): number => readFileSync(path.join(dataDir, `starts-${role}`), 'utf8').length

test('a role that is killed while it starts for the first time is started again', TIMEOUT, async (t) => {
  const { dataDir, supervisor } = setUp(t, { worker: 'dies' })
  await supervisor.start()
  assert.equal(startsOf(dataDir, 'worker'), 3)
  assert.deepEqual(
    supervisor.status().map(({ role, state }) => [role, state]),
    ROLES.map((role) => [role, 'ready']),
  )
})

test('a role whose vault was killed while it starts for the first time is started again', TIMEOUT, async (t) => {
  const { dataDir, supervisor } = setUp(t, { staff: 'waits' })
  await supervisor.start()
  assert.equal(startsOf(dataDir, 'staff'), 2)
})

test('an order to stop ends a start that hangs, and nothing is started after it', TIMEOUT, async (t) => {
  const { dataDir, supervisor } = setUp(t, { warehouse: 'hangs' })
  const started = supervisor.start().then(
    () => 'ready',
    () => 'given up',
  )
  await until(() => supervisor.status().some(({ role }) => role === 'warehouse'))
  const children = readChildren(dataDir)
  assert.equal(children.length, 2)
  await supervisor.stop()
  assert.equal(await started, 'given up')
  assert.ok(children.every((child) => !isSameProcess(child.pid, child.startTime)))
  assert.deepEqual(
    supervisor.status().map(({ role }) => role),
    ['vault', 'warehouse'],
  )
})

test('while a child cannot be put on record it does nothing, and the others live on', TIMEOUT, async (t) => {
  const { dataDir, supervisor } = setUp(t)
  await supervisor.start()
  const stateOf = (role: Role): string | undefined => supervisor.status().find((one) => one.role === role)?.state
  const pidOf = (role: Role): number => supervisor.status().find((one) => one.role === role)?.pid ?? 0
  const inTheWay = path.join(dataDir, 'children.json.new')
  rmSync(inTheWay)
  mkdirSync(inTheWay)
  const first = pidOf('gateway')
  process.kill(first, 'SIGKILL')
  await until(() => pidOf('gateway') !== first && stateOf('gateway') === 'stopped')
  assert.equal(startsOf(dataDir, 'gateway'), 1)
  assert.equal(stateOf('vault'), 'ready')
  rmdirSync(inTheWay)
  await until(() => stateOf('gateway') === 'ready')
})

test('only staff may ask for the end of a role', TIMEOUT, async (t) => {
  const { dataDir, supervisor } = setUp(t, { gateway: 'meddles' })
  await supervisor.start()
  assert.equal(startsOf(dataDir, 'vault'), 1)
  assert.ok(supervisor.status().every(({ state, restarts }) => state === 'ready' && restarts === 0))
})

test('a role that is stopped is noticed, killed and started again; the others are left alone', TIMEOUT, async (t) => {
  const { dataDir, supervisor } = setUp(t, { warehouse: 'freezes' }, 400)
  await supervisor.start()
  const isBack = (): boolean =>
    supervisor.status().some(({ role, state, restarts }) => role === 'warehouse' && state === 'ready' && restarts === 1)
  await until(isBack)
  assert.equal(startsOf(dataDir, 'warehouse'), 2)
  assert.ok(supervisor.status().every(({ role, restarts }) => role === 'warehouse' || restarts === 0))
})

test(
  'a role that ends again and again at its start waits longer each time, is named, and comes back with its cause gone',
  TIMEOUT,
  async (t) => {
    const { dataDir, supervisor } = setUp(t)
    await supervisor.start()
    const said = t.mock.method(process.stderr, 'write', () => true)
    const worker = (): ReturnType<Supervisor['status']>[number] | undefined => supervisor.status().find(({ role }) => role === 'worker')
    writeFileSync(path.join(dataDir, 'plan'), JSON.stringify({ worker: 'fails' }))
    process.kill(worker()?.pid ?? 0, 'SIGKILL')
    await until(() => startsOf(dataDir, 'worker') === 6)
    const waits = said.mock.calls.flatMap(({ arguments: [line] }) => /worker: ended.* again in (\d+) ms/.exec(String(line))?.[1] ?? [])
    // On a machine that stood still before the kill it had run well, and the shortest comes twice.
    assert.deepEqual([...new Set(waits)].slice(0, 4), ['100', '200', '400', '800'])
    assert.deepEqual(worker()?.fault, { code: 'ledger_corrupt', message: 'planned' })
    assert.ok((worker()?.failures ?? 0) >= 4)
    writeFileSync(path.join(dataDir, 'plan'), '{}')
    await until(() => worker()?.state === 'ready')
    assert.equal(worker()?.fault, undefined)
    assert.ok(supervisor.status().every(({ role, restarts }) => role === 'worker' || restarts === 0))
  },
)
