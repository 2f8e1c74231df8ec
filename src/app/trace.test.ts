import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { assert as promise, BulkheadError, toBulkheadError } from '#base/errors.ts'
import { relayTrace, sayable } from './trace.ts'

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (thrown) {
    return thrown
  }
  throw new Error('nothing was thrown')
}

test('of an unknown error only its name and place are said, never the value that it quotes', () => {
  const quoting = thrownBy(() => JSON.parse('asha@verma.example'))
  assert.match(String(quoting), /asha/)
  for (const form of [quoting, toBulkheadError(quoting), new BulkheadError('internal', String(quoting)), 'asha@verma.example']) {
    assert.doesNotMatch(sayable(form), /asha|verma/)
  }
  assert.match(sayable(quoting), /^SyntaxError at /)
  assert.match(sayable(thrownBy(() => readFileSync('/nowhere/asha'))), /^Error ENOENT at /)
  assert.equal(sayable(thrownBy(() => promise(false, 'one at a time'))), 'assertion failed: one at a time')
  assert.equal(sayable(new BulkheadError('port_taken', 'the port 1 is in use')), 'the port 1 is in use')
})

test('diagnostics of a child are said once, with their own level; anything else becomes a warning of its role', (t) => {
  const write = t.mock.method(process.stderr, 'write', () => true)
  relayTrace('gateway', '2026-11-23T05:38:24.120Z error gateway: a line of its own')
  relayTrace('gateway', '2026-11-23T05:38:24.120Z error vault: a line of somebody else')
  relayTrace('warehouse', 'x'.repeat(600))
  const lines = write.mock.calls.map(({ arguments: [text] }) => String(text).replace(/^\S+ /, ''))
  write.mock.restore()
  assert.deepEqual(lines, [
    'error gateway: a line of its own\n',
    'warn gateway: 2026-11-23T05:38:24.120Z error vault: a line of somebody else\n',
    `warn warehouse: ${'x'.repeat(500)}\n`,
  ])
})
