/** Test support: the draft of a version in a small world. */
import assert from 'node:assert/strict'
import type { NewRecipient, PeopleTold } from '#records/notice-rows.ts'
import type { ReachablePerson } from '#vault/notice-opening-port.ts'
import { type Draft, type ExposedPeople, makeDraft } from './draft.ts'
import { testingShapes, testingSubjectOf } from './text/testing-notices.ts'
import { loadNoticeTemplates } from './text/templates.ts'
import { noticeWords } from './words.ts'

export const words = noticeWords(loadNoticeTemplates())
const LOOK = { actor: 'ann', action: 'test', reason: 'test' }
const [shape] = Object.values(testingShapes())
const SUBJECT = testingSubjectOf(shape as NonNullable<typeof shape>, { notSent: [] })

export interface Known {
  exposure: number
  tag: string
  language: string
  isErased: boolean
}

export interface World {
  known: ReadonlyMap<number, Known>
  organisations?: ExposedPeople['organisations']
  told?: { reached: number[]; counted: number[]; administrators?: PeopleTold['administrators'] }
  language?: string
  listsMembers?: boolean
  /** By a number that somebody had before: who it is now. */
  merged?: Readonly<Record<number, number>>
  defaultLanguage?: string
  surface?: string
  freeText?: readonly string[]
  /** How many people each call of the vault asked for. */
  calls?: number[]
  /** Told of each look at what was sent of somebody. */
  onLooked?: () => void
}

export const EXPOSURES: ExposedPeople['exposures'] = [
  { sent: [{ field: 'country', form: 'coarse' }], possibleOnly: false },
  {
    sent: [
      { field: 'email', form: 'clear' },
      { field: 'country', form: 'coarse' },
    ],
    possibleOnly: false,
  },
  { sent: [{ field: 'user_id', form: 'pseudonym' }], possibleOnly: true },
  { sent: [{ field: 'country', form: 'coarse' }], possibleOnly: true },
]

class LookedAt extends Map<number, number> {
  onLooked: () => void = () => undefined

  override get(person: number): number | undefined {
    this.onLooked()
    return super.get(person)
  }
}

export function draftOf({
  known,
  organisations = new Map(),
  told = { reached: [], counted: [] },
  language = 'auto',
  listsMembers = true,
  merged = {},
  defaultLanguage = 'en',
  surface,
  freeText = [],
  calls = [],
  onLooked = () => undefined,
}: World): Promise<Draft> {
  const of = new LookedAt([...known].filter(([, { exposure }]) => exposure >= 0).map(([person, { exposure }]) => [person, exposure]))
  of.onLooked = onLooked
  const others = (person: number): number[] =>
    Object.keys(merged)
      .map(Number)
      .filter((each) => merged[each] === person)
  const people = {
    personOf: (ordinal: number) => merged[ordinal] ?? ordinal,
    identifiersOf: (person: number) => [person, ...others(person)],
  }
  const vault = {
    findReachable: async (_id: string, asked: readonly (readonly number[])[]) => {
      calls.push(asked.length)
      return asked.map(([person = 0, ...more]): ReachablePerson => {
        assert.deepEqual(more, others(person), 'each person is asked for by all of their numbers')
        return known.get(person) ?? { isErased: true, language: '', tag: '' }
      })
    },
    openAddresses: async () => assert.fail('no address is opened for a draft'),
    openMembers: async () => assert.fail('no address is opened for a draft'),
  }
  const asked = {
    subject: SUBJECT,
    exposed: { exposures: EXPOSURES, of, organisations, people },
    language,
    defaultLanguage,
    told: {
      reached: Float64Array.from(told.reached),
      counted: Float64Array.from(told.counted),
      countedIn: Float64Array.from(told.counted, () => 1),
      administrators: told.administrators ?? [],
    },
    surface,
    isFreeText: (field: string) => freeText.includes(field),
    listsMembers,
  }
  return makeDraft(asked, { vault, words }, LOOK)
}

export const person = (exposure: number, tag: string, more: Partial<Known> = {}): Known => ({
  exposure,
  tag,
  language: '',
  isErased: false,
  ...more,
})
export const own = ({ recipients }: Draft): NewRecipient[] => recipients.filter(({ organisation }) => organisation === 0)
