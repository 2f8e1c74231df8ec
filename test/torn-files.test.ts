/**
 * Every file that must survive, cut short, emptied, overwritten and removed: the next start heals what is provably nobody's
 * loss, and refuses the rest with a code and a hint. It never crashes on one and never begins anew in silence.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { type Program, runCommand, waitUntil } from '#drill/program.ts'
import { makeFolder, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { NUMBERED, numberedEvent } from './support/numbered.ts'
import { Opener } from './support/power/opener.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

type Damage = 'cut' | 'emptied' | 'overwritten' | 'removed'
const DAMAGES: Record<Damage, (file: string) => void> = {
  cut: (file) => truncateSync(file, Math.floor(statSync(file).size / 2)),
  emptied: (file) => truncateSync(file, 0),
  overwritten: (file) => writeFileSync(file, Buffer.alloc(statSync(file).size, 'not what stood here ')),
  removed: (file) => rmSync(file),
}

/** Of each file: what the next start says, by damage. `healed`: it opens, and all laws hold on it. */
const FILES: Record<string, Partial<Record<Damage, string>>> = {
  'data/FORMAT': { cut: 'data_dir_foreign', emptied: 'data_dir_foreign', overwritten: 'data_dir_foreign', removed: 'data_dir_foreign' },
  'data/lock.db': { emptied: 'healed', overwritten: 'healed', removed: 'healed' },
  'data/run.json': { cut: 'healed', emptied: 'healed', overwritten: 'healed', removed: 'healed' },
  'data/children.json': { cut: 'data_dir_foreign', emptied: 'data_dir_foreign', overwritten: 'data_dir_foreign', removed: 'healed' },
  'data/records.db': { cut: 'records_corrupt', emptied: 'records_corrupt', overwritten: 'records_corrupt', removed: 'records_corrupt' },
  'data/vault.db': { cut: 'vault_corrupt', emptied: 'vault_corrupt', overwritten: 'vault_corrupt', removed: 'vault_corrupt' },
  'data/ledger/ledger.mdb': { cut: 'ledger_corrupt', emptied: 'ledger_corrupt', overwritten: 'ledger_corrupt', removed: 'ledger_corrupt' },
  'data/log/000001/data.mdb': { cut: 'log_corrupt', emptied: 'log_corrupt', overwritten: 'log_corrupt', removed: 'log_corrupt' },
  'data/log/000001/first': { emptied: 'log_corrupt', overwritten: 'log_corrupt', removed: 'log_corrupt' },
  'data/log/dedup/data.mdb': { cut: 'healed', emptied: 'healed', overwritten: 'healed', removed: 'healed' },
  'keys/keys.db': { cut: 'key_wrong', emptied: 'key_wrong', overwritten: 'key_wrong', removed: 'key_missing' },
  'keys/kek': { cut: 'key_wrong', emptied: 'key_wrong', overwritten: 'key_wrong', removed: 'key_missing' },
  // The vault says so in a line of its own, and the rest of the record goes on.
  'data/looks/looks.log': { cut: 'the look', emptied: 'the look', overwritten: 'the look', removed: 'the look' },
}

test('torn, empty, foreign and absent files', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const program = await startBulkhead(t, {
    config: testConfig({ vendorUrl: vendor.url, ...NUMBERED }),
    env: vendorEnvironment,
    readyMs: 180_000,
  })
  const taken = await live(program)
  await waitUntil('all is at the vendor', () => eventsOf(vendor.loot()).length >= taken.length)
  assert.equal(await program.stop(), 0)
  for (const name of ['run.json', 'children.json']) {
    // As a kill leaves them; processes of that start time do not live.
    writeFileSync(path.join(program.dataDir, name), name === 'run.json' ? '{"pid":1,"startTime":"0"}' : '[]')
  }
  const base = makeFolder(t)
  const opener = new Opener()
  t.after(() => opener.close())
  opener.learn({ taken, looks: ['first look'], flow: 'open' })
  let number = 0
  const copy = (): string => {
    const folder = path.join(base, String(number++))
    mkdirSync(folder)
    for (const part of ['data', 'keys']) {
      cpSync(path.join(program.folder, part), path.join(folder, part), {
        recursive: true,
        filter: (file) => !/warehouse|reserve/.test(path.basename(file)),
      })
    }
    return folder
  }
  assert.deepEqual(await opener.open(copy()), [], 'without damage all is well')
  for (const [file, expected] of Object.entries(FILES)) {
    for (const [damage, word] of Object.entries(expected) as [Damage, string][]) {
      const folder = copy()
      DAMAGES[damage](path.join(folder, file))
      const problems = await opener.open(folder)
      const what = `${file} ${damage}: ${problems[0] ?? 'healed'}`
      if (word === 'healed') assert.deepEqual(problems, [], what)
      else assert.ok(problems[0]?.includes(word), what)
      rmSync(folder, { recursive: true })
    }
  }

  // What a person sees of it: a code, a hint, an exit code, and the file as it was.
  const records = path.join(program.dataDir, 'records.db')
  DAMAGES.overwritten(records)
  const before = readFileSync(records)
  const again = await runCommand(['up', '--data', program.dataDir, '--port', '0', '--console-port', '0'], {
    folder: program.folder,
    env: vendorEnvironment,
  })
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^error\[records_corrupt\]: .+\nhint: .+/m)
  assert.ok(readFileSync(records).equals(before), 'the damaged file is left as it was')
})

/** Some of everything that the files hold. */
async function live(program: Program): Promise<number[]> {
  const taken = Array.from({ length: 300 }, (_, n) => n)
  for (let from = 0; from < taken.length; from += 50) {
    const events = taken.slice(from, from + 50).map((n) => {
      const event = numberedEvent(n, 40)
      return { ...event, properties: { ...event.properties, note: `waits ${n}` } }
    })
    assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events))
  }
  for (const args of [
    ['who', 'numbered-person-1', '--reason', 'first look'],
    ['vendor', 'cut', 'mixpanel', '--reason', 'test'],
    ['vendor', 'restore', 'mixpanel', '--reason', 'test'],
  ]) {
    const result = await program.cli(args)
    assert.equal(result.code, 0, result.stderr)
  }
  return taken
}
