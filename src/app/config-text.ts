/**
 * YAML with positions: parses the file, expands `${ENV}` in scalars (after parsing, so a value cannot become syntax), and
 * says where a path of the document stands.
 */
import { isAlias, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { BulkheadError } from '#base/errors.ts'

export type Path = readonly (string | number)[]

export interface Problem {
  /** Offset in the text. */
  offset: number
  found: string
  expected: string
}

const PROBLEMS_MAX = 5
const VARIABLE = /\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}/g
/** Keys whose values are never printed, not even when they have the wrong type. */
const SECRET_KEYS: ReadonlySet<unknown> = new Set(['secret', 'deletionToken', 'credentials', 'serviceAccount', 'transit'])

export class ConfigText {
  readonly #file: string
  readonly #document: ReturnType<typeof parseDocument>
  readonly #lines = new LineCounter()
  /** Text as written of scalars that were expanded: what an error may quote. */
  readonly #written = new Map<Node, string>()

  constructor(file: string, text: string, env: NodeJS.ProcessEnv) {
    this.#file = file
    this.#document = parseDocument(text, { lineCounter: this.#lines, version: '1.2', prettyErrors: false, stringKeys: true })
    const syntax = [...this.#document.errors, ...this.#document.warnings].map((error) => ({
      offset: error.pos[0],
      found: firstLine(error.message),
      expected: 'YAML 1.2',
    }))
    this.refuse(syntax)
    this.#expand(env)
  }

  /** The plain value; null for an empty file. Aliases are resolved, with a bound on their number. */
  value(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: 100 }) as unknown
    } catch (thrown) {
      return this.refuse([
        { offset: 0, found: thrown instanceof Error ? firstLine(thrown.message) : 'too many aliases', expected: 'fewer aliases' },
      ])
    }
  }

  /** Offset of the value at a path; of its nearest parent that stands in the file when it is absent. */
  offsetOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true)
      if (isNode(node) && node.range) return node.range[0]
    }
    return this.#document.contents?.range?.[0] ?? 0
  }

  /** Offset of a key itself. */
  offsetOfKey(path: Path, key: string): number {
    const parent = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)
    const resolved = isAlias(parent) ? parent.resolve(this.#document) : parent
    const pair = isMap(resolved)
      ? resolved.items.find((entry) => isPair(entry) && isScalar(entry.key) && String(entry.key.value) === key)
      : undefined
    return isNode(pair?.key) && pair.key.range ? pair.key.range[0] : this.offsetOf(path)
  }

  /** What stands at a path, in words that may be printed. */
  describe(path: Path): string {
    const node = this.#document.getIn(path, true)
    if (!isScalar(node)) return node === undefined ? 'nothing' : isMap(node) ? 'a mapping' : isAlias(node) ? 'an alias' : 'a list'
    const value = node.value
    if (value === null || value === '') return value === null ? 'nothing' : 'empty text'
    const kind = typeof value === 'string' ? 'the text' : typeof value === 'number' ? 'the number' : 'the value'
    if (path.some((part) => SECRET_KEYS.has(part))) return typeof value === 'string' ? 'some text' : `a ${typeof value} (put it in quotes)`
    const written = this.#written.get(node) ?? String(value)
    const quoted = typeof value === 'string' ? JSON.stringify(written.slice(0, 60)) : written.slice(0, 60)
    return `${kind} ${quoted}${typeof value === 'number' ? ' (put it in quotes)' : ''}`
  }

  /** Throws `config_invalid` with the first problems in file order; returns when there are none. */
  refuse(problems: readonly Problem[]): undefined {
    if (problems.length === 0) return undefined
    const sorted = [...problems].sort((a, b) => a.offset - b.offset)
    const lines = sorted.slice(0, PROBLEMS_MAX).map(({ offset, found, expected }) => {
      const { line, col } = this.#lines.linePos(offset)
      return `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}: found ${found}, expected ${expected}`
    })
    const rest = sorted.length - lines.length
    throw new BulkheadError('config_invalid', [...new Set(lines), ...(rest > 0 ? [`… and ${rest} more`] : [])].join('\n'))
  }

  #expand(env: NodeJS.ProcessEnv): void {
    const problems: Problem[] = []
    visit(this.#document, {
      Scalar: (_key, node) => {
        if (typeof node.value !== 'string' || !node.value.includes('${')) return
        const before = node.value
        node.value = before.replace(VARIABLE, (whole, doubled: string, name: string) => {
          if (doubled !== '') return whole.slice(1)
          const value = env[name]
          if (value !== undefined) return value
          problems.push({
            offset: node.range?.[0] ?? 0,
            found: `\${${name}}, which is not set`,
            expected: `the environment variable ${name} (write $\${${name}} for the text itself)`,
          })
          return ''
        })
        this.#written.set(node, before)
      },
    })
    this.refuse(problems)
  }
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, 120)
}
