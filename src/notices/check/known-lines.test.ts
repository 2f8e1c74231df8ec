/** What programs and filters add in fixed words, and links of theirs that lead to us. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unfiltered, withoutFilters } from './filter-links.ts'
import { bareSubject, isHelpPage, knownLines } from './known-lines.ts'
import { MARKS } from './testing-check.ts'

const known = (...lines: string[]): string => knownLines(lines, MARKS).map(Number).join('')

test('a sentence of a filter is known however it is wrapped and marked, a word more of somebody is not', () => {
  assert.equal(known('Sent from my iPhone'), '1')
  assert.equal(
    known(
      'CAUTION: This email originated from outside of the organization.',
      'Do not click links or open attachments',
      'unless you recognize the sender and know the content is safe.',
    ),
    '111',
  )
  assert.equal(known(`You don’t often get email from ${MARKS.sender.toUpperCase()}. Learn why this is important`), '1')
  assert.equal(known("You don't often get email from evil@evil.net. Learn why this is important"), '0')
  assert.equal(known('Sent from my iPhone', 'Call 1800 200 300', 'External email'), '101')
  assert.equal(known('Sent from my iPhone. Call us'), '0')
  assert.equal(known(), '')
  // Up to eight lines; no program puts each word in one of its own.
  assert.equal(known(...'this email originated from outside the organization.'.split(' ')), '1111111')
  assert.equal(known(...`you don't often get email from ${MARKS.sender}. learn why this is important`.split(' ')), '0'.repeat(12))
})

test('a sentence in two lines, of which the second is one by itself, is one', () => {
  const lines = Array.from({ length: 4 }, () => ['CAUTION:', 'This email originated from outside of the organization.']).flat()
  assert.equal(known(...lines), '11111111')
})

test('more than a few of them in a row could say something together', () => {
  const line = 'External email'
  assert.deepEqual([known(line, line, line, line), known(line, line, line, line, line)], ['1111', '00000'])
})

test('a subject is compared without what is put in front, and a mark in it is named', () => {
  const cases: [given: string, subject: string, mark?: string][] = [
    ['A notice', 'A notice'],
    ['Fwd: A notice', 'A notice'],
    ['RE: fw: WG: A notice', 'A notice'],
    ['[EXT] A notice', 'A notice', '[EXT]'],
    ['Fwd: [External Sender] Re: A notice', 'A notice', '[External Sender]'],
    ['External: A notice', 'A notice', 'External:'],
    ['Urgent: A notice', 'Urgent: A notice'],
    ['[urgent] A notice', '[urgent] A notice'],
  ]
  for (const [given, subject, mark] of cases)
    assert.deepEqual(bareSubject(given), mark === undefined ? { subject } : { subject, mark }, given)
})

test('the help page of one filter is that page alone', () => {
  const page = 'https://aka.ms/LearnAboutSenderIdentification'
  assert.ok(isHelpPage(page))
  for (const link of [`${page}/x`, `${page}?x`, 'https://aka.ms/Other', page.toLowerCase()]) assert.ok(!isHelpPage(link), link)
})

const SAFE = 'https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fnimbusnotes.com%2Fcheck&data=05%7C02&sdata=ab%3D&reserved=0'
const PROOF = 'https://urldefense.com/v3/__https://nimbusnotes.com/check__;!!AbC!xyz$'
const PROOF_2 = 'https://urldefense.proofpoint.com/v2/url?u=https-3A__nimbusnotes.com_check&d=Dw&c=a&r=b&m=c&s=d&e='

test('a link of a filter is the one that it leads to, where that is ours and nothing else is in it', () => {
  for (const link of [SAFE, PROOF, PROOF_2]) {
    assert.equal(unfiltered(link, MARKS), 'https://nimbusnotes.com/check', link)
    for (const other of [
      `${link}x`,
      `${link}&url=https://evil.net`,
      `x${link}`,
      link.replace('check', 'chuck'),
      link.replace('nimbusnotes.com', 'evil.net'),
      link.replace('https://', 'http://'),
    ])
      assert.equal(unfiltered(other, MARKS), undefined, other)
  }
  assert.equal(unfiltered(SAFE.replace('%2Fcheck', '%'), MARKS), undefined)
  assert.equal(unfiltered(SAFE.replace('eur01', 'evil'), MARKS), undefined)
})

test('in a text each such link is written as it was before, and each filter is named', () => {
  const hosts: string[] = []
  const evil = SAFE.replace('nimbusnotes.com', 'evil.net')
  const text = `See ${SAFE} and <${PROOF}>, not ${evil} there`
  assert.equal(
    withoutFilters(text, MARKS, (host) => hosts.push(host)),
    `See https://nimbusnotes.com/check and <https://nimbusnotes.com/check>, not ${evil} there`,
  )
  assert.deepEqual(hosts, ['eur01.safelinks.protection.outlook.com', 'urldefense.com'])
})
