/**
 * House rules that neither the compiler nor the linter knows, each with what to do instead. Bans look at code alone,
 * at comments alone or at everything, so that a word in a sentence does not trip a rule about code. tidy.test.ts plants
 * a violation of each. This file and that test stay out of the bans that they must spell.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { lineAt, listFiles, readSource, type SourceText } from './source-text.ts'

const LINE_LENGTH_MAX = 140
const FILE_LINES_MAX = 400

export interface Finding {
  file: string
  line: number
  rule: string
  message: string
}

interface Ban {
  rule: string
  where: 'code' | 'comments' | 'all'
  pattern: RegExp
  instead: string
  /** Files the ban looks at; all text files when absent. */
  files?: RegExp
}

const SOURCE = /\.(ts|tsx|mts|mjs)$/
const TYPED = /\.(ts|tsx|mts)$/
const TEST = /\.test\.ts$/

// Spelled in pieces, so that this file does not hold what it forbids.
const machineHomes = ['/wo' + 'rk/', '/ro' + 'ot/', '/home' + '/[a-z]', '/Us' + 'ers/[A-Za-z]']
const registryHosts = [
  'registry\\.npm' + 'js\\.org',
  'registry\\.yarn' + 'pkg',
  '"resolved"' + ':\\s*"http',
  'npm\\.pkg\\.git' + 'hub',
  '\\bverda' + 'ccio\\b',
]

const BANS: readonly Ban[] = [
  {
    rule: 'unfinished',
    where: 'all',
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/g,
    instead: 'finish it, or write down the limit in the documentation',
  },
  {
    rule: 'skipped-test',
    where: 'code',
    pattern: /\b(test|it|describe|suite)\.(skip|only|todo)\b|\b(skip|only|todo):\s*(true|')|\bt\.(skip|todo)\(/g,
    instead: 'make it run or remove it',
    files: TEST,
  },
  { rule: 'any', where: 'code', pattern: /(:|\bas|<|,|\|)\s*any\b(?!\s*[(:])/g, instead: 'use unknown and decode it', files: TYPED },
  { rule: 'ts-ignore', where: 'comments', pattern: /@ts-(ignore|nocheck|expect-error)/g, instead: 'make the types right', files: TYPED },
  {
    rule: 'empty-catch',
    where: 'code',
    pattern: /\bcatch\s*(\([^)]*\))?\s*\{\s*\}/g,
    instead: 'say in a comment why nothing has to be done',
    files: SOURCE,
  },
  {
    rule: 'not-erasable',
    where: 'code',
    pattern: /^\s*(export\s+)?(declare\s+)?(const\s+)?(enum|namespace)\s+[A-Za-z]/gm,
    instead: 'use a union of literals, or a module',
    files: TYPED,
  },
  {
    rule: 'parameter-property',
    where: 'code',
    pattern: /\bconstructor\s*\((?:[^)]*,)?\s*(private|public|protected|readonly)\s+\w/g,
    instead: 'declare the field and assign it',
    files: TYPED,
  },
  {
    rule: 'default-export',
    where: 'code',
    pattern: /^\s*export\s+default\b/gm,
    instead: 'export it by name',
    files: /^(src|tools|test|bench)\/.*\.ts$/,
  },
  {
    rule: 'console',
    where: 'code',
    pattern: /\bconsole\.(log|error|warn|info|debug|trace)\s*\(/g,
    instead: 'write to process.stdout or the trace on purpose',
    files: /^(src|tools|bench)\/(?!.*\.test\.ts$)/,
  },
  { rule: 'debugger', where: 'code', pattern: /^\s*debugger\b/gm, instead: 'remove it', files: SOURCE },
  {
    rule: 'machine-path',
    where: 'all',
    pattern: new RegExp(machineHomes.map((part) => `(?<![\\w.$\\}*:/-])${part}`).join('|'), 'g'),
    instead: 'build the path from import.meta or the environment',
  },
  {
    rule: 'registry-host',
    where: 'all',
    pattern: new RegExp(registryHosts.join('|'), 'g'),
    instead: 'leave the choice of registry to npm',
  },
]

/** Findings of one file. `file` is its path in the checkout. */
export function tidyFile(file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const report = (line: number, rule: string, message: string): void => void findings.push({ file, line, rule, message })
  const source = SOURCE.test(file) ? readSource(text) : { code: '', comments: text }
  if (SOURCE.test(file)) {
    const lines = text.split('\n')
    const measured = withoutLiterals(text, source).split('\n')
    for (const [index, line] of lines.entries()) {
      if (line.length > LINE_LENGTH_MAX && (measured[index] ?? '').length > LINE_LENGTH_MAX) {
        report(index + 1, 'line-length', `${line.length} characters, at most ${LINE_LENGTH_MAX}: break it`)
      }
      if (/[ \t]\r?$/.test(line)) report(index + 1, 'trailing-space', 'remove it')
    }
    if (lines.length - 1 > FILE_LINES_MAX)
      report(FILE_LINES_MAX + 1, 'file-length', `${lines.length - 1} lines, at most ${FILE_LINES_MAX}: cut it along its nouns`)
    if (/(^|\/)(utils?|helpers?|common|misc|shared|index)\.(ts|mjs)$/.test(file))
      report(1, 'file-name', 'name the file for the noun that it holds')
  }
  if (!text.endsWith('\n') && text !== '') report(text.split('\n').length, 'last-newline', 'end the file with a newline')
  for (const ban of BANS) {
    if (ban.files !== undefined && !ban.files.test(file)) continue
    const searched = ban.where === 'all' ? text : ban.where === 'code' ? source.code : source.comments
    for (const match of searched.matchAll(ban.pattern)) {
      if (ban.rule === 'empty-catch' && /\S/.test(source.comments.slice(match.index, match.index + match[0].length))) continue
      const line = lineAt(text, match.index + match[0].length - 1)
      report(
        line,
        ban.rule,
        `${ban.instead} (${text
          .slice(match.index, match.index + match[0].length)
          .trim()
          .slice(0, 40)})`,
      )
    }
  }
  return findings
}

/** The text with long literals shortened: a sentence or a pattern in one piece cannot be broken, and need not be. */
function withoutLiterals(text: string, source: Pick<SourceText, 'code' | 'comments'>): string {
  let shown = ''
  for (let at = 0; at < text.length; at++) shown += source.comments[at] === ' ' ? source.code[at] : source.comments[at]
  return shown.replace(/(?<=\S) {60,}/g, ' ')
}

/** Files that must spell what the bans forbid. */
const SPELLERS = new Set(['tools/tidy.ts', 'tools/tidy.test.ts'])

export function tidyAll(root: string): { findings: Finding[]; files: number } {
  const folders = ['src', 'test', 'tools', 'bench', 'docs', 'bin', 'console', '.ci'].filter((folder) => existsSync(path.join(root, folder)))
  const endings = ['.ts', '.tsx', '.mts', '.mjs', '.md', '.json', '.yaml', '.yml', '.sh', '.html', '.css', '/run']
  const rootFiles = [
    'README.md',
    'CHANGELOG.md',
    'biome.json',
    'tsconfig.json',
    'package.json',
    'package-lock.json',
    '.npmrc',
    '.gitignore',
  ]
  const files = [...listFiles(root, folders, endings), ...rootFiles.filter((file) => existsSync(path.join(root, file)))]
  const findings: Finding[] = []
  for (const file of files) {
    if (SPELLERS.has(file)) continue
    findings.push(...tidyFile(file, readFileSync(path.join(root, file), 'utf8')))
  }
  return { findings, files: files.length }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const result = tidyAll(path.dirname(import.meta.dirname))
  for (const { file, line, rule, message } of result.findings) process.stdout.write(`${file}:${line}: [${rule}] ${message}\n`)
  process.stdout.write(`tidy: ${result.files} files, ${result.findings.length} findings\n`)
  process.exitCode = result.findings.length > 0 ? 1 : 0
}
