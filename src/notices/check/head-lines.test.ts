/** What may stand in a head or above a notice that was sent on, value by value. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HeadGiven, isDate, isGreetedIn, isOurAddress, isOurName, isOurSender, isRecipient, isWrote } from './head-lines.ts'
import { MARKS } from './testing-check.ts'

const GIVEN: HeadGiven = { marks: MARKS, recipients: ['asha@example.net'], isGreeted: (name) => name === 'Asha Rao' }
const OURS = 'security@nimbusnotes.com'

function each<Value>(is: (value: Value) => boolean, good: readonly Value[], bad: readonly Value[]): void {
  for (const value of good) assert.ok(is(value), String(value))
  for (const value of bad) assert.ok(!is(value), String(value))
}

test('a name is ours, the address once more, or none at all', () => {
  const good = ['', 'Nimbus Notes security', 'nimbus  notes SECURITY', '"Nimbus Notes"', OURS, 'privacy@nimbusnotes.com']
  each((name: string) => isOurName(name, GIVEN), good, ['Nimbus', 'Bank', "'Nimbus Notes", 'a@nimbusnotes.com'])
  each((address: string) => isOurAddress(address, GIVEN), [OURS, 'PRIVACY@nimbusnotes.com'], ['', 'a@nimbusnotes.com'])
})

test('a sender is our address with our name, and an address behind it the same one', () => {
  const good = [
    `Nimbus Notes security <${OURS}>`,
    OURS,
    `<${OURS}>`,
    `"Nimbus Notes" [mailto:${OURS}]`,
    `Nimbus Notes <${OURS}<mailto:${OURS}>>`,
    'Nimbus Notes <privacy@nimbusnotes.com>',
  ]
  const bad = [
    '',
    'Nimbus Notes',
    'Nimbus Notes security <security@evil.net>',
    `Call 1800 200 300 <${OURS}>`,
    `Nimbus Notes <${OURS}<mailto:security@evil.net>>`,
    `Nimbus Notes <${OURS}> and others`,
  ]
  each((value: string) => isOurSender(value, GIVEN), good, bad)
})

test('a recipient is one who was asked about, by the address or by the name that the notice greets', () => {
  const good = [
    'asha@example.net',
    'Asha Rao <asha@example.net>',
    'asha@example.net <asha@example.net>',
    "'Asha Rao' <asha@example.net>",
    'Asha Rao',
  ]
  const bad = ['', 'Ben', 'ben@example.net', 'Asha Rao <ben@example.net>', 'Call us <asha@example.net>']
  each((value: string) => isRecipient(value, GIVEN), good, bad)
})

test('the name that is greeted stands before a comma of a short line, written as names are', () => {
  const lines = [
    'Hello Asha Rao,',
    '> Hello Maria de la Cruz,',
    'आशा राव,',
    'We are sorry, and so on for as long as it takes us here,',
    'O’Neil Jr.,',
    '>Ben Lee,',
  ]
  const good = ['Asha Rao', 'Asha  Rao', 'Maria de la Cruz', 'आशा राव', 'O’Neil Jr.', 'Ben Lee']
  // The last stands in a line, and is cut out of a word of it.
  each((name: string) => isGreetedIn(lines, name), good, [
    'Asha',
    'Ben',
    'We are sorry',
    'here',
    'sha Rao',
    'Hello Asha Rao, Call',
    'ello Asha Rao',
    '',
  ])
  assert.ok(!isGreetedIn(['Dear 1800 200 300,'], '1800 200 300'))
  assert.ok(!isGreetedIn(['Aa Bb Cc Dd Ee,'], 'Aa Bb Cc Dd Ee'))
  assert.ok(!isGreetedIn(['please call,'], 'please call'))
  assert.ok(!isGreetedIn(['One Two Three Four Five Six Seven Eight Asha Rao,'], 'Asha Rao'))
  assert.ok(!isGreetedIn(['HelloAsha Rao,', 'Hello Asha Raos,', 'Hello Asha Rao'], 'Asha Rao'))
})

test('a date is a date with its time and zone, and no number that could be one to call', () => {
  const good = [
    'Wed, 26 Nov 2025 13:30:00 +0530',
    'Wed, 26 Nov 2025 at 13:30',
    '26/11/2025, 13:30',
    '2025-11-26 13:30 (IST)',
    'Wednesday, November 26th, 2025 1:30 PM',
    'बुध, २६ नवंबर २०२५ को १३:३०',
    'Wed, 26 Nov 2025 13:30:00 +0000 (UTC)',
  ]
  const bad = [
    '',
    'Wednesday',
    '1800 200 300',
    '26 Nov 2025 27 Nov 2025',
    '26 Nov Nov 2025',
    '26 27 Nov 2025',
    '26 Nov 1800',
    'Wed 26 Nov 2025 call',
    '100 Nov 2025',
    'mon tue wed thu fri sat sun jan feb mar apr may 2025',
  ]
  each(isDate, good, bad)
})

test('who wrote when is us at some date, in either language, and nobody else', () => {
  const good = [
    `On Wed, 26 Nov 2025 at 13:30, Nimbus Notes security <${OURS}> wrote:`,
    `On 26 Nov 2025, at 13:30, ${OURS} wrote:`,
    `On Wed, 26 Nov 2025 at 13:30, "Nimbus Notes" <${OURS}> wrote:`,
    `बुध, 26 नव॰ 2025 को 13:30 बजे Nimbus Notes security <${OURS}> ने लिखा:`,
  ]
  const bad = [
    'On Wed, 26 Nov 2025 at 13:30, Nimbus Notes security <security@evil.net> wrote:',
    `On Wed, 26 Nov 2025 at 13:30, Bank <${OURS}> wrote:`,
    `On 1800 200 300 Nimbus Notes <${OURS}> wrote:`,
    `Nimbus Notes <${OURS}> wrote:`,
    `On Wed, 26 Nov 2025 at 13:30, Nimbus Notes <${OURS}> wrote: call`,
    `On Wed, 26 Nov 2025 at 13:30, Call us Nimbus Notes <${OURS}> wrote:`,
  ]
  each((line: string) => isWrote(line, GIVEN), good, bad)
})
