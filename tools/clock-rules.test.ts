import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CLOCK_RULES_FILE, clockRulesText } from './clock-rules.ts'

test('the published table of rules is what the pack says', () => {
  assert.equal(readFileSync(CLOCK_RULES_FILE, 'utf8'), clockRulesText(), 'run: node bin/bulkhead.mjs --run tools/clock-rules.ts')
})
