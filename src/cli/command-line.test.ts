/** The commands as a person calls them: against a staff API on a data folder, and with nothing or nothing healthy running. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Ajv } from 'ajv'
import { type Staff, startStaff } from '#api/staff.ts'
import { type Stage, setStage } from '#api/staff-fixture.ts'
import { finishCreation, type Instance, lockInstance, openInstance, writeChildren, writeRun } from '#app/instance.ts'
import { BulkheadError } from '#base/errors.ts'
import { isSameProcess, processStartTime } from '#base/processes.ts'
import type { Records } from '#records/port.ts'
import { openRecords, openRecordsReader } from '#records/records.ts'
import { runCommandLine } from './program.ts'

const CREDENTIAL = 'credential-of-this-test'
let folder: string
let instance: Instance
let env: NodeJS.ProcessEnv
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-cli-'))
  env = { BULKHEAD_DATA: path.join(folder, 'data'), BULKHEAD_KEYS: path.join(folder, 'keys'), HOME: folder }
  instance = openInstance({ dataDir: path.join(folder, 'data'), create: true, env })
  finishCreation(instance)
  mkdirSync(instance.keysDir)
  writeFileSync(path.join(instance.keysDir, 'operator'), `${CREDENTIAL}\n`)
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Run {
  code: number
  stdout: string
  stderr: string
  error: BulkheadError | undefined
}

async function run(...argv: string[]): Promise<Run> {
  const result: Run = { code: 0, stdout: '', stderr: '', error: undefined }
  const surroundings = {
    env,
    version: '1.2.3',
    out: (text: string) => {
      result.stdout += text
    },
    err: (text: string) => {
      result.stderr += text
    },
  }
  try {
    result.code = await runCommandLine(argv, surroundings)
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError, thrown instanceof Error ? thrown.stack : String(thrown))
    result.error = thrown
    result.code = thrown.exit
  }
  return result
}

function assertFollows(schema: string, text: string): void {
  const file = new URL(`../../docs/schemas/${schema}.schema.json`, import.meta.url)
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(file, 'utf8')))
  assert.ok(validate(JSON.parse(text)), `${schema}: ${JSON.stringify(validate.errors)}`)
}

async function withStaff(act: (stage: Stage, staff: Staff) => Promise<void>): Promise<void> {
  const records: Records = openRecords({ path: instance.recordsPath })
  const stage = setStage(records, CREDENTIAL)
  const staff = await startStaff(stage.deps)
  writeRun(instance, { consoleUrl: staff.url, gatewayUrl: 'http://127.0.0.1:1', startedAt: Date.now() })
  try {
    await act(stage, staff)
  } finally {
    await staff.close()
    records.close()
  }
}

/** A process that does nothing, stopped; as a worker or a staff that hangs. */
async function stoppedProcess(role: string): Promise<{ role: string; pid: number; startTime: string }> {
  const child = spawn(process.execPath, ['-e', "process.stdout.write('up'); setInterval(() => {}, 1000)"], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
  child.kill('SIGSTOP')
  const pid = child.pid as number
  return { role, pid, startTime: processStartTime(pid) as string }
}

test('every command against a running Bulkhead follows its schema, with --json and in words', () =>
  withStaff(async (stage) => {
    const users = path.join(folder, 'users.csv')
    writeFileSync(users, 'id,email,company\n1,a@example.com,Acme\n2,b@example.com,Acme\n')
    const commands: [schema: string, ...argv: string[]][] = [
      ['vendor-list', 'vendor', 'list'],
      ['vendor-show', 'vendor', 'show', 'acme'],
      ['vendor-cut', 'vendor', 'cut', 'acme', '--reason', 'breach'],
      ['vendor-restore', 'vendor', 'restore', 'acme'],
      ['directory-import', 'directory', 'import', users],
      ['who', 'who', 'ann', '--reason', 'request'],
      ['incident-affected', 'incident', 'affected', '--vendor', 'acme', '--access-to', '2026-03-01T00:00:00Z'],
      ['doctor', 'doctor'],
    ]
    for (const [schema, ...argv] of commands) {
      const json = await run(...argv, '--json')
      assert.equal(json.code, 0, `${argv.join(' ')}: ${json.error?.message}`)
      assertFollows(schema, json.stdout)
      if (schema === 'vendor-restore') await run('vendor', 'cut', 'acme')
      const words = await run(...argv)
      assert.equal(words.code, 0, `${argv.join(' ')}: ${words.error?.message}`)
      assert.ok(words.stdout.length > 10 && !words.stdout.includes('undefined') && !words.stdout.includes('[object'), words.stdout)
    }
    assert.deepEqual(
      stage.imported.slice(0, 2).map((row) => [row.id, row.groups[0]?.value]),
      [
        ['1', 'Acme'],
        ['2', 'Acme'],
      ],
    )
    for (const argv of [
      ['who', 'ann'],
      ['incident', 'affected', '--vendor', 'acme', '--list', path.join(folder, 'x')],
    ]) {
      assert.equal((await run(...argv)).error?.code, 'reason_required')
    }
    assert.equal((await run('who', 'nobody', '--reason', 'r')).error?.code, 'not_found')
    assert.equal((await run('vendor', 'cut', 'acmee')).error?.code, 'vendor_unknown')
    assert.equal((await run('vendor', 'cut', 'acme', '--reason')).code, 2)
  }))

test('a list appears whole, private and with its summary, or not at all', () =>
  withStaff(async (stage) => {
    const file = path.join(folder, 'affected.ndjson')
    stage.persons = 2500
    const list = await run('incident', 'affected', '--vendor', 'acme', '--list', file, '--identities', '--reason', 'incident', '--json')
    assert.equal(list.code, 0, list.error?.message)
    assertFollows('incident-affected', list.stdout)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    assert.equal(lines.length, 2500)
    assertFollows('incident-affected-line', lines[2499] as string)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    writeFileSync(file, 'old')
    stage.persons = 6000
    assert.equal((await run('incident', 'affected', '--vendor', 'acme', '--list', file, '--reason', 'incident')).code, 1)
    assert.equal(readFileSync(file, 'utf8'), 'old')
    // Not among what is sealed, whatever it is called and wherever a link leads: neither plain, nor in the place of a file of ours.
    const format = readFileSync(path.join(instance.dataDir, 'FORMAT'), 'utf8')
    const link = path.join(folder, 'link')
    symlinkSync(instance.keysDir, link)
    const ahead = path.join(folder, 'ahead')
    symlinkSync(path.join(instance.keysDir, 'to-be'), ahead)
    for (const inside of [
      path.join(instance.dataDir, 'FORMAT'),
      path.join(instance.dataDir, '..absent', 'x'),
      path.join(link, 'operator'),
      path.join(ahead, 'x'),
    ]) {
      const asked = [
        ['incident', 'affected', '--vendor', 'acme', '--list', inside, '--reason', 'r'],
        ['incident', 'affected', '--vendor', 'acme', '--organisations', inside, '--reason', 'r'],
        ['incident', 'report', '1', '--for', 'board', '--md', inside],
        ['who', 'ann@example.com', '--statement', inside, '--reason', 'r'],
        ['incident', 'evidence', 'get', '1', 'x', '--out', path.join(path.dirname(inside), 'new'), '--reason', 'r'],
      ]
      asked.push(['incident', 'notify', '1', '--preview', '--html', inside])
      for (const words of asked) assert.match((await run(...words)).error?.message ?? '', /lies in a folder of Bulkhead$/, words.join(' '))
    }
    for (const words of [
      ['incident', 'report', '1', '--for', 'board', '--md', ahead],
      ['incident', 'notify', '1', '--preview', '--html', ahead],
    ])
      assert.match((await run(...words)).error?.message ?? '', /lies in a folder of Bulkhead$/, words.join(' '))
    assert.equal(readFileSync(path.join(instance.dataDir, 'FORMAT'), 'utf8'), format)
    const nowhere = path.join(folder, 'absent', 'list')
    stage.persons = 1
    assert.equal(
      (await run('incident', 'affected', '--vendor', 'acme', '--list', nowhere, '--reason', 'incident')).error?.code,
      'bad_usage',
    )
  }))

test('a pipe, a device or a folder in the place of a file is refused at once', { timeout: 60_000 }, () =>
  withStaff(async () => {
    const pipe = path.join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const file of [pipe, '/dev/zero', '/dev/null', folder]) {
      const given = ['--file', file, '--reason', 'r']
      assert.equal((await run('incident', 'match', '1', ...given)).error?.code, 'bad_usage', file)
      assert.equal((await run('incident', 'statement', '1', '--file', file)).error?.code, 'bad_usage', file)
      const imported = await run('vendor', 'baseline', 'acme', '--import', file, '--reason', 'r')
      assert.equal(imported.error?.code, 'baseline_invalid', file)
    }
  }),
)

test('a credential is made once, into a new file, and acts under its own name', () =>
  withStaff(async (stage) => {
    const file = path.join(folder, 'ann')
    const added = await run('operator', 'add', 'ann', '--file', file, '--json')
    assertFollows('operator-add', added.stdout)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.ok(!added.stdout.includes(readFileSync(file, 'utf8').trim()))
    assert.equal((await run('operator', 'add', 'eve', '--file', file)).error?.code, 'bad_usage', 'never over a file that is there')
    const shown = await run('operator', 'add', 'bob', '--json')
    assertFollows('operator-add', shown.stdout)
    assert.equal((await run('operator', 'add', 'ann', '--file', path.join(folder, 'again'))).error?.code, 'operator_exists')
    assert.ok(!existsSync(path.join(folder, 'again')))
    assert.equal((await run('operator', 'add', 'A B')).code, 2)

    assert.equal((await run('vendor', 'cut', 'acme', '--as', file)).code, 0)
    env.BULKHEAD_CREDENTIAL = JSON.parse(shown.stdout).credential
    assert.equal((await run('vendor', 'restore', 'acme')).code, 0)
    assert.match((await run('operator', 'list')).stdout, /bob \(you\)/)
    const { id } = await stage.deps.approvals.propose({ kind: 'k', what: 'the text', by: 'bob', reason: 'r' })
    assert.equal((await run('approval', 'approve', String(id))).error?.code, 'reason_required')
    assert.equal((await run('approval', 'approve', String(id), '--reason', 'r')).error?.code, 'approval_own')
    assert.match((await run('approval', 'list')).stdout, /PENDING.*the text.*proposed by bob/s)
    assertFollows('approval-decision', (await run('approval', 'approve', String(id), '--reason', 'r', '--as', file, '--json')).stdout)
    assertFollows('approval-list', (await run('approval', 'list', '--json')).stdout)
    const flows = stage.deps.records.history('acme').map(({ actor }) => actor)
    assert.deepEqual(flows, ['ann', 'bob'])
    assertFollows('operator-remove', (await run('operator', 'remove', 'ann', '--json')).stdout)
    assert.equal((await run('vendor', 'list', '--as', file)).error?.code, 'unauthorized')
    assert.equal((await run('vendor', 'list', '--as', path.join(folder, 'none'))).error?.code, 'unauthorized')
  }))

test('an unfenced worker: the result is printed, the exit is 1', () =>
  withStaff(async (stage) => {
    stage.fenceAnswers = () => Promise.reject(new Error('gone'))
    stage.killAnswers = { pid: 9, gone: false }
    const cut = await run('vendor', 'cut', 'acme', '--json')
    assert.equal(cut.error?.code, 'vendor_unfenced')
    assertFollows('vendor-cut', cut.stdout)
    assert.match(cut.stdout, /pid 9/)
  }))

test('cut and restore with nothing running, and a worker of an earlier run that is stopped', async () => {
  const records = openRecords({ path: instance.recordsPath })
  setStage(records, CREDENTIAL)
  records.close()
  assert.equal((await run('vendor', 'list')).error?.code, 'not_running')
  assert.equal((await run('vendor', 'cut', 'acmee')).error?.code, 'vendor_unknown')
  const cut = await run('vendor', 'cut', 'acme', '--reason', 'breach', '--json')
  assert.equal(cut.code, 0, cut.error?.message)
  assertFollows('vendor-cut', cut.stdout)
  assert.equal(JSON.parse(cut.stdout).fencedWorkers, 0)
  const restore = await run('vendor', 'restore', 'acme', '--json')
  assertFollows('vendor-restore', restore.stdout)
  assert.equal((await run('vendor', 'restore', 'acme')).error?.code, 'vendor_not_cut')
  const worker = await stoppedProcess('worker')
  writeChildren(instance, [worker])
  const again = await run('vendor', 'cut', 'acme', '--json')
  assert.equal(JSON.parse(again.stdout).fencedWorkers, 1)
  assert.ok(!isSameProcess(worker.pid, worker.startTime))
  const reader = openRecordsReader({ path: instance.recordsPath })
  assert.deepEqual([reader.flow('acme').state, reader.flow('acme').fence, reader.flow('acme').actor], ['cut', 3, 'operator'])
  reader.close()
})

test('a cut goes round a Bulkhead whose staff and worker hang: both end, the rest is left alone, the lock stays', async () => {
  const records = openRecords({ path: instance.recordsPath })
  setStage(records, CREDENTIAL)
  records.close()
  const lock = lockInstance(instance.dataDir)
  const [staff, worker, gateway] = [await stoppedProcess('staff'), await stoppedProcess('worker'), await stoppedProcess('gateway')]
  writeChildren(instance, [staff, worker, gateway])
  writeRun(instance, { consoleUrl: 'http://127.0.0.1:1', gatewayUrl: '', startedAt: 0 })
  try {
    const cut = await run('vendor', 'cut', 'acme', '--json')
    assert.equal(cut.code, 0, cut.error?.message)
    assert.deepEqual(JSON.parse(cut.stdout).unfenced, [])
    assert.equal(JSON.parse(cut.stdout).fencedWorkers, 1)
    assert.ok(!isSameProcess(worker.pid, worker.startTime) && !isSameProcess(staff.pid, staff.startTime))
    assert.ok(isSameProcess(gateway.pid, gateway.startTime), 'the gateway goes on taking traffic')
    assert.equal((await run('vendor', 'restore', 'acme')).error?.code, 'not_running')
  } finally {
    lock.release()
  }
  const reader = openRecordsReader({ path: instance.recordsPath })
  assert.equal(reader.flow('acme').state, 'cut')
  reader.close()
  assert.ok(existsSync(path.join(instance.dataDir, 'run.json')))
})

test('what is wrong with a call is said in one line, and a wrong variable stops only who needs it', async () => {
  const message = async (...argv: string[]): Promise<string> => {
    const { error, stdout } = await run(...argv)
    assert.equal(stdout, '')
    assert.doesNotMatch(error?.message ?? '\n', /\n/)
    return `${error?.code} ${error?.message}`
  }
  assert.match(await message('vendor', 'lits'), /^bad_usage unknown command 'lits' \(Did you mean list\?\)$/)
  for (const twice of [
    ['open', '--vendor', 'v', '--told', '2025-11-25T18:00:00Z', '--told', '2025-11-26T18:00:00Z'],
    ['match', '1', '--file', 'a.csv', '--file=b.csv'],
    ['affected', '1', '--version', '1', '--version', '2'],
    ['show', '1', '--data', 'x', '--data', 'y'],
  ])
    assert.match(await message('incident', ...twice), /^bad_usage .*is invalid\. It is given twice\.$/)
  // What may be given several times still may; nothing runs here.
  const several = ['incident', 'amend', '1', '--surface', 'a', '--surface', 'b', '--json', '--json']
  assert.match(await message(...several), /^not_running /)
  const hint = async (...argv: string[]): Promise<string | undefined> => (await run(...argv)).error?.hint
  assert.match((await hint('incident', 'open', '--bogus')) ?? '', /`bulkhead incident open --help` for its options/)
  assert.match((await hint('incident', 'opne')) ?? '', /`bulkhead incident --help` for its commands/)
  assert.match((await hint('incident', 'report', '1', '--for', 'king')) ?? '', /`bulkhead incident report --help`/)
  assert.match((await hint('nothing')) ?? '', /`bulkhead --help`/)
  assert.match(await message('help', 'nothing'), /^bad_usage there is no help on 'nothing'$/)
  assert.match(await message('up', '--port', '70000'), /^bad_usage .*'70000' is invalid\. Give a number from 0/)
  const file = path.join(folder, 'file')
  writeFileSync(file, 'x')
  assert.equal(await message('doctor', '--data', file), `data_dir_foreign ${file} is a file, not a folder`)
  assert.equal((await run('vendor', 'list')).error?.code, 'not_running')
  env.BULKHEAD_CONSOLE_PORT = 'staff'
  assert.equal((await run('vendor', 'list')).error?.code, 'not_running')
  assert.equal((await run('doctor')).error, undefined, 'it says what it can with nothing running')
  assert.match(await message('up', '--port', '0'), /^bad_usage BULKHEAD_CONSOLE_PORT is not a number from 0/)
  await withStaff(async () => {
    const missing = await run('directory', 'import', path.join(folder, 'no.csv'))
    assert.deepEqual([missing.error?.code, missing.error?.hint], ['directory_invalid', 'Check the path and the permissions of the file.'])
  })
})

test('the command can be called by its file, as every example does', { timeout: 240_000 }, async () => {
  const file = path.join(import.meta.dirname, '../../bin/bulkhead.mjs')
  const child = spawn(file, ['--version'], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0)
  assert.match(said, /^\d+\.\d+\.\d+\n$/)
})
