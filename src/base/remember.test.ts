import assert from 'node:assert/strict'
import test from 'node:test'
import { remember } from './remember.ts'

test('each text is worked out once while it is remembered, long ones each time', () => {
  const asked: string[] = []
  const measure = (text: string): number | undefined => {
    asked.push(text)
    return text === '' ? undefined : text.length
  }
  const length = remember(measure, { entriesMax: 2, charactersMax: 3 })
  assert.deepEqual(['ab', 'ab', '', '', 'long', 'long', 'c', 'ab'].map(length), [2, 2, undefined, undefined, 4, 4, 1, 2])
  assert.deepEqual(asked, ['ab', '', 'long', 'long', 'c', 'ab'], 'the third text pushed the first two out')
})
