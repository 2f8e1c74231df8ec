/**
 * What an earlier program wrote must stay readable for ever: every released format lies in `test/released` as files of that
 * time, with what was in them and what was answered. A change of a format that this suite refuses needs a migration.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import type { VendorList, WhoResult } from '#api/contract.ts'
import type { LedgerVerify } from '#api/ledger-contract.ts'
import { type Program, runCommand, waitUntil } from '#drill/program.ts'
import { LEDGER_FORMAT, openStore } from '#ledger/store.ts'
import { commit, lastKey, openFolder } from '#log/folders.ts'
import { LOG_ENTRY_VERSION } from '#model/log-entry.ts'
import { RECORDS_FORMAT } from '#records/migrations.ts'
import { KEYS_FORMAT } from '#vault/key-store.ts'
import { ROWS_FORMAT } from '#vault/rows.ts'
import { WAREHOUSE_FORMAT } from '#warehouse/schema.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { ownRuntime, readReleased, releasedNames, unpackReleased } from './support/released.ts'
import { SAMPLE_QUERIES, sampleConfig } from './support/sample.ts'
import { readStores } from './support/stores.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

for (const name of releasedNames()) {
  test(`${name}: every store opens and holds what it held`, { timeout: 600_000 }, async (t) => {
    const released = readReleased(name)
    const place = unpackReleased(name, makeFolder(t))
    assert.deepEqual(await readStores({ ...place, at: released.at }), released.stores)
  })

  test(`${name}: the program goes on where the earlier one stopped`, { timeout: 600_000 }, async (t) => {
    const released = readReleased(name)
    const folder = makeFolder(t)
    unpackReleased(name, folder)
    const vendor = await startVendor(t, { secret: 'sample-secret' })
    const program = await startBulkhead(t, { folder, config: sampleConfig(vendor.url), env: ownRuntime(folder), readyMs: 180_000 })

    await waitUntil('the request that hung went out again', () => eventsOf(vendor.loot()).some(({ properties }) => properties.n === 8))
    for (const query of SAMPLE_QUERIES) await compareWho(program, query, released.who[query] as WhoResult)
    const { vendors } = await ask<VendorList>(program, 'vendor', 'list')
    assert.deepEqual(Object.fromEntries(vendors.map(({ vendor: id, state }) => [id, state])), { mixpanel: 'open', second: 'cut' })
    assert.deepEqual(
      eventsOf(vendor.loot()).map(({ properties }) => properties.n),
      [8],
      'nothing that was delivered goes out again, and nothing to the vendor that is cut',
    )
    await ask(program, 'vendor', 'restore', 'second', '--reason', 'test')
    const numbers = (): number[] => eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n))
    await waitUntil('what was held went to the vendor that was cut', () => numbers().length >= 3)
    assert.deepEqual(numbers().sort(), [7, 8, 8])
    const verified = await program.cli(['ledger', 'verify', '--json'])
    const { problems, entries, notChecked } = lastJson<LedgerVerify>(verified.stdout)
    assert.deepEqual([problems, notChecked], [[], []], 'a ledger that had no tree gets one')
    assert.ok(entries > released.stores.ledger.head)
    assert.equal(await program.stop(), 0)

    const after = await readStores({ dataDir: program.dataDir, keysDir: program.keysDir, at: Date.now() })
    assert.deepEqual(after.ledger.open, [])
    assert.equal(after.log.head, released.stores.log.head, 'nothing new came in')
    assert.ok(after.looks.count > released.stores.looks.count)
    assert.equal(after.people, released.stores.people)
    assert.equal(after.policy.sha256, released.stores.policy.sha256, 'the policy that was applied still is, with rules of consent')
    assert.ok(after.policy.version <= released.stores.policy.version + 1)
  })
}

/** What a program one version ahead would leave, store by store. */
const NEWER: Record<string, { says: RegExp; change(place: { dataDir: string; keysDir: string }): void | Promise<void> }> = {
  folder: {
    says: /the data in .* has format 2/,
    change: ({ dataDir }) => {
      const file = path.join(dataDir, 'FORMAT')
      writeFileSync(file, readFileSync(file, 'utf8').replace('data 1', 'data 2'))
    },
  },
  keys: { says: /the key store has format/, change: ({ keysDir }) => setMeta(path.join(keysDir, 'keys.db'), KEYS_FORMAT + 1) },
  vault: { says: /the vault has format/, change: ({ dataDir }) => setMeta(path.join(dataDir, 'vault.db'), ROWS_FORMAT + 1) },
  records: {
    says: /the records have format/,
    change: ({ dataDir }) => inSqlite(path.join(dataDir, 'records.db'), `PRAGMA user_version = ${RECORDS_FORMAT + 1}`),
  },
  ledger: {
    says: /the ledger has format/,
    change: async ({ dataDir }) => {
      const store = openStore(path.join(dataDir, 'ledger'), false)
      await store.commit(() => store.state.put('format', LEDGER_FORMAT + 1))
      await store.close()
    },
  },
  log: {
    says: /the log has version/,
    change: async ({ dataDir }) => {
      const folder = openFolder(path.join(dataDir, 'log'), 1, { readOnly: false })
      const last = lastKey(folder)
      const blob = Buffer.from(folder.get(last) as Buffer)
      blob[0] = LOG_ENTRY_VERSION + 1
      await commit(folder, () => void folder.put(last, blob))
      await folder.close()
    },
  },
  warehouse: {
    says: /the warehouse has format/,
    change: ({ dataDir }) => writeFileSync(path.join(dataDir, 'warehouse', 'FORMAT'), `bulkhead warehouse ${WAREHOUSE_FORMAT + 1}\n`),
  },
}

test('data of a newer program is refused by name, store by store, and nothing of it is touched', { timeout: 600_000 }, async (t) => {
  for (const [store, { says, change }] of Object.entries(NEWER)) {
    const folder = path.join(makeFolder(t), store)
    const place = unpackReleased('format-1', folder)
    await change(place)
    const before = hashesIn([place.dataDir, place.keysDir])
    const result = await runCommand(['up', '--data', place.dataDir, '--port', '0', '--console-port', '0'], {
      folder,
      env: ownRuntime(folder),
    })
    assert.equal(result.code, 1, `${store}: ${result.stdout}`)
    assert.match(result.stderr, /^error\[data_format_newer\]/m, store)
    assert.match(result.stderr, says)
    assert.deepEqual(hashesIn([place.dataDir, place.keysDir]), before, `${store}: nothing was touched`)
  }
})

function inSqlite(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
}

function setMeta(file: string, format: number): void {
  inSqlite(file, `UPDATE meta SET value = ${format} WHERE name = 'format'`)
}

/** Locks are not data: they come and go with whoever looks. */
function hashesIn(folders: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const folder of folders) {
    for (const each of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!each.isFile() || /^lock\.(db|mdb)$|-lock$/.test(each.name)) continue
      const file = path.join(each.parentPath, each.name)
      found[file] = createHash('sha256').update(readFileSync(file)).digest('hex')
    }
  }
  return found
}

async function ask<Answer>(program: Program, ...args: string[]): Promise<Answer> {
  const result = await program.cli([...args, '--json'])
  assert.equal(result.code, 0, result.stderr)
  return lastJson<Answer>(result.stdout)
}

/** What was disclosed then still is, in the same words; what went out since adds to it. */
async function compareWho(program: Program, query: string, then: WhoResult): Promise<void> {
  const now = await ask<WhoResult>(program, 'who', query, '--reason', 'test')
  assert.equal(now.subject, then.subject, 'a person keeps their staff-view pseudonym')
  const key = (row: WhoResult['disclosures'][number]): string => `${row.vendor}/${row.destination}/${row.epoch}/${row.surface}`
  for (const row of then.disclosures) {
    const same = now.disclosures.find((candidate) => key(candidate) === key(row) && candidate.sentFirst === row.sentFirst)
    assert.ok(same, `${query}: the disclosure to ${key(row)} is still known`)
    assert.deepEqual(same.fields, row.fields)
    assert.ok(same.events >= row.events && same.states.delivered >= row.states.delivered)
  }
  for (const field of then.notSent) assert.ok(now.notSent.includes(field), `${query}: ${field} was not sent, and still was not`)
}
