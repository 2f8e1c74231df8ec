/** The rehearsal itself: real program, real SDKs, a robbed vendor, and a score that has to be perfect. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { runCommand } from '#drill/program.ts'
import type { DrillScore } from '#drill/score.ts'
import { parseLast } from '#drill/status.ts'
import { makeFolder } from './support/bulkhead.ts'
import { assertSchema } from './support/schemas.ts'

test('bulkhead drill --json: nothing in the loot, everyone on the list, nothing after the cut, nothing lost', {
  timeout: 600_000,
}, async (t) => {
  const folder = makeFolder(t)
  const without = process.env.BULKHEAD_WITHOUT
  const env = { TMPDIR: folder, ...(without === undefined ? {} : { BULKHEAD_WITHOUT: without }) }
  const result = await runCommand(['drill', '--users', '24', '--json'], { folder, env })
  assert.equal(result.code, 0, `${result.stderr.slice(-3000)}\n${result.stdout.slice(-2000)}`)
  const score = parseLast(result.stdout) as DrillScore
  assertSchema('drill', score)
  const { rows, ...found } = score.loot
  assert.ok(rows > 24)
  assert.deepEqual(found, { names: 0, emails: 0, ids: 0, ips: 0, userAgents: 0, referrerUrls: 0 })
  assert.deepEqual([score.affected.precision, score.affected.recall, score.cut.requestsAfter, score.events.lost], [1, 1, 0, 0])
  assert.ok(score.affected.expected > 10 && score.affected.expected < 24, 'some are in the loot and some are not')
  assert.equal(score.events.warehouse, score.events.sent)
  assert.equal(score.ok, true)
})
