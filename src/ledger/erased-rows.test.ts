import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { keepErasedRows } from './erased-rows.ts'
import { disclose, rowsOf, withTreePlace } from './testing-tree.ts'

test('it returns when the vault has kept the rows of every call, and not when they were handed to it', async () => {
  await withTreePlace(async (place) => {
    const [gone = 0, other = 0] = place.people
    // More intents than one call takes; every second names somebody else alone.
    const disclosed = Array.from({ length: 410 }, (_, index) => ({ rows: rowsOf([index % 2 === 0 ? gone : other]) }))
    await disclose(place, disclosed)
    const [handed, kept]: [number[], number[]] = [[], []]
    const keepRows = async (rows: { entries: Float64Array }): Promise<void> => {
      handed.push(rows.entries.length)
      await delay(5)
      kept.push(...rows.entries)
    }
    const of = { subjects: [gone], entries: Array.from({ length: 410 }, (_, index) => index + 1) }
    const ports = { ledger: place.ledger, rows: place.openRows }
    assert.equal(await keepErasedRows(of, { ...ports, vault: { keepRows } }), 205)
    assert.deepEqual(handed, [100, 100, 5])
    assert.deepEqual(
      kept,
      of.entries.filter((entry) => entry % 2 === 1),
    )
    await assert.rejects(keepErasedRows(of, { ...ports, vault: { keepRows: () => Promise.reject(new Error('not kept')) } }), /not kept/)
  })
})
