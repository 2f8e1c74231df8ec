/**
 * Over 10,000 entries every byte of tiles, bundles, checkpoint and stored entries, manifests included, that was changed, dropped,
 * inserted or put in another place is found and named. Here a sample of some thousands; test/tamper-campaign.ts does all of them.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { tamperEntries, tamperFiles, type Tampering, tamperLeaves } from './testing-tamper-campaign.ts'
import { withTreePlace } from './testing-tree.ts'
import { fill } from './testing-verified.ts'

const ENTRIES = 10_000
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

function sampled(context: TestContext): Tampering & { mutations: () => number } {
  context.diagnostic(`SEED=${SEED}`)
  let all = 0
  const say: Tampering['say'] = ({ done, same }) => {
    all += done - same
  }
  return { each: 150, seed: SEED, wholes: 1, say, mutations: () => all }
}

test('10,000 entries: bytes of tiles, bundles and checkpoint', async (context) => {
  await withTreePlace(async (place) => {
    await fill(place, ENTRIES)
    const tampering = sampled(context)
    await tamperFiles(place, tampering)
    assert.ok(tampering.mutations() > 2_000)
  })
})

test('10,000 entries: leaves dropped, inserted and re-ordered in bundles, and whole files', async () => {
  await withTreePlace(async (place) => {
    await fill(place, ENTRIES)
    await tamperLeaves(place, { each: 150, seed: SEED })
  })
})

test('10,000 entries: bytes of stored intents, their sealed manifests included, and of outcomes', async (context) => {
  await withTreePlace(async (place) => {
    await fill(place, ENTRIES)
    const tampering = sampled(context)
    await tamperEntries(place, tampering)
    assert.ok(tampering.mutations() > 1_000)
  })
})
