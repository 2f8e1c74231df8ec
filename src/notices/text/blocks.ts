/** A notice as its blocks, in the order in which it is read. Text and HTML are written from the same blocks, so they say the same. */
import type { ExposedField, NoticeShape, NoticeSubject } from '#model/notice-text.ts'
import { type Exposure, exposureOf, inOrder } from './exposure.ts'
import { FIELDS_IN_WORDS, type MessageKey } from './messages.ts'
import type { Phrases, Values } from './phrases.ts'
import { fieldsToCallAbsent, isProperty, mayBeTyped, propertyKey } from './property-keys.ts'
import type { Voice } from './templates.ts'

export type Block =
  | { kind: 'title' | 'heading' | 'subheading' | 'paragraph' | 'small' | 'link' | 'code' | 'personal'; text: string }
  | { kind: 'list'; items: readonly string[] }

/** What stands for the words of one person until they are filled in. Private characters: no value and no template may hold them. */
export const SLOTS = { greeting: '\ue000', organisation: '\ue001', code: '\ue002', members: '\ue003' } as const

export function noticeBlocks(phrases: Phrases, subject: NoticeSubject, shape: NoticeShape): Block[] {
  const voice: Voice = shape.kind === 'person' ? 'you' : 'they'
  const exposure = exposureOf(shape)
  const values: Values = {
    company: subject.company,
    vendor: subject.vendor.name,
    what: phrases.vendorKind(subject.vendor.what),
    domain: subject.officialDomain,
    url: subject.checkUrl,
    team: subject.contact.team,
  }
  const writer = new Writer(phrases, voice, values)
  writer.title('title')
  writer.blocks.push({ kind: 'personal', text: SLOTS.greeting })
  writer.paragraph('intro')
  writer.paragraph(shape.possibleOnly ? `concernsPossible.${voice}` : `concerns.${voice}`)
  if (voice === 'they') writer.blocks.push({ kind: 'personal', text: SLOTS.organisation })
  if (shape.memberList === true) {
    writer.paragraph('members.list')
    writer.list([SLOTS.members])
  }
  if (subject.correctsVersion !== undefined) writer.paragraph(`corrects.${voice}`, { version: subject.correctsVersion })
  writeHappened(writer, subject)
  writeInvolved(writer, subject, shape)
  writeConsequences(writer, exposure)
  writeDoing(writer, subject)
  writeAdvice(writer, exposure, shape.memberList === true)
  writeMore(writer, subject)
  return writer.blocks
}

class Writer {
  readonly blocks: Block[] = []
  readonly phrases: Phrases
  readonly voice: Voice
  readonly #values: Values

  constructor(phrases: Phrases, voice: Voice, values: Values) {
    this.phrases = phrases
    this.voice = voice
    this.#values = values
  }

  say(key: MessageKey, values: Values = {}): string {
    return this.phrases.say(key, { ...this.#values, ...values })
  }

  title(key: MessageKey): void {
    this.blocks.push({ kind: 'title', text: this.say(key) })
  }

  heading(key: MessageKey): void {
    this.blocks.push({ kind: 'heading', text: this.say(key) })
  }

  subheading(key: MessageKey): void {
    this.blocks.push({ kind: 'subheading', text: this.say(key) })
  }

  paragraph(key: MessageKey, values: Values = {}): void {
    this.blocks.push({ kind: 'paragraph', text: this.say(key, values) })
  }

  list(items: readonly string[]): void {
    if (items.length > 0) this.blocks.push({ kind: 'list', items })
  }
}

function writeHappened(writer: Writer, { times }: NoticeSubject): void {
  const date = (at: number) => writer.phrases.instant(at)
  const { eventFrom: from, eventTo: to } = times
  const window = from === undefined ? (to === undefined ? 'unknown' : 'to') : to === undefined ? 'from' : 'both'
  writer.heading('happened.heading')
  writer.paragraph('happened.breach')
  writer.paragraph('happened.dates')
  writer.list([
    writer.say(`happened.window.${window}`, {
      ...(from === undefined ? {} : { from: date(from) }),
      ...(to === undefined ? {} : { to: date(to) }),
    }),
    times.vendorAware === undefined
      ? writer.say('happened.vendorAware.unknown')
      : writer.say('happened.vendorAware.known', { date: date(times.vendorAware) }),
    times.told === undefined ? writer.say('happened.told.unknown') : writer.say('happened.told.known', { date: date(times.told) }),
    ...(times.aware === undefined ? [] : [writer.say('happened.aware', { date: date(times.aware) })]),
  ])
}

function writeInvolved(writer: Writer, { notSent, checked }: NoticeSubject, shape: NoticeShape): void {
  const { phrases, voice } = writer
  writer.heading('involved.heading')
  writer.paragraph(shape.possibleOnly ? `involved.possible.${voice}` : `involved.sent.${voice}`)
  writer.list(sentInWords(phrases, shape.sent, voice))
  const surfaces = shape.surfaces.filter((surface) => surface !== '').map((surface) => phrases.quote(surface))
  if (surfaces.length > 0) writer.paragraph('involved.surfaces', { surfaces: phrases.list(surfaces) })
  const absent = fieldsToCallAbsent(notSent, shape).flatMap((field) => phrases.fieldName(field, voice) ?? [])
  const { policyFrom, policyTo, entries, since, isEarlierUnknown } = checked
  if (absent.length > 0) {
    const versions = phrases.versions(policyFrom, policyTo)
    writer.paragraph('involved.notSent', { fields: phrases.list(absent), versions, entries: phrases.number(entries) })
    if (shape.sent.some(mayBeTyped)) writer.paragraph('involved.notSentFreeText')
  }
  if (since !== undefined)
    writer.paragraph(isEarlierUnknown === true ? 'involved.sinceUnknown' : 'involved.since', { date: phrases.day(since) })
}

/** Each field of the catalogue on a line of its own; properties together by what was done to them, those with free text last. */
export function sentInWords(phrases: Phrases, sent: readonly ExposedField[], voice: Voice): string[] {
  const known = inOrder(
    sent.filter(({ field }) => !isProperty(field)),
    FIELDS_IN_WORDS,
  ).flatMap((field) => phrases.fieldSent(field, voice) ?? [])
  const kinds = new Map<string, { sample: ExposedField; keys: string[] }>()
  for (const field of inOrder(
    sent.filter((one) => isProperty(one.field)),
    [],
  )) {
    const kind = `${mayBeTyped(field)}:${field.form}`
    const group = kinds.get(kind) ?? { sample: field, keys: [] }
    kinds.set(kind, group)
    group.keys.push(propertyKey(field.field))
  }
  const properties = [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, { sample, keys }]) => propertiesInWords(phrases, sample, keys))
  return [...new Set([...known, ...properties])]
}

function propertiesInWords(phrases: Phrases, sample: ExposedField, keys: readonly string[]): string[] {
  const { field, form } = sample
  const named = keys.filter(isShownKey)
  const lines = [
    ...(named.length > 0
      ? [phrases.count('involved.properties', named.length, { names: phrases.list(named.map((key) => phrases.quote(key))) })]
      : []),
    ...(named.length < keys.length ? [phrases.count('involved.unnamedProperties', keys.length - named.length)] : []),
  ]
  return lines.map((line) => phrases.inForm(line, field, form)).map((line) => (mayBeTyped(sample) ? phrases.freeText(line) : line))
}

/** Approved names are the company's own, yet a key that could be read as a link or hides characters is counted, not printed. */
function isShownKey(key: string): boolean {
  return /^[\p{L}\p{M}\p{N}$_ -]{1,64}$/u.test(key) && key === key.trim()
}

function writeConsequences(writer: Writer, exposure: Exposure): void {
  const { phrases, voice } = writer
  const say = (key: string) => writer.say(`consequences.${key}.${voice}` as MessageKey)
  const isNamed = exposure.reach.length > 0 || exposure.names
  const known = exposure.details.flatMap(({ field }) => phrases.fieldName(field, voice) ?? [])
  const hasOthers = exposure.details.some(({ field }) => isProperty(field))
  const details = [...new Set(known), ...(hasOthers ? [writer.say('consequences.otherDetails')] : [])]
  writer.subheading(`consequences.heading.${voice}`)
  writer.list([
    ...exposure.reach.map(say),
    ...(exposure.username ? [say('username')] : []),
    ...(exposure.birthDate ? [say('birthDate')] : []),
    ...(isNamed && details.length > 0 ? [writer.say('consequences.details', { fields: phrases.list(details) })] : []),
    ...(isNamed || exposure.mayName || exposure.freeText ? [] : [say('unnamed')]),
    ...(isNamed || !exposure.mayName ? [] : [say('mayName')]),
    ...(isNamed ? [] : [say('linked')]),
    ...(isNamed && exposure.codes ? [say('codes')] : []),
    ...(exposure.alias ? [say('alias')] : []),
    ...(exposure.freeText ? [say('freeText')] : []),
  ])
}

function writeDoing(writer: Writer, { measures }: NoticeSubject): void {
  writer.heading('doing.heading')
  if (measures.length === 0) writer.paragraph('doing.none')
  writer.list([...new Set(measures)].map((measure) => writer.say(`doing.${measure}`)))
}

function writeAdvice(writer: Writer, exposure: Exposure, isListed: boolean): void {
  const { voice } = writer
  const say = (key: string) => writer.say(`advice.${key}.${voice}` as MessageKey)
  const { reach } = exposure
  const isQuiet = reach.length === 0 && !exposure.names && !exposure.mayName && !exposure.freeText
  const first = reach.includes('email') ? 'email' : isQuiet ? 'hardly' : 'careful'
  const password = exposure.secretByName ? 'passwordNamed' : exposure.freeText ? 'passwordFreeText' : 'password'
  writer.heading('advice.heading')
  writer.list([
    ...(voice === 'they' ? [writer.say('advice.tell')] : []),
    say(first),
    ...(reach.includes('phone') ? [say('phone')] : []),
    ...(reach.includes('address') ? [say('address')] : []),
    ...(reach.includes('email') || exposure.username ? [say('twoStep')] : []),
    ...(reach.length > 0 ? [say('gave')] : []),
    say(password),
    ...(voice === 'they' ? [writer.say('advice.administrators'), writer.say(isListed ? 'advice.listed' : 'advice.list')] : []),
  ])
  writer.paragraph('never')
}

function writeMore(writer: Writer, { contact, incident, version, date, checkpoint }: NoticeSubject): void {
  const { phrases, blocks } = writer
  writer.heading('more.heading')
  writer.subheading('more.check')
  blocks.push({ kind: 'code', text: SLOTS.code })
  blocks.push({ kind: 'link', text: writer.say('more.how') })
  writer.paragraph('more.enter')
  writer.subheading('more.contact')
  const { mail, hours, languages, dpo } = contact
  writer.list([
    writer.say('more.team'),
    ...(mail === undefined ? [] : [writer.say('more.mail', { mail })]),
    ...(hours === undefined ? [] : [writer.say('more.hours', { hours })]),
    ...(languages === undefined || languages.length === 0
      ? []
      : [writer.say('more.languages', { languages: phrases.list(languages.map((language) => phrases.languageName(language))) })]),
    ...(dpo === undefined ? [] : [writer.say('more.dpo', { dpo })]),
  ])
  blocks.push({ kind: 'small', text: writer.say('more.version', { date: phrases.day(date), incident, version }) })
  if (checkpoint !== undefined)
    blocks.push({ kind: 'small', text: writer.say('more.checkpoint', { size: checkpoint.size, root: checkpoint.root }) })
}
