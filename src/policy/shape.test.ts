import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FIELDS } from '#model/field.ts'
import type { Field } from '#model/field.ts'
import { parseShape, shapeText } from './shape.ts'

describe('shape', () => {
  it('reads back what it wrote, for any key', () => {
    const fields = fc.oneof(
      fc.constantFrom(...(Object.keys(FIELDS) as Field[])),
      fc.string({ minLength: 1, unit: 'binary' }).map((key): Field => `property.${key}`),
    )
    const pairs = fc.array(fc.record({ field: fields, form: fc.constantFrom('clear' as const, 'coarse' as const, 'pseudonym' as const) }))
    fc.assert(
      fc.property(pairs, (shape) => {
        const text = shapeText(shape)
        assert.equal(shapeText(parseShape(text)), text)
        assert.equal(shapeText([...shape].reverse()), text)
        assert.deepEqual(
          new Set(parseShape(text).map(({ field, form }) => `${form} ${field}`)),
          new Set(shape.map(({ field, form }) => `${form} ${field}`)),
        )
      }),
      { numRuns: 1000 },
    )
  })

  it('refuses any other text', () => {
    for (const text of [
      'email',
      'email:',
      ':clear',
      'email:withheld',
      'b:clear',
      'os:coarse,country:coarse',
      'os:coarse,os:coarse',
      'os:coarse,',
      'property.:clear',
      'property.%41:clear',
    ]) {
      assert.throws(() => parseShape(text), { code: 'ledger_corrupt' }, text)
    }
    assert.deepEqual(parseShape(''), [])
    const odd = [{ field: 'property.a,b:c%0041\u0007' as const, form: 'clear' as const }]
    assert.deepEqual([shapeText(odd), parseShape(shapeText(odd))], ['property.a%002Cb%003Ac%00250041%0007:clear', odd])
  })
})
