/** Reads a story and refuses what cannot be played, with line and column; a story starts nothing before all of it is right. */
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { readText, shapeProblems } from '#app/config.ts'
import { ConfigText, type Problem } from '#app/config-text.ts'
import { parseInstant } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { isField } from '#model/field.ts'
import { type Step, type StoryFile, StorySchema } from './story-format.ts'
import { NoticeCheck } from './story-notice-problems.ts'

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
  try {
    return decode(name, source)
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError) || thrown.code !== 'config_invalid') throw thrown
    const hint = 'Correct the line named above; `docs/stories.md` describes every key.'
    throw new BulkheadError(thrown.code, thrown.message, { hint, cause: thrown })
  }
}

function decode(name: string, source: string): StoryFile {
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
  const notices = new NoticeCheck(story)
  let before = Number.NEGATIVE_INFINITY
  story.steps.forEach((step, index) => {
    const at = parseInstant(step.at)
    const say = (key: string, found: string, expected: string): void => {
      problems.push({ offset: text.offsetOf(['steps', index, key]), found, expected })
    }
    for (const key of INSTANTS) {
      const given = (step as Record<string, unknown>)[key]
      if (typeof given === 'string' && Number.isNaN(parseInstant(given))) say(key, given, 'a date that exists')
    }
    const wrong = [...stepProblems(step, story, known.incidents), ...notices.problems(step)]
    for (const [key, found, expected] of wrong) say(key, found, expected)
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

const INSTANTS = ['at', 'told', 'aware', 'vendorAware', 'accessFrom', 'accessTo', 'received', 'until', 'happened'] as const
/** What is compared with the scope of an incident. */
const OF_SCOPE = [
  'people',
  'added',
  'withoutAddress',
  'erased',
  'upperBound',
  'sent',
  'notSent',
  'statements',
  'clocks',
  'notified',
  'replayed',
] as const

/** What a step would pass over in silence: an expectation that nothing is compared with holds always. */
function stepProblems(step: Step, story: StoryFile, incidents: ReadonlySet<string>): [key: string, found: string, expected: string][] {
  switch (step.do) {
    case 'expect': {
      const idle = step.incident === undefined ? OF_SCOPE.find((key) => step[key] !== undefined) : undefined
      if (idle !== undefined) return [[idle, `${idle} without an incident`, '`incident` beside it']]
      if ((step.vendor === undefined) !== (step.state === undefined)) return [['do', 'one of vendor and state', 'both of them']]
      if (step.incident === undefined && step.vendor === undefined && step.ownEvents === undefined)
        return [['do', 'an expectation of nothing', 'incident, vendor and state, or ownEvents']]
      return (['sent', 'notSent'] as const).flatMap((key) => {
        const strange = step[key]?.find((field) => !isField(field))
        return strange === undefined ? [] : [[key, strange, 'fields as in docs/configuration.md'] as [string, string, string]]
      })
    }
    case 'steal':
      if (step.emails === undefined || story.people.some(({ id }) => id === step.emails?.people)) return []
      return [['emails', step.emails.people, 'the id of a group of people']]
    case 'open':
      return incidents.has(step.as) ? [['as', `the id ${step.as} again`, 'an id that no other incident has']] : []
    case 'erase': {
      const group = story.people.find(({ id }) => id === step.people)
      if (group === undefined || step.count <= group.count) return []
      return [['count', String(step.count), `at most the ${group.count} of ${group.id}`]]
    }
    default:
      return []
  }
}

function surfacesOf(step: Step): readonly string[] {
  return (step.do === 'open' || step.do === 'amend') && step.surfaces !== undefined ? step.surfaces : []
}
