import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { LOOK, openAt, type Place, withVault } from './testing.ts'

const logOf = (place: Place): string => path.join(place.dataDir, 'looks', 'looks.log')
const linesOf = (place: Place): string[] => readFileSync(logOf(place), 'utf8').split('\n').slice(0, -1)
const write = (place: Place, lines: string[]): void => writeFileSync(logOf(place), lines.map((line) => `${line}\n`).join(''))

/** Makes three looks, lets `change` at the file, and gives what the vault reads afterwards. */
async function afterChange(change: (place: Place) => void) {
  let read: ReturnType<Awaited<ReturnType<typeof openAt>>['readLooks']> = []
  await withVault(async (vault, place) => {
    for (const query of ['one', 'two', 'three']) await vault.resolve(query, LOOK)
    await vault.close()
    change(place)
    const again = await openAt(place)
    read = again.readLooks()
    assert.equal((await again.describe()).looks, read.length)
    // The chain goes on from whatever stands there.
    await again.recordLook({ ...LOOK, subjects: 5 })
    assert.deepEqual(again.readLooks().at(-1)?.entry?.counts, { subjects: 5 })
    await again.close()
  })
  return read
}

test('looks keep actor, action, reason, question and counts, and survive reopening', async () => {
  const read = await afterChange(() => undefined)
  assert.deepEqual(
    read.map(({ entry }) => [entry?.actor, entry?.action, entry?.reason, entry?.query, entry?.counts]),
    [
      ['anna', 'test', 'a test', 'one', { people: 0 }],
      ['anna', 'test', 'a test', 'two', { people: 0 }],
      ['anna', 'test', 'a test', 'three', { people: 0 }],
    ],
  )
})

test('a look without a reason is refused and shows nothing', async () => {
  await withVault(async (vault) => {
    await assert.rejects(vault.resolve('x', { ...LOOK, reason: '  ' }), { code: 'reason_required' })
    await assert.rejects(vault.identities([[1]], { ...LOOK, reason: '' }), { code: 'reason_required' })
    await assert.rejects(vault.recordLook({ ...LOOK, actor: '', subjects: 1 }), { code: 'vault_refused' })
    assert.equal((await vault.describe()).looks, 0)
  })
})

test('a half-written last line is cut off and noted', async () => {
  const read = await afterChange((place) => appendFileSync(logOf(place), '4 abc'))
  assert.deepEqual(
    read.map(({ entry }) => entry?.action),
    ['test', 'test', 'test', 'open'],
  )
  assert.deepEqual(read.at(-1)?.entry?.counts, { cutBytes: 5, missingLines: 0 })
})

test('lines that were removed, changed or exchanged show', async () => {
  const cut = await afterChange((place) => write(place, linesOf(place).slice(0, 1)))
  assert.deepEqual(
    cut.map(({ entry }) => entry?.counts),
    [{ people: 0 }, { cutBytes: 0, missingLines: 2 }],
  )

  const middle = await afterChange((place) =>
    write(
      place,
      linesOf(place).filter((_, at) => at !== 1),
    ),
  )
  assert.deepEqual(
    middle.map(({ entry }) => entry?.query ?? entry?.action),
    ['one', undefined, 'open'],
  )

  const exchanged = await afterChange((place) =>
    write(
      place,
      [0, 2, 1].map((at) => linesOf(place)[at] as string),
    ),
  )
  assert.ok(exchanged.some(({ entry }) => entry === undefined))

  const changed = await afterChange((place) => {
    const lines = linesOf(place)
    const line = lines[2] as string
    lines[2] = line.slice(0, -2) + (line.at(-2) === 'A' ? 'B' : 'A') + line.at(-1)
    write(place, lines)
  })
  assert.deepEqual(
    changed.map(({ entry }) => entry?.query ?? entry?.action),
    ['one', 'two', undefined, 'open'],
  )

  const emptied = await afterChange((place) => writeFileSync(logOf(place), ''))
  assert.deepEqual(
    emptied.map(({ entry }) => entry?.counts),
    [{ cutBytes: 0, missingLines: 3 }],
  )
})
