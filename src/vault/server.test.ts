import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RpcClient } from '#base/rpc.ts'
import { gatewayVault, staffVault, workerVault } from './client.ts'
import type { DiscloseReply } from './port.ts'
import { pagesOf } from './ordinal-pages.ts'
import { packSubjects } from './pseudonym.ts'
import { serveVault, VAULT_ROLES } from './server.ts'
import { device, group, LOOK, makePlace, openAt, type Place, removePlace, user, windowOf, withVault } from './testing.ts'
import { createKeys } from './vault.ts'

const TOKENS = { gateway: 'token-gateway', worker: 'token-worker', staff: 'token-staff' }
const CHILD = fileURLToPath(new URL('./testing-child.ts', import.meta.url))

function clientsAt(socket: string): { [Role in (typeof VAULT_ROLES)[number]]: RpcClient } {
  const clientOf = (token: string) => new RpcClient({ path: socket, token, unavailable: 'vault_unavailable' })
  return { gateway: clientOf(TOKENS.gateway), worker: clientOf(TOKENS.worker), staff: clientOf(TOKENS.staff) }
}

function closeAll(clients: Record<string, RpcClient>): void {
  for (const client of Object.values(clients)) client.close()
}

test('through the socket each call gives what it gives in the process', async () => {
  await withVault(async (vault, place) => {
    const socket = path.join(place.root, 's')
    const server = await serveVault({ vault, path: socket, tokens: TOKENS })
    const clients = clientsAt(socket)
    try {
      const [gateway, worker, staff] = [gatewayVault(clients.gateway), workerVault(clients.worker), staffVault(clients.staff)]
      const window = windowOf({
        identifiers: [user('anna'), user('an-na'), device('tablet'), group('Acme')],
        facts: [{ of: -1, field: 'email', value: 'anna@example.com', once: false, trust: 'server', at: 1 }],
        edges: [
          { kind: 'merge', from: -1, to: -2, trust: 'server', at: 1 },
          { kind: 'device', from: -3, to: -2, trust: 'browser', at: 3 },
        ],
        memberships: [{ person: -1, group: -4, trust: 'browser', at: 1 }],
      })
      const reply = await gateway.commitWindow(window)
      const direct = await vault.commitWindow(window)
      assert.deepEqual(reply.ordinals, direct.ordinals)
      const door = await gateway.door(19_000)
      assert.deepEqual(door.dedup(['x', 'y']), (await vault.door(19_000)).dedup(['x', 'y']))
      assert.equal(vault.openWaiting(19_000, door.seal('{"\u0905":1}')), '{"\u0905":1}')
      for (const day of [-1, 1.5, 'x' as never]) await assert.rejects(gateway.door(day), { code: 'vault_refused' })
      // The public edge cannot speak with the voice of the company's own user table.
      for (const said of [
        { facts: [{ of: -1, field: 'email', value: 'x@example.com', once: false, trust: 'directory' as const, at: 9 }] },
        { edges: [{ kind: 'merge' as const, from: -1, to: -2, trust: 'directory' as const, at: 9 }] },
        { memberships: [{ person: -1, group: -4, trust: 'server' as const, at: 9, admin: true }] },
      ]) {
        await assert.rejects(gateway.commitWindow({ ...window, ...said }), { code: 'vault_refused' })
      }
      assert.deepEqual((await gateway.commitWindow(windowOf({}))).ordinals, [])

      const epoch = await worker.activeEpoch('mixpanel')
      const subjects = [
        { kind: 'user' as const, ordinal: 2 ** 40 + 1 },
        { kind: 'device' as const, ordinal: 3 },
        { kind: 'group' as const, ordinal: 4 },
      ]
      const request = {
        destination: 'mixpanel',
        epoch,
        subjects: packSubjects(subjects),
        positions: Float64Array.of(2 ** 41, 5, 1, 0),
      }
      const shown = ({ pseudonyms, insertIds, phases }: DiscloseReply) => [pseudonyms.texts(), insertIds.texts(), [...phases]]
      assert.deepEqual(shown(await worker.disclose(request)), shown(await vault.disclose(request)))
      assert.deepEqual(shown(await worker.disclose({ ...request, subjects: new Float64Array(), positions: new Float64Array() })), [
        [],
        [],
        [],
      ])
      for (const kind of ['alias', 'canary', 'staff'] as const) {
        const others = { ...request, subjects: packSubjects([{ kind, ordinal: 1 }]) }
        await assert.rejects(worker.disclose(others), { code: 'vault_refused' }, kind)
      }
      const [sealed = ''] = await worker.sealManifests([{ entry: 9, packed: Buffer.from('rows') }])
      assert.deepEqual((await worker.openManifests([{ entry: 9, sealed }])).map(String), ['rows'])
      await assert.rejects(worker.openManifests([{ entry: 8, sealed }]), { code: 'ledger_corrupt' })

      assert.deepEqual(await staff.graph(), await vault.graph())
      const users = pagesOf(reply.ordinals)
      for (const named of [[], [4]]) {
        const question = { users, named: Float64Array.from(named) }
        assert.deepEqual(await staff.groups(question), await vault.census.groups(question))
      }
      assert.deepEqual(await staff.members(users), await vault.census.members(users))
      assert.deepEqual(await staff.staffPseudonyms(subjects), await vault.staffPseudonyms(subjects))
      assert.deepEqual(await staff.resolve('anna@example.com', LOOK), await vault.resolve('anna', LOOK))
      assert.deepEqual(await staff.identities([reply.ordinals.slice(0, 2)], LOOK), [
        { ids: ['anna', 'an-na'], emails: ['anna@example.com'], names: [], trust: { emails: 'server', names: null } },
      ])
      assert.deepEqual(await staff.importDirectory([{ id: 'z', name: 'Z', groups: [] }], 'default', LOOK), {
        rows: 1,
        newPeople: 1,
        facts: 1,
      })
      await staff.recordLook({ ...LOOK, subjects: 1 })
      assert.deepEqual(await staff.describe(), await vault.describe())
      await assert.rejects(staff.resolve('anna', { ...LOOK, reason: '' }), { code: 'reason_required' })
    } finally {
      closeAll(clients)
      await server.close()
    }
  })
})

test('each token opens its own calls and no other; a stranger is not answered', async () => {
  await withVault(async (vault, place) => {
    const socket = path.join(place.root, 's')
    const server = await serveVault({ vault, path: socket, tokens: { ...TOKENS, other: 'token-other' } })
    const clients = clientsAt(socket)
    const strangers = ['', 'token-other', 'token-gatewayx', 'undefined'].map(
      (token) => new RpcClient({ path: socket, token, unavailable: 'vault_unavailable' }),
    )
    try {
      const calls = {
        gateway: ['commitWindow', 'doorKeys'],
        worker: ['activeEpoch', 'disclose', 'clearValues', 'sealManifests', 'erasedPeople', 'deletionPseudonyms'],
        staff: [
          ...['resolve', 'graph', 'staffPseudonyms', 'memberships', 'identities', 'recordLook', 'importDirectory', 'describe'],
          ...['beginErasure', 'openErasures', 'erasure', 'unlinkErased', 'advanceErasure', 'destroyErased', 'resealWaiting'],
          ...['openHold', 'closeHold', 'holds', 'rotateEpoch', 'destroyEpoch', 'rotateKeys'],
          ...['acknowledgeGap', 'approvalMarks', 'recordApproval', 'settleApproval', 'adoptApprovals'],
          ...['deletions', 'awaitedErasures', 'planLeaving', 'wishLeaving', 'leavingWished', 'leavingIn', 'putLeaving', 'closeEpochs'],
        ],
        // Rows of numbers and shapes: the one sends them, the other answers questions about them.
        'worker staff': ['openManifests'],
      }
      const beyond = [
        'resolvePseudonyms',
        'replaceApprovals',
        'openWaiting',
        'closeEpoch',
        'close',
        'readLooks',
        'staffTexts',
        'discloseBlocks',
        'constructor',
        '__proto__',
      ]
      for (const role of VAULT_ROLES) {
        for (const [owner, methods] of Object.entries({ ...calls, nobody: beyond })) {
          if (owner.split(' ').includes(role)) continue
          for (const method of methods)
            await assert.rejects(clients[role].call(method, null), { code: 'vault_refused' }, `${role} ${method}`)
        }
      }
      for (const stranger of strangers) await assert.rejects(stranger.call('describe', null), { code: 'vault_unavailable' })
      assert.equal((await vault.describe()).looks, 0)
    } finally {
      closeAll(clients)
      for (const stranger of strangers) stranger.close()
      await server.close()
    }
  })
})

async function startChild(place: Place, socket: string): Promise<ChildProcess> {
  const argument = JSON.stringify({ place, socket, tokens: TOKENS })
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

async function killChild(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

test('kill -9 during commits: what was answered keeps its ordinal, its facts and its look', async () => {
  const place = makePlace()
  const socket = path.join(place.root, 's')
  const answered = new Map<string, number>()
  const stated = new Set<string>()
  let looks = 0
  let next = 0
  try {
    await createKeys(place)
    for (let round = 0; round < 6; round += 1) {
      const child = await startChild(place, socket)
      const clients = clientsAt(socket)
      const [gateway, staff] = [gatewayVault(clients.gateway), staffVault(clients.staff)]
      let stopped = false
      const writer = async (): Promise<void> => {
        while (!stopped) {
          const ids = [`u${next}`, `u${next + 1}`, `u${Math.floor(next / 2)}`]
          next += 2
          const facts = ids
            .slice(0, 2)
            .map((id, at) => ({ of: -at - 1, field: 'email', value: `${id}@example.com`, once: false, trust: 'server' as const, at: 1 }))
          const { ordinals } = await gateway.commitWindow(windowOf({ identifiers: ids.map(user), facts }))
          ids.forEach((id, at) => {
            assert.equal(answered.get(id) ?? ordinals[at], ordinals[at])
            answered.set(id, ordinals[at] as number)
          })
          for (const id of ids.slice(0, 2)) stated.add(id)
        }
      }
      const looker = async (): Promise<void> => {
        while (!stopped) {
          await staff.resolve(`u${Math.floor(next / 3)}`, LOOK)
          looks += 1
        }
      }
      const running = [writer(), writer(), writer(), looker()].map((run) =>
        run.catch((error) => assert.equal(error.code, 'vault_unavailable')),
      )
      const target = answered.size + 40 + round * 37
      while (answered.size < target) await new Promise((resolve) => setTimeout(resolve, 1))
      await killChild(child)
      stopped = true
      await Promise.all(running)
      closeAll(clients)
      const vault = await openAt(place)
      const recorded = vault.readLooks()
      assert.ok(recorded.every(({ entry }) => entry !== undefined))
      assert.ok(recorded.filter(({ entry }) => entry?.query !== undefined).length >= looks, 'every answered look is on record')
      looks = recorded.filter(({ entry }) => entry?.query !== undefined).length
      const ids = [...answered.keys()]
      const { ordinals } = await vault.commitWindow(windowOf({ identifiers: ids.map(user) }))
      assert.deepEqual(
        ordinals,
        ids.map((id) => answered.get(id)),
      )
      assert.equal(new Set(ordinals).size, ids.length)
      const identities = await vault.identities(
        ordinals.map((ordinal) => [ordinal]),
        LOOK,
      )
      ids.forEach((id, at) => {
        assert.deepEqual(identities[at]?.ids, [id])
        if (stated.has(id)) assert.deepEqual(identities[at]?.emails, [`${id}@example.com`])
      })
      await vault.close()
    }
  } finally {
    removePlace(place)
  }
})
