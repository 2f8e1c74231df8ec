import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestRow } from '#model/disclosure.ts'
import { Manifests } from './manifest-memory.ts'
import { testVault } from './testing-parts.ts'

function rowOf(subject: number): ManifestRow {
  return { subject, kind: 'user', surface: 's', shape: 'x:clear', events: 1, first: 1, last: 2, groups: [] }
}

/** A vault that counts what it opens. */
function countingVault() {
  const vault = testVault()
  const opened: number[] = []
  const { openManifests } = vault
  vault.openManifests = (manifests) => {
    opened.push(...manifests.map(({ entry }) => entry))
    return openManifests(manifests)
  }
  return { vault, opened }
}

test('what was sealed here lately is not opened again; all else is, in its order', async () => {
  const { vault, opened } = countingVault()
  const own = new Manifests(vault)
  const [one = '', two = ''] = await own.seal([1, 2], [[rowOf(1)], [rowOf(2), rowOf(3)]])
  const intents = [
    { entry: 2, manifest: two },
    { entry: 1, manifest: one },
  ]
  assert.deepEqual(await own.open(intents), [[rowOf(2), rowOf(3)], [rowOf(1)]])
  assert.deepEqual(opened, [])
  const [elsewhere = ''] = await new Manifests(vault).seal([3], [[rowOf(9)]])
  const mixed = [...intents.slice(0, 1), { entry: 3, manifest: elsewhere }, ...intents.slice(1)]
  assert.deepEqual(await own.open(mixed), [[rowOf(2), rowOf(3)], [rowOf(9)], [rowOf(1)]])
  assert.deepEqual(opened, [3])
})

test('an entry that holds another text than the one sealed here is opened', async () => {
  const { vault, opened } = countingVault()
  const own = new Manifests(vault)
  await own.seal([1], [[rowOf(1)]])
  const [written = ''] = await new Manifests(vault).seal([1], [[rowOf(5)]])
  assert.deepEqual(await own.open([{ entry: 1, manifest: written }]), [[rowOf(5)]])
  assert.deepEqual(opened, [1])
})

test('the memory is bounded: the oldest is forgotten first', async () => {
  const { vault, opened } = countingVault()
  const own = new Manifests(vault, 2_000)
  const texts: string[] = []
  for (let entry = 1; entry <= 50; entry++) texts.push((await own.seal([entry], [[rowOf(entry)]]))[0] as string)
  for (const entry of [1, 50]) assert.deepEqual(await own.open([{ entry, manifest: texts[entry - 1] as string }]), [[rowOf(entry)]])
  assert.deepEqual(opened, [1])
})
