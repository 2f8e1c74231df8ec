/**
 * Reads TypeScript as far as a check of our own needs: what is code, what is a comment, what is the text of a string.
 * Not a parser; it follows ECMA-262 section 12 (lexical grammar) for comments, strings, templates and regular
 * expressions, with the usual guess that a slash after a value divides and elsewhere begins an expression.
 */
import { readdirSync } from 'node:fs'
import path from 'node:path'

export interface SourceText {
  /** Same length and lines as the file: everything but code is blanked, string quotes stay. */
  code: string
  /** Same again, but only what stands in comments. */
  comments: string
  /** Offset of the opening quote of each plain string → its raw text. */
  strings: Map<number, string>
}

const beforeExpression = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'delete',
  'void',
  'throw',
  'new',
  'instanceof',
  'else',
  'do',
  'await',
  'yield',
])

export function readSource(text: string): SourceText {
  const code = text.split('')
  const comments: string[] = code.map((c) => (c === '\n' ? '\n' : ' '))
  const strings = new Map<number, string>()
  /** Depth of braces at which each open template expression ends. */
  const templates: number[] = []
  let depth = 0
  let i = 0
  /** Last token of code, to tell a division from a regular expression. */
  let last = ''

  const blank = (from: number, to: number, into?: string[]): void => {
    for (let at = from; at < to && at < code.length; at++) {
      if (code[at] === '\n') continue
      if (into !== undefined) into[at] = code[at] as string
      code[at] = ' '
    }
  }
  const skipTemplate = (from: number): number => {
    let at = from
    while (at < text.length) {
      if (text[at] === '\\') at += 2
      else if (text[at] === '`') {
        blank(from, at)
        return at + 1
      } else if (text[at] === '$' && text[at + 1] === '{') {
        blank(from, at)
        templates.push(depth)
        depth++
        last = '{'
        return at + 2
      } else at++
    }
    blank(from, at)
    return at
  }
  while (i < text.length) {
    const c = text[i] as string
    if (c === '/' && text[i + 1] === '/') {
      const end = text.indexOf('\n', i)
      const to = end < 0 ? text.length : end
      blank(i, to, comments)
      i = to
    } else if (c === '/' && text[i + 1] === '*') {
      const end = text.indexOf('*/', i + 2)
      const to = end < 0 ? text.length : end + 2
      blank(i, to, comments)
      i = to
    } else if (c === "'" || c === '"') {
      let to = i + 1
      while (to < text.length && text[to] !== c && text[to] !== '\n') to += text[to] === '\\' ? 2 : 1
      strings.set(i, text.slice(i + 1, to))
      blank(i + 1, to)
      i = to + 1
      last = 'value'
    } else if (c === '`') {
      i = skipTemplate(i + 1)
      if (text[i - 1] === '`') last = 'value'
    } else if (c === '/' && !endsValue(last)) {
      const to = endOfRegex(text, i)
      blank(i + 1, to - 1)
      i = to
      last = 'value'
    } else if (c === '}' && templates.length > 0 && templates.at(-1) === depth - 1) {
      templates.pop()
      depth--
      i = skipTemplate(i + 1)
      if (text[i - 1] === '`') last = 'value'
    } else if (/[\p{L}\p{N}_$#]/u.test(c)) {
      let to = i + 1
      while (to < text.length && /[\p{L}\p{N}_$]/u.test(text[to] as string)) to++
      last = text.slice(i, to)
      i = to
    } else {
      if (c === '{') depth++
      if (c === '}') depth--
      if (c.trim() !== '') last = c
      i++
    }
  }
  return { code: code.join(''), comments: comments.join(''), strings }
}

function endsValue(last: string): boolean {
  if (last === 'value' || last === ')' || last === ']' || last === '}') return true
  return /^[\p{L}\p{N}_$#]/u.test(last) && !beforeExpression.has(last)
}

function endOfRegex(text: string, from: number): number {
  let inClass = false
  let at = from + 1
  for (; at < text.length && text[at] !== '\n'; at++) {
    const c = text[at]
    if (c === '\\') at++
    else if (c === '[') inClass = true
    else if (c === ']') inClass = false
    else if (c === '/' && !inClass) return at + 1
  }
  return at
}

export interface ImportStatement {
  specifier: string
  /** 1-based. */
  line: number
  kind: 'static' | 'dynamic'
}

/** Every module that a file names: import, export … from, import(), require(), import type, typeof import(), import.meta.resolve. */
export function findImports(text: string): ImportStatement[] {
  const source = readSource(text)
  const found: ImportStatement[] = []
  const pattern = /(?<![.\w$])(?:from\s*|import\s*(\(\s*)?|require\s*(\(\s*)|import\.meta\.resolve\s*(\(\s*))(['"])/g
  for (const match of source.code.matchAll(pattern)) {
    const quoteAt = match.index + match[0].length - 1
    const specifier = source.strings.get(quoteAt)
    if (specifier === undefined) continue
    const isCall = match[1] !== undefined || match[2] !== undefined || match[3] !== undefined
    found.push({ specifier, line: lineAt(text, quoteAt), kind: isCall ? 'dynamic' : 'static' })
  }
  return found
}

export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** Files below `folders` of `root` with one of the endings, as paths relative to root with forward slashes, sorted. */
export function listFiles(root: string, folders: readonly string[], endings: readonly string[]): string[] {
  const files: string[] = []
  const walk = (relative: string): void => {
    for (const entry of readdirSync(path.join(root, relative), { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === '.git' || entry.name === 'dist' || entry.name === 'data') continue
      const name = relative === '' ? entry.name : `${relative}/${entry.name}`
      if (entry.isDirectory()) walk(name)
      else if (endings.some((ending) => name.endsWith(ending))) files.push(name)
    }
  }
  for (const folder of folders) walk(folder)
  return files.sort()
}
