/**
 * Writes docs/schemas/*.json from the definitions that server and command line use themselves. Tests compare the files
 * with what this would write, so a changed answer cannot be forgotten in the published schema.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { commandSchemas } from '#api/contract.ts'
import { configSchemaText } from '#app/config-schema.ts'
import { RuleFileSchema } from '#clocks/rule-schema.ts'
import { StorySchema } from '#drill/story-format.ts'

/** File name → text. */
export function schemaFiles(): Record<string, string> {
  const story = `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...StorySchema }, null, 2)}\n`
  const rules = `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...RuleFileSchema }, null, 2)}\n`
  return {
    'bulkhead.yaml.schema.json': configSchemaText(),
    'story.schema.json': story,
    'clock-rules.schema.json': rules,
    ...commandSchemas(),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = path.join(path.dirname(import.meta.dirname), 'docs', 'schemas')
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(schemaFiles())) {
    writeFileSync(path.join(folder, name), text)
    process.stdout.write(`docs/schemas/${name}\n`)
  }
}
