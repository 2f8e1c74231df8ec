/** Leaked files against the real vault and the real engine, compared with what is known of each row when it is written. */
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { createKeys } from '#vault/keys.ts'
import { packSubjects } from '#vault/pseudonym.ts'
import { group, LOOK, makePlace, openAt, type Place, user, windowOf } from '#vault/testing.ts'
import { Uuids } from '#vault/uuids.ts'
import type { Vault } from '#vault/vault.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import { fieldOfExportKey } from '#protocols/mixpanel/export-key.ts'
import type { OpenedEvidence } from './evidence.ts'
import { peopleLines, readKept } from './kept-people.ts'
import { matchFile, type MatchPorts, type MatchQuery } from './match.ts'
import type { Matched } from './match-result.ts'
import type { PersonSet } from './person-set.ts'
import { decodeWindows } from './windows.ts'

const SENT_AT = Date.UTC(2025, 10, 1, 12)
const WINDOW = decodeWindows({ accessTo: '2025-11-10T00:00:00Z', from: '2025-10-01T00:00:00Z', to: '2025-11-09T00:00:00Z' })
const [IN_TIME, BEFORE_TIME, AFTER_TIME] = [Date.UTC(2025, 9, 20), Date.UTC(2025, 8, 1), Date.UTC(2025, 10, 12)]
const HEAD = 100
/** People 0…7 were sent in epoch 1, 8…11 in epoch 2, 12…15 to nobody, 16…19 to the other vendor alone. */
const PEOPLE = 20
const idOf = (person: number): string => `user-${person}`
const emailOf = (person: number): string => `person${person}@example.com`

let place: Place
let vault: Vault
let running: WarehouseProcess
let worker: Warehouse
let staff: Warehouse
let people: number[]
let company: number
let ports: MatchPorts
/** Pseudonyms of everybody by destination and epoch. */
const pseudonyms = new Map<string, string[]>()

function make(destination: string, epoch: number): string[] {
  const subjects = packSubjects([...people.map((ordinal) => ({ kind: 'user' as const, ordinal })), { kind: 'group', ordinal: company }])
  return new Uuids(vault.discloseBlocks({ destination, epoch, subjects, positions: new Float64Array() }).pseudonyms).texts()
}

function disclosure(part: Partial<DisclosureRow>): DisclosureRow {
  const rest = { route: '/import', purpose: 'analytics', policy: 1, surface: 'web', shape: 'country:coarse,user_id:pseudonym', groups: [] }
  const times = { events: 1, first: IN_TIME, last: IN_TIME, sentAt: SENT_AT }
  return {
    ...rest,
    ...times,
    entry: 1,
    vendor: 'acme',
    destination: 'main',
    epoch: 1,
    subject: 1,
    kind: 'user',
    state: 'delivered',
    ...part,
  }
}

before(async () => {
  place = makePlace()
  await createKeys(place)
  vault = await openAt(place)
  const ids = Array.from({ length: PEOPLE }, (_, person) => user(idOf(person)))
  const facts = ids.flatMap((_, person) => [
    { of: -(person + 1), field: 'email', value: emailOf(person), once: false, trust: 'server' as const, at: 1 },
    { of: -(person + 1), field: 'phone', value: `+4420794600${10 + person}`, once: false, trust: 'server' as const, at: 1 },
    { of: -(person + 1), field: 'name', value: `Person Number ${person}`, once: false, trust: 'server' as const, at: 1 },
  ])
  const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [...ids, group('initech')], facts }))
  people = ordinals.slice(0, PEOPLE)
  company = ordinals[PEOPLE] as number
  await vault.activeEpoch('main')
  await vault.activeEpoch('elsewhere')
  pseudonyms.set('main 1', make('main', 1))
  await vault.epochs.rotateEpoch('main', LOOK)
  pseudonyms.set('main 2', make('main', 2))
  pseudonyms.set('elsewhere 1', make('elsewhere', 1))
  running = await startWarehouse(path.join(place.root, 'w'))
  worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  await worker.migrate()
  const rows = people
    .slice(0, 12)
    .map((subject, person) => disclosure({ subject, epoch: person < 8 ? 1 : 2, groups: person === 0 ? [company] : [] }))
  const others = people.slice(16).map((subject) => disclosure({ subject, vendor: 'other', destination: 'elsewhere', entry: 2 }))
  await worker.insertDisclosures([...rows, ...others], 'rows')
  const { matching } = vault
  ports = {
    warehouse: staff,
    vault: {
      graph: () => vault.graph(),
      beginMatch: (first, look) => matching.beginMatch(first, look),
      matchPseudonyms: (session, uuids) => matching.matchPseudonyms(session, uuids),
      matchValues: (session, field, values) => matching.matchValues(session, field, values),
      endMatch: (session) => matching.endMatch(session),
    },
    snapshot: async () => ({ head: HEAD, open: [] }),
    destinationsOf: (vendor) => (vendor === 'acme' ? ['main'] : ['elsewhere']),
    vendorOf: (destination) => (destination === 'main' ? 'acme' : 'other'),
  }
})

after(async () => {
  await worker?.close()
  await staff?.close()
  await running?.kill()
  await vault?.close()
  rmSync(place.root, { recursive: true, force: true })
})

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}

function match(content: string | Buffer, part: Partial<MatchQuery> & { map?: [string, string][] } = {}): Promise<Matched> {
  const naming = { mapped: new Map(part.map ?? []), fieldOfKey: fieldOfExportKey, groupKeys: new Set<string>() }
  const query = { vendor: 'acme', destinations: undefined, surfaces: undefined, windows: WINDOW, format: undefined, naming, ...part }
  return matchFile(piecesOf(Buffer.from(content)), query, ports, { look: LOOK })
}

type RowKind = 'genuine' | 'unsent pseudonym' | 'other vendor' | 'forged' | 'staff' | 'raw id' | 'unknown id' | 'email' | 'unknown email'

interface MadeRow {
  kind: RowKind
  person: number
  time: 'in' | 'before' | 'after' | 'none'
  form: 'plain' | 'upper' | 'bare'
}

const madeRow: fc.Arbitrary<MadeRow> = fc.record({
  kind: fc.constantFrom<RowKind>(
    'genuine',
    'genuine',
    'genuine',
    'unsent pseudonym',
    'other vendor',
    'forged',
    'raw id',
    'unknown id',
    'email',
    'unknown email',
  ),
  person: fc.nat({ max: PEOPLE - 1 }),
  time: fc.constantFrom('in', 'in', 'before', 'after', 'none'),
  form: fc.constantFrom('plain', 'upper', 'bare'),
})

const isSent = (person: number): boolean => person < 12
const epochOf = (person: number): string => (person < 8 ? 'main 1' : 'main 2')
const otherEpoch = (person: number): string => (person < 8 ? 'main 2' : 'main 1')

function idText({ kind, person, form }: MadeRow): string {
  const dress = (uuid: string): string => (form === 'upper' ? uuid.toUpperCase() : form === 'bare' ? uuid.replaceAll('-', '') : uuid)
  if (kind === 'genuine') return dress(pseudonyms.get(epochOf(person % 12))?.[person % 12] ?? '')
  // Made under the other epoch than the one in which the person was sent.
  if (kind === 'unsent pseudonym') return dress(pseudonyms.get(otherEpoch(person))?.[person] ?? '')
  if (kind === 'other vendor') return dress(pseudonyms.get('elsewhere 1')?.[person] ?? '')
  if (kind === 'forged') return dress(randomUUID())
  if (kind === 'raw id') return idOf(person)
  if (kind === 'unknown id') return `nobody-${person}`
  return ''
}

function emailText({ kind, person, form }: MadeRow): string {
  if (kind === 'unknown email') return `nobody${person}@example.org`
  if (kind !== 'email') return ''
  return form === 'upper' ? ` ${emailOf(person).toUpperCase()}` : emailOf(person)
}

const instants = { in: IN_TIME, before: BEFORE_TIME, after: AFTER_TIME }

function encode(rows: readonly MadeRow[], form: 'csv' | 'semicolons' | 'json' | 'ndjson' | 'gzip'): Buffer {
  const cells = rows.map((row) => {
    const time = row.time === 'none' ? undefined : instants[row.time]
    return { distinct_id: idText(row), email: emailText(row), time }
  })
  const separated = (delimiter: string): string =>
    [
      ['time', 'distinct_id', 'email'].join(delimiter),
      ...cells.map(({ distinct_id, email, time }) =>
        [time === undefined ? '' : new Date(time).toISOString(), `"${distinct_id}"`, email].join(delimiter),
      ),
    ].join('\r\n')
  if (form === 'csv') return Buffer.from(separated(','))
  if (form === 'semicolons') return Buffer.from(`\ufeff${separated(';')}`)
  const events = cells.map(({ time, email, distinct_id }) => ({
    event: 'Sign up',
    properties: { distinct_id, ...(email === '' ? {} : { $email: email }), ...(time === undefined ? {} : { time: time / 1000 }) },
  }))
  if (form === 'json') return Buffer.from(JSON.stringify(events, null, 1))
  const lines = events.map((event) => JSON.stringify(event)).join('\n')
  return form === 'ndjson' ? Buffer.from(lines) : gzipSync(lines)
}

/** As the list of people lies sealed among the evidence, and comes back. */
async function sealAndRead(matched: Matched): Promise<PersonSet> {
  const pieces: Buffer[] = []
  for await (const piece of peopleLines(matched)) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const open = async (id: string): Promise<OpenedEvidence> => {
    const row = { id, owner: 'incident:1', kind: 'people' as const, at: 0, actor: '', bytes: bytes.length, sha256, destroyedAt: null }
    return { row, name: '', content: piecesOf(bytes) }
  }
  await assert.rejects(readKept({ id: 'list', sha256: 'another', bytes: 0 }, { open }, LOOK), { code: 'evidence_corrupt' })
  return readKept({ id: 'list', sha256, bytes: bytes.length }, { open }, LOOK)
}

test('random mixes are graded as they were made', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(madeRow, { minLength: 1, maxLength: 60 }),
      fc.constantFrom('csv', 'semicolons', 'json', 'ndjson', 'gzip'),
      async (rows, form) => {
        const matched = await match(encode(rows, form))
        const { result, people: marks } = matched
        const count = (isCounted: (row: MadeRow) => boolean): number => rows.filter(isCounted).length
        const isA = ({ kind }: MadeRow): boolean => kind === 'genuine'
        const isB = ({ kind }: MadeRow): boolean => kind === 'raw id'
        const isC = ({ kind }: MadeRow): boolean => kind === 'email'
        assert.equal(result.rows, rows.length)
        assert.deepEqual(result.matched, { a: count(isA), b: count(isB), c: count(isC) })
        const unknown = count(({ kind }) => ['forged', 'unknown id', 'unknown email', 'other vendor'].includes(kind))
        assert.equal(
          result.knownNothingSent,
          count((row) => (isB(row) || isC(row)) && !isSent(row.person)),
        )
        assert.equal(
          result.notInLedger,
          count(({ kind }) => kind === 'unsent pseudonym'),
        )
        assert.equal(result.unknown, unknown)
        assert.equal(result.notSentThroughBulkhead, unknown + result.knownNothingSent)
        assert.equal(
          result.outsideWindow,
          count(({ time }) => time === 'before' || time === 'after'),
        )
        const best = new Map<number, number>()
        for (const row of rows) {
          const bit = isA(row) ? 1 : isB(row) ? 2 : isC(row) ? 4 : 0
          const person = row.kind === 'genuine' ? row.person % 12 : row.person
          if (bit > 0) best.set(person, (best.get(person) ?? 0) | bit)
        }
        assert.equal(result.people, best.size)
        for (const [person, bits] of best) assert.equal(marks.get(people[person] as number), bits)
        const inLedger = [...best.keys()].filter(isSent).length
        assert.deepEqual(result.reconciled, {
          inBoth: inLedger,
          inBothByPseudonym: [...best].filter(([person, bits]) => isSent(person) && (bits & 1) !== 0).length,
          onlyInFile: best.size - inLedger,
          onlyInLedger: 12 - inLedger,
        })
        // Grade A alone, and only rows within the windows: such a row keeps its person in a scope that the file narrows.
        const named = rows.filter((row) => isA(row) && row.time !== 'before' && row.time !== 'after').map(({ person }) => person % 12)
        const keeps = [...new Set(named)].map((person) => people[person] as number).sort((a, b) => a - b)
        assert.deepEqual([...matched.kept.values()], keeps)
        assert.deepEqual([...(await sealAndRead(matched)).values()], keeps)
        const others = count(({ kind }) => kind === 'other vendor')
        assert.deepEqual(result.foreignEpochs, others === 0 ? [] : [{ vendor: 'other', destination: 'elsewhere', epoch: 1, rows: others }])
        const madeIn = rows.map((row) =>
          isA(row) ? epochOf(row.person % 12) : row.kind === 'unsent pseudonym' ? otherEpoch(row.person) : '',
        )
        const held = [1, 2].map((epoch) => madeIn.filter((name) => name === `main ${epoch}`).length)
        const expected = [`main 1 closed ${held[0]}`, `main 2 active ${held[1]}`].filter((_, at) => (held[at] as number) > 0)
        const said = result.epochs.map(({ destination, epoch, state, rows: own }) => `${destination} ${epoch} ${state} ${own}`)
        assert.deepEqual(said, expected)
        const hasEmail = count(({ kind }) => kind === 'email' || kind === 'unknown email')
        assert.deepEqual(
          result.columnsNotInLedger.map(({ field, rows: held }) => [field, held]),
          hasEmail === 0 ? [] : [['email', hasEmail]],
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('rows that a stranger mixes in change neither what the ledger says nor who is named by pseudonym', async () => {
  const genuine: MadeRow[] = Array.from({ length: 6 }, (_, person) => ({ kind: 'genuine', person, time: 'in', form: 'plain' }))
  const poison: MadeRow[] = Array.from({ length: 400 }, (_, at) => ({
    kind: (['forged', 'raw id', 'email', 'other vendor', 'unknown id'] as const)[at % 5] as RowKind,
    person: at % PEOPLE,
    time: 'in',
    form: 'plain',
  }))
  const [before, after] = [await match(encode(genuine, 'csv')), await match(encode([...poison, ...genuine, ...poison], 'csv'))]
  assert.deepEqual(before.result.matched, { a: 6, b: 0, c: 0 })
  assert.deepEqual(after.kept.values(), before.kept.values(), 'nobody is kept in a scope or taken out of one by them')
  assert.equal(after.kept.size, 6)
  assert.equal(after.result.matched.a, 6)
  assert.equal(after.result.reconciled.inBothByPseudonym, 6)
  assert.equal(after.result.peopleBy.a, 6)
  assert.equal(after.result.reconciled.inBoth + after.result.reconciled.onlyInLedger, 12)
  assert.equal(before.result.reconciled.inBoth + before.result.reconciled.onlyInLedger, 12)
})

test('fields that were never sent are named by column, those that were are not', async () => {
  const [uuid] = pseudonyms.get('main 1') ?? []
  const { result } = await match(
    [
      `{"event":"x","properties":{"distinct_id":"${uuid}","mp_country_code":"IN","$city":"Pune","plan":"pro","company":["${pseudonyms.get('main 1')?.[PEOPLE]}"],"$insert_id":"abc","mp_lib":"web"}}`,
      `{"event":"x","properties":{"distinct_id":"${uuid}","$city":"","city":"Delhi","plan":null}}`,
    ].join('\n'),
  )
  assert.deepEqual(result.matched, { a: 2, b: 0, c: 0 })
  assert.deepEqual(result.columnsNotInLedger, [
    { column: '$city', field: 'city', rows: 1 },
    { column: 'plan', field: null, rows: 1 },
    { column: 'company', field: 'group_id', rows: 1 },
    { column: 'city', field: 'city', rows: 1 },
  ])
  assert.deepEqual(result.fieldsNotInLedger, ['city', 'group_id', 'plan'])
  // What the ledger holds was sent, whatever somebody has called its column; and a column may be called as every object's own things are.
  const renamed = await match(`Kundin,constructor,toString\n${uuid},1,\n`)
  assert.deepEqual(renamed.result.matched, { a: 1, b: 0, c: 0 })
  assert.deepEqual(renamed.result.columnsNotInLedger, [{ column: 'constructor', field: null, rows: 1 }])
  const list = await match(`[["${uuid}","x"]]`)
  assert.deepEqual([list.result.rows, list.result.matched.a, list.result.fieldsNotInLedger], [1, 1, ['column 2']])
})

test('columns are found by what stands in them, and --map says it better', async () => {
  const rows = Array.from({ length: 12 }, (_, person) => `${idOf(person)},${person},+44 20 7946 00${10 + person},Person  number ${person}`)
  const text = ['Kundenkennung,menge,Telefon,anzeige', ...rows].join('\n')
  assert.deepEqual((await match(text)).result.matched, { a: 0, b: 12, c: 0 })
  const phones = await match(text, { map: [['Kundenkennung', 'ignore']] })
  assert.deepEqual(phones.result.matched, { a: 0, b: 0, c: 12 })
  const names = await match(text, {
    map: [
      ['Kundenkennung', 'ignore'],
      ['Telefon', 'ignore'],
      ['anzeige', 'name'],
    ],
  })
  assert.deepEqual(names.result.matched, { a: 0, b: 0, c: 12 })
  assert.equal(names.result.people, 12)
  const company = await match('Firma\ninitech\nnobody\n', { map: [['Firma', 'group_id']] })
  assert.deepEqual([company.result.matched.b, company.result.unknown, company.result.knownNothingSent], [1, 1, 0])
})

test('a device of which nobody knows in whose hands it was keeps everybody who was ever signed in on it', async () => {
  const [first, second] = [people[0] as number, people[1] as number]
  const graph = {
    merged: [],
    devices: [first, second].map((person, at) => ({ device: people[2] as number, person, from: IN_TIME + at, to: IN_TIME + at + 1 })),
  }
  const rows = [disclosure({ vendor: 'gadgets', destination: 'main', kind: 'device', subject: people[2] as number, entry: 3, epoch: 2 })]
  await worker.insertDisclosures(rows, 'devices')
  const subjects = packSubjects([{ kind: 'device', ordinal: people[2] as number }])
  const made = vault.discloseBlocks({ destination: 'main', epoch: 2, subjects, positions: new Float64Array() })
  const [uuid] = new Uuids(made.pseudonyms).texts()
  const own = { ...ports, vault: { ...ports.vault, graph: async () => graph }, destinationsOf: () => ['main'] }
  const naming = { mapped: new Map(), fieldOfKey: fieldOfExportKey, groupKeys: new Set<string>() }
  const query = { vendor: 'gadgets', destinations: undefined, surfaces: undefined, windows: WINDOW, format: undefined, naming }
  const read = async (line: string): Promise<Matched> => matchFile(piecesOf(Buffer.from(line)), query, own, { look: LOOK })
  const nobodys = await read(`distinct_id\n${uuid}\n`)
  assert.deepEqual([nobodys.result.matched.a, nobodys.result.ambiguous, nobodys.result.people], [1, 1, 0])
  assert.deepEqual(
    [...nobodys.kept.values()],
    [first, second].sort((a, b) => a - b),
  )
  const late = await read(`time,distinct_id\n${new Date(AFTER_TIME).toISOString()},${uuid}\n`)
  assert.equal(late.kept.size, 0, 'a row outside the windows keeps nobody')
  // Both of the list are marked by no grade of their own.
  assert.deepEqual([...(await sealAndRead(nobodys)).values()], [...nobodys.kept.values()])
})

test('our own answers in the file are told for what they are', async () => {
  const [text = ''] = await vault.staffPseudonyms([{ kind: 'user', ordinal: people[0] as number }])
  const { result } = await match(`subject\n${text}\n`)
  assert.deepEqual(result.foreignEpochs, [{ vendor: null, destination: null, epoch: 0, rows: 1 }])
  assert.deepEqual(result.matched, { a: 0, b: 0, c: 0 })
})

test('what is no row is counted and named, and what is no file changes nothing', async () => {
  const [uuid] = pseudonyms.get('main 1') ?? []
  const { result } = await match(`{"distinct_id":"${uuid}"}\nbroken\n{"distinct_id":""}\n`, { format: 'ndjson' })
  assert.deepEqual([result.rows, result.malformed, result.unidentified], [3, 1, 1])
  assert.deepEqual(result.faults, [{ number: 2, fault: 'no_json' }])
  for (const none of ['', 'distinct_id,time\n', '[]', 'null', '[null,2,3]', '['.repeat(100)])
    await assert.rejects(match(none), { code: 'leak_file_invalid' }, none)
  // Read as what it is not, it would say that it names nobody.
  await assert.rejects(match(`distinct_id\n${uuid}\n`, { format: 'ndjson' }), { code: 'leak_file_invalid' })
  await assert.rejects(match(`distinct_id\n${uuid}\n`, { map: [['distinct-id', 'user_id']] }), { code: 'bad_usage', exit: 2 })
})

test("pseudonyms of an epoch that was destroyed are nobody's, and that is said", async () => {
  const [uuid] = pseudonyms.get('main 1') ?? []
  vault.destroyEpoch('main', 1)
  const { result } = await match(`distinct_id\n${uuid}\n`)
  assert.deepEqual([result.matched.a, result.unknown, result.destroyedEpochs], [0, 1, [{ destination: 'main', epoch: 1 }]])
})
