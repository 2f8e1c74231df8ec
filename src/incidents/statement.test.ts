import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '#base/clock.ts'
import { keepErasedRows } from '#ledger/erased-rows.ts'
import { noteVerifier, type NoteVerifier } from '#ledger/note.ts'
import { checkStatement, type Statement } from '#ledger/statement.ts'
import { disclose, type Disclosed, rowsOf, type TreePlace, withTreePlace } from '#ledger/testing-tree.ts'
import { readTree, treeVerifiers } from '#ledger/tree-snapshot.ts'
import { commitRowsOf } from '#ledger/tree-writer.ts'
import type { ManifestRow } from '#model/disclosure.ts'
import { statementText } from '#model/statement-text.ts'
import { packRows } from '#vault/row-columns.ts'
import { INSTANCE, LOOK } from '#vault/testing.ts'
import { type StatementPorts, statementOf } from './statement.ts'

async function keyOf(place: TreePlace): Promise<string> {
  return (await place.vault.describe()).ledgerKey ?? assert.fail('there is a key')
}

/** As the staff process has them; the warehouse answers from the list of what was disclosed. */
async function portsOf(place: TreePlace, disclosed: readonly Disclosed[]): Promise<StatementPorts> {
  const { vault, ledger } = place
  const numbers = disclosed.map((_, index) => index + 1)
  const entries = (about: (rows: readonly ManifestRow[]) => boolean) =>
    numbers.filter(
      (_, index) => disclosed[index]?.state !== undefined && disclosed[index]?.state !== 'not_sent' && about(disclosed[index].rows),
    )
  return {
    namespaces: ['default'],
    clock: systemClock,
    warehouse: {
      query: async (_sql: string, { users }: { users: number[] }) =>
        entries((rows) => rows.some(({ subject }) => users.includes(subject))).map((entry) => ({ entry })),
    } as unknown as StatementPorts['warehouse'],
    vault: vault as StatementPorts['vault'],
    snapshot: async () => ({
      head: ledger.head,
      open: numbers.flatMap((entry, index) =>
        disclosed[index]?.state === undefined ? (disclosed[index]?.rows ?? []).map((row) => ({ ...row, entry }) as never) : [],
      ),
    }),
    ledger: { entry: (number) => ledger.entry(number), head: () => ledger.head, gaps: () => [] },
    manifests: (intents) => place.openRows(intents),
    commit: commitRowsOf(vault.tree),
    rowKeys: (rows) => vault.tree.rowKeys(packRows(rows)),
    sign: async (sha256) => vault.keeping.signLedger(Buffer.from(statementText(sha256))),
    tree: async () => readTree(place.tilesDir, treeVerifiers(await keyOf(place), INSTANCE, [])),
    recipient: () => ({ name: 'The Vendor', address: 'https://vendor.example' }),
  }
}

const verifierUnder =
  (key: string) =>
  (name: string): NoteVerifier =>
    noteVerifier(name, createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' }))

async function scene(place: TreePlace): Promise<{ ports: StatementPorts; disclosed: Disclosed[]; key: string }> {
  const [a = 0, b = 0, c = 0] = place.people
  const disclosed: Disclosed[] = [
    { rows: rowsOf([a, b, c], 2), state: 'delivered' },
    { rows: rowsOf([b, c]), state: 'delivered' },
    { rows: rowsOf(place.people), state: 'possible' },
    { rows: rowsOf([a]), state: 'not_sent' },
    { rows: rowsOf([a, c]) },
    { rows: rowsOf([a]), state: 'delivered', destination: 'other' },
  ]
  await disclose(place, disclosed)
  await place.grow()
  return { ports: await portsOf(place, disclosed), disclosed, key: await keyOf(place) }
}

test('a statement holds all that was disclosed of a person, proved, and nothing of anybody else', async () => {
  await withTreePlace(async (place) => {
    const { ports, key } = await scene(place)
    const statement = await statementOf('user 0', LOOK, ports)
    const text = JSON.stringify(statement)
    assert.deepEqual(checkStatement(text, verifierUnder(key)), {
      ok: true,
      disclosures: 4,
      proved: 4,
      problems: [],
      checkpoint: { origin: `bulkhead/ledger/${INSTANCE}`, size: place.ledger.head, root: statement.checkpoint?.root },
    })
    assert.deepEqual(
      statement.disclosures.map(({ entry, state, recipient, description }) => [entry, state, recipient.destination, description.length]),
      [
        [1, 'delivered', 'main', 2],
        [3, 'possible', 'main', 1],
        [5, 'possible', 'main', 1],
        [6, 'delivered', 'other', 1],
      ],
    )
    // Numbers of the vault, salts, other people's rows: none of it.
    const salts = [1, 3, 5, 6]
      .map((number) => place.ledger.entry(number))
      .flatMap((entry) => (entry?.type === 'intent' ? [entry.salt, entry.manifest] : []))
    for (const secret of salts) assert.ok(!text.includes(secret))
    assert.deepEqual([...new Set(text.match(/"(subject|ordinal|person|users|devices)":/g) ?? [])], [])
    assert.ok(statement.limits.some((limit) => limit.includes('baseline')) && statement.limits.some((limit) => limit.includes('bypass')))
    assert.equal(checkStatement(text, verifierUnder(key.replace(/.{4}$/, 'AAA='))).ok, false)
  })
})

/** Every place of a value that is no object, with its way from the top. */
function* leaves(value: unknown, at: (string | number)[] = []): Generator<(string | number)[]> {
  if (typeof value !== 'object' || value === null) yield at
  else for (const [key, inner] of Object.entries(value)) yield* leaves(inner, [...at, Array.isArray(value) ? Number(key) : key])
}

function changedAt(value: unknown, [key, ...rest]: (string | number)[], change: (old: unknown) => unknown): unknown {
  if (key === undefined) return change(value)
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>
  copy[key] = changedAt(copy[key], rest, change)
  return copy
}

function other(old: unknown): unknown {
  if (typeof old === 'number') return old + 1
  if (typeof old === 'boolean') return !old
  if (typeof old === 'string' && old !== '') return `${old[0] === '0' ? '1' : '0'}${old.slice(1)}`
  return 'x'
}

test('whatever is changed in a statement is found, by its signature and, in what is proved, by the proofs as well', async () => {
  await withTreePlace(async (place) => {
    const { ports, key } = await scene(place)
    const statement = await statementOf('user 0', LOOK, ports)
    const check = (changed: unknown) => checkStatement(JSON.stringify(changed), verifierUnder(key))
    let proved = 0
    for (const at of leaves(statement)) {
      if (at[0] === 'format') continue
      const { ok, problems } = check(changedAt(statement, at, other))
      assert.ok(!ok, at.join('.'))
      // But for these two every part of a disclosure stands on its proof alone.
      if (at[0] !== 'disclosures' || at[3] === 'name' || at[3] === 'address') continue
      assert.ok(
        problems.some(({ entry }) => entry !== null),
        at.join('.'),
      )
      proved++
    }
    assert.ok(proved > 100)
    // What stands twice is read as the last by us, as the first by people and by other programs.
    const text = JSON.stringify(statement)
    assert.ok(checkStatement(JSON.stringify(statement, null, 2), verifierUnder(key)).ok)
    for (const twice of [text.replace('{', '{"disclosures":[],'), text.replace('"about":{', '"about":{"ask\\u0065d":"somebody else",')])
      assert.throws(() => checkStatement(twice, verifierUnder(key)), { code: 'statement_invalid' })
    const [first, second] = statement.disclosures as [Statement['disclosures'][number], Statement['disclosures'][number]]
    for (const disclosures of [[], [first], [second, first], [first, first, second], [{ ...first, proof: second.proof }]]) {
      assert.equal(check({ ...statement, disclosures }).ok, false)
    }
    const rows = first.proof?.rows ?? []
    const opened = (change: object) => ({ ...statement, disclosures: [{ ...first, proof: { ...first.proof, ...change } }] })
    for (const change of [
      { rows: [] },
      { rows: rows.slice(1) },
      { rows: [rows[0], rows[0]] },
      { outcome: null },
      { outcome: second.proof?.outcome },
    ]) {
      assert.ok(
        check(opened(change)).problems.some(({ entry }) => entry === 1),
        Object.keys(change).join(),
      )
    }
  })
})

test('each way in which a disclosure may be none is told by its own words, whatever else it says', async () => {
  await withTreePlace(async (place) => {
    const { ports, key } = await scene(place)
    const statement = await statementOf('user 0', LOOK, ports)
    const [first, second] = statement.disclosures as [Statement['disclosures'][number], Statement['disclosures'][number]]
    const proof = first.proof ?? assert.fail()
    const [row] = proof.rows
    const whats = (changed: unknown, about: number | null = 1): string[] =>
      checkStatement(JSON.stringify(changed), verifierUnder(key)).problems.flatMap(({ entry, what }) => (entry === about ? [what] : []))
    const opened = (change: object, description: unknown = first.description) => ({
      ...statement,
      disclosures: [{ ...first, description, proof: { ...proof, ...change } }],
    })
    const twice = [first.description[0], first.description[0]]
    for (const [what, changed] of [
      ['it opens one row twice', opened({ rows: [row, row] }, twice)],
      ['it opens no row of the person', opened({ rows: [] }, [])],
      ['its outcome is of another entry', opened({ outcome: second.proof?.outcome })],
      ['its proof is of another entry', opened({ intent: { ...proof.intent, index: proof.intent.index + 1 } })],
      ['its header is none', opened({ intent: { ...proof.intent, header: { ...proof.intent.header, salt: '0'.repeat(64) } } })],
      ['a row of it is none', opened({ rows: [{ ...row, row: { ...row?.row, subject: 1 } }] }, [first.description[0]])],
      ['it is there twice or out of order', { ...statement, disclosures: [second, first] }],
    ] as const)
      assert.deepEqual(whats(changed), [what])
    const { checkpoint } = statement
    for (const change of [{ size: (checkpoint?.size ?? 0) + 1 }, { origin: 'another' }, { root: second.date }])
      assert.ok(
        whats({ ...statement, checkpoint: { ...checkpoint, ...change } }, null).includes('the checkpoint is not the one of its note'),
      )
  })
})

test('a proof of one person opens nothing as the row of another, and a statement of nobody or of several is refused', async () => {
  await withTreePlace(async (place) => {
    const { ports, key } = await scene(place)
    const [mine, theirs] = [await statementOf('user 0', LOOK, ports), await statementOf('user 1', LOOK, ports)]
    const rows = theirs.disclosures[0]?.proof?.rows ?? []
    const [first, ...rest] = mine.disclosures
    const own = first?.proof?.rows ?? []
    const mixed = [own[0], { ...rows[1], rowKey: own[1]?.rowKey }]
    const changed = { ...mine, disclosures: [{ ...first, proof: { ...first?.proof, rows: mixed } }, ...rest] }
    assert.ok(checkStatement(JSON.stringify(changed), verifierUnder(key)).problems.some(({ entry }) => entry === 1))
    await assert.rejects(statementOf('nobody', LOOK, ports), { code: 'not_found' })
    const several = {
      ...ports,
      vault: { ...ports.vault, resolve: async () => [1, 2].map((person) => ({ person, users: [person], devices: [] })) },
    }
    await assert.rejects(statementOf('shared', LOOK, several as StatementPorts), { code: 'person_ambiguous' })
  })
})

test('a device counts while the person was signed in on it, and whoever else was there is not in the statement', async () => {
  await withTreePlace(async (place) => {
    const [a = 0, b = 0, shared = 0] = place.people
    const onDevice = (first: number, last: number): ManifestRow => ({
      ...(rowsOf([shared])[0] as ManifestRow),
      kind: 'device',
      first,
      last,
    })
    const disclosed: Disclosed[] = [
      { rows: [...rowsOf([a, b]), onDevice(100, 150)], state: 'delivered' },
      { rows: [onDevice(150, 199)], state: 'delivered' },
      { rows: [onDevice(150, 250)], state: 'delivered' },
      { rows: [onDevice(300, 301)], state: 'delivered' },
    ]
    await disclose(place, disclosed)
    await place.grow()
    const ports = await portsOf(place, disclosed)
    const resolve = async () => [{ person: a, users: [a], devices: [{ device: shared, person: a, from: 100, to: 200 }] }]
    const warehouse = { query: async () => [1, 2, 3].map((entry) => ({ entry })) } as unknown as StatementPorts['warehouse']
    const statement = await statementOf('user 0', LOOK, {
      ...ports,
      warehouse,
      vault: { ...ports.vault, resolve } as StatementPorts['vault'],
    })
    assert.deepEqual(
      statement.disclosures.map(({ entry, description }) => [entry, description.map(({ about }) => about)]),
      [
        [1, ['person', 'device']],
        [2, ['device']],
      ],
    )
    assert.ok(checkStatement(JSON.stringify(statement), verifierUnder(await keyOf(place))).ok)
  })
})

test('statements hold when others in the same entries are erased, those made before and those made after', async () => {
  await withTreePlace(async (place) => {
    const { ports, key, disclosed } = await scene(place)
    const before = await statementOf('user 0', LOOK, ports)
    const gone = place.people.slice(1, 3)
    const rows = (intents: Parameters<TreePlace['openRows']>[0]) => place.openRows(intents)
    await keepErasedRows(
      { subjects: gone, entries: disclosed.map((_, index) => index + 1) },
      { ledger: place.ledger, rows, vault: place.vault.tree },
    )
    await place.vault.erase(gone)
    await disclose(place, [{ rows: rowsOf([place.people[0] ?? 0]), state: 'delivered' }])
    await place.grow()
    const after = await statementOf('user 0', LOOK, ports)
    for (const statement of [before, after]) {
      const checked = checkStatement(JSON.stringify(statement), verifierUnder(key))
      assert.deepEqual([checked.ok, checked.proved], [true, 4])
    }
    assert.deepEqual(
      after.disclosures.map(({ entry, description }) => [entry, description]),
      before.disclosures.map(({ entry, description }) => [entry, description]),
    )
  })
})

test('a statement may say anything in words, also what looks like JSON', async () => {
  await withTreePlace(async (place) => {
    const { ports, key } = await scene(place)
    const name = 'a "quoted": name\\ {"x": 1}\n: "'
    const statement = await statementOf('user 0', LOOK, { ...ports, recipient: () => ({ name, address: null }) })
    assert.ok(checkStatement(JSON.stringify(statement), verifierUnder(key)).ok)
    const deep = JSON.stringify(statement).replace('{', `{"x":${'['.repeat(50_000)}${']'.repeat(50_000)},`)
    assert.throws(() => checkStatement(deep, verifierUnder(key)), { code: 'statement_invalid' })
  })
})

test('bytes that are no statement are refused or found wrong, never accepted and never a defect', async () => {
  const key = noteVerifier(
    'n',
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg' }, format: 'jwk' }),
  )
  const attempt = (text: string): boolean => {
    try {
      return checkStatement(text, () => key).ok
    } catch (thrown) {
      assert.equal((thrown as { code?: string }).code, 'statement_invalid', text)
      return false
    }
  }
  const part = fc.jsonValue({ maxDepth: 3 })
  const proof = fc.record({ header: part, headerKey: part, rowsRoot: part, index: part, path: part }, { requiredKeys: [] })
  const row = fc.record({ row: part, rowKey: part, index: part, size: part, path: part }, { requiredKeys: [] })
  const stated = fc.record({
    entry: part,
    recipient: fc.object(),
    proof: fc.oneof(part, fc.record({ intent: proof, rows: fc.array(row), outcome: fc.oneof(part, proof) })),
  })
  // What JavaScript would call to make a number or a text of an object.
  for (const [entry, note] of [
    [{ toString: '' }, ''],
    [1, { toString: '' }],
  ]) {
    const disclosures = [{ entry, recipient: {}, proof: null }]
    const text = JSON.stringify({ format: 'bulkhead-statement/1', disclosures, checkpoint: { note }, signed: 'x' })
    assert.equal(attempt(text), false)
  }
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => assert.equal(attempt(text), false)))
  fc.assert(
    fc.property(fc.array(fc.oneof(part, stated)), fc.oneof(part, fc.record({ note: part })), part, (disclosures, checkpoint, signed) => {
      const text = JSON.stringify({
        format: 'bulkhead-statement/1',
        disclosures,
        checkpoint,
        signed: typeof signed === 'string' ? signed : 'x',
      })
      assert.equal(attempt(text), false)
    }),
  )
})
