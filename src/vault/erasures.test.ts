import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { device, LOOK, makePlace, openAt, removePlace, user, windowOf } from './testing.ts'
import { createKeys, type Vault } from './vault.ts'

const at = Date.UTC(2026, 0, 1)

async function addPeople(vault: Vault): Promise<number[]> {
  const { ordinals } = await vault.commitWindow(
    windowOf({
      identifiers: [user('u-1'), user('u-2'), device('d-1')],
      facts: [
        { of: -1, field: 'email', value: 'one@mail.example', once: false, trust: 'server', at },
        { of: -2, field: 'email', value: 'two@mail.example', once: false, trust: 'server', at },
      ],
      edges: [{ kind: 'device', from: -3, to: -1, trust: 'server', at }],
    }),
  )
  return ordinals
}

async function found(vault: Vault, query: string): Promise<number> {
  return (await vault.resolve(query, LOOK)).length
}

test('an older copy of the rows does not bring an erased person back', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  const ordinals = await addPeople(vault)
  const copy = path.join(place.root, 'copy')
  mkdirSync(copy)
  await vault.keeping.backupRows(copy)
  assert.equal(await vault.erase([ordinals[0] as number]), 1)
  assert.equal(await found(vault, 'one@mail.example'), 0, 'gone at once')
  assert.equal(await found(vault, 'u-2'), 1)
  assert.equal((await vault.describe()).people, 1)
  await vault.close()

  for (const name of ['vault.db', 'vault.db-wal', 'vault.db-shm', 'looks'])
    rmSync(path.join(place.dataDir, name), { recursive: true, force: true })
  cpSync(copy, place.dataDir, { recursive: true })
  vault = await openAt(place)
  assert.equal(vault.erasuresReplayed, 1)
  assert.deepEqual([await found(vault, 'one@mail.example'), await found(vault, 'u-1'), await found(vault, 'u-2')], [0, 0, 1])
  assert.equal((await vault.describe()).people, 1)
  assert.deepEqual(
    (await vault.graph()).devices,
    [{ device: ordinals[2], person: ordinals[0], from: at, to: Number.MAX_SAFE_INTEGER }],
    'the number of an erased person keeps the device from counting for others',
  )
  assert.equal(await found(vault, 'd-1'), 0, 'and names nobody')
  await vault.close()
  vault = await openAt(place)
  assert.equal(vault.erasuresReplayed, 0, 'once')
  assert.equal(vault.keeping.removeUnreadable(), 0)
  const back = await vault.commitWindow(windowOf({ identifiers: [user('u-1')] }))
  assert.ok((back.ordinals[0] as number) > (ordinals[2] as number), 'a returning person is new')
  await vault.close()
})

test('of an erased person no wrapped secret is left in the key folder', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  const vault = await openAt(place)
  const [first] = await addPeople(vault)
  const { DatabaseSync } = await import('node:sqlite')
  const copy = path.join(place.root, 'keys-copy')
  await vault.keeping.backupKeys(copy)
  const db = new DatabaseSync(path.join(copy, 'keys.db'))
  const wrapped = Buffer.from(
    db.prepare('SELECT wrapped FROM person_secrets WHERE ordinal = ?').get(first as number)?.wrapped as Uint8Array,
  )
  db.close()
  assert.ok(
    readFileSync(path.join(place.keysDir, 'keys.db')).includes(wrapped) ||
      readFileSync(path.join(place.keysDir, 'keys.db-wal')).includes(wrapped),
  )
  await vault.erase([first as number])
  await vault.close()
  assert.ok(!readFileSync(path.join(place.keysDir, 'keys.db')).includes(wrapped))
})

test('what the key folder remembers of the data never goes down, and is exact only after a clean stop', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  await vault.keeping.remember({ log: 10 })
  await vault.keeping.remember({ ledger: 7 })
  await vault.keeping.remember({ ledger: 5, flows: [{ vendor: 'acme', state: 'cut', fence: 3 }] })
  assert.equal((await vault.describe()).newest.exact, false)
  await vault.keeping.remember({ log: 12, final: true })
  await vault.keeping.remember({ ledger: 8, final: true })
  await vault.close()
  vault = await openAt(place)
  const { at: _, ...newest } = (await vault.describe()).newest
  assert.deepEqual(newest, { log: 12, ledger: 8, flows: [{ vendor: 'acme', state: 'cut', fence: 3 }], exact: true })
  await vault.keeping.remember({ log: 12 })
  assert.equal((await vault.describe()).newest.exact, false, 'it runs again')
  await vault.close()
})

test('rows that name people whom the keys do not know are refused, not emptied', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  const vault = await openAt(place)
  await addPeople(vault)
  const older = path.join(place.root, 'older-keys')
  await vault.keeping.backupKeys(older)
  await vault.commitWindow(windowOf({ identifiers: [user('u-3')] }))
  await vault.close()
  rmSync(place.keysDir, { recursive: true })
  cpSync(older, place.keysDir, { recursive: true })
  await assert.rejects(openAt(place), { code: 'key_wrong' })
})
