import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { checkLayers } from './layers.ts'
import { findImports, readSource } from './source-text.ts'

const manifest = JSON.stringify({
  imports: {
    '#base/*': './src/base/*',
    '#model/*': './src/model/*',
    '#log/*': './src/log/*',
    '#vault/*': './src/vault/*',
    '#ledger/*': './src/ledger/*',
    '#protocols/*': './src/protocols/*',
    '#test/*': './test/*',
  },
  dependencies: { known: '1' },
  devDependencies: { sdk: '1' },
})

/** What stands in every planted tree: one file of several levels, all clean. */
const clean: Record<string, string> = {
  'src/base/clock.ts': "import fs from 'node:fs'\nexport const clock = fs\n",
  'src/model/noun.ts': "import type { X } from '#base/clock.ts'\nexport type N = X\n",
  'src/log/port.ts': "import type { N } from '#model/noun.ts'\nexport type L = N\n",
  'src/vault/port.ts': "import known from 'known'\nexport type V = typeof known\n",
  'src/ledger/port.ts': 'export type D = 1\n',
  'src/protocols/registry.ts': "import '#protocols/one/wire.ts'\n",
  'src/protocols/one/wire.ts': 'export const wire = 1\n',
  'test/support/own.ts': 'export const own = 1\n',
}

function rulesIn(planted: Record<string, string>): string[] {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-layers-'))
  try {
    for (const [file, text] of Object.entries({ 'package.json': manifest, ...clean, ...planted })) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
      writeFileSync(path.join(root, file), text)
    }
    return checkLayers(root).violations.map((violation) => violation.rule)
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('a clean tree has no violations', () => {
  assert.deepEqual(rulesIn({}), [])
})

const planted: [name: string, rule: string, files: Record<string, string>][] = [
  ['a higher level', 'level', { 'src/model/bad.ts': "import { L } from '#log/port.ts'\n" }],
  ['a higher level, type only', 'level', { 'src/model/bad.ts': "import type { L } from '#log/port.ts'\n" }],
  ['a higher level, inline type import', 'level', { 'src/model/bad.ts': "export type X = import('#log/port.ts').L\n" }],
  ['a higher level, re-exported', 'level', { 'src/model/bad.ts': "export * from '#log/port.ts'\n" }],
  ['a higher level, by relative path', 'level', { 'src/model/bad.ts': "import {\n  L,\n} from '../log/port.ts'\n" }],
  ['a higher level, dynamic', 'level', { 'src/model/bad.ts': "export const late = () => import('#log/port.ts')\n" }],
  ['a folder of the same level', 'level', { 'src/log/bad.ts': "import type { V } from '#vault/port.ts'\n" }],
  ['a cycle of two files', 'cycle', { 'src/log/a.ts': "import './b.ts'\n", 'src/log/b.ts': "import type { A } from './a.ts'\n" }],
  [
    'a cycle of three files',
    'cycle',
    { 'src/log/a.ts': "import './b.ts'\n", 'src/log/b.ts': "import './c.ts'\n", 'src/log/c.ts': "export { x } from './a.ts'\n" },
  ],
  ['a file that imports itself', 'cycle', { 'src/log/a.ts': "import '#log/a.ts'\n" }],
  ['a package in base', 'base', { 'src/base/bad.ts': "import known from 'known'\n" }],
  ['an undeclared package', 'undeclared', { 'src/log/bad.ts': "import x from 'other/deep'\n" }],
  ['a development package in the program', 'development', { 'src/log/bad.ts': "import x from 'sdk'\n" }],
  ['a disk in a pure folder', 'pure', { 'src/protocols/one/bad.ts': "import { readFileSync } from 'node:fs'\n" }],
  ['a builtin without its scheme', 'builtin', { 'src/log/bad.ts': "import fs from 'fs'\n" }],
  ['a protocol named outside', 'protocol', { 'src/ledger/bad.ts': "import { wire } from '#protocols/one/wire.ts'\n" }],
  ['a test used by the program', 'test', { 'src/log/bad.ts': "import { own } from '#test/support/own.ts'\n" }],
  ['a tool used by the program', 'outside', { 'tools/t.ts': '', 'src/log/bad.ts': "import '../../tools/t.ts'\n" }],
  ['the console reaching in', 'console', { 'console/app.tsx': "import { L } from '../src/log/port.ts'\n" }],
  ['an unknown folder', 'folder', { 'src/misc/x.ts': '' }],
  ['a missing file', 'resolve', { 'src/log/bad.ts': "import './absent.ts'\n" }],
  ['a missing ending', 'resolve', { 'src/log/bad.ts': "import './port'\n" }],
  ['an unknown alias', 'resolve', { 'src/log/bad.ts': "import '#nowhere/port.ts'\n" }],
]

for (const [name, rule, files] of planted) {
  test(`planted: ${name}`, () => {
    assert.ok(rulesIn(files).includes(rule), `${rule} was not reported`)
  })
}

test('tests may put neighbours together, and imports in comments and strings do not count', () => {
  assert.deepEqual(
    rulesIn({
      'src/log/x.test.ts': "import type { V } from '#vault/port.ts'\nimport 'sdk'\n",
      'src/log/quiet.ts':
        "// import '#vault/port.ts'\n/* from '#vault/port.ts' */\nexport const s = \"import x from '#vault/port.ts'\"\nexport const t = `from '#vault/port.ts'`\nt.import('other')\n",
    }),
    [],
  )
})

test('the reader follows templates, regular expressions and divisions', () => {
  const text = "const a = `x ${b ? `y ${'}'}` : 1} from '#z'` // c 'd\nconst r = /['\"`/]/.test(s) ? 1 / 2 / 3 : 4\nimport q from 'real'\n"
  assert.deepEqual(findImports(text), [{ specifier: 'real', line: 3, kind: 'static' }])
  const source = readSource(text)
  assert.equal(source.code.length, text.length)
  assert.match(source.comments, /c 'd/)
  assert.doesNotMatch(source.code, /#z/)
})
