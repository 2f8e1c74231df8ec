/**
 * Reads the warehouse's own folder, past all of our code, after the program has stopped: in a child process, since the
 * engine owns its folder for the life of a process. Test-only.
 */
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

const reader = path.join(import.meta.dirname, 'read-warehouse.ts')

/** Rows of one SELECT. Keep it aggregated: it travels as text. */
export async function askWarehouse<Row>(warehouseDir: string, sql: string): Promise<Row[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', reader, warehouseDir, sql], {
    maxBuffer: 256 * 1024 * 1024,
    killSignal: 'SIGKILL',
  })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Row)
}
