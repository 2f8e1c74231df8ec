import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fill, Phrases } from './phrases.ts'
import { loadNoticeTemplates } from './templates.ts'

const templates = loadNoticeTemplates()

test('an instant is told in the company’s zone with UTC beside it, and with its day where that is another', () => {
  const cases: [zone: string, at: string, english: string, hindi: string][] = [
    [
      'Asia/Kolkata',
      '2025-11-08T19:00:00Z',
      '9 November 2025, 00:30 GMT+5:30 (8 November 2025, 19:00 UTC)',
      '9 नवंबर 2025, 00:30 बजे GMT+5:30 (8 नवंबर 2025, 19:00 UTC)',
    ],
    ['Asia/Kolkata', '2025-11-09T06:00:00Z', '9 November 2025, 11:30 GMT+5:30 (06:00 UTC)', '9 नवंबर 2025, 11:30 बजे GMT+5:30 (06:00 UTC)'],
    ['UTC', '2024-02-29T23:59:59Z', '29 February 2024, 23:59 UTC', '29 फ़रवरी 2024, 23:59 बजे UTC'],
    ['Etc/UTC', '2025-01-01T00:00:00Z', '1 January 2025, 00:00 UTC', '1 जनवरी 2025, 00:00 बजे UTC'],
    // The hour that comes twice when summer time ends: the offset tells which it was.
    ['Europe/Berlin', '2025-10-26T00:30:00Z', '26 October 2025, 02:30 GMT+2 (00:30 UTC)', '26 अक्टूबर 2025, 02:30 बजे GMT+2 (00:30 UTC)'],
    ['Europe/Berlin', '2025-10-26T01:30:00Z', '26 October 2025, 02:30 GMT+1 (01:30 UTC)', '26 अक्टूबर 2025, 02:30 बजे GMT+1 (01:30 UTC)'],
    [
      'Pacific/Kiritimati',
      '2025-12-31T12:00:00Z',
      '1 January 2026, 02:00 GMT+14 (31 December 2025, 12:00 UTC)',
      '1 जनवरी 2026, 02:00 बजे GMT+14 (31 दिसंबर 2025, 12:00 UTC)',
    ],
  ]
  for (const [zone, at, english, hindi] of cases) {
    assert.equal(new Phrases(templates.get('en'), zone).instant(Date.parse(at)), english)
    assert.equal(new Phrases(templates.get('hi'), zone).instant(Date.parse(at)).normalize('NFC'), hindi.normalize('NFC'))
  }
})

test('a name that ends with a full stop ends its sentence with that one', () => {
  assert.equal(fill(['Sent to ', 'vendor', '.'], { vendor: 'Example, Inc.' }), 'Sent to Example, Inc.')
  assert.equal(fill(['Sent to ', 'vendor', '. Then'], { vendor: 'Example' }), 'Sent to Example. Then')
  assert.equal(fill(['', 'vendor', ' told us.'], { vendor: 'Example, Inc.' }), 'Example, Inc. told us.')
})

test('numbers have Latin digits in both languages, and lists, plurals and names of languages are of the language', () => {
  const [english, hindi] = ['en', 'hi'].map((language) => new Phrases(templates.get(language), 'Asia/Kolkata')) as [Phrases, Phrases]
  assert.equal(english.number(1234567), '1,234,567')
  assert.equal(hindi.number(1234567), '12,34,567')
  assert.equal(english.list(['a', 'b', 'c']), 'a, b, and c')
  assert.equal(hindi.list(['क', 'ख']), 'क और ख')
  assert.equal(english.count('involved.properties', 1, { names: '“x”' }), 'a detail called “x”')
  assert.equal(english.count('involved.properties', 2, { names: '“x” and “y”' }), 'details called “x” and “y”')
  assert.equal(hindi.count('involved.properties', 1, { names: '“x”' }), '“x” नाम की एक जानकारी')
  assert.equal(hindi.count('involved.unnamedProperties', 2), '2 और जानकारियाँ, जिनके नाम यहाँ नहीं दिखाए जा सकते')
  assert.deepEqual(
    [english.languageName('hi'), hindi.languageName('en'), english.languageName('Hindi, mornings')],
    ['Hindi', 'अंग्रेज़ी', 'Hindi, mornings'],
  )
  assert.deepEqual(
    [english.vendorKind('Analytics provider'), hindi.vendorKind('analytics provider')],
    ['analytics provider', 'एनालिटिक्स की सेवा'],
  )
  assert.equal(hindi.vendorKind('tag manager'), 'tag manager')
  assert.equal(english.fieldSent({ field: 'phone', form: 'pseudonym' }, 'you'), 'a code in place of this: your phone number')
  assert.equal(english.fieldSent({ field: 'country', form: 'coarse' }, 'you'), 'the country from which you used our service')
  assert.equal(english.fieldSent({ field: 'search_keyword', form: 'coarse' }, 'you'), 'words that you searched for (given roughly)')
  assert.equal(english.fieldSent({ field: 'property.x', form: 'clear' }, 'you'), undefined)
})
