/** What the documents name is there: files, links, sections, commands, options. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { Command } from 'commander'
import { buildProgram } from '#cli/program.ts'
import { listFiles, readSource } from './source-text.ts'

const root = path.dirname(import.meta.dirname)
const pages = ['README.md', 'CHANGELOG.md', ...listFiles(root, ['docs'], ['.md'])]
const readPage = (page: string): string => readFileSync(path.join(root, page), 'utf8')

/** As a forge names the sections of a page. */
function anchorsOf(text: string): string[] {
  const headings = text.split('\n').filter((line) => /^#+ /.test(line))
  return headings.map((line) =>
    line
      .replace(/^#+ /, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every link leads to a file that is there, and to a section of it', () => {
  for (const page of pages) {
    for (const [, target = '', anchor] of readPage(page).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)) {
      if (/^(https?|mailto):/.test(target)) continue
      const file = target === '' ? page : path.join(path.dirname(page), target)
      assert.ok(existsSync(path.join(root, file)), `${page}: ${file} is not there`)
      if (anchor !== undefined) assert.ok(anchorsOf(readPage(file)).includes(anchor), `${page}: ${file} has no section ${anchor}`)
    }
  }
})

test('every file that a page names is there', () => {
  let named = 0
  for (const page of pages) {
    for (const [name] of readPage(page).matchAll(/(?<![\w/.-])(?:src|test|tools|bench|docs)\/[\w./*<>-]*\w/g)) {
      if (/LANGUAGE|</.test(name)) continue
      named++
      const files = name.includes('*')
        ? globSync(name, { cwd: root })
        : [name, `${name}.ts`, `${name}.test.ts`].filter((each) => existsSync(path.join(root, each)))
      assert.ok(files.length > 0, `${page}: ${name} is not there`)
    }
  }
  assert.ok(named > 100, `only ${named} names were found`)
})

const program = buildProgram({ env: {}, version: '0', out: () => undefined, err: () => undefined }, () => undefined)

/** Command lines of a page: in code, from `bulkhead` or a command's name on, without comments and what stands in quotes. */
function commandLines(text: string, commands: readonly string[]): string[] {
  const whole = text.replaceAll(/\\\n\s*/g, '')
  const blocks = [...whole.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => line as string)
  const spans = [...whole.matchAll(/`([^`]+)`/g)].map(([, span]) => (span as string).replaceAll(/\s+/g, ' '))
  const called = [...blocks, ...spans].flatMap((code) => /^(?:\$ )?(?:bin\/bulkhead\.mjs|bulkhead) (.*)$/s.exec(code)?.[1] ?? [])
  const short = spans.filter((span) => commands.some((name) => span.startsWith(`${name} `)))
  return [...called, ...short].map((line) => line.replaceAll(/"[^"]*"/g, '""').replace(/ {2,}.*| #.*/, ''))
}

/** What messages and hints tell people to call. */
function hintsOf(file: string): string {
  const text = readFileSync(path.join(root, file), 'utf8')
  const lines = [...text.matchAll(/^ {2}(bulkhead .*)$/gm)].map(([, line]) => `    ${line}`)
  return [...readSource(text).strings.values(), ...lines].join('\n')
}

test('every command and option that a page or a hint names is one', () => {
  const problems: string[] = []
  const names = program.commands.map((command) => command.name())
  const sources = listFiles(root, ['src'], ['.ts']).filter((file) => !file.endsWith('.test.ts'))
  const lines = [
    ...pages.flatMap((page) => commandLines(readPage(page), names).map((line) => ({ page, line }))),
    ...sources.flatMap((page) => commandLines(hintsOf(page), []).map((line) => ({ page, line }))),
  ]
  let checked = 0
  for (const { page, line } of lines) {
    let meant: Command[] = [program]
    for (const word of line.split(' ').map((each) => each.replaceAll(/[[\],.;:)]/g, ''))) {
      const inner = meant[0]?.commands ?? []
      if (inner.length === 0 || !/^[a-z][a-z|-]*$/.test(word)) break
      meant = word.split('|').map((name) => {
        const found = inner.find((command) => command.name() === name)
        if (found === undefined) problems.push(`${page}: ${line}: '${name}' is no command`)
        return found ?? program
      })
    }
    const known = ['--help', '--version', ...meant.flatMap(({ options }) => options.map(({ long }) => long))]
    for (const option of line.match(/(?<=^|[ [|(])--[a-z][a-z-]*/g) ?? []) {
      if (!known.includes(option)) problems.push(`${page}: ${line}: there is no ${option}`)
      checked++
    }
  }
  assert.deepEqual(problems, [])
  assert.ok(checked > 150, `only ${checked} options were found`)
})
