/** Reads a story and refuses what cannot be played, with line and column; a story starts nothing before all of it is right. */
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { readText, shapeProblems } from '#app/config.ts'
import { ConfigText, type Problem } from '#app/config-text.ts'
import { BulkheadError } from '#base/errors.ts'
import { type Step, type StoryFile, StorySchema } from './story-format.ts'

const OWN_STORIES = path.join(import.meta.dirname, 'stories')

export function ownStories(): string[] {
  return readdirSync(OWN_STORIES)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort()
}

/** A file's path, or the name of a story that comes with Bulkhead. */
export function readStory(fileOrName: string): StoryFile {
  const own = path.join(OWN_STORIES, `${fileOrName}.yaml`)
  const isOwn = /^[a-z][a-z0-9-]*$/.test(fileOrName) && existsSync(own)
  if (!isOwn && !existsSync(fileOrName)) {
    throw new BulkheadError(
      'story_unknown',
      `there is no story ${JSON.stringify(fileOrName.slice(0, 80))}; known are ${ownStories().join(', ')}`,
    )
  }
  return decodeStory(fileOrName, readText(isOwn ? own : fileOrName))
}

const validate = new Ajv({ allErrors: true, verbose: true, strict: false, discriminator: true }).compile(
  JSON.parse(JSON.stringify(StorySchema)),
)

/** Throws `config_invalid`. */
export function decodeStory(name: string, source: string): StoryFile {
  const text = new ConfigText(name, source, {})
  const value = text.value() ?? {}
  text.refuse(shapeProblems(value, text, validate))
  const story = value as StoryFile
  text.refuse(meaningProblems(story, text))
  return story
}

/** What each key of a step names. */
const NAMED: Record<string, 'people' | 'sources' | 'vendors' | 'incidents' | 'files'> = {
  people: 'people',
  source: 'sources',
  vendor: 'vendors',
  incident: 'incidents',
  file: 'files',
}
const NAMED_WORDS = {
  people: 'a group of people',
  sources: 'a source',
  vendors: 'a vendor',
  incidents: 'an incident opened before',
  files: 'a file stolen before',
}

function meaningProblems(story: StoryFile, text: ConfigText): Problem[] {
  const problems: Problem[] = []
  const known = {
    people: new Set(story.people.map(({ id }) => id)),
    sources: new Set(story.sources.map(({ id }) => id)),
    vendors: new Set(story.vendors.map(({ id }) => id)),
    incidents: new Set<string>(),
    files: new Set<string>(),
  }
  for (const list of ['people', 'sources', 'vendors'] as const) {
    story[list].forEach(({ id }, index) => {
      if (story[list].findIndex((other) => other.id === id) === index) return
      problems.push({ offset: text.offsetOf([list, index, 'id']), found: `the id ${id} again`, expected: 'an id that no other has' })
    })
  }
  let before = Number.NEGATIVE_INFINITY
  story.steps.forEach((step, index) => {
    const at = Date.parse(step.at)
    if (Number.isNaN(at)) problems.push({ offset: text.offsetOf(['steps', index, 'at']), found: step.at, expected: 'a date that exists' })
    if (at < before)
      problems.push({
        offset: text.offsetOf(['steps', index, 'at']),
        found: `${step.at}, which is before the step above`,
        expected: 'steps in order of time',
      })
    before = at
    for (const [key, list] of Object.entries(NAMED)) {
      const name = (step as Record<string, unknown>)[key]
      // `people` of an expectation is a number.
      if (typeof name !== 'string' || known[list].has(name)) continue
      problems.push({ offset: text.offsetOf(['steps', index, key]), found: name, expected: `the id of ${NAMED_WORDS[list]}` })
    }
    for (const name of surfacesOf(step)) {
      if (story.sources.some((source) => (source.surface ?? source.id) === name)) continue
      problems.push({ offset: text.offsetOf(['steps', index, 'surfaces']), found: name, expected: 'a surface of one of the sources' })
    }
    if (step.do === 'open') known.incidents.add(step.as)
    if (step.do === 'steal') known.files.add(step.as)
  })
  return problems
}

function surfacesOf(step: Step): readonly string[] {
  return (step.do === 'open' || step.do === 'amend') && step.surfaces !== undefined ? step.surfaces : []
}
