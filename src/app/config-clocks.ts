/** `clocks` of `bulkhead.yaml`: what legal clocks need to know of the company. */
import path from 'node:path'
import { type Static, Type } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { isZone } from '#clocks/counting.ts'
import { readRulePack } from '#clocks/rule-pack.ts'
import type { ClocksConfig } from '#model/config.ts'

const closed = { additionalProperties: false } as const
const Name = (description: string) => Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', description })

export const ClocksSchema = Type.Object(
  {
    rules: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2048, description: 'the path of a folder with files of rules of your own (docs/clocks.md)' }),
    ),
    establishedIn: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z]{2}$', description: 'a country by its two letters, like IE' }), {
        maxItems: 250,
        description: 'a list of countries where the company is established, like [IE, US]',
      }),
    ),
    sectors: Type.Optional(
      Type.Array(Name('a sector that a rule names'), {
        maxItems: 50,
        description: 'a list of sectors that rules name, like [us-health]; [] = none of them',
      }),
    ),
    roles: Type.Optional(
      Type.Array(Name('a role that a rule names'), { maxItems: 50, description: 'a list of roles that rules name, like [small-agent]' }),
    ),
    placeOfAwareness: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'an IANA zone, like Asia/Kolkata: where days begin of which no time is known',
      }),
    ),
    signalHours: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 720,
        description: 'after how many hours doctor names a signal that nobody has triaged (4 when left out)',
      }),
    ),
  },
  { ...closed, description: 'clocks: {rules?, establishedIn?, sectors?, roles?, placeOfAwareness?, signalHours?}' },
)

type Report = (at: (string | number)[], found: string, expected: string) => void

/** What the shape does not say. */
export function checkClocks(clocks: Static<typeof ClocksSchema> | undefined, report: Report): void {
  if (clocks?.placeOfAwareness === undefined || isZone(clocks.placeOfAwareness)) return
  report(['clocks', 'placeOfAwareness'], JSON.stringify(clocks.placeOfAwareness), 'an IANA zone, like Asia/Kolkata')
}

/** What is wrong with the files of rules that it names; asked at the start, so that no clock stands still on the bad day. */
export function findRulesFault({ rules }: ClocksConfig): { found: string; expected: string } | undefined {
  try {
    if (rules !== undefined) readRulePack(rules)
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError)) throw thrown
    return { found: `files that are refused (${thrown.message})`, expected: 'a folder with files of rules as docs/clocks.md has them' }
  }
}

export function decodeClocks(clocks: Static<typeof ClocksSchema> | undefined, folder: string): ClocksConfig | undefined {
  if (clocks === undefined) return undefined
  const { rules, ...rest } = clocks
  return { ...rest, ...(rules === undefined ? {} : { rules: path.resolve(folder, rules) }) }
}
