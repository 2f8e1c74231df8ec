/**
 * Whether a run of characters was drawn by a machine. Digests, UUIDs and numbers of orders are, too, and are nobody's
 * secret: what is hexadecimal, or as long as a digest in base64, is not counted.
 */
const SHOWN_LENGTH_MIN = 32
const BITS_MIN = 3.9
/** Lengths of MD5, SHA-1, SHA-256, SHA-384 and SHA-512 in base64, without padding. */
const DIGEST_LENGTHS: ReadonlySet<number> = new Set([22, 27, 43, 64, 86])
const WORD = /^[A-Z]?[a-z]{3,}(?:[A-Z][a-z]{2,})*$/
const LOWER = 1
const UPPER = 2
const DIGIT = 3

/** Confidence: 0 for none, below what is shown for those that may be a digest or an ordinary identifier. */
export function isRandomLooking(run: string): number {
  const bare = run.replace(/=+$/, '')
  const { length } = bare
  if (length < 20 || /^[0-9a-f-]+$/i.test(bare) || !/\d/.test(bare) || !/[a-z]/.test(bare) || !/[A-Z]/.test(bare)) return 0
  if (/[/_-]/.test(bare)) {
    const parts = bare.split(/[/_-]/)
    // A path, or words with something among them.
    if (parts.every((part) => part.length < 16) || parts.some((part) => WORD.test(part))) return 0
  }
  if (changesOf(bare) < length * 0.38 || entropyOf(bare) < BITS_MIN) return 0
  const mayBeDigest = DIGEST_LENGTHS.has(length)
  return length >= SHOWN_LENGTH_MIN && !mayBeDigest ? 0.6 : 0.35
}

/** How often the class of character changes from one to the next: seldom in words, often in what a machine drew. */
function changesOf(text: string): number {
  let changes = 0
  let before = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const kind = code >= 97 ? LOWER : code >= 65 ? UPPER : code >= 48 && code <= 57 ? DIGIT : 0
    if (kind !== before) changes++
    before = kind
  }
  return changes
}

/** Shannon entropy of the characters, bits each. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
