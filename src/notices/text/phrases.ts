/** Words of one language with facts filled in: sentences, plurals, lists, dates, the names of fields. Nothing here knows a notice. */
import type { ExposedField, NoticeLanguage } from '#model/notice-text.ts'
import { COARSE_BY_NATURE, FORMS_IN_WORDS, type MessageKey, type PatternKey, type PlaceholderKey, type PluralKey } from './messages.ts'
import { mayBeTyped } from './property-keys.ts'
import type { NoticeTemplate, Sentence, Voice } from './templates.ts'

export type Values = Readonly<Record<string, string | number>>

/** In one pass: what a value holds is never read as a placeholder. A full stop that ends a value (`Example Inc.`) ends its sentence too. */
export function fill(sentence: Sentence, values: Values): string {
  let text = ''
  for (const [index, part] of sentence.entries()) {
    if (index % 2 === 1) text += String(values[part] ?? '')
    else text += part.startsWith('.') && text.endsWith('.') ? part.slice(1) : part
  }
  return text
}

export class Phrases {
  readonly language: NoticeLanguage
  readonly dir: 'ltr' | 'rtl'
  readonly #template: NoticeTemplate
  readonly #zone: string
  readonly #list: Intl.ListFormat
  readonly #plural: Intl.PluralRules
  readonly #number: Intl.NumberFormat
  readonly #languageNames: Intl.DisplayNames

  constructor(template: NoticeTemplate, zone: string) {
    this.#template = template
    this.language = template.language
    this.dir = template.dir
    this.#zone = zone
    this.#list = new Intl.ListFormat(template.language, { type: 'conjunction' })
    this.#plural = new Intl.PluralRules(template.language)
    this.#number = new Intl.NumberFormat(numerals(template.language))
    this.#languageNames = new Intl.DisplayNames(template.language, { type: 'language', fallback: 'none' })
  }

  say(key: MessageKey, values: Values = {}): string {
    return fill(this.#template.messages.get(key) ?? [], values)
  }

  count(key: PluralKey, count: number, values: Values = {}): string {
    const forms = this.#template.plurals.get(key)
    return fill(forms?.get(this.#plural.select(count)) ?? [], { count: this.number(count), ...values })
  }

  /** All forms of a sentence that changes with a number. */
  countForms(key: PluralKey): string[] {
    return [...(this.#template.plurals.get(key)?.values() ?? [])].map((sentence) => sentence.join(' '))
  }

  number(value: number): string {
    return this.#number.format(value)
  }

  list(items: readonly string[]): string {
    return this.#list.format(items)
  }

  quote(text: string): string {
    return this.#pattern('quote', { text })
  }

  placeholder(key: PlaceholderKey): string {
    return this.#template.placeholders.get(key) ?? ''
  }

  vendorKind(what: string): string {
    return this.#template.vendors.get(what.toLowerCase()) ?? what
  }

  languageName(tag: string): string {
    try {
      return this.#languageNames.of(tag) ?? tag
    } catch {
      // Not a tag: what stands in the configuration is a name already.
      return tag
    }
  }

  /** In the company's zone, with UTC beside it, and its day where that is another. */
  instant(at: number): string {
    const there = this.#clock(at, this.#zone)
    const utc = this.#clock(at, 'UTC')
    if (there.zone === utc.zone) return this.#pattern('utc', { date: utc.date, time: utc.time })
    const values = { date: there.date, time: there.time, zone: there.zone, utcDate: utc.date, utcTime: utc.time }
    return this.#pattern(there.date === utc.date ? 'instantSameDay' : 'instant', values)
  }

  day(at: number): string {
    return this.#clock(at, this.#zone).date
  }

  versions(from: number, to: number): string {
    return from === to ? this.#pattern('version', { from }) : this.#pattern('versions', { from, to })
  }

  /** A field by itself, as in a list of what was not sent; undefined for one that has no words. */
  fieldName(field: string, voice: Voice): string | undefined {
    return this.#template.fields.get(`${field}.name.${voice}`)
  }

  /** A field in the form in which it was sent. */
  fieldSent(sent: ExposedField, voice: Voice): string | undefined {
    const { field, form } = sent
    const name = this.fieldName(field, voice)
    if (name === undefined) return undefined
    const own = (FORMS_IN_WORDS as Record<string, readonly string[] | undefined>)[field]?.includes(form)
    const words = own === true ? (this.#template.fields.get(`${field}.${form}.${voice}`) ?? name) : this.inForm(name, field, form)
    return mayBeTyped(sent) ? this.freeText(words) : words
  }

  inForm(words: string, field: string, form: ExposedField['form']): string {
    if (form === 'clear' || (form === 'coarse' && COARSE_BY_NATURE.has(field))) return words
    return this.#pattern(form, { field: words })
  }

  freeText(words: string): string {
    return this.#pattern('freeText', { field: words })
  }

  #pattern(key: PatternKey, values: Values): string {
    return fill(this.#template.patterns.get(key) ?? [], values)
  }

  /** The parts come from the language's own calendar, so months stand as they do in dates; their order is the file's. */
  #clock(at: number, timeZone: string): { date: string; time: string; zone: string } {
    const format = new Intl.DateTimeFormat(`${numerals(this.language)}-ca-gregory`, {
      timeZone,
      day: 'numeric',
      month: 'long',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'shortOffset',
    })
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type as string, value]))
    const part = (name: string) => parts.get(name) ?? ''
    return {
      date: this.#pattern('date', { day: part('day'), month: part('month'), year: part('year') }),
      time: `${part('hour')}:${part('minute')}`,
      zone: part('timeZoneName'),
    }
  }
}

/**
 * Latin digits in every language: dates and codes must be the same characters for everybody who compares or types them, and they are
 * the numerals of India's official Hindi (Constitution of India, article 343(1)).
 */
function numerals(language: NoticeLanguage): string {
  return `${language}-u-nu-latn`
}
