/**
 * `npm run bench`: honest figures of this machine, each beside its peer of the same run. `-- --seconds N` is the length
 * of each measurement (default 5); words choose parts (`accept`, `pseudonyms`, `pipeline`, `affected`).
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { benchAccept } from './accept.ts'
import { benchAffected } from './affected.ts'
import { benchPipeline } from './pipeline.ts'
import { benchPseudonyms } from './pseudonyms.ts'
import { openTable } from './table.ts'

const args = process.argv.slice(2)
const secondsAt = args.indexOf('--seconds')
const seconds = secondsAt >= 0 ? Number(args[secondsAt + 1]) : 5
if (!(seconds > 0 && seconds <= 120)) {
  process.stderr.write('error[bad_usage]: --seconds takes a number up to 120\nhint: npm run bench -- --seconds 5\n')
  process.exit(2)
}
const words = args.filter((arg, index) => !arg.startsWith('--') && index !== secondsAt + 1)
const isWanted = (name: string): boolean => words.length === 0 || words.includes(name)

const write = (line: string): void => void process.stdout.write(`${line}\n`)
const table = openTable(write)
const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-bench-'))
const processors = os.cpus()
write(`${processors.length} × ${processors[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${new Date().toISOString()}`)
write('The load generator and the peer run on the same processors: read the ratios, not the figures.\n')

const parts: [name: string, run: () => Promise<void>][] = [
  ['pseudonyms', () => benchPseudonyms(table, folder, seconds)],
  ['accept', () => benchAccept(table, folder, seconds)],
  ['pipeline', () => benchPipeline(table, folder, seconds)],
  ['affected', () => benchAffected(table, folder)],
]
let failed = 0
for (const [name, run] of parts) {
  if (!isWanted(name)) continue
  try {
    await run()
  } catch (error) {
    failed++
    table.absent(name, error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : String(error))
  }
}
const hasNginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].some((file) => existsSync(file))
table.absent('nginx as a tracking proxy', hasNginx ? 'installed, but its row is not written yet' : 'nginx is not installed here')
table.print()
rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
process.exit(failed > 0 ? 1 : 0)
