import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { type Clock, DAY_MS } from '#base/clock.ts'
import { openCheckpoint } from '#ledger/checkpoint.ts'
import type { CheckpointPlaceConfig } from '#model/config.ts'
import { assertExtends, ForkFound, type OwnTree, type Place } from './place.ts'
import { Outside } from './outside.ts'
import { openPlace } from './places.ts'
import type { PlaceState } from './state.ts'
import { startMailbox, TestTree, TestWitness } from './testing-outside.ts'

const NEVER = new AbortController().signal

function folderOf(t: TestContext): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-outside-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

class Stage {
  readonly dir: string
  readonly failures: unknown[] = []
  now = Date.UTC(2026, 10, 26)

  constructor(dir: string) {
    this.dir = dir
  }

  /** As after each start of the worker. */
  open(configs: readonly CheckpointPlaceConfig[], own: () => OwnTree | undefined): Outside {
    const clock: Clock = { now: () => this.now, sleep: async () => undefined }
    const dir = path.join(this.dir, 'state')
    return new Outside({
      places: configs.map((config) => openPlace(config, { workDir: dir, clock })),
      dir,
      clock,
      random: () => 0.5,
      ownTree: async () => own(),
      onFailure: (_place, thrown) => this.failures.push(thrown),
    })
  }
}

async function sendOne(outside: Outside): Promise<PlaceState> {
  const [state] = await outside.send(NEVER)
  assert.ok(state !== undefined)
  return state
}

function git(dir: string, ...args: string[]): string {
  return execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

function repositoryIn(dir: string): CheckpointPlaceConfig & { kind: 'git' } {
  const remote = path.join(dir, 'remote.git')
  execFileSync('git', ['init', '--quiet', '--bare', remote])
  return { id: 'repository', kind: 'git', remote, branch: 'checkpoints', file: 'ledger/checkpoint' }
}

test('a git repository gets each checkpoint as a commit on the last one', async (t) => {
  const stage = new Stage(folderOf(t))
  const place = repositoryIn(stage.dir)
  const tree = new TestTree(5)
  const outside = stage.open([place], () => tree.own())
  assert.equal((await sendOne(outside)).taken?.size, 5)
  tree.grow(300)
  const state = await sendOne(outside)
  assert.deepEqual([state.taken?.size, state.failures, state.fault], [305, 0, undefined])
  // Killed between the push and our own note of it, and nothing new to say: no further commit, and it counts as taken.
  rmSync(path.join(stage.dir, 'state'), { recursive: true })
  stage.now += 1000
  assert.equal((await sendOne(stage.open([place], () => tree.own()))).takenAt, stage.now)
  assert.deepEqual(git(place.remote, 'log', '--format=%s', place.branch).trim().split('\n'), [
    'Checkpoint of 305 entries',
    'Checkpoint of 5 entries',
  ])
  assert.equal(git(place.remote, 'show', `${place.branch}:${place.file}`), tree.own().newest.note)
  assert.deepEqual(readdirSync(path.join(stage.dir, 'state')), ['repository.json'])
})

test('what else is in the repository stays, and a commit of somebody else is gone on from', async (t) => {
  const stage = new Stage(folderOf(t))
  const place = repositoryIn(stage.dir)
  const clone = path.join(stage.dir, 'clone')
  execFileSync('git', ['clone', '--quiet', place.remote, clone], { stdio: 'ignore' })
  writeFileSync(path.join(clone, 'README'), 'ours')
  const commit = ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-m']
  git(clone, 'checkout', '--quiet', '-b', place.branch)
  git(clone, 'add', 'README')
  git(clone, ...commit, 'first')
  git(clone, 'push', '--quiet', 'origin', place.branch)
  const tree = new TestTree(3)
  const outside = stage.open([place], () => tree.own())
  await sendOne(outside)
  git(clone, 'pull', '--quiet', 'origin', place.branch)
  writeFileSync(path.join(clone, 'README'), 'changed')
  git(clone, ...commit, 'second', '-a')
  git(clone, 'push', '--quiet', 'origin', place.branch)
  tree.grow(1)
  assert.equal((await sendOne(outside)).taken?.size, 4)
  assert.equal(git(place.remote, 'show', `${place.branch}:README`), 'changed')
  assert.equal(git(place.remote, 'rev-list', '--count', place.branch).trim(), '4')
})

test('a repository that refuses, is away or holds another history keeps its own and is named', async (t) => {
  const stage = new Stage(folderOf(t))
  const place = repositoryIn(stage.dir)
  const tree = new TestTree(20)
  const outside = stage.open([place], () => tree.own())
  const hook = path.join(place.remote, 'hooks', 'pre-receive')
  mkdirSync(path.dirname(hook), { recursive: true })
  writeFileSync(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const refused = await sendOne(outside)
  assert.deepEqual([refused.fault?.code, refused.failures, refused.takenAt], ['refused', 1, 0])
  rmSync(hook)
  assert.equal((await sendOne(outside)).fault, undefined)
  renameSync(place.remote, `${place.remote}.away`)
  assert.equal((await sendOne(outside)).fault?.code, 'refused')
  renameSync(`${place.remote}.away`, place.remote)
  // A ledger that was changed behind the checkpoint: same size, then longer.
  const before = git(place.remote, 'rev-parse', place.branch)
  tree.leaves = tree.leaves.slice(0, 19)
  tree.grow(1, 'changed')
  for (const [size, what] of [
    [20, 'other_root'],
    [30, 'other_root'],
    [12, 'ahead'],
  ] as const) {
    tree.leaves = tree.leaves.slice(0, size)
    tree.grow(size - tree.leaves.length, 'changed')
    const { fork, taken } = await sendOne(stage.open([place], () => tree.own()))
    assert.deepEqual([fork?.what, fork?.theirs.size, taken?.size], [what, 20, 20])
    assert.equal(fork?.ours.size, Math.min(size, 20))
  }
  // Also when it came there after the place was asked.
  const put = openPlace(place, { workDir: stage.dir, clock: { now: () => 0, sleep: async () => undefined } }).put(
    tree.own(),
    { size: 0 },
    NEVER,
  )
  await assert.rejects(put, ForkFound)
  assert.equal(git(place.remote, 'rev-parse', place.branch), before)
})

test('a folder keeps every checkpoint; one that is not mounted gets none', async (t) => {
  const stage = new Stage(folderOf(t))
  const folder = path.join(stage.dir, 'mount')
  const tree = new TestTree(1)
  const open = (): Outside => stage.open([{ id: 'mount', kind: 'folder', path: folder }], () => tree.own())
  assert.equal((await sendOne(open())).fault?.code, 'not_mounted')
  assert.equal(existsSync(folder), false)
  mkdirSync(folder)
  await sendOne(open())
  tree.grow(9)
  await sendOne(open())
  const names = readdirSync(folder).sort()
  assert.deepEqual(
    names.map((name) => openCheckpoint(readFileSync(path.join(folder, name)), [tree.verifier()]).size),
    [1, 10],
  )
  renameSync(folder, `${folder}.disk`)
  mkdirSync(folder)
  tree.grow(1)
  const away = await sendOne(open())
  assert.deepEqual([away.fault?.code, away.taken?.size], ['not_mounted', 10])
  assert.deepEqual(readdirSync(folder), [])
  rmSync(folder, { recursive: true })
  renameSync(`${folder}.disk`, folder)
  // What somebody else has written there is not ours.
  writeFileSync(path.join(folder, names[1] as string), 'nonsense')
  assert.equal((await sendOne(open())).fork?.what, 'foreign')
})

test('a mailbox gets a checkpoint that opens as it was signed; a full one is tried again', async (t) => {
  const stage = new Stage(folderOf(t))
  const mailbox = await startMailbox()
  t.after(() => mailbox.stop())
  const place: CheckpointPlaceConfig = {
    id: 'mailbox',
    kind: 'mail',
    host: '127.0.0.1',
    port: mailbox.port,
    security: 'none',
    user: undefined,
    password: undefined,
    from: 'ledger@company.example',
    to: 'audit@outside.example',
    ca: undefined,
  }
  const tree = new TestTree(77)
  const outside = stage.open([place], () => tree.own())
  for (const refusal of [
    { at: 'rcpt', code: 452 },
    { at: 'data', code: 552 },
  ] as const) {
    mailbox.refusal = refusal
    const { fault, takenAt } = await sendOne(outside)
    assert.deepEqual([fault?.code, takenAt], ['refused', 0])
    assert.match(fault?.message ?? '', new RegExp(String(refusal.code)))
    assert.doesNotMatch(fault?.message ?? '', /example/)
  }
  mailbox.refusal = undefined
  assert.equal((await sendOne(outside)).taken?.size, 77)
  // The same day again, as after a kill: the same Message-ID, so that a mailbox keeps one.
  await sendOne(stage.open([place], () => tree.own()))
  const ids = mailbox.mails.map((mail) => /^Message-ID: (.*)$/im.exec(mail)?.[1])
  assert.equal(ids.length, 2)
  assert.equal(ids[0], ids[1])
  const attached = /filename=checkpoint-77\.txt\r\n(?:[^\r]+\r\n)*\r\n([A-Za-z0-9+/=\r\n]+?)\r\n--/.exec(mailbox.mails[0] ?? '')?.[1]
  assert.deepEqual(openCheckpoint(Buffer.from(attached ?? '', 'base64'), [tree.verifier()]).root, tree.own().newest.root)
  await mailbox.stop()
  assert.equal((await sendOne(outside)).fault?.code, 'unreachable')
  // A ledger behind what was mailed is known without asking anybody.
  tree.leaves = tree.leaves.slice(0, 50)
  assert.equal((await sendOne(outside)).fork?.what, 'ahead')
})

test('a witness is shown that the tree goes on, and its signature is kept', async (t) => {
  const stage = new Stage(folderOf(t))
  const tree = new TestTree(7)
  const witness = new TestWitness(tree.verifier())
  const url = await witness.start()
  t.after(() => witness.stop())
  const open = (): Outside => stage.open([{ id: 'w', kind: 'witness', url, key: witness.key, ca: undefined }], () => tree.own())
  for (const more of [0, 1, 0, 250, 513]) {
    tree.grow(more)
    const before = Date.now()
    const { taken, fault } = await sendOne(open())
    assert.deepEqual([taken?.size, fault], [tree.leaves.length, undefined])
    const { verified } = openCheckpoint(taken?.note ?? '', [tree.verifier(), witness.verifier])
    assert.equal(verified.length, 2)
    // It tells whole seconds.
    const at = verified[1]?.at ?? 0
    assert.ok(at > before - 1000 && at <= Date.now())
  }
  assert.deepEqual(witness.statuses, [200, 200, 200, 200, 200])
  // Our own memory is lost: the witness says what it has seen.
  rmSync(path.join(stage.dir, 'state'), { recursive: true })
  tree.grow(10)
  assert.equal((await sendOne(open())).taken?.size, tree.leaves.length)
  assert.deepEqual(witness.statuses.slice(5), [409, 200])
})

test('a witness that is down, lies, or has seen another tree never counts as one that holds ours', async (t) => {
  const stage = new Stage(folderOf(t))
  const tree = new TestTree(40)
  const witness = new TestWitness(tree.verifier())
  const url = await witness.start()
  const config: CheckpointPlaceConfig = { id: 'w', kind: 'witness', url, key: witness.key, ca: undefined }
  for (const [lie, code] of [
    ['silent', 'unreachable'],
    ['wrong_key', 'wrong_cosignature'],
    ['redirect', 'refused'],
    ['endless', 'unreachable'],
  ] as const) {
    witness.lie = lie
    const { fault, takenAt } = await sendOne(stage.open([config], () => tree.own()))
    assert.deepEqual([fault?.code, takenAt], [code, 0], lie)
  }
  witness.lie = 'none'
  await sendOne(stage.open([config], () => tree.own()))
  const stranger = new TestTree(40)
  assert.equal((await sendOne(stage.open([{ ...config, id: 'other' }], () => stranger.own()))).fault?.code, 'unknown_to_it')
  // Another history of the same size, of more, and a tree that has lost its end; with and without memory of our own.
  const root = witness.seen.root
  for (const [kept, more, what] of [
    [39, 1, 'other_root'],
    [39, 20, 'other_root'],
    [30, 0, 'ahead'],
  ] as const) {
    for (const id of ['w', `fresh-${kept}-${more}`]) {
      tree.leaves = tree.leaves.slice(0, kept)
      tree.grow(more, `changed ${kept} ${more}`)
      assert.equal((await sendOne(stage.open([{ ...config, id }], () => tree.own()))).fork?.what, what)
    }
  }
  assert.deepEqual([witness.seen.size, witness.seen.root], [40, root])
  await witness.stop()
  assert.equal((await sendOne(stage.open([{ ...config, id: 'down' }], () => tree.own()))).fault?.code, 'unreachable')
  assert.deepEqual(stage.failures, [])
})

test('after a restore that lost entries the stated loss is no fork, and more than that is', () => {
  const tree = new TestTree(100)
  const before = tree.own().newest.note
  const shorter = tree.own(60).newest.note
  tree.leaves = tree.leaves.slice(0, 80)
  tree.former = [{ origin: tree.origin, kept: 80, known: 100 }]
  tree.origin = `${tree.origin}/restored`
  tree.grow(5, 'gap')
  assert.equal(assertExtends(before, tree.own()).size, 100)
  assert.equal(assertExtends(shorter, tree.own()).size, 60)
  tree.former = [{ ...tree.former[0], known: 99 } as (typeof tree.former)[number]]
  assert.throws(
    () => assertExtends(before, tree.own()),
    (thrown) => thrown instanceof ForkFound && thrown.what === 'ahead',
  )
  tree.leaves[10] = tree.leaves[11] as Buffer
  assert.throws(
    () => assertExtends(shorter, tree.own()),
    (thrown) => thrown instanceof ForkFound && thrown.what === 'other_root',
  )
})

test('any two trees of which neither begins with the other are told apart', () => {
  fc.assert(
    fc.property(fc.nat(70), fc.nat(70), fc.nat(70), (first, second, at) => {
      const [sizes, changed] = [[first + 1, second + 1], at]
      const tree = new TestTree(sizes[0] as number)
      const held = tree.own().newest.note
      tree.leaves = tree.leaves.slice(0, sizes[1] as number)
      tree.grow((sizes[1] as number) - tree.leaves.length)
      if (changed < tree.leaves.length) tree.leaves[changed] = Buffer.alloc(32, 7)
      const extends_ = first <= second && changed > first
      if (extends_) assertExtends(held, tree.own())
      else assert.throws(() => assertExtends(held, tree.own()), ForkFound)
    }),
    { numRuns: 60 },
  )
})

test('each place is tried daily, after failures ever less often, and never twice at once', async (t) => {
  const stage = new Stage(folderOf(t))
  const folder = path.join(stage.dir, 'mount')
  const tree = new TestTree(1)
  const outside = stage.open([{ id: 'mount', kind: 'folder', path: folder }], () => tree.own())
  const waits: number[] = []
  for (let round = 0; round < 12; round++) {
    const { nextAt } = await sendOne(outside)
    waits.push((nextAt - stage.now) / 60_000)
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360])
  mkdirSync(folder)
  const [a, b] = await Promise.all([sendOne(outside), sendOne(outside)])
  assert.equal(a, b)
  assert.equal(a.nextAt, stage.now + DAY_MS)
  // Without a tree nothing is sent, and nothing is wrong.
  const empty = stage.open([{ id: 'empty', kind: 'folder', path: folder }], () => undefined)
  assert.deepEqual([(await sendOne(empty)).failures, readdirSync(folder).length], [0, 1])
})

test('a day brings one round; a place that never answers holds up no other, and a state that cannot be written ends nothing', async (t) => {
  const dir = folderOf(t)
  const tree = new TestTree(3)
  const stop = new AbortController()
  const rounds: number[] = []
  const failures: unknown[] = []
  let now = Date.UTC(2026, 10, 26)
  const clock: Clock = {
    now: () => now,
    sleep: async () => {
      // Rounds that can end do so before time goes on.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      now += 3_600_000
      if (rounds.length === 3) stop.abort()
    },
  }
  const stuck: Place = {
    id: 'stuck',
    kind: 'folder',
    target: 'nowhere',
    put: (_own, _before, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
  }
  const good: Place = { id: 'good', kind: 'folder', target: 'here', put: async ({ newest }) => newest.note }
  const counted: Place = {
    ...good,
    put: async (own, before, signal) => {
      rounds.push(now)
      return good.put(own, before, signal)
    },
  }
  // The folder of the states is a file.
  writeFileSync(path.join(dir, 'state'), '')
  const outside = new Outside({
    places: [stuck, counted],
    dir: path.join(dir, 'state'),
    clock,
    random: () => 0.5,
    ownTree: async () => tree.own(),
    onFailure: (_place, thrown) => failures.push(thrown),
  })
  await outside.run(stop.signal)
  assert.deepEqual(
    rounds.map((at) => (at - (rounds[0] ?? 0)) / DAY_MS),
    [0, 1, 2],
  )
  assert.equal(failures.length, 3)
})
