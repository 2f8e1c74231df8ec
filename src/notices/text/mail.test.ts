/** What of a notice comes out of a mail at the other end, whatever the name: through nodemailer, and read by mailparser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { createTransport } from 'nodemailer'
import { canonicalWords, type NoticeMail } from '#model/notice-text.ts'
import { renderNotice } from './render.ts'
import { loadNoticeTemplates } from './templates.ts'
import { HOSTILE_NAMES, testingPerson, testingShapes, testingSubjectOf } from './testing-notices.ts'

const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' })

async function mailOf({ subject, text, html }: NoticeMail): Promise<Buffer> {
  const mail = {
    from: { name: 'Nimbus security', address: 'security@nimbus.example' },
    to: 'asha@people.example',
    subject,
    text,
    html,
    messageId: '<notice.1@nimbus.example>',
    date: new Date(0),
    baseBoundary: 'fixed',
  }
  const { message } = await transport.sendMail(mail)
  return message as Buffer
}

test('a notice arrives word for word in text and byte for byte in HTML, and its headers are the same whatever the name', async () => {
  const templates = loadNoticeTemplates()
  const { clear } = testingShapes()
  assert.ok(clear)
  const subject = testingSubjectOf(clear)
  for (const language of templates.languages) {
    const headers = new Set<string>()
    for (const name of [undefined, 'Asha Rao', 'आशा राव', 'محمد', ...HOSTILE_NAMES]) {
      const mail = renderNotice(templates, language, subject, clear, testingPerson({ ...(name === undefined ? {} : { name }) }))
      const bytes = await mailOf(mail)
      headers.add(bytes.subarray(0, bytes.indexOf('\r\n\r\n')).toString())
      assert.ok(bytes.every((byte) => byte < 0x80 && byte !== 0))
      assert.ok(
        bytes
          .toString()
          .split('\r\n')
          .every((line) => line.length <= 78 || line.startsWith('Subject:')),
      )
      const { text = '', html, subject: line, attachments } = await simpleParser(bytes)
      assert.deepEqual(canonicalWords(text), canonicalWords(mail.text))
      assert.equal(html, mail.html)
      assert.equal(line, mail.subject)
      assert.equal(attachments.length, 0)
    }
    assert.equal(headers.size, 1)
  }
})
