import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { systemClock } from '#base/clock.ts'
import type { Intent } from '#model/disclosure.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import { openLedger } from './ledger.ts'
import { openLedgerReader } from './ledger-reader.ts'
import type { IntentDraft, Ledger, OutcomeDraft } from './port.ts'
import { openStore } from './store.ts'

export function draftOf(destination: string, seq: number, change: Partial<IntentDraft> = {}): IntentDraft {
  return {
    vendor: 'v',
    destination,
    route: '/import',
    epoch: 1,
    policy: 2,
    encoder: 3,
    purpose: 'analytics',
    from: { seq, index: 0 },
    to: { seq: seq + 1, index: 0 },
    bodySha256: 'ab'.repeat(32),
    records: 1,
    subjects: 1,
    first: 10,
    last: 20,
    fence: 0,
    ...change,
  }
}

function outcomeOf(intent: number, change: Partial<OutcomeDraft> = {}): OutcomeDraft {
  return { intent, state: 'delivered', attempts: 1, status: 200, refused: [], ...change }
}

const seal = async (entries: readonly number[]): Promise<string[]> =>
  entries.map((entry) => Buffer.from(`rows of ${entry}`).toString('base64'))

async function withLedger(body: (ledger: Ledger, dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  try {
    const ledger = await openLedger({ dir, clock: systemClock })
    try {
      await body(ledger, dir)
    } finally {
      await ledger.close()
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

test('numbers are gapless whoever appends at the same time, and each manifest is sealed under its own number', async () => {
  await withLedger(async (ledger) => {
    const writers = ['a', 'b', 'c'].map(async (destination) => {
      for (let seq = 1; seq <= 15; seq++) {
        const intents = await ledger.appendSealed([draftOf(destination, seq), draftOf(destination, seq)], async (entries) => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
          return seal(entries)
        })
        await ledger.appendOutcomes(
          intents.map((intent) => outcomeOf(intent.entry)),
          { destination, position: { seq: seq + 1, index: 0 } },
          { kept: 1 },
        )
      }
    })
    await Promise.all(writers)
    const entries = ledger.read(1, 1000)
    assert.deepEqual(
      entries.map((entry) => entry.entry),
      Array.from({ length: 180 }, (_, index) => index + 1),
    )
    for (const entry of entries) {
      if (entry.type === 'intent') assert.equal(Buffer.from(entry.manifest, 'base64').toString(), `rows of ${entry.entry}`)
    }
    assert.deepEqual(ledger.openIntents(), [])
    assert.deepEqual(ledger.cursor('b'), { seq: 16, index: 0 })
    assert.deepEqual(ledger.counts('b'), { kept: 15 })
  })
})

test('a sealing that fails uses no number; an outcome needs an open intent; a cursor never goes back', async () => {
  await withLedger(async (ledger) => {
    await assert.rejects(
      ledger.appendSealed([draftOf('a', 1)], () => Promise.reject(new Error('vault is away'))),
      /vault is away/,
    )
    assert.equal(ledger.nextEntry(), 1)
    await assert.rejects(ledger.appendIntents([{ ...draftOf('a', 1), entry: 2, manifest: 'AAAA' }]), /another number/)
    await assert.rejects(ledger.appendSealed([draftOf('a', 1, { first: 0.5 })], seal), { code: 'ledger_corrupt' })
    const [intent] = await ledger.appendIntents([{ ...draftOf('a', 1), entry: 1, manifest: 'AAAA' }])
    assert.equal(intent?.entry, 1)
    await assert.rejects(ledger.appendOutcomes([outcomeOf(7)]), /not open/)
    const twice = [ledger.appendOutcomes([outcomeOf(1)]), ledger.appendOutcomes([outcomeOf(1)])]
    assert.deepEqual(
      (await Promise.allSettled(twice)).map((result) => result.status),
      ['fulfilled', 'rejected'],
    )
    await ledger.moveCursor('a', { seq: 5, index: 3 })
    await assert.rejects(ledger.moveCursor('a', { seq: 5, index: 2 }), /never moves backwards/)
    assert.deepEqual(ledger.reached('a'), { seq: 2, index: 0 })
    assert.equal(ledger.head, 2)
  })
})

test('a reader in the same folder sees commits, also before the ledger exists', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  try {
    const reader = openLedgerReader({ dir: path.join(dir, 'ledger') })
    assert.equal(reader.head(), 0)
    assert.deepEqual(reader.cursor('a'), { seq: 1, index: 0 })
    const ledger = await openLedger({ dir: path.join(dir, 'ledger'), clock: systemClock })
    await ledger.appendSealed([draftOf('a', 1), draftOf('b', 1)], seal)
    assert.equal(reader.head(), 2)
    assert.deepEqual(
      reader.openIntents('b').map((intent) => intent.entry),
      [2],
    )
    await ledger.appendOutcomes([outcomeOf(2, { state: 'possible', refused: [{ reason: 'bad', count: 2 }] })], {
      destination: 'b',
      position: { seq: 2, index: 0 },
    })
    assert.deepEqual(
      reader.openIntents().map((intent) => intent.entry),
      [1],
    )
    assert.deepEqual(reader.cursor('b'), { seq: 2, index: 0 })
    reader.close()
    await ledger.close()
    const again = await openLedger({ dir: path.join(dir, 'ledger'), clock: systemClock })
    assert.deepEqual([again.head, again.nextEntry(), again.openIntents().length], [3, 4, 1])
    await again.close()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('load plans: saved, repeated after opening again, finished with the cursor in one commit', async () => {
  await withLedger(async (ledger) => {
    assert.equal(ledger.loadCursor('events'), 1)
    const plan = { table: 'events', from: 1, to: 9, token: 't' } as const
    await ledger.savePlan(plan)
    assert.deepEqual(ledger.plan('events'), plan)
    await ledger.finishPlan(plan)
    assert.equal(ledger.plan('events'), undefined)
    assert.equal(ledger.loadCursor('events'), 9)
    await assert.rejects(ledger.savePlan({ ...plan, from: 8 }), /load cursor/)
    await ledger.savePlan({ ...plan, from: 9, to: 12 })
    await assert.rejects(ledger.reload('events', 10), /loaded again/)
    await ledger.reload('events', 3)
    assert.deepEqual([ledger.loadCursor('events'), ledger.plan('events')], [3, undefined])
    await Promise.all([ledger.count('a', { x: 1 }), ledger.count('a', { x: 2, y: 1 })])
    assert.deepEqual(ledger.counts('a'), { x: 3, y: 1 })
  })
})

test('decoding is strict: any change to an entry either fails, naming it, or decodes to other content', () => {
  const intent: Intent = { type: 'intent', version: 1, entry: 7, at: 5, salt: '0'.repeat(64), manifest: 'AAAA', ...draftOf('a', 1) }
  const bytes = encodeEntry(intent)
  assert.deepEqual(decodeEntry(7, bytes), intent)
  assert.throws(() => decodeEntry(8, bytes), { code: 'ledger_corrupt', message: /entry 8/ })
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ flip
      try {
        assert.notDeepEqual(decodeEntry(7, changed), intent)
      } catch (thrown) {
        if (thrown instanceof assert.AssertionError) throw thrown
        const { code } = thrown as { code?: string }
        // Another first byte may be the version of a later program.
        assert.ok(code === 'ledger_corrupt' || (at === 0 && code === 'data_format_newer'), code)
      }
    }),
  )
  for (const broken of [
    { extra: 1 },
    { first: '1' },
    { from: { seq: 1 } },
    { bodySha256: 'xyz' },
    { epoch: -1 },
    { type: 'other' },
    { version: 2 },
  ]) {
    assert.throws(() => decodeEntry(7, encodeEntry({ ...intent, ...broken } as Intent)), { code: 'ledger_corrupt', message: /entry 7/ })
  }
})

test('a gap or a damaged entry in the file is found, not skipped', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  try {
    const ledger = await openLedger({ dir, clock: systemClock })
    const intents = await ledger.appendSealed([draftOf('a', 1), draftOf('a', 2), draftOf('a', 3)], seal)
    await ledger.appendOutcomes(intents.map((intent) => outcomeOf(intent.entry)))
    await ledger.close()
    let store = openStore(dir, false)
    await store.entries.put(2, Buffer.from('\u0001{"type":"intent"}'))
    await store.close()
    const damaged = await openLedger({ dir, clock: systemClock })
    assert.throws(() => damaged.read(1, 10), { code: 'ledger_corrupt', message: /entry 2/ })
    await damaged.close()
    store = openStore(dir, false)
    await store.entries.remove(2)
    await store.close()
    await assert.rejects(openLedger({ dir, clock: systemClock }), { code: 'ledger_corrupt' })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('kill -9: what was acknowledged is there, numbers are gapless, no cursor moved without its outcome', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  const program = fileURLToPath(new URL('./testing-writer.ts', import.meta.url))
  try {
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      let timer: NodeJS.Timeout | undefined
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        timer ??= setTimeout(() => child.kill('SIGKILL'), Math.random() * 150)
      })
      await new Promise((resolve) => child.on('close', resolve))
      clearTimeout(timer)
      const acked = output
        .slice(0, output.lastIndexOf('\n'))
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' '))
      assert.ok(acked.length > 0, 'the writer got to work before it was killed')
      const ledger = await openLedger({ dir, clock: systemClock })
      const entries = ledger.read(1, 1_000_000)
      assert.deepEqual(
        entries.map((entry) => entry.entry),
        entries.map((_, index) => index + 1),
      )
      const closed = new Map(entries.flatMap((entry) => (entry.type === 'outcome' ? [[entry.intent, entry]] : [])))
      for (const [kind, destination, first, second] of acked) {
        if (kind === 'intent') assert.equal(entries[Number(first) - 1]?.type, 'intent')
        if (kind === 'outcome') assert.ok(closed.has(Number(first)))
        if (kind === 'cursor') assert.ok(ledger.cursor(destination as string).seq >= Number(second))
      }
      for (const destination of ['a', 'b']) {
        const cursor = ledger.cursor(destination)
        for (const entry of entries) {
          if (entry.type === 'intent' && entry.destination === destination && entry.to.seq <= cursor.seq) assert.ok(closed.has(entry.entry))
        }
        const delivered = entries.filter((entry) => entry.type === 'intent' && entry.destination === destination && closed.has(entry.entry))
        assert.equal(cursor.seq, 1 + delivered.length, 'as many steps of the cursor as closed intents')
        assert.equal(ledger.counts(destination).step ?? 0, delivered.length)
      }
      await ledger.close()
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
