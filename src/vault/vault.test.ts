import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, cpSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { dayOf } from '#base/clock.ts'
import type { ManifestRow } from '#model/disclosure.ts'
import { pagesOf } from './ordinal-pages.ts'
import { packManifest, unpackManifest } from './manifest.ts'
import { packSubjects } from './pseudonym.ts'
import { device, encodingsOf, filesBelow, group, LOOK, makePlace, openAt, removePlace, user, windowOf, withVault } from './testing.ts'
import { createKeys, type Vault } from './vault.ts'

test('keys are created once and opened only by what belongs together', async () => {
  const place = makePlace()
  const other = makePlace()
  try {
    await assert.rejects(openAt(place), { code: 'key_missing' })
    await createKeys(place)
    await assert.rejects(createKeys(place), { code: 'key_exists' })
    assert.equal(statSync(place.keysDir).mode & 0o777, 0o700)
    for (const { file } of filesBelow(place.keysDir)) assert.equal(statSync(file).mode & 0o777, 0o600, file)
    const vault = await openAt(place)
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('anna')] }))
    await assert.rejects(openAt(place), { code: 'already_running' })
    await vault.close()

    await assert.rejects(openAt({ ...place, instance: '00000000-0000-4000-8000-000000000000' }), { code: 'key_wrong' })
    const kek = path.join(place.keysDir, 'kek')
    renameSync(kek, `${kek}.away`)
    await assert.rejects(openAt(place), { code: 'key_missing' })
    writeFileSync(kek, Buffer.alloc(32, 7))
    await assert.rejects(openAt(place), { code: 'key_wrong' })
    writeFileSync(kek, Buffer.alloc(31, 7))
    await assert.rejects(openAt(place), { code: 'key_wrong' })
    renameSync(`${kek}.away`, kek)

    // Keys of the same instance that know nobody beside rows that name people; rows gone beside keys that know people.
    await createKeys(other)
    await assert.rejects(openAt({ ...place, keysDir: other.keysDir }), { code: 'key_wrong' })
    await assert.rejects(openAt({ ...other, keysDir: place.keysDir }), { code: 'key_wrong' })
    rmSync(path.join(other.keysDir, 'keys.db'))
    await assert.rejects(openAt(other), { code: 'key_missing' })

    const again = await openAt(place)
    assert.deepEqual((await again.commitWindow(windowOf({ identifiers: [user('anna')] }))).ordinals, ordinals)
    await again.close()
  } finally {
    removePlace(place)
    removePlace(other)
  }
})

test('a damaged key store is wrong, and a first start that was cut short is finished with the same key', async () => {
  const place = makePlace()
  try {
    await createKeys(place)
    const kek = readFileSync(path.join(place.keysDir, 'kek'))
    writeFileSync(path.join(place.keysDir, 'keys.db'), 'this is no database, but it is long enough to be read as one'.repeat(100))
    await assert.rejects(openAt(place), { code: 'key_wrong' })
    renameSync(path.join(place.keysDir, 'keys.db'), path.join(place.keysDir, 'keys.db.new'))
    chmodSync(place.keysDir, 0o755)
    await createKeys(place)
    assert.deepEqual(readFileSync(path.join(place.keysDir, 'kek')), kek)
    assert.equal(statSync(place.keysDir).mode & 0o777, 0o700)
    await (await openAt(place)).close()
  } finally {
    removePlace(place)
  }
})

test('one value has one ordinal; kinds and namespaces are apart; a broken call changes nothing', async () => {
  await withVault(async (vault, _place, reopen) => {
    const identifiers = [
      user('anna'),
      user(' anna '),
      device('anna'),
      group('anna'),
      ['other', 'id', 'anna', 'user'] as const,
      user('Anna'),
    ]
    const window = windowOf({ identifiers: identifiers as never })
    const replies = await Promise.all([vault.commitWindow(window), vault.commitWindow(window), vault.commitWindow(window)])
    const [given, ...others] = replies.map((reply) => reply.ordinals)
    for (const ordinals of others) assert.deepEqual(ordinals, given)
    const [anna, spaced, asDevice, asGroup, elsewhere, capital] = given as number[]
    assert.deepEqual([spaced, asDevice], [anna, anna])
    assert.equal(new Set([anna, asGroup, elsewhere, capital]).size, 4)
    assert.equal((await vault.describe()).people, 3)
    for (const ref of [0, -2, 99_999, 1.5, NaN]) {
      const facts = [{ of: ref, field: 'name', value: 'x', once: false, trust: 'server' as const, at: 1 }]
      await assert.rejects(vault.commitWindow(windowOf({ identifiers: [user('nobody')], facts })), { code: 'vault_refused' })
    }
    assert.deepEqual(await vault.resolve('nobody', LOOK), [])
    vault = await reopen()
    assert.deepEqual((await vault.commitWindow(window)).ordinals, given)
    assert.deepEqual(
      (await vault.resolve('anna', LOOK)).map(({ person }) => person),
      [anna, elsewhere],
    )
    assert.equal((await vault.describe()).people, 3)
  })
})

test('a late retry, a weaker origin and set_once overwrite nothing', async () => {
  await withVault(async (vault, _place, reopen) => {
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('anna'), device('d')] }))
    const [anna, tablet] = ordinals as [number, number]
    const say = async (value: string, trust: 'browser' | 'server' | 'directory', at: number, once = false): Promise<void> => {
      await vault.commitWindow(windowOf({ facts: [{ of: anna, field: 'email', value, once, trust, at }] }))
    }
    const emails = async (): Promise<string[]> => (await vault.identities([[anna, tablet]], LOOK))[0]?.emails ?? []
    const named = async (query: string): Promise<number[]> => (await vault.resolve(query, LOOK)).map(({ person }) => person)
    await say('first@example.com', 'server', 100)
    await say('once@example.com', 'server', 200, true)
    assert.deepEqual(await emails(), ['first@example.com'])
    await say('second@example.com', 'server', 300)
    await say('third@example.com', 'server', 300)
    await say('late@example.com', 'server', 250)
    await say('claimed@example.com', 'browser', 900)
    assert.deepEqual(await emails(), ['third@example.com'])
    vault = await reopen()
    // Said again, later: an older retry in between loses, even though the text did not change.
    await say('third@example.com', 'server', 500)
    await say('late@example.com', 'server', 400)
    await say('third@example.com', 'server', 600)
    vault = await reopen()
    await say('late@example.com', 'server', 550)
    assert.deepEqual(await emails(), ['third@example.com'])
    for (const query of ['first@example.com', 'late@example.com', 'claimed@example.com']) assert.deepEqual(await named(query), [], query)
    assert.deepEqual(await named('THIRD@example.com '), [anna])
    // What a browser said of the person's device does not stand beside what a server said of the person.
    await vault.commitWindow(
      windowOf({ facts: [{ of: tablet, field: 'email', value: 'evil@example.com', once: false, trust: 'browser', at: 1 }] }),
    )
    assert.deepEqual(await emails(), ['third@example.com'])
    await vault.importDirectory(
      [{ id: 'anna', email: 'anna@example.com', name: 'Anna A', phone: '+44 20 7946 0018', groups: [] }],
      'default',
      LOOK,
    )
    assert.deepEqual(await vault.identities([[anna], [tablet]], LOOK), [
      { ids: ['anna'], emails: ['anna@example.com'], names: ['Anna A'], trust: { emails: 'directory', names: 'directory' } },
      { ids: ['d'], emails: ['evil@example.com'], names: [], trust: { emails: 'browser', names: null } },
    ])
    assert.deepEqual(await named('third@example.com'), [])
    assert.deepEqual(await named('+442079460018'), [anna])
  })
})

/** Pairs of user and group, once for each who said so with weight. */
async function membersOf(vault: Vault, users: readonly number[]): Promise<[user: number, group: number][]> {
  const found = await vault.census.members(pagesOf(users))
  return Array.from(found.users, (one, at): [number, number] => [one, found.groups[at] as number])
}

test('a browser joins nobody and its word makes nobody a member; the directory is counted', async () => {
  await withVault(async (vault) => {
    const { ordinals } = await vault.commitWindow(
      windowOf({
        identifiers: [user('anna'), user('victim'), group('Acme')],
        edges: [{ kind: 'merge', from: -1, to: -2, trust: 'browser', at: 5 }],
        memberships: [
          { person: -1, group: -3, trust: 'server', at: 5 },
          { person: -1, group: -3, trust: 'browser', at: 6 },
        ],
      }),
    )
    const [anna, victim, acme] = ordinals as [number, number, number]
    assert.deepEqual(await vault.graph(), { merged: [], devices: [] })
    assert.equal((await vault.describe()).refusedMerges, 1)
    assert.deepEqual(await membersOf(vault, [anna]), [[anna, acme]])
    const rows = ['anna', 'carla', 'carla'].map((id) => ({ id, name: 'C', groups: [{ key: 'company', value: 'Acme', admin: true }] }))
    assert.deepEqual(await vault.importDirectory(rows, 'default', LOOK), { rows: 3, newPeople: 1, facts: 3 })
    const { ordinals: again } = await vault.commitWindow(windowOf({ identifiers: [user('carla')] }))
    const carla = again[0] as number
    assert.deepEqual(await membersOf(vault, [victim, carla]), [[carla, acme]])
    const { keys, administrators } = await vault.census.groups({ users: pagesOf([carla]), named: new Float64Array(0) })
    assert.deepEqual([keys, [...administrators]], [['company'], [anna, carla]])
    await vault.commitWindow(windowOf({ edges: [{ kind: 'merge', from: victim, to: anna, trust: 'server', at: 7 }] }))
    assert.deepEqual((await vault.graph()).merged, [[victim, anna]])
    await assert.rejects(vault.importDirectory([{ id: ' ', groups: [] }], 'default', LOOK), { code: 'directory_invalid' })
  })
})

test('epochs: one active, closed ones still name, destroyed ones name nobody for ever', async () => {
  await withVault(async (vault, place, reopen) => {
    const subjects = [
      { kind: 'user' as const, ordinal: 7 },
      { kind: 'group' as const, ordinal: 8 },
    ]
    const made = async (destination: string) => {
      const epoch = await vault.activeEpoch(destination)
      const { pseudonyms, insertIds, phases } = await vault.disclose({
        destination,
        epoch,
        subjects: packSubjects(subjects),
        positions: Float64Array.of(1, 0, 1, 1),
      })
      return { epoch, pseudonyms: pseudonyms.texts(), insertIds: insertIds.texts(), phases }
    }
    const [first, elsewhere] = [await made('a'), await made('b')]
    vault = await reopen()
    assert.deepEqual(await made('a'), first)
    vault.closeEpoch('a', 1)
    await assert.rejects(vault.disclose({ destination: 'a', epoch: 1, subjects: packSubjects(subjects), positions: new Float64Array() }), {
      code: 'vault_refused',
    })
    const second = await made('a')
    assert.equal(second.epoch, 2)
    const all = [first, second, elsewhere].flatMap(({ pseudonyms, insertIds }) => [...pseudonyms, ...insertIds])
    assert.equal(new Set([...all, ...(await vault.staffPseudonyms(subjects))]).size, 14)
    assert.notDeepEqual(first.phases, second.phases)
    const [old, fresh] = [first.pseudonyms[0] as string, second.pseudonyms[1] as string]
    const names = async () => await vault.resolvePseudonyms({ destination: 'a' }, [old, fresh, elsewhere.pseudonyms[0] as string], LOOK)
    assert.deepEqual(await names(), [{ kind: 'user', ordinal: 7, epoch: 1 }, { kind: 'group', ordinal: 8, epoch: 2 }, undefined])
    assert.deepEqual(
      await vault.resolvePseudonyms('staff', await vault.staffPseudonyms(subjects), LOOK),
      subjects.map((s) => ({ ...s, epoch: 0 })),
    )
    vault.destroyEpoch('a', 1)
    // The journal that could still hold the secret is empty.
    assert.equal(statSync(path.join(place.keysDir, 'keys.db-wal')).size, 0)
    assert.deepEqual((await names())[0], undefined)
    vault = await reopen()
    assert.deepEqual((await names())[0], undefined)
    assert.deepEqual(
      (await vault.describe()).epochs.map(({ destination, epoch, state }) => [destination, epoch, state]),
      [
        ['a', 1, 'destroyed'],
        ['a', 2, 'active'],
        ['b', 1, 'active'],
      ],
    )
  })
})

test('waiting text and manifests open in their own place only', async () => {
  await withVault(async (vault, _place, reopen) => {
    const day = dayOf(1_700_000_000_000)
    const door = await vault.door(day)
    const hashes = door.dedup(['a', 'b', 'a'])
    assert.equal(hashes.length, 48)
    assert.deepEqual(hashes.subarray(0, 16), hashes.subarray(32))
    assert.notDeepEqual(hashes.subarray(0, 16), hashes.subarray(16, 32))
    const sealed = [door.seal('{"a":"\u0905"}'), door.seal('')]
    vault = await reopen()
    assert.deepEqual((await vault.door(day + 9)).dedup(['b']), hashes.subarray(16, 32), 'the same on every day and in every run')
    sealed.push((await vault.door(day)).seal('later'))
    assert.deepEqual(
      sealed.map((blob) => vault.openWaiting(day, blob)),
      ['{"a":"\u0905"}', '', 'later'],
    )
    assert.equal(vault.openWaiting(day + 9, sealed[0] as Buffer), undefined)
    assert.equal(vault.openWaiting(day, Buffer.alloc(3)), undefined)
    assert.equal(vault.destroyWaitingKeys(day + 1), 1)
    assert.equal(vault.openWaiting(day, sealed[0] as Buffer), undefined)

    const rows: ManifestRow[] = [
      { subject: 1, kind: 'user', surface: 'app', shape: 'country:coarse,user_id:pseudonym', events: 3, first: 5, last: 9, groups: [4, 6] },
      { subject: 2, kind: 'device', surface: 'app', shape: 'user_id:pseudonym', events: 1, first: 5, last: 5, groups: [] },
    ]
    const [one = '', two = ''] = await vault.sealManifests([
      { entry: 1, packed: packManifest(rows) },
      { entry: 2, packed: packManifest([]) },
    ])
    const opened = await vault.openManifests([
      { entry: 2, sealed: two },
      { entry: 1, sealed: one },
    ])
    assert.deepEqual(opened.map(unpackManifest), [[], rows])
    await assert.rejects(vault.openManifests([{ entry: 2, sealed: one }]), { code: 'ledger_corrupt' })
    await assert.rejects(vault.openManifests([{ entry: 1, sealed: 'AAAA' }]), { code: 'ledger_corrupt' })
  })
})

test('law 1: no value from outside stands in any file, in any encoding, and nothing prints a key', async () => {
  const mark = (what: string): string => `planted-${what}-zq7x9`
  await withVault(async (vault, place) => {
    const values: string[] = []
    const plant = (what: string): string => {
      const value = mark(`${what}${values.length}`)
      values.push(value)
      return value
    }
    for (let round = 0; round < 40; round += 1) {
      const namespace = round % 2 === 0 ? 'default' : plant('namespace')
      await vault.commitWindow(
        windowOf({
          identifiers: [
            [namespace, 'id', plant('user'), 'user'],
            [namespace, 'id', plant('\u0905\u0928\u094d\u0928\u093e'), 'device'],
            [namespace, `group:${plant('key')}`, plant('group'), 'group'],
          ],
          facts: [
            { of: -1, field: 'email', value: `${plant('mail')}@example.com`, once: false, trust: 'browser', at: round },
            { of: -1, field: 'name', value: plant('name'), once: true, trust: 'server', at: round },
            { of: -2, field: plant('field'), value: plant('other'), once: false, trust: 'server', at: round },
            { of: -1, field: 'phone', value: plant('phone'), once: false, trust: 'server', at: round },
          ],
          edges: [{ kind: 'device', from: -2, to: -1, trust: 'browser', at: round }],
          memberships: [{ person: -1, group: -3, trust: 'browser', at: round }],
        }),
      )
    }
    await vault.importDirectory(
      [{ id: plant('id'), email: plant('email'), name: plant('name'), groups: [{ key: plant('key'), value: plant('org'), admin: true }] }],
      'default',
      LOOK,
    )
    const look = { actor: plant('actor'), action: plant('action'), reason: plant('reason') }
    await vault.resolve(plant('query'), look)
    await vault.resolve(values[1] as string, look)
    const search = (): void => {
      const files = filesBelow(place.root)
      assert.ok(files.some(({ file }) => file.endsWith('vault.db')) && files.some(({ file }) => file.endsWith('keys.db')))
      const needles = [...encodingsOf('planted-'), ...encodingsOf('-zq7x9'), ...values.flatMap(encodingsOf)]
      for (const { file, bytes } of files) for (const needle of needles) assert.equal(bytes.indexOf(needle), -1, `${needle} in ${file}`)
    }
    search()
    const key = readFileSync(path.join(place.keysDir, 'kek'))
    const printed = inspect(vault, { showHidden: true, depth: 20, getters: true }) + JSON.stringify(vault)
    for (const text of [key.toString('hex'), key.toString('base64'), mark('').slice(0, 8)]) assert.ok(!printed.includes(text))
    await vault.close()
    search()
    // The search itself finds what stands plain.
    appendFileSync(path.join(place.dataDir, 'looks', 'looks.log'), Buffer.from(values[3] as string).toString('base64'))
    assert.throws(search)
    truncateSync(path.join(place.dataDir, 'looks', 'looks.log'), 0)
  })
})

test('rows exchanged between people, fields or origins do not open', async () => {
  await withVault(async (vault, place) => {
    const fact = (of: number, trust: 'browser' | 'server', value: string) => ({ of, field: 'email', value, once: false, trust, at: 1 })
    const { ordinals } = await vault.commitWindow(
      windowOf({ identifiers: [user('a'), user('b')], facts: [fact(-1, 'browser', 'x@example.com'), fact(-1, 'server', 'y@example.com')] }),
    )
    await vault.close()
    const db = new DatabaseSync(path.join(place.dataDir, 'vault.db'))
    db.exec('UPDATE facts SET sealed = (SELECT sealed FROM facts WHERE trust = 0) WHERE trust = 1')
    db.close()
    const again = await openAt(place)
    await assert.rejects(again.identities([[ordinals[0] as number]], LOOK), { code: 'key_wrong' })
    assert.deepEqual((await again.identities([[ordinals[1] as number]], LOOK))[0]?.ids, ['b'])
    await again.close()
  })
})

test('an older copy of the rows never gets an ordinal that was given before', async () => {
  await withVault(async (vault, place, reopen) => {
    await vault.commitWindow(windowOf({ identifiers: [user('anna')] }))
    vault = await reopen()
    const copy = path.join(place.root, 'copy')
    await vault.close()
    cpSync(path.join(place.dataDir, 'vault.db'), copy)
    vault = await openAt(place)
    const later: number[] = []
    for (const id of ['ben', 'carla']) later.push(...(await vault.commitWindow(windowOf({ identifiers: [user(id)] }))).ordinals)
    await vault.close()
    cpSync(copy, path.join(place.dataDir, 'vault.db'))
    vault = await openAt(place)
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('dora')] }))
    assert.ok((ordinals[0] as number) > Math.max(...later))
    await vault.close()
  })
})
