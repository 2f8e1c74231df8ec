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

const NO_FILE: [string, Blob] = ['mail', new File([], '')]
const contentOf = (form: CheckForm | undefined): string | undefined => form?.content && Buffer.from(form.content).toString()

test('a pasted text is read beside a file that nobody chose, and a file that somebody chose is read in its place', async () => {
  assert.equal(contentOf(await formOf([['text', 'Hello Asha,'], NO_FILE])), 'Hello Asha,')
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
  assert.deepEqual(await formOf([['code', 'BH'], ['address', 'a@b.example'], ['text', ' \r\n\t'], NO_FILE]), {
    code: 'BH',
    address: 'a@b.example',
  })
})

test('a line that is longer than its field is cut, and a file in the place of a line is none', async () => {
  const long = await formOf([
    ['code', 'c'.repeat(300)],
    ['address', 'a'.repeat(500)],
  ])
  assert.deepEqual([long?.code.length, long?.address.length], [200, 400])
  assert.deepEqual(await formOf([['code', new File(['x'], 'x')]]), { code: '', address: '' })
})
