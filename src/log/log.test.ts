import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { type Clock, DAY_MS, dayOf, systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { decodeLogEntry, encodeLogEntry } from './entry-codec.ts'
import { openLogReader } from './log-reader.ts'
import { openLogWriter } from './log-writer.ts'
import type { LogDraft, LogReader } from './port.ts'
import { readWaiting } from './waiting-file.ts'

/** Stands still at the arrival of the drafts below. */
const stillClock: Clock = { ...systemClock, now: () => 1_700_000_000_000 }

const EVERYTHING = { entries: 1_000_000, bytes: 1 << 30 }

function withFolder(name: string, body: (folder: { dir: string; waitingDir: string }) => Promise<void>): void {
  test(name, async () => {
    const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-log-'))
    try {
      await body({ dir: path.join(root, 'log'), waitingDir: path.join(root, 'waiting') })
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
}

function hashOf(id: string | undefined): Buffer {
  return id === undefined ? Buffer.alloc(16) : createHash('sha256').update(id).digest().subarray(0, 16)
}

function draftOf(ids: (string | undefined)[], at = 1_700_000_000_000): LogDraft {
  return {
    at,
    source: 'site',
    protocol: 'p',
    surface: 'web',
    trust: 'browser',
    policy: 1,
    records: ids.map((id) => ({ type: 'event', name: id ?? 'none', time: at })),
    dedup: Buffer.concat(ids.map(hashOf)),
  }
}

function namesOf(entries: readonly LogEntry[]): string[][] {
  return entries.map((entry) => entry.records.map((record) => String(record.name)))
}

/** The code of what was thrown, or the value itself when nothing was. */
async function codeOf(action: () => unknown): Promise<unknown> {
  try {
    return await action()
  } catch (thrown) {
    return thrown instanceof BulkheadError ? thrown.code : thrown
  }
}

withFolder('entries come back in order with their numbers, also after reopening', async ({ dir, waitingDir }) => {
  const reader = openLogReader({ dir })
  assert.equal(reader.head(), 0)
  assert.deepEqual(reader.read(1, EVERYTHING), [])
  let log = await openLogWriter({ dir, waitingDir, clock: stillClock })
  assert.deepEqual(await log.append([draftOf(['a', undefined]), draftOf(['a']), draftOf([undefined])]), [
    { seq: 1, kept: 2, repeats: 0 },
    { seq: 0, kept: 0, repeats: 1 },
    { seq: 2, kept: 1, repeats: 0 },
  ])
  assert.equal(reader.head(), 2)
  await log.close()
  log = await openLogWriter({ dir, waitingDir, clock: stillClock })
  assert.equal(log.head, 2)
  assert.deepEqual(await log.append([draftOf(['a', 'b'])]), [{ seq: 3, kept: 1, repeats: 1 }])
  const entries = reader.read(1, EVERYTHING)
  assert.deepEqual(namesOf(entries), [['a', 'none'], ['none'], ['b']])
  assert.deepEqual(
    entries.map((entry) => entry.seq),
    [1, 2, 3],
  )
  assert.equal(entries[0]?.dedup, Buffer.concat([hashOf('a'), hashOf(undefined)]).toString('base64'))
  assert.equal(entries[1]?.dedup, undefined)
  assert.deepEqual(namesOf(reader.read(2, { entries: 1, bytes: 1 })), [['none']])
  assert.deepEqual(namesOf(reader.read(1, { entries: 9, bytes: 1 })), [['a', 'none']], 'at least one, whatever its size')
  assert.deepEqual(reader.read(4, EVERYTHING), [])
  assert.deepEqual(namesOf(reader.read(1, { ...EVERYTHING, records: 1 })), [['a', 'none']], 'ends with the entry that reaches the number')
  reader.close()
  await log.close()
})

withFolder('every part that a record can have comes back', async ({ dir, waitingDir }) => {
  // `Required`: a part that is added to the record must be added here, and so to what the reader knows.
  const whole: Required<Omit<LogRecord, 'erased'>> = {
    type: 'event',
    name: 'a',
    reserved: true,
    time: 1,
    user: 1,
    device: 2,
    linked: [{ role: 'user', ordinal: 3 }],
    groups: [{ key: 'company', ordinal: 4 }],
    op: 'set',
    context: { country: 'IN' },
    properties: { plan: 'pro' },
    unset: ['plan'],
    withheld: ['email'],
    waitingCount: 1,
    destroyedCount: 1,
    detected: { note: 'email' },
    consent: { gpc: true },
  }
  const log = await openLogWriter({ dir, waitingDir, clock: stillClock })
  await log.append([{ ...draftOf(['a']), records: [whole] }])
  const reader = openLogReader({ dir })
  assert.deepEqual(reader.read(1, EVERYTHING)[0]?.records, [whole])
  reader.close()
  await log.close()
})

withFolder('the reference to waiting text names the records that were dropped', async ({ dir, waitingDir }) => {
  const log = await openLogWriter({ dir, waitingDir, clock: stillClock })
  const places = await log.appendWaiting([Buffer.from('one'), Buffer.from('second')])
  assert.deepEqual(places, [
    { folder: 1, offset: 0, length: 3 },
    { folder: 1, offset: 3, length: 6 },
  ])
  const waiting = { day: 19_000, ...(places[1] as { folder: number; offset: number; length: number }) }
  await log.append([draftOf(['a'])])
  await log.append([{ ...draftOf(['b', 'a', 'c', 'b']), waiting }])
  const reader = openLogReader({ dir })
  const [entry] = reader.read(2, EVERYTHING)
  assert.deepEqual(entry?.waiting, { ...waiting, skipped: [1, 3] })
  assert.equal(readWaiting(waitingDir, waiting)?.toString(), 'second')
  reader.close()
  await log.close()
})

withFolder('a reader follows rotation, and whole folders are dropped behind it', async ({ dir, waitingDir }) => {
  const log = await openLogWriter({ dir, waitingDir, clock: stillClock, folderBytesMax: 50_000 })
  const follower = openLogReader({ dir })
  const sleeper = openLogReader({ dir })
  assert.equal(sleeper.head(), 0)
  let next = 1
  for (let call = 0; call < 60; call++) {
    await log.append([draftOf(Array.from({ length: 20 }, (_, record) => `${call}.${record}`))])
    for (const entry of follower.read(next, EVERYTHING)) assert.equal(entry.seq, next++)
    assert.equal(next, log.head + 1)
  }
  assert.ok(log.folder >= 3, `several folders, not ${log.folder}`)
  assert.equal(await log.dropBelow(1), 0)
  const dropped = await log.dropBelow(log.head + 100)
  assert.equal(dropped, log.folder - 1, 'never the current one')
  assert.deepEqual(readdirSync(dir).sort(), [String(log.folder).padStart(6, '0'), 'dedup'])
  assert.equal(sleeper.head(), log.head, 'a reader that slept through it all finds the current folder')
  assert.ok(sleeper.tail() > 1)
  assert.equal(await codeOf(() => sleeper.read(1, EVERYTHING)), 'log_corrupt')
  assert.equal(sleeper.read(sleeper.tail(), EVERYTHING).length, log.head - sleeper.tail() + 1)
  // What was dropped is still known as repeated, also to a new writer.
  await log.close()
  const again = await openLogWriter({ dir, waitingDir, clock: stillClock })
  assert.deepEqual(await again.append([draftOf(['0.0', '1.5'])]), [{ seq: 0, kept: 0, repeats: 2 }])
  for (const reader of [follower, sleeper]) reader.close()
  await again.close()
})

withFolder('repeats are those of the last 7 days, whatever is in the index or only in the log', async ({ dir, waitingDir }) => {
  const start = dayOf(1_700_000_000_000) * DAY_MS
  const call = fc.record({
    days: fc.nat({ max: 5 }),
    ids: fc.array(fc.option(fc.integer({ min: 0, max: 12 }).map(String), { nil: undefined }), { minLength: 1, maxLength: 6 }),
    reopen: fc.constantFrom('no', 'no', 'no', 'closed', 'indexLost'),
  })
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
      const here = { dir: path.join(dir, String(++round)), waitingDir }
      let now = start
      const clock: Clock = { ...systemClock, now: () => now }
      let log = await openLogWriter({ ...here, clock })
      const seen = new Map<string, number>()
      const expected: string[][] = []
      for (const { days, ids, reopen } of calls) {
        now += days * DAY_MS
        const kept = ids.filter((id) => {
          if (id === undefined) return true
          const last = seen.get(id)
          if (last !== undefined && dayOf(now) - last <= 7) return false
          seen.set(id, dayOf(now))
          return true
        })
        const [result] = await log.append([draftOf(ids, now)])
        assert.deepEqual(result, { seq: kept.length > 0 ? expected.length + 1 : 0, kept: kept.length, repeats: ids.length - kept.length })
        if (kept.length > 0) expected.push(kept.map((id) => id ?? 'none'))
        if (reopen === 'no') continue
        await log.close()
        if (reopen === 'indexLost') writeFileSync(path.join(here.dir, 'dedup', 'data.mdb'), 'torn')
        log = await openLogWriter({ ...here, clock })
      }
      const reader = openLogReader(here)
      assert.deepEqual(namesOf(reader.read(1, EVERYTHING)), expected)
      reader.close()
      await log.close()
    }),
    { numRuns: 25 },
  )
})

withFolder(
  'what a crash leaves of a folder in the making is cleared; a damaged folder is named, not guessed at',
  async ({ dir, waitingDir }) => {
    const log = await openLogWriter({ dir, waitingDir, clock: stillClock, folderBytesMax: 40_000 })
    for (let call = 0; call < 30; call++) await log.append([draftOf(Array.from({ length: 40 }, (_, record) => `${call}.${record}`))])
    const { head, folder } = log
    await log.close()
    mkdirSync(path.join(dir, '000099.new'))
    mkdirSync(path.join(dir, '000001.dropped'))
    const again = await openLogWriter({ dir, waitingDir, clock: stillClock })
    assert.equal(again.head, head)
    await again.close()
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.includes('.')),
      [],
    )

    const current = path.join(String(folder).padStart(6, '0'))
    const damages: Record<string, (copy: string) => void> = {
      empty: (copy) => truncateSync(path.join(copy, current, 'data.mdb'), 0),
      half: (copy) => {
        const size = statSync(path.join(copy, '000001', 'data.mdb')).size
        for (const name of ['000001', current]) truncateSync(path.join(copy, name, 'data.mdb'), Math.min(size, 12_288))
      },
      foreign: (copy) => writeFileSync(path.join(copy, current, 'data.mdb'), Buffer.alloc(65_536, 7)),
      missing: (copy) => rmSync(path.join(copy, '000002'), { recursive: true }),
      number: (copy) => writeFileSync(path.join(copy, current, 'first'), '12x\n'),
      rolledBack: (copy) => rmSync(path.join(copy, current), { recursive: true }),
    }
    for (const [name, damage] of Object.entries(damages)) {
      const copy = path.join(dir, '..', `copy-${name}`)
      cpSync(dir, copy, { recursive: true })
      damage(copy)
      const opened = await codeOf(async () => {
        const damaged = await openLogWriter({ dir: copy, waitingDir, clock: stillClock })
        openLogReader({ dir: copy }).read(1, EVERYTHING)
        await damaged.close()
      })
      assert.equal(opened, 'log_corrupt', name)
      assert.ok(existsSync(copy))
    }
  },
)

test('a blob that no writer makes is refused', () => {
  const entry: LogEntry = { ...(draftOf(['a']) as Omit<LogDraft, 'dedup'>), seq: 7, dedup: hashOf('a').toString('base64') }
  const place = { folder: 3, seq: 7 }
  assert.deepEqual(decodeLogEntry(encodeLogEntry(entry), place), entry)
  const text = JSON.stringify(entry)
  const hostile = [
    '',
    '\x01',
    `\x02${text}`,
    text,
    `\x01${text.slice(0, -1)}`,
    `\x01[${text}]`,
    '\x01null',
    '\x01{"seq":7}',
    `\x01${text.replace('"seq":7', '"seq":8')}`,
    `\x01${text.replace('"site"', '5')}`,
    `\x01${text.replace('"browser"', '"root"')}`,
    `\x01${text.replace('"records"', '"extra":1,"records"')}`,
    `\x01${text.replace('"time"', '"__proto__":1,"time"')}`,
    `\x01${text.replace(/"dedup":"[^"]*"/, '"dedup":"AAAA"')}`,
    `\x01${text.replace(/"records":\[.*\]/, '"records":[]')}`,
    `\x01${text.replace('"event"', '"other"')}`,
  ]
  for (const blob of [...hostile.map((one) => Buffer.from(one)), Buffer.from(`\x01${text.replace('site', '\xff')}`, 'latin1')]) {
    assert.throws(
      () => decodeLogEntry(blob, place),
      (thrown: BulkheadError) => {
        // What a later program wrote is no damage.
        assert.equal(thrown.code, blob[0] === 2 ? 'data_format_newer' : 'log_corrupt')
        return thrown.message.startsWith('log folder 3, entry 7: ')
      },
    )
  }
})

withFolder('what was acknowledged survives kill -9: once, in order, without gaps', async ({ dir, waitingDir }) => {
  const seed = Number(process.env.BULKHEAD_SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`seed ${seed}`)
  const random = seededRandom(seed)
  const acknowledged = new Map<number, number[]>()
  let reader: LogReader | undefined
  let start = 1
  for (let round = 0; round < 6; round++) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, 'kill-child.ts'), dir, waitingDir, String(start)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let output = ''
    let killing = false
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
      output += chunk
      if (killing) return
      killing = true
      setTimeout(() => child.kill('SIGKILL'), random() * 150)
    })
    await new Promise((resolve) => child.once('close', resolve))
    const lines = output.split('\n').slice(0, -1)
    assert.ok(lines.length > 0, 'it acknowledged something')
    for (const line of lines) {
      const { serial, seqs } = JSON.parse(line) as { serial: number; seqs: number[] }
      acknowledged.set(serial, seqs)
      start = serial + 1
    }
    // The call that was cut short is tried again by the next child, as an SDK would.
    reader ??= openLogReader({ dir })
    const entries = reader.read(reader.tail(), EVERYTHING)
    entries.forEach((entry, index) => assert.equal(entry.seq, index + 1))
    assert.equal(entries.length, reader.head())
    const bySeq = new Map(entries.map((entry) => [entry.seq, entry]))
    const times = new Set<number>()
    for (const entry of entries) {
      assert.ok(!times.has(entry.records[0]?.time as number), 'nothing stands twice')
      times.add(entry.records[0]?.time as number)
      assert.equal(
        readWaiting(waitingDir, entry.waiting as NonNullable<LogEntry['waiting']>)
          ?.toString()
          .slice(0, 7),
        'sealed ',
      )
    }
    for (const [serial, seqs] of acknowledged) {
      seqs.forEach((seq, draft) => {
        // 0: the call before the kill had kept it, although nobody was told.
        if (seq > 0) assert.equal(bySeq.get(seq)?.records[0]?.time, serial * 10 + draft)
        assert.ok(times.has(serial * 10 + draft))
      })
    }
  }
  reader?.close()
  const log = await openLogWriter({ dir, waitingDir, clock: systemClock })
  const repeat = draftOf(
    [...acknowledged.keys()].map((serial) => `${serial}.1.b`),
    Date.now(),
  )
  assert.deepEqual(await log.append([repeat]), [{ seq: 0, kept: 0, repeats: acknowledged.size }], `seed ${seed}`)
  await log.close()
})

/** mulberry32: small, and the same on every machine. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
