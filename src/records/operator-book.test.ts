import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { alignOperators, openOperatorBook, type OperatorBook } from './operator-book.ts'
import type { OperatorRows, RememberedOperator } from './port.ts'
import { openRecords } from './records.ts'

const hash = (letter: string): string => letter.repeat(64)

/** As objects of this program: rows of the engine have no prototype. */
const plain = (rows: OperatorRows) => rows.list().map((row) => ({ ...row }))

/** A key folder, and a table that anybody may have written into. */
function stage() {
  const records = openRecords({ path: ':memory:' })
  const rows = records.operators
  rows.adoptFirst('operator', hash('a'))
  let kept: RememberedOperator[] | undefined
  const folder = {
    isAway: false,
    foreign: [] as string[],
    open: (): OperatorBook => {
      folder.foreign = alignOperators(rows, kept)
      const remember = async (operators: RememberedOperator[]): Promise<void> => {
        if (folder.isAway) throw new BulkheadError('vault_unavailable', 'away')
        kept = structuredClone(operators)
      }
      const book = openOperatorBook(rows, remember, folder.foreign)
      kept = structuredClone(book.remembered())
      return book
    },
    rows,
    close: () => records.close(),
  }
  return folder
}

test('the key folder says who is an operator: what somebody wrote into the table counts neither now nor after a start', async () => {
  const folder = stage()
  const book = folder.open()
  await book.add({ name: 'ann', credentialSha256: hash('b'), at: 5, by: 'operator' })
  await book.add({ name: 'bob', credentialSha256: hash('c'), at: 6, by: 'operator' })
  await book.remove('bob', { at: 7, by: 'ann' })
  const before = plain(folder.rows)
  const forgeries: ((rows: OperatorRows) => void)[] = [
    (rows) => rows.add({ name: 'mask', credentialSha256: hash('d'), at: 0, by: '' }),
    (rows) => rows.remove('ann', { at: 8, by: 'operator' }),
    (rows) => rows.replace(rows.remembered().map((each) => ({ ...each, removedAt: null, credentialSha256: hash('e') }))),
    (rows) => rows.replace(rows.remembered().map((each) => ({ ...each, addedAt: 0 }))),
    (rows) => rows.replace(rows.remembered().filter(({ name }) => name !== 'bob')),
    (rows) => rows.replace([]),
  ]
  for (const [index, forge] of forgeries.entries()) {
    forge(folder.rows)
    assert.deepEqual(
      [book.list(), book.named(hash('b')), book.named(hash('d')), book.named(hash('e'))],
      [before, 'ann', undefined, undefined],
    )
    const again = folder.open()
    assert.ok(folder.foreign.length > 0, `forgery ${index} is said`)
    assert.deepEqual(again.list(), before)
    assert.deepEqual(plain(folder.rows), before)
    assert.deepEqual(folder.open().foreign, [], 'once')
  }
  folder.close()
})

test('nobody is added or removed whom the key folder did not take, and one remains', async () => {
  const folder = stage()
  const book = folder.open()
  const code = (wanted: string) => (thrown: unknown) => thrown instanceof BulkheadError && thrown.code === wanted
  folder.isAway = true
  await assert.rejects(book.add({ name: 'ann', credentialSha256: hash('b'), at: 5, by: 'operator' }), code('vault_unavailable'))
  assert.deepEqual([book.named(hash('b')), folder.rows.list().length], [undefined, 1])
  folder.isAway = false
  await book.add({ name: 'ann', credentialSha256: hash('b'), at: 5, by: 'operator' })
  await assert.rejects(book.add({ name: 'ann', credentialSha256: hash('c'), at: 5, by: 'operator' }), code('operator_exists'))
  await assert.rejects(book.add({ name: 'cem', credentialSha256: hash('b'), at: 5, by: 'operator' }), code('operator_exists'))
  await assert.rejects(book.remove('cem', { at: 6, by: 'ann' }), code('operator_unknown'))
  const both = await Promise.allSettled(['operator', 'ann'].map((name) => book.remove(name, { at: 6, by: 'x' })))
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
    'two at the same time leave one',
  )
  await assert.rejects(book.add({ name: 'operator', credentialSha256: hash('d'), at: 7, by: 'ann' }), code('operator_exists'))
  folder.close()
})

test('whatever comes and goes, the table is what a start reads from the key folder', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('add', 'remove'), fc.constantFrom('ann', 'bob', 'operator')), { maxLength: 12 }),
      async (steps) => {
        const folder = stage()
        const book = folder.open()
        for (const [at, [what, name]] of steps.entries()) {
          const step =
            what === 'add'
              ? book.add({ name, credentialSha256: Buffer.from(`${at}${name}`.padEnd(32)).toString('hex'), at, by: 'operator' })
              : book.remove(name, { at, by: 'operator' })
          await step.catch((thrown: unknown) => assert.ok(thrown instanceof BulkheadError))
          assert.deepEqual(new Set(plain(folder.rows)), new Set(book.list()))
        }
        assert.ok(book.list().some(({ removedAt }) => removedAt === null))
        assert.deepEqual(folder.open().foreign, [])
        folder.close()
      },
    ),
    { numRuns: 50 },
  ))
