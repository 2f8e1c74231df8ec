/** Starting, stopping and being refused, as a person meets them. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { readOperatorCredential, openInstance } from '#app/instance.ts'
import { killAndReturn, launchProgram, type Program, runCommand, waitUntil } from '#drill/program.ts'
import { alive, launchBulkhead, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { LOGIN, testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postEvents, send } from './support/gateway-client.ts'
import { eventCounts, waitForWarehouse } from './support/counts.ts'

async function runsCleanly(program: Program): Promise<void> {
  assert.equal((await fetch(`${program.consoleUrl}/healthz`)).status, 200)
  const answer = await postEvents(program.gatewayUrl, 'any', [{ event: 'Opened', properties: { distinct_id: 'u1' } }])
  assert.deepEqual([answer.status, answer.body], [200, '1'])
}

test('first start without a configuration: tells what a person needs, and a second start finds its data', async (t) => {
  const program = await startBulkhead(t)
  await runsCleanly(program)
  await waitUntil('all of it is said', () => /nothing leaves/i.test(program.output().stdout))
  const { stdout } = program.output()
  assert.match(stdout, new RegExp(`127\\.0\\.0\\.1:${program.port}|localhost:${program.port}`), 'the address for SDKs')
  assert.match(stdout, new RegExp(`:${program.consolePort}`), 'the address for staff')
  assert.match(stdout, /mixpanel\.init\(/, 'the one line to change')
  assert.ok(stdout.includes(program.keysDir), 'where the keys lie')
  assert.match(stdout, /back.*up/i, 'that they want a backup')
  await waitForWarehouse(program, 1)

  const processes = program.processes()
  assert.equal(processes.length, 6, 'supervisor and five roles')
  assert.equal(await program.stop('SIGINT'), 0, 'Ctrl-C ends with 0')
  assert.deepEqual(alive(processes), [], 'nothing is left running')
  assert.ok(!existsSync(path.join(program.dataDir, 'run.json')), 'no trace of a run is left')

  await program.restart()
  await postEvents(program.gatewayUrl, 'any', [{ event: 'Opened', properties: { distinct_id: 'u1' } }])
  await waitForWarehouse(program, 2)
  assert.doesNotMatch(program.output().stdout.slice(stdout.length), /first start/, 'it knows that it is not the first')
})

test('a second Bulkhead on the same data is refused with the pid of the first, which goes on', async (t) => {
  const program = await startBulkhead(t)
  const second = await runCommand(['up', '--data', program.dataDir, '--port', '0', '--console-port', '0'], { folder: program.folder })
  assert.equal(second.code, 1)
  assert.match(second.stderr, /error\[already_running\]/)
  const supervisor = program.processes().find((one) => one.role === 'supervisor')
  assert.ok(second.stderr.includes(String(supervisor?.pid)), 'the pid is named')
  assert.match(second.stderr, /^hint: /m)
  await runsCleanly(program)
})

for (const [name, end] of [
  ['TERM to the launcher', (program: Program) => void program.launcher.kill('SIGTERM')],
  ['TERM to the process group', (program: Program) => void process.kill(-(program.launcher.pid ?? 0), 'SIGTERM')],
  ['INT to the process group', (program: Program) => void process.kill(-(program.launcher.pid ?? 0), 'SIGINT')],
  ['kill -9 of the launcher', (program: Program) => void program.launcher.kill('SIGKILL')],
] as const) {
  test(`${name}: drains, and no orphan is left`, async (t) => {
    const program = await startBulkhead(t)
    await runsCleanly(program)
    const processes = program.processes()
    assert.equal(processes.length, 6)
    end(program)
    await waitUntil('nothing is left of it', () => alive(processes).length === 0)
    const code = await program.ended
    if (!name.startsWith('kill')) assert.equal(code, 0)
    await program.restart()
    await waitForWarehouse(program, 1)
    assert.equal((await eventCounts(program)).warehouse, 1, 'what was accepted is there, once')
  })
}

test('TERM in the middle of the start ends it without an orphan', async (t) => {
  for (const waitMs of [50, 400, 900]) {
    const program = await launchBulkhead(t)
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    const processes = program.processes()
    program.launcher.kill('SIGTERM')
    await program.ended
    await waitUntil(`nothing is left after ${waitMs} ms`, () => alive([...processes, ...program.processes()]).length === 0)
  }
})

test('a role that dies is started again, and nothing acknowledged is lost', async (t) => {
  const program = await startBulkhead(t)
  for (const [index, role] of (['worker', 'gateway', 'vault', 'warehouse', 'staff'] as const).entries()) {
    await runsCleanly(program)
    assert.ok(await killAndReturn(program, role), `${role} lives`)
    await waitForWarehouse(program, index + 1)
  }
})

test('data and keys belong together: absent keys are never made again', async (t) => {
  const program = await startBulkhead(t)
  await program.stop()
  rmSync(program.keysDir, { recursive: true })
  const again = await runCommand(['up', '--data', program.dataDir, '--port', '0', '--console-port', '0'], { folder: program.folder })
  assert.equal(again.code, 1)
  assert.match(again.stderr, /error\[key_missing\]/)
  assert.ok(!existsSync(program.keysDir) || !existsSync(path.join(program.keysDir, 'keys.db')), 'no new key was made')
})

test('folders: foreign and newer ones are refused and left as they were', async (t) => {
  const folder = makeFolder(t)
  const foreign = path.join(folder, 'foreign')
  mkdirSync(foreign)
  writeFileSync(path.join(foreign, 'letter.txt'), 'mine')
  const refused = await runCommand(['up', '--data', foreign, '--port', '0', '--console-port', '0'], { folder })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /error\[data_dir_foreign\]/)
  assert.equal(readFileSync(path.join(foreign, 'letter.txt'), 'utf8'), 'mine')

  const newer = path.join(folder, 'newer')
  mkdirSync(newer)
  writeFileSync(path.join(newer, 'FORMAT'), 'bulkhead data 999\ninstance 00000000-0000-4000-8000-000000000000\n')
  const later = await runCommand(['up', '--data', newer, '--port', '0', '--console-port', '0'], { folder })
  assert.equal(later.code, 1)
  assert.match(later.stderr, /error\[data_format_newer\]/)
})

test('a port that is taken is named, and no process stays behind', async (t) => {
  const program = await startBulkhead(t)
  const folder = makeFolder(t)
  const other = await launchProgram({ folder, port: program.port })
  assert.equal(await other.ended, 1)
  assert.match(other.output().stderr, /error\[port_taken\]/)
  assert.deepEqual(alive(other.processes()), [])
})

const wrongConfigs: [name: string, text: string, line: number, column: number | undefined, expected: RegExp][] = [
  ['a key that nobody knows', `${testConfig()}surprise: 1\n`, 5, 1, /surprise/],
  ['a wrong type', 'sources: 7\n', 1, 10, /array|list/i],
  ['broken YAML', 'sources:\n  - {id: a\n', 3, undefined, /./],
  [
    'an unknown trust',
    'sources:\n  - {id: web, protocol: mixpanel, token: t, trust: everybody}\n',
    2,
    undefined,
    /browser.*server|server.*browser/,
  ],
  ['an unknown protocol', 'sources:\n  - {id: web, protocol: smoke, token: t}\n', 2, undefined, /mixpanel/],
  [
    'a variable that is not set',
    'sources:\n  - {id: web, protocol: mixpanel, token: "${BULKHEAD_TEST_UNSET}"}\n',
    2,
    undefined,
    /BULKHEAD_TEST_UNSET/,
  ],
  [
    'two sources with one id',
    'sources:\n  - {id: web, protocol: mixpanel, token: a}\n  - {id: web, protocol: mixpanel, token: b}\n',
    3,
    undefined,
    /web/,
  ],
]

test('a wrong bulkhead.yaml: line, column, what was expected; nothing is made', async (t) => {
  const folder = makeFolder(t)
  const file = path.join(folder, 'wrong.yaml')
  for (const [name, text, line, column, expected] of wrongConfigs) {
    writeFileSync(file, text)
    const dataDir = path.join(folder, 'data')
    const result = await runCommand(['up', '--data', dataDir, '--port', '0', '--console-port', '0', '--config', file], { folder })
    assert.equal(result.code, 1, name)
    assert.match(result.stderr, /error\[config_invalid\]/, name)
    assert.match(result.stderr, new RegExp(`wrong\\.yaml:${line}:${column ?? '\\d+'}\\b`), `${name}: ${result.stderr}`)
    assert.match(result.stderr, expected, name)
    assert.ok(!existsSync(dataDir), `${name}: no data folder was made`)
  }
})

test('an unknown token gets the vendor success, is dropped, and is loud', async (t) => {
  const program = await startBulkhead(t, {
    config: testConfig({ vendorUrl: 'http://127.0.0.1:9', events: ['Opened'] }),
    env: vendorEnvironment,
  })
  const answer = await postEvents(program.gatewayUrl, 'nobodys-project-token', [{ event: 'Opened', properties: { distinct_id: 'u1' } }])
  assert.deepEqual([answer.status, answer.body], [200, '1'])
  await postEvents(program.gatewayUrl, TOKENS.server, [{ event: 'Opened', properties: { distinct_id: 'u1' } }])
  await waitForWarehouse(program, 1)
  assert.equal((await eventCounts(program)).accepted, 1, 'only the known one counts')
  await waitUntil('it is said aloud', () => /unknown token/i.test(program.output().stderr))
  const doctor = await program.cli(['doctor', '--json'])
  assert.match(doctor.stdout, /unknown.?token/i)
  const metrics = (await send(`${program.consoleUrl}/metrics`)).body
  assert.match(metrics, /unknown_token/)
  const all = doctor.stdout + metrics + program.output().stdout + program.output().stderr
  assert.ok(!all.includes('nobodys-project-token'), 'the token itself is not printed')
})

test('secrets stay out of sight: configuration, credential, keys', async (t) => {
  const program = await startBulkhead(t, {
    config: testConfig({ vendorUrl: 'http://127.0.0.1:9', events: ['Opened'] }),
    env: vendorEnvironment,
  })
  const instance = openInstance({ dataDir: program.dataDir, create: false, env: { BULKHEAD_KEYS: program.keysDir } })
  const credential = readOperatorCredential(instance)
  assert.equal((await send(`${program.consoleUrl}/v1/doctor`)).status, 401, 'the API wants the credential')
  assert.equal((await send(`${program.consoleUrl}/healthz`, { headers: { host: 'attacker.example' } })).status >= 400, true, 'foreign Host')
  const doctor = await program.cli(['doctor', '--json'])
  assert.equal(doctor.code, 0, doctor.stderr)
  const printed = doctor.stdout + doctor.stderr + program.output().stdout + program.output().stderr
  for (const secret of [credential, LOGIN.secret]) assert.ok(!printed.includes(secret))
})

test('the command line says what is wrong, with the exit codes that scripts rely on', async (t) => {
  const folder = makeFolder(t)
  const dataDir = path.join(folder, 'data')
  const run = (...args: string[]): ReturnType<typeof runCommand> => runCommand([...args, '--data', dataDir], { folder })
  const nobody = await run('who', 'a@b.example', '--reason', 'test')
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /^error\[not_running\]: .+\nhint: .+/m)
  const asJson = await run('who', 'a@b.example', '--reason', 'test', '--json')
  assert.equal(asJson.code, 1)
  assert.equal((JSON.parse(asJson.stderr) as { error: { code: string } }).error.code, 'not_running')
  const usage = await run('vendor', 'explode')
  assert.equal(usage.code, 2)
  assert.match(usage.stderr, /error\[bad_usage\]/)
  assert.equal((await runCommand(['--help'], { folder })).code, 0)
  assert.match((await runCommand(['--version'], { folder })).stdout, /^\d+\.\d+\.\d+/)
})
