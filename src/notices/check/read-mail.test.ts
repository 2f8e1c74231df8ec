/** What is said of each line of a mail's head and of each part beside its text, and nothing besides. */
import assert from 'node:assert/strict'
import { promises as dns } from 'node:dns'
import { test } from 'node:test'
import { readMail } from './read-mail.ts'
import { Findings, type OfficialMarks } from './read-notice.ts'
import { composed, MARKS } from './testing-check.ts'

const ASHA = 'asha@example.net'
const HEAD: Readonly<Record<string, string>> = {
  From: `Nimbus Notes security <${MARKS.sender}>`,
  To: ASHA,
  Subject: 'A notice',
  Date: 'Wed, 26 Nov 2025 13:30:00 +0530',
}

interface Asked {
  address?: string | undefined
  marks?: OfficialMarks
  more?: string
  body?: string
}

/** Findings of a mail with these lines in place of ours, or with some more. */
async function found(head: Record<string, string>, given: Asked = {}): Promise<string[]> {
  const { marks = MARKS, more = '', body = '\r\nHello Asha Rao,\r\n' } = given
  const lines = Object.entries({ ...HEAD, ...head }).map(([name, value]) => `${name}: ${value}\r\n`)
  const findings = new Findings()
  const address = 'address' in given ? given.address : ASHA
  await readMail(Buffer.from(`${lines.join('')}${more}${body}`), { marks, address, findings })
  return [...new Set(findings.all().map(({ code }) => code))]
}

const NONE = ['dkim_none']
const FOREIGN = ['dkim_none', 'head_foreign']

test('of a mail as we send it nothing is said but that it has no signature', async () => {
  assert.deepEqual(await found({}), NONE)
  for (const head of [
    { From: MARKS.sender },
    { From: `"Nimbus Notes" <${MARKS.contactMail}>` },
    { 'Reply-To': 'Nimbus Notes <privacy@nimbusnotes.com>' },
    { Sender: `<${MARKS.sender}>` },
    { 'Thread-Topic': 'Fwd: A  notice' },
    { To: `Asha Rao <${ASHA}>` },
    { To: `${ASHA} <${ASHA}>` },
  ] as Record<string, string>[])
    assert.deepEqual(await found(head), NONE, JSON.stringify(head))
})

test('a line that somebody reads, and that we did not write, is named', async () => {
  for (const head of [
    { Cc: 'a@b.net' },
    { Organization: 'Call 1800 200 300' },
    { 'X-Message-Flag': 'Call 1800 200 300' },
    { 'List-Unsubscribe': '<https://evil.net>' },
    { 'Disposition-Notification-To': 'a@b.net' },
    { From: `Nimbus Notes (call us) <${MARKS.sender}>` },
    { From: `Bank <${MARKS.sender}>` },
    { From: 'Nimbus Notes <other@nimbusnotes.com>' },
    { To: `${ASHA} (call us)` },
    { To: `Call us <${ASHA}>` },
    { To: 'ben@example.org' },
    { 'Reply-To': `(call us) ${MARKS.contactMail}` },
    { 'Reply-To': `Call us <${MARKS.contactMail}>` },
    { Sender: `${MARKS.sender} (call us)` },
    { Sender: 'evil@evil.net' },
    { Sender: 'nobody' },
    { Sender: `${MARKS.sender}, evil@evil.net` },
    { Date: 'call 1800 200 300' },
    { 'Thread-Topic': 'Call us' },
  ] as Record<string, string>[])
    assert.deepEqual(await found(head), FOREIGN, JSON.stringify(head))
})

test('of a line that stands twice programs take either', async () => {
  const twice: [string, string][] = [
    ['Subject', 'A notice'],
    ['To', ASHA],
    ['Date', 'Wed, 26 Nov 2025 13:30:00 +0530'],
  ]
  for (const [name, value] of twice) assert.deepEqual(await found({}, { more: `${name}: ${value}\r\n` }), FOREIGN, name)
  for (const line of [`Reply-To: ${MARKS.contactMail}\r\n`, `Sender: ${MARKS.sender}\r\n`])
    assert.deepEqual(await found({}, { more: line + line }), FOREIGN, line)
})

test('one sender, who is us; an answer goes to us, or to who sent it on', async () => {
  assert.deepEqual(await found({}, { more: `From: ${MARKS.sender}\r\n` }), ['from_several', ...NONE])
  assert.deepEqual(await found({ From: `${MARKS.sender}, ${MARKS.contactMail}` }), ['from_several', ...NONE])
  assert.deepEqual(await found({ From: 'Nimbus Notes <a@evil.net>' }), ['from_foreign', ...NONE])
  assert.deepEqual(await found({ From: 'Nimbus Notes <a@nimbusnotes.net>' }), ['from_lookalike', ...NONE])
  assert.deepEqual(await found({ 'Reply-To': 'a@evil.net' }), ['reply_elsewhere', ...NONE])
  assert.deepEqual(await found({ 'Reply-To': ASHA }), ['reply_elsewhere', ...NONE])
  const own = (head: Record<string, string>, given?: Asked) => found({ From: ASHA, To: 'help@anywhere.org', ...head }, given)
  assert.deepEqual(await own({}), ['from_you'])
  assert.deepEqual(await own({ 'Reply-To': ASHA }), ['from_you'])
  assert.deepEqual(await own({ 'Reply-To': 'a@evil.net' }), ['reply_elsewhere', 'from_you'])
  assert.deepEqual(await own({ From: `Asha Rao <${ASHA}>` }), ['from_you'])
  assert.deepEqual(await own({ From: `Call us <${ASHA}>` }), ['from_you', 'head_foreign'])
  // Two senders are not somebody who sent it on.
  assert.deepEqual(await own({ From: `${ASHA}, ${MARKS.sender}`, To: ASHA }), ['from_several', 'from_foreign', ...NONE])
})

test('the addresses to try are those of the servers nearest to the recipient, then those of the head; four, and each an address', async () => {
  const mail = (lines: string[]) => Buffer.from(`${lines.join('\r\n')}\r\n\r\nHello\r\n`)
  const read = async (...lines: string[]): Promise<string[]> =>
    (await readMail(mail(['From: a@b.net', ...lines]), { marks: MARKS, address: undefined, findings: new Findings() })).addresses
  assert.deepEqual(
    await read('To: C@x.net', 'X-Envelope-To: d@x.net', 'Envelope-To: b@x.net', 'X-Original-To: a@x.net', 'Delivered-To: A@x.net'),
    ['a@x.net', 'b@x.net', 'd@x.net', 'c@x.net'],
  )
  assert.deepEqual(await read('To: a@x.net, Group: b@x.net, c@x.net;', 'To: d@x.net', 'Delivered-To: <x> y@z'), [
    'a@x.net',
    'b@x.net',
    'c@x.net',
    'd@x.net',
  ])
  assert.deepEqual((await read('To: a@x.net, b@x.net, c@x.net, d@x.net, e@x.net')).length, 4)
  assert.deepEqual(await read('Delivered-To-Else: a@x.net'), [])
})

test('parts beside the text are named as what they are', async () => {
  const part = (type: string) =>
    found(
      { 'Content-Type': 'multipart/mixed; boundary=x' },
      { body: `\r\n--x\r\n\r\nHello\r\n--x\r\nContent-Type: ${type}\r\n\r\nx\r\n--x--\r\n` },
    )
  assert.deepEqual(await part('message/rfc822'), [...NONE, 'attached_mail'])
  assert.deepEqual(await part('application/pkcs7-mime'), [...NONE, 'encrypted'])
  assert.deepEqual(await part('application/pgp-encrypted'), [...NONE, 'encrypted'])
  assert.deepEqual(await part('application/pdf'), [...NONE, 'attachment'])
})

test('our signature holds by the key that we know; DNS is asked only where it may be, and about nobody else', async (t) => {
  const asked: string[] = []
  t.mock.method(dns.Resolver.prototype, 'resolveTxt', async (name: string) => {
    asked.push(name)
    return [[`v=DKIM1; k=rsa; p=${MARKS.dkim?.publicKey}`]]
  })
  const mail = { subject: 'A notice', text: 'Hello', html: '', common: [], personal: [] }
  const signed = await composed(mail, ASHA)
  const judged = async (bytes: Buffer, more: Partial<OfficialMarks>): Promise<string | undefined> => {
    const findings = new Findings()
    await readMail(bytes, { marks: { ...MARKS, ...more }, address: ASHA, findings })
    return findings.all().find(({ code }) => code.startsWith('dkim'))?.code
  }
  const broken = Buffer.from(signed.toString('latin1').replace('Hello', 'Hallo'), 'latin1')
  assert.deepEqual([await judged(signed, {}), await judged(broken, {})], ['dkim_good', 'dkim_broken'])
  assert.deepEqual(asked, [])
  // Under our signature another address of ours may be the sender; without it anybody may have written so.
  const other = { from: 'Nimbus Notes <news@nimbusnotes.com>' }
  for (const isSigned of [true, false]) {
    const findings = new Findings()
    await readMail(await composed(mail, ASHA, { ...other, isSigned }), { marks: MARKS, address: ASHA, findings })
    assert.equal(
      findings.all().some(({ code }) => code === 'head_foreign'),
      !isSigned,
    )
  }
  // Of a selector that we do not know.
  assert.deepEqual([await judged(signed, { dkim: undefined }), asked], ['dkim_none', []])
  assert.equal(await judged(signed, { dkim: undefined, checkDns: true }), 'dkim_good')
  assert.deepEqual(asked, ['n1._domainkey.nimbusnotes.com'])
  // Somebody else’s signature says nothing, whoever could confirm it.
  assert.equal(await judged(signed, { domain: 'other.example', checkDns: true }), 'dkim_none')
  assert.equal(await judged(signed, { domain: 'other.example', dkim: undefined, checkDns: true }), 'dkim_none')
  assert.equal(asked.length, 1)
})
