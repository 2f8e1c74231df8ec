import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { classShape, ID_RULES } from './ids.ts'
import { markOf } from './marks.ts'
import { mayBeNational } from './phone-shapes.ts'
import { featuresOf } from './prescan.ts'

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0
const longest = (text: string, pattern: RegExp): number => Math.max(0, ...(text.match(pattern) ?? []).map(({ length }) => length))

it('counts what the patterns count, in texts of any length', () => {
  const scraps = [
    'a',
    'Q',
    '7',
    ' ',
    '\t',
    '.',
    '-',
    ':',
    '@',
    '=',
    '/',
    '+',
    '%',
    '_',
    '~',
    '{',
    '(',
    ')',
    '#',
    'é',
    'आ',
    '１',
    '\u200b',
    '\ud83d',
  ]
  const piece = fc.oneof(fc.constantFrom(...scraps), fc.constantFrom('....', '12 34-5', 'Abc Def', 'x'.repeat(40), '-'.repeat(130)))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (parts) => {
      const text = parts.join('')
      const found = { ...featuresOf(text) }
      const said = {
        digits: count(text, /[0-9]/g),
        upper: count(text, /[A-Z]/g),
        lower: count(text, /[a-z]/g),
        spaces: count(text, /[ \t\n\v\f\r]/g),
        dots: count(text, /\./g),
        dashes: count(text, /-/g),
        colons: count(text, /:/g),
        ats: count(text, /@/g),
        equals: count(text, /=/g),
        slashes: count(text, /\//g),
        plus: count(text, /\+/g),
        escapes: count(text, /[%&\\]/g),
        braces: count(text, /[{[]/g),
        beyondAscii: count(text, /[^\0-\x7f]/g),
        longestRun: longest(text, /[A-Za-z0-9.=/+_~-]+/g),
        hasRun: (text.match(/[A-Za-z0-9.=/+_~-]{13,}/g) ?? []).some((run) => /[A-Z0-9]/.test(run)),
        hasWords: /[ \t\n\v\f\r][A-Z\x80-\uffff]/.test(text),
        mostDigits: Math.max(0, ...(text.match(/[0-9 \t\n\v\f\r./()-]+/g) ?? []).map((stretch) => count(stretch, /[0-9]/g))),
      }
      for (const [name, value] of Object.entries(said)) assert.equal(found[name as keyof typeof found], value, `${name} of ${text}`)
    }),
  )
})

it('marks every text in which words of a pattern stand, and few others', () => {
  const patterns = [...new Set(ID_RULES.flatMap(({ near, words }) => (near === undefined ? [] : [words])))]
  const mark = markOf(...patterns)
  // The words of the patterns, whole and cut, joined by all that may stand between words.
  const vocabulary = patterns.flatMap(({ source }) => source.match(/[a-z]{2,}/gi) ?? [])
  const word = fc.oneof(
    fc.constantFrom(...vocabulary),
    fc.constantFrom('No', 'x', 'the', "'s", '12'),
    fc.string({ maxLength: 3, unit: 'grapheme-ascii' }),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), fc.constantFrom(' ', '-', '.', '_', '', "'", '4'), (words, joint) => {
      const text = words.join(joint)
      if (patterns.some((pattern) => pattern.test(text))) assert.notEqual(featuresOf(text).marks & mark, 0, text)
    }),
    { numRuns: 3000 },
  )
  const prose = 'we opened the board and saw all tasks'
  assert.equal(featuresOf(prose).marks & mark, 0, prose)
  assert.throws(() => markOf(/middle/), /in the middle of a word/)
})

it('leaves out no rule for the order of letters and digits of a number that has its shape', () => {
  const byShape = ID_RULES.map(({ shape, lengths }) => ({ shape, classes: classShape(shape), lengths }))
  const character = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ')
  fc.assert(
    fc.property(
      fc.constantFrom(...byShape),
      fc.array(character, { minLength: 18, maxLength: 18 }),
      fc.array(fc.nat(1), { minLength: 18, maxLength: 18 }),
      (rule, characters, kinds) => {
        for (const length of rule.lengths) {
          const bare = characters
            .slice(0, length)
            .map((one, at) => (kinds[at] === 0 ? String(one.charCodeAt(0) % 10) : one))
            .join('')
          const classes = bare.replaceAll(/[A-Z]/g, 'L').replaceAll(/\d/g, 'D')
          if (rule.shape.test(bare))
            assert.ok(rule.classes.test(classes), `${rule.shape.source} takes ${bare}, and ${rule.classes.source} does not`)
        }
      },
    ),
    { numRuns: 5000 },
  )
  assert.equal(classShape(/^[A-Z]{5}\d{4}[A-Z]$/).test('LLLLLDDDDL'), true)
  assert.equal(classShape(/^[A-Z]{5}\d{4}[A-Z]$/).test('LLLLLDDDDD'), false)
})

it('lets the library decide on every telephone number that it would take', () => {
  const digits = fc
    .array(fc.nat(9), { minLength: 7, maxLength: 12 })
    .map((list) => list.join(''))
    .filter((text) => !/^(?:00|011)/.test(text))
  const region = fc.constantFrom('US', 'TR', 'GB', 'DE', 'FR', 'AU', 'JP', 'NL', 'IN', 'CH', 'BE', 'SE')
  fc.assert(
    fc.property(digits, region, (text, country) => {
      if (parsePhoneNumberFromString(text, country)?.isValid() === true) assert.ok(mayBeNational(text, country), `${country} ${text}`)
    }),
    { numRuns: 2000 },
  )
  assert.equal(mayBeNational('2125550143', 'US'), true)
  assert.equal(mayBeNational('4272732017', 'US'), false)
})
