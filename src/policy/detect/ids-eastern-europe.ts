/** Numbers that states of northern and eastern Europe give to people, and VAT numbers of the Union. */
import { isDay, isLuhn, isMod11Of10, mod97, weighted } from './checksums.ts'
import { digit, isDayMonthYear, isYearMonthDay, number, type IdRule, words } from './id-rules.ts'

const HETU_CHECKS = '0123456789ABCDEFHJKLMNPRSTUVWXY'

const NORWEGIAN = [
  [3, 7, 6, 1, 8, 9, 4, 5, 2, 1],
  [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1],
] as const

/** Date-coded order numbers are recent; who was born in the last ten years buys nothing. */
const BORN_BEFORE = 2015
const SWEDISH_WORDS = words('person(?:al)?[ -]?(?:nummer|nr|number|identity)', 'samordningsnummer', 'ssn', 'pnr')
const isSwedish = (bare: string): boolean => isYearMonthDay(bare, { day: 60 }) && isLuhn(bare)

export const EASTERN_EUROPEAN_IDS: readonly IdRule[] = [
  {
    rule: 'pl.pesel',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: (bare) =>
      isYearMonthDay(bare, { month: 20 }) && (10 - (weighted(bare, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 === digit(bare, 10),
    bare: 0.4,
    near: 0.95,
    words: words('pesel'),
  },
  {
    rule: 'pl.nip',
    kind: 'tax_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => weighted(bare, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === digit(bare, 9),
    groups: ['3-3-2-2', '3-2-2-3'],
    grouped: 0.75,
    near: 0.95,
    words: words('nip', 'podatkow\\w*'),
  },
  {
    rule: 'se.personnummer',
    kind: 'national_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: isSwedish,
    groups: ['6-4', '6+4'],
    grouped: 0.9,
    bare: 0.4,
    near: 0.95,
    words: SWEDISH_WORDS,
  },
  {
    rule: 'se.personnummer',
    kind: 'national_id',
    shape: /^(?:18|19|20)\d{10}$/,
    lengths: [12],
    isValid: (bare) => Number(bare.slice(0, 4)) < BORN_BEFORE && isSwedish(bare.slice(2)),
    groups: ['8-4', '8+4'],
    grouped: 0.95,
    bare: 0.6,
    near: 0.95,
    words: SWEDISH_WORDS,
  },
  {
    rule: 'se.organisation',
    kind: 'tax_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => digit(bare, 2) >= 2 && isLuhn(bare),
    groups: ['6-4'],
    grouped: 0.55,
    near: 0.9,
    words: words('organisation\\w*', 'org\\.?(?: ?nr)?', 'company (?:identity|code|number)'),
  },
  {
    rule: 'fi.hetu',
    kind: 'national_id',
    shape: /^\d{6}[A-FU-Y]?\d{3}[0-9A-FHJ-NPR-Y]$/,
    lengths: [10, 11],
    isValid: (bare) =>
      isDayMonthYear(bare) && HETU_CHECKS[Number(bare.slice(0, 6) + bare.slice(-4, -1)) % 31] === bare.at(-1) && !/^\d{10}$/.test(bare),
    groups: ['6-4', '6+4'],
    grouped: 0.95,
    bare: 0.9,
    words: words('hetu', 'henkil\u00f6tunnus', 'identity code'),
  },
  {
    rule: 'fi.hetu',
    kind: 'national_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => isDayMonthYear(bare) && HETU_CHECKS[Number(bare.slice(0, 9)) % 31] === bare[9],
    groups: ['6-4', '6+4'],
    grouped: 0.95,
    words: words('hetu', 'henkil\u00f6tunnus', 'identity code'),
  },
  {
    rule: 'no.fodselsnummer',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: (bare) =>
      isDay(number(bare, 4, 2), number(bare, 2, 2) % 40, number(bare, 0, 2) % 40) &&
      NORWEGIAN.every((row) => weighted(bare, row) % 11 === 0),
    groups: ['6-5'],
    grouped: 0.95,
    bare: 0.6,
    near: 0.97,
    words: words('f\u00f8dselsnummer', 'personnummer', 'd-nummer'),
  },
  {
    rule: 'dk.cpr',
    kind: 'national_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: isDayMonthYear,
    groups: ['6-4'],
    grouped: 0.55,
    near: 0.95,
    words: words('cpr', 'personnummer'),
  },
  {
    rule: 'is.kennitala',
    kind: 'national_id',
    shape: /^\d{9}[089]$/,
    lengths: [10],
    isValid: (bare) => isDayMonthYear(bare) && weighted(bare, [3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0,
    groups: ['6-4'],
    grouped: 0.9,
    near: 0.95,
    words: words('kennitala'),
  },
  {
    rule: 'cz.birth_number',
    kind: 'national_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => isDay(number(bare, 0, 2), (number(bare, 2, 2) % 50) % 20, number(bare, 4, 2)) && Number(bare) % 11 === 0,
    groups: ['6/4'],
    grouped: 0.9,
    near: 0.92,
    words: words('rodn\u00e9 \u010d\u00edslo', 'rodne cislo', 'r\\.?\u010d'),
  },
  {
    rule: 'ro.cnp',
    kind: 'national_id',
    shape: /^[1-9]\d{12}$/,
    lengths: [13],
    isValid: (bare) =>
      isYearMonthDay(bare, { at: 1 }) && (weighted(bare, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11) % 10 === digit(bare, 12),
    bare: 0.35,
    near: 0.95,
    words: words('cnp', 'cod numeric'),
  },
  {
    rule: 'bg.egn',
    kind: 'national_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => isYearMonthDay(bare, { month: 20 }) && (weighted(bare, [2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11) % 10 === digit(bare, 9),
    near: 0.92,
    words: words('\u0435\u0433\u043d', 'egn'),
  },
  {
    rule: 'hr.oib',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: isMod11Of10,
    near: 0.92,
    words: words('oib'),
  },
  {
    rule: 'ee.isikukood',
    kind: 'national_id',
    shape: /^[1-8]\d{10}$/,
    lengths: [11],
    isValid: (bare) => {
      const first = weighted(bare, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11
      const check = first < 10 ? first : (weighted(bare, [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11) % 10
      return isYearMonthDay(bare, { at: 1 }) && check === digit(bare, 10)
    },
    bare: 0.35,
    near: 0.95,
    words: words('isikukood', 'asmens kodas', 'personal code'),
  },
  {
    rule: 'tr.kimlik',
    kind: 'national_id',
    shape: /^[1-9]\d{9}[02468]$/,
    lengths: [11],
    isValid: (bare) =>
      ((weighted(bare, [7, -1, 7, -1, 7, -1, 7, -1, 7]) % 10) + 10) % 10 === digit(bare, 9) &&
      weighted(bare, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) % 10 === digit(bare, 10),
    bare: 0.45,
    near: 0.97,
    words: words('t\\.?c\\.?', 'kimlik', 'tckn'),
  },
  {
    rule: 'ru.snils',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: (bare) => (weighted(bare, [9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101) % 100 === number(bare, 9, 2),
    groups: ['3-3-3-2'],
    grouped: 0.92,
    near: 0.95,
    words: /\u0441\u043d\u0438\u043b\u0441|(?<![a-z])snils/i,
  },
  {
    rule: 'ru.inn',
    kind: 'tax_id',
    shape: /^\d{12}$/,
    lengths: [12],
    isValid: (bare) =>
      (weighted(bare, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10 === digit(bare, 10) &&
      (weighted(bare, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10 === digit(bare, 11),
    bare: 0.3,
    near: 0.95,
    words: /\u0438\u043d\u043d|(?<![a-z])inn(?![a-z])/i,
  },
  {
    rule: 'eu.vat',
    kind: 'tax_id',
    shape: /^(?:DE\d{9}|FR[0-9A-HJ-NP-Z]{2}\d{9}|IT\d{11}|ATU\d{8}|BE[01]\d{9}|NL\d{9}B\d{2}|PL\d{10}|SE\d{10}01|DK\d{8}|FI\d{8})$/,
    lengths: [10, 11, 12, 13, 14],
    isValid: isVat,
    groups: ['2-9', '2-3-3-3', '2-11', '3-8', '2-10', '2-12', '2-8'],
    grouped: 0.7,
    bare: 0.6,
    near: 0.95,
    words: words('vat', 'ust-?id\\w*', 'umsatzsteuer\\w*', 'tva', 'iva', 'btw', 'moms', 'uid', 'mwst'),
  },
]

/** The check digits of those countries whose VAT number has a published one; others go by their shape. */
function isVat(bare: string): boolean {
  const digits = bare.slice(2)
  switch (bare.slice(0, 2)) {
    case 'DE':
      return isMod11Of10(digits)
    case 'IT':
      return isLuhn(digits)
    case 'BE':
      return 97 - (Number(digits.slice(0, 8)) % 97) === Number(digits.slice(8))
    case 'FR':
      return !/^\d{11}$/.test(digits) || (12 + 3 * (Number(digits.slice(2)) % 97)) % 97 === Number(digits.slice(0, 2))
    case 'PL':
      return weighted(digits, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === digit(digits, 9)
    case 'SE':
      return isLuhn(digits.slice(0, 10))
    case 'DK':
      return weighted(digits, [2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0
    case 'FI':
      return (11 - (weighted(digits, [7, 9, 10, 5, 8, 4, 2]) % 11)) % 11 === digit(digits, 7)
    case 'NL':
      return mod97(bare) === 1 || weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2]) % 11 === digit(digits, 8)
    default:
      return true
  }
}
