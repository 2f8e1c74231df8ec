/** What each store does on a disk that another program has filled, and what the space that was set aside is good for. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { openReserve } from '#base/reserve.ts'
import { makeSmallDisk, type SmallDisk } from '#base/testing-small-disk.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { IntentDraft } from '#ledger/port.ts'
import { openLogReader } from '#log/log-reader.ts'
import { openLogWriter } from '#log/log-writer.ts'
import type { LogDraft } from '#log/port.ts'
import { openRecords } from '#records/records.ts'
import { createKeys, openVault } from '#vault/vault.ts'

const MB = 1024 ** 2

function diskFor(t: TestContext, megabytes: number): SmallDisk {
  const disk = makeSmallDisk(megabytes)
  t.diagnostic(`file system: ${disk.kind}`)
  t.after(() => disk.remove())
  return disk
}

function requestOf(n: number): LogDraft {
  const records = Array.from({ length: 50 }, (_, index) => {
    return { type: 'event' as const, name: 'Paid', time: 1000 + n, user: 1 + index, properties: { n, index, note: 'x'.repeat(200) } }
  })
  return { at: Date.now(), source: 's', protocol: 'p', surface: 'x', trust: 'browser', policy: 1, records, dedup: Buffer.alloc(16 * 50) }
}

const intentDraft = (seq: number): IntentDraft => ({
  vendor: 'v',
  destination: 'd',
  route: '/import',
  epoch: 1,
  policy: 1,
  encoder: 1,
  purpose: 'analytics',
  from: { seq, index: 0 },
  to: { seq: seq + 1, index: 0 },
  bodySha256: 'ab'.repeat(32),
  records: 1,
  subjects: 1,
  first: 1,
  last: 2,
  fence: 0,
})

test('the log refuses on a full disk, keeps nothing of what it refused, and goes on by itself', async (t) => {
  const disk = diskFor(t, 48)
  const log = await openLogWriter({ dir: path.join(disk.folder, 'log'), waitingDir: path.join(disk.folder, 'waiting'), clock: systemClock })
  const reader = openLogReader({ dir: path.join(disk.folder, 'log') })
  let kept = 0
  for (let round = 0; round < 3; round++) {
    await log.append([requestOf(++kept)])
    disk.fill()
    for (let n = 0; n < 5; n++) {
      await assert.rejects(log.append(Array.from({ length: 20 }, () => requestOf(0))), { code: 'log_unwritable' })
      await assert.rejects(log.appendWaiting([Buffer.alloc(100_000, 7)]), { code: 'log_unwritable' })
    }
    assert.equal(log.head, kept)
    disk.empty()
    const [place] = await log.appendWaiting([Buffer.alloc(100, 7)])
    assert.equal(place?.offset, round * 100, 'what was half written takes no space')
  }
  await log.append([requestOf(++kept)])
  assert.deepEqual(
    reader.read(1, { entries: 100, bytes: MB }).map((entry) => entry.records[0]?.properties?.n),
    [1, 2, 3, 4],
  )
  reader.close()
  await log.close()
})

test('the ledger writes outcomes from the reserve; intents wait until it is whole again; no number is lost', async (t) => {
  const disk = diskFor(t, 48)
  const dir = path.join(disk.folder, 'ledger')
  const reserve = openReserve({ file: path.join(disk.folder, 'reserve'), bytes: 4 * MB })
  assert.ok(reserve.whole)
  const ledger = await openLedger({ dir, clock: systemClock, reserve })
  const seal = async (entries: readonly number[]): Promise<string[]> => entries.map(() => Buffer.alloc(3000, 1).toString('base64'))
  const intents = await ledger.appendSealed(
    Array.from({ length: 300 }, (_, seq) => intentDraft(seq + 1)),
    seal,
  )
  disk.fill()
  const outcomes = intents.map(async ({ entry }, index) => {
    await ledger.appendOutcomes(
      [{ intent: entry, state: 'delivered', attempts: 1, status: 200, refused: [] }],
      { destination: 'd', position: { seq: index + 1, index: 0 } },
      { vendor_refused: 1 },
    )
  })
  await Promise.all(outcomes)
  // A large one that surely needs what was set aside.
  await ledger.count('d', Object.fromEntries(Array.from({ length: 8000 }, (_, index) => [`reason_${'x'.repeat(60)}_${index}`, 1])))
  assert.equal(reserve.whole, false)
  assert.equal(ledger.openIntents().length, 0)
  assert.equal(ledger.counts('d').vendor_refused, 300, 'a commit that is made again counts once')
  let isAppended = false
  const late = ledger.appendSealed([intentDraft(301)], seal).then(() => {
    isAppended = true
  })
  await systemClock.sleep(1500)
  assert.equal(isAppended, false, 'nothing new begins on the reserve')
  disk.empty()
  await late
  assert.ok(reserve.whole)
  await ledger.close()
  reserve.close()
  const again = await openLedger({ dir, clock: systemClock })
  assert.equal(again.head, 601)
  assert.deepEqual(again.cursor('d'), { seq: 300, index: 0 })
  await again.close()
})

test('a cut is recorded while the disk is full, also by a program that starts then', async (t) => {
  const disk = diskFor(t, 24)
  const file = path.join(disk.folder, 'records.db')
  const reserve = openReserve({ file: path.join(disk.folder, 'reserve'), bytes: 2 * MB })
  const cuts = async (room: typeof reserve.room): Promise<void> => {
    const records = openRecords({ path: file, room })
    // Nothing of it may lie ready in a log that is already on the disk.
    for (let n = 0; n < 100; n++) records.cut('acme', { at: n, actor: 'a', reason: 'r'.repeat(2000) })
    records.close()
  }
  openRecords({ path: file }).close()
  disk.fill()
  await assert.rejects(
    cuts((write) => write()),
    'without a reserve it fails',
  )
  await cuts(reserve.room)
  const records = openRecords({ path: file, room: reserve.room })
  assert.ok(records.flow('acme').fence >= 100)
  records.close()
  reserve.close()
})

test('a look is durable before the answer on a full disk; new people are refused whole', async (t) => {
  const disk = diskFor(t, 24)
  const keysDir = path.join(disk.folder, 'keys')
  const dataDir = disk.folder
  await createKeys({ keysDir, instance: 'i' })
  const reserve = openReserve({ file: path.join(disk.folder, 'reserve'), bytes: 2 * MB })
  const keysReserve = openReserve({ file: path.join(keysDir, 'reserve'), bytes: MB })
  const vault = await openVault({
    dataDir,
    keysDir,
    instance: 'i',
    clock: systemClock,
    room: reserve.room,
    keysRoom: keysReserve.room,
  })
  const windowOf = (from: number) => ({
    identifiers: Array.from({ length: 500 }, (_, n) => ['default', 'id', `person ${from + n}`, 'user'] as [string, 'id', string, 'user']),
    facts: [],
    edges: [],
    memberships: [],
    dedup: [],
    waiting: [],
    receivedAt: Date.now(),
  })
  await vault.commitWindow(windowOf(0))
  disk.fill()
  for (let n = 1; n <= 3; n++) await assert.rejects(vault.commitWindow(windowOf(500 * n)), { code: 'disk_full' })
  const before = vault.readLooks().length
  for (let n = 0; n < 50; n++) await vault.recordLook({ actor: 'operator', action: 'test', reason: 'r'.repeat(3000), subjects: 1 })
  const looks = vault.readLooks()
  assert.equal(looks.length, before + 50)
  assert.ok(looks.every(({ entry }) => entry !== undefined))
  disk.empty()
  const { ordinals } = await vault.commitWindow(windowOf(500))
  assert.equal(new Set(ordinals).size, 500)
  await vault.close()
  reserve.close()
  keysReserve.close()
  assert.ok(readdirSync(keysDir).includes('reserve'))
})
