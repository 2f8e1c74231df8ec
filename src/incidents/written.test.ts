import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readable, readableText } from './written.ts'

const [ZWNJ, ZWJ] = ['\u200c', '\u200d']

test('joiners stand where scripts need them, and nowhere else', () => {
  const written = [`क्${ZWJ}षा की बैठक`, `राज${ZWNJ}कुमार`, `می${ZWNJ}خواهم گزارش`, `ശ്${ZWJ}രീ`, `ක්${ZWJ}ෂය`, `ন্${ZWJ}ত`]
  for (const text of written) {
    assert.equal(readableText('the title', text, 100), text)
    assert.equal(readable(text), text)
  }
  const hidden = [
    `ad${ZWJ}min`,
    `ad${ZWNJ}min`,
    `क${ZWJ} b`,
    `${ZWJ}क`,
    `a${ZWNJ}क`,
    `क${ZWNJ}a`,
    `क${ZWJ}${ZWJ}ष`,
    `क${ZWNJ}`,
    `1${ZWJ}2`,
    `\u{1f469}${ZWJ}\u{1f680}`,
    `ра${ZWNJ}б`,
    `日${ZWJ}本`,
  ]
  for (const text of hidden) {
    assert.throws(() => readableText('the title', text, 100), { code: 'incident_invalid' }, JSON.stringify(text))
    assert.ok(!/[\u200c\u200d]/.test(readable(text)), JSON.stringify(text))
  }
})

test('what is refused in a text is what is replaced in somebody else’s, whatever it is', () => {
  const character = fc.oneof(
    fc.constantFrom(ZWJ, ZWNJ, 'क', '्', 'ष', 'م', 'a', ' ', '\u202e', '\u200b', '\ufeff', '\n', '\u2066', '\ud800'),
    fc.string({ unit: 'binary', maxLength: 2 }),
  )
  fc.assert(
    fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
      const text = characters.join('').trim()
      const shown = readable(text)
      assert.equal(readable(shown), shown)
      assert.equal(readableText('the title', shown, 100), shown.trim())
      if (shown === text) assert.equal(readableText('the title', text, 100), text)
      else assert.throws(() => readableText('the title', text, 100), { code: 'incident_invalid' })
    }),
  )
})
