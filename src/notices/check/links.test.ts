/** Each rule about a link by itself: in a whole mail another check often finds the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostKind, isPlainlyOurs, judgeLink, linksIn } from './links.ts'
import { Findings } from './read-notice.ts'
import { MARKS } from './testing-check.ts'

const RECIPIENTS = ['asha@example.net']

function judged(link: string, marks = MARKS): string | undefined {
  const findings = new Findings()
  judgeLink(link, marks, RECIPIENTS, findings)
  assert.ok(findings.count <= 1)
  return findings.all()[0]?.code
}

test('one page, the bare domain and a few addresses are ours; nothing else is', () => {
  for (const link of [
    'https://nimbusnotes.com/check',
    'https://nimbusnotes.com/check/',
    'https://nimbusnotes.com',
    'http://nimbusnotes.com/',
    'https://nim\tbusnotes.com/check',
    '#top',
    '',
    ' ',
    'mailto:privacy@nimbusnotes.com',
    'mailto:SECURITY@nimbusnotes.com',
    'mailto:asha@example.net',
    'mailto:asha%40example.net',
  ])
    assert.equal(judged(link), undefined, link)
  for (const link of [
    'http://nimbusnotes.com/check',
    'https://nimbusnotes.com/check?x=1',
    'https://nimbusnotes.com/check#x',
    'https://a@nimbusnotes.com/check',
    'https://:b@nimbusnotes.com/check',
    'https://nimbusnotes.com:8443/check',
    'https://nimbusnotes.com/check/more',
    'https://nimbusnotes.com/more',
    'https://www.nimbusnotes.com/',
    'https://www.nimbusnotes.com/check',
    'https://evil.net/',
    'ftp://nimbusnotes.com/check',
    'ftp://nimbusnotes.com/',
    'javascript:alert(1)',
    'tel:+911800200300',
    '//nimbusnotes.com/check',
    'mailto:asha@example.net?body=x',
    'mailto:else@example.net',
    'mailto:other@evil.net',
  ])
    assert.equal(judged(link), 'link_foreign', link)
  const ported = { ...MARKS, checkUrl: 'https://nimbusnotes.com:8443/check' }
  assert.deepEqual(
    [judged('https://nimbusnotes.com:8443/check', ported), judged('https://nimbusnotes.com/check', ported)],
    [undefined, 'link_foreign'],
  )
})

test('a link that was made to look like ours is told apart from any other', () => {
  for (const link of [
    'https://nimbusnotes.com@evil.net/',
    'https://evil.net/nimbusnotes.com/check',
    'https://nimbusnotes.com.evil.net/',
    'https://nimbusnotes-com.net/',
    'https://nimbusnotes.net/',
    'https://my-nimbusnotes.net/',
    'https://nimbusnote.com/',
    'https://nimbusnotess.com/',
    'https://nmibusnotes.com/',
    'https://nimbusn\u043etes.com/',
    'https://xn--nimbusntes-d8j.com/'.replace('xn--nimbusntes-d8j', 'nimbusnöt\u0435s'),
    'mailto:security@nimbusnotes.net',
  ])
    assert.equal(judged(link), 'link_lookalike', link)
  assert.equal(judged('https://eur01.safelinks.protection.outlook.com/?url=x'), 'link_rewritten')
  assert.equal(judged('https://evilmimecast.com/'), 'link_foreign')
})

test('a host is ours with what stands before its dot; a short or a long name is like ours by as many letters as it bears', () => {
  const kind = (host: string, domain = 'nimbusnotes.com'): string => hostKind(host, { ...MARKS, domain })
  assert.deepEqual(
    ['nimbusnotes.com', 'a.nimbusnotes.com'].map((host) => kind(host)),
    ['ours', 'ours'],
  )
  assert.equal(kind('evilnimbusnotes.com'), 'lookalike')
  // Eleven letters bear two changes, eight one, four none.
  assert.deepEqual([kind('nimbosnutes.com'), kind('nimbosnutas.com')], ['lookalike', 'foreign'])
  assert.deepEqual([kind('testbenk.com', 'testbank.com'), kind('tistbenk.com', 'testbank.com')], ['lookalike', 'foreign'])
  assert.deepEqual([kind('zeto.com', 'zeta.com'), kind('zeta.net', 'zeta.com')], ['foreign', 'lookalike'])
  // A neighbour that changed places is one change, whatever stands around it.
  assert.equal(kind('testbnak.com', 'testbank.com'), 'lookalike')
  // Part of another word is like ours where the name is long enough to be no word of others.
  assert.deepEqual([kind('zetaworld.net', 'zeta.com'), kind('zeta-world.net', 'zeta.com')], ['foreign', 'lookalike'])
  assert.equal(kind('thetestbankshop.net', 'testbank.com'), 'lookalike')
  // However short it is: all of it with more behind, and the same under another ending.
  assert.deepEqual(
    [kind('ab.com.evil.net', 'ab.com'), kind('a-b.net', 'a-b.com'), kind('ab.net', 'xy.com')],
    ['lookalike', 'lookalike', 'foreign'],
  )
})

test('links, addresses and bare domains are found in a text wherever they end', () => {
  const found: [string, string[]][] = [
    ['see https://evil.net/a, or evil.net.', ['https://evil.net/a', 'https://evil.net/']],
    ['(mailto:a@b.net) <a@b.net>; «evil.net»', ['mailto:a@b.net', 'mailto:a@b.net', 'https://evil.net/']],
    ['read:https://evil.net', ['https://evil.net']],
    ['at https://nimbusnotes.com/check.', ['https://nimbusnotes.com/check']],
    ['evil\u3002net evil\uff0enet', ['https://evil.net/', 'https://evil.net/']],
    ['end.Then file.pdf 1.5 e.g.', []],
    ['a@b.net/x', ['https://a@b.net/x']],
    ['evil.net**', ['https://evil.net/']],
    ['“evil.net” evil.net। a@evil.net’ evil.net/a”', ['https://evil.net/', 'https://evil.net/', 'mailto:a@evil.net', 'https://evil.net/a']],
  ]
  for (const [text, links] of found) assert.deepEqual(linksIn(text), links, text)
  assert.equal(linksIn('evil.net '.repeat(500)).length, 60)
})

test('what a program writes behind words is passed over where it is ours to the letter', () => {
  for (const link of [
    'https://nimbusnotes.com/check',
    'HTTPS://nimbusnotes.com/CHECK',
    'https://nimbusnotes.com',
    'mailto:privacy@nimbusnotes.com',
    'mailto:security@nimbusnotes.com',
    'mailto:asha@example.net',
  ])
    assert.ok(isPlainlyOurs(link, MARKS, RECIPIENTS), link)
  for (const link of [
    'https://nimbusnotes.com/check/',
    'https://nimbusnotes.com/checks',
    'http://nimbusnotes.com',
    'mailto:a@nimbusnotes.com',
  ])
    assert.ok(!isPlainlyOurs(link, MARKS, RECIPIENTS), link)
})
