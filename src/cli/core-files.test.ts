import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'

const FILTER = '/proc/self/coredump_filter'

test('a core file of the program and of its children holds no memory', () => {
  // Only Linux tells which memory goes into a core file; elsewhere there is nothing to ask.
  if (!existsSync(FILTER)) return
  const atEnd = `
    import { execFileSync } from 'node:child_process'
    import { readFileSync, writeSync } from 'node:fs'
    process.on('exit', () => writeSync(2, ['own', readFileSync('${FILTER}', 'utf8').trim(), execFileSync('cat', ['${FILTER}'])].join(' ')))`
  const { stderr } = run([
    '--import',
    `data:text/javascript,${encodeURIComponent(atEnd)}`,
    path.join(import.meta.dirname, 'main.ts'),
    '--help',
  ])
  assert.match(stderr, /own 0+ 0+\s*$/)
})

function run(args: readonly string[]): { stderr: string } {
  const shell = ['-c', '"$0" "$@" 2>&1 >/dev/null', process.execPath, '--disable-warning=ExperimentalWarning', ...args]
  return { stderr: execFileSync('/bin/sh', shell, { encoding: 'utf8' }) }
}
