/** Breaches from files, through the real program under a moved clock: in each the list has recall 1, and precision 1 over delivered. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { runCommand } from '#drill/program.ts'
import { parseLast } from '#drill/status.ts'
import type { StoryScore } from '#drill/story.ts'
import { ownStories } from '#drill/story-file.ts'
import { makeFolder } from './support/bulkhead.ts'
import { randomStory } from './support/random-story.ts'
import { assertSchema } from './support/schemas.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
/** Of stories that nobody thought of; more by hand. */
const RANDOM_STORIES = Number(process.env.STORIES ?? 1)
const seeds = Array.from({ length: RANDOM_STORIES }, (_, index) => SEED + index)

for (const story of [...ownStories(), ...seeds]) {
  test(`the story ${story}`, { timeout: 300_000 }, async (t) => {
    const folder = makeFolder(t)
    const file = path.join(folder, 'story.yaml')
    if (typeof story === 'number') writeFileSync(file, JSON.stringify(randomStory(story), null, 2))
    const name = typeof story === 'number' ? file : story
    const result = await runCommand(['drill', '--story', name, '--json'], { folder, env: { TMPDIR: folder } })
    const score = parseLast(result.stdout) as StoryScore
    assert.ok(score !== undefined, result.stderr.slice(-3000))
    assertSchema('drill', score)
    assert.deepEqual(
      score.story.steps.filter((step) => !step.ok),
      [],
      result.stderr.slice(-3000),
    )
    assert.deepEqual([score.story.scope.recall, score.story.scope.precision, score.events.lost], [1, 1, 0])
    assert.ok(typeof story === 'number' || score.story.scope.expected > 0)
    assert.deepEqual([result.code, score.ok], [0, true], result.stderr.slice(-3000))
  })
}

test('a story that is wrong is refused before anything starts', async (t) => {
  const folder = makeFolder(t)
  const result = await runCommand(['drill', '--story', 'no-such-story', '--json'], { folder })
  assert.equal(result.code, 1)
  assert.match(result.stderr, /story_unknown/)
})
