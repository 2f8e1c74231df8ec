/**
 * `npm run sim -- --seeds 10000 --from 1`: simulated runs of consecutive seeds, with all that is needed to see a failure again.
 * `--tail 5000` prints more of what led to it. Ends with 1 when a law did not hold.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { MUTATIONS } from './mutations.ts'
import { type RunResult, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    /** Goes on after a failure, to see how often something fails. */
    all: { type: 'boolean', default: false },
    /** Prints each run's hash over its whole trace. */
    hashes: { type: 'boolean', default: false },
    /** Plants each of the defects in `mutations.ts` and tells how many seeds it took to find it. */
    mutations: { type: 'boolean', default: false },
    /** Of these only those whose name holds this. */
    match: { type: 'string', default: '' },
    /** Lines of the trace that are printed with a failure. */
    tail: { type: 'string', default: '60' },
  },
})

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

export function report({ seed, violation, tail, virtualMs, steps }: RunResult): string {
  return [
    ...tail.map((line) => `  ${line}`),
    `seed ${seed} failed after ${(virtualMs / 1000).toFixed(1)} s of virtual time and ${steps} steps, commit ${commit()}`,
    `  ${violation?.message}`,
    `  again: npm run sim -- --from ${seed} --seeds 1`,
  ].join('\n')
}

async function runSeeds(from: number, seeds: number): Promise<boolean> {
  const startedAt = performance.now()
  let done = 0
  let failed = 0
  let steps = 0
  let virtualMs = 0
  let records = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate(seed, Number(values.tail))
    done++
    steps += result.steps
    virtualMs += result.virtualMs
    records += result.records
    if (values.hashes) console.log(`seed ${seed}: ${result.traceHash} ${result.steps} steps`)
    if (result.violation === undefined) continue
    failed++
    if (values.all) console.log(`seed ${seed}: ${result.violation.message.split('\n')[0]}`)
    else {
      console.log(report(result))
      break
    }
  }
  const seconds = (performance.now() - startedAt) / 1000
  console.log(
    `${done} seeds from ${from} on commit ${commit()}: ${failed} failed; ${records} records, ` +
      `${(virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${steps} steps, ${seconds.toFixed(1)} s`,
  )
  return failed === 0
}

/** A campaign with each defect in turn, in a process of its own, until the first seed that finds it. */
function runMutations(from: number, seeds: number): boolean {
  let missed = 0
  let planted = 0
  for (const [number, { id }] of MUTATIONS.entries()) {
    if (!id.includes(values.match)) continue
    planted++
    const options = ['--disable-warning=ExperimentalWarning', '--import', path.join(import.meta.dirname, 'mutate.ts')]
    const campaign = [path.join(import.meta.dirname, 'campaign.ts'), '--from', String(from), '--seeds', String(seeds), '--tail', '1']
    const env = { ...process.env, SIM_MUTATION: String(number) }
    const { stdout, stderr, status } = spawnSync(process.execPath, [...options, ...campaign], { encoding: 'utf8', env })
    const lines = stdout.trimEnd().split('\n')
    const found = lines.findIndex((line) => /^seed \d+ failed/.test(line))
    if (status === 1 && found >= 0) console.log(`${id}: ${lines.at(-1)?.split(' ')[0]} seeds;${lines[found + 1]?.replace(/^ +/, ' ')}`)
    else {
      missed++
      console.log(`${id}: NOT FOUND in ${seeds} seeds${stderr === '' ? '' : `, ${stderr.trim()}`}`)
    }
  }
  console.log(`${planted - missed} of ${planted} planted defects found, commit ${commit()}`)
  return planted > 0 && missed === 0
}

const from = Number(values.from)
const isGood = values.mutations ? runMutations(from, Number(values.seeds)) : await runSeeds(from, Number(values.seeds))
process.exitCode = isGood ? 0 : 1
