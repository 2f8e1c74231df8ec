/** A job that is cut off at every single call, before it and after it, ends the same; with the real vault behind it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { systemClock } from '#base/clock.ts'
import type { ErasureJob } from '#vault/erasure-port.ts'
import { packRows } from '#vault/row-columns.ts'
import { createKeys, type Vault } from '#vault/vault.ts'
import { device, LOOK, makePlace, openAt, removePlace, user, windowOf } from '#vault/testing.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { Erasures } from './erase.ts'
import type { ErasurePorts } from './ports.ts'

const DAY = 20_500
const at = DAY * 86_400_000

interface Row {
  user: number
  place: { folder: number; offset: number; length: number }
  part: number
  record: number
}

/** The other stores, as far as an erasure touches them. */
class Stores {
  rows: Row[] = []
  readonly blobs = new Map<number, Buffer>()
  readonly asked: string[] = []
  /** What other processes were asked to do, in order. */
  readonly steps: string[] = []
  erasing: Parameters<ErasurePorts['worker']['eraseEvents']>[0][] = []
  keep: ErasurePorts['worker']['keepRows'] = async () => undefined
  sent: Pick<DisclosureRow, 'vendor' | 'destination' | 'epoch' | 'kind' | 'subject'>[] = []

  ports(vault: ErasurePorts['vault']): ErasurePorts {
    return {
      vault,
      gateway: {
        forget: async () => void this.steps.push('forget'),
        replaceWaiting: async (replacements) => {
          this.steps.push('replaceWaiting')
          for (const { offset, blob } of replacements) this.blobs.set(offset, blob)
        },
      },
      worker: {
        refuse: async ({ ordinals }) => void this.steps.push(`refuse ${ordinals.join()}`),
        eventsLoaded: async () => void this.steps.push('eventsLoaded'),
        barrier: async () => {
          this.steps.push('barrier')
          return { open: [] }
        },
        eraseEvents: async (people) => {
          const { ordinals } = people
          this.steps.push('eraseEvents')
          this.erasing.push(people)
          this.rows = this.rows.filter((row) => !ordinals.includes(row.user))
        },
        keepRows: (subjects) => {
          this.steps.push(`keepRows ${subjects.join()}`)
          return this.keep(subjects)
        },
      },
      calls: {
        askDeletion: async (destination, { epoch, users, devices }) => {
          this.asked.push(`${destination} ${epoch} ${[...users, ...devices].join()}`)
          return { state: 'asked', entry: this.asked.length, tasks: ['t'] }
        },
        deletionProgress: async () => ({ kind: 'pending', said: 'STARTED' }),
        promiseDays: () => 30,
        idsMax: () => 1000,
      },
      warehouse: {
        query: async <Answer>(sql: string, { ordinals }: Record<string, unknown>) => {
          const of = ordinals as number[]
          if (sql.includes('FROM disclosures')) return this.sent.filter(({ subject }) => of.includes(subject)) as Answer[]
          return this.rows
            .filter((row) => of.includes(row.user))
            .map(({ place, part, record }) => ({
              waitingDay: DAY,
              waitingFolder: place.folder,
              waitingOffset: place.offset,
              waitingLength: place.length,
              waitingPart: part + 2,
              waitingRecord: record,
            })) as Answer[]
        },
      },
      readWaiting: ({ offset }) => this.blobs.get(offset),
    }
  }
}

/** Erasing and what vendors owe, in one. */
function vaultOf({ erasing, leaving }: Vault): ErasurePorts['vault'] {
  const get = (_: object, name: string): unknown => {
    const method = Reflect.get(name === 'awaitedErasures' ? leaving : erasing, name) as (...given: unknown[]) => unknown
    return method.bind(erasing)
  }
  return new Proxy({}, { get }) as ErasurePorts['vault']
}

class Killed extends Error {}

/** Every call counts; the one of that number ends the process that makes it, before or after it has done its work. */
function killedAt(ports: ErasurePorts, number: number, when: 'before' | 'after'): { ports: ErasurePorts; calls: () => number } {
  let calls = 0
  const wrap = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown
        if (typeof method !== 'function') return method
        return async (...given: unknown[]) => {
          calls += 1
          const isLast = calls === number
          if (isLast && when === 'before') throw new Killed()
          const answer: unknown = await method.apply(target, given)
          if (isLast) throw new Killed()
          return answer
        }
      },
    })
  const { vault, gateway, worker, calls: vendors, warehouse, readWaiting } = ports
  return {
    ports: {
      vault: wrap(vault),
      gateway: wrap(gateway),
      worker: wrap(worker),
      calls: { ...vendors, askDeletion: wrap(vendors).askDeletion, deletionProgress: wrap(vendors).deletionProgress },
      warehouse: wrap(warehouse),
      readWaiting,
    },
    calls: () => calls,
  }
}

async function addPerson(vault: Vault, stores: Stores, name: string): Promise<number[]> {
  const { ordinals } = await vault.commitWindow(
    windowOf({
      identifiers: [user(name), device(`${name}-device`)],
      facts: [{ of: -1, field: 'email', value: `${name}@mail.example`, once: false, trust: 'server', at }],
      edges: [{ kind: 'device', from: -2, to: -1, trust: 'server', at }],
    }),
  )
  const [first = 0] = ordinals
  // Two requests in one blob: theirs, and one of somebody else in which they are named too.
  const text = [
    [
      { record: 0, name: `typed by ${name}` },
      { record: 1, name: 'typed by another' },
    ],
    [
      { record: 0, name: 'typed elsewhere' },
      { record: 3, name: `typed by ${name} too` },
    ],
  ]
  const blob = (await vault.door(DAY)).seal(JSON.stringify(text))
  const place = { folder: 1, offset: stores.blobs.size, length: blob.length }
  stores.blobs.set(place.offset, blob)
  stores.rows.push({ user: first, place, part: 0, record: 0 }, { user: first, place, part: 1, record: 3 })
  stores.sent.push({ vendor: 'v', destination: 'd', epoch: 1, kind: 'user', subject: first })
  return ordinals
}

test('a job that is killed at any call goes on to the same end', { timeout: 240_000 }, async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  let vault = await openAt(place)
  t.after(() => vault.close())
  const stores = new Stores()
  const rowOf = (subjects: readonly number[]) =>
    packRows(subjects.map((subject) => ({ entry: 1, subject, nth: 0, bytes: Buffer.from('a row') })))
  stores.keep = (subjects) => vault.tree.keepRows(rowOf(subjects))
  let people = 0
  const eraseKilledAt = async (number: number, when: 'before' | 'after'): Promise<boolean> => {
    const name = `person-${++people}`
    const ordinals = await addPerson(vault, stores, name)
    const offset = stores.blobs.size - 1
    const commitments = await vault.tree.commitRows(rowOf(ordinals))
    const job = await vault.erasing.beginErasure(`${name}@mail.example`, { suppress: false }, LOOK)
    assert.deepEqual(job.ordinals, ordinals)
    const cut = killedAt(stores.ports(vaultOf(vault)), number, when)
    const run = (ports: ErasurePorts): Promise<ErasureJob> =>
      new Erasures(ports, { clock: systemClock, onFailure: () => undefined }).finish(job.id)
    const isKilled = await run(cut.ports).then(
      () => false,
      (thrown: unknown) => thrown instanceof Killed,
    )
    if (isKilled) {
      await vault.close()
      vault = await openAt(place)
    }
    const done = isKilled ? await run(stores.ports(vaultOf(vault))) : await vault.erasing.erasure(job.id)
    assert.deepEqual([done.step, done.deletions.map(({ state }) => state)], ['done', ['asked']])
    assert.ok((done.finalAt ?? 0) > (done.erasedAt ?? Infinity))
    assert.ok(stores.asked.includes(`d 1 ${ordinals[0]}`), 'under the identifiers that were sent')
    for (const query of [name, `${name}@mail.example`, `${name}-device`]) assert.deepEqual(await vault.resolve(query, LOOK), [], query)
    assert.deepEqual((await vault.identities([ordinals], LOOK))[0]?.ids, [])
    assert.deepEqual(await vault.tree.commitRows(rowOf(ordinals)), commitments, 'proofs go on to be possible')
    assert.equal(stores.rows.filter((row) => ordinals.includes(row.user)).length, 0)
    const text = vault.openWaiting(DAY, stores.blobs.get(offset) as Buffer) ?? ''
    assert.deepEqual(JSON.parse(text), [[{ record: 1, name: 'typed by another' }], [{ record: 0, name: 'typed elsewhere' }]])
    return isKilled
  }
  let number = 1
  while (await eraseKilledAt(number, 'before')) {
    await eraseKilledAt(number, 'after')
    number += 1
  }
  assert.ok(number > 12, 'every call was the last one once')
  assert.deepEqual(await vault.erasing.openErasures(), [])
})

test('nothing new names the person before what is there is counted, and those who wait for the same day go together', async (t) => {
  const place = makePlace()
  t.after(() => removePlace(place))
  await createKeys(place)
  const vault = await openAt(place)
  t.after(() => vault.close())
  const stores = new Stores()
  const jobs: ErasureJob[] = []
  for (const name of ['ann', 'ben']) {
    await addPerson(vault, stores, name)
    // Somebody else signs in on the device later, so it stays, without what they did on it.
    await vault.commitWindow(
      windowOf({
        identifiers: [device(`${name}-device`), user('guest')],
        edges: [{ kind: 'device', from: -1, to: -2, trust: 'server', at: at + 1000 }],
      }),
    )
    jobs.push(await vault.erasing.beginErasure(`${name}@mail.example`, { suppress: false }, LOOK))
  }
  const [ann, ben] = jobs as [ErasureJob, ErasureJob]
  assert.deepEqual([ann.shared.length, ben.shared.length], [1, 1])
  const ports = stores.ports(vaultOf(vault))
  const away = { ...ports, worker: { ...ports.worker, eraseEvents: () => Promise.reject(new Killed()) } }
  const erasing = (of: ErasurePorts) => new Erasures(of, { clock: systemClock, onFailure: () => undefined })
  await assert.rejects(erasing(away).finish(ann.id), Killed)
  assert.deepEqual(stores.steps, ['forget', `refuse ${ann.ordinals.join()}`, 'eventsLoaded', 'barrier', 'replaceWaiting'])
  stores.steps.length = 0
  await erasing(ports).finish(ben.id)
  await erasing(ports).finish(ann.id)
  assert.deepEqual(stores.steps, [
    ...['forget', `refuse ${ben.ordinals.join()}`, 'eventsLoaded', 'barrier', 'replaceWaiting', 'eraseEvents'],
    ...[`keepRows ${ben.ordinals.join()}`, `keepRows ${ann.ordinals.join()}`],
  ])
  const [{ ordinals, shared }] = stores.erasing as [(typeof stores.erasing)[number]]
  assert.deepEqual(new Set(ordinals), new Set([...ann.ordinals, ...ben.ordinals]))
  assert.deepEqual(new Set(shared.map(({ device: one }) => one)), new Set([...ann.shared, ...ben.shared].map(({ device: one }) => one)))
})
