/** Who gets no mail and why, and who is told by nobody else any more; and in which order a batch is filed. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { openRecords } from '#records/records.ts'
import type { NewRecipient, NoticeRecipient } from '#records/notice-rows.ts'
import { NOTICES_AT_ONCE } from '#vault/notice-port.ts'
import { fileVersion, type FilingOf, openMaildir, settleFiling } from './maildir.ts'
import { type PrepareOf, type PreparePorts, prepare } from './prepare.ts'
import type { NoticeWords } from './words.ts'

const OF = { incident: 1, version: 1 }
const ROW = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [] }
const MORE = { state: 'waiting', messageId: null, attempts: 0, at: 0, nextAt: 0, reply: null, why: null } as const
const content = { subject: { ...OF, versionId: 'a'.repeat(32) }, shapes: [{ key: 's' }], languages: ['en'] }
const of = { ...OF, content, begun: {}, look: { actor: 'ann', action: 'test', reason: 'test' } } as unknown as PrepareOf

/** Addresses by person; null: none. */
function portsWith(addresses: Readonly<Record<number, string | null>>, erased: readonly number[] = []) {
  const issued: { person: number; address: string }[] = []
  const kept: string[] = []
  const ports: PreparePorts = {
    vault: {
      findReachable: async () => [],
      openAddresses: async (_of, people) =>
        people.map(([person = 0]) => {
          const address = addresses[person] ?? null
          return { isErased: erased.includes(person), address, name: null, tag: address === null ? '' : `t-${address}` }
        }),
      openMembers: async () => [],
      issueNotices: async (_of, people) => {
        issued.push(...people)
        return people.map(({ person }) => `code ${person}`)
      },
      keepSheets: async () => undefined,
      keepNotices: async (_of, notices) => void kept.push(...notices.map(({ code, address }) => `${code} ${address}`)),
    },
    words: {
      render: () => ({ subject: 'A', text: 'Hello', html: '<p>Hello</p>', common: ['Hello'], personal: [] }),
    } as unknown as NoticeWords,
    identifiersOf: async () => (person) => [person],
    now: () => 0,
    records: { recipientsJoined: () => [], recipientsTagged: () => [] },
    isInHand: () => false,
  }
  return { ports, issued, kept }
}

test('who cannot be told is set aside with the reason, and stands for nobody else any more', async () => {
  const addresses = { 1: 'ann@x.example', 2: null, 3: null, 4: 'no address', 5: 'moved@x.example', 6: 'boss@x.example' }
  const { ports, issued, kept } = portsWith(addresses, [3])
  const tags = ['t-ann@x.example', 't-two', 't-three', 't-no address', 't-five', 't-boss@x.example']
  const rows = tags.map((tag, index): NoticeRecipient => ({ ...ROW, ...MORE, number: index + 1, person: index + 1, tag }))
  rows[5] = { ...(rows[5] as NoticeRecipient), organisation: 70, members: 2 }
  const { prepared, changes } = await prepare(rows, of, ports)
  assert.deepEqual(changes, [
    { number: 2, state: 'skipped', why: 'no_address', joined: 0, tag: 't-two' },
    { number: 3, state: 'skipped', why: 'erased', joined: 0, tag: 't-three' },
    { number: 4, state: 'failed', why: 'address_form', joined: 0, tag: 't-no address' },
    { number: 5, state: 'waiting', why: null, joined: 0, tag: 't-moved@x.example' },
  ])
  assert.deepEqual(
    prepared.map(({ row: { number } }) => number),
    [1, 5, 6],
  )
  // A code of an administrator's notice is the organisation's: one of a person for themselves is another.
  assert.deepEqual(
    issued.map(({ person }) => person),
    [1, 5, 70],
  )
  assert.deepEqual(kept, ['code 1 ann@x.example', 'code 5 moved@x.example', 'code 70 boss@x.example'])
})

function place(t: TestContext, rows: NewRecipient[]) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-filing-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const records = openRecords({ path: ':memory:' })
  records.addRecipients(OF, 1, rows, 0)
  return { dir: openMaildir(path.join(folder, 'out'), []), records }
}

const plain = (count: number): NewRecipient[] =>
  Array.from({ length: count }, (_, index) => ({ ...ROW, person: index + 1, tag: `t-p${index + 1}@x.example` }))

test('many who had one address until now are kept in as many parts as the vault takes', async () => {
  const people = Array.from({ length: NOTICES_AT_ONCE + 1 }, (_, index) => index + 1)
  const { ports } = portsWith(Object.fromEntries(people.map((person) => [person, `p${person}@x.example`])))
  const parts: number[] = []
  ports.vault.keepNotices = async (_of, notices) => void parts.push(notices.length)
  const rows = people.map(
    (person): NoticeRecipient => ({ ...ROW, ...MORE, number: person, person, joined: person === 1 ? 0 : 1, tag: 't-all' }),
  )
  const others = rows.slice(1).map((row) => ({ ...row, state: 'skipped' as const, why: 'same_address' }))
  ports.records.recipientsJoined = (_of, numbers) => (numbers.includes(1) ? others : [])
  const { prepared } = await prepare(rows.slice(0, 1), of, ports)
  assert.deepEqual([prepared.length, parts], [NOTICES_AT_ONCE + 1, [NOTICES_AT_ONCE, 1]])
})

test('a batch lies whole in tmp before its rows say so, and in new before they say that it is filed', async (t) => {
  const { dir, records } = place(t, plain(3))
  const seen: unknown[] = []
  const lying = () => [readdirSync(path.join(dir, 'tmp')).length, readdirSync(path.join(dir, 'new')).length]
  const { changeRecipients } = records
  records.changeRecipients = (which, changes, at) => {
    seen.push([changes.map(({ state }) => state).join(' '), ...lying()])
    changeRecipients(which, changes, at)
  }
  // Whom a mail server has put off waits for nothing: a folder refuses nobody.
  changeRecipients(OF, [{ number: 2, state: 'waiting', nextAt: 9_000_000 }], 0)
  const { ports } = portsWith({ 1: 'p1@x.example', 2: 'p2@x.example', 3: 'p3@x.example' })
  const composer = { compose: async () => Buffer.from('Subject: a\n\nHello\n') }
  const filing = { ...OF, ...of, dir, officialDomain: 'company.example' } as FilingOf
  await fileVersion(filing, { ...ports, records, composer }, new AbortController().signal)
  assert.deepEqual(seen, [
    ['sending sending sending', 3, 0],
    ['filed filed filed', 0, 3],
  ])
})

test('what a crash left in tmp was not filed and waits, what left it was; of a folder that is gone nothing is known', async (t) => {
  const { dir, records } = place(t, plain(2))
  const begun = [1, 2].map((number) => ({ number, state: 'sending' as const, messageId: `<${number}@company.example>`, attempts: 1 }))
  records.changeRecipients(OF, begun, 2)
  const states = () => records.recipientCounts(OF).map(({ state, count }) => [state, count])
  settleFiling({ ...OF, dir: path.join(dir, 'nowhere') }, records, 3)
  assert.deepEqual(states(), [['sending', 2]])
  // The name that a mail of that Message-ID has.
  const { ports } = portsWith({ 1: 'p1@x.example', 2: 'p2@x.example' })
  const composer = { compose: async () => Promise.reject(new Error('killed')) }
  records.changeRecipients(OF, [{ number: 1, state: 'waiting' }], 2)
  const filing = { ...OF, ...of, dir, officialDomain: 'company.example' } as FilingOf
  const write = { compose: async () => Buffer.from('x') }
  const { changeRecipients } = records
  records.changeRecipients = () => {
    throw new Error('the power goes')
  }
  await assert.rejects(fileVersion(filing, { ...ports, records, composer }, new AbortController().signal), /killed/)
  await assert.rejects(fileVersion(filing, { ...ports, records, composer: write }, new AbortController().signal), /the power goes/)
  records.changeRecipients = changeRecipients
  assert.equal(readdirSync(path.join(dir, 'tmp')).length, 1)
  records.changeRecipients(OF, [{ number: 1, state: 'sending' }], 2)
  writeFileSync(path.join(dir, 'new', 'another'), '')
  settleFiling({ ...OF, dir }, records, 3)
  assert.deepEqual(states().sort(), [
    ['filed', 1],
    ['waiting', 1],
  ])
  assert.equal(records.recipientsIn(OF, 'waiting', { after: 0, limit: 9 })[0]?.number, 1)
  assert.deepEqual(readdirSync(path.join(dir, 'tmp')), [])
})

/** One of several who have one address. */
const row = (number: number, more: Partial<NoticeRecipient> = {}): NoticeRecipient => ({
  ...ROW,
  ...MORE,
  number,
  person: number,
  tag: 't-a@x.example',
  ...more,
})
const told = {
  ...of,
  content: { ...content, shapes: [{ key: 's', kind: 'person', sent: [], possibleOnly: false }] },
} as unknown as PrepareOf

test('whoever has an address to which a mail went, or may have, gets no second one there; the first of several holds it', async () => {
  const fate = async (...others: NoticeRecipient[]) => {
    const { ports } = portsWith({ 5: 'a@x.example' })
    ports.records.recipientsTagged = (_of, tags) => (tags.includes('t-a@x.example') ? others : [])
    ports.isInHand = (number) => number === 9
    const { prepared, changes } = await prepare([row(5)], told, ports)
    return prepared.length > 0 ? 'mailed' : `${changes[0]?.why} ${changes[0]?.joined}`
  }
  for (const state of ['sending', 'sent', 'filed', 'unknown'] as const) assert.equal(await fate(row(1, { state })), 'same_address 1', state)
  assert.equal(await fate(row(9)), 'same_address 9', 'in hand')
  for (const state of ['failed', 'skipped'] as const) assert.equal(await fate(row(1, { state })), 'mailed', state)
  assert.equal(await fate(row(1, { state: 'sent' }), row(2, { state: 'sent' })), 'same_address 1')
  // A notice of an organisation is another one.
  assert.equal(await fate(row(1, { state: 'sent', organisation: 70 })), 'mailed')
})

test('of two who wait for one address the one of before gets the mail; who waits for a notice of an organisation is left alone', async () => {
  const mailed = async (other: NoticeRecipient) => {
    const { ports } = portsWith({ 1: 'a@x.example', 5: 'a@x.example' })
    ports.records.recipientsTagged = () => [other]
    const { prepared, changes } = await prepare([row(5)], told, ports)
    return [prepared.map(({ row: { number } }) => number), changes.map(({ number, joined }) => [number, joined])]
  }
  assert.deepEqual(await mailed(row(1)), [[1], [[5, 1]]])
  assert.deepEqual(await mailed(row(1, { organisation: 70 })), [[5], []])
})

test('lists of members are opened in parts, and what a check needs has the day on which the mail was made', async () => {
  const people = Array.from({ length: 26 }, (_, index) => index + 1)
  const { ports } = portsWith(Object.fromEntries(people.map((person) => [person, `p${person}@x.example`])))
  const parts: number[] = []
  const days = new Set<number>()
  ports.vault.openMembers = async (_of, lists) => {
    parts.push(lists.length)
    return lists.map(({ administrator: [person = 0] }) => (person === 26 ? undefined : []))
  }
  ports.vault.keepNotices = async (_of, notices) => void notices.map(({ day }) => days.add(day))
  ports.now = () => 3 * 86_400_000
  const listed = { ...of, content: { ...content, shapes: [{ key: 's', memberList: true }] } } as unknown as PrepareOf
  const rows = people.map(
    (person): NoticeRecipient => ({ ...ROW, ...MORE, number: person, person, organisation: 70 + person, tag: `t-p${person}@x.example` }),
  )
  const { prepared, changes } = await prepare(rows, listed, ports)
  assert.deepEqual([parts, prepared.length, [...days]], [[25, 1], 25, [3]])
  assert.deepEqual(changes, [{ number: 26, state: 'skipped', why: 'not_administrator', joined: 0 }])
})

test('who shares an address with somebody who is no administrator any more is told by the next mail, where they are one', async () => {
  const records = teamOf([1, 2])
  const { ports } = portsWith({ 1: 'team@x.example', 2: 'team@x.example' })
  ports.vault.openMembers = async (_of, lists) => lists.map(({ administrator: [person = 0] }) => (person === 1 ? undefined : []))
  const listed = { ...of, content: { ...content, shapes: [{ key: 's', kind: 'organisation', sent: [], memberList: true }] } }
  const step = async () => {
    const rows = records.recipientsDue(OF, { now: 9, after: 0, limit: 9 })
    const { prepared, changes } = await prepare(rows, listed as unknown as PrepareOf, { ...ports, records })
    records.changeRecipients(OF, changes, 1)
    return prepared.map(({ row: { person } }) => person)
  }
  assert.deepEqual([await step(), await step()], [[], [2]])
  assert.deepEqual(
    records.recipientsIn(OF, 'skipped', { after: 0, limit: 9 }).map(({ person, why }) => [person, why]),
    [[1, 'not_administrator']],
  )
})

/** Administrators of one organisation with one address. */
function teamOf(people: readonly number[]) {
  const records = openRecords({ path: ':memory:' })
  const rows = people.map((person): NewRecipient => ({ ...ROW, person, organisation: 70, members: 1, list: [5], tag: 't-team@x.example' }))
  const [head, ...others] = rows as [NewRecipient, ...NewRecipient[]]
  records.addRecipients(OF, 1, [head, ...others.map((each) => ({ ...each, joined: 1 }))], 0)
  return records
}
