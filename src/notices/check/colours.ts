/** Colours as styles write them, and how well one is read on another. */

export type Rgb = readonly [red: number, green: number, blue: number]

const NAMED: Readonly<Record<string, Rgb>> = {
  white: [255, 255, 255],
  snow: [255, 250, 250],
  ivory: [255, 255, 240],
  ghostwhite: [248, 248, 255],
  whitesmoke: [245, 245, 245],
  black: [0, 0, 0],
  windowtext: [0, 0, 0],
  gray: [128, 128, 128],
  grey: [128, 128, 128],
  silver: [192, 192, 192],
  lightgray: [211, 211, 211],
  lightgrey: [211, 211, 211],
  red: [255, 0, 0],
  navy: [0, 0, 128],
  blue: [0, 0, 255],
  purple: [128, 0, 128],
}

/** A colour that lets nothing through; undefined: none that is known. */
export function parseColour(value: string): Rgb | undefined {
  if (Object.hasOwn(NAMED, value)) return NAMED[value]
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/.exec(value)?.[1]
  if (hex !== undefined) {
    const digits = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex
    return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as unknown as Rgb
  }
  const parts = /^rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})(?:,1(?:\.0)?)?\)$/.exec(value)?.slice(1, 4).map(Number)
  return parts?.every((part) => part <= 255) === true ? (parts as unknown as Rgb) : undefined
}

/** Of an attribute: HTML reads `rgb(…)` and all else there in a way of its own. */
export function attributeColour(value: string): Rgb | undefined {
  const plain = value.toLowerCase()
  return /^#[0-9a-f]{3}([0-9a-f]{3})?$|^(?!windowtext)[a-z]+$/.test(plain) ? parseColour(plain) : undefined
}

/** As WCAG counts it. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** What a reader may see: one such set by day, one by night. */
export interface Scheme {
  /** Where nothing else is said; links as browsers paint them are among the texts. */
  texts: readonly Rgb[]
  grounds: readonly Rgb[]
  /** Of rules in sheets: one may be nearer to a text than the style around it. */
  ruleTexts: readonly Rgb[]
  ruleGrounds: readonly Rgb[]
}

export const DAY: Scheme = {
  texts: [
    [0, 0, 0],
    [0, 0, 238],
    [85, 26, 139],
  ],
  grounds: [[255, 255, 255]],
  ruleTexts: [],
  ruleGrounds: [],
}
export const NIGHT: Scheme = {
  texts: [
    [255, 255, 255],
    [158, 158, 255],
    [208, 173, 240],
  ],
  grounds: [[18, 18, 18]],
  ruleTexts: [],
  ruleGrounds: [],
}

const CONTRAST_MIN = 3

/** Whether some of what may apply makes a text faint. `text`, `ground`: what the styles around it say. */
export function isFaint(
  { text, ground }: { text: Rgb | undefined; ground: Rgb | undefined },
  { texts, grounds, ruleTexts, ruleGrounds }: Scheme,
): boolean {
  const inks = [...(text === undefined ? texts : [text]), ...ruleTexts]
  const papers = [...(ground === undefined ? grounds : [ground]), ...ruleGrounds]
  return inks.some((ink) => papers.some((paper) => contrast(ink, paper) < CONTRAST_MIN))
}
