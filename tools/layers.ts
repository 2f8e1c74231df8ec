/**
 * The layers of src/ as a check on resolved imports, type-only ones included. The rules stand in `checkLayers`; each has
 * a planted violation in layers.test.ts that must be found, since a check that reports green on everything is worse
 * than none.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { findImports, listFiles } from './source-text.ts'

/** A file imports its own folder or a lower level. `app` composes, so it stands above all that it puts together. */
export const LEVELS: Readonly<Record<string, number>> = {
  base: 0,
  model: 1,
  protocols: 2,
  policy: 2,
  log: 3,
  records: 3,
  warehouse: 3,
  vault: 3,
  ledger: 4,
  ingest: 5,
  split: 5,
  forward: 5,
  analytics: 5,
  vendors: 5,
  grants: 5,
  incidents: 5,
  clocks: 5,
  erasure: 5,
  notices: 5,
  watch: 5,
  reviews: 5,
  posture: 5,
  api: 6,
  app: 7,
  drill: 8,
  cli: 9,
}

/** Folders whose files touch nothing outside themselves: no disk, no network, no processes, no clock of their own. */
const PURE: readonly string[] = ['model', 'policy', 'protocols']
const IMPURE_BUILTINS =
  /^node:(fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster|sqlite|os|process|timers|vm)(\/|$)/

export interface Violation {
  file: string
  line: number
  rule: string
  message: string
}

interface Edge {
  to: string
  line: number
}

/** Tests, and what only tests import: fixtures and the children that they kill. */
export function isTestFile(file: string): boolean {
  return /(^|\/)test\//.test(file) || /\.test\.ts$/.test(file) || /\/(testing|test|fixture|kill)(-[a-z-]+)?\.ts$/.test(file)
}

/** Folder under src/, or undefined outside it. */
function folderOf(file: string): string | undefined {
  const match = /^src\/([^/]+)\//.exec(file)
  return match?.[1]
}

export function checkLayers(root: string): { violations: Violation[]; files: number; edges: number } {
  const folders = ['src', 'test', 'tools', 'bench', 'console'].filter((folder) => existsSync(path.join(root, folder)))
  const files = listFiles(root, folders, ['.ts', '.tsx', '.mts'])
  const aliases = readAliases(root)
  const declared = readDependencies(root)
  const violations: Violation[] = []
  const graph = new Map<string, Edge[]>()
  let edges = 0

  for (const file of files) {
    const outgoing: Edge[] = []
    graph.set(file, outgoing)
    const folder = folderOf(file)
    if (folder !== undefined && !Object.hasOwn(LEVELS, folder)) {
      violations.push({ file, line: 1, rule: 'folder', message: `src/${folder} has no level: give it one in tools/layers.ts` })
    }
    for (const statement of findImports(readFileSync(path.join(root, file), 'utf8'))) {
      edges++
      const at = { file, line: statement.line }
      const report = (rule: string, message: string): void => void violations.push({ ...at, rule, message })
      const target = resolveImport(root, file, statement.specifier, aliases)
      if (target.kind === 'missing') {
        report('resolve', `${statement.specifier} is no file: ${target.why}`)
      } else if (target.kind === 'package') {
        checkPackage(file, folder, statement.specifier, target.name, declared, report)
      } else {
        outgoing.push({ to: target.file, line: statement.line })
        checkFile(file, folder, target.file, report)
      }
    }
  }
  violations.push(...findCycles(graph))
  return { violations, files: files.length, edges }
}

type Report = (rule: string, message: string) => void

function checkPackage(
  file: string,
  folder: string | undefined,
  specifier: string,
  name: string,
  declared: Dependencies,
  report: Report,
): void {
  const builtin = isBuiltin(specifier)
  if (builtin && !specifier.startsWith('node:')) report('builtin', `${specifier}: write node:${specifier}`)
  if (!builtin && !declared.all.has(name)) report('undeclared', `${name} is not in package.json`)
  if (isTestFile(file)) return
  if (folder === 'base' && !builtin) report('base', `base/ imports node: only, not ${specifier}`)
  if (folder !== undefined && PURE.includes(folder) && IMPURE_BUILTINS.test(specifier))
    report('pure', `${folder}/ is pure and may not import ${specifier}`)
  // The drill plays the users, so it alone drives the official SDKs; they are development packages.
  if (folder !== undefined && folder !== 'drill' && !builtin && declared.development.has(name)) {
    report('development', `${name} is a development package and would be absent in an installed Bulkhead`)
  }
}

function checkFile(file: string, folder: string | undefined, target: string, report: Report): void {
  const to = folderOf(target)
  if (isTestFile(target) && !isTestFile(file)) report('test', `only tests import ${target}`)
  // Tests put neighbours together on purpose; they are no part of the program that the levels keep in order.
  if (isTestFile(file)) return
  if (file.startsWith('console/')) {
    if (to !== undefined && to !== 'api' && to !== 'model') report('console', `the console knows api/ and model/ only, not ${target}`)
    return
  }
  if (folder === undefined) return
  if (to === undefined) {
    report('outside', `src/ may not import ${target}, which is no part of the program`)
    return
  }
  const from = LEVELS[folder] ?? -1
  const level = LEVELS[to] ?? -1
  if (folder !== to && level >= from) {
    const why = level === from ? 'folders of one level do not know each other; take it as an argument' : 'that level is higher'
    report('level', `${folder}/ (level ${from}) may not import ${to}/ (level ${level}): ${why}`)
  }
  if (to === 'protocols' && folder !== 'protocols' && folder !== 'drill' && /^src\/protocols\/[^/]+\//.test(target)) {
    report('protocol', `${target}: outside protocols/ only the registry may be named`)
  }
}

type Target = { kind: 'file'; file: string } | { kind: 'package'; name: string } | { kind: 'missing'; why: string }

function resolveImport(root: string, file: string, specifier: string, aliases: [string, string][]): Target {
  let relative: string
  if (specifier.startsWith('#')) {
    const alias = aliases.find(([prefix]) => specifier.startsWith(prefix))
    if (alias === undefined) return { kind: 'missing', why: 'no entry of package.json "imports" matches' }
    relative = path.posix.join(alias[1], specifier.slice(alias[0].length))
  } else if (specifier.startsWith('.')) {
    relative = path.posix.join(path.posix.dirname(file), specifier)
  } else {
    const parts = specifier.split('/')
    return { kind: 'package', name: specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] as string) }
  }
  const full = path.join(root, relative)
  if (!existsSync(full) || !statSync(full).isFile()) return { kind: 'missing', why: 'name the file with its ending' }
  return { kind: 'file', file: relative }
}

function readAliases(root: string): [string, string][] {
  const imports = (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { imports?: Record<string, string> }).imports ?? {}
  return Object.entries(imports).map(([key, value]) => [key.replace(/\*$/, ''), path.posix.normalize(value.replace(/\*$/, ''))])
}

interface Dependencies {
  all: Set<string>
  development: Set<string>
}

function readDependencies(root: string): Dependencies {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string> | undefined>
  const names = (key: string): string[] => Object.keys(manifest[key] ?? {})
  return {
    all: new Set([...names('dependencies'), ...names('devDependencies'), ...names('optionalDependencies')]),
    development: new Set(names('devDependencies')),
  }
}

/** Cycles of files (Tarjan's strongly connected components, 1972). A file that imports itself counts. */
function findCycles(graph: ReadonlyMap<string, Edge[]>): Violation[] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const onStack = new Set<string>()
  const stack: string[] = []
  const violations: Violation[] = []
  const visit = (node: string): void => {
    index.set(node, index.size)
    low.set(node, index.get(node) as number)
    stack.push(node)
    onStack.add(node)
    for (const { to } of graph.get(node) ?? []) {
      if (!graph.has(to)) continue
      if (!index.has(to)) visit(to)
      if (onStack.has(to)) low.set(node, Math.min(low.get(node) as number, low.get(to) as number))
    }
    if (low.get(node) !== index.get(node)) return
    const component: string[] = []
    for (;;) {
      const member = stack.pop() as string
      onStack.delete(member)
      component.push(member)
      if (member === node) break
    }
    const first = component.sort()[0] as string
    const line = graph.get(first)?.find((edge) => component.includes(edge.to))?.line
    if (component.length > 1 || line !== undefined) {
      violations.push({ file: first, line: line ?? 1, rule: 'cycle', message: `import cycle: ${component.join(', ')}` })
    }
  }
  for (const node of graph.keys()) if (!index.has(node)) visit(node)
  return violations
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = path.dirname(import.meta.dirname)
  const result = checkLayers(root)
  for (const { file, line, rule, message } of result.violations) process.stdout.write(`${file}:${line}: [${rule}] ${message}\n`)
  process.stdout.write(`layers: ${result.files} files, ${result.edges} imports, ${result.violations.length} violations\n`)
  process.exitCode = result.violations.length > 0 ? 1 : 0
}
