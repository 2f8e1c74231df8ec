/**
 * A leaked file of a million rows held against the ledger, by pseudonym and by address: the vault, the engine and the reader as
 * they are, in one process less than in the program. Beside reading the same file and doing nothing, and beside SQL that joins a
 * table of the same identifiers with the disclosures, which can be written only by who has taken the pseudonyms back to people.
 */
import { createReadStream, createWriteStream, mkdirSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { matchFile, type MatchPorts } from '#incidents/match.ts'
import type { MatchResult } from '#incidents/match-result.ts'
import { readRows } from '#incidents/row-file.ts'
import { fieldOfExportKey } from '#protocols/mixpanel/export-key.ts'
import { createKeys } from '#vault/keys.ts'
import { packSubjects } from '#vault/pseudonym.ts'
import { Uuids } from '#vault/uuids.ts'
import { openVault, type Vault } from '#vault/vault.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import type { Table } from './table.ts'

const ROWS = 1_000_000
const PEOPLE = 250_000
const LOOK = { actor: 'bench', action: 'bench', reason: 'bench' }
const SENT_AT = Date.UTC(2025, 10, 1)
const INSTANCE = '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11'
const WINDOWS = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }

export async function benchMatch(table: Table, folder: string): Promise<void> {
  const dataDir = path.join(folder, 'match')
  mkdirSync(dataDir, { recursive: true })
  const keysDir = path.join(folder, 'match-keys')
  await createKeys({ keysDir, instance: INSTANCE })
  const vault = await openVault({ dataDir, keysDir, instance: INSTANCE, clock: systemClock, sources: [{ id: 'web', trust: 'server' }] })
  const running = await startWarehouse(path.join(dataDir, 'w'))
  const worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  const staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  try {
    const people = await fillVault(vault)
    await vault.activeEpoch('main')
    const subjects = packSubjects(people.map((ordinal) => ({ kind: 'user' as const, ordinal })))
    const { pseudonyms } = vault.discloseBlocks({ destination: 'main', epoch: 1, subjects, positions: new Float64Array() })
    await worker.migrate()
    const rest = {
      entry: 1,
      vendor: 'acme',
      destination: 'main',
      epoch: 1,
      route: '/import',
      purpose: 'analytics',
      policy: 1,
      surface: 'web',
    }
    const times = { shape: 'user_id:pseudonym', groups: [], events: 1, first: SENT_AT, last: SENT_AT, sentAt: SENT_AT }
    for (let from = 0; from < PEOPLE; from += 50_000) {
      const rows = people
        .slice(from, from + 50_000)
        .map((subject) => ({ ...rest, ...times, subject, kind: 'user' as const, state: 'delivered' as const }))
      await worker.insertDisclosures(rows, `rows-${from}`)
    }
    const ports: MatchPorts = {
      warehouse: staff,
      vault: {
        graph: () => vault.graph(),
        beginMatch: (first, look) => vault.matching.beginMatch(first, look),
        matchPseudonyms: (session, uuids) => vault.matching.matchPseudonyms(session, uuids),
        matchValues: (session, field, values) => vault.matching.matchValues(session, field, values),
        endMatch: (session) => vault.matching.endMatch(session),
      },
      snapshot: async () => ({ head: 1, open: [] }),
      destinationsOf: () => ['main'],
      vendorOf: () => 'acme',
    }
    const texts = new Uuids(pseudonyms).texts()
    const events = path.join(dataDir, 'events.ndjson')
    await write(events, (row) => {
      const properties = {
        time: SENT_AT / 1000,
        distinct_id: texts[(row * 7919) % PEOPLE],
        $insert_id: row,
        plan: 'pro',
        mp_country_code: 'IN',
      }
      return JSON.stringify({ event: 'Sign up', properties })
    })
    const profiles = path.join(dataDir, 'profiles.csv')
    await write(profiles, (row) => (row === 0 ? 'email,plan,city' : `Person${(row * 7919) % PEOPLE}@Example.com,pro,"Pune, IN"`))
    await measure(table, 'by pseudonym, lines of JSON', events, ports, ({ matched }) => matched.a === ROWS)
    await measure(table, 'by address, CSV', profiles, ports, ({ matched }) => matched.c === ROWS - 1)
    // The file's identifiers as rows, taken back to people by somebody else.
    for (let from = 0; from < ROWS; from += 50_000) {
      const rows = Array.from({ length: 50_000 }, (_, index) => {
        const subject = people[((from + index) * 7919) % PEOPLE] as number
        return { ...rest, ...times, vendor: 'loot', subject, kind: 'user' as const, state: 'delivered' as const }
      })
      await worker.insertDisclosures(rows, `loot-${from}`)
    }
    const joined = await timed(() =>
      staff.query(
        `SELECT count() AS rows, uniqExact(subject) AS people FROM disclosures WHERE vendor = 'loot' AND subject IN
          (SELECT subject FROM disclosures WHERE vendor = 'acme')`,
        {},
        'badday',
      ),
    )
    table.row({
      what: 'match: hand-written join of as many rows, when numbers of people are known',
      figure: ROWS / joined.seconds,
      unit: 'rows/s',
    })
  } finally {
    await staff.close()
    await worker.close()
    await running.kill()
    await vault.close()
  }
}

async function fillVault(vault: Vault): Promise<number[]> {
  const people: number[] = []
  for (let from = 0; from < PEOPLE; from += 2000) {
    const count = Math.min(2000, PEOPLE - from)
    const numbers = Array.from({ length: count }, (_, index) => from + index)
    const { ordinals } = await vault.commitWindow({
      identifiers: numbers.map((number) => ['default', 'id', `user-${number}`, 'user']),
      newcomers: [{ source: 'web', network: null, count }],
      facts: numbers.map((number, index) => ({
        of: -(index + 1),
        field: 'email',
        value: `person${number}@example.com`,
        once: false,
        trust: 'server',
        at: 1,
      })),
      edges: [],
      memberships: [],
    })
    people.push(...ordinals)
  }
  return people
}

async function write(file: string, line: (row: number) => string): Promise<void> {
  const stream = createWriteStream(file)
  for (let row = 0; row < ROWS; row += 1000) {
    const text = Array.from({ length: 1000 }, (_, index) => line(row + index)).join('\n')
    if (!stream.write(`${text}\n`)) await once(stream, 'drain')
  }
  stream.end()
  await finished(stream)
}

async function measure(
  table: Table,
  what: string,
  file: string,
  ports: MatchPorts,
  isRight: (result: MatchResult) => boolean,
): Promise<void> {
  const content = (): AsyncIterable<Buffer> => createReadStream(file, { highWaterMark: 1 << 20 })
  const bare = await timed(async () => {
    let rows = 0
    for await (const batch of readRows(content()).batches) rows += batch.rows.length
    return rows
  })
  const naming = { mapped: new Map<string, string>(), fieldOfKey: fieldOfExportKey, groupKeys: new Set<string>() }
  const query = { vendor: 'acme', destinations: undefined, surfaces: undefined, windows: WINDOWS, format: undefined, naming }
  const before = process.cpuUsage()
  const whole = await timed(() => matchFile(content(), query, ports, { look: LOOK }))
  const used = process.cpuUsage(before)
  if (!isRight(whole.answer.result))
    throw new Error(`the file was not graded as it was made: ${JSON.stringify(whole.answer.result.matched)}`)
  table.row({
    what: `match: a leaked file of ${ROWS.toLocaleString('en')} rows, ${what}, ${(statSync(file).size / 1e6).toFixed(0)} MB`,
    figure: ROWS / whole.seconds,
    unit: 'rows/s',
    ratio: bare.seconds / whole.seconds,
    cpuPerMillion: (used.user + used.system) / 1e6 / (ROWS / 1e6),
    peer: `reading its rows alone, ${Math.round(bare.answer / bare.seconds).toLocaleString('en')}/s`,
  })
}

async function timed<T>(once: () => Promise<T>): Promise<{ seconds: number; answer: T }> {
  const startedAt = performance.now()
  const answer = await once()
  return { seconds: (performance.now() - startedAt) / 1000, answer }
}
