/**
 * Breaches from files, through the real program under a moved clock: in each the list has recall 1, and precision 1 over delivered; each
 * clock is due when it was worked out by hand; and who is owed a notice gets it once, with kills in between.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { runCommand } from '#drill/program.ts'
import { ownStories } from '#drill/story-file.ts'
import { makeFolder } from './support/bulkhead.ts'
import { LONG_STORIES, testStory } from './support/play-story.ts'

for (const story of ownStories()) if (!LONG_STORIES.includes(story)) testStory(story)

test('a story that is wrong is refused before anything starts', async (t) => {
  const folder = makeFolder(t)
  const result = await runCommand(['drill', '--story', 'no-such-story', '--json'], { folder })
  assert.equal(result.code, 1)
  assert.match(result.stderr, /story_unknown/)
})
