/**
 * What the key of a property lets one fear or hope. Approved keys are the company's own words, so these are guesses, and each errs to
 * the side on which a wrong guess is a needless sentence and not a false one.
 */
import { isKnownField } from '#model/field.ts'
import type { ExposedField, NoticeShape } from '#model/notice-text.ts'

export function isProperty(field: string): boolean {
  return !isKnownField(field)
}

/** Of the catalogue's fields these alone can hold what somebody wrote by the way; a name or an address is what it is called. */
const TYPED: ReadonlySet<string> = new Set(['search_keyword', 'page_title', 'url', 'referrer', 'utm'])

/** Names of events are approved one by one, so nobody's words stand in them, although the ledger counts them as text. */
export function mayBeTyped({ field, form, freeText }: ExposedField): boolean {
  return freeText === true && form === 'clear' && (isProperty(field) || TYPED.has(field))
}

export function propertyKey(field: string): string {
  return field.startsWith('property.') ? field.slice('property.'.length) : field
}

/** `contactEmail2`, `contact-email` → contact, email. Both as written and run together. */
export function keyWords(field: string): string[] {
  const words = propertyKey(field)
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{M}\d]+/u)
    .filter((word) => word !== '')
  return [...words, ...words.map((word) => word.replace(/\d+$/u, ''))]
}

const NAMING = new Set(
  'email emails mail mails phone phones telephone msisdn whatsapp fullname firstname lastname surname username nickname street contact'.split(
    ' ',
  ),
)
/** With one of these, `name` is a person's: `plan_name` is not. */
const OF_PEOPLE = new Set('name full first last user customer client contact display real person member employee owner'.split(' '))

/** `contactEmail`, `full name`, `mobile`, and not `plan_name`, `is_mobile`, `ip_address`. */
export function mayName(words: readonly string[]): boolean {
  const alone = (word: string, others: ReadonlySet<string>) => words.includes(word) && words.every((one) => one === word || others.has(one))
  return (
    words.some((word) => NAMING.has(word)) ||
    alone('name', OF_PEOPLE) ||
    alone('mobile', new Set(['number', 'no'])) ||
    (words.includes('address') && !words.includes('ip'))
  )
}

const SECRETS = new Set(
  'password passwd passphrase passcode passwort pwd pw secret secrets apikey otp totp cvv cvc credential credentials'.split(' '),
)
const KEYS = new Set('key keys token tokens'.split(' '))
/** How many there are, and which of several things counts most, is no secret: `tokens_used`, `key_feature`. */
const NO_SECRET = new Set(
  'count counts used usage total totals limit max min budget remaining left size length rate cost per feature features metric result results point points word words'.split(
    ' ',
  ),
)

/** `stripeApiKey`, `reset_token`, `pin`, and not `tokens_used` or `pin_code`, which is where somebody lives. */
export function isCalledSecret(words: readonly string[]): boolean {
  if (words.some((word) => SECRETS.has(word))) return true
  if (words.includes('pin')) return !words.includes('code')
  return words.some((word) => KEYS.has(word)) && !words.some((word) => NO_SECRET.has(word))
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
  const held = new Set(
    shape.sent.flatMap(({ field, form }) => (form === 'clear' && Object.hasOwn(MAY_HOLD, field) ? (MAY_HOLD[field] ?? []) : [])),
  )
  const absent = TOLD_WHEN_ABSENT.filter(
    (field) => notSent.includes(field) && !held.has(field) && !keys.some((words) => isNamedLike(field, words)),
  )
  // Without a name there is no first one to speak of.
  return absent.includes('name') ? absent.filter((field) => field !== 'first_name' && field !== 'last_name') : absent
}

/** What a field in the clear can hold besides: a full name the first one, an address the city, an id of users their mail address. */
const MAY_HOLD: Readonly<Record<string, readonly string[]>> = {
  name: ['first_name', 'last_name'],
  first_name: ['name', 'last_name'],
  last_name: ['name', 'first_name'],
  address: ['postal_code', 'city', 'name', 'first_name', 'last_name'],
  user_id: ['email', 'name', 'first_name', 'last_name', 'phone', 'username', 'national_id'],
  username: ['email', 'name', 'first_name', 'last_name', 'phone', 'national_id'],
  email: ['name', 'first_name', 'last_name', 'username'],
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
