/** What a shape of data means for the people in it: which sentences about consequences and advice are true for just these fields. */
import { categoryOf, type Field, isKnownField } from '#model/field.ts'
import type { ExposedField, NoticeShape } from '#model/notice-text.ts'

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
  /** A property that is called like something that names or reaches a person. */
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
/** Words in the key of a property, whole: `apiKey`, `reset_token`, `pin`. Too many found costs a needless sentence, too few a false one. */
const SECRET_WORDS: ReadonlySet<string> = new Set(
  'password passwd passphrase passcode passwort pass pwd pw secret secrets token tokens key keys apikey otp totp pin cvv cvc mfa 2fa credential credentials'.split(
    ' ',
  ),
)
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
    freeText: shape.sent.some(({ freeText }) => freeText === true),
    mayName: shape.sent.some(({ field }) => isProperty(field) && NAMING.some((known) => isNamedLike(known, new Set(keyWords(field))))),
    secretByName: shape.sent.some(({ field }) => isProperty(field) && keyWords(field).some((word) => SECRET_WORDS.has(word))),
    details: shape.sent.filter(isDetail),
  }
}

/** Fields that a list without names, addresses and numbers must hold nothing like. */
const NAMING = ['email', 'name', 'first_name', 'last_name', 'phone', 'address', 'username']

function isDetail({ field, form }: ExposedField): boolean {
  if (form === 'pseudonym' || form === 'alias' || NO_DETAIL.has(field)) return false
  return !(form === 'clear' && Object.hasOwn(REACH, field) && REACH[field] === field)
}

/** Fields of the catalogue whose absence says something to a reader. The rest is left out: no claim, true or false. */
const TOLD_WHEN_ABSENT = [
  'email',
  'name',
  'first_name',
  'last_name',
  'phone',
  'address',
  'postal_code',
  'birth_date',
  'national_id',
  'username',
  'avatar',
  'ip',
  'location',
  'city',
  'search_keyword',
]

/**
 * Which of the fields that were checked can be called absent. A property that is named like one of them may hold just that, so that
 * field is not spoken of: `property.contact_email` was sent, and "your email address was not" would be a lie to whoever is in it.
 */
export function fieldsToCallAbsent(notSent: readonly string[], shape: NoticeShape): string[] {
  const keys = shape.sent.filter(({ field }) => isProperty(field)).map(({ field }) => new Set(keyWords(field)))
  return TOLD_WHEN_ABSENT.filter((field) => notSent.includes(field) && !keys.some((words) => isNamedLike(field, words)))
}

const LIKE: Readonly<Record<string, readonly string[]>> = {
  email: ['email', 'emails', 'mail', 'address', 'contact'],
  name: ['name', 'names', 'fullname', 'who', 'contact'],
  first_name: ['name', 'names', 'firstname', 'first', 'fullname', 'contact'],
  last_name: ['name', 'names', 'lastname', 'last', 'surname', 'fullname', 'contact'],
  phone: ['phone', 'phones', 'mobile', 'tel', 'telephone', 'msisdn', 'number', 'contact', 'whatsapp'],
  address: ['address', 'addresses', 'street', 'addr', 'contact'],
  postal_code: ['postal', 'postcode', 'zip', 'zipcode', 'pin', 'pincode', 'address'],
  birth_date: ['birth', 'birthday', 'birthdate', 'dob', 'born', 'age'],
  national_id: ['id', 'ssn', 'aadhaar', 'aadhar', 'pan', 'passport', 'nid', 'tax', 'number'],
  username: ['username', 'user', 'login', 'handle', 'nick', 'nickname', 'name'],
  avatar: ['avatar', 'picture', 'photo', 'image'],
  ip: ['ip', 'ipaddress', 'address', 'addr'],
  location: ['location', 'lat', 'lon', 'lng', 'latitude', 'longitude', 'gps', 'geo', 'coordinates', 'position'],
  city: ['city', 'town', 'place', 'location'],
  search_keyword: ['search', 'query', 'keyword', 'keywords', 'q', 'term'],
}

function isNamedLike(field: string, words: ReadonlySet<string>): boolean {
  return (LIKE[field] ?? []).some((word) => words.has(word))
}

export function isProperty(field: string): boolean {
  return !isKnownField(field)
}

export function propertyKey(field: string): string {
  return field.startsWith('property.') ? field.slice('property.'.length) : field
}

/** `contactEmail2`, `contact-email` → contact, email. Both as written and run together. */
function keyWords(field: string): string[] {
  const words = propertyKey(field)
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{M}\d]+/u)
    .filter((word) => word !== '')
  return [...words, ...words.map((word) => word.replace(/\d+$/u, ''))]
}

const IN_ORDER = ['identity', 'identifier', 'context', 'event', 'property', 'technical']

/** What names somebody first, codes after it, then what surrounds it; each once; catalogue order within. */
export function inOrder(sent: readonly ExposedField[], catalogue: readonly string[]): ExposedField[] {
  const rank = ({ field }: ExposedField) => IN_ORDER.indexOf(isKnownField(field) ? categoryOf(field as Field) : 'property')
  const place = ({ field }: ExposedField) => catalogue.indexOf(field)
  return [...sent].sort((a, b) => rank(a) - rank(b) || place(a) - place(b) || (a.field < b.field ? -1 : a.field > b.field ? 1 : 0))
}
