/**
 * The whole of src/ledger/tamper.test.ts: every byte, some 19 million changes, an hour or more of one core. What it found last
 * stands in docs/ledger.md.
 * `node bin/bulkhead.mjs --run test/tamper-campaign.ts [files|leaves|entries] [--each N] [--seed N] [--family tile/0] [--way changed]`
 */
import { parseArgs } from 'node:util'
import { WAYS } from '#ledger/testing-tamper.ts'
import { tamperEntries, tamperFiles, tamperLeaves, type Tampered } from '#ledger/testing-tamper-campaign.ts'
import { withTreePlace } from '#ledger/testing-tree.ts'
import { fill } from '#ledger/testing-verified.ts'

const ENTRIES = 10_000
const WHOLES = 20

const { values, positionals } = parseArgs({
  options: {
    way: { type: 'string', multiple: true },
    family: { type: 'string', multiple: true },
    each: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
  allowPositionals: true,
})
const [each, seed] = [Number(values.each ?? Number.MAX_SAFE_INTEGER), Number(values.seed)]
const does = (part: string): boolean => positionals.length === 0 || positionals.includes(part)
const began = Date.now()
const print = (text: string): void => void process.stdout.write(`${text} [${Math.round((Date.now() - began) / 1000)} s]\n`)
const say = ({ family, way, done, of, same }: Tampered): void =>
  print(`${family}: ${done} of ${of} bytes ${way}, all found and named (${same} equal to the next one)`)

// Millions of errors are made and looked at by their codes alone.
Error.stackTraceLimit = 0
await withTreePlace(async (place) => {
  await fill(place, ENTRIES)
  print(`${place.ledger.head} entries`)
  if (does('leaves')) print(`leaves: ${await tamperLeaves(place, { each, seed })} dropped, inserted and exchanged, all found and named`)
  const families = values.family === undefined ? {} : { families: values.family }
  const ways = values.way === undefined ? {} : { ways: WAYS.filter((way) => values.way?.includes(way)) }
  if (does('files')) await tamperFiles(place, { each, seed, wholes: WHOLES, say, ...families, ...ways })
  if (does('entries')) await tamperEntries(place, { each, seed, wholes: WHOLES, say, ...ways })
})
