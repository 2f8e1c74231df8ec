/**
 * `npm run check`: types, lint and format, layers, house rules. Prints each with its time and, when it fails, what it
 * said. `npm run check -- --fix` lets Biome rewrite what it can first.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { checkLayers } from './layers.ts'
import { tidyAll } from './tidy.ts'

const root = path.dirname(import.meta.dirname)

interface CheckResult {
  ok: boolean
  /** What was looked at, when it is good; what is wrong, when it is not. */
  text: string
}

interface Check {
  name: string
  run(): Promise<CheckResult>
}

function program(name: string, args: string[]): Promise<CheckResult> {
  const file = path.join(root, 'node_modules', '.bin', name)
  if (!existsSync(file)) {
    return Promise.resolve({
      ok: false,
      text: `error[dependency_missing]: ${name} is not installed here (${process.platform}-${process.arch})`,
    })
  }
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk
    })
    child.on('error', (error) => resolve({ ok: false, text: `error[dependency_missing]: ${name} cannot be run: ${error.message}` }))
    child.on('close', (code) => resolve({ ok: code === 0, text: text.trim() }))
  })
}

const biomeArguments = ['--colors=off', '--max-diagnostics=60', '--error-on-warnings']

const checks: Check[] = [
  { name: 'types', run: () => program('tsc', ['-p', '.', '--pretty', 'false']) },
  { name: 'lint and format', run: () => program('biome', ['check', ...biomeArguments, '.']) },
  {
    name: 'layers',
    run: async () => {
      const { violations, files, edges } = checkLayers(root)
      const lines = violations.map((violation) => `${violation.file}:${violation.line}: [${violation.rule}] ${violation.message}`)
      return { ok: violations.length === 0, text: lines.join('\n') || `${files} files, ${edges} imports` }
    },
  },
  {
    name: 'house rules',
    run: async () => {
      const { findings, files } = tidyAll(root)
      const lines = findings.map((finding) => `${finding.file}:${finding.line}: [${finding.rule}] ${finding.message}`)
      return { ok: findings.length === 0, text: lines.join('\n') || `${files} files` }
    },
  },
]

let failed = 0
if (process.argv.includes('--fix')) {
  const result = await program('biome', ['check', '--write', ...biomeArguments, '.'])
  process.stdout.write(`fix: ${result.text.split('\n').slice(-6).join('\n')}\n`)
}
for (const check of checks) {
  const startedAt = performance.now()
  const result = await check.run()
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (!result.ok) failed++
  process.stdout.write(`${result.ok ? 'ok  ' : 'FAIL'} ${check.name} (${seconds} s)\n`)
  if (!result.ok) process.stdout.write(`${result.text.replace(/^/gm, '     ')}\n`)
}
process.stdout.write(failed === 0 ? 'check: all good\n' : `check: ${failed} of ${checks.length} failed\n`)
process.exit(failed === 0 ? 0 : 1)
