/** The words of the check page and of `notice check`, a file for each language. */
import type { Reason } from './verdict.ts'
import { ENGLISH } from './words-en.ts'
import { HINDI } from './words-hi.ts'
import type { CheckWords } from './words-shape.ts'

export const LANGUAGES: readonly CheckWords[] = [ENGLISH, HINDI]

export function wordsOf(language: string | undefined): CheckWords | undefined {
  const base = language?.toLowerCase().split('-')[0]
  return LANGUAGES.find((words) => words.language === base)
}

/** The first language that a reader asks for and we have (RFC 9110, Accept-Language). */
export function wordsAsked(header: string | undefined, fallback: string): CheckWords {
  const asked = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((part, place) => {
      const [tag = '', ...parameters] = part.trim().split(';')
      const quality = Number(/^\s*q\s*=\s*([0-9.]+)/i.exec(parameters[0] ?? '')?.[1] ?? '1')
      return { tag: tag.trim(), quality: Number.isFinite(quality) ? quality : 0, place }
    })
    .filter(({ tag, quality }) => tag !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality || a.place - b.place)
  for (const { tag } of asked) {
    const words = wordsOf(tag)
    if (words !== undefined) return words
  }
  return wordsOf(fallback) ?? ENGLISH
}

/** Puts values at their places. What comes from outside is shown as text by whoever prints it. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  // A full stop that ends a value (`Example Inc.`) ends its sentence too.
  return text.replace(/\{([a-z]+)\}(\.?)/g, (whole, name: string, stop: string) => {
    const value = values[name]
    return value === undefined ? whole : `${value}${value.endsWith('.') ? '' : stop}`
  })
}

export function reasonText(words: CheckWords, { code, values }: Reason, marks: { company: string; domain: string }): string {
  const day = values.date
  const date: Record<string, string> = day === undefined ? {} : { date: dateText(words.language, day) }
  return fill(words.reasons[code], { ...marks, ...values, ...date })
}

function dateText(language: string, day: string): string {
  return new Intl.DateTimeFormat(`${language}-u-nu-latn`, { dateStyle: 'long', timeZone: 'UTC' }).format(Date.parse(day))
}
