/** Keys with their values inside a text: queries, forms, JSON, `key: value` lines. What the key says counts there as well. */
import { type Add, matchesIn } from './finding.ts'
import { keyKindOf } from './key-kinds.ts'

const PAIR = /(?<![\w.-])([A-Za-z][A-Za-z0-9_.-]{1,40})["']?\s{0,2}[=:]\s{0,2}["']?([^"'&;,\n\r{}[\]<>=]{1,100})/g
/** Less sure than a property of its own: the value may go on, or the text be about something else. */
const SHARE = 0.8

export function findPairs(text: string, add: Add): void {
  for (const { 0: pair, 1: key, 2: value, index } of matchesIn(text, PAIR)) {
    const kind = keyKindOf(key as string)
    if (kind === undefined) continue
    const trimmed = (value as string).trim()
    // In a query a space is a plus.
    if (trimmed === '' || !kind.shape.test(trimmed.replaceAll('+', ' '))) continue
    const start = index + pair.length - (value as string).length + (value as string).indexOf(trimmed)
    const isWhole = /^\p{Lu}\S*[ +]\p{Lu}/u.test(trimmed)
    const confidence = Math.round(100 * (kind.confidence * SHARE + (kind.kind === 'name' && isWhole ? 0.1 : 0))) / 100
    add({ kind: kind.kind, rule: kind.rule, start, end: start + trimmed.length, confidence })
  }
}
