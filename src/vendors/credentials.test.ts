import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Secret } from '#base/secret.ts'
import type { VendorConfig } from '#model/config.ts'
import { openRecords } from '#records/records.ts'
import { configuredCredentials, credentialsOf, tickRotated } from './credentials.ts'

const VENDORS: VendorConfig[] = [
  {
    id: 'v',
    name: 'V',
    kind: 'analytics provider',
    destinations: [
      {
        ...{ id: 'd', vendor: 'v', protocol: 'mixpanel', url: 'https://v.example', token: 'public-token', grants: undefined },
        credentials: { kind: 'secret', secret: new Secret('the-secret') },
        deletionToken: new Secret('the-oauth-token'),
        events: { approved: [] },
        properties: { approved: [] },
      },
    ],
  },
]

test('what a vendor knows us by is to be changed after each closing of its flow, also when it is configured no more', (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'credentials-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const records = openRecords({ path: path.join(dir, 'records.db') })
  t.after(() => records.close())
  records.recordCredentials(configuredCredentials(VENDORS))
  const by = { at: 1000, actor: 'ann', reason: 'r' }
  const open = (configured = VENDORS): string[] =>
    credentialsOf('v', records, configured).flatMap(({ name, toRotate }) => (toRotate ? [name] : []))
  const tick = (name: string) => tickRotated({ vendor: 'v', name, ...by }, records, VENDORS)
  const all = ['d.deletionToken', 'd.secret', 'd.token']
  assert.deepEqual(open(), [])
  records.cut('v', by)
  assert.deepEqual(open(), all)
  tick('d.token')
  tick('d.secret')
  records.cut('v', by)
  assert.deepEqual(open(), ['d.deletionToken'], 'cut again while it is cut asks for nothing anew')
  records.restore('v', by)
  assert.deepEqual(open(), ['d.deletionToken'], 'still not changed')
  records.cut('v', by)
  assert.deepEqual(open(), all, 'a new closing, a new change')
  for (const name of all) tick(name)
  records.retire('v', by)
  assert.deepEqual(open(), [])
  assert.deepEqual(
    credentialsOf('v', records, []).map(({ name, configured, rotatedBy }) => [name, configured, rotatedBy]),
    all.map((name) => [name, false, 'ann']),
  )
  assert.throws(() => tick('d.other'), { code: 'credential_unknown' })
  assert.throws(() => records.restore('v', by), { code: 'vendor_retired' })
  assert.equal(records.cut('v', by).state, 'retired')
  const said = JSON.stringify(credentialsOf('v', records, VENDORS))
  for (const value of ['public-token', 'the-secret', 'the-oauth-token']) assert.ok(!said.includes(value))
})
