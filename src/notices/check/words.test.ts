/** In which language somebody is answered, and what stands in the places of a sentence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fill, LANGUAGES, reasonText, wordsAsked, wordsOf } from './words.ts'
import { ENGLISH } from './words-en.ts'

test('the language that is wanted most of those that there are', () => {
  const language = (header: string | undefined, fallback = 'en'): string => wordsAsked(header, fallback).language
  assert.deepEqual([language(undefined), language('', 'hi'), language('fr', 'xx'), language('HI-in')], ['en', 'hi', 'en', 'hi'])
  assert.deepEqual([language('en;q=0.5, hi;q=0.9'), language('hi, en'), language('en, hi')], ['hi', 'hi', 'en'])
  assert.deepEqual([language('hi;q=0, fr', 'en'), language('hi;q=x', 'en'), language('hi;q=..', 'en')], ['en', 'hi', 'en'])
  assert.equal(language(`${'x, '.repeat(200)}hi`, 'en'), 'en')
  assert.deepEqual(
    ['en-GB', 'hi', 'xx', undefined].map((each) => wordsOf(each)?.language),
    ['en', 'hi', undefined, undefined],
  )
})

test('a value stands at its place as it is, and a day is one of the world, whoever reads it', () => {
  assert.equal(fill('{a} {b} {a}', { a: '{b}' }), '{b} {b} {b}')
  const marks = { company: 'Nimbus Notes', domain: 'nimbusnotes.com' }
  for (const words of LANGUAGES) {
    const text = reasonText(words, { code: 'code_fits', values: { company: 'Another', date: '2025-11-26', version: '3' } }, marks)
    assert.match(text, /26/)
    assert.match(text, /2025/)
    assert.ok(text.includes('Another'), text)
  }
  assert.match(reasonText(ENGLISH, { code: 'code_fits', values: { date: '2025-11-26', version: '3' } }, marks), /November 26, 2025/)
})
