/** What a shape of data means for the people in it: which sentences about consequences and advice are true for just these fields. */
import { categoryOf, type Field, isKnownField } from '#model/field.ts'
import type { ExposedField, NoticeShape } from '#model/notice-text.ts'
import { isCalledSecret, isProperty, keyWords, mayBeTyped, mayName } from './property-keys.ts'

export interface Exposure {
  /** Ways in which somebody who has the data can reach the person. */
  reach: readonly ('email' | 'phone' | 'address')[]
  /** Name, username or date of birth in the clear. */
  names: boolean
  username: boolean
  birthDate: boolean
  codes: boolean
  alias: boolean
  freeText: boolean
  /** An id of the company's own, or a property that is called like something that names or reaches a person. */
  mayName: boolean
  /** A property that is called like a password, a key or a code. */
  secretByName: boolean
  /** Fields that could make a false message look real. */
  details: readonly ExposedField[]
}

const REACH: Readonly<Record<string, 'email' | 'phone' | 'address'>> = {
  email: 'email',
  phone: 'phone',
  address: 'address',
  postal_code: 'address',
}
const NAMES: ReadonlySet<string> = new Set(['name', 'first_name', 'last_name', 'username', 'birth_date', 'avatar', 'national_id'])
/** The machinery of sending says nothing that a message could be dressed with. */
const NO_DETAIL: ReadonlySet<string> = new Set(['time', 'insert_id', 'session_id'])

export function exposureOf(shape: NoticeShape): Exposure {
  const clear = new Set(shape.sent.filter(({ form }) => form === 'clear').map(({ field }) => field))
  const reach = new Set([...clear].flatMap((field) => (Object.hasOwn(REACH, field) ? [REACH[field] as 'email' | 'phone' | 'address'] : [])))
  return {
    reach: (['email', 'phone', 'address'] as const).filter((way) => reach.has(way)),
    names: [...clear].some((field) => NAMES.has(field)),
    username: clear.has('username'),
    birthDate: clear.has('birth_date'),
    codes: shape.sent.some(({ form }) => form === 'pseudonym'),
    alias: shape.sent.some(({ form }) => form === 'alias'),
    freeText: shape.sent.some(mayBeTyped),
    mayName: clear.has('user_id') || shape.sent.some(({ field }) => isProperty(field) && mayName(keyWords(field))),
    secretByName: shape.sent.some(({ field }) => isProperty(field) && isCalledSecret(keyWords(field))),
    details: shape.sent.filter(isDetail),
  }
}

function isDetail({ field, form }: ExposedField): boolean {
  if (form === 'pseudonym' || form === 'alias' || NO_DETAIL.has(field)) return false
  return !(form === 'clear' && Object.hasOwn(REACH, field) && REACH[field] === field)
}

const IN_ORDER = ['identity', 'identifier', 'context', 'event', 'property', 'technical']

/** What names somebody first, codes after it, then what surrounds it; each once; catalogue order within. */
export function inOrder(sent: readonly ExposedField[], catalogue: readonly string[]): ExposedField[] {
  const rank = ({ field }: ExposedField) => IN_ORDER.indexOf(isKnownField(field) ? categoryOf(field as Field) : 'property')
  const place = ({ field }: ExposedField) => catalogue.indexOf(field)
  return [...sent].sort((a, b) => rank(a) - rank(b) || place(a) - place(b) || (a.field < b.field ? -1 : a.field > b.field ? 1 : 0))
}
