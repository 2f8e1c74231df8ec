/** An export of a vendor against a real vault: whose rows they are, which fields they hold, and what is left out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { KnownField } from '#model/field.ts'
import { LOOK, user, windowOf, withVault } from '#vault/testing.ts'
import type { Vault } from '#vault/vault.ts'
import { importBaseline, type ImportedBaseline } from './baseline-import.ts'

const KEYS: Record<string, KnownField> = { $email: 'email', $name: 'name', mp_country_code: 'country' }
const naming = { mapped: new Map<string, string>(), fieldOfKey: (key: string) => KEYS[key], groupKeys: new Set<string>() }

async function read(
  vault: Vault,
  content: string | Buffer,
  devices: ReadonlySet<number> = new Set(),
  own: typeof naming = naming,
): Promise<ImportedBaseline> {
  const bytes = async function* (): AsyncGenerator<Buffer, void> {
    // In odd pieces, as a network brings them.
    const all = Buffer.from(content)
    for (let at = 0; at < all.length; at += 1000) yield all.subarray(at, at + 1000)
  }
  const query = { format: undefined, naming: own, approved: new Set(['plan']), look: LOOK }
  return importBaseline(bytes(), query, { vault: vault.matching, devices })
}

async function known(vault: Vault): Promise<number[]> {
  const rows = ['anna', 'ben', 'clara'].map((id) => ({ id, email: `${id}@example.com`, groups: [] }))
  await vault.importDirectory(rows, 'default', LOOK)
  return (await vault.commitWindow(windowOf({ identifiers: rows.map(({ id }) => user(id)) }))).ordinals
}

test('rows are counted for whom the vault knows, with the fields that their columns mean', async () => {
  await withVault(async (vault) => {
    const [anna, ben, clara] = (await known(vault)) as [number, number, number]
    await vault.activeEpoch('main')
    const { pseudonyms } = await vault.disclose({
      destination: 'main',
      epoch: 1,
      subjects: Float64Array.of(1, clara),
      positions: new Float64Array(0),
    })
    const csv = [
      'distinct_id,$email,$name,mp_country_code,plan,shoe size,time',
      'anna,anna@example.com,Anna,DE,pro,41,1700000000',
      'anna,,,,,,1700000100',
      ',BEN@example.com,,,,,1700000200',
      'nobody,nobody@example.com,No,,,,1700000300',
      `${pseudonyms.text(0)},,,DE,,,1700000400`,
    ].join('\n')
    const found = await read(vault, csv)
    assert.deepEqual(found.counts, { rows: 5, unmatchedRows: 1, brokenRows: 0, throughBulkhead: 1, otherColumns: 1 })
    assert.equal(found.people, 2)
    const [part] = found.parts
    assert.deepEqual(
      [...(part?.subjects ?? [])],
      [anna, ben].sort((a, b) => a - b),
    )
    const shapes = Array.from(part?.shapes ?? [], (number) => found.shapes[number])
    assert.deepEqual(shapes, [
      'country:clear,email:clear,name:clear,property.plan:clear,time:clear,user_id:clear',
      'email:clear,time:clear',
    ])
    assert.equal(found.from, 1_700_000_000_000)
    assert.equal(found.to, 1_700_000_200_999)
    assert.ok(!JSON.stringify([found.shapes, found.fields]).includes('shoe'), 'a name that nobody approved is kept nowhere')
    assert.deepEqual((await read(vault, gzipSync(csv))).counts, found.counts)
    const devices = await read(vault, csv, new Set([anna]))
    assert.deepEqual([...(devices.parts[0]?.devices ?? [])], [1, 0])
    const profiles = '{"$distinct_id":"clara","$properties":{"$email":"clara@example.com","plan":"free"}}\n{broken\n'
    const ofProfiles = await read(vault, profiles)
    assert.equal(ofProfiles.people, 1)
    assert.equal(ofProfiles.counts.brokenRows, 1)
    assert.equal(ofProfiles.from, null)
    // None of these says that a vendor held nothing: with `--complete` that would be an upper bound.
    for (const none of ['', 'email,name\n', '[]', '{broken\n{more\n', '[null]'])
      await assert.rejects(read(vault, none), { code: 'leak_file_invalid' }, none)
    // What could be read in part counts; and of whom no time is known, anything may be of any time.
    const mixed = await read(vault, 'distinct_id,time\nanna,1700000000\nben\n')
    assert.deepEqual([mixed.people, mixed.counts.brokenRows, mixed.from, mixed.to], [2, 0, null, null])
    assert.deepEqual([...(mixed.parts[0]?.firsts ?? [])].sort(), [0, 1_700_000_000])
  })
})

test('a column that is said to be something and is not there stops the import', async () => {
  await withVault(async (vault) => {
    const mapped = new Map([['Kenung', 'user_id']])
    await assert.rejects(read(vault, 'Kennung\nanna\n', new Set(), { ...naming, mapped }), { code: 'bad_usage' })
  })
})

test('an import is what a naive reading of the rows gives', async () => {
  await withVault(async (vault) => {
    const ordinals = await known(vault)
    const row = fc.record({
      who: fc.constantFrom('anna', 'ben', 'clara', 'stranger', ''),
      address: fc.constantFrom('', 'anna@example.com', 'clara@example.com', 'stranger@example.com'),
      name: fc.constantFrom('', 'N'),
      time: fc.constantFrom('', '1700000000', '1700050000', '1700090000'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20, size: 'max' }), async (rows) => {
        const found = await read(
          vault,
          `distinct_id,$email,$name,time\n${rows.map((one) => `${one.who},${one.address},${one.name},${one.time}`).join('\n')}\n`,
        )
        const ids = ['anna', 'ben', 'clara']
        const ownerOf = ({ who, address }: (typeof rows)[number]): string | undefined =>
          ids.find((id) => id === who) ?? ids.find((id) => address === `${id}@example.com`)
        const written = rows.filter((one) => Object.values(one).some((value) => value !== ''))
        const owned = Map.groupBy(
          written.filter((one) => ownerOf(one) !== undefined),
          (one) => ownerOf(one) as string,
        )
        assert.equal(found.people, owned.size)
        assert.equal(found.counts.unmatchedRows, found.counts.rows - [...owned.values()].reduce((sum, own) => sum + own.length, 0))
        const part = found.parts[0]
        for (const [id, own] of owned) {
          const at = [...(part?.subjects ?? [])].indexOf(ordinals[ids.indexOf(id)] as number)
          const has = (key: 'address' | 'name'): boolean => own.some((one) => one[key] !== '')
          const shape = found.shapes[part?.shapes[at] as number] ?? ''
          assert.equal(shape.includes('email:clear'), has('address'))
          assert.equal(shape.includes('name:clear'), has('name'))
          const times = own.map(({ time }) => Number(time))
          const isTimed = times.every((time) => time > 0)
          assert.deepEqual([part?.firsts[at], part?.lasts[at]], isTimed ? [Math.min(...times), Math.max(...times)] : [0, 0])
        }
      }),
      { numRuns: 40 },
    )
  })
})

test('more combinations of fields than their numbers can tell apart are refused', async () => {
  await withVault(async (vault) => {
    await known(vault)
    const names = Array.from({ length: 16 }, (_, at) => `p${at}`)
    const content = async function* (): AsyncGenerator<Buffer, void> {
      yield Buffer.from(`distinct_id,${names.join()}\n`)
      for (let from = 0; from < 60_001; from += 1000) {
        const rows = Array.from(
          { length: 1000 },
          (_, at) => `anna,${names.map((_name, bit) => (((from + at) >> bit) & 1 ? '1' : '')).join()}`,
        )
        yield Buffer.from(`${rows.join('\n')}\n`)
      }
    }
    const query = { format: 'csv' as const, naming, approved: new Set(names), look: LOOK }
    await assert.rejects(importBaseline(content(), query, { vault: vault.matching, devices: new Set() }), { code: 'baseline_invalid' })
  })
})
