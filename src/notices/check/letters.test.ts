/** Characters that deceive, one by one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findUnseen, isMixed, shown, skeleton } from './letters.ts'

test('what nobody sees is named; a joiner is at home in Indian words and nowhere else', () => {
  for (const [text, name] of [
    ['pass\u200bword', 'U+200B ZERO WIDTH SPACE'],
    ['pass\u00adword', 'U+00AD SOFT HYPHEN'],
    ['\u202edrow', 'U+202E RIGHT-TO-LEFT OVERRIDE'],
    ['a\u200db', 'U+200D ZERO WIDTH JOINER'],
    ['a\u0007b', 'U+0007'],
    ['a\u0085b', 'U+0085'],
    ['a\ufffab', 'U+FFFA'],
    ['a\u{e0041}b', 'U+E0041'],
  ])
    assert.equal(findUnseen(text as string), name, name)
  for (const text of ['plain', 'क्\u200dष', 'क्\u200cष', 'a\tb\nc', '']) assert.equal(findUnseen(text), undefined, text)
  assert.equal(findUnseen('क्\u200dष\u200b'), 'U+200B ZERO WIDTH SPACE')
})

test('a word of two alphabets is mixed, and one of letters that stand for plain ones', () => {
  for (const word of ['p\u0430ypal', 'n\u03b9mbus', '\uff50assword', '\u{1d429}assword', '\u{1f150}bc'.replace('\u{1f150}', '\u{1f130}')])
    assert.ok(isMixed(word), word)
  for (const word of ['password', 'пароль', 'κωδικός', 'पासवर्ड', 'Straße', 'naïve', '5б', 'a1-2']) assert.ok(!isMixed(word), word)
})

test('what looks alike has one skeleton', () => {
  for (const [one, other] of [
    ['nimbusnotes', 'nimbusn\u043etes'],
    ['nimbusnotes', 'nimbusnötes'],
    ['nimbusnotes', 'NimbusNotes'],
    ['nimbusnotes', 'ni\u{1d5c6}busnotes'],
  ])
    assert.equal(skeleton(one as string), skeleton(other as string), other)
  assert.notEqual(skeleton('nimbusnotes'), skeleton('nimbusvotes'))
})

test('a passage that is shown acts on nothing around it, and is cut', () => {
  assert.equal(shown(' a\n b\u202ec\u0007 '), 'a b⟨U+202E⟩c⟨U+0007⟩')
  assert.equal(shown('अ'.repeat(90)), 'अ'.repeat(90))
  assert.equal(shown('अ'.repeat(91)), `${'अ'.repeat(90)}…`)
})
