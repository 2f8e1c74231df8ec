/** Entry of the program, run under Node 24 by bin/bulkhead.mjs. */
import { readFileSync } from 'node:fs'
import { toBulkheadError } from '#base/errors.ts'
import { moveClock } from '#base/moved-clock.ts'
import { keepMemoryOutOfCoreFiles } from '#base/processes.ts'
import { printError } from './context.ts'
import { allPrinted, toleratesGoneReaders } from './printed.ts'
import { runCommandLine } from './program.ts'

// First of all, and for every role: they are started from here.
keepMemoryOutOfCoreFiles()
moveClock(process.env)

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
const argv = process.argv.slice(2)
const streams = [process.stdout, process.stderr]
toleratesGoneReaders(streams)

try {
  const code = await runCommandLine(argv, {
    env: process.env,
    version,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  })
  process.exitCode = code
} catch (thrown) {
  const error = toBulkheadError(thrown)
  printError({ json: argv.includes('--json'), err: (text) => void process.stderr.write(text) }, error)
  process.exitCode = error.exit
}
await allPrinted(streams)
// What a command left open (an idle connection, the launcher's channel) must not hold it back.
process.exit()
