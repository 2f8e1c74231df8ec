/**
 * `npm test`: everything beside the code first (quick), then the whole-system suites in a fixed order. `npm test -- WORD…`
 * runs the files whose path holds a word, or else the tests whose name, as it is written, does. The last line is `N passed, N failed`;
 * a skipped test and a run with no test at all are failures.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { run } from 'node:test'
import { listFiles } from './source-text.ts'

const root = path.dirname(import.meta.dirname)

/** Order of the system suites: what tells most about a broken build comes first. What is not named here runs last. */
const systemOrder = [
  'law2-encoded',
  'start',
  'sdk-mixpanel-node',
  'sdk-mixpanel-browser',
  'upgrade',
  'backup',
  'contract',
  'hostile',
  'hostile-suites',
  'law1-planted',
  'cut',
  'drill',
  'stories',
  'stories-long',
  'torn-files',
  'power-cut',
  'clock',
  'slow-disk',
  'kills',
]

/** Parts of the system that a suite cannot do without; see setup-system.ts. */
const needs: Record<string, string[]> = { 'sdk-mixpanel-browser': ['chromium'], 'power-cut': ['cc'], clock: ['cc'], 'slow-disk': ['cc'] }

/** Only what hangs meets them: a machine may be slow, and busy with something else. */
const UNIT_TIMEOUT_MS = 15 * 60_000
const SYSTEM_TIMEOUT_MS = 25 * 60_000
const SYSTEM_LANES = 2

const startedAt = Date.now()
let passed = 0
let failed = 0
const failures: string[] = []

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const elapsed = (): string => `${Math.round((Date.now() - startedAt) / 1000)} s`

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isPresent(part: string): boolean {
  if (part === 'chromium') return isExecutable(process.env.CHROMIUM_PATH || '/usr/bin/chromium')
  if (part === 'cc') return (process.env.PATH ?? '').split(path.delimiter).some((folder) => isExecutable(path.join(folder, 'cc')))
  return true
}

function suiteName(file: string): string {
  return path.basename(file).replace(/\.test\.ts$/, '')
}

function inOrder(files: readonly string[]): string[] {
  const rank = (file: string): number => {
    const at = systemOrder.indexOf(suiteName(file))
    return at < 0 ? systemOrder.length : at
  }
  return [...files].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
}

/** What the runner needs of an error that crossed a process boundary. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : (error.stack ?? error.message)
  return stack.replaceAll(`${root}${path.sep}`, '').replaceAll('file://', '').split('\n').slice(0, 30).join('\n      ')
}

interface RunOptions {
  concurrency: number
  timeoutMs: number
  /** Print each test and not only each file. */
  verbose: boolean
  namePattern?: RegExp
  /** Where its lines go; the suites of two lanes must not mix theirs. */
  write?: (text: string) => void
}

async function runFiles(files: readonly string[], options: RunOptions): Promise<void> {
  const write = options.write ?? ((text: string): void => void process.stdout.write(text))
  const print = (line: string): void => write(`${line}\n`)
  const stream = run({
    files: files.map((file) => path.join(root, file)),
    concurrency: options.concurrency,
    timeout: options.timeoutMs,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(options.namePattern === undefined ? {} : { testNamePatterns: options.namePattern }),
  })
  const perFile = new Map<string, { passed: number; failed: number; ms: number }>()
  let current: string | undefined
  const finishFile = (): void => {
    const sums = current === undefined ? undefined : perFile.get(current)
    if (current === undefined || sums === undefined) return
    const seconds = (sums.ms / 1000).toFixed(1)
    print(`  ${sums.failed > 0 ? 'FAIL' : 'ok  '} ${current} (${sums.passed + sums.failed} tests, ${seconds} s) [${elapsed()}]`)
    perFile.delete(current)
  }
  stream.on('test:stderr', ({ file, message }) => {
    if (options.verbose) write(message.replace(/^(?=.)/gm, `    ${suiteName(file ?? '')}| `))
  })
  stream.on('test:stdout', ({ file, message }) => {
    if (options.verbose) write(message.replace(/^(?=.)/gm, `    ${suiteName(file ?? '')}| `))
  })
  const count = (
    event: { name: string; file?: string; skip?: string | boolean; todo?: string | boolean },
    ms: number,
    error: unknown,
  ): void => {
    const file = event.file === undefined ? '?' : path.relative(root, event.file)
    if (file !== current) finishFile()
    current = file
    const sums = perFile.get(file) ?? { passed: 0, failed: 0, ms: 0 }
    perFile.set(file, sums)
    sums.ms += ms
    const isGood = error === undefined && event.skip === undefined && event.todo === undefined
    if (isGood) {
      passed++
      sums.passed++
      if (options.verbose) print(`    ok   ${event.name} (${(ms / 1000).toFixed(1)} s)`)
      return
    }
    failed++
    sums.failed++
    const label = `${file}: ${event.name}`
    failures.push(label)
    print(`    FAIL ${label} (${(ms / 1000).toFixed(1)} s)`)
    print(`      ${error === undefined ? 'a skipped or unfinished test counts as a failure' : describe(error)}`)
  }
  stream.on('test:pass', (event) => {
    if (event.details.type !== 'suite' && !isBareFile(event, files))
      count(event, event.nesting === 0 ? event.details.duration_ms : 0, undefined)
  })
  stream.on('test:fail', (event) => {
    // A suite or parent fails because a test in it did, which has been told already.
    if (event.details.type === 'suite' && /subtests? failed/.test(String(event.details.error?.message))) return
    count(event, event.details.duration_ms, event.details.error)
  })
  for await (const _ of stream) {
    // Reading it to the end is what drives it.
  }
  finishFile()
}

/** A file without tests is reported as one passed test named for the file: it must not count as one. */
function isBareFile(event: { name: string }, files: readonly string[]): boolean {
  return files.some((file) => event.name === file || event.name === path.join(root, file))
}

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const unitFolders = ['src', 'tools', 'bench'].filter((folder) => existsSync(path.join(root, folder)))
let units = listFiles(root, unitFolders, ['.test.ts'])
let systems = inOrder(existsSync(path.join(root, 'test')) ? listFiles(root, ['test'], ['.test.ts']) : [])
let namePattern: RegExp | undefined
if (words.length > 0) {
  const isNamed = (file: string): boolean => words.some((word) => file.includes(word))
  // Names stand in the text of their file; loading all of them to look takes longer than most tests.
  const isWritten = (file: string): boolean => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return words.some((word) => text.includes(word))
  }
  const isByFile = [...units, ...systems].some(isNamed)
  units = units.filter(isByFile ? isNamed : isWritten)
  systems = systems.filter(isByFile ? isNamed : isWritten)
  if (!isByFile) namePattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'))
}

if (units.length > 0) {
  print(`beside the code: ${units.length} files`)
  await runFiles(units, { concurrency: 2, timeoutMs: UNIT_TIMEOUT_MS, verbose: words.length > 0, ...(namePattern && { namePattern }) })
}
const without = new Set(
  (process.env.BULKHEAD_WITHOUT ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean),
)

async function runSystem(file: string): Promise<void> {
  const missing = (needs[suiteName(file)] ?? []).filter((part) => without.has(part) || !isPresent(part))
  const unnamed = missing.filter((part) => !without.has(part))
  if (unnamed.length > 0) {
    failed++
    failures.push(`${file}: dependency_missing: ${unnamed.join(', ')}`)
    print(`FAIL ${file}: error[dependency_missing]: ${unnamed.join(', ')} is not installed; run \`npm run setup:system\``)
    return
  }
  if (missing.length > 0) return print(`not run: ${file} (without ${missing.join(', ')})`)
  print(`system: ${file} begins [${elapsed()}]`)
  // One alone says its lines as they come.
  const lines: string[] = []
  const options = { concurrency: 1, timeoutMs: SYSTEM_TIMEOUT_MS, verbose: true, ...(namePattern && { namePattern }) }
  await runFiles([file], systems.length === 1 ? options : { ...options, write: (text) => void lines.push(text) })
  process.stdout.write(lines.join(''))
}

/** Whole programs mostly wait: for a process to come back, for a disk, for a clock. Two at a time fill two processors. */
const waiting = [...systems]
const lane = async (): Promise<void> => {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runSystem(file)
}
await Promise.all(Array.from({ length: SYSTEM_LANES }, lane))
if (passed + failed === 0) {
  failed++
  failures.push('no test was found')
}
if (failures.length > 0) print(`\nfailed:\n${failures.map((name) => `  ${name}`).join('\n')}`)
print(`\n${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
