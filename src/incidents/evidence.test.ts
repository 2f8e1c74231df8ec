import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'node:test'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { encodingsOf, filesBelow, LOOK, type Place, withVault } from '#vault/testing.ts'
import type { Vault } from '#vault/vault.ts'
import { type EvidenceStore, openEvidence } from './evidence.ts'

const OF = { owner: 'incident:1', kind: 'file', name: 'export of ann@example.com.csv', actor: 'anna' } as const

interface Stage {
  vault: Vault
  place: Place
  dir: string
  records: Records
  open(vault?: Vault): EvidenceStore & { missing: number }
  reopen(): Promise<Vault>
}

async function onStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  await withVault(async (vault, place, reopen) => {
    const records = openRecords({ path: path.join(place.root, 'records.db') })
    const dir = path.join(place.root, 'evidence')
    const open: Stage['open'] = (own = vault) => openEvidence({ dir, vault: own.files, records, now: () => 1_764_000_000_000 })
    try {
      await body({ vault, place, dir, records, open, reopen })
    } finally {
      records.close()
    }
  })
}

async function* parts(...chunks: (string | Buffer)[]): AsyncGenerator<Buffer, void> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

async function contentOf(store: EvidenceStore, id: string): Promise<Buffer> {
  const got: Buffer[] = []
  for await (const piece of (await store.open(id, LOOK)).content) got.push(piece)
  return Buffer.concat(got)
}

test('what was put comes back with its name and hash, after a restart and a change of the root key too', () =>
  onStage(async ({ vault, records, open, reopen }) => {
    const store = open()
    const large = randomBytes((3 << 20) + 17)
    const rows = [
      await store.put(parts('a,b\n', '1,2\n'), OF),
      await store.put(parts(), { ...OF, name: '' }),
      await store.put(parts(large), OF),
    ]
    assert.deepEqual(
      store
        .of('incident:1')
        .map(({ id }) => id)
        .sort(),
      rows.map(({ id }) => id).sort(),
    )
    assert.deepEqual(store.of('incident:2'), [])
    const [first, empty, last] = rows.map(({ id }) => id) as [string, string, string]
    assert.deepEqual(records.evidence(first), rows[0])
    assert.equal(rows[0]?.sha256, createHash('sha256').update('a,b\n1,2\n').digest('hex'))
    assert.equal(rows[0]?.bytes, 8)
    await vault.rotating.rotate('root', LOOK)
    const again = open(await reopen())
    assert.equal((await again.open(first, LOOK)).name, OF.name)
    assert.equal((await again.open(empty, LOOK)).name, '')
    assert.equal((await contentOf(again, first)).toString(), 'a,b\n1,2\n')
    assert.equal((await contentOf(again, empty)).length, 0)
    assert.ok((await contentOf(again, last)).equals(large))
    assert.equal(again.missing, 0)
  }))

test('all that was written of a file is on the disk before it gets its name', (t) =>
  onStage(async ({ dir, open }) => {
    const store = open()
    const other = await openFile(path.join(dir, '..', 'other'), 'w')
    const handles = Object.getPrototypeOf(other) as FileHandle
    await other.close()
    const flushed: [string, boolean][] = []
    const sync = handles.sync
    t.mock.method(handles, 'sync', async function (this: FileHandle) {
      await sync.call(this)
      // By its own name it would be there already.
      for (const name of readdirSync(dir)) flushed.push([name, (await this.stat()).size === statSync(path.join(dir, name)).size])
    })
    const { id } = await store.put(parts('a'.repeat(70_000), 'b'), OF)
    assert.deepEqual(flushed, [[`${id}.part`, true]])
    assert.ok(statSync(path.join(dir, id)).size > 70_000)
    assert.equal((await contentOf(store, id)).length, 70_001)
  }))

test('nothing of content or name stands plain in any file', () =>
  onStage(async ({ place, open }) => {
    const store = open()
    await store.put(parts('id,email\nu1,', 'bo', 'b@example.com\n'), OF)
    for (const value of ['ann@example.com', 'bob@example.com', 'id,email']) {
      for (const form of encodingsOf(value))
        for (const { file, bytes } of filesBelow(place.root)) assert.ok(!bytes.includes(form), `${value} stands in ${file}`)
    }
  }))

test("a look with the file's hash is on record before the first byte, and none opens without a reason", () =>
  onStage(async ({ vault, open }) => {
    const store = open()
    const { id, sha256 } = await store.put(parts('secret'), OF)
    const before = vault.readLooks().length
    const opened = await store.open(id, { ...LOOK, action: 'incident match' })
    const look = vault.readLooks().at(-1)?.entry
    assert.equal(look?.action, `incident match, evidence ${id}, sha256 ${sha256}`)
    assert.equal(look?.reason, LOOK.reason)
    assert.equal(vault.readLooks().length, before + 1)
    await opened.content.return()
    await assert.rejects(store.open(id, { ...LOOK, reason: ' ' }), { code: 'reason_required' })
    await assert.rejects(store.open('no such id', LOOK), { code: 'not_found' })
  }))

test('a file that was cut, changed, exchanged or removed is refused', () =>
  onStage(async ({ dir, open }) => {
    const store = open()
    const one = await store.put(parts(randomBytes(2 << 20)), OF)
    const two = await store.put(parts(randomBytes(2 << 20)), OF)
    const file = path.join(dir, one.id)
    const whole = readFileSync(file)
    const refused = (): Promise<void> => assert.rejects(contentOf(store, one.id), { code: 'evidence_corrupt' })
    for (const length of [0, 10, 60, 200, 1 << 20, whole.length - 1]) {
      truncateSync(file, Math.min(length, statSync(file).size))
      await refused()
      writeFileSync(file, whole)
    }
    for (const at of [0, 21, 40, 100, 2 << 20]) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] as number) ^ 1
      writeFileSync(file, changed)
      await refused()
    }
    copyFileSync(path.join(dir, two.id), file)
    await refused()
    writeFileSync(file, whole)
    assert.equal((await contentOf(store, one.id)).length, 2 << 20)
    rmSync(file)
    await refused()
    assert.equal(open().missing, 1)
  }))

test('what fails on the way is not kept, and what a kill left goes at the next start', () =>
  onStage(async ({ dir, records, open }) => {
    const store = open()
    const kept = await store.put(parts('kept'), OF)
    const broken = async function* (): AsyncGenerator<Buffer, void> {
      yield randomBytes(2 << 20)
      throw new Error('the sender went away')
    }
    await assert.rejects(store.put(broken(), OF), /went away/)
    assert.deepEqual(readdirSync(dir), [kept.id])
    writeFileSync(path.join(dir, 'half.part'), 'half')
    writeFileSync(path.join(dir, 'a file that no record names'), 'whole')
    mkdirSync(path.join(dir, 'folder'))
    open()
    assert.deepEqual(readdirSync(dir), [kept.id])
    assert.deepEqual(records.evidenceIds(), [kept.id])
    const full = openEvidence({ dir, vault: failing, records, now: () => 1, room: async () => 'evidence: 1 MB free' })
    await assert.rejects(full.put(parts('x'), OF), { code: 'disk_full' })
    assert.deepEqual(readdirSync(dir), [kept.id])
  }))

const failing = {
  newFileKey: async () => randomBytes(32),
  openFileKey: async () => randomBytes(32),
  destroyFileKey: async () => false,
}

test('what was destroyed opens nowhere, not from a copy of the file either', () =>
  onStage(async ({ vault, dir, place, records, open, reopen }) => {
    const store = open()
    const { id } = await store.put(parts('secret'), OF)
    const copy = path.join(place.root, 'copy')
    copyFileSync(path.join(dir, id), copy)
    const destroyed = await store.destroy(id, LOOK)
    assert.equal(destroyed.destroyedAt, 1_764_000_000_000)
    assert.deepEqual(readdirSync(dir), [])
    await assert.rejects(store.open(id, LOOK), { code: 'not_found' })
    await assert.rejects(store.destroy(id, LOOK), { code: 'not_found' })
    await assert.rejects(vault.files.newFileKey(id), { code: 'vault_refused' })
    const again = await reopen()
    await assert.rejects(again.files.openFileKey(id, LOOK), { code: 'not_found' })
    assert.equal(records.evidence(id)?.sha256, createHash('sha256').update('secret').digest('hex'))
    assert.equal(open(again).missing, 0)
  }))

test('killed at any moment, all that was acknowledged is there and nothing else', () =>
  withVault(async (vault, place, reopen) => {
    await vault.close()
    const dir = path.join(place.root, 'evidence')
    const acknowledged = new Map<string, string>()
    for (let kill = 0; kill < 4; kill++) {
      const child = spawn(process.execPath, [path.join(import.meta.dirname, 'testing-evidence.ts'), JSON.stringify(place)])
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
      await new Promise((resolve) => child.stdout.once('data', resolve))
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60))
      child.kill('SIGKILL')
      await new Promise((resolve) => child.once('close', resolve))
      for (const line of said.split('\n').slice(0, -1)) {
        const [id, sha256] = line.split(' ') as [string, string]
        acknowledged.set(id, sha256)
      }
    }
    const again = openRecords({ path: path.join(place.root, 'records.db') })
    try {
      const store = openEvidence({ dir, vault: (await reopen()).files, records: again, now: () => 1 })
      assert.equal(store.missing, 0)
      const names = readdirSync(dir)
      assert.deepEqual(names, again.evidenceIds())
      // One a kill may be whole and not told yet.
      assert.ok(names.length >= acknowledged.size && names.length <= acknowledged.size + 4)
      for (const [id, sha256] of acknowledged)
        assert.equal(
          createHash('sha256')
            .update(await contentOf(store, id))
            .digest('hex'),
          sha256,
        )
    } finally {
      again.close()
    }
  }))

test('a file that opens and is not the one of which its row speaks is refused', () =>
  onStage(async ({ vault, dir, records, open }) => {
    const row = await open().put(parts('a,b\n', '1,2\n'), OF)
    for (const change of [{ sha256: createHash('sha256').update('another').digest('hex') }, { bytes: row.bytes + 1 }]) {
      const other = Object.create(records) as Records
      other.evidence = () => ({ ...row, ...change })
      other.evidenceIds = () => [row.id]
      const store = openEvidence({ dir, vault: vault.files, records: other, now: () => 0 })
      await assert.rejects(contentOf(store, row.id), { code: 'evidence_corrupt' })
    }
    assert.equal((await contentOf(open(), row.id)).toString(), 'a,b\n1,2\n')
  }))
