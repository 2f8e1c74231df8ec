import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import { LOOK, user, windowOf, withVault } from './testing.ts'
import type { WindowRequest } from './port.ts'
import type { Vault } from './vault.ts'

const ID = 'a'.repeat(32)

async function begunRow(vault: Vault, id = ID): Promise<IncidentRow> {
  const head = { incident: 1, row: 1, kind: 'notice-begun' as const, at: 1, body: JSON.stringify({ id }), before: '' }
  return vault.keeping.incidents.signIncidentRow(head, undefined, LOOK)
}

async function ordinalsOf(vault: Vault, ids: readonly string[]): Promise<number[]> {
  const { ordinals } = await vault.commitWindow(windowOf({ identifiers: ids.map((id) => user(id)) }))
  return ordinals
}

test('an address is what the directory or a server said, the newest of the best; a browser is not heard', {
  timeout: 240_000,
}, async () => {
  await withVault(async (vault) => {
    const facts = [
      { of: -1, field: 'email', value: 'old@example.org', once: false, trust: 'server' as const, at: 1 },
      { of: -1, field: 'name', value: 'Evil\r\nBcc: all', once: false, trust: 'browser' as const, at: 9 },
      { of: -2, field: 'email', value: 'claimed@evil.example', once: false, trust: 'browser' as const, at: 5 },
    ]
    await vault.commitWindow(windowOf({ identifiers: [user('u1'), user('u2')], facts }))
    const rows = [{ id: 'u3', email: ' Ann@Example.org ', name: 'Ann', language: 'hi_IN', groups: [] }]
    await vault.importDirectory(rows, 'default', LOOK)
    const [u1, u2, u3] = (await ordinalsOf(vault, ['u1', 'u2', 'u3'])) as [number, number, number]
    const begun = await begunRow(vault)
    const before = vault.readLooks().length
    const opened = await vault.noticeOpening.openAddresses({ versionId: ID, begun }, [[u1], [u2], [u3], [u1, u3], [999_999]], LOOK)
    assert.deepEqual(
      opened.map(({ address, name, isErased }) => [address, name, isErased]),
      [
        ['old@example.org', null, false],
        [null, null, false],
        ['Ann@Example.org', 'Ann', false],
        // The directory's word for the one stands above a server's for the other.
        ['Ann@Example.org', 'Ann', false],
        [null, null, true],
      ],
    )
    assert.equal(vault.readLooks().length, before + 1)
    const found = await vault.noticeOpening.findReachable(ID, [[u1], [u2], [u3], [999_999]], LOOK)
    assert.deepEqual(
      found.map(({ language, isErased }) => [language, isErased]),
      [
        ['', false],
        ['', false],
        ['hi-IN', false],
        ['', true],
      ],
    )
    assert.equal(found[1]?.tag, '')
    assert.equal(found[2]?.tag, opened[2]?.tag)
    assert.doesNotMatch(JSON.stringify(found), /ann|example/i)
    // Equal in one version, and in no other.
    const [again] = await vault.noticeOpening.findReachable('b'.repeat(32), [[u3]], LOOK)
    assert.notEqual(again?.tag, found[2]?.tag)
  })
})

test('no address without the signed beginning of that very version, and none of whom was erased', { timeout: 240_000 }, async () => {
  await withVault(async (vault) => {
    await vault.importDirectory([{ id: 'u1', email: 'ann@example.org', groups: [] }], 'default', LOOK)
    const [u1] = (await ordinalsOf(vault, ['u1'])) as [number]
    const good = await begunRow(vault)
    const asked = (begun: IncidentRow, versionId = ID) => vault.noticeOpening.openAddresses({ versionId, begun }, [[u1]], LOOK)
    const wrong: [IncidentRow, string?][] = [
      [good, 'b'.repeat(32)],
      [{ ...good, body: JSON.stringify({ id: 'b'.repeat(32) }) }, 'b'.repeat(32)],
      [{ ...good, signature: Buffer.alloc(64).toString('base64') }],
      [{ ...good, kind: 'notice-proposed' }],
      [{ ...good, instance: 'another' }],
    ]
    const head = { incident: 1, row: 2, kind: 'notice-proposed' as const, at: 1, body: JSON.stringify({ id: ID }), before: '' }
    wrong.push([await vault.keeping.incidents.signIncidentRow(head, undefined, LOOK)])
    for (const [begun, id] of wrong) {
      await assert.rejects(asked(begun, id), (thrown) => thrown instanceof BulkheadError && thrown.code === 'vault_refused')
    }
    await assert.rejects(vault.noticeOpening.openAddresses({ versionId: ID, begun: good }, [[u1]], { ...LOOK, reason: '' }))
    assert.equal((await asked(good))[0]?.address, 'ann@example.org')
    await vault.erase([u1])
    assert.deepEqual(await asked(good), [{ isErased: true, address: null, name: null, tag: '' }])
  })
})

test('of two of one word the newer counts, and the directory stands above a newer word of a server', { timeout: 240_000 }, async () => {
  await withVault(async (vault) => {
    await vault.importDirectory([{ id: 'u3', email: 'listed@example.org', language: 'en; drop', groups: [] }], 'default', LOOK)
    const fact = (of: number, value: string, at: number) => ({ of, field: 'email', value, once: false, trust: 'server' as const, at })
    const facts = [fact(-1, 'old@example.org', 4e12), fact(-2, 'new@example.org', 5e12)]
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('u1'), user('u2'), user('u3')], facts }))
    const [u1, u2, u3] = ordinals as [number, number, number]
    const begun = await begunRow(vault)
    const people = [
      [u1, u2],
      [u2, u1],
      [u1, u3],
      [u3, u2],
      [u1, 999_999],
    ]
    const opened = await vault.noticeOpening.openAddresses({ versionId: ID, begun }, people, LOOK)
    assert.deepEqual(
      opened.map(({ address, isErased }) => [address, isErased]),
      [
        ['new@example.org', false],
        ['new@example.org', false],
        ['listed@example.org', false],
        ['listed@example.org', false],
        // Of whom one identifier is gone, another is still there.
        ['old@example.org', false],
      ],
    )
    const [listed] = await vault.noticeOpening.findReachable(ID, [[u3]], LOOK)
    assert.equal(listed?.language, '', 'what is no language is none')
  })
})

test('who shares an address is known by one tag, however it is written; more people than a batch are refused', async () => {
  await withVault(async (vault) => {
    const rows = ['ann@example.org', 'Ann@Example.ORG', 'ben@example.org'].map((email, index) => ({ id: `u${index}`, email, groups: [] }))
    await vault.importDirectory(rows, 'default', LOOK)
    const people = (await ordinalsOf(vault, ['u0', 'u1', 'u2'])).map((each) => [each])
    const [one, other, third] = (await vault.noticeOpening.findReachable(ID, people, LOOK)).map(({ tag }) => tag)
    assert.equal(one, other)
    assert.notEqual(one, third)
    const many = Array.from({ length: 10_001 }, () => [])
    const isRefused = (thrown: unknown): boolean => thrown instanceof BulkheadError && thrown.code === 'vault_refused'
    const before = vault.readLooks().length
    await assert.rejects(vault.noticeOpening.findReachable(ID, many, LOOK), isRefused)
    assert.equal(vault.readLooks().length, before)
  })
})

test('members are opened for an administrator that the directory names, of that organisation, and by its word alone', {
  timeout: 240_000,
}, async () => {
  await withVault(async (vault) => {
    const group = (value: string, admin = false) => ({ key: 'company', value, admin })
    const rows = [
      { id: 'boss', email: 'boss@one.example', groups: [group('one', true), group('two')] },
      { id: 'ann', email: 'ann@one.example', groups: [group('one')] },
      { id: 'both', name: 'Bo Both', groups: [group('one'), group('two')] },
      { id: 'other', email: 'other@two.example', groups: [group('two', true)] },
      { id: 'gone', email: 'gone@one.example', groups: [group('one')] },
    ]
    await vault.importDirectory(rows, 'default', LOOK)
    const one: WindowRequest['identifiers'][number] = ['default', 'group:company', 'one', 'group']
    const ids = ['boss', 'ann', 'both', 'other', 'gone', 'claims', 'served'].map((id) => user(id))
    const request = windowOf({
      identifiers: [...ids, one],
      facts: [
        { of: -6, field: 'email', value: 'claims@evil.example', once: false, trust: 'server', at: 1 },
        { of: -7, field: 'email', value: 'served@one.example', once: false, trust: 'server', at: 1 },
      ],
      memberships: [
        { person: -6, group: -8, trust: 'browser', at: 1 },
        { person: -7, group: -8, trust: 'server', at: 1 },
      ],
    })
    const { ordinals } = await vault.commitWindow(request)
    const [boss, ann, both, other, gone, claims, served, organisation] = ordinals as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    await vault.erase([gone])
    const begun = await begunRow(vault)
    const members = [[ann], [both], [gone], [claims], [served], [other]]
    const lists = [boss, other, ann, served].map((administrator) => ({ organisation, administrator: [administrator], members }))
    const before = vault.readLooks().length
    const opened = await vault.noticeOpening.openMembers({ versionId: ID, begun }, lists, LOOK)
    assert.equal(vault.readLooks().length, before + 1)
    // The administrator of another organisation, a member and a server's member get no list.
    assert.deepEqual(opened.slice(1), [undefined, undefined, undefined])
    assert.deepEqual(
      opened[0]?.map(({ isErased, address, name }) => [isErased, address, name]),
      [
        [false, 'ann@one.example', null],
        [false, null, 'Bo Both'],
        [true, null, null],
        [false, null, null],
        [false, null, null],
        [false, null, null],
      ],
    )
    await assert.rejects(
      vault.noticeOpening.openMembers({ versionId: 'b'.repeat(32), begun }, lists, LOOK),
      (thrown) => thrown instanceof BulkheadError && thrown.code === 'vault_refused',
    )
    await assert.rejects(vault.noticeOpening.openMembers({ versionId: ID, begun }, lists, { ...LOOK, reason: '' }))
    // How many were asked for stands in the look, and so many at once are refused before anything is opened.
    assert.equal(vault.readLooks().at(-1)?.entry?.counts?.people, 4 * members.length)
    const many = Array.from({ length: 10_001 }, () => [ann])
    await assert.rejects(
      vault.noticeOpening.openMembers({ versionId: ID, begun }, [{ organisation, administrator: [boss], members: many }], LOOK),
      { code: 'vault_refused' },
    )
  })
})

test('a name of parts, an address with space around it and a language as directories write it are read as they are meant', async () => {
  await withVault(async (vault) => {
    const fact = (of: number, field: string, value: string) => ({ of, field, value, once: false, trust: 'server' as const, at: 1 })
    const facts = [
      fact(-1, 'first_name', 'Ann'),
      fact(-1, 'last_name', 'Rao'),
      fact(-1, 'email', ' ann@example.org '),
      fact(-1, 'language', ' pt_BR '),
      fact(-2, 'last_name', 'Rao'),
      fact(-2, 'email', '  '),
      fact(-3, 'name', 'Ben Lee'),
      fact(-3, 'first_name', 'Benjamin'),
    ]
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('u1'), user('u2'), user('u3')], facts }))
    const people = ordinals.map((each) => [each])
    const begun = await begunRow(vault)
    const opened = await vault.noticeOpening.openAddresses({ versionId: ID, begun }, people, LOOK)
    assert.deepEqual(
      opened.map(({ address, name, tag }) => [address, name, tag !== '']),
      [
        ['ann@example.org', 'Ann Rao', true],
        [null, 'Rao', false],
        [null, 'Ben Lee', false],
      ],
    )
    const found = await vault.noticeOpening.findReachable(ID, people, LOOK)
    assert.deepEqual(
      found.map(({ language, tag }) => [language, tag !== '']),
      [
        ['pt-BR', true],
        ['', false],
        ['', false],
      ],
    )
  })
})

test('a name is cut where it is endless', async () => {
  await withVault(async (vault) => {
    const facts = [{ of: -1, field: 'name', value: 'n'.repeat(5000), once: false, trust: 'server' as const, at: 1 }]
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('u1')], facts }))
    const begun = await begunRow(vault)
    const [opened] = await vault.noticeOpening.openAddresses({ versionId: ID, begun }, [ordinals], LOOK)
    assert.equal(opened?.name?.length, 4096)
  })
})
