import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { packRows } from '#vault/row-columns.ts'
import { keepErasedRows } from './erased-rows.ts'
import type { ProblemKind } from './problem.ts'
import { disclose, openTreePlace, rowsOf, withTreePlace } from './testing-tree.ts'
import { fill, quiet, verifierOf, withLedger } from './testing-verified.ts'
import { TileFiles } from './tile-files.ts'
import type { Total } from './totals.ts'
import { treeRoot } from './tree.ts'
import { type Verified, verifyFiles } from './verify.ts'

const named = ({ problems }: Verified): [number | null, ProblemKind][] => problems.map(({ index, kind }) => [index, kind])

function filesIn(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries.flatMap((entry) => (entry.isFile() ? [path.join(entry.parentPath, entry.name)] : []))
}

/** One byte of a file is another while `body` runs. */
function withByte(file: string, at: number, body: () => void): void {
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.with(at, (bytes[at] as number) ^ (1 << (at % 8))))
  body()
  writeFileSync(file, bytes)
}

/** What a changed byte of a file has to be called, and at which entries. */
function expected(file: string, at: number, tiles: string): { kinds: ProblemKind[]; from: number; to: number } {
  const [, kind = '', ...rest] = path.relative(tiles, file).split('/')
  if (kind === '') return { kinds: ['checkpoint', 'signature'], from: 0, to: 0 }
  const first = Number(rest.join('').replaceAll('x', '').replace(/\.p.*/, '')) * 256
  if (kind !== 'entries') return { kinds: ['tile'], from: first * (kind === '0' ? 1 : 256), to: first * (kind === '0' ? 1 : 256) }
  // 66 bytes behind a length of two: a changed length makes the rest of the bundle unreadable or another cut of it.
  const isLength = at % 68 < 2
  const entry = first + Math.floor(at / 68)
  return isLength ? { kinds: ['bundle', 'changed'], from: first, to: entry } : { kinds: ['changed'], from: entry, to: entry }
}

function assertNamed(found: Verified, file: string, at: number, tiles: string): void {
  const { kinds, from, to } = expected(file, at, tiles)
  const text = `${path.relative(tiles, file)} at ${at}: ${JSON.stringify(found.problems.slice(0, 3))}`
  assert.ok(!found.ok, text)
  const [problem] = found.problems
  assert.ok(problem !== undefined && kinds.includes(problem.kind), text)
  if (problem.index !== null) assert.ok(problem.index >= from && problem.index <= to, text)
}

test('every byte of every file of a small tree: a change is found and named where it is', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 16)
    const verifiers = [await verifierOf(place)]
    assert.deepEqual(verifyFiles(place.tilesDir, verifiers, quiet).problems, [])
    for (const file of filesIn(place.tilesDir)) {
      for (let at = 0; at < readFileSync(file).length; at++) {
        withByte(file, at, () => assertNamed(verifyFiles(place.tilesDir, verifiers, quiet), file, at, place.tilesDir))
      }
      renameSync(file, `${file}.away`)
      assert.ok(!verifyFiles(place.tilesDir, verifiers, quiet).ok, `${file} is missed`)
      renameSync(`${file}.away`, file)
    }
    assert.ok(verifyFiles(place.tilesDir, verifiers, quiet).ok)
  })
})

test('a size that nobody signed, however great, is no reason to look for so many entries', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 600)
    const file = path.join(place.tilesDir, 'checkpoint')
    const note = readFileSync(file, 'utf8')
    for (const size of ['700', '9007199254740991']) {
      writeFileSync(file, note.replace(/\n\d+\n/, `\n${size}\n`))
      const found = verifyFiles(place.tilesDir, [await verifierOf(place)], quiet)
      assert.deepEqual([found.problems[0]?.kind, found.entries <= 1024], ['signature', true])
    }
  })
})

test('every byte of an intent and of an outcome in the ledger: a change is found, and named with its number', {
  timeout: 240_000,
}, async () => {
  await withTreePlace(async (place) => {
    await fill(place, 6)
    await withLedger(place, async ({ bytes, verify }) => {
      assert.deepEqual((await verify()).problems, [])
      for (const number of [1, bytes.last()]) {
        const whole = bytes.get(number) as Buffer
        for (let at = 0; at < whole.length; at++) {
          const changed = Buffer.from(whole)
          changed[at] = (changed[at] as number) ^ (1 << (at % 7))
          const found = await verify({ get: (asked) => (asked === number ? changed : bytes.get(asked)) })
          const at0 = `byte ${at} of entry ${number}: ${JSON.stringify(found.problems)}`
          assert.ok(!found.ok, at0)
          assert.ok(
            found.problems.some(({ index, kind }) => index === number - 1 && kind !== 'tile'),
            at0,
          )
        }
      }
    })
  })
})

test('entries that are dropped, swapped, put in or cut off at the end are named', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 600)
    await withLedger(place, async ({ bytes, verify }) => {
      const last = bytes.last()
      const under = (change: (number: number) => number | undefined) => (asked: number) => {
        const number = change(asked)
        return number === undefined ? undefined : bytes.get(number)
      }
      const outcome = 402
      const found = async (change: (number: number) => number | undefined): Promise<[number | null, ProblemKind][]> =>
        named(await verify({ get: under(change) }))
      assert.deepEqual(await found((number) => number), [])
      assert.deepEqual(await found((number) => (number === outcome ? undefined : number)), [[outcome - 1, 'dropped']])
      assert.deepEqual(await found((number) => (number === outcome ? outcome + 1 : number === outcome + 1 ? outcome : number)), [
        [outcome - 1, 'reordered'],
        [outcome, 'reordered'],
      ])
      const shifted = await found((number) => (number < 300 ? number : number === last ? undefined : number + 1))
      assert.deepEqual(shifted, [[299, 'dropped']])
      assert.deepEqual(
        named(await verify({ get: under((number) => (number > last - 5 ? undefined : number)), last: last - 5 })).slice(0, 1),
        [[last - 5, 'dropped']],
      )
    })
  })
})

test('with a checkpoint that cannot be read the ledger is held against what the vault has signed', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 300)
    await withLedger(place, async ({ bytes, verify }) => {
      const file = path.join(place.tilesDir, 'checkpoint')
      const note = readFileSync(file, 'utf8')
      const changed = Buffer.from(bytes.get(40) as Buffer)
      changed[changed.length >> 1] = (changed[changed.length >> 1] as number) ^ 1
      const get = (number: number): Buffer | undefined => (number === 40 ? changed : bytes.get(number))
      for (const [damaged, kind] of [
        ['', 'checkpoint'],
        [note.replace(/\n\d+\n/, '\n7\n'), 'signature'],
        [note.slice(1), 'signature'],
        [undefined, 'checkpoint'],
      ] as const) {
        if (damaged === undefined) rmSync(file)
        else writeFileSync(file, damaged)
        assert.deepEqual(named(await verify()), [[null, kind]])
        const found = named(await verify({ get }))
        assert.deepEqual(found.slice(0, 2), [
          [null, kind],
          [39, 'changed'],
        ])
      }
    })
  })
})

test('a rolled back folder is found by what the vault has signed', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 40)
    const old = path.join(place.root, 'old')
    cpSync(place.tilesDir, old, { recursive: true })
    const before = place.ledger.head
    await fill(place, 80)
    await withLedger(place, async ({ bytes, verify }) => {
      rmSync(place.tilesDir, { recursive: true })
      cpSync(old, place.tilesDir, { recursive: true })
      const rolled = await verify()
      assert.deepEqual([rolled.pending, rolled.problems], [bytes.last() - before, []])
      // An old checkpoint with its own tiles is no cover for changing what came after it.
      for (const number of [before + 1, bytes.last()]) {
        const changed = Buffer.from(bytes.get(number) as Buffer)
        changed[changed.length >> 1] = (changed[changed.length >> 1] as number) ^ 1
        for (const get of [
          (asked: number) => (asked === number ? changed : bytes.get(asked)),
          (asked: number) => (asked === number ? undefined : bytes.get(asked)),
          (asked: number) => bytes.get(asked === number ? number - 1 : asked),
        ])
          assert.deepEqual(named(await verify({ get })), [[before, 'changed']])
      }
      const cut = await verify({ last: before, get: (number) => (number > before ? undefined : bytes.get(number)) })
      assert.deepEqual(named(cut), [[before, 'dropped']])
    })
  })
})

test('erased people: everything verifies as before, and what was kept cannot be changed', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 300)
    const verifiers = [await verifierOf(place)]
    await withLedger(place, async ({ bytes, verify }) => {
      const before = await verify()
      const gone = place.people.slice(3, 6)
      const entries = Array.from({ length: bytes.last() }, (_, index) => index + 1)
      const kept = await keepErasedRows(
        { subjects: gone, entries },
        { ledger: place.ledger, rows: place.openRows, vault: place.vault.tree },
      )
      assert.ok(kept > 30)
      await place.vault.erase(gone)
      assert.deepEqual(await verify(), before)
      assert.ok(verifyFiles(place.tilesDir, verifiers, quiet).ok)
      // Somebody without what was kept finds the entries changed, and exactly those that name the erased.
      const all = await place.openRows(
        entries.flatMap((number) => place.ledger.entry(number) ?? []).filter((entry) => entry.type === 'intent'),
      )
      const naming = all.filter((rows) => rows.some(({ subject }) => gone.includes(subject))).length
      const commitRows = place.vault.tree.commitRows.bind(place.vault.tree)
      place.vault.tree.commitRows = async (rows) => {
        const commitments = await commitRows(rows)
        rows.subjects.forEach((subject, at) => {
          if (gone.includes(subject)) commitments.fill(7, at * 32, at * 32 + 32)
        })
        return commitments
      }
      const without = await verify()
      assert.equal(without.problems.filter(({ kind }) => kind === 'changed').length, naming)
    })
  })
})

test('kill -9 at any instant: the tree goes on to the same root, and everything verifies', { timeout: 240_000 }, async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-tree-'))
  const program = fileURLToPath(new URL('./testing-tree-child.ts', import.meta.url))
  const roots = new Map<number, string>()
  try {
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, root], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let timer: NodeJS.Timeout | undefined
      child.stdout.on('data', () => {
        timer ??= setTimeout(() => child.kill('SIGKILL'), Math.random() * 400)
      })
      await new Promise((resolve) => child.on('close', resolve))
      clearTimeout(timer)
      assert.ok(timer !== undefined, 'it got to work before it was killed')
      const place = await openTreePlace(root, 0)
      try {
        await place.grow()
        const { head } = place.ledger
        const hashes = new TileFiles(place.tilesDir).hashes(head)
        for (const [size, before] of roots) assert.equal(treeRoot(size, hashes).toString('hex'), before, `${size} entries`)
        roots.set(head, treeRoot(head, hashes).toString('hex'))
        await withLedger(place, async ({ verify }) => {
          const { problems, pending, entries } = await verify()
          assert.deepEqual([problems, pending, entries], [[], 0, head])
        })
      } finally {
        await place.close()
      }
    }
    assert.ok(roots.size > 1)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

test('who was erased before the tree began has rows that verify too, and new ones as well', async () => {
  await withTreePlace(async (place) => {
    const [gone = 0, other = 0] = place.people
    await disclose(place, [{ rows: rowsOf([gone, other], 2), state: 'delivered' }])
    await place.vault.erase([gone])
    assert.deepEqual(
      await place.vault.tree.commitRows(packRows([{ entry: 1, subject: gone, nth: 0, bytes: Buffer.alloc(1) }])),
      Buffer.alloc(32),
    )
    // A request to delete names them once more.
    await disclose(place, [{ rows: rowsOf([gone]), state: 'delivered' }])
    await place.grow()
    await withLedger(place, async ({ verify }) => assert.deepEqual((await verify()).problems, []))
  })
})

test('totals are those of the manifests, and a warehouse that says otherwise is named', async () => {
  await withTreePlace(async (place) => {
    const [one = 0, two = 0, three = 0] = place.people
    await disclose(place, [
      { rows: rowsOf([one, two], 2), state: 'delivered' },
      { rows: rowsOf([one]), state: 'delivered' },
      { rows: rowsOf([three]), state: 'possible', destination: 'other' },
      { rows: rowsOf([three]), state: 'not_sent' },
      { rows: rowsOf([two]) },
    ])
    await place.grow()
    const totals: Total[] = [
      { destination: 'main', state: 'delivered', rows: 5, people: 2, events: 7 },
      { destination: 'other', state: 'possible', rows: 1, people: 1, events: 1 },
    ]
    await withLedger(place, async ({ verify }) => {
      assert.deepEqual((await verify()).totals, totals)
      assert.deepEqual((await verify()).notChecked, ['totals of the warehouse'])
      const good = await verify({}, totals)
      assert.deepEqual([good.ok, good.notChecked], [true, []])
      for (const change of [{ rows: 6 }, { people: 1 }, { events: 8 }, { state: 'possible' as const }]) {
        const bad = await verify({}, [{ ...(totals[0] as Total), ...change }, totals[1] as Total])
        assert.ok(!bad.ok && bad.problems.every(({ kind, index }) => kind === 'totals' && index === null))
      }
      assert.ok(!(await verify({}, totals.slice(1))).ok)
    })
  })
})
