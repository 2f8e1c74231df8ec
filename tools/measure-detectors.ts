/**
 * Measures the detectors: on made-up samples from a seed, and on the labelled material in a folder that is given. Prints
 * for each kind how many of the values were found, and how much of what is nobody's was found as well.
 *
 *     npm run detect:measure -- [FOLDER] [--seed 1] [--each 2000] [--misses 10] [--json]
 *
 * The folder may hold the open sets that docs/DETECTORS.md names, and plain NDJSON of any name: `{text, spans: [{start,
 * end, kind}]}` or `{text, kind}` for values, `{text, spans: []}` for what is nobody's; `key` may stand beside `text`.
 */
import { parseArgs } from 'node:util'
import { type Finding, detectInProperty, detect } from '#policy/policy.ts'
import { personal, notPersonal } from './detector-samples.ts'
import { type Labelled, labelledIn } from './detector-sets.ts'

interface Row {
  set: string
  group: string
  /** Values that stand in the material, and how many of them were found. */
  values: number
  found: number
  /** Texts in which nothing personal stands, and how many of them had a finding. */
  others: number
  wrong: number
  misses: string[]
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    each: { type: 'string', default: '2000' },
    misses: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
})
const missesMax = Number(options.misses)
const rows = new Map<string, Row>()

function rowOf(set: string, group: string): Row {
  const name = `${set}\0${group}`
  const row = rows.get(name) ?? { set, group, values: 0, found: 0, others: 0, wrong: 0, misses: [] }
  rows.set(name, row)
  return row
}

function overlaps(finding: Finding, { start, end }: { start: number; end: number }): boolean {
  return finding.start < end && start < finding.end
}

function measure({ set, group, text, key, spans }: Labelled): void {
  const row = rowOf(set, group)
  const findings: Finding[] = key === undefined ? detect(text) : detectInProperty(key, text)
  const miss = (why: string): void => {
    if (row.misses.length < missesMax)
      row.misses.push(`${why}: ${JSON.stringify(text)} -> ${findings.map(({ kind, rule }) => `${kind}/${rule}`).join(' ')}`)
  }
  if (spans.length === 0) {
    row.others++
    if (findings.length === 0) return
    row.wrong++
    return miss('wrong')
  }
  for (const span of spans) {
    row.values++
    if (findings.some((finding) => span.kinds.includes(finding.kind) && overlaps(finding, span))) row.found++
    else miss('missed')
  }
}

const seed = Number(options.seed)
const each = Number(options.each)
for (const { group, text } of notPersonal(seed, each)) measure({ set: `made up, seed ${seed}`, group, text, spans: [] })
for (const { group, text, value, kinds } of personal(seed, each)) {
  const start = text.indexOf(value)
  measure({ set: `made up, seed ${seed}`, group, text, spans: [{ start, end: start + value.length, kinds }] })
}
for (const labelled of positionals.flatMap((folder) => [...labelledIn(folder)])) measure(labelled)

function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)} %`
}

if (options.json) {
  process.stdout.write(`${JSON.stringify([...rows.values()].map(({ misses: _, ...row }) => row))}\n`)
} else {
  process.stdout.write('| set | group | values | found | others | wrongly found |\n|---|---|---:|---:|---:|---:|\n')
  for (const { set, group, values, found, others, wrong, misses } of rows.values()) {
    process.stdout.write(
      `| ${set} | ${group} | ${values || ''} | ${percent(found, values)} | ${others || ''} | ${percent(wrong, others)} |\n`,
    )
    for (const miss of misses) process.stdout.write(`    ${miss}\n`)
  }
}
