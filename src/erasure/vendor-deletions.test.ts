/** What vendors owe, with the real key store: killed at every call, a clock moved by hand, vendors that refuse, rest and fail. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Clock } from '#base/clock.ts'
import { DAY_MS } from '#base/clock.ts'
import { DELETION_PURPOSE } from '#model/disclosure.ts'
import type { DeletionProgress } from '#model/protocol.ts'
import { LOOK, makePlace, openAt, removePlace } from '#vault/testing.ts'
import { createKeys, type Vault } from '#vault/vault.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { type DeletionState, stateOf } from './asking.ts'
import type { DeletionAnswer, VendorCalls } from './ports.ts'
import { VendorDeletions, type VendorDeletionPorts } from './vendor-deletions.ts'

const IDS_MAX = 3

class Killed extends Error {}

/** A vendor with tasks, and a warehouse that holds who was sent. */
class Stage {
  now = Date.UTC(2026, 10, 1)
  users = [5, 6, 8, 11, 12, 20, 21]
  devices = [30]
  asked: number[][] = []
  progress: DeletionProgress = { kind: 'pending', said: 'STARTED' }
  answer: ((number: number) => DeletionAnswer | undefined) | undefined
  killAt = 0
  calls = 0
  open: DisclosureRow[] = []
  looked: (string | undefined)[] = []
  readonly clock: Clock = { now: () => this.now, sleep: async () => undefined }

  /** The call of that number ends the process, after its work is done. */
  #step<Answer>(answer: Answer): Answer {
    this.calls += 1
    if (this.calls === this.killAt) throw new Killed()
    return answer
  }

  ports(vault: Vault): VendorDeletionPorts {
    const { leaving } = vault
    const calls: VendorCalls = {
      askDeletion: async (_destination, { users, devices }) => {
        const other = this.answer?.(this.asked.length)
        if (other !== undefined) return this.#step(other)
        this.asked.push([...users, ...devices])
        return this.#step({ state: 'asked', entry: this.asked.length, tasks: [`t${this.asked.length}`] })
      },
      deletionProgress: async () => this.#step(this.progress),
      promiseDays: () => 30,
      idsMax: () => IDS_MAX,
    }
    const kill = async <Answer>(done: Promise<Answer>): Promise<Answer> => this.#step(await done)
    return {
      vault: {
        ...leaving,
        planLeaving: (vendor, plan) => kill(leaving.planLeaving(vendor, plan)),
        putLeaving: (deletion) => kill(leaving.putLeaving(deletion)),
      },
      calls,
      barrier: async () => ({ open: this.open }),
      lookAfterErasures: async (vendor) => void this.looked.push(vendor),
      warehouse: { query: async <Row>(sql: string, given: Record<string, unknown>) => this.#rows(sql, given) as Row[] },
    }
  }

  #rows(sql: string, { above, upTo, kind, idsMax }: Record<string, unknown>): unknown[] {
    const part = { destination: 'd', epoch: 1 }
    if (sql.includes('GROUP BY destination')) {
      return [
        { ...part, kind: 'device', subjects: this.devices.length },
        { ...part, kind: 'user', subjects: this.users.length },
      ].filter(({ subjects }) => subjects > 0)
    }
    const all = (kind === 'user' ? this.users : this.devices).filter((subject) => subject > Number(above) && subject <= Number(upTo))
    const wanted = sql.includes('row_number') ? all.filter((_, index) => (index + 1) % Number(idsMax) === 0) : all
    return wanted.map((subject) => ({ subject }))
  }
}

async function open(t: TestContext): Promise<{ vault: () => Vault; reopen: () => Promise<void> }> {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  t.after(() => vault.close())
  return {
    vault: () => vault,
    reopen: async () => {
      await vault.close()
      vault = await openAt(place)
    },
  }
}

const deletionsOn = (stage: Stage, vault: Vault): VendorDeletions =>
  new VendorDeletions(stage.ports(vault), { clock: stage.clock, onFailure: () => undefined })

async function states(stage: Stage, vault: Vault): Promise<DeletionState[]> {
  return (await vault.leaving.deletions('v')).leaving.map((owed) => stateOf(owed, stage.now))
}

test('killed after any call, everybody is asked for in the end, in parts of the limit', { timeout: 240_000 }, async (t) => {
  const place = await open(t)
  let killAt = 0
  for (let isKilled = true; isKilled; killAt++) {
    isKilled = false
    const vendor = `v${killAt}`
    const stage = new Stage()
    stage.killAt = killAt
    await place.vault().leaving.wishLeaving(vendor)
    try {
      await deletionsOn(stage, place.vault()).askAll()
    } catch (thrown) {
      if (!(thrown instanceof Killed)) throw thrown
      isKilled = true
      await place.reopen()
      assert.equal(await deletionsOn(stage, place.vault()).askAll(), 0)
    }
    isKilled ||= killAt === 0
    const { leaving } = await place.vault().leaving.deletions(vendor)
    assert.deepEqual(
      leaving.map(({ state, count, dueAt, askedAt }) => [state, count, (dueAt ?? 0) - (askedAt ?? 0)]),
      [1, 3, 3, 1].map((count) => ['asked', count, 30 * DAY_MS]),
      `killed at ${killAt}`,
    )
    assert.deepEqual(
      [...new Set(stage.asked.flat())].toSorted((a, b) => a - b),
      [...stage.users, ...stage.devices],
    )
    assert.ok(stage.asked.every((part) => part.length <= IDS_MAX))
  }
  assert.ok(killAt > 8, 'every call was the last one once')
})

test('asked, overdue after the promise, asked anew when the vendor failed without moving the promise, then said done', async (t) => {
  const { vault } = await open(t)
  const stage = new Stage()
  stage.users = [1]
  stage.devices = []
  const destroy = () => vault().epochs.destroyEpoch({ vendor: 'v', destination: 'd', epoch: 1 }, LOOK)
  await vault().activeEpoch('d')
  await vault().leaving.closeEpochs(['d'], LOOK)
  await vault().leaving.wishLeaving('v')
  await assert.rejects(destroy(), { code: 'epoch_needed' }, 'not planned yet')
  const deletions = deletionsOn(stage, vault())
  await deletions.askAll()
  assert.deepEqual(await states(stage, vault()), ['asked'])
  const [first] = (await vault().leaving.deletions('v')).leaving
  stage.now += 10 * DAY_MS
  stage.progress = { kind: 'unknown', reason: 'unavailable' }
  await deletions.look('v')
  assert.deepEqual(await states(stage, vault()), ['asked'])
  stage.progress = { kind: 'failed', said: 'FAILURE' }
  await deletions.look('v')
  assert.deepEqual(await states(stage, vault()), ['due'])
  stage.now += DAY_MS
  await deletions.askAll()
  const [again] = (await vault().leaving.deletions('v')).leaving
  assert.deepEqual([again?.state, again?.attempts, again?.dueAt, again?.tasks], ['asked', 2, first?.dueAt, ['t2']])
  stage.now += 20 * DAY_MS
  assert.deepEqual(await states(stage, vault()), ['overdue'])
  await assert.rejects(destroy(), { code: 'epoch_needed' })
  stage.progress = { kind: 'done', said: 'SUCCESS' }
  await deletions.look('v')
  assert.deepEqual(await states(stage, vault()), ['vendor says done'])
  stage.now += 99 * DAY_MS
  assert.deepEqual(await states(stage, vault()), ['vendor says done'])
  assert.equal((await destroy()).state, 'destroyed')
})

test('what an earlier program asked for, without a promise or a task, is overdue after a month', () => {
  const legacy = { vendor: 'v', destination: 'd', epoch: 1, state: 'asked' as const, at: 1000 }
  assert.deepEqual([stateOf(legacy, 1000), stateOf(legacy, 1001 + 30 * DAY_MS)], ['asked', 'overdue'])
})

test('a vendor that refuses or rests is left in peace for a while, and the other parts wait with it', async (t) => {
  const { vault } = await open(t)
  const stage = new Stage()
  await vault().leaving.wishLeaving('v')
  let tries = 0
  stage.answer = () => {
    tries += 1
    return { state: 'due', why: 'too_many_requests', entry: tries, retryAfterMs: 60_000 }
  }
  const deletions = deletionsOn(stage, vault())
  for (let second = 0; second < 50; second += 5) {
    await deletions.askAll()
    stage.now += 5000
  }
  assert.equal(tries, 1, 'as it asked for')
  stage.now += 60_000
  stage.answer = () => ({ state: 'due', why: 'bad_credentials', entry: 2, refused: true })
  await deletions.askAll()
  assert.ok((await states(stage, vault())).includes('refused'))
  stage.answer = undefined
  for (let hour = 0; hour < 30; hour++) {
    stage.now += 3_600_000
    await deletions.askAll()
  }
  assert.deepEqual(new Set(await states(stage, vault())), new Set(['asked']))
  assert.equal(stage.asked.flat().length, 8)
})

test('who may be on the way is asked for too, no part is empty, and a look is at the vendor that is meant', async (t) => {
  const { vault } = await open(t)
  const stage = new Stage()
  stage.users = [5, 6, 8, 11, 12, 20]
  stage.devices = []
  const row = { vendor: 'v', destination: 'd', epoch: 1, kind: 'user' as const, subject: 50, purpose: 'analytics' }
  stage.open = [
    row,
    { ...row, kind: 'device' as const, subject: 51 },
    { ...row, kind: 'group' as const, subject: 52 },
    { ...row, vendor: 'other', subject: 53 },
    { ...row, purpose: DELETION_PURPOSE, subject: 54 },
    { ...row, epoch: 2 },
  ] as DisclosureRow[]
  for (const vendor of ['v', 'w']) await vault().leaving.wishLeaving(vendor)
  const deletions = deletionsOn(stage, vault())
  assert.equal(await deletions.askAll(), 0)
  const counts = async (vendor: string): Promise<number[]> => (await vault().leaving.deletions(vendor)).leaving.map(({ count }) => count)
  assert.deepEqual(
    [await counts('v'), await counts('w')],
    [
      [3, 3, 2, 1],
      [3, 3],
    ],
  )
  assert.deepEqual(
    stage.asked.map((part) => part.join()),
    ['5,6,8', '11,12,20', '50,51', '50', '5,6,8', '11,12,20'],
  )
  stage.progress = { kind: 'done', said: 'SUCCESS' }
  await deletions.look('w')
  assert.deepEqual([stage.looked, await states(stage, vault())], [['w'], ['asked', 'asked', 'asked', 'asked']])
  await deletions.look()
  assert.deepEqual([stage.looked, new Set(await states(stage, vault()))], [['w', undefined], new Set(['vendor says done'])])
})
