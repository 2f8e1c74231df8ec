/** What of a form is read: browsers send every field of it, those that nobody filled in too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CheckForm, readForm } from './form.ts'

async function formOf(fields: [name: string, value: string | Blob][]): Promise<CheckForm | undefined> {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  const response = new Response(form)
  return readForm({ type: response.headers.get('content-type') ?? '', body: new Uint8Array(await response.arrayBuffer()) })
}

const contentOf = (form: CheckForm | undefined): string | undefined => form?.content && Buffer.from(form.content).toString()

/** As browsers send a field for a file that nobody chose: a file of nothing, without a name. */
const byBrowser = (text: string): Promise<CheckForm | undefined> => {
  const field = (name: string, value: string): string => `--X\r\nContent-Disposition: form-data; name="${name}"${value}\r\n`
  const none = field('mail', '; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n')
  const body = Buffer.from(`${field('code', '\r\n\r\nBH')}${field('text', `\r\n\r\n${text}`)}${none}--X--\r\n`)
  return readForm({ type: 'multipart/form-data; boundary=X', body })
}

test('a pasted text is read beside a file that nobody chose, and a file that somebody chose is read in its place', async () => {
  assert.equal(contentOf(await byBrowser('Hello Asha,')), 'Hello Asha,')
  assert.equal(
    contentOf(
      await formOf([
        ['text', 'Hello Asha,'],
        ['mail', new File(['From: a@b.example'], 'a.eml')],
      ]),
    ),
    'From: a@b.example',
  )
})

test('a text of nothing but space is none', async () => {
  assert.deepEqual(await byBrowser(' \r\n\t'), { code: 'BH', address: '' })
})

test('a line that is longer than its field is cut, and a file in the place of a line is none', async () => {
  const long = await formOf([
    ['code', 'c'.repeat(300)],
    ['address', 'a'.repeat(500)],
  ])
  assert.deepEqual([long?.code.length, long?.address.length], [200, 400])
  assert.deepEqual(await formOf([['code', new File(['x'], 'x')]]), { code: '', address: '' })
})
