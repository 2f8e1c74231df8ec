/** What was asked for on the command line of the benchmarks. */

export interface BenchOptions {
  /** Length of each measurement, s. */
  seconds: number
  /** Disclosure rows that `affected` is measured over. */
  rows: number
  /** Mails that `notices` sends. */
  notices: number
  /** Folder in which these rows are looked for first, and left. */
  keep: string | undefined
  /** Length of the sustained run of the pipeline, s; 0 = not asked for. */
  sustainSeconds: number
  /** The list instead of the table; what people read then goes to standard error. */
  json: boolean
  /** Parts that were named; empty = all. */
  parts: string[]
}

export const PARTS = ['pseudonyms', 'detectors', 'accept', 'pipeline', 'drain', 'proofs', 'paced', 'match', 'affected', 'notices'] as const

const USAGE =
  `npm run bench -- [${PARTS.join('|')}]… [--seconds 5] [--rows 3000000] [--keep DIR] ` + '[--notices 5000] [--sustain [60]] [--json]'

/** The text of the refusal when it is not understood. */
export function readOptions(args: readonly string[]): BenchOptions | string {
  const options: BenchOptions = { seconds: 5, rows: 3_000_000, notices: 5000, keep: undefined, sustainSeconds: 0, json: false, parts: [] }
  for (let at = 0; at < args.length; at++) {
    const word = args[at] as string
    const next = Number(args[at + 1])
    if (word === '--seconds') {
      options.seconds = next
      at++
    } else if (word === '--rows') {
      options.rows = next
      at++
    } else if (word === '--notices') {
      options.notices = next
      at++
    } else if (word === '--keep') {
      if (args[at + 1] === undefined) return refusal('--keep takes a folder')
      options.keep = args[++at]
    } else if (word === '--sustain') {
      options.sustainSeconds = next > 0 ? next : 60
      if (next > 0) at++
    } else if (word === '--json') options.json = true
    else if ((PARTS as readonly string[]).includes(word)) options.parts.push(word)
    else return refusal(`there is no part or option ${word}`)
  }
  if (!(options.seconds > 0 && options.seconds <= 120)) return refusal('--seconds takes a number up to 120')
  if (!(Number.isInteger(options.rows) && options.rows >= 90_000 && options.rows <= 200_000_000)) {
    return refusal('--rows takes a number from 90,000 to 200,000,000')
  }
  if (!(Number.isInteger(options.notices) && options.notices >= 100 && options.notices <= 200_000)) {
    return refusal('--notices takes a number from 100 to 200,000')
  }
  if (options.sustainSeconds > 3600) return refusal('--sustain takes a number up to 3600')
  return options
}

function refusal(what: string): string {
  return `error[bad_usage]: ${what}\nhint: ${USAGE}\n`
}
