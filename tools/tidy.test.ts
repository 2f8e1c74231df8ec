import assert from 'node:assert/strict'
import test from 'node:test'
import { tidyFile } from './tidy.ts'

const planted: [rule: string, file: string, text: string][] = [
  ['line-length', 'src/a/b.ts', `const x = [${'1, '.repeat(60)}]\n`],
  ['trailing-space', 'src/a/b.ts', 'const x = 1 \n'],
  ['file-length', 'src/a/b.ts', 'x\n'.repeat(401)],
  ['file-name', 'src/a/utils.ts', 'export const x = 1\n'],
  ['file-name', 'src/a/index.ts', 'export const x = 1\n'],
  ['last-newline', 'docs/a.md', 'text'],
  ['unfinished', 'src/a/b.ts', '// TO' + 'DO later\n'],
  ['unfinished', 'docs/a.md', 'FIX' + 'ME\n'],
  ['skipped-test', 'src/a/b.test.ts', "test.skip('x', () => {})\n"],
  ['skipped-test', 'src/a/b.test.ts', "test('x', { skip: true }, () => {})\n"],
  ['skipped-test', 'src/a/b.test.ts', "test.only('x', () => {})\n"],
  ['any', 'src/a/b.ts', 'const x: any = 1\n'],
  ['any', 'src/a/b.ts', 'const x = y as any\n'],
  ['any', 'src/a/b.ts', 'const x = new Map<string, any>()\n'],
  ['ts-ignore', 'src/a/b.ts', '// @ts-' + 'ignore\n'],
  ['empty-catch', 'src/a/b.ts', 'try { x() } catch {}\n'],
  ['empty-catch', 'src/a/b.ts', 'try { x() } catch (e) {\n}\n'],
  ['not-erasable', 'src/a/b.ts', 'export enum Colour { Red }\n'],
  ['not-erasable', 'src/a/b.ts', 'namespace Old {}\n'],
  ['parameter-property', 'src/a/b.ts', 'class A { constructor(private readonly x: number) {} }\n'],
  ['default-export', 'src/a/b.ts', 'export default 1\n'],
  ['console', 'src/a/b.ts', 'console.log(1)\n'],
  ['debugger', 'src/a/b.ts', 'debugger\n'],
  ['machine-path', 'src/a/b.ts', "const x = '/ro" + "ot/thing'\n"],
  ['machine-path', 'docs/a.md', 'see /ho' + 'me/somebody/x\n'],
  ['registry-host', 'package-lock.json', '{"a": "https://registry.npm' + 'js.org/x"}\n'],
]

for (const [rule, file, text] of planted) {
  test(`planted: ${rule} in ${JSON.stringify(text.slice(0, 40))}`, () => {
    const rules = tidyFile(file, text).map((finding) => finding.rule)
    assert.ok(rules.includes(rule), `${rule} was not reported, only ${rules.join(', ') || 'nothing'}`)
  })
}

test('words in sentences and strings do not trip the rules about code', () => {
  const text = [
    '// In any case, an enum would not be erased; a catch {} or console.log is named here only.',
    "const text = 'console.log(any)'",
    'const anyone = { any: 1 }',
    'export const many = (any: number): number => any + anyone.any',
    'try {',
    '  many(1)',
    '} catch {',
    '  // Nothing was there to be removed.',
    '}',
    "const url = 'https://example.test/home/user'",
    'export const rest = [text, url]',
    '',
  ].join('\n')
  assert.deepEqual(tidyFile('src/a/b.ts', text), [])
})
