import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import fc from 'fast-check'
import { systemClock } from '#base/clock.ts'
import { basicUser, clientAddress, decodeTrustedProxies, hasBrowserMarks } from './client.ts'
import { CommitQueue } from './commit.ts'
import { MemoryLog, MemoryVault, sourceOf } from './fixture.ts'
import { type Known, VaultMemory } from './vault-memory.ts'

function requestFrom(peer: string, forwarded?: string): IncomingMessage {
  return {
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as unknown as IncomingMessage
}

test('the client address is the rightmost one that no trusted proxy wrote about itself', () => {
  const trusted = decodeTrustedProxies(['10.0.0.0/8', '::1', '2001:db8::/32'])
  const cases: [string, string | undefined, string | undefined][] = [
    ['198.51.100.7', undefined, '198.51.100.7'],
    ['198.51.100.7', '203.0.113.1', '198.51.100.7'],
    ['::ffff:198.51.100.7', undefined, '198.51.100.7'],
    ['10.1.2.3', '203.0.113.1', '203.0.113.1'],
    ['::ffff:10.1.2.3', '6.6.6.6, 203.0.113.1:4711, 10.9.9.9', '203.0.113.1'],
    ['::1', '[2001:db9::1]:80, 2001:db8::5', '2001:db9::1'],
    ['10.1.2.3', '203.0.113.1, unknown', undefined],
    ['10.1.2.3', '10.2.2.2', undefined],
    ['10.1.2.3', undefined, undefined],
  ]
  for (const [peer, forwarded, expected] of cases)
    assert.equal(clientAddress(requestFrom(peer, forwarded), trusted), expected, `${peer} ${forwarded}`)
  for (const entry of ['10.0.0.0/33', 'proxy.example', '10.0.0.0/8/8', '::1/129', '']) assert.throws(() => decodeTrustedProxies([entry]))
})

test('Basic: only the user part, junk is nobody', () => {
  const header = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  assert.equal(basicUser({ authorization: header('tok:pass:word') }), 'tok')
  assert.equal(basicUser({ authorization: header(':') }), '')
  for (const authorization of ['Bearer abc', 'Basic', 'Basic ä', `Basic ${'A'.repeat(5000)}`])
    assert.equal(basicUser({ authorization }), undefined)
})

test('browsers are told from servers, and the fetch of Node is a server', async () => {
  for (const name of ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-ch-ua', 'sec-ch-ua-platform'])
    assert.ok(hasBrowserMarks({ [name]: 'x' }))
  const server = http.createServer((request, response) => response.end(String(hasBrowserMarks(request.headers))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/import`, { method: 'POST', body: '[]' })).text(), 'false')
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('a long id is remembered by its hash, and every id stays apart from every other', () => {
  const memory = new VaultMemory()
  const long = 'x'.repeat(1_000_000)
  const hashed = hash('sha256', long, 'base64')
  const identifiers = [long, `${long}x`, hashed, 'x', '\ud800', '\udfff', 'ü'].flatMap((value) => [
    { namespace: 'default', kind: 'id', role: 'user', value } as const,
    { namespace: 'default', kind: 'id', role: 'device', value } as const,
    { namespace: 'other', kind: 'id', role: 'user', value } as const,
    { namespace: 'default', kind: 'group:company', role: 'group', value } as const,
  ])
  const known = identifiers.map((identifier) => memory.of(identifier))
  assert.equal(new Set(known).size, identifiers.length)
  assert.equal(new Set(known.map(({ serial }) => serial)).size, identifiers.length)
  assert.deepEqual(
    identifiers.map((identifier) => memory.of({ ...identifier })),
    known,
  )
  assert.ok(known.every((one, index) => one === memory.of(identifiers[index]!)))
  memory.clear()
  assert.ok(identifiers.every((identifier, index) => memory.of(identifier) !== known[index]))
})

test('a relation is told once for each pair, kind and trust', () => {
  const memory = new VaultMemory()
  const known = ['a', 'b', 'c'].map((value) => memory.of({ namespace: 'default', kind: 'id', role: 'user', value }))
  const tell = (): boolean[] =>
    known.flatMap((from) =>
      known.flatMap((to) => [
        memory.isNewRelation('merge', from, to, 'server'),
        memory.isNewRelation('merge', from, to, 'browser'),
        memory.isNewRelation('member', from, to, 'server'),
      ]),
    )
  assert.ok(tell().every((isNew) => isNew))
  assert.ok(tell().every((isNew) => !isNew))
})

test('windows keep the order of their requests, whatever the vault and the log do meanwhile', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ pause: fc.nat({ max: 3 }), fails: fc.constantFrom('no', 'no', 'no', 'vault', 'log') }), { maxLength: 30 }),
      async (steps) => {
        const vault = new MemoryVault()
        const log = new MemoryLog()
        const queue = new CommitQueue({
          vault,
          log,
          vaultTimeoutMs: 1000,
          clock: systemClock,
          onFailure: () => undefined,
        })
        const outcomes: Promise<string>[] = []
        for (const [index, { pause, fails }] of steps.entries()) {
          vault.fails = fails === 'vault' ? 'unavailable' : 'no'
          log.fails = fails === 'log'
          const user = { namespace: 'default', kind: 'id' as const, value: `u${index % 5}`, role: 'user' as const }
          outcomes.push(
            queue
              .submit([
                {
                  receivedAt: index,
                  protocol: 'toy',
                  source: sourceOf('site'),
                  policy: 1,
                  draft: {
                    trust: 'browser',
                    records: [{ type: 'event', time: index, user: 0 }],
                    identifiers: [user],
                    facts: [],
                    edges: [],
                    memberships: [],
                    waiting: [],
                    consents: [],
                    insertIds: [undefined],
                    destroyed: {},
                  },
                },
              ])
              .then(({ kind }) => kind),
          )
          if (pause > 0) await systemClock.sleep(pause - 1)
        }
        vault.fails = 'no'
        log.fails = false
        await queue.drain()
        const settled = await Promise.all(outcomes)
        assert.deepEqual(
          log.drafts.map(({ at }) => at),
          settled.flatMap((kind, index) => (kind === 'kept' ? [index] : [])),
        )
        for (const { at, records } of log.drafts) assert.equal(records[0]?.user, vault.ordinalOf(`u${at % 5}`))
      },
    ),
    { numRuns: 30 },
  ))

test('a device’s user is told again whenever somebody else stood in between', () => {
  const memory = new VaultMemory()
  const known = (role: 'user' | 'device', value: string): Known => memory.of({ namespace: 'default', kind: 'id', role, value })
  const use = (user: string, at: number): boolean =>
    memory.isNewUse(known('device', 'd'), { user: known('user', user), at, trust: 'browser' })
  assert.deepEqual(
    [use('a', 10), use('a', 50), use('b', 20), use('a', 51), use('a', 60), use('b', 70), use('b', 71), use('b', 5)],
    [true, false, true, true, false, true, false, true],
  )
})
