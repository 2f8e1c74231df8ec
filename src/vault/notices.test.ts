import assert from 'node:assert/strict'
import crypto, { randomBytes } from 'node:crypto'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { RpcClient } from '#base/rpc.ts'
import { canonicalWords, type PersonalParagraph } from '#model/notice-text.ts'
import { noticeVault } from './notice-server.ts'
import { REPLAY_NETWORKS } from './notice-uses.ts'
import { serveVault } from './server.ts'
import { encodingsOf, filesBelow, LOOK, user, windowOf, withVault } from './testing.ts'
import type { Vault } from './vault.ts'

const version = { versionId: '0123456789abcdef0123456789abcdef', incident: 3, version: 1 }
const common = [
  'Data about you may be affected: it was sent through Bulkhead.',
  'Your email address was not among the fields that we sent.',
  'your name',
  'your name and your city',
  'We will never ask you for a password.',
]
const address = 'asha.rao@example.net'
const personal = (code: string): PersonalParagraph[] => [
  [0, 'Hello Asha Rao,'],
  [5, `Your code: ${code}`],
]
const textOf = (code: string): string[] =>
  canonicalWords(['Hello Asha Rao,', ...common.slice(0, 4), `Your code: ${code}`, ...common.slice(4)].join('\n'))

async function keepOne(vault: Vault): Promise<string> {
  const [code = ''] = await vault.notices.issueNotices(version, [{ person: 7, address }])
  await vault.notices.keepSheets(version, [{ shape: 's1', language: 'en', common, subject: 'Security notice from Example' }])
  const kept = { code, address, shape: 's1', language: 'en', day: 20_783, personal: personal(code) }
  await vault.notices.keepNotices(version, [kept])
  return code
}

const refused = (call: Promise<unknown>): Promise<void> => assert.rejects(call, { code: 'vault_refused' })
const whole = { paragraphs: 7, missing: [], foreign: [], inOrder: true }

test('codes belong to version, address and person, and are the same whenever they are asked for', async () => {
  await withVault(async ({ notices }, _place, reopen) => {
    const people = [
      { person: 1, address },
      { person: 2, address },
      { person: 1, address: 'other@example.net' },
    ]
    const codes = await notices.issueNotices(version, people)
    const others = await notices.issueNotices({ versionId: randomBytes(16).toString('hex') }, people)
    // What stands behind the version's own part differs too: whoever knows one code of a person knows no other.
    assert.equal(new Set([...codes, ...others].map((code) => code.slice('BH-00000-'.length))).size, 6)
    assert.ok(codes.every((code) => code.startsWith('BH-04HMA-')))
    assert.deepEqual(await notices.issueNotices(version, [{ person: 1, address: ' Asha.Rao@EXAMPLE.net' }]), codes.slice(0, 1))
    assert.deepEqual(await (await reopen()).notices.issueNotices(version, people), codes)
  })
})

test('a notice is known by code and address together, and its text by every word', async () => {
  await withVault(async (vault) => {
    const code = await keepOne(vault)
    const words = textOf(code)
    const answer = { fits: true, incident: 3, version: 1, language: 'en', day: 20_783, isSubject: null }
    const asked = { code: code.toLowerCase(), address: 'ASHA.RAO@example.net', texts: [words, [...words, ...words]] }
    assert.deepEqual(await vault.notices.checkNotice(asked), { ...answer, texts: [whole, whole] })
    const around = await vault.notices.checkNotice({ ...asked, texts: [['See', 'below:', ...words, 'Regards']] })
    assert.deepEqual(around, {
      ...answer,
      texts: [
        {
          ...whole,
          foreign: [
            [0, 2],
            [words.length + 2, words.length + 3],
          ],
        },
      ],
    })
    for (const [subject, isSubject] of [
      ['Security  notice from Example', true],
      ['Urgent: security notice from Example', false],
    ] as const)
      assert.deepEqual(await vault.notices.checkNotice({ ...asked, texts: [], subject }), { ...answer, isSubject, texts: [] })
    const swapped = canonicalWords(
      ['Hello Asha Rao,', common[1], common[0], ...common.slice(2, 4), `Your code: ${code}`, common[4]].join('\n'),
    )
    const changed = await vault.notices.checkNotice({ ...asked, texts: [swapped, words.slice(2)] })
    assert.deepEqual(changed, {
      ...answer,
      texts: [
        { ...whole, inOrder: false },
        { ...whole, missing: [0], foreign: [[0, 1]] },
      ],
    })
  })
})

test('no text that differs in a word is taken for the notice', async () => {
  await withVault(async (vault) => {
    const code = await keepOne(vault)
    const words = textOf(code)
    const edits = fc.record({ at: fc.nat(words.length - 1), kind: fc.constantFrom('drop', 'insert', 'replace', 'swap'), word: fc.string() })
    await fc.assert(
      fc.asyncProperty(edits, async ({ at, kind, word }) => {
        const edited = [...words]
        if (kind === 'drop') edited.splice(at, 1)
        else if (kind === 'swap') edited.splice(at, 2, ...edited.slice(at, at + 2).reverse())
        else edited.splice(at, kind === 'insert' ? 0 : 1, word)
        if (JSON.stringify(edited) === JSON.stringify(words)) return
        const answer = await vault.notices.checkNotice({ code, address, texts: [edited] })
        assert.ok(answer.fits)
        assert.notDeepEqual(answer.texts, [whole])
      }),
      { numRuns: 300 },
    )
  })
})

test('every question about what is not there has one answer', async () => {
  await withVault(async (vault) => {
    const code = await keepOne(vault)
    const [stranger = ''] = await vault.notices.issueNotices(version, [{ person: 8, address: 'ben@example.net' }])
    const texts = [textOf(code)]
    for (const asked of [
      { code, address: 'ben@example.net', texts },
      { code: stranger, address: 'ben@example.net', texts },
      { code: stranger, address, texts },
      { code: 'BH-00000-00000-00000-00000-00000', address, texts },
      { code: 'none', address, texts },
      { code: '', address: '', texts: [] },
      { code, address: 'x'.repeat(100_000), texts: [[]] },
    ])
      assert.deepEqual(await vault.notices.checkNotice(asked), { fits: false })
  })
})

test('what cannot be kept is refused and leaves nothing', async () => {
  await withVault(async (vault) => {
    const code = await keepOne(vault)
    const kept = { code, address, shape: 's1', language: 'en', day: 1, personal: [] }
    await refused(vault.notices.issueNotices({ versionId: 'x' }, []))
    await refused(vault.notices.issueNotices(version, [{ person: 1, address: '' }]))
    await refused(vault.notices.keepNotices(version, [{ ...kept, code: 'none' }]))
    await refused(vault.notices.keepNotices(version, [{ ...kept, shape: 's2' }]))
    await refused(vault.notices.keepNotices({ versionId: 'f'.repeat(32) }, [kept]))
    await refused(
      vault.notices.keepNotices(version, [
        kept,
        {
          ...kept,
          personal: [
            [3, 'b'],
            [2, 'a'],
          ],
        },
      ]),
    )
    const twice: PersonalParagraph[] = [
      [3, 'a'],
      [3, 'b'],
    ]
    await refused(vault.notices.keepNotices(version, [{ ...kept, personal: twice }]))
    await refused(vault.notices.keepNotices(version, [{ ...kept, personal: [[0, '']] }]))
    await refused(vault.notices.keepSheets(version, [{ shape: 's3', language: 'en', common: ['a', ''] }]))
    await refused(
      vault.notices.keepNotices(
        version,
        Array.from({ length: 5001 }, () => kept),
      ),
    )
    const many = Array.from({ length: 5001 }, () => 'a')
    await refused(vault.notices.keepSheets(version, [{ shape: 's4', language: 'en', common: many }]))
    await refused(vault.notices.keepNotices(version, [{ ...kept, shape: 's4' }]))
    await refused(vault.notices.keepNotices(version, [{ ...kept, personal: many.map((text, at) => [at, text]) }]))
    await refused(vault.notices.keepNotices(version, [{ ...kept, address: 'x'.repeat(1001) }]))
    await refused(vault.notices.issueNotices(version, [{ person: 1, address: 'x'.repeat(1001) }]))
    await refused(vault.notices.checkNotice({ code, address, texts: Array.from({ length: 9 }, () => []) }))
    await refused(vault.notices.checkNotice({ code, address, texts: [Array.from({ length: 12_001 }, () => 'a')] }))
    await refused(vault.notices.checkNotice({ code, address, texts: [['a'.repeat(300_001)]] }))
    const answer = await vault.notices.checkNotice({ code, address, texts: [] })
    assert.ok(answer.fits && answer.day === 20_783)
  })
})

test('an unknown code, and a known one of another address, are as much work as a text that is compared', async (t) => {
  await withVault(async (vault) => {
    const code = await keepOne(vault)
    const texts = [textOf(code)]
    const { mock } = t.mock.method(crypto.Hmac.prototype, 'digest')
    const workOf = async (asked: { code: string; address: string }): Promise<number> => {
      const before = mock.callCount()
      await vault.notices.checkNotice({ ...asked, texts })
      return mock.callCount() - before
    }
    const strange = await workOf({ code: 'BH-00000-00000-00000-00000-00000', address })
    assert.equal(await workOf({ code, address: 'ben@example.net' }), strange)
    // Where nothing fits each word is hashed under both keys of a notice: no less than for a text that is found.
    const own = await workOf({ code, address })
    assert.ok(strange >= own, `${strange} and ${own}`)
  })
})

test('equal paragraphs leave other marks in each version, shape, language and notice', async () => {
  await withVault(async (vault, place) => {
    const other = { ...version, versionId: 'f'.repeat(32) }
    for (const each of [version, other]) {
      for (const [shape, language] of [
        ['s1', 'en'],
        ['s1', 'hi'],
        ['s2', 'en'],
      ] as const) {
        await vault.notices.keepSheets(each, [{ shape, language, common: ['We are sorry.'], subject: 'A notice' }])
      }
    }
    const codes = await vault.notices.issueNotices(version, [
      { person: 1, address },
      { person: 2, address },
    ])
    const personal: PersonalParagraph[] = [[0, 'Hello Asha Rao,']]
    await vault.notices.keepNotices(
      version,
      codes.map((code) => ({ code, address, shape: 's1', language: 'en', day: 1, personal })),
    )
    await vault.close()
    const db = new DatabaseSync(path.join(place.dataDir, 'vault.db'), { readOnly: true })
    const all = (sql: string): string[] =>
      db
        .prepare(sql)
        .all()
        .map(({ bytes }) => Buffer.from(bytes as Uint8Array).toString('hex'))
    for (const [sql, count] of [
      ['SELECT marks AS bytes FROM notice_sheets', 6],
      ['SELECT subject AS bytes FROM notice_sheets', 6],
      ['SELECT marks AS bytes FROM notices', 2],
      ['SELECT fits AS bytes FROM notices', 2],
    ] as const)
      assert.equal(new Set(all(sql)).size, count, sql)
    db.close()
  })
})

test('a word, a paragraph of that word and a subject of it leave marks that have nothing in common', async () => {
  await withVault(async (vault, place) => {
    await vault.notices.keepSheets(version, [{ shape: 's1', language: 'en', common: ['Notice'], subject: 'Notice' }])
    await vault.close()
    const db = new DatabaseSync(path.join(place.dataDir, 'vault.db'), { readOnly: true })
    const { marks, subject } = db.prepare('SELECT marks, subject FROM notice_sheets').get() as { marks: Uint8Array; subject: Uint8Array }
    db.close()
    const [, start, mac] = [marks.subarray(0, 4), marks.subarray(4, 8), marks.subarray(8)].map((bytes) => Buffer.from(bytes))
    assert.notDeepEqual(start, mac?.subarray(0, 4))
    assert.notDeepEqual(mac, Buffer.from(subject))
    assert.notDeepEqual(start, Buffer.from(subject).subarray(0, 4))
  })
})

test('kept again, a sheet and a notice are what was kept last', async () => {
  await withVault(async (vault) => {
    const code = await keepOne(vault)
    await vault.notices.keepSheets(version, [{ shape: 's1', language: 'en', common: ['Another text.'], subject: 'Another' }])
    await vault.notices.keepNotices(version, [{ code, address, shape: 's1', language: 'en', day: 20_784, personal: [] }])
    const texts = [canonicalWords('Another text.')]
    const answer = await vault.notices.checkNotice({ code, address, texts, subject: 'Another' })
    assert.ok(answer.fits)
    assert.deepEqual([answer.day, answer.isSubject, answer.texts], [20_784, true, [{ ...whole, paragraphs: 1 }]])
  })
})

test('a notice is known after its person, the epoch, the root key and years are gone; the rows say nothing about anyone', async () => {
  await withVault(async (vault, place, reopen) => {
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('u1')] }))
    await vault.activeEpoch('shop')
    const code = await keepOne(vault)
    await vault.erase(ordinals)
    vault.closeEpoch('shop', 1)
    vault.destroyEpoch('shop', 1)
    await vault.rotating.rotate('root', LOOK)
    const later = await reopen()
    const answer = await later.notices.checkNotice({ code, address, texts: [textOf(code)] })
    assert.ok(answer.fits)
    assert.deepEqual(answer.texts, [whole])
    await later.close()
    const file = path.join(place.dataDir, 'vault.db')
    const bytes = Buffer.concat(filesBelow(place.dataDir).map((each) => each.bytes))
    for (const value of [address, code, code.replaceAll('-', ''), 'Asha Rao', 'password', common[0] as string]) {
      for (const encoded of encodingsOf(value)) assert.ok(!bytes.includes(encoded), `${value} in ${file}`)
    }
    const db = new DatabaseSync(file)
    for (const table of ['notices', 'notice_sheets', 'notice_versions', 'notice_uses', 'notice_alerts']) db.exec(`DROP TABLE ${table}`)
    db.close()
    assert.deepEqual(await (await reopen()).notices.checkNotice({ code, address, texts: [] }), { fits: false })
  })
})

test('a code that is tried from many networks raises one alert, whatever address was given with it', async () => {
  await withVault(async (vault, place, reopen) => {
    const code = await keepOne(vault)
    const ask = (from: Vault, network: string | undefined, typed = code) =>
      from.notices.checkNotice({ code: typed, address: 'ben@example.net', texts: [], ...(network === undefined ? {} : { network }) })
    for (let at = 1; at < REPLAY_NETWORKS; at++) await ask(vault, `4/24/${at}`)
    await ask(vault, '4/24/1')
    await ask(vault, undefined)
    for (let at = 0; at < 20; at++) await ask(vault, `4/24/${at}`, 'BH-00000-00000-00000-00000-00000')
    assert.deepEqual(await vault.notices.noticeAlerts(), [])
    const later = await reopen()
    for (let at = 100; at < 120; at++) await ask(later, `4/24/${at}`)
    const alerts = await later.notices.noticeAlerts()
    assert.deepEqual(
      alerts.map(({ at: _, ...alert }) => alert),
      [{ incident: 3, version: 1, networks: REPLAY_NETWORKS }],
    )
    const again = await reopen()
    await ask(again, '4/24/200')
    assert.deepEqual(await again.notices.noticeAlerts(), alerts)
    // What was counted is written by an end as well.
    const [second = ''] = await again.notices.issueNotices(version, [{ person: 8, address }])
    await again.notices.keepNotices(version, [{ code: second, address, shape: 's1', language: 'en', day: 1, personal: [] }])
    for (let at = 1; at < REPLAY_NETWORKS; at++) await ask(again, `4/24/${at}`, second)
    const last = await reopen()
    await ask(last, '4/24/9', second)
    assert.equal((await last.notices.noticeAlerts()).length, 2)
    await last.close()
    const bytes = Buffer.concat(filesBelow(place.dataDir).map((each) => each.bytes))
    assert.ok(!bytes.includes('4/24/1'))
  })
})

test('the public edge may ask and nothing else', async () => {
  await withVault(async (vault, place) => {
    const socket = path.join(place.root, 's')
    const server = await serveVault({ vault, path: socket, tokens: { gateway: 'g', staff: 's', worker: 'w' } })
    const clientOf = (token: string): RpcClient => new RpcClient({ path: socket, token, unavailable: 'vault_unavailable' })
    const clients = { gateway: clientOf('g'), staff: clientOf('s'), worker: clientOf('w') }
    const [gateway, staff, worker] = [noticeVault(clients.gateway), noticeVault(clients.staff), noticeVault(clients.worker)]
    try {
      const [code = ''] = await staff.issueNotices(version, [{ person: 7, address }])
      await staff.keepSheets(version, [{ shape: 's1', language: 'en', common }])
      await staff.keepNotices(version, [{ code, address, shape: 's1', language: 'en', day: 1, personal: personal(code) }])
      const asked = { code, address, texts: [textOf(code)] }
      assert.deepEqual(await gateway.checkNotice(asked), await staff.checkNotice(asked))
      await refused(gateway.issueNotices(version, [{ person: 7, address }]))
      await refused(gateway.keepSheets(version, []))
      await refused(gateway.keepNotices(version, []))
      await refused(gateway.noticeAlerts())
      await refused(worker.checkNotice(asked))
    } finally {
      for (const client of Object.values(clients)) client.close()
      await server.close()
    }
  })
})
