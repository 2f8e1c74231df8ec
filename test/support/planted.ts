/**
 * Values planted for law 1: personal text of every sort, in every place where a request can carry text. Each carries one
 * of two infixes that all share and nobody else has, so that a single search finds all of them; those that cannot
 * (telephone numbers, network addresses) are searched one by one.
 */
import { randomBytes } from 'node:crypto'
import { encodingsOf, type Needle, needlesOf, PatternSet } from './search.ts'

export interface Planted {
  /** One more value; counted. */
  name(): string
  devanagari(): string
  email(): string
  phone(): string
  ip(): string
  userAgent(): string
  url(): string
  word(): string
  count(): number
  /** Everything that must not be found. Built when all is planted. */
  patterns(): PatternSet
}

const consonants = 'bcdfghjkmnpqrstvwxz'
const devanagariLetters = 'कखगघचजटडतदनपबमयरलवशसह'

function pick(alphabet: string, length: number): string {
  const letters = [...alphabet]
  return Array.from(randomBytes(length), (byte) => letters[byte % letters.length]).join('')
}

export function startPlanting(): Planted {
  const latin = `q${pick(consonants, 9)}`
  const hindi = pick(devanagariLetters, 6)
  const exact: string[] = []
  let planted = 0
  const next = (): number => ++planted
  const keep = (value: string): string => {
    exact.push(value)
    return value
  }
  return {
    name: () => `Asha ${latin}${next()} Verma`,
    devanagari: () => `आशा ${hindi} ${next()}`,
    email: () => `p${next()}.${latin}@mail.example`,
    // Numbers of the range that is set aside for fiction (+1 NPA 555 01xx), made unique by the area code.
    phone: () => keep(`+1${201 + (next() % 700)}555${String(1000 + (planted % 9000)).padStart(4, '0')}`),
    ip: () =>
      keep(
        planted % 2 === 0
          ? `198.18.${next() % 250}.${planted % 253}`
          : `2001:db8::${next().toString(16)}:${randomBytes(2).toString('hex')}`,
      ),
    userAgent: () => `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 ${latin}${next()}`,
    url: () => `https://shop.example/u/${latin}${next()}/reset?token=${latin}t${planted}&email=x%40${latin}.example#${latin}`,
    word: () => `${latin}${next()}`,
    count: () => planted,
    patterns: () => {
      const needles: Needle[] = [
        ...needlesOf('Latin infix', latin),
        ...needlesOf('Latin infix, upper case', latin.toUpperCase()),
        ...needlesOf('Devanagari infix', hindi),
      ]
      const plain = new Set(['utf-8', 'utf-16le', 'hex', 'base64 at 0', 'base64 at 1', 'base64 at 2'])
      for (const value of exact) {
        const bare = value.replace(/^\+/, '')
        for (const [encoding, pattern] of encodingsOf(bare))
          if (plain.has(encoding)) needles.push({ label: `exact value (${encoding})`, pattern })
      }
      return new PatternSet(needles)
    },
  }
}
