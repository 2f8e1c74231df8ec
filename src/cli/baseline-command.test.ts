/** `vendor baseline` against a staff API: what is said, what stays, what is refused with nothing kept. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import type { BaselineResult } from '#api/baseline-contract.ts'
import { startStaff } from '#api/staff.ts'
import { type Stage, setStage } from '#api/staff-fixture.ts'
import { finishCreation, openInstance, writeRun } from '#app/instance.ts'
import { BulkheadError } from '#base/errors.ts'
import { openRecords } from '#records/records.ts'
import { printAnswer } from './context.ts'
import { runCommandLine } from './program.ts'

const CREDENTIAL = 'credential-of-this-test'

interface Place {
  folder: string
  stage: Stage
  run(...argv: string[]): Promise<string>
}

async function withStaff(act: (place: Place) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-baseline-'))
  const env = { BULKHEAD_DATA: path.join(folder, 'data'), BULKHEAD_KEYS: path.join(folder, 'keys'), HOME: folder }
  const instance = openInstance({ dataDir: env.BULKHEAD_DATA, create: true, env })
  finishCreation(instance)
  mkdirSync(instance.keysDir)
  writeFileSync(path.join(instance.keysDir, 'operator'), `${CREDENTIAL}\n`)
  const records = openRecords({ path: instance.recordsPath })
  const stage = setStage(records, CREDENTIAL)
  const staff = await startStaff(stage.deps)
  writeRun(instance, { consoleUrl: staff.url, gatewayUrl: 'http://127.0.0.1:1', startedAt: Date.now() })
  const run = async (...argv: string[]): Promise<string> => {
    let printed = ''
    const out = (text: string): void => {
      printed += text
    }
    await runCommandLine(argv, { env, version: '1', out, err: () => undefined })
    return printed
  }
  try {
    await act({ folder, stage, run })
  } finally {
    await staff.close()
    records.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const refusedWith = (code: string) => (thrown: unknown) => thrown instanceof BulkheadError && thrown.code === code

test('everything that is said of a baseline stays, on record, and the newest counts', async () => {
  await withStaff(async ({ folder, stage, run }) => {
    const schema = new URL('../../docs/schemas/vendor-baseline.schema.json', import.meta.url)
    const follows = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(schema, 'utf8')))
    const ask = async (...more: string[]): Promise<BaselineResult> => {
      const answer = JSON.parse(await run('vendor', 'baseline', 'acme', ...more, '--json')) as BaselineResult
      assert.ok(follows(answer), JSON.stringify(follows.errors))
      return answer
    }
    assert.equal((await ask()).baseline.kind, 'unknown')
    assert.deepEqual((await ask()).history, [])
    await ask('--none', '--reason', 'a new project')
    const file = path.join(folder, 'held.yaml')
    writeFileSync(
      file,
      `saidBy: the owner
fields: [name, email, name, { field: country, form: coarse }]
people: 1200
from: 2023-01-01T00:00:00Z
surfaces: [web]
`,
    )
    const said = await ask('--declare', file, '--reason', 'as the owner says')
    assert.deepEqual(
      said.history.map(({ kind, reason, actor }) => [kind, reason, actor]),
      [
        ['none', 'a new project', 'operator'],
        ['declared', 'as the owner says', 'operator'],
      ],
    )
    assert.deepEqual(
      said.baseline.fields.map(({ field, form }) => `${field}:${form}`),
      ['country:coarse', 'email:clear', 'name:clear'],
    )
    assert.equal(said.baseline.from, '2023-01-01T00:00:00.000Z')
    assert.deepEqual(stage.looks, ['look vendor baseline acme: none 0', 'look vendor baseline acme: declared 0'])
    assert.match(await run('vendor', 'baseline', 'acme'), /is declared, as said at/)
    assert.match(await run('vendor', 'show', 'acme'), /Held before Bulkhead: declared/)
    const affected = JSON.parse(await run('incident', 'affected', '--vendor', 'acme', '--json')) as Record<string, unknown>
    assert.equal(affected.baseline, 'declared')
    assert.match(String(affected.upperBoundReason), /declared, and nobody has named/)
    await ask('--unknown', '--reason', 'it was wrong')
    assert.equal((await ask()).baseline.kind, 'unknown')
  })
})

test('an export is read once, on record by its hash, and only whole', async () => {
  await withStaff(async ({ folder, stage, run }) => {
    const file = path.join(folder, 'export.csv')
    writeFileSync(file, 'distinct_id,email\nanna,anna@example.com\nben,\n')
    const more = ['--import', file, '--complete', '--said-by', 'the owner', '--surface', 'web', '--reason', 'export of 3 March']
    const { baseline } = JSON.parse(await run('vendor', 'baseline', 'acme', ...more, '--json')) as BaselineResult
    assert.equal(baseline.kind, 'imported')
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
    const counts = { rows: 2, unmatchedRows: 2, brokenRows: 0, throughBulkhead: 0, otherColumns: 0 }
    assert.deepEqual(baseline.import, { sha256, complete: true, ...counts })
    assert.deepEqual([baseline.people, baseline.saidBy, baseline.surfaces], [0, 'the owner', ['web']])
    const affected = JSON.parse(await run('incident', 'affected', '--vendor', 'acme', '--json')) as Record<string, unknown>
    assert.match(String(affected.upperBoundReason), /2 of its rows are of nobody who is known here/)
    writeFileSync(file, '')
    await assert.rejects(run('vendor', 'baseline', 'acme', '--import', file, '--reason', 'r'), refusedWith('leak_file_invalid'))
    await assert.rejects(
      run('vendor', 'baseline', 'acme', '--import', path.join(folder, 'none'), '--reason', 'r'),
      refusedWith('baseline_invalid'),
    )
    await assert.rejects(run('vendor', 'baseline', 'acme', '--complete', '--none', '--reason', 'r'), refusedWith('bad_usage'))
    assert.equal(stage.deps.records.baselines('acme').length, 1)
  })
})

test('what cannot be read is refused, and nothing is kept', async () => {
  await withStaff(async ({ folder, stage, run }) => {
    const file = path.join(folder, 'held.yaml')
    for (const text of [
      '',
      'saidBy: x',
      'saidBy: x\nfields: []',
      'saidBy: x\nfields: [shoe_size]',
      'saidBy: x\nfields: [{ field: email, form: withheld }]',
      'saidBy: x\nfields: [email]\nfurther: 1',
      'saidBy: "a\\u202eb"\nfields: [email]',
      'saidBy: x\nfields: [email]\npeople: -1',
      'saidBy: x\nfields: [email]\nfrom: yesterday',
      'saidBy: x\nfields: [email]\nfrom: 2026-01-01T00:00:00Z\nto: 2025-01-01T00:00:00Z',
      'saidBy: x\nfields: [email]\nsurfaces: [1]',
      '{',
      '- a',
    ]) {
      writeFileSync(file, text)
      await assert.rejects(run('vendor', 'baseline', 'acme', '--declare', file, '--reason', 'r'), refusedWith('baseline_invalid'), text)
    }
    await assert.rejects(
      run('vendor', 'baseline', 'acme', '--declare', path.join(folder, 'none'), '--reason', 'r'),
      refusedWith('baseline_invalid'),
    )
    await assert.rejects(run('vendor', 'baseline', 'acme', '--none', '--unknown', '--reason', 'r'), refusedWith('bad_usage'))
    await assert.rejects(run('vendor', 'baseline', 'acme', '--none'), refusedWith('reason_required'))
    await assert.rejects(run('vendor', 'baseline', 'nobody', '--none', '--reason', 'r'), refusedWith('vendor_unknown'))
    assert.deepEqual(stage.looks, [])
    assert.deepEqual(stage.deps.records.baselines('acme'), [])
  })
})

test('what somebody wrote into a reason or a name does nothing to the terminal of who reads it', () => {
  const printed: string[] = []
  const out = (text: string): void => void printed.push(text)
  const context = { dataDir: '', json: false, as: undefined, env: {}, version: '', out, err: () => undefined }
  printAnswer(context, 'a\u001b[2Jb\u202e\u0007\u0085c\r\n\tअनीता\u200dx', (answer) => answer)
  assert.equal(printed.join(''), 'a\ufffd[2Jb\ufffd\ufffd\ufffdc\ufffd\n\tअनीता\u200dx\n')
})
