/** How a mail is put together: each thing of which two programs would make two mails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeShape } from './mail-shape.ts'
import { Findings } from './read-notice.ts'

function strange(...lines: string[]): (string | undefined)[] {
  const findings = new Findings()
  judgeShape(Buffer.from(lines.join('\r\n')), findings)
  return findings.all().map(({ values }) => values.what)
}

const mail = (...head: string[]): (string | undefined)[] => strange('From: a@b.net', ...head, '', 'Hello')
/** With one part, whose head that is. */
const part = (...head: string[]): (string | undefined)[] =>
  strange('From: a@b.net', 'Content-Type: multipart/mixed; boundary=x', '', '--x', ...head, '', 'Hello', '--x--')

test('a mail as programs make it has nothing strange', () => {
  assert.deepEqual(mail('Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'), [])
  assert.deepEqual(mail('Content-Type: text/html;', '\tcharset="UTF-8"; format=flowed'), [])
  assert.deepEqual(mail(), [])
  const both = [
    '--x',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'a',
    '--x',
    'Content-Type: text/html; charset=windows-1252',
    '',
    'a',
    '--x--',
  ]
  assert.deepEqual(strange('Content-Type: multipart/alternative; boundary=x', '', ...both), [])
  assert.deepEqual(part('Content-Type: application/pdf; name="a.pdf"', "Content-Disposition: attachment; filename*=utf-8''a.pdf"), [])
  assert.deepEqual(
    part('Content-Type: application/pgp-signature; name=signature.asc', 'Content-Description: OpenPGP digital signature'),
    [],
  )
})

test('two texts of one kind, two heads of one name, and a parameter that stands twice are named', () => {
  const twice = (type: string) =>
    strange('--x', `Content-Type: text/${type}`, '', 'a', '--x', `content-type : text/${type}; charset=utf-8`, '', 'b')
  assert.deepEqual([twice('plain'), twice('html')], [['2 × text/plain'], ['2 × text/html']])
  assert.deepEqual(mail('Content-Transfer-Encoding: 8bit', 'content-transfer-encoding: base64'), ['content-transfer-encoding'])
  assert.deepEqual(part('Content-ID: <a>', 'Content-Id: <b>'), ['content-id'])
  assert.deepEqual(mail('Content-Type: text/plain; charset=utf-8; charset=utf-8'), ['charset'])
  assert.deepEqual(mail('Content-Type: multipart/mixed; boundary=x; boundary=y'), ['boundary'])
  assert.deepEqual(mail('Content-Type: multipart/mixed; boundary*0=x; boundary*1=y'), ['boundary'])
  assert.deepEqual(mail("Content-Type: text/plain; charset*=utf-8''utf-8"), ['charset', "utf-8''utf-8"])
})

test('a set of letters that programs do not agree on, a name beside a text and a description of one are named', () => {
  for (const charset of ['utf-7', 'utf-16', 'x-unknown', 'gb2312', ''])
    assert.deepEqual(mail(`Content-Type: text/plain; charset="${charset}"`), [charset])
  for (const charset of ['utf8', 'UTF-8', 'us-ascii', 'iso-8859-1', 'iso-8859-15', 'latin1', 'windows-1258'])
    assert.deepEqual(mail(`Content-Type: text/plain; charset=${charset}`), [])
  assert.deepEqual(part('Content-Type: text/plain; name="Call 1800"'), ['Call 1800'])
  assert.deepEqual(part('Content-Type: text/plain', 'Content-Disposition: inline; filename="Call 1800"'), ['Call 1800'])
  // What says no type is text.
  assert.deepEqual(part('Content-Disposition: inline; filename="Call 1800"'), ['Call 1800'])
  assert.deepEqual(mail('Content-Description: Call 1800 200 300'), ['Call 1800 200 300'])
})

test('what may be a head of a part is looked at wherever a border may stand', () => {
  assert.deepEqual(strange('From: a@b.net', '', 'text', '--anything', 'Content-Type: text/plain; charset=utf-7', '', 'x'), ['utf-7'])
  assert.deepEqual(strange('', 'Content-Type: text/plain; charset=utf-7', '', 'x'), ['utf-7'])
  assert.deepEqual(strange('From: a@b.net', '', 'Content-Type: text/plain; charset=utf-7', 'x'), [])
})
