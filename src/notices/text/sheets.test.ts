import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { SHEETS, STYLE } from './sheets.ts'

/** In the order of release. A new sheet is a new line at the end; no line is ever changed or taken out. */
const RELEASED = ['cd04e4da1922ea0e04e201af3332f358ba1bc674a6d3f8772f97778875fcafe6']

test('every sheet that notices were sent with stands as it was, and what is sent is the last one', () => {
  const hashes = SHEETS.map((sheet) => createHash('sha256').update(sheet).digest('hex'))
  assert.deepEqual(
    hashes,
    RELEASED,
    'a sheet was changed or taken out: put it back, append the new one to SHEETS, and its hash to RELEASED; notices that are out stay genuine only so',
  )
  assert.equal(STYLE, SHEETS.at(-1))
})
