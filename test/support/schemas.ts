/** The published JSON Schemas of what commands print, as a script's author would use them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'

const folder = path.join(import.meta.dirname, '..', '..', 'docs', 'schemas')
const ajv = new Ajv({ strict: false, allErrors: true })

/** `name` without `.schema.json`. */
export function assertSchema(name: string, value: unknown): void {
  const schema = JSON.parse(readFileSync(path.join(folder, `${name}.schema.json`), 'utf8')) as object & { $id?: string }
  const isValid = ajv.compile(schema)
  assert.ok(isValid(value), `${name}: ${JSON.stringify(isValid.errors)} in ${JSON.stringify(value).slice(0, 1000)}`)
}
