/**
 * The files of words, one for each language, read once at the start. A file that lacks a sentence, a placeholder or a plural form
 * of its language is refused with all that is wrong with it: better no start than a notice with a hole on the day.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { BulkheadError } from '#base/errors.ts'
import { VENDOR_KINDS } from '#model/config.ts'
import type { NoticeLanguage } from '#model/notice-text.ts'
import {
  FIELDS_IN_WORDS,
  FORMS_IN_WORDS,
  MESSAGES,
  type MessageKey,
  PATTERNS,
  type PatternKey,
  PLACEHOLDERS,
  type PlaceholderKey,
  type PluralKey,
  PLURALS,
} from './messages.ts'

/** A sentence cut at its placeholders: text, name, text, name, …, text. */
export type Sentence = readonly string[]
export type Voice = 'you' | 'they'

export interface NoticeTemplate {
  language: NoticeLanguage
  dir: 'ltr' | 'rtl'
  messages: ReadonlyMap<MessageKey, Sentence>
  plurals: ReadonlyMap<PluralKey, ReadonlyMap<Intl.LDMLPluralRule, Sentence>>
  patterns: ReadonlyMap<PatternKey, Sentence>
  placeholders: ReadonlyMap<PlaceholderKey, string>
  vendors: ReadonlyMap<string, string>
  /** `field.form.voice` → words; the form `name` is the field itself. */
  fields: ReadonlyMap<string, string>
}

export class NoticeTemplates {
  readonly #byLanguage: ReadonlyMap<NoticeLanguage, NoticeTemplate>

  constructor(templates: readonly NoticeTemplate[]) {
    this.#byLanguage = new Map(templates.map((template) => [template.language, template]))
  }

  get languages(): NoticeLanguage[] {
    return [...this.#byLanguage.keys()].sort()
  }

  /** The language for somebody of whom `wanted` is on record: `hi-IN` and `HI_in` are `hi`; what no file has is `fallback`. */
  languageFor(wanted: string | undefined, fallback: NoticeLanguage): NoticeLanguage {
    const parts = (wanted ?? '').trim().replaceAll('_', '-').toLowerCase().split('-')
    for (let length = parts.length; length > 0; length--) {
      const tag = parts.slice(0, length).join('-')
      const found = this.languages.find((language) => language.toLowerCase() === tag)
      if (found !== undefined) return found
    }
    return fallback
  }

  get(language: NoticeLanguage): NoticeTemplate {
    const template = this.#byLanguage.get(language)
    if (template !== undefined) return template
    throw new BulkheadError(
      'notice_language_unknown',
      `there are no words in ${JSON.stringify(language.slice(0, 35))}; there are: ${this.languages.join(', ')}`,
    )
  }
}

export const TEMPLATE_FOLDER = path.join(import.meta.dirname, '..', 'templates')

/** Throws `notice_template_invalid`. */
export function loadNoticeTemplates(folder: string = TEMPLATE_FOLDER): NoticeTemplates {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
  return new NoticeTemplates(files.sort().map((file) => readTemplate(file, readFileSync(path.join(folder, file), 'utf8'))))
}

const PROBLEMS_SHOWN = 8

/** `file`: its name, which is the language and `.yaml`. */
export function readTemplate(file: string, text: string): NoticeTemplate {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', prettyErrors: false, stringKeys: true })
  const problems = [...document.errors, ...document.warnings].map(
    (error) => `line ${lines.linePos(error.pos[0]).line}: ${(error.message.split('\n')[0] ?? '').slice(0, 120)}`,
  )
  const reading = new Reading(problems.length === 0 ? flattened(document.toJS({ maxAliasCount: 0 })) : new Map(), problems)
  const template = problems.length === 0 ? templateOf(file, reading) : undefined
  if (template !== undefined && problems.length === 0) return template
  const more = problems.length - PROBLEMS_SHOWN
  const shown = [...problems.slice(0, PROBLEMS_SHOWN), ...(more > 0 ? [`… and ${more} more`] : [])]
  throw new BulkheadError('notice_template_invalid', shown.map((problem) => `${file}: ${problem}`).join('\n'))
}

function templateOf(file: string, reading: Reading): NoticeTemplate | undefined {
  const language = reading.text('language')
  if (language === undefined || !isLanguage(language) || file !== `${language}.yaml`) {
    reading.problem(`\`language\` must be a BCP 47 tag, and the file be called by it: found ${JSON.stringify(language ?? '')}`)
    return undefined
  }
  const dir = reading.text('dir')
  if (dir !== 'ltr' && dir !== 'rtl') reading.problem('`dir` must be ltr or rtl')
  const template: NoticeTemplate = {
    language,
    dir: dir === 'rtl' ? 'rtl' : 'ltr',
    messages: reading.sentences('messages', MESSAGES),
    plurals: reading.plurals(language),
    patterns: reading.sentences('forms', PATTERNS),
    placeholders: new Map(PLACEHOLDERS.map((key) => [key, reading.plain(`placeholders.${key}`)])),
    vendors: new Map(VENDOR_KINDS.map((kind) => [kind, reading.plain(`vendors.${kind}`)])),
    fields: reading.fields(),
  }
  reading.refuseTheRest()
  return template
}

function isLanguage(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text)[0] === text && Intl.PluralRules.supportedLocalesOf(text).length === 1
  } catch {
    // Not even a tag.
    return false
  }
}

/** Leaves by their dotted path. A leaf that is no text is kept as undefined, to be named. */
function flattened(value: unknown, prefix = '', leaves = new Map<string, string | undefined>()): Map<string, string | undefined> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flattened(inner, prefix === '' ? key : `${prefix}.${key}`, leaves)
  } else {
    leaves.set(prefix, typeof value === 'string' ? value : undefined)
  }
  return leaves
}

/** Joiners are letters of some scripts; every other character that nobody sees could hide something. */
const HIDDEN = /[^\P{C}\u200c\u200d]|[\u2028\u2029]/u
/** The one link of a notice comes from the configuration, never from its words. */
const LINK = /https?:|www\.|@/iu

class Reading {
  readonly #leaves: Map<string, string | undefined>
  readonly #problems: string[]
  readonly #read = new Set<string>()

  constructor(leaves: Map<string, string | undefined>, problems: string[]) {
    this.#leaves = leaves
    this.#problems = problems
  }

  problem(text: string): void {
    this.#problems.push(text)
  }

  text(key: string): string | undefined {
    this.#read.add(key)
    const text = this.#leaves.get(key)
    if (text === undefined) this.problem(this.#leaves.has(key) ? `\`${key}\` is no text` : `\`${key}\` is missing`)
    else if (text.trim() === '' || text !== text.trim() || /\s\s|[\n\t]/u.test(text)) this.problem(`\`${key}\` has empty or stray space`)
    else if (text !== text.normalize('NFC')) this.problem(`\`${key}\` is not in Unicode's form NFC`)
    else if (HIDDEN.test(text)) this.problem(`\`${key}\` holds a character that nobody sees`)
    else if (LINK.test(text)) this.problem(`\`${key}\` holds a link or an address`)
    return text
  }

  plain(key: string): string {
    return this.#sentence(key, []).join('')
  }

  sentences<Key extends string>(section: string, table: Readonly<Record<Key, string>>): Map<Key, Sentence> {
    const keys = Object.keys(table) as Key[]
    return new Map(keys.map((key) => [key, this.#sentence(`${section}.${key}`, namesOf(table[key]))]))
  }

  plurals(language: string): Map<PluralKey, Map<Intl.LDMLPluralRule, Sentence>> {
    const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories
    const keys = Object.keys(PLURALS) as PluralKey[]
    return new Map(
      keys.map((key) => [
        key,
        new Map(
          categories.map((category) => [
            category,
            this.#sentence(`messages.${key}.${category}`, namesOf(PLURALS[key]), { spare: 'count' }),
          ]),
        ),
      ]),
    )
  }

  fields(): Map<string, string> {
    const keys = FIELDS_IN_WORDS.flatMap((field) =>
      ['name', ...(FORMS_IN_WORDS[field] ?? [])].flatMap((form) => [`${field}.${form}.you`, `${field}.${form}.they`]),
    )
    return new Map(keys.map((key) => [key, this.plain(`fields.${key}`)]))
  }

  refuseTheRest(): void {
    for (const key of this.#leaves.keys()) if (!this.#read.has(key)) this.problem(`\`${key}\` is no key of a notice`)
  }

  #sentence(key: string, expected: readonly string[], { spare = '' } = {}): Sentence {
    const text = this.text(key)
    if (text === undefined) return ['']
    const parts = text.split(/\{([A-Za-z]+)\}/u)
    const names = parts.filter((_, index) => index % 2 === 1)
    const missing = expected.filter((name) => !names.includes(name) && name !== spare)
    const unknown = names.filter((name) => !expected.includes(name))
    for (const name of missing) this.problem(`\`${key}\` lacks {${name}}`)
    for (const name of unknown) this.problem(`\`${key}\` has {${name}}, which nothing fills`)
    if (parts.some((part, index) => index % 2 === 0 && /[{}]/u.test(part))) this.problem(`\`${key}\` has a brace that is no placeholder`)
    return parts
  }
}

function namesOf(placeholders: string): string[] {
  return placeholders === '' ? [] : placeholders.split(' ')
}
