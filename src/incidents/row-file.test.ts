import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { readRows, type RowFormat } from './row-file.ts'
import type { Cell, FaultyRow } from './row-sink.ts'

type Read = { format: RowFormat | undefined; rows: Record<string, Cell | Cell[]>[]; numbers: number[]; faults: FaultyRow[] }

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(content: string | Buffer, options: { format?: RowFormat; piece?: number } = {}): Promise<Read> {
  const file = readRows(piecesOf(Buffer.from(content), options.piece ?? 11), { format: options.format })
  const got: Read = { format: undefined, rows: [], numbers: [], faults: [] }
  for await (const { rows, faults } of file.batches) {
    got.faults.push(...faults)
    for (const { number, columns, values } of rows) {
      const row: Record<string, Cell | Cell[]> = {}
      for (const [at, place] of columns.entries()) {
        const name = file.columns.nameOf(place)
        const before = row[name]
        const value = values[at] as Cell
        row[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
      }
      got.rows.push(row)
      got.numbers.push(number)
    }
  }
  return { ...got, format: file.format() }
}

test('CSV as spreadsheets and programs write it', async () => {
  const plain = [
    { id: 'u1', name: 'Ann' },
    { id: 'u2', name: 'Bob' },
  ]
  const texts = [
    'id,name\nu1,Ann\nu2,Bob\n',
    '\ufeffid;name\r\nu1;Ann\r\nu2;Bob',
    'id\tname\nu1\tAnn\n\nu2\tBob\n',
    'id|name\r\nu1|Ann\r\nu2|Bob\r\n',
    '"id","name"\n"u1","Ann"\n"u2","Bob"\n',
    'id,name\ru1,Ann\ru2,Bob\r',
  ]
  for (const text of texts)
    for (const piece of [1, 7, 4096]) assert.deepEqual((await read(text, { piece })).rows, plain, JSON.stringify([text, piece]))
  for (const encoding of ['utf16le', 'utf8'] as const) {
    const bytes = Buffer.from(`\ufeff${texts[0]}`, encoding)
    assert.deepEqual((await read(bytes, { piece: 3 })).rows, plain)
    assert.deepEqual((await read(gzipSync(bytes), { piece: 5 })).rows, plain)
  }
  const odd = await read('id,note\n1,"a ""quoted"" word, and\nanother line"\n2,5" pipe\n3,"x"y\n')
  assert.deepEqual(odd.rows, [
    { id: '1', note: 'a "quoted" word, and\nanother line' },
    { id: '2', note: '5" pipe' },
    { id: '3', note: 'xy' },
  ])
  assert.deepEqual(odd.faults, [])
})

test('a file without names of columns has them by number, and the first row counts', async () => {
  const { rows, numbers } = await read('0f8fad5b-d9cb-469f-a165-70867728950e,ann@example.com\nx,bob@example.com\n')
  assert.deepEqual(Object.keys(rows[0] ?? {}), ['column 1', 'column 2'])
  assert.deepEqual(numbers, [1, 2])
  assert.deepEqual(Object.keys((await read('id,id,\n1,2,3\n')).rows[0] ?? {}), ['id', 'column 2', 'column 3'])
})

test('a quote whose end is missing costs its own row alone', async () => {
  const rows = Array.from({ length: 3000 }, (_, at) => `u${at},"n${at}",${'z'.repeat(at % 900)}`)
  rows[1000] = 'u1000,"no end,z'
  const got = await read(`id,name,more\n${rows.join('\n')}\n`, { piece: 65_536 })
  assert.equal(got.rows.length, 3000)
  assert.deepEqual(new Set(got.rows.map((row) => row.id)).size, 3000)
  assert.deepEqual(got.faults, [{ number: 1001, fault: 'cells' }])
  const last = await read('id,name\n1,a\n2,"b\n3,c\n')
  assert.deepEqual(
    last.rows.map((row) => row.id),
    ['1', '2', '3'],
  )
})

test('JSON in each layout: lists, wrapped lists, lines, one after the other', async () => {
  const records = [
    { event: 'Sign up', properties: { distinct_id: 'u1', time: 1, $groups: ['a', 'b'], deep: { er: true } } },
    { event: 'Pay "now" }', properties: { distinct_id: 'u2\\', time: 2 } },
  ]
  const wanted = [
    { event: 'Sign up', distinct_id: 'u1', time: 1, $groups: ['a', 'b'], 'deep.er': true },
    { event: 'Pay "now" }', distinct_id: 'u2\\', time: 2 },
  ]
  const texts: [string, RowFormat][] = [
    [JSON.stringify(records), 'json'],
    [JSON.stringify(records, null, 2), 'json'],
    [JSON.stringify({ page: 0, status: 'ok', results: records }), 'json'],
    [records.map((record) => JSON.stringify(record)).join('\n'), 'ndjson'],
    [records.map((record) => JSON.stringify(record)).join('\r\n\r\n'), 'ndjson'],
    [records.map((record) => JSON.stringify(record, null, 1)).join('\n'), 'json'],
    [records.map((record) => JSON.stringify(record)).join(',\n'), 'json'],
  ]
  for (const [text, format] of texts) {
    for (const piece of [1, 13, 1 << 20]) {
      const got = await read(text, { piece })
      assert.equal(got.format, format, text)
      assert.deepEqual(got.rows, wanted, text)
      assert.deepEqual(got.faults, [])
    }
  }
})

test('the list of rows of an answer of an export API, wherever it stands', async () => {
  const rows = [
    { id: 'u1', note: 'a ]} b' },
    { id: 'u2', items: [{ sku: 1 }] },
  ]
  const wanted = [
    { id: 'u1', note: 'a ]} b' },
    { id: 'u2', 'items.sku': 1 },
  ]
  const answers: object[] = [
    { data: { results: rows } },
    { hits: { total: { value: 2 }, hits: rows }, took: { deep: { er: [1, 2] } } },
    { dimensionHeaders: [{ name: 'x' }], rows, metadata: { currency: { code: 'EUR' } } },
    { results: rows, timings: [{ k: 'q', t: 0.1 }], next: { page: { of: { two: 2 } } } },
    { status: 'ok', response: { page: 1, payload: { users: rows } }, more: [] },
  ]
  for (const answer of answers) {
    for (const text of [JSON.stringify(answer), JSON.stringify(answer, null, 2)]) {
      for (const piece of [1, 17, 1 << 20]) {
        const got = await read(text, { piece })
        assert.deepEqual([got.format, got.rows, got.faults], ['json', wanted, []], text)
      }
    }
  }
  assert.deepEqual((await read('{"columns":["id","n"],"results":[["u1",1],["u2",2]],"hasMore":false,"types":[["id","String"]]}')).rows, [
    { 'column 1': 'u1', 'column 2': 1 },
    { 'column 1': 'u2', 'column 2': 2 },
  ])
  // One that breaks off within its rows: what can be read is, also behind it.
  const broken = await read('{"data":{"rows":[{"id":"u1"},{"id":"no end\n},{"id":"u3"}]},"paging":{"next":"x"}}')
  assert.deepEqual(broken.rows.map(({ id }) => id).slice(0, 2), ['u1', 'u3'])
  assert.deepEqual((await read('{"data":{"rows":[{"id":"u1"},{"id":"u2"')).faults, [{ number: 2, fault: 'cut_off' }])
})

test('an object of which nobody can tell where its rows are is refused, and is one row when that is said', async () => {
  const unclear = [
    { export_of: [{ id: 1 }, { id: 2 }] },
    { data: { users: [{ id: 1 }], events: [{ id: 2 }] } },
    { event: 'Order', properties: { distinct_id: 'u1', items: [{ sku: 1 }] } },
    { viewer: { lists: [['a@example.com'], ['b@example.com']] } },
  ]
  for (const object of unclear) {
    for (const text of [JSON.stringify(object), JSON.stringify(object, null, 1)])
      await assert.rejects(read(text), { code: 'leak_file_invalid', message: /which of the lists in it/ })
    assert.equal((await read(JSON.stringify(object), { format: 'ndjson' })).rows.length, 1)
  }
  const pages = [{ data: { results: [{ id: 1 }] } }, { data: { results: [{ id: 2 }] } }].map((page) => JSON.stringify(page))
  for (const glue of ['\n', '']) await assert.rejects(read(pages.join(glue)), { code: 'leak_file_invalid', message: /several objects/ })
  // Events with lists in them, a line each; one that is cut off says nothing of the others.
  const events = ['{"event":"A","properties":{"items":[{"sku":1}]}}', '{"event":"B","properties":{"items":[{"sku":2}]}}']
  assert.equal((await read(events.join('\n'))).rows.length, 2)
  for (const first of ['{"id":1', '{"id":"1', '{"id":1,', '{"id":{'])
    assert.equal((await read([first, ...events].join('\n'), { format: 'ndjson' })).rows.length, 2, first)
  for (const first of ['{"id":1', '{"id":"1']) assert.ok((await read([first, ...events].join('\n'))).faults.length > 0, first)
  assert.equal((await read('{"event":"A","tags":[]}')).rows.length, 1)
  assert.equal((await read('{"status":"ok","results":[]}')).rows.length, 0)
})

test('behind a list that is longer than what is looked at first no other one is passed over', async () => {
  const note = 'x'.repeat(80)
  const many = (name: string): object[] => Array.from({ length: 12_000 }, (_, n) => ({ id: `${name}${n}`, note, tags: [{ n }] }))
  const [first, second] = [many('a'), many('b')]
  const piece = 65_536
  const refused: [string, RegExp][] = [
    [JSON.stringify({ events: first, profiles: second }), /which of the lists/],
    [JSON.stringify({ data: { events: first, users: [{ id: 'u1' }] } }), /which of the lists/],
    [JSON.stringify({ events: first, facets: second }), /too much stands behind/],
    [[first, second].map((results) => JSON.stringify({ results })).join('\n'), /several objects/],
    [[first, second].map((results) => JSON.stringify({ data: { results } })).join(''), /several objects/],
    [`${JSON.stringify({ results: first })}\n{"id":"u1"}`, /several objects/],
  ]
  for (const [text, message] of refused) await assert.rejects(read(text, { piece }), { code: 'leak_file_invalid', message })
  for (const size of [piece, 4 << 20]) {
    const told = await read(JSON.stringify({ data: { events: first, errors: [{ at: 1 }], users: [] }, took: 3 }), { piece: size })
    assert.deepEqual([told.rows.length, told.faults], [12_000, []], `${size}`)
  }
  // What breaks off behind the list is named, and hides nothing.
  for (const end of [',"note":"no end', ',"errors":[{"at":"no end', '}]']) {
    const text = `${JSON.stringify({ results: first }).slice(0, -1)}${end}\n{"id":"u1"}\n{"id":"u2"}`
    const got = await read(text, { piece })
    assert.deepEqual(
      got.rows.slice(12_000).map(({ id }) => id),
      ['u1', 'u2'],
      end,
    )
    assert.equal(got.faults[0]?.fault, 'cut_off')
  }
})

test('a first line that is cut off behind a list of its own hides no other line without a word', async () => {
  const lines = Array.from({ length: 20 }, (_, n) => JSON.stringify({ event: 'A', user: `u${n}`, items: [{ sku: n }] }))
  const list = '[{"sku":1}]'
  const cuts = [`"items":${list},"user":"cut`, `"items":${list},"user":1`, `"items":${list},`, `"meta":{"items":${list}},"user":"cut`]
  for (const cut of cuts) {
    const first = `{${cut}`
    const { rows, faults } = await read([first, ...lines].join('\n'))
    const users = new Set(rows.map(({ user }) => user))
    assert.deepEqual([users.has('u5'), users.has('u19'), faults.length > 0], [true, true, true], first)
  }
})

test('what is no row is named by its number, and the rows behind it are read', async () => {
  const lines = ['{"id":1}', 'not json', '{"id":3', '17', '"text"', '{"id":6}']
  const got = await read(lines.join('\n'))
  assert.deepEqual(
    got.rows.map((row) => row.id),
    [1, 6],
  )
  assert.deepEqual(got.faults, [
    { number: 2, fault: 'no_json' },
    { number: 3, fault: 'no_json' },
    { number: 4, fault: 'no_object' },
    { number: 5, fault: 'no_object' },
  ])
  const list = await read('[{"id":1},\n{"id":"no end},\n{"id":3},\n{bad},\n{"id":5}]')
  assert.deepEqual(list.rows.at(-1), { id: 5 })
  assert.ok(list.faults.length > 0)
  assert.deepEqual((await read('[{"id":1},{"id":2')).faults, [{ number: 2, fault: 'cut_off' }])
  const latin = await read(Buffer.concat([Buffer.from('id,name\n1,Ren'), Buffer.of(0xe9), Buffer.from('\n2,Ann\n')]))
  assert.deepEqual(latin.faults, [{ number: 1, fault: 'encoding' }])
  assert.equal(latin.rows.length, 2)
})

test('lists are rows too, with their columns by number, and what is neither is named', async () => {
  for (const piece of [1, 3, 65_536]) {
    const rows = [
      { 'column 1': 'u1', 'column 2': 'Sign up' },
      { 'column 1': 'u2', 'column 2': ['a', 'b'] },
    ]
    const lists = [
      ['u1', 'Sign up'],
      ['u2', ['a', 'b']],
    ]
    for (const text of [JSON.stringify(lists), JSON.stringify(lists, null, 2), JSON.stringify({ rows: lists })])
      assert.deepEqual([(await read(text, { piece })).rows, (await read(text, { piece })).faults], [rows, []], text)
    const lines = await read(`["u1","Sign up"]\n["u2",["a","b"]]\n`, { piece })
    assert.deepEqual([lines.rows, lines.faults], [rows, []])
    const mixed = await read('[null, "a,b", 3,{"id":4},[{"id":5}] , true]\n{"id":7}', { piece })
    assert.deepEqual(mixed.rows, [{ id: 4 }, { 'column 1.id': 5 }, { id: 7 }])
    assert.deepEqual(
      mixed.faults,
      [1, 2, 3, 6].map((number) => ({ number, fault: 'no_object' })),
    )
    assert.deepEqual((await read('['.repeat(1_000), { piece })).faults, [{ number: 1, fault: 'cut_off' }])
    // Cut between two rows: nothing of a row is missing, and rows are.
    assert.deepEqual((await read('[{"id":1},', { piece })).faults, [{ number: 2, fault: 'cut_off' }])
  }
})

test('a line end within a text costs its own row, and hides none behind it on the same line', async () => {
  const behind = Array.from({ length: 40 }, (_, at) => ({ id: at, note: `n, ${at}`, more: [{ deep: at }], none: {} }))
  const hostile = ['{"id":"a\nb","x":1}', '{"id":{"a":"x\n"}}', '{"id":["x\n"],"y":2}', '{"id":"a\n', '{"a":"\n","b":"{"}']
  for (const piece of [1, 7, 65_536]) {
    for (const broken of hostile) {
      for (const text of [`[${broken},${JSON.stringify(behind).slice(1)}`, `${JSON.stringify(behind).slice(0, -1)},${broken}]`]) {
        const got = await read(text, { piece, format: 'json' })
        const ids = new Set(got.rows.map((row) => row.id))
        for (const { id } of behind) assert.ok(ids.has(id), `${id} behind ${broken}`)
        assert.ok(got.faults.length > 0)
      }
    }
  }
})

test('hostile files are refused, or read as far as they hold rows, in bounded memory', async () => {
  const refused = (content: string | Buffer, piece = 65_536): Promise<void> =>
    assert.rejects(read(content, { piece }), { code: 'leak_file_invalid' })
  await refused('')
  await refused(' \n ')
  await refused('PK\u0003\u0004 a workbook')
  await refused(gzipSync(gzipSync('id\n1\n')))
  await refused(gzipSync('id\n1\n2\n3\n').subarray(0, 20))
  await refused(gzipSync(Buffer.alloc(300 << 20, 'a'), { level: 9 }))
  await refused(`${Array.from({ length: 20_000 }, (_, at) => `c${at}`).join(',')}\n`)
  const wide = Array.from({ length: 10_000 }, (_, at) => `c${at}`).join(',')
  assert.equal(Object.keys((await read(`${wide}\n${wide}\n`, { piece: 65_536 })).rows[0] ?? {}).length, 10_000)
  const long = Buffer.concat([Buffer.from('id\n1\n'), Buffer.alloc(100 << 20, 'x'), Buffer.from('\n3\n')])
  const before = process.memoryUsage().rss
  const csv = await read(long, { piece: 1 << 20 })
  assert.deepEqual([csv.rows, csv.faults], [[{ id: '1' }, { id: '3' }], [{ number: 2, fault: 'too_long' }]])
  const ndjson = await read(Buffer.concat([Buffer.from('{"id":1}\n'), long, Buffer.from('{"id":5}\n')]), {
    format: 'ndjson',
    piece: 1 << 20,
  })
  assert.deepEqual(ndjson.rows, [{ id: 1 }, { id: 5 }])
  const inList = Buffer.concat([Buffer.from('[{"id":"'), Buffer.alloc(20 << 20, 'x'), Buffer.from('"},{"id":2}]')])
  const json = await read(inList, { piece: 1 << 20 })
  assert.deepEqual([json.rows, json.faults], [[{ id: 2 }], [{ number: 1, fault: 'too_long' }]])
  assert.ok(process.memoryUsage().rss - before < 400 << 20, 'memory grows with the file')
  const deep = `{"id":1,"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n{"id":2,"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}\n`
  assert.equal((await read(deep, { format: 'ndjson', piece: 65_536 })).rows.length, 2)
  const nul = await read('id,name\n1,a\0b\n2,\0\n')
  assert.deepEqual(nul.rows[0], { id: '1', name: 'a\0b' })
  const own = await read('{"__proto__":{"x":1},"constructor":2,"hasOwnProperty":3}\n', { format: 'ndjson' })
  assert.equal(own.rows.length, 1)
  const keys = Array.from({ length: 40_000 }, (_, at) => `{"k${at}":1}`).join('\n')
  assert.equal((await read(keys, { piece: 65_536 })).rows.length, 40_000)
  // Lists below objects within objects: each way to one would be as long as half of the file.
  const below = `${'{"data":'.repeat(60_000)}{${'"rows":[[]],'.repeat(40_000)}`
  await assert.rejects(read(below, { piece: 65_536 }), { code: 'leak_file_invalid' })
})

/** The same each time: some bytes in a hundred thousand begin as UTF-16 does. */
function bytesWithoutMeaning(length: number): Buffer {
  return createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16)).update(Buffer.alloc(length))
}

test('bytes without meaning are no rows; texts in odd encodings and with a few such bytes are', async () => {
  for (const length of [200, 5_000, 200_000]) {
    // Those that begin with a bracket look like JSON at first.
    for (const first of ['', '[', '{']) {
      const bytes = Buffer.concat([Buffer.from(first), bytesWithoutMeaning(length)])
      await assert.rejects(read(bytes, { piece: 65_536 }), { code: 'leak_file_invalid' })
      await assert.rejects(read(gzipSync(bytes), { piece: 65_536 }), { code: 'leak_file_invalid' })
    }
  }
  // Windows-1251, as many programs still write it.
  const cyrillic = Buffer.concat([
    Buffer.from('id,name\n'),
    ...Array.from({ length: 50 }, () => Buffer.from('u-1,\xc8\xe2\xe0\xed\n', 'latin1')),
  ])
  assert.equal((await read(cyrillic, { piece: 65_536 })).rows.length, 50)
  assert.equal((await read('id\n1\n\0\0\n3\n', { piece: 65_536 })).rows.length, 3)
  const planted = `id\n${Array.from({ length: 1_000 }, (_, at) => `user-${at}${at % 50 === 0 ? '\u0001' : ''}`).join('\n')}\n`
  assert.equal((await read(planted, { piece: 65_536 })).rows.length, 1_000)
})

test('every row that is written is read, however it is cut and quoted', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r', 'é', '𐍈', ' ', '\\'), maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      async (cells, piece) => {
        const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`
        const text = ['id,a,b', ...cells.map((pair, at) => ['u'.concat(String(at)), ...pair].map(quote).join(','))].join('\r\n')
        const got = await read(text, { piece })
        assert.deepEqual(
          got.rows,
          cells.map(([a, b], at) => ({ id: `u${at}`, a, b })),
        )
        const lines = cells.map(([a, b]) => JSON.stringify({ a, b }))
        assert.deepEqual(
          (await read(lines.join('\n'), { piece })).rows,
          cells.map(([a, b]) => ({ a, b })),
        )
        assert.deepEqual(
          (await read(`[${lines.join(' , \n')}]`, { piece })).rows,
          cells.map(([a, b]) => ({ a, b })),
        )
      },
    ),
    { numRuns: 150 },
  )
})

test('few long rows are given as soon as many short ones', async () => {
  const line = `{"id":"u","text":"${'x'.repeat(4 << 20)}"}\n`
  const file = readRows(piecesOf(Buffer.from(line.repeat(12)), 1 << 20))
  const sizes: number[] = []
  for await (const { rows } of file.batches) sizes.push(rows.length)
  assert.ok(Math.max(...sizes) <= 5, sizes.join(' '))
})
