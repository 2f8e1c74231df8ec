/**
 * No text makes the detectors work more than in proportion to its length. Eight times the length may cost eight times the work,
 * give or take what collecting garbage does; a pattern that goes back over all that it has read would cost sixty-four times.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { destroySecrets } from './destroy.ts'
import { detect } from './detect.ts'

/** Beginnings of every pattern, cut where it is about to match. */
const SCRAPS = [
  ...['a', '@', 'a@', 'a@b', '@a.', 'a.', '"@', ' @a.b', '1', '1 ', '1-', '1.', '1/', '+1', '+1 ', '(1', ' (', '0', '00', '4111', '4111 '],
  ...[
    ':',
    'a:',
    '1:',
    '::',
    'ff:',
    'fe80::',
    'aa.aa.',
    'eyJ',
    'eyJ.',
    'eyJa-',
    'eyJaaaaaaaaaa.',
    '.eyJa',
    'sk-',
    'sk-1',
    'sk-A1b',
    'SG.',
    'SG.a.',
  ],
  ...[
    'bearer ',
    'bearer a',
    'basic YTpi ',
    'token=',
    'token:',
    'token: a',
    'password: a1 ',
    'api_key=',
    'api_key:a1',
    'name: A',
    'a=',
    'a: b',
  ],
  ...['/t/', '/token/a', '/reset/a1', '://', '://a:', '://a:b', '&a=', '?a=', '&#', '&#1', '%4', '%40', '%25', '\\u00', '\\u0040', '\\x4'],
  ...[
    '-----BEGIN ',
    'PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY-----',
    'AKIA',
    'AKIA ',
    'xoxb-',
    'EAA',
    'MN.',
    'dapi',
    'key-',
    '_',
    '-',
    '=',
  ],
  ...['GB82', 'GB82 ', 'DE89 37', 'A1', 'A1 ', 'AB12 ', 'AAAAA1234A ', '078-05-', 'QQ123456C ', 'imei 49015420323751 8 ', 'dob 1/1/1990 '],
  ...[
    '12 Main ',
    '12 a ',
    '1 a ',
    'rue A',
    'rue ',
    'via Aa ',
    'flat 1 ',
    'zip 1',
    'Mr A',
    'Mr Aa ',
    'Dear Aa ',
    'My name is A',
    'M. ',
    'Strasse',
  ],
  ...[
    '12.1234, ',
    '1.1111,1.1111 ',
    '\u00b0',
    '1\u00b0N ',
    '\u0663',
    '\u0430',
    'a\u0430',
    '\uff10',
    '\u200b',
    '\u00e9',
    '\ud83d',
    '[',
    '{"',
    '{"a":',
    '\n',
  ],
  ...['YWFh', 'YWFhYWFhYWFhYWFhYWFh', 'YWFhYWFhYWFhYWFhYWFh/', 'data:image/png;base64,', 'AbC1dEf2GhI3jKl4MnO5pQr6', 'us1-'],
]
const SHORT = 8000
const TIMES = 8
const GROWTH_MAX = 30

function cost(work: (text: string) => unknown, text: string): number {
  const before = process.cpuUsage()
  work(text)
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The cheapest of some runs: other programs and the collector only ever add. */
function growth(work: (text: string) => unknown, scrap: string): number {
  const short = scrap.repeat(Math.ceil(SHORT / scrap.length))
  const long = scrap.repeat(Math.ceil((SHORT * TIMES) / scrap.length))
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < 4 && least > GROWTH_MAX; run++) {
    // Below a millisecond nothing can be told.
    least = Math.min(least, cost(work, long) / Math.max(1000, cost(work, short)))
  }
  return least
}

const WORKS = { detect: (text: string) => detect(text), 'destroy secrets': (text: string) => destroySecrets(text) }

for (const [name, work] of Object.entries(WORKS)) {
  it(`${name}: the work grows with the length and no faster, whatever is repeated`, () => {
    for (const scrap of SCRAPS) assert.ok(growth(work, scrap) <= GROWTH_MAX, JSON.stringify(scrap))
    const two = fc.tuple(fc.constantFrom(...SCRAPS), fc.constantFrom(...SCRAPS), fc.string({ maxLength: 3 }))
    fc.assert(
      fc.property(two, ([first, second, third]) => growth(work, first + second + third) <= GROWTH_MAX),
      { numRuns: 40 },
    )
  })
}
