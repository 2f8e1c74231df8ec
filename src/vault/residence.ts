/**
 * Where a person lives, as far as the company itself said it: a country and, in the United States, a state, both of closed
 * lists. The fact stays sealed under the person's own secret; beside it stands one block that the vault can read for millions
 * of people at once, since a question after a breach must count them by jurisdiction. The block is a keyed permutation of
 * number and place (AES-256 on one whole, distinct block, as for pseudonyms), so rows say nothing without the key folder.
 * It goes with the person's other rows.
 */
import type { KeyObject } from 'node:crypto'
import { countryCode } from '#policy/country.ts'
import { decryptBlocks, encryptBlocks } from './pseudonym.ts'

const BLOCK = 16
const TRUST_AT = 8
const PLACE_AT = 9
/** `US-CA`; what is left of the block are zeros, which are the check. */
const PLACE_LENGTH = 5

/** ISO 3166-2:US, states and the federal district. Territories have country codes of their own. */
const STATES = `
AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,
DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,KS Kansas,KY Kentucky,
LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,MO Missouri,MT Montana,
NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York,NC North Carolina,ND North Dakota,
OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,RI Rhode Island,SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,
UT Utah,VT Vermont,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming`

const STATE_CODES = new Map(
  STATES.split(',').flatMap((entry) => {
    const text = entry.trim()
    const code = text.slice(0, 2)
    return [
      [code.toLowerCase(), code],
      [text.slice(3).toLowerCase(), code],
    ] as const
  }),
)

/** English short names, as the runtime's own data has them, and what companies write instead. */
let countryNames: Map<string, string> | undefined
const WRITTEN: Readonly<Record<string, string>> = {
  usa: 'US',
  'united states of america': 'US',
  uk: 'GB',
  'great britain': 'GB',
  deutschland: 'DE',
  'czech republic': 'CZ',
  turkey: 'TR',
}

/** Undefined for what is neither a code nor an English name of a country. */
export function countryOf(text: string): string | undefined {
  const word = text.trim()
  const code = countryCode(word)
  if (code !== undefined) return code
  countryNames ??= namesOfCountries()
  return countryNames.get(word.toLowerCase())
}

function namesOfCountries(): Map<string, string> {
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const found = new Map(Object.entries(WRITTEN))
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  for (const first of letters) {
    for (const second of letters) {
      const code = countryCode(first + second)
      const name = code === undefined ? undefined : names.of(code)
      if (code !== undefined && name !== undefined) found.set(name.toLowerCase(), code)
    }
  }
  return found
}

/** Of a state of the United States: its code or English name, with or without `US-`. */
export function stateOf(text: string): string | undefined {
  return STATE_CODES.get(text.trim().toLowerCase().replace(/^us-/, ''))
}

/** A place is `''` (unknown), a country's code, or `US-` and a state's. */
export interface ResidenceRow {
  ordinal: number
  /** Rank of who said so. */
  trust: number
  place: string
}

export function sealResidence(key: KeyObject, { ordinal, trust, place }: ResidenceRow): Buffer {
  const block = Buffer.alloc(BLOCK)
  block.writeUInt32BE(Math.floor(ordinal / 0x1_0000_0000), 0)
  block.writeUInt32BE(ordinal >>> 0, 4)
  block[TRUST_AT] = trust
  block.write(place, PLACE_AT, PLACE_LENGTH, 'latin1')
  return encryptBlocks(key, block)
}

/** Of many rows in one cipher call, in their order; undefined where a block is not the one of that number. */
export function openResidences(key: KeyObject, rows: readonly { ordinal: number; block: Uint8Array }[]): (ResidenceRow | undefined)[] {
  const sealed = Buffer.alloc(rows.length * BLOCK)
  for (const [at, { block }] of rows.entries()) sealed.set(block.subarray(0, BLOCK), at * BLOCK)
  const plain = decryptBlocks(key, sealed)
  return rows.map(({ ordinal }, index) => {
    const at = index * BLOCK
    const isOwn = plain.readUInt32BE(at) * 0x1_0000_0000 + plain.readUInt32BE(at + 4) === ordinal
    if (!isOwn || plain[at + BLOCK - 1] !== 0 || plain[at + BLOCK - 2] !== 0) return undefined
    const place = plain.toString('latin1', at + PLACE_AT, at + PLACE_AT + PLACE_LENGTH).replace(/\0+$/, '')
    return { ordinal, trust: plain[at + TRUST_AT] as number, place }
  })
}
