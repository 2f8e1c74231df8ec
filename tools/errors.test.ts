import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { ERRORS } from '#base/errors.ts'
import { listFiles, readSource } from './source-text.ts'

const root = path.dirname(import.meta.dirname)
const page = readFileSync(path.join(root, 'docs', 'errors.md'), 'utf8')

/** Sections `## code` with the text below each. */
function sections(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of text.split(/^## /m).slice(1)) {
    const [heading = '', ...lines] = part.split('\n')
    assert.ok(!found.has(heading.trim()), `two sections for ${heading}`)
    found.set(heading.trim().replaceAll('`', ''), lines.join('\n').trim())
  }
  return found
}

test('every code has a section, and every section a code', () => {
  const documented = [...sections(page).keys()].sort()
  assert.deepEqual(documented, Object.keys(ERRORS).sort())
})

test('each section says the exit code, when it happens and what to do', () => {
  for (const [code, text] of sections(page)) {
    const spec = ERRORS[code as keyof typeof ERRORS]
    assert.match(text, new RegExp(`^Exit ${spec.exit}, HTTP ${spec.status}\\.`), `${code}: exit and status as registered`)
    assert.match(text, /\*\*When:\*\* \S/, `${code}: when`)
    assert.match(text, /\*\*Do:\*\* \S/, `${code}: what to do`)
  }
})

test('every code that the program throws is registered, and every registered code is thrown somewhere', () => {
  const used = new Set<string>()
  for (const file of listFiles(root, ['src', 'bench', 'tools'], ['.ts'])) {
    if (file === 'src/base/errors.ts' || file.endsWith('.test.ts')) continue
    const source = readSource(readFileSync(path.join(root, file), 'utf8'))
    for (const text of source.strings.values()) if (Object.hasOwn(ERRORS, text)) used.add(text)
    for (const match of source.code.matchAll(/new BulkheadError\(\s*(['"])/g)) {
      const code = source.strings.get(match.index + match[0].length - 1)
      assert.ok(code !== undefined && Object.hasOwn(ERRORS, code), `${file} throws ${code}, which is not registered`)
    }
  }
  const unused = Object.keys(ERRORS).filter((code) => !used.has(code))
  assert.deepEqual(unused, [])
})
