/**
 * What the fields that were sent make possible, for the part of a notification that asks for likely consequences. How likely they are in
 * this case nobody here can know: that is counsel's to say.
 */
import type { FieldForm } from './shapes.ts'

const WAYS: readonly (readonly [readonly string[], string])[] = [
  [['email'], 'False messages by mail (phishing) to the addresses that were sent.'],
  [['phone'], 'False calls and text messages to the telephone numbers that were sent.'],
  [['address', 'postal_code'], 'False letters to the postal addresses that were sent.'],
  [['username'], 'Attempts to sign in under the usernames that were sent.'],
  [['birth_date', 'national_id'], 'Somebody may pose as a person whose date of birth or number of an identity paper was sent.'],
]
const NAMING = new Set([...WAYS.flatMap(([fields]) => fields), 'name', 'first_name', 'last_name', 'user_id', 'avatar', 'ip', 'location'])

export function possibleConsequences(sent: readonly Pick<FieldForm, 'field' | 'form'>[], freeText: readonly string[]): string[] {
  const clear = new Set(sent.filter(({ form }) => form === 'clear').map(({ field }) => field as string))
  const ways = WAYS.flatMap(([fields, words]) => (fields.some((field) => clear.has(field)) ? [words] : []))
  const isNamed = [...clear].some((field) => NAMING.has(field))
  return [
    ...ways,
    ...(isNamed && clear.has('name') ? ['Names beside other details may make false messages look real.'] : []),
    ...(sent.length > 0 && !isNamed
      ? [
          'Properties aside, no field that names or reaches a person was sent in the clear. Who knows more may still find out whose data are whose.',
        ]
      : []),
    ...(freeText.length === 0 ? [] : ['Fields with free text may hold more about a person than they are called.']),
  ]
}
