/** Prints a long answer and exits as `main.ts` does: `node testing-printed-child.ts CHARACTERS`. */
import { allPrinted, toleratesGoneReaders } from './printed.ts'

const streams = [process.stdout, process.stderr]
toleratesGoneReaders(streams)
process.stdout.write(`${'x'.repeat(Number(process.argv[2]))}\n`)
await allPrinted(streams)
process.exit()
