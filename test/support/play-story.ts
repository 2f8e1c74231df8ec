/** Plays a story through `bulkhead drill --story --json`, as people do, and holds it against everything that has to be so. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { runCommand } from '#drill/program.ts'
import { parseLast } from '#drill/status.ts'
import type { StoryScore } from '#drill/story.ts'
import { makeFolder } from './bulkhead.ts'
import { randomStory } from './random-story.ts'
import { assertSchema } from './schemas.ts'

/** Played in a file of tests of their own. */
export const LONG_STORIES = ['phish-imitates-the-notice', 'long-weekend']

/** `story`: the name of one that comes with Bulkhead, or the seed of one that nobody thought of. */
export function testStory(story: string | number): void {
  test(`the story ${story}`, { timeout: 600_000 }, async (t) => {
    const folder = makeFolder(t)
    const file = path.join(folder, 'story.yaml')
    if (typeof story === 'number') writeFileSync(file, JSON.stringify(randomStory(story), null, 2))
    const name = typeof story === 'number' ? file : story
    const result = await runCommand(['drill', '--story', name, '--json'], { folder, env: { TMPDIR: folder } })
    const score = parseLast(result.stdout) as StoryScore
    assert.ok(score !== undefined, result.stderr.slice(-3000))
    assertSchema('drill', score)
    const { steps, scope, clocks, notified } = score.story
    assert.deepEqual(
      steps.filter((step) => !step.ok),
      [],
      result.stderr.slice(-3000),
    )
    assert.deepEqual([scope.recall, scope.precision, score.events.lost], [1, 1, 0])
    assert.deepEqual([notified.sent, notified.wrongly], [notified.expected, 0])
    assert.deepEqual(
      clocks.filter(({ ok }) => !ok),
      [],
    )
    // One from a seed may concern nobody; those that come with Bulkhead say something of each.
    if (typeof story === 'string') assert.ok(scope.expected > 0 && notified.expected > 0 && clocks.length > 0)
    assert.deepEqual([result.code, score.ok], [0, true], result.stderr.slice(-3000))
  })
}
