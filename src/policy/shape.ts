/**
 * Canonical text of a shape: `field:form` pairs, sorted by code unit, joined by `,`. In the key of a `property.<key>` the
 * characters `%`, `,`, `:` and controls are written as `%XXXX` (UTF-16 code unit), so that the text reads back to one shape.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Shape } from '#model/disclosure.ts'
import { FORMS, isField } from '#model/field.ts'
import type { Field, Form } from '#model/field.ts'

type Pair = Shape[number]

const TO_ESCAPE = /[%,:\0-\x1f\x7f]/g

function escapeField(field: string): string {
  return field.replaceAll(TO_ESCAPE, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`)
}

function unescapeField(text: string): string {
  return text.replaceAll(/%([0-9A-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Duplicates fold into one. */
export function shapeText(pairs: Iterable<{ field: Field; form: Exclude<Form, 'withheld'> }>): string {
  const texts = new Set<string>()
  for (const { field, form } of pairs) texts.add(`${escapeField(field)}:${form}`)
  return [...texts].sort().join(',')
}

/** Throws `ledger_corrupt` for anything that `shapeText` does not make. */
export function parseShape(text: string): Shape {
  const pairs = text === '' ? [] : text.split(',').map(parsePair)
  if (pairs.includes(undefined) || shapeText(pairs as Pair[]) !== text) {
    throw new BulkheadError('ledger_corrupt', 'a shape in the ledger is not canonical')
  }
  return pairs as Pair[]
}

function parsePair(text: string): Pair | undefined {
  const colon = text.indexOf(':')
  const field = unescapeField(text.slice(0, Math.max(colon, 0)))
  const form = FORMS.find((known) => known === text.slice(colon + 1))
  return colon > 0 && isField(field) && form !== undefined && form !== 'withheld' ? { field, form } : undefined
}
