/** What a check of the ledger has to tell apart: bytes that only look the same, a vault that is away, rows that are not loaded yet. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import { INSTANCE } from '#vault/testing.ts'
import { appendGap } from './restored-ledger.ts'
import { openEntryBytes } from './stored-entries.ts'
import { disclose, rowsOf, type TreePlace, withTreePlace } from './testing-tree.ts'
import { fill, quiet, vaultOf } from './testing-verified.ts'
import type { Total } from './totals.ts'
import { type Verified, verifyLedger, type VerifyParts } from './verify.ts'

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

async function verify(place: TreePlace, change: (parts: VerifyParts) => Partial<VerifyParts> = () => ({})): Promise<Verified> {
  const bytes = openEntryBytes(place.ledgerDir)
  const { ledgerKey } = await place.vault.describe()
  const parts: VerifyParts = {
    ...{ tilesDir: place.tilesDir, instance: INSTANCE, bytes, ledgerKey, warehouseTotals: undefined },
    ...{ vault: vaultOf(place), onProgress: quiet },
  }
  try {
    return await verifyLedger({ ...parts, ...change(parts) })
  } finally {
    await bytes.close()
  }
}

const named = ({ problems }: Verified): [number | null, string][] => problems.map(({ index, kind }) => [index, kind])

/** The same entry in other bytes. */
function respelled(place: TreePlace, number: number, spell: (json: string) => string): (parts: VerifyParts) => Partial<VerifyParts> {
  return ({ bytes }) => {
    const stored = bytes.get(number) ?? assert.fail()
    const json = stored.subarray(1).toString()
    const other = spell(json)
    assert.notEqual(other, json)
    const changed = Buffer.concat([stored.subarray(0, 1), Buffer.from(other)])
    return { bytes: { ...bytes, get: (asked) => (asked === number ? changed : bytes.get(asked)) } }
  }
}

/** Base64 whose last character says more bits than there are. */
const otherBase64 = (name: string) => (json: string) =>
  json.replace(new RegExp(`("${name}":"[^"]*)([^"=])(=+")`), (_, head: string, last: string, tail: string) => {
    return `${head}${BASE64[BASE64.indexOf(last) ^ 1]}${tail}`
  })

test('an entry that says the same in other bytes is not what was written, and is named', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 40)
    await place.ledger.close()
    const lost = { known: place.ledger.head, exact: true, backupAt: 1, at: 2 }
    const gap = await appendGap(place.ledgerDir, lost, (header) => place.vault.keeping.signLedger(header))
    await place.reopen()
    place.vault.tree.openOrigin(gap.origin)
    await place.grow()
    assert.deepEqual(named(await verify(place)), [])
    const turned = (json: string): string => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json) as object).reverse()))
    const spaced = (json: string): string => json.replace('{', '{ ')
    const padded = Array.from({ length: place.ledger.head }, (_, index) => place.ledger.entry(index + 1)).find(
      (entry) => entry?.type === 'intent' && entry.manifest.endsWith('='),
    )
    const outcome = Array.from({ length: place.ledger.head }, (_, index) => index + 1).find(
      (number) => place.ledger.entry(number)?.type === 'outcome',
    )
    for (const [number, spell] of [
      [1, turned],
      [1, spaced],
      [outcome ?? assert.fail(), turned],
      [padded?.entry ?? assert.fail(), otherBase64('manifest')],
      [gap.entry, otherBase64('signature')],
    ] as const) {
      const found = named(await verify(place, respelled(place, number, spell)))
      assert.ok(
        found.some(([index, kind]) => index === number - 1 && kind === 'changed'),
        `entry ${number}: ${JSON.stringify(found)}`,
      )
    }
    // What a signature covers is in the leaf; the signature itself is not, and is looked at apart.
    const forged = (json: string): string => json.replace(/"signature":"[^"]*"/, `"signature":"${Buffer.alloc(64, 1).toString('base64')}"`)
    assert.deepEqual(named(await verify(place, respelled(place, gap.entry, forged))), [[gap.entry - 1, 'signature']])
    const cut = await verify(place, ({ bytes }) => ({ bytes: { ...bytes, last: () => place.ledger.head - 1 } }))
    assert.deepEqual(named(cut), [[place.ledger.head - 1, 'dropped']], 'the last entry alone is missed')
  })
})

test('a vault that is away ends the check: nothing is called changed that could not be looked at', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 40)
    const away = new BulkheadError('vault_unavailable', 'a test')
    const corrupt = new BulkheadError('ledger_corrupt', 'a test')
    const opening = (openManifests: VerifyParts['vault']['openManifests']) => (parts: VerifyParts) => ({
      vault: { ...parts.vault, openManifests },
    })
    await assert.rejects(
      verify(
        place,
        opening(() => Promise.reject(away)),
      ),
      { code: 'vault_unavailable' },
    )
    // Some of them do not open, and while they are asked for one by one it goes away.
    await assert.rejects(
      verify(
        place,
        opening((of) => Promise.reject(of.length > 1 ? corrupt : away)),
      ),
      { code: 'vault_unavailable' },
    )
    const one = await verify(
      place,
      opening((of) => (of.some(({ entry }) => entry === 3) ? Promise.reject(corrupt) : place.vault.openManifests(of))),
    )
    assert.deepEqual(named(one), [[2, 'changed']])
  })
})

test('rows whose outcome the warehouse has not loaded are missed there by nobody, and that is said', async () => {
  await withTreePlace(async (place) => {
    const [one = 0, two = 0] = place.people
    // Entries 1 and 2 are intents, 3 and 4 their outcomes; 5 stays open.
    await disclose(place, [
      { rows: rowsOf([one]), state: 'delivered' },
      { rows: rowsOf([two]), state: 'delivered' },
    ])
    await disclose(place, [{ rows: rowsOf([two]) }])
    await place.grow()
    const total = (people: number): Total => ({ destination: 'main', state: 'delivered', rows: people, people, events: people })
    const asked: { size: number; open: readonly number[] }[] = []
    const at = (loadedBefore: number, theirs: Total[] | string) => () => ({
      loadedBefore,
      warehouseTotals: async (of: { size: number; open: readonly number[] }) => {
        asked.push(of)
        return theirs
      },
    })
    const behind = await verify(place, at(4, [total(1)]))
    assert.deepEqual(
      [behind.ok, behind.totals, behind.notChecked],
      [true, [total(2)], ['totals of the warehouse for 1 requests that it has not loaded yet']],
    )
    assert.deepEqual(asked.at(-1), { size: 5, open: [2, 5] })
    assert.ok((await verify(place, at(3, []))).ok)
    assert.ok(!(await verify(place, at(5, [total(1)]))).ok)
    const all = await verify(place, at(5, [total(2)]))
    assert.deepEqual([all.ok, all.notChecked, asked.at(-1)?.open], [true, [], [5]])
    // What the warehouse has of a destination that the ledger does not know is as wrong as what it lacks.
    const more = await verify(place, at(5, [total(2), { ...total(1), destination: 'other' }]))
    assert.deepEqual(named(more), [[null, 'totals']])
    const silent = await verify(place, at(5, 'it does not open'))
    assert.deepEqual([silent.ok, silent.notChecked], [true, ['totals of the warehouse: it does not open']])
  })
})

test('a leaf that is another in a bundle alone is named when the ledger is checked, and the ledger is right', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 40)
    const file = path.join(place.tilesDir, `tile/entries/000.p/${place.ledger.head}`)
    const whole = readFileSync(file)
    for (const index of [0, 17, place.ledger.head - 1]) {
      const at = index * 68 + 40
      writeFileSync(file, whole.with(at, (whole[at] as number) ^ 1))
      const found = await verify(place)
      assert.deepEqual(named(found), [[index, 'changed']])
      assert.match(found.problems[0]?.what ?? '', /in the bundles/)
    }
    writeFileSync(file, whole)
    assert.deepEqual(named(await verify(place)), [])
  })
})

test('a checkpoint with a good signature that is not the one the vault gave for this size is named', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 20)
    const other = (parts: VerifyParts) => ({
      vault: {
        ...parts.vault,
        signedTree: async () => {
          const signed = await parts.vault.signedTree()
          return signed && { ...signed, root: Buffer.alloc(32, 9) }
        },
      },
    })
    assert.deepEqual(named(await verify(place, other)), [[null, 'checkpoint']])
  })
})
