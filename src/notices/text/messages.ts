/**
 * Every sentence that a notice can hold, with what is filled into it. Each language's file must have all of these, each with all
 * of its placeholders, and no others: a notice that lacks a fact in one language would be another notice.
 */
import { FIELDS, type KnownField } from '#model/field.ts'

/** Key → its placeholders. Keys that end in `.you` speak to the person, those in `.they` to an administrator about members. */
export const MESSAGES = {
  title: '',
  'subject.you': 'company',
  'subject.they': 'company',
  'greeting.named': 'name',
  'greeting.unnamed': '',
  intro: 'company vendor what',
  'concerns.you': 'vendor',
  'concerns.they': 'vendor',
  'concernsPossible.you': 'vendor',
  'concernsPossible.they': 'vendor',
  'corrects.you': 'version',
  'corrects.they': 'version',
  'happened.heading': '',
  'happened.breach': 'vendor',
  'happened.dates': '',
  'happened.window.both': 'from to',
  'happened.window.from': 'from',
  'happened.window.to': 'to',
  'happened.window.unknown': '',
  'happened.vendorAware.known': 'vendor date',
  'happened.vendorAware.unknown': 'vendor',
  'happened.told.known': 'vendor date',
  'happened.told.unknown': 'vendor',
  'happened.aware': 'date',
  'members.list': '',
  'members.name': 'name',
  'involved.heading': '',
  'involved.sent.you': '',
  'involved.sent.they': '',
  'involved.possible.you': '',
  'involved.possible.they': '',
  'involved.surfaces': 'surfaces',
  'involved.notSent': 'vendor fields versions entries',
  'involved.notSentFreeText': '',
  'involved.since': 'date',
  'involved.sinceUnknown': 'date vendor',
  'consequences.heading.you': '',
  'consequences.heading.they': '',
  'consequences.email.you': 'vendor',
  'consequences.email.they': 'vendor',
  'consequences.phone.you': '',
  'consequences.phone.they': '',
  'consequences.address.you': '',
  'consequences.address.they': '',
  'consequences.username.you': '',
  'consequences.username.they': '',
  'consequences.birthDate.you': '',
  'consequences.birthDate.they': '',
  'consequences.details': 'fields',
  'consequences.otherDetails': '',
  'consequences.unnamed.you': '',
  'consequences.unnamed.they': '',
  'consequences.mayName.you': '',
  'consequences.mayName.they': '',
  'consequences.linked.you': '',
  'consequences.linked.they': '',
  'consequences.codes.you': '',
  'consequences.codes.they': '',
  'consequences.alias.you': '',
  'consequences.alias.they': '',
  'consequences.freeText.you': '',
  'consequences.freeText.they': '',
  'doing.heading': '',
  'doing.none': '',
  'doing.cut': 'vendor',
  'doing.deletion-asked': 'vendor',
  'doing.retired': 'vendor',
  'doing.credentials-rotated': 'vendor',
  'advice.heading': '',
  'advice.email.you': 'domain',
  'advice.email.they': 'domain',
  'advice.careful.you': 'domain',
  'advice.careful.they': 'domain',
  'advice.hardly.you': 'domain',
  'advice.hardly.they': 'domain',
  'advice.phone.you': '',
  'advice.phone.they': '',
  'advice.address.you': '',
  'advice.address.they': '',
  'advice.twoStep.you': '',
  'advice.twoStep.they': '',
  'advice.gave.you': '',
  'advice.gave.they': '',
  'advice.administrators': '',
  'advice.tell': '',
  'advice.list': 'team',
  'advice.listed': '',
  'advice.password.you': '',
  'advice.password.they': '',
  'advice.passwordFreeText.you': '',
  'advice.passwordFreeText.they': '',
  'advice.passwordNamed.you': '',
  'advice.passwordNamed.they': '',
  never: '',
  'more.heading': '',
  'more.check': '',
  'more.code': 'code',
  'more.how': 'domain url',
  'more.enter': '',
  'more.contact': '',
  'more.team': 'team',
  'more.mail': 'mail',
  'more.hours': 'hours',
  'more.languages': 'languages',
  'more.dpo': 'dpo',
  'more.version': 'date incident version',
  'more.checkpoint': 'size root',
} as const satisfies Record<string, string>
export type MessageKey = keyof typeof MESSAGES

/** Sentences that change with a number. The number itself may be left out where the form says it ("one member"). */
export const PLURALS = {
  'members.named': 'organisation count',
  'members.unnamed': 'count',
  'members.others': 'count',
  'involved.properties': 'names',
  'involved.unnamedProperties': 'count',
} as const satisfies Record<string, string>
export type PluralKey = keyof typeof PLURALS

/** How dates, quotes and the forms of fields are written. */
export const PATTERNS = {
  date: 'day month year',
  instant: 'date time zone utcDate utcTime',
  instantSameDay: 'date time zone utcTime',
  utc: 'date time',
  quote: 'text',
  version: 'from',
  versions: 'from to',
  coarse: 'field',
  pseudonym: 'field',
  alias: 'field',
  freeText: 'field',
} as const satisfies Record<string, string>
export type PatternKey = keyof typeof PATTERNS

/** What stands in a preview where a person's own words will be. */
export const PLACEHOLDERS = ['name', 'code', 'organisation', 'members', 'member'] as const
export type PlaceholderKey = (typeof PLACEHOLDERS)[number]

/** Machinery of SDKs never leaves and is nothing to tell anybody. */
export const FIELDS_IN_WORDS = (Object.keys(FIELDS) as KnownField[]).filter((field) => field !== 'technical')

/** Forms in which a field has words of its own; in any other form the pattern of that form is put around its name. */
export const FORMS_IN_WORDS: Partial<Record<KnownField, readonly ('coarse' | 'pseudonym' | 'alias')[]>> = {
  email: ['alias'],
  user_id: ['pseudonym'],
  device_id: ['pseudonym'],
  group_id: ['pseudonym'],
  session_id: ['pseudonym'],
  insert_id: ['pseudonym'],
  click_id: ['pseudonym'],
  referrer: ['coarse'],
  url: ['coarse'],
  time: ['coarse'],
}

/** Context is always coarse: its plain name says what was sent, and "given roughly" would say nothing more. */
export const COARSE_BY_NATURE: ReadonlySet<string> = new Set([
  'country',
  'region',
  'city',
  'os',
  'browser',
  'browser_version',
  'device',
  'screen',
  'timezone',
])
