import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '#base/clock.ts'
import { Secret } from '#base/secret.ts'
import { filesBelow, LOOK, makePlace, removePlace, user, windowOf } from './testing.ts'
import { startTransit, TRANSIT_TOKEN } from './testing-transit.ts'
import { transitWrap } from './transit-wrap.ts'
import { createKeys, openVault, type Vault } from './vault.ts'

test('the root key is wrapped by the key service alone, and by its newest key after a rotation', async (t) => {
  const place = makePlace()
  const transit = await startTransit()
  t.after(async () => {
    await transit.close()
    removePlace(place)
  })
  const tokenFile = path.join(place.root, 'token')
  writeFileSync(tokenFile, `${TRANSIT_TOKEN}\n`)
  const wrap = transitWrap({ url: transit.url, mount: 'transit', key: 'bulkhead', tokenFile })
  const open = (): Promise<Vault> => openVault({ ...place, wrap, clock: systemClock, sources: [{ id: 'web', trust: 'server' }] })
  await createKeys({ ...place, wrap })
  assert.ok(!existsSync(path.join(place.keysDir, 'kek')), 'no key lies there as a file')
  let vault = await open()
  await vault.commitWindow(windowOf({ identifiers: [user('u-1')] }))
  const before = transit.calls.length
  // Mid-flight it may be away: nothing of it is needed.
  transit.away = 503
  await vault.commitWindow(windowOf({ identifiers: [user('u-2')] }))
  assert.equal((await vault.resolve('u-2', LOOK)).length, 1)
  assert.equal(transit.calls.length, before)
  await assert.rejects(vault.rotating.rotate('root', LOOK), { code: 'key_service_unavailable' })
  await assert.rejects(vault.rotating.rotate('kek', LOOK), { code: 'key_service_unavailable' })
  assert.equal(vault.rotating.state().rotating, false)
  await vault.close()
  await assert.rejects(open(), { code: 'key_service_unavailable' })
  transit.away = undefined
  transit.rotate()
  vault = await open()
  await vault.rotating.rotate('kek', LOOK)
  await vault.rotating.rotate('root', LOOK)
  await vault.close()
  const store =
    filesBelow(place.keysDir)
      .find(({ file }) => file.endsWith('keys.db'))
      ?.bytes.toString('latin1') ?? ''
  assert.ok(store.includes('vault:v2:') && !store.includes('vault:v1:'))
  vault = await open()
  assert.equal((await vault.resolve('u-1', LOOK)).length, 1)
  assert.equal((await vault.describe()).root.wrap, 'transit')
  await vault.close()
  assert.deepEqual(transit.complaints, [])

  writeFileSync(tokenFile, 'hvs.expired\n')
  await assert.rejects(open(), (thrown: { code?: string; message?: string }) => {
    assert.equal(thrown.code, 'key_service_unavailable')
    assert.ok(/403/.test(thrown.message ?? '') && !/hvs/.test(thrown.message ?? ''), 'why, without the token')
    return true
  })
})

test('what was wrapped for another place, or by another key, does not open', async (t) => {
  const [transit, other] = [await startTransit(), await startTransit()]
  t.after(() => Promise.all([transit.close(), other.close()]))
  const of = (url: string) => transitWrap({ url, mount: 'transit', key: 'bulkhead', token: new Secret(TRANSIT_TOKEN) })
  const wrapped = await of(transit.url).wrap(Buffer.alloc(32, 7), '["root","one"]')
  assert.deepEqual(await of(transit.url).unwrap(wrapped, '["root","one"]'), Buffer.alloc(32, 7))
  assert.equal(await of(transit.url).unwrap(wrapped, '["root","two"]'), undefined)
  assert.equal(await of(other.url).unwrap(wrapped, '["root","one"]'), undefined)
  assert.equal(await of(transit.url).unwrap(Buffer.from('vault'), '["root","one"]'), undefined)
  const away = transitWrap({ url: 'http://127.0.0.1:1', mount: 'transit', key: 'bulkhead', token: new Secret(TRANSIT_TOKEN) })
  await assert.rejects(away.unwrap(wrapped, '["root","one"]'), { code: 'key_service_unavailable' })
})
