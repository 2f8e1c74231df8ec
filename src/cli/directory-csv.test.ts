import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import type { DirectoryRow } from '#vault/port.ts'
import { openDirectoryFile } from './directory-csv.ts'

let folder: string

before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-csv-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

async function read(text: string | Buffer): Promise<DirectoryRow[]> {
  const file = path.join(folder, 'users.csv')
  writeFileSync(file, text)
  const directory = openDirectoryFile(file)
  const { rows } = await directory.check()
  const found: DirectoryRow[] = []
  for await (const row of directory.rows()) found.push(row)
  assert.equal(found.length, rows)
  return found
}

test('columns by their common names, quoting, byte-order mark, other delimiters and scripts', async () => {
  const comma =
    '\ufeffUser ID,E-Mail,First Name,Last Name,Company,Role,Plan\n7,ann@example.com,Ann,"O\'Neil, Jr.",Acme,Admin,pro\n\n8,,अनीता,,Acme,member,free\n'
  const expected = [
    { id: '7', email: 'ann@example.com', name: "Ann O'Neil, Jr.", groups: [{ key: 'company', value: 'Acme', admin: true }] },
    { id: '8', name: 'अनीता', groups: [{ key: 'company', value: 'Acme', admin: false }] },
  ]
  assert.deepEqual(await read(comma), expected)
  assert.deepEqual(await read('user_id;email;name;company;admin\r\n7;ann@example.com;"O;N";Acme;yes\r\n'), [
    { id: '7', email: 'ann@example.com', name: 'O;N', groups: [{ key: 'company', value: 'Acme', admin: true }] },
  ])
  assert.deepEqual(await read('id\tphone\tcountry\tlanguage\tgroup\tgroup_key\norg-less\t+1 555 0100\tIN\thi\t\t\n9\t\t\t\tT1\tteam\n'), [
    { id: 'org-less', phone: '+1 555 0100', country: 'IN', language: 'hi', groups: [] },
    { id: '9', groups: [{ key: 'team', value: 'T1', admin: false }] },
  ])
  assert.deepEqual(await read('id,constructor,toString\n1,A,b\n'), [{ id: '1', groups: [] }])
  assert.deepEqual(await read('id,company,company_key\n1,A,org\n'), [{ id: '1', groups: [{ key: 'org', value: 'A', admin: false }] }])
})

const WRONG: [what: string, text: string | Buffer, says: RegExp][] = [
  ['no id column', 'email,name\nann@example.com,Ann\n', /users\.csv:1: no column is called id/],
  ['no header at all', '7,ann@example.com\n', /users\.csv:1: no column is called id/],
  ['an empty file', '', /is empty/],
  ['two ids', 'id,user_id\n1,2\n', /users\.csv:1: two columns mean id/],
  ['a group without its key', 'id,group\n1,G\n', /without a column group_key/],
  ['an empty id', 'id,email\n1,a@example.com\n,b@example.com\n', /users\.csv:3: column id: empty/],
  ['no address', 'id,email\n1,ann at example\n', /users\.csv:2: column email: not an address/],
  ['a line break in a name', 'id,name\n1,"Ann\nO"\n', /column name: a control character or line break/],
  ['a cell too many', 'id,name\n1,Ann,x\n', /users\.csv:2: another number of cells/],
  ['an open quote', 'id,name\n1,"Ann\n', /users\.csv:\d+: not CSV/],
  ['an admin that is neither', 'id,admin\n1,perhaps\n', /column admin: neither yes nor no/],
  ['bytes that are no UTF-8', Buffer.from([...Buffer.from('id,name\n1,'), 0xc3, 0x28, 0x0a]), /is not UTF-8/],
]

for (const [what, text, says] of WRONG) {
  test(`refused before anything is imported: ${what}`, async () => {
    await assert.rejects(read(text), (thrown) => {
      assert.ok(thrown instanceof BulkheadError, String(thrown))
      assert.equal(thrown.code, 'directory_invalid')
      assert.match(thrown.message, says)
      for (const cell of ['ann', 'Ann', 'b@example.com']) assert.ok(!thrown.message.includes(cell), "a cell is somebody's data")
      return true
    })
  })
}
