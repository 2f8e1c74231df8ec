/**
 * `npm run bench`: honest figures of this machine, each beside its peer or limit of the same run. `-- --seconds N` is the
 * length of each measurement (default 5), `--rows N` the size of `affected`, `--keep DIR`
 * leaves its rows for the next run, `--notices N` the mails of `notices`, `--sustain [N]` adds a paced run of N seconds
 * (default 60) that tells whether the backlog stays flat; words choose parts; `--json` prints a list
 * `[{id, value, unit, peer, peerValue, ratio, cpuPerMillion?, rssMb?}]`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { benchAccept } from './accept.ts'
import { benchAffected } from './affected.ts'
import { benchDetectors } from './detectors.ts'
import { benchDrain } from './drain.ts'
import { readOptions } from './options.ts'
import { benchMatch } from './match.ts'
import { benchNotices } from './notices.ts'
import { benchPaced } from './paced.ts'
import { benchPipeline } from './pipeline.ts'
import { benchProofs } from './proofs.ts'
import { benchPseudonyms } from './pseudonyms.ts'
import { openTable } from './table.ts'

const options = readOptions(process.argv.slice(2))
if (typeof options === 'string') {
  process.stderr.write(options)
  process.exit(2)
}
const { seconds, rows, notices, keep, sustainSeconds, parts: wanted } = options

const write = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`)
const table = openTable(write, options.json ? (text) => void process.stdout.write(text) : undefined)
const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-bench-'))
// Also when it is interrupted; the children end with their parent.
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const processors = os.cpus()
write(`${processors.length} × ${processors[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${new Date().toISOString()}`)
write('The load generator and the peer run on the same processors: read the ratios, not the figures.\n')

const parts: [name: string, run: () => Promise<void>][] = [
  ['pseudonyms', () => benchPseudonyms(table, folder, seconds)],
  ['detectors', () => benchDetectors(table)],
  ['accept', () => benchAccept(table, folder, seconds)],
  ['pipeline', () => benchPipeline(table, folder, seconds, sustainSeconds)],
  ['drain', () => benchDrain(table, folder, Math.round(seconds * 40_000))],
  ['proofs', () => benchProofs(table)],
  ['paced', () => benchPaced(table, folder, seconds * 2)],
  ['match', () => benchMatch(table, folder)],
  ['affected', () => benchAffected(table, keep ?? path.join(folder, 'affected'), rows)],
  ['notices', () => benchNotices(table, folder, notices)],
]
let failed = 0
for (const [name, run] of parts) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  try {
    await run()
  } catch (error) {
    failed++
    table.absent(name, error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : String(error))
  }
}
table.print()
process.exit(failed > 0 ? 1 : 0)
