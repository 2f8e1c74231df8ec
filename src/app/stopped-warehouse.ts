/**
 * The warehouse's totals while nothing runs: the engine is opened for this one question in a process of its own, since it owns a
 * folder for the life of a process. The caller holds the locks that keep everybody else out of the folder.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Total } from '#ledger/totals.ts'
import { refuseNewerFolder } from '#warehouse/format.ts'
import { totalOf, type TotalsAsked } from './totals-question.ts'

/** In words, why they cannot be told. */
export type TotalsFound = Total[] | string

/** Throws `data_format_newer`. */
export async function stoppedTotals(warehouseDir: string, asked: TotalsAsked): Promise<TotalsFound> {
  refuseNewerFolder(warehouseDir)
  if (!existsSync(warehouseDir) || readdirSync(warehouseDir).length === 0) return 'it is not there, and the next start loads it again'
  const program = fileURLToPath(new URL('./warehouse-totals.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, warehouseDir], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // It may have ended before it was asked: then its answer is missing.
  child.stdin.on('error', () => undefined)
  // Not ended: the child takes the end of its input for our own, and leaves the folder.
  child.stdin.write(`${JSON.stringify(asked)}\n`)
  try {
    const lines = (await text(child.stdout)).trimEnd().split('\n')
    if (lines.pop() !== 'end') return 'its engine does not open, or does not answer'
    return lines.filter(Boolean).map((line) => totalOf(JSON.parse(line) as Record<keyof Total, string | number>))
  } finally {
    child.kill('SIGKILL')
  }
}
