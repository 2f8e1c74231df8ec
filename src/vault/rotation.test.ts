/** Rotating keys: everything opens before, in the middle and after; nothing opens under what was rotated away. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import { filesBelow, LOOK, makePlace, openAt, removePlace, user, windowOf, INSTANCE } from './testing.ts'
import { createKeys, openVault, type Vault } from './vault.ts'

const at = Date.UTC(2026, 0, 1)
const PEOPLE = 1200

async function fill(vault: Vault, from: number, count: number): Promise<void> {
  const identifiers = Array.from({ length: count }, (_, n) => user(`u-${from + n}`))
  const facts = identifiers.map((_, n) => ({
    of: -n - 1,
    field: 'email',
    value: `u${from + n}@mail.example`,
    once: false,
    trust: 'server' as const,
    at,
  }))
  await vault.commitWindow(windowOf({ identifiers, facts }))
}

/** Everything that keys are for. */
async function assertOpens(vault: Vault, numbers: readonly number[], made: { pseudonym: string; sealed: Buffer }): Promise<void> {
  for (const n of numbers) {
    const [person] = await vault.resolve(`u${n}@mail.example`, LOOK)
    assert.ok(person !== undefined, `person ${n}`)
    assert.deepEqual((await vault.identities([person.users], LOOK))[0]?.ids, [`u-${n}`])
  }
  const [named] = await vault.resolvePseudonyms({ destination: 'd' }, [made.pseudonym], LOOK)
  assert.equal(named?.ordinal, 1)
  assert.equal(vault.openWaiting(20_000, made.sealed), 'waits')
}

async function make(vault: Vault): Promise<{ pseudonym: string; sealed: Buffer }> {
  const epoch = await vault.activeEpoch('d')
  const { pseudonyms } = await vault.disclose({ destination: 'd', epoch, subjects: Float64Array.of(1, 1), positions: new Float64Array() })
  return { pseudonym: pseudonyms.text(0), sealed: (await vault.door(20_000)).seal('waits') }
}

function wrappedIn(keysDir: string): Map<string, Buffer> {
  const copy = path.join(keysDir, '..', 'look.db')
  cpSync(path.join(keysDir, 'keys.db'), copy)
  const db = new DatabaseSync(copy)
  const found = new Map<string, Buffer>()
  for (const { name, value } of db.prepare("SELECT name, value FROM meta WHERE name LIKE 'root%' AND typeof(value) = 'blob'").all())
    found.set(String(name), Buffer.from(value as Uint8Array))
  for (const { ordinal, wrapped } of db.prepare('SELECT ordinal, wrapped FROM person_secrets').all())
    found.set(`person ${ordinal}`, Buffer.from(wrapped as Uint8Array))
  for (const { name, wrapped } of db.prepare('SELECT name, wrapped FROM named_keys').all())
    found.set(`key ${name}`, Buffer.from(wrapped as Uint8Array))
  db.close()
  rmSync(copy)
  return found
}

test('the root key is rotated while people come and go, and what stood under the former is gone', { timeout: 240_000 }, async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  await fill(vault, 0, PEOPLE)
  const made = await make(vault)
  await vault.close()
  const before = wrappedIn(place.keysDir)
  vault = await openAt(place)
  const rotating = vault.rotating.rotate('root', LOOK)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(vault.rotating.state().rotating, true, 'it is under way')
  await fill(vault, PEOPLE, 5)
  await assertOpens(vault, [0, PEOPLE - 1, PEOPLE + 4], made)
  const { wrapped } = await rotating
  assert.ok(wrapped >= PEOPLE)
  await assertOpens(vault, [0, 600, PEOPLE - 1, PEOPLE + 4], made)
  await vault.close()
  const files = filesBelow(place.keysDir)
  for (const [what, bytes] of before)
    for (const { file, bytes: content } of files) assert.ok(!content.includes(bytes), `${what} in ${file}`)
  vault = await openAt(place)
  await assertOpens(vault, [0, PEOPLE + 4], made)
  await vault.close()
})

test('a rotation that is killed after any slice goes on at the next opening', { timeout: 240_000 }, async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  await fill(vault, 0, PEOPLE)
  const made = await make(vault)
  const root = vault.rotating.state().rotatedAt as number
  for (let slices = 0; slices < 4; slices++) {
    const rotating = vault.rotating.rotate('root', LOOK).then(
      () => 'done',
      () => 'stopped',
    )
    for (let n = 0; n <= slices; n++) await new Promise((resolve) => setImmediate(resolve))
    // As after kill -9: files as they are now, with nobody having closed them.
    const killed = path.join(place.root, `killed-${slices}`)
    mkdirSync(killed)
    for (const name of ['vault.db', 'vault.db-wal', 'looks']) {
      if (existsSync(path.join(place.dataDir, name))) cpSync(path.join(place.dataDir, name), path.join(killed, name), { recursive: true })
    }
    cpSync(place.keysDir, path.join(killed, 'keys'), { recursive: true })
    const other = { root: killed, dataDir: killed, keysDir: path.join(killed, 'keys'), instance: INSTANCE }
    const again = await openAt(other)
    await assertOpens(again, [0, 700, PEOPLE - 1], made)
    await again.rotating.rotate('root', LOOK)
    assert.equal(again.rotating.state().rotating, false)
    await assertOpens(again, [0, 700, PEOPLE - 1], made)
    await again.close()
    assert.equal(await rotating, 'done')
  }
  assert.ok((vault.rotating.state().rotatedAt as number) >= root)
  await vault.close()
  vault = await openAt(place)
  await assertOpens(vault, [0], made)
  await vault.close()
})

test('the key-encryption key is another file, at whatever step it stopped', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  await fill(vault, 0, 3)
  const made = await make(vault)
  await vault.close()
  const kek = (): Buffer => readFileSync(path.join(place.keysDir, 'kek'))
  const former = kek()
  vault = await openAt(place)
  await vault.rotating.rotate('kek', LOOK)
  await assertOpens(vault, [0, 2], made)
  await vault.rotating.rotate('root', LOOK)
  await vault.close()
  assert.notDeepEqual(kek(), former)
  // A next key that nothing stands under yet.
  writeFileSync(path.join(place.keysDir, 'kek.next'), former)
  vault = await openAt(place)
  await assertOpens(vault, [0, 2], made)
  await vault.close()
  assert.ok(!existsSync(path.join(place.keysDir, 'kek.next')))
  const newest = kek()
  writeFileSync(path.join(place.keysDir, 'kek'), former)
  await assert.rejects(openAt(place), { code: 'key_wrong' })
  writeFileSync(path.join(place.keysDir, 'kek'), newest)
  vault = await openAt(place)
  await assertOpens(vault, [0, 2], made)
  await vault.close()
})

test('copies of keys are removed after thirty days, by a clock that ran steadily, and nothing else is', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let now = Date.now()
  const made = now
  const open = (): Promise<Vault> => openVault({ ...place, clock: { now: () => now, sleep: async () => undefined }, sources: [] })
  let vault = await open()
  const copies = path.join(place.root, 'copies')
  const dir = path.join(copies, 'keys-20260101T000000Z')
  mkdirSync(dir, { recursive: true })
  writeFileSync(path.join(dir, 'MANIFEST.json'), JSON.stringify({ kind: 'keys' }))
  const foreign = path.join(copies, 'not-ours')
  mkdirSync(foreign)
  await vault.keeping.recordBackup('keys', { at: now, dir })
  await vault.keeping.recordBackup('keys', { at: now, dir: foreign })
  assert.equal((await vault.describe()).keyBackups.length, 2)
  const root = vault.rotating.state().rotatedAt
  for (let day = 0; day <= 31; day++) {
    await vault.close()
    now += 0.9 * DAY_MS
    vault = await open()
    await vault.rotating.keep()
    if (day === 20) assert.ok(existsSync(dir), 'not before its time')
  }
  await vault.close()
  now += 5 * DAY_MS
  vault = await open()
  await vault.rotating.keep()
  assert.ok(existsSync(dir), 'an absence cannot be told from a clock that was set')
  for (let half = 0; half < 6; half++) {
    await vault.close()
    now += 0.9 * DAY_MS
    vault = await open()
    await vault.rotating.keep()
  }
  assert.ok(!existsSync(dir) && existsSync(foreign))
  assert.deepEqual((await vault.describe()).keyBackups, [{ at: made, dir: foreign }])
  assert.notEqual(vault.rotating.state().rotatedAt, root, 'and the root key was rotated by itself')
  await vault.close()
})
