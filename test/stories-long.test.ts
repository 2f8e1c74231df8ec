/** The longer stories, and some that nobody thought of, beside those of `stories.test.ts`: two files, since two run at a time. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ownStories } from '#drill/story-file.ts'
import { LONG_STORIES, testStory } from './support/play-story.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
/** Of stories that nobody thought of; more by hand. */
const RANDOM_STORIES = Number(process.env.STORIES ?? 1)

for (const story of LONG_STORIES) testStory(story)
for (let index = 0; index < RANDOM_STORIES; index++) testStory(SEED + index)

test('the longer stories come with Bulkhead', () => {
  for (const story of LONG_STORIES) assert.ok(ownStories().includes(story), story)
})
