/**
 * `npm run sim -- --seeds 10000 --from 1`: simulated runs of consecutive seeds, with all that is needed to see a failure again.
 * `--tail 5000` prints more of what led to it. Ends with 1 when a law did not hold.
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type RunResult, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    /** Goes on after a failure, to see how often something fails. */
    all: { type: 'boolean', default: false },
    /** Prints each run's hash over its whole trace. */
    hashes: { type: 'boolean', default: false },
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

const from = Number(values.from)
const seeds = Number(values.seeds)
const startedAt = performance.now()
let failed = 0
let steps = 0
let virtualMs = 0
let records = 0
for (let seed = from; seed < from + seeds; seed++) {
  const result = await simulate(seed, Number(values.tail))
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
  `${seeds} seeds from ${from} on commit ${commit()}: ${failed} failed; ${records} records, ` +
    `${(virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${steps} steps, ${seconds.toFixed(1)} s`,
)
process.exitCode = failed === 0 ? 0 : 1
