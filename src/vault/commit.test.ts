import assert from 'node:assert/strict'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { Committer } from './commit.ts'
import { openKeys } from './keys.ts'
import { pagesOf } from './ordinal-pages.ts'
import { openRows } from './rows.ts'
import { device, group, LOOK, makePlace, openAt, removePlace, user, windowOf, withVault } from './testing.ts'
import { createKeys } from './vault.ts'

test('secrets whose rows never came are swept at the next start, and their ordinals stay taken', async () => {
  await withVault(async (vault, place) => {
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('anna')] }))
    await vault.close()
    const [anna] = ordinals as [number]
    // The first half of a commit, as a crash between the two files leaves it.
    const keys = await openKeys(place)
    keys.addPersons([anna + 1, anna + 2])
    keys.close()
    const again = await openAt(place)
    const { ordinals: next } = await again.commitWindow(windowOf({ identifiers: [user('ben')] }))
    assert.ok((next[0] as number) > anna + 2)
    await again.close()
    const db = new DatabaseSync(path.join(place.keysDir, 'keys.db'))
    assert.deepEqual(
      db
        .prepare('SELECT ordinal FROM person_secrets')
        .all()
        .map(({ ordinal }) => ordinal),
      [anna, next[0]],
    )
    db.close()
  })
})

test('when the rows cannot be written every waiting call fails, nothing of it shows, and the next call is whole', async () => {
  const place = makePlace()
  try {
    await createKeys(place)
    const keys = await openKeys(place)
    const rows = openRows({ file: path.join(place.dataDir, 'vault.db'), instance: place.instance, keysBatch: keys.batch })
    const committer = new Committer(keys, rows)
    const told: string[] = []
    const tell = (what: string) => () => void told.push(what)
    committer.witness = { fact: tell('fact'), membership: tell('membership'), lost: tell('lost'), removed: tell('removed') }
    const write = rows.transact.bind(rows)
    rows.transact = (body) =>
      write(() => {
        body()
        throw new Error('disk full')
      })
    const fact = { of: -1, field: 'email', value: 'a@example.com', once: false, trust: 'server' as const, at: 5 }
    const window = windowOf({
      identifiers: [user('anna'), device('tablet')],
      facts: [fact],
      edges: [{ kind: 'device', from: -2, to: -1, trust: 'server', at: 1 }],
    })
    const failed = await Promise.allSettled([committer.commit(window), committer.commit(window)])
    for (const outcome of failed) assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'vault_unavailable')
    assert.equal(rows.ordinalHigh, 0)
    assert.equal(told.at(-1), 'lost', 'whoever was told of it knows that it is not there')
    rows.transact = write
    const { ordinals, newUsers } = await committer.commit(window)
    assert.equal(newUsers, 1)
    assert.deepEqual(
      ordinals.map((ordinal) => rows.facts(ordinal).length),
      [1, 0],
    )
    assert.equal(rows.edgesAfter(0).length, 1)
    rows.close()
    keys.close()
    const vault = await openAt(place)
    assert.deepEqual((await vault.identities([ordinals], LOOK))[0], {
      ids: ['anna', 'tablet'],
      emails: ['a@example.com'],
      names: [],
      trust: { emails: 'server', names: null },
    })
    assert.equal((await vault.describe()).people, 1)
    await vault.close()
  } finally {
    removePlace(place)
  }
})

test('a call that waits when the vault closes is still kept, and a later one is refused', async () => {
  await withVault(async (vault, _place, reopen) => {
    const waiting = vault.commitWindow(windowOf({ identifiers: [user('anna')] }))
    const next = await reopen()
    const { ordinals } = await waiting
    await assert.rejects(vault.commitWindow(windowOf({ identifiers: [user('ben')] })), { code: 'vault_unavailable' })
    assert.deepEqual((await next.commitWindow(windowOf({ identifiers: [user('anna')] }))).ordinals, ordinals)
  })
})

test('an identifier that is seen in a second role is counted once as a person', async () => {
  await withVault(async (vault) => {
    await vault.commitWindow(windowOf({ identifiers: [device('x'), device('y'), user('y'), user('z'), device('z')] }))
    assert.equal((await vault.describe()).people, 2)
    await vault.commitWindow(windowOf({ identifiers: [user('x'), user('x'), user('y')] }))
    assert.equal((await vault.describe()).people, 3)
  })
})

test('calls that are more than one commit takes are all written, also by a vault that is closing', async () => {
  await withVault(async (vault, _place, reopen) => {
    const bring = (name: string) =>
      Array.from({ length: 150 }, (_, n) => vault.commitWindow(windowOf({ identifiers: [user(`${name}-${n}`)] })))
    const first = await Promise.all(bring('a'))
    assert.equal(new Set(first.flatMap(({ ordinals }) => ordinals)).size, 150)
    const waiting = bring('b')
    const next = await reopen()
    assert.equal(new Set((await Promise.all(waiting)).flatMap(({ ordinals }) => ordinals)).size, 150)
    assert.equal((await next.describe()).people, 300)
  })
})

test('an id that is an address is found however it is written, as claimed; a group that is called like one is nobody', async () => {
  await withVault(async (vault) => {
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('Ann@Mail.example'), group('Team@mail.example')] }))
    const [ann] = ordinals
    assert.deepEqual(
      (await vault.resolve('ann@mail.EXAMPLE', LOOK)).map(({ person }) => person),
      [ann],
    )
    const [identity] = await vault.identities([[ann as number]], LOOK)
    assert.deepEqual([identity?.emails, identity?.trust.emails], [['Ann@Mail.example'], 'browser'])
    assert.deepEqual(await vault.resolve('team@mail.example', LOOK), [])
  })
})

test('who is an administrator is what the directory said last, however often it changed its mind', async () => {
  await withVault(async (vault) => {
    const say = (admin: boolean) =>
      vault.importDirectory([{ id: 'a', groups: [{ key: 'company', value: 'Acme', admin }] }], 'default', LOOK)
    for (const admin of [true, false, true, true, false]) {
      await say(admin)
      const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('a'), group('Acme')] }))
      const [person = 0, acme = 0] = ordinals
      const { administrators } = await vault.census.groups({ users: pagesOf([person]), named: Float64Array.of(acme) })
      assert.deepEqual([...administrators], admin ? [person] : [])
    }
  })
})

test('what was said once raises no time, and what came late is told to nobody', async () => {
  await withVault(async (vault, _place, reopen) => {
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('a')] }))
    const [of = 0] = ordinals
    const say = (field: string, value: string, at: number, once = false) =>
      vault.commitWindow(windowOf({ facts: [{ of, field, value, once, trust: 'server', at }] }))
    await say('email', 'first@mail.example', 100)
    await say('email', 'first@mail.example', 300, true)
    await say('email', 'second@mail.example', 200)
    assert.deepEqual((await vault.identities([[of]], LOOK))[0]?.emails, ['second@mail.example'])
    await say('country', 'DE', 100)
    const placeOf = async (asked: typeof vault): Promise<string | undefined> => {
      const { places, residence } = await asked.census.survey({ single: Float64Array.of(of), joined: [] })
      return places[residence[0] as number]
    }
    assert.equal(await placeOf(vault), 'DE')
    const again = await reopen()
    assert.equal(await placeOf(again), 'DE')
    await again.commitWindow(windowOf({ facts: [{ of, field: 'country', value: 'FR', once: false, trust: 'server', at: 50 }] }))
    assert.equal(await placeOf(again), 'DE')
  })
})

test('a call that names what there is not is refused as a whole, before anything of it is written', async () => {
  await withVault(async (vault) => {
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('a'), group('g')] }))
    const [a = 0, g = 0] = ordinals
    const identifiers = [user('new')]
    const edge = { kind: 'device' as const, from: a, to: a, trust: 'server' as const, at: 1 }
    const member = { person: a, group: g, trust: 'server' as const, at: 1 }
    const fact = { of: a, field: 'name', value: 'A', once: false, trust: 'server' as const, at: 1 }
    const wrong: Parameters<typeof windowOf>[0][] = [
      { identifiers: [['default', 'id', 'x', 'owner' as never]] },
      { identifiers: [['default', 'id', 7 as never, 'user']] },
      { facts: [{ ...fact, of: 99 }] },
      { facts: [{ ...fact, of: -2 }] },
      { facts: [{ ...fact, of: 0 }] },
      { facts: [{ ...fact, value: 7 as never }] },
      { facts: [{ ...fact, at: Number.NaN }] },
      { edges: [{ ...edge, from: 99 }] },
      { edges: [{ ...edge, to: 99 }] },
      { edges: [{ ...edge, to: -2 }] },
      { edges: [{ ...edge, at: Number.POSITIVE_INFINITY }] },
      { memberships: [{ ...member, person: 99 }] },
      { memberships: [{ ...member, group: 99 }] },
      { memberships: [{ ...member, at: Number.NaN }] },
    ]
    for (const [index, part] of wrong.entries())
      await assert.rejects(vault.commitWindow(windowOf({ identifiers, ...part })), { code: 'vault_refused' }, `case ${index}`)
    assert.deepEqual(await vault.resolve('new', LOOK), [])
    assert.equal((await vault.describe()).people, 1)
  })
})

test('a device that is gone is in no graph of people any more, also where one was made a moment ago', async () => {
  await withVault(async (vault) => {
    const edges = [-2, -3].map((from) => ({ kind: 'device' as const, from, to: -1, trust: 'server' as const, at: 10 }))
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('a'), device('tablet'), device('phone')], edges }))
    const [, tablet = 0, phone = 0] = ordinals
    const devices = async (): Promise<number[]> => (await vault.graph()).devices.map((interval) => interval.device).sort((a, b) => a - b)
    assert.deepEqual(await devices(), [tablet, phone])
    assert.equal(await vault.graph(), await vault.graph(), 'while nothing changes it is kept')
    await vault.erase([tablet])
    assert.deepEqual(await devices(), [phone])
  })
})
