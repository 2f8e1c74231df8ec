/** The comparison by itself: which of several paragraphs that begin alike is taken, and how much a text made for it may cost. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { alignWords, type ExpectedParagraph, MAC_BYTES, type MarkMaker, START_BYTES } from './notice-alignment.ts'

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()

function makerOf(): MarkMaker & { tries: number } {
  return {
    tries: 0,
    start: (word) => hash(`w${word}`).subarray(0, START_BYTES),
    whole(paragraph) {
      this.tries += 1
      return hash(`p${paragraph}`).subarray(0, MAC_BYTES)
    },
  }
}

function expected(maker: MarkMaker, paragraphs: readonly string[]): ExpectedParagraph[] {
  return paragraphs.map((text) => {
    const words = text.split(' ')
    return { words: words.length, start: maker.start(words[0] as string), mac: maker.whole(text), maker }
  })
}

const align = (text: string, paragraphs: readonly string[]) => alignWords(text.split(' '), expected(makerOf(), paragraphs))
const whole = (paragraphs: number) => ({ paragraphs, missing: [], foreign: [], inOrder: true })

test('the paragraph that comes next is tried before a longer one that begins alike', async () => {
  assert.deepEqual(await align('a b c a b c', ['a b', 'c', 'a b c']), whole(3))
  assert.deepEqual(await align('a a a a b', ['a', 'a a', 'a b']), whole(3))
})

test('else the longest is tried first, so that a part of one is not taken for another', async () => {
  assert.deepEqual(await align('a b c y', ['x', 'a b', 'a b c', 'y']), { ...whole(4), missing: [0, 1] })
})

test('what stands before what it should follow is told from what stands after it', async () => {
  assert.deepEqual(await align('b x a c', ['a', 'b x', 'c']), { ...whole(3), inOrder: false })
  assert.deepEqual(await align('a b c a b c', ['a', 'b', 'c']), whole(3))
  assert.deepEqual(await align('a x', ['a']), { ...whole(1), foreign: [[1, 2]] })
})

test('one word above the notice is not taken for the paragraph of that word within it', async () => {
  const paragraphs = ['a title', 'ann@example.com', 'the end']
  assert.deepEqual(await align('to: ann@example.com subject: x a title ann@example.com the end', paragraphs), {
    ...whole(3),
    foreign: [[0, 4]],
  })
  assert.deepEqual(await align('ann@example.com a title the end', paragraphs), { ...whole(3), missing: [1], foreign: [[0, 1]] })
  assert.deepEqual(await align('b a', ['b', 'a']), whole(2), 'the first of all may be one word')
})

test('a text made of first words costs no more than its length', async () => {
  const maker = makerOf()
  const paragraphs = Array.from({ length: 400 }, (_, index) => `a b${index}`)
  const marks = expected(maker, paragraphs)
  maker.tries = 0
  const words = Array.from({ length: 1000 }, () => 'a')
  const { missing } = await alignWords(words, marks)
  assert.equal(missing.length, paragraphs.length)
  assert.ok(maker.tries > 0 && maker.tries <= 2 * words.length + paragraphs.length, `${maker.tries} tries`)
})
