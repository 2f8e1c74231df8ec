/**
 * Whether the time of an answer says anything to a stranger: `node bin/bulkhead.mjs --run test/support/measure-check.ts [ROUNDS]` asks a
 * vault with 20,000 notices about codes and addresses that it knows and does not know, in random order, and compares the times of
 * the misses with each other (Welch's t; beyond 4.5 they differ, as usual for tests of constant time). Prints; asserts nothing.
 */
import { randomBytes } from 'node:crypto'
import { withVault } from '#vault/testing.ts'

const NOTICES = 20_000
const rounds = Number(process.argv[2] ?? 20_000)
const version = { versionId: randomBytes(16).toString('hex'), incident: 1, version: 1 }

await withVault(async ({ notices }) => {
  const people = Array.from({ length: NOTICES }, (_, person) => ({ person, address: `user${person}@example.net` }))
  const codes = await notices.issueNotices(version, people)
  await notices.keepSheets(version, [{ shape: 's', language: 'en', common: ['A paragraph.', 'Another one.'] }])
  for (let from = 0; from < NOTICES; from += 5000) {
    const some = people.slice(from, from + 5000)
    await notices.keepNotices(
      version,
      some.map(({ address }, index) => ({
        code: codes[from + index] as string,
        address,
        shape: 's',
        language: 'en',
        day: 1,
        personal: [],
      })),
    )
  }
  const any = (): number => Math.floor(Math.random() * NOTICES)
  const unknownCode = (): string =>
    `BH-${randomBytes(15)
      .toString('hex')
      .toUpperCase()
      .slice(0, 25)
      .replace(/(.{5})(?=.)/g, '$1-')}`
  const kinds: Record<string, () => { code: string; address: string }> = {
    'unknown code, unknown address': () => ({ code: unknownCode(), address: `nobody${any()}@example.net` }),
    'unknown code, known address': () => ({ code: unknownCode(), address: `user${any()}@example.net` }),
    'known code, unknown address': () => ({ code: codes[any()] as string, address: `nobody${any()}@example.net` }),
    "known code, another's address": () => {
      const one = any()
      return { code: codes[one] as string, address: `user${(one + 1) % NOTICES}@example.net` }
    },
  }
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]))
  const texts = [Array.from({ length: 400 }, (_, index) => `word${index % 90}`)]
  const names = Object.keys(kinds)
  for (let round = 0; round < rounds; round++) {
    const name = names[Math.floor(Math.random() * names.length)] as string
    const asked = (kinds[name] as () => { code: string; address: string })()
    const begin = performance.now()
    await notices.checkNotice({ ...asked, texts })
    times[name]?.push((performance.now() - begin) * 1000)
  }
  const first = stats(times[names[0] as string] as number[])
  for (const name of names) {
    const one = stats(times[name] as number[])
    const t = (one.mean - first.mean) / Math.sqrt(one.variance / one.count + first.variance / first.count)
    process.stdout.write(
      `${name.padEnd(32)} ${one.count} × ${one.mean.toFixed(1)} µs, median ${one.median.toFixed(1)} µs, t ${t.toFixed(2)}\n`,
    )
  }
})

/** Without the slowest twentieth: the machine's own interruptions. */
function stats(all: number[]): { mean: number; variance: number; median: number; count: number } {
  const sorted = all.toSorted((a, b) => a - b)
  const kept = sorted.slice(0, Math.ceil(sorted.length * 0.95))
  const mean = kept.reduce((sum, each) => sum + each, 0) / kept.length
  const variance = kept.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (kept.length - 1)
  return { mean, variance, median: kept[Math.floor(kept.length / 2)] as number, count: kept.length }
}
