import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { openPlace } from '#ledger/outside/places.ts'
import { TestTree, TestWitness } from '#ledger/outside/testing-outside.ts'
import { systemClock } from '#base/clock.ts'
import { askOutside } from './restored-outside.ts'

const INSTANCE = '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11'

test('a restore learns from the places outside how far the ledger had come, and of nothing that another key has signed', async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-restored-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const at = (name: string): string => path.join(dir, name)
  execFileSync('git', ['init', '--quiet', '--bare', at('repository')])
  for (const name of ['folder', 'foreign', 'empty']) mkdirSync(at(name))
  const [tree, stranger] = [new TestTree(100), new TestTree(7_000)]
  const signal = new AbortController().signal
  const put = async (config: Parameters<typeof openPlace>[0], own: ReturnType<TestTree['own']>) => {
    await openPlace(config, { workDir: at('work'), clock: systemClock }).put(own, { size: 0 }, signal)
  }
  tree.origin = stranger.origin = `bulkhead/ledger/${INSTANCE}`
  await put({ id: 'f', kind: 'folder', path: at('folder') }, tree.own(100))
  const witnesses = [new TestWitness(tree.verifier()), new TestWitness(tree.verifier()), new TestWitness(tree.verifier())] as const
  const [ahead, same, other] = witnesses
  const urls = await Promise.all(witnesses.map((each) => each.start()))
  t.after(() => Promise.all(witnesses.map((each) => each.stop())))
  const witnessed = (index: number) => ({
    id: `w${index}`,
    kind: 'witness' as const,
    url: urls[index] ?? '',
    key: witnesses[index]?.key ?? '',
    ca: undefined,
  })
  await put(witnessed(0), tree.own(100))
  await put(witnessed(1), tree.own(50))
  const copy = tree.own(50).newest
  other.seen = { size: 50, root: Buffer.alloc(32, 7) }
  const before = witnesses.map(({ seen }) => ({ ...seen }))
  await put({ id: 'x', kind: 'folder', path: at('foreign') }, stranger.own())
  await put({ id: 'g', kind: 'git', remote: at('repository'), branch: 'main', file: 'checkpoint' }, tree.own(60))
  // Another origin behind it, as after an earlier restore, with fewer entries: the greatest size counts.
  tree.origin = `${tree.origin}/0d4f7b0a-51d7-4c53-8c21-0c2a6a5e4a11`
  await put({ id: 'f', kind: 'folder', path: at('folder') }, tree.own(80))
  const config = at('bulkhead.yaml')
  writeFileSync(
    config,
    `sources: [{ id: web, protocol: mixpanel, token: t }]
ledger:
  checkpoints:
    - { id: folder, kind: folder, path: ${at('folder')} }
    - { id: repository, kind: git, remote: ${at('repository')} }
    - { id: foreign, kind: folder, path: ${at('foreign')} }
    - { id: empty, kind: folder, path: ${at('empty')} }
    - { id: gone, kind: git, remote: ${at('gone')} }
    - { id: ahead, kind: witness, url: "${urls[0]}", key: "${ahead.key}" }
    - { id: same, kind: witness, url: "${urls[1]}", key: "${same.key}" }
    - { id: other, kind: witness, url: "${urls[2]}", key: "${other.key}" }
    - { id: stranger, kind: witness, url: "${urls[0]}/none", key: "${ahead.key}" }
    - { id: mailbox, kind: mail, host: localhost, security: none, from: a@b.example, to: c@d.example }
`,
  )
  const asked = { key: tree.spki, instance: INSTANCE, newest: copy, env: { BULKHEAD_CONFIG: config } }
  const known = await askOutside(asked)
  assert.deepEqual(
    known.map(({ id, size, what }) => [id, size, what === null]),
    [
      ['folder', 100, true],
      ['repository', 60, true],
      ['foreign', null, false],
      ['empty', null, false],
      ['gone', null, false],
      ['ahead', 100, true],
      ['same', 50, true],
      ['other', null, false],
      ['stranger', null, false],
      ['mailbox', null, false],
    ],
  )
  assert.match(known.find(({ id }) => id === 'other')?.what ?? '', /another history than ours/)
  assert.deepEqual(
    witnesses.map(({ seen }) => ({ ...seen })),
    before,
    'asking changes nothing there',
  )
  // A witness that says it has more than any ledger is not believed, and without a checkpoint nobody asks it.
  ahead.seen = { ...ahead.seen, size: 10 ** 13 }
  assert.equal((await askOutside(asked)).find(({ id }) => id === 'ahead')?.size, null)
  const calls = ahead.statuses.length
  assert.match(
    (await askOutside({ ...asked, newest: undefined })).find(({ id }) => id === 'ahead')?.what ?? '',
    /no checkpoint to ask it by/,
  )
  assert.equal(ahead.statuses.length, calls)
  const elsewhere = { ...asked, newest: undefined, instance: INSTANCE.replace('6f1f', '0000') }
  assert.deepEqual(new Set((await askOutside(elsewhere)).map(({ size }) => size)), new Set([null]))
  writeFileSync(config, 'nonsense: [')
  assert.deepEqual(await askOutside(asked), [{ id: 'bulkhead.yaml', size: null, what: 'config_invalid' }])
})
