/** Each mending of a browser by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nesting } from './nesting.ts'

const open = (name: string, around: string[], isTextBefore = false, nesting = new Nesting()): string | undefined =>
  nesting.open(
    name,
    around.map((each) => ({ name: each })),
    isTextBefore,
  )

test('what ends a paragraph stands in none, and an item in no other one of the same list', () => {
  for (const name of ['blockquote', 'div', 'h1', 'h3', 'hr', 'li', 'main', 'p', 'ul']) {
    assert.equal(open(name, ['body', 'p']), name)
    assert.equal(open(name, ['body', 'p', 'b']), name)
    assert.equal(open(name, ['body', 'div']), undefined)
  }
  for (const name of ['a', 'b', 'span', 'br']) assert.equal(open(name, ['body', 'p']), undefined)
  assert.equal(open('li', ['ul', 'li']), 'li')
  assert.equal(open('li', ['ul', 'li', 'b']), 'li')
  assert.equal(open('li', ['ul', 'li', 'ul']), undefined)
})

test('the page, its head and its body come once, first, and in each other', () => {
  assert.deepEqual(
    [open('html', []), open('head', ['html']), open('body', ['html']), open('body', [])],
    [undefined, undefined, undefined, undefined],
  )
  assert.deepEqual(
    [open('html', ['html']), open('html', ['div']), open('body', ['div']), open('head', ['p'])],
    ['html', 'html', 'body', 'head'],
  )
  assert.deepEqual([open('body', ['html'], true), open('html', [], true)], ['body', 'html'])
  const twice = new Nesting()
  assert.deepEqual([open('body', ['html'], false, twice), open('body', ['html'], false, twice)], [undefined, 'body'])
})

test('behind the end of the page nothing begins', () => {
  for (const end of ['body', 'html']) {
    const nesting = new Nesting()
    assert.equal(nesting.close('div', false), undefined)
    assert.equal(nesting.isOver, false)
    assert.equal(nesting.close(end, false), undefined)
    assert.deepEqual([nesting.isOver, open('p', [], false, nesting)], [true, 'p'])
  }
})

test('what ends by itself is mended, but for what may, and for what has no end at all', () => {
  const ends = (name: string): string | undefined => new Nesting().close(name, true)
  for (const name of ['p', 'li', 'html', 'head', 'body', 'br', 'hr', 'wbr', 'img']) assert.equal(ends(name), undefined, name)
  for (const name of ['div', 'b', 'span', 'ul', 'a']) assert.equal(ends(name), name)
  const nesting = new Nesting()
  nesting.isEnding = true
  assert.equal(nesting.close('div', true), undefined)
})

test('an end that takes another element with it is one that browsers agree on, or it is mended', () => {
  const after = (implied: string, name: string): string | undefined => {
    const nesting = new Nesting()
    assert.equal(nesting.close(implied, true), undefined)
    const found = nesting.close(name, false)
    // Of that end alone.
    assert.equal(nesting.close(name, false), undefined)
    return found
  }
  assert.deepEqual(
    ['div', 'blockquote', 'body'].map((name) => after('p', name)),
    [undefined, undefined, undefined],
  )
  for (const name of ['a', 'b', 'strong', 'em', 'i', 'span', 'bdi']) assert.equal(after('p', name), name)
  assert.deepEqual([after('li', 'ul'), after('li', 'div')], [undefined, 'div'])
  assert.deepEqual([after('body', 'html'), after('head', 'div')], [undefined, 'div'])
  // What begins in between ends of itself.
  const nesting = new Nesting()
  nesting.close('p', true)
  open('b', [], false, nesting)
  assert.equal(nesting.close('b', false), undefined)
})
