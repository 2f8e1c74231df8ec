/** Incidents on the real vault and the real records: what was said stays, what is held follows, what was changed is found. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import type { Vault } from '#vault/vault.ts'
import type { ErasingVault } from '#vault/erasure-port.ts'
import type { EpochVault } from '#vault/port.ts'
import { LOOK, type Place, user, windowOf, withVault } from '#vault/testing.ts'
import type { OpenedBody, ScopeBody } from './incident-bodies.ts'
import { type BookPorts, IncidentBook } from './incident-book.ts'
import { openEvidence } from './evidence.ts'
import { heldFirst, keepHolds } from './held-first.ts'
import { mendEvidence, ownerOf } from './incident-evidence.ts'
import { currentScope, readIncident } from './incident-state.ts'

const EVERYTHING: ScopeBody = { destinations: null, surfaces: null, accessFrom: null, accessTo: null, from: null, to: null }
const OPENED: OpenedBody = {
  vendor: 'acme',
  source: 'vendor',
  times: { eventFrom: null, eventTo: null, vendorAware: null, told: 1000, aware: null },
  scope: EVERYTHING,
}

interface Stage {
  book: IncidentBook
  vault: Vault
  place: Place
  rows: () => IncidentRow[]
  records: Records
  /** The call of that number, counted from the next, fails before or after it has done its work. */
  fail: (call: number, when: 'before' | 'after', error?: Error) => void
  /** As a new process would find things. */
  again: () => IncidentBook
  clock: { at: number }
}

async function withBook(body: (stage: Stage) => Promise<void>): Promise<void> {
  await withVault(async (vault, place) => {
    const records = openRecords({ path: path.join(place.root, 'records.db') })
    let trouble = { calls: -1, when: 'before', error: new Error('killed') }
    const clock = { at: 5000 }
    const fragile =
      <Arguments extends unknown[], Result>(act: (...given: Arguments) => Result | Promise<Result>) =>
      async (...given: Arguments): Promise<Result> => {
        const isLast = trouble.calls-- === 0
        if (isLast && trouble.when === 'before') throw trouble.error
        const result = await act(...given)
        if (isLast) throw trouble.error
        return result
      }
    const { incidents } = vault.keeping
    const ports: BookPorts = {
      records: {
        incidentRows: (id) => records.incidentRows(id),
        incidentHeads: () => [],
        addIncidentRow: (row) => {
          const isLast = trouble.calls-- === 0
          if (isLast && trouble.when === 'before') throw trouble.error
          records.addIncidentRow(row)
          if (isLast) throw trouble.error
        },
      },
      vault: {
        signIncidentRow: fragile((row, texts, look) => incidents.signIncidentRow(row, texts, look)),
        openIncidentRows: (rows, look) => incidents.openIncidentRows(rows, look),
      },
      holds: {
        holds: fragile(() => vault.erasing.holds()),
        openHold: fragile((hold, look) => vault.erasing.openHold(hold, look)),
        closeHold: fragile((id, look) => vault.erasing.closeHold(id, look)),
      },
      clock: { now: () => clock.at },
    }
    const fail: Stage['fail'] = (calls, when, error = new Error('killed')) => {
      trouble = { calls, when, error }
    }
    const again = (): IncidentBook => new IncidentBook(ports)
    try {
      await body({ book: again(), vault, place, rows: () => records.incidentRows(), records, fail, again, clock })
    } finally {
      records.close()
    }
  })
}

const openHolds = async (vault: Vault): Promise<string[]> =>
  (await vault.erasing.holds()).filter(({ closedAt }) => closedAt === null).map(({ reason, vendor }) => `${reason} ${vendor}`)

test('rows only grow, texts lie sealed, and every row that is changed, left out or moved is named', () =>
  withBook(async ({ book, vault, place, rows, again }) => {
    const id = await book.open(OPENED, { title: 'Mia Wallace called us' }, LOOK)
    assert.deepEqual(await openHolds(vault), [`incident ${id} acme`])
    for (const reason of ['the help centre, says Vincent Vega', 'and the site']) {
      const version = currentScope(book.state(id)).version + 1
      const scope = { ...EVERYTHING, surfaces: ['api', `s${version}`] }
      await book.add(id, LOOK, () => ({ kind: 'amendment', body: { version, scope, statement: null }, texts: { reason } }))
    }
    const state = await again().read(id, LOOK)
    assert.equal(state.title, 'Mia Wallace called us')
    assert.deepEqual(
      state.scopes.map(({ scope, reason }) => [scope.surfaces, reason]),
      [
        [null, ''],
        [['api', 's2'], 'the help centre, says Vincent Vega'],
        [['api', 's3'], 'and the site'],
      ],
    )
    const stored = JSON.stringify(rows())
    assert.ok(!/Mia|Vincent|site/.test(stored))
    const { ledgerKey } = vault.keeping.describe()
    assert.deepEqual(book.broken(id, ledgerKey), [])

    const database = new DatabaseSync(path.join(place.root, 'records.db'))
    const whole = rows()
    const changes = [
      `UPDATE incident_row SET body = replace(body, '"s2"', '"s9"') WHERE row_no = 3`,
      'UPDATE incident_row SET at = at + 1 WHERE row_no = 3',
      `UPDATE incident_row SET actor = 'nobody' WHERE row_no = 3`,
      `UPDATE incident_row SET kind = 'note' WHERE row_no = 3`,
      'UPDATE incident_row SET sealed = (SELECT sealed FROM incident_row WHERE row_no = 1) WHERE row_no = 3',
      'DELETE FROM incident_row WHERE row_no = 3',
      'UPDATE incident_row SET row_no = CASE row_no WHEN 3 THEN 4 WHEN 4 THEN 3 ELSE row_no END',
    ]
    for (const sql of changes) {
      database.exec('BEGIN')
      if (sql.includes('CASE'))
        database.exec('UPDATE incident_row SET row_no = -row_no; UPDATE incident_row SET row_no = -row_no WHERE row_no > -3')
      database.exec(
        sql.includes('CASE') ? 'UPDATE incident_row SET row_no = CASE row_no WHEN -3 THEN 4 WHEN -4 THEN 3 ELSE row_no END' : sql,
      )
      database.exec('COMMIT')
      assert.ok(
        again()
          .broken(id, ledgerKey)
          .some((row) => row === 3 || row === 4),
        sql,
      )
      database.exec('DELETE FROM incident_row')
      const insert = database.prepare(
        `INSERT INTO incident_row (incident, row_no, instance, kind, at, actor, body, texts_sha256, before_sha256, sealed, signing_key, signature)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      for (const r of whole) {
        insert.run(r.incident, r.row, r.instance, r.kind, r.at, r.actor, r.body, r.textsSha256, r.before, r.sealed, r.key, r.signature)
      }
      assert.deepEqual(again().broken(id, ledgerKey), [])
    }
    database.close()
    // Texts of one row do not open as another's.
    const [first, third] = [whole[0] as IncidentRow, whole[2] as IncidentRow]
    const [moved] = await vault.keeping.incidents.openIncidentRows([{ ...third, sealed: first.sealed }], LOOK)
    assert.equal(moved, undefined)
  }))

test('a look is on record before a row is signed and before texts return, and without a reason nothing happens', () =>
  withBook(async ({ book, vault, rows }) => {
    const nobody = { ...LOOK, reason: ' ' }
    await assert.rejects(book.open(OPENED, { title: 'x' }, nobody), { code: 'reason_required' })
    assert.equal(rows().length, 0)
    const id = await book.open(OPENED, { title: 'x' }, { ...LOOK, reason: 'they rang' })
    await assert.rejects(book.read(id, nobody), { code: 'reason_required' })
    await book.read(id, { actor: 'ann', action: 'incident show', reason: 'board asks' })
    const looks = vault.readLooks().map(({ entry }) => [entry?.action, entry?.reason])
    assert.ok(looks.some(([action, reason]) => action === 'incident opened' && reason === 'they rang'))
    assert.deepEqual(looks.at(-1), ['incident show', 'board asks'])
  }))

const step = fc.record({
  what: fc.constantFrom('open' as const, 'note' as const, 'close' as const, 'reopen' as const),
  calls: fc.option(fc.nat({ max: 7 }), { nil: undefined }),
  when: fc.constantFrom('before' as const, 'after' as const),
})

test('killed before or after any call, an open incident is held and a closed one is not, and no row is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 8 }), (steps) =>
      withBook(async ({ vault, rows, fail, again }) => {
        let before = rows()
        for (const { what, calls, when } of steps) {
          const book = again()
          fail(calls ?? -1, when)
          const act = {
            open: () => book.open(OPENED, { title: 't' }, LOOK),
            note: () => book.add(1, LOOK, () => ({ kind: 'note', body: { when: 1 }, texts: { text: 'n' } })),
            close: () => book.close(1, { reason: 'r' }, LOOK),
            reopen: () => book.reopen(1, { reason: 'r' }, LOOK),
          }[what]
          // Killed, or refused in the state that it is in.
          await act().catch(() => undefined)
          fail(-1, 'before')
          await again().mend()
          assert.equal(await again().mend(), 0)
          const after = rows()
          for (const row of before) assert.ok(after.some((kept) => JSON.stringify(kept) === JSON.stringify(row)))
          before = after
          const states = [...Map.groupBy(after, (row) => row.incident).values()].map((of) => readIncident(of))
          const held = states.filter(({ state }) => state === 'open').map(({ id, vendor }) => `incident ${id} ${vendor}`)
          assert.deepEqual((await openHolds(vault)).sort(), held.sort())
          for (const { id } of states) assert.deepEqual(again().broken(id, vault.keeping.describe().ledgerKey), [])
        }
      }),
    ),
    { numRuns: Number(process.env.FC_RUNS ?? 12), endOnFailure: true },
  )
})

test('a vault that goes away behind the row: the incident is open, and nothing is destroyed before its hold is there', () =>
  withBook(async ({ book, vault, fail, again }) => {
    await vault.commitWindow(windowOf({ identifiers: [user('u1')] }))
    await vault.activeEpoch('acme-main')
    const job = (await vault.erasing.beginErasure('u1', { suppress: false }, LOOK)).id
    const destroying = {
      unlinkErased: (id: number) => vault.erasing.unlinkErased(id),
      destroyEpoch: (...given: Parameters<EpochVault['destroyEpoch']>) => vault.epochs.destroyEpoch(...given),
    } as ErasingVault & EpochVault
    const erasing = heldFirst(destroying, () => book)
    // Rows, then the holds that there are, then the hold.
    for (const [calls, when] of [
      [3, 'before'],
      [4, 'before'],
      [4, 'after'],
    ] as const) {
      fail(calls, when, new BulkheadError('vault_unavailable', 'gone'))
      const id = await book.open(OPENED, { title: 't' }, LOOK)
      assert.equal(book.state(id).state, 'open')
      assert.deepEqual([book.isBehind, book.state(id).holds.length], [true, 0])
      await assert.rejects(erasing.unlinkErased(job), { code: 'erase_deferred' })
      assert.deepEqual([book.isBehind, book.state(id).holds.length], [false, 1])
      assert.deepEqual(await openHolds(vault), [`incident ${id} acme`])
      // The same when it is closed: it is, and the hold goes by itself.
      fail(2, 'before', new BulkheadError('vault_unavailable', 'gone'))
      assert.equal((await book.close(id, { reason: 'over' }, LOOK)).state, 'closed')
      assert.equal((await openHolds(vault)).length, 1)
      const ends = new AbortController()
      await keepHolds(book, { clock: { sleep: async () => ends.abort() }, signal: ends.signal })
      assert.deepEqual(await openHolds(vault), [])
    }
    // An epoch is held as well, by whoever finds the rows.
    fail(3, 'before', new BulkheadError('vault_unavailable', 'gone'))
    await book.open(OPENED, {}, LOOK)
    const epochs = heldFirst(destroying, again)
    await assert.rejects(epochs.destroyEpoch({ vendor: 'acme', destination: 'acme-main', epoch: 1 }, LOOK), /hold/)
    // Before the row is there nothing is.
    const before = (await vault.erasing.holds()).length
    fail(1, 'before', new BulkheadError('vault_unavailable', 'gone'))
    await assert.rejects(book.open(OPENED, {}, LOOK), { code: 'vault_unavailable' })
    assert.equal((await vault.erasing.holds()).length, before)
    assert.throws(() => book.state(5), { code: 'incident_unknown' })
  }))

test('a number that a hold still names is not given again', () =>
  withBook(async ({ book, vault }) => {
    await vault.erasing.openHold({ vendor: 'acme' }, { ...LOOK, reason: 'incident 4' })
    assert.equal(await book.open(OPENED, {}, LOOK), 5)
    await assert.rejects(book.read(4, LOOK), { code: 'incident_unknown' })
    for (const id of [0, -1, 1.5, Number.NaN, 2 ** 60]) assert.throws(() => book.state(id), { code: 'incident_unknown' })
  }))

test('a file that was whole when its command was killed is recorded at the next start, once, and is opened as it came', () =>
  withBook(async ({ book, vault, place, records }) => {
    const id = await book.open(OPENED, {}, LOOK)
    const store = openEvidence({ dir: path.join(place.root, 'evidence'), vault: vault.files, records, now: () => 5000 })
    const content = async function* (): AsyncGenerator<Buffer, void> {
      yield Buffer.from('no client is affected')
    }
    // Killed between the evidence and the row.
    const kept = await store.put(content(), { owner: ownerOf(id), kind: 'statement', name: 'mail', actor: 'anna' })
    await store.put(content(), { owner: ownerOf(id), kind: 'people', name: '', actor: 'anna' })
    assert.equal(book.state(id).evidence.length, 0)
    await book.close(id, { reason: 'over' }, LOOK)
    assert.equal(await mendEvidence(book, [id], store), 1)
    assert.equal(await mendEvidence(book, [id], store), 0)
    const { evidence } = await book.read(id, LOOK)
    assert.deepEqual(
      evidence.map(({ id: name, sha256, as }) => [name, sha256, as]),
      [[kept.id, kept.sha256, 'evidence']],
    )
    assert.match(evidence[0]?.note ?? '', /ended before it said/)
    const parts: Buffer[] = []
    for await (const part of (await store.open(kept.id, LOOK)).content) parts.push(part)
    assert.equal(Buffer.concat(parts).toString(), 'no client is affected')
  }))

test('rows that come at once stand one behind the other, under a clock that was set back too; who opens again holds again', () =>
  withBook(async ({ book, vault, rows, clock }) => {
    const id = await book.open(OPENED, {}, LOOK)
    clock.at = 4000
    const notes = Array.from({ length: 6 }, (_, when) => book.add(id, LOOK, () => ({ kind: 'note', body: { when } })))
    await Promise.all([...notes, book.open({ ...OPENED, vendor: 'other' }, {}, LOOK)])
    const own = rows().filter(({ incident }) => incident === id)
    assert.deepEqual(
      own.map(({ row }) => row),
      Array.from({ length: 8 }, (_, index) => index + 1),
    )
    assert.ok(own.every(({ at }) => at === 5000))
    const key = (await vault.describe()).ledgerKey
    assert.deepEqual(book.broken(id, key), [])
    await book.close(id, {}, LOOK)
    assert.deepEqual(await openHolds(vault), ['incident 2 other'])
    assert.equal((await book.reopen(id, {}, LOOK)).state, 'open')
    assert.deepEqual((await openHolds(vault)).sort(), ['incident 1 acme', 'incident 2 other'], 'the hold that was given back is none')
    assert.equal(book.state(id).holds.length, 1)
  }))
