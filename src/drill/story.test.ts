import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { decodeConfig } from '#app/config.ts'
import type { LootRow } from './mixpanel-cloud.ts'
import { castOf, directoryOf, storyConfig, surfaceNumbers } from './story-cast.ts'
import { decodeStory, ownStories, readStory } from './story-file.ts'
import { scoreScope, truth } from './story-truth.ts'

const SMALL = `story: small
about: a word
sources: [{ id: site }]
vendors: [{ id: mixpanel }]
people: [{ id: all, count: 2 }]
steps:
  - { at: 2025-01-01T00:00:00Z, do: send, people: all, source: site }
`

function refusal(text: string): string {
  try {
    decodeStory('s.yaml', text)
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError)
    assert.equal(thrown.code, 'config_invalid')
    assert.match(thrown.hint, /docs\/stories\.md/)
    return thrown.message
  }
  return assert.fail('it was taken')
}

test('stories that come with Bulkhead are right, and make a configuration that is', () => {
  assert.ok(ownStories().length >= 5)
  for (const name of ownStories()) {
    const story = readStory(name)
    assert.equal(story.story, name)
    const urls = new Map(story.vendors.map(({ id }) => [id, 'http://127.0.0.1:1']))
    const text = storyConfig(story, urls, { host: 'localhost', port: 2525, keyFile: '/dkim.pem' })
    const config = decodeConfig({ text, name, folder: '/', env: { DRILL_VENDOR_SECRET: 'x' }, protocols: ['mixpanel'] })
    assert.equal(config.sources.length, story.sources.length)
    const cast = castOf(story)
    assert.equal(new Set(cast.map(({ email }) => email)).size, cast.length)
    assert.equal(directoryOf(cast)?.trim().split('\n').length, 1 + cast.filter(({ group }) => group.directory !== false).length)
  }
})

test('what is wrong with a story is said with its place', () => {
  assert.equal(decodeStory('s.yaml', SMALL).steps.length, 1)
  const cases: [change: [from: string, to: string], said: RegExp][] = [
    [['source: site', 'source: shop'], /s\.yaml:7:\d+: found shop, expected the id of a source/],
    [['people: all, source', 'people: some, source'], /expected the id of a group of people/],
    [['do: send', 'do: dance'], /s\.yaml:7/],
    [['count: 2', 'count: many'], /expected how many people/],
    [['source: site }', 'source: site, loud: true }'], /unknown key "loud"/],
    [['2025-01-01T00:00:00Z', '2025-13-01T00:00:00Z'], /a date that exists/],
    [['2025-01-01T00:00:00Z', '2025-02-29T00:00:00Z'], /a date that exists/],
    [['do: send, people: all, source: site', 'do: open, as: i, vendor: mixpanel, told: 2024-11-31T00:00:00Z'], /a date that exists/],
    // What would hold whatever happened.
    [['do: send, people: all, source: site', 'do: expect, people: 20'], /people without an incident/],
    [['do: send, people: all, source: site', 'do: expect, state: cut'], /both of them/],
    [['do: send, people: all, source: site', 'do: expect'], /an expectation of nothing/],
    [
      [
        'do: send, people: all, source: site }',
        'do: open, as: i, vendor: mixpanel, told: 2025-01-01T00:00:00Z }\n  - { at: 2025-01-01T00:00:00Z, do: expect, incident: i, notSent: [emial] }',
      ],
      /found emial, expected fields/,
    ],
    [
      ['do: send, people: all, source: site', 'do: steal, vendor: mixpanel, as: f, emails: { people: some, count: 1 }'],
      /a group of people/,
    ],
    [['do: send, people: all, source: site', 'do: erase, people: all, count: 3'], /at most the 2 of all/],
    [['2025-01-01T00:00:00Z', '2025-01-01'], /an instant with a zone/],
    [['[{ id: site }]', '[{ id: site }, { id: site }]'], /an id that no other has/],
    [['steps:\n', 'steps:\n  - { at: 2025-02-01T00:00:00Z, do: cut, vendor: mixpanel }\n'], /steps in order of time/],
    [['do: send, people: all, source: site', 'do: close, incident: one, reason: r'], /an incident opened before/],
    [
      ['do: send, people: all, source: site', 'do: open, as: i, vendor: mixpanel, told: 2025-01-01T00:00:00Z, surfaces: [shop]'],
      /a surface of/,
    ],
    [['story: small', 'story: Not An Id'], /lower case letters/],
  ]
  for (const [[from, to], said] of cases) {
    assert.ok(SMALL.includes(from), from)
    assert.match(refusal(SMALL.replace(from, to)), said)
  }
  assert.throws(() => readStory('no-such-story'), /mixpanel-2025/)
})

const row = (n: number, s: number, at: number): LootRow => ({
  type: 'loot',
  request: 1,
  at,
  route: '/import',
  index: 0,
  accepted: true,
  duplicate: false,
  reason: null,
  field: null,
  record: { event: 'Thing done', properties: { n, s } },
})

test('the truth is what was received before the end of the window on the surfaces asked for', () => {
  const rows = fc.array(
    fc.record({ n: fc.integer({ min: 1, max: 9 }), s: fc.integer({ min: 1, max: 3 }), at: fc.integer({ min: 0, max: 9 }) }),
  )
  fc.assert(
    fc.property(rows, fc.integer({ min: 0, max: 9 }), fc.uniqueArray(fc.integer({ min: 1, max: 3 })), (received, accessTo, surfaces) => {
      const loot = received.map(({ n, s, at }) => row(n, s, at))
      const wanted = new Set(surfaces)
      const found = truth(loot, { accessTo, surfaces: wanted })
      for (let n = 1; n <= 9; n++)
        assert.equal(
          found.has(n),
          received.some((one) => one.n === n && one.at < accessTo && wanted.has(one.s)),
        )
      assert.deepEqual(truth(loot, { accessTo: undefined, surfaces: undefined }), new Set(received.map(({ n }) => n)))
    }),
  )
})

test('a missed person lowers recall, a wrong one precision, and a possible one neither', () => {
  const expected = new Set([1, 2])
  const listed = (...lines: [n: number | undefined, state: string][]) => lines.map(([n, state]) => ({ n, state }))
  assert.deepEqual(scoreScope(expected, listed([1, 'delivered'], [2, 'possible'])), { expected: 2, found: 2, precision: 1, recall: 1 })
  assert.deepEqual(scoreScope(expected, listed([1, 'delivered'])), { expected: 2, found: 1, precision: 1, recall: 0.5 })
  assert.equal(scoreScope(expected, listed([1, 'delivered'], [2, 'delivered'], [3, 'delivered'], [undefined, 'delivered'])).precision, 0.5)
  assert.equal(scoreScope(expected, listed([1, 'delivered'], [2, 'delivered'], [3, 'possible'])).precision, 1)
})

test('surfaces have numbers from one', () => {
  assert.deepEqual([...surfaceNumbers(readStory('scope-grows')).values()], [1, 2, 3])
})
