import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { makeFolder } from './bulkhead.ts'
import { encodingsOf, needlesOf, PatternSet, scanBytes, scanFolder } from './search.ts'

/** The search is what law 1's test rests on, so it is shown to find before it is trusted to find nothing. */
test('a value is found in each encoding, at any offset, across the pieces that a file is read in', (t) => {
  const folder = makeFolder(t)
  for (const text of ['qzplantedvalue', 'आशा क्यूज़', 'a+b/c~qzü']) {
    const patterns = new PatternSet(needlesOf('planted', text))
    for (const [name, pattern] of encodingsOf(text)) {
      const junk = Buffer.alloc((1 << 20) - 3, 0x71)
      writeFileSync(path.join(folder, 'file'), Buffer.concat([junk, pattern, junk]))
      assert.ok(scanFolder(patterns, folder).hits.length > 0, `${text} as ${name} was not found`)
    }
    for (let shift = 0; shift < 3; shift++) {
      const around = Buffer.concat([Buffer.alloc(shift, 'x'), Buffer.from(text), Buffer.from('rest of it')])
      for (const alphabet of ['base64', 'base64url'] as const) {
        assert.ok(scanBytes(patterns, 'here', Buffer.from(around.toString(alphabet))).length > 0, `${text} in ${alphabet} at ${shift}`)
      }
    }
    assert.deepEqual(scanBytes(patterns, 'here', Buffer.from('qzplantedvalu आश a+b/c~q')), [])
  }
})

test('overlapping patterns are each found', () => {
  const patterns = new PatternSet(['he', 'she', 'hers'].map((label) => ({ label, pattern: Buffer.from(label) })))
  const labels = scanBytes(patterns, 'here', Buffer.from('ushers')).map((hit) => hit.label)
  assert.ok(labels.includes('she') && labels.includes('hers'))
})
