/** Numbers that states of Asia, Africa and Oceania give to people. */
import { isDay, isLuhn, isVerhoeff, weighted } from './checksums.ts'
import { digit, isYearMonthDay, number, type IdRule, words } from './id-rules.ts'

const INDIAN_STATES =
  'AN|AP|AR|AS|BR|CG|CH|DD|DL|DN|GA|GJ|HP|HR|JH|JK|KA|KL|LA|LD|MH|ML|MN|MP|MZ|NL|OD|OR|PB|PY|RJ|SK|TN|TR|TS|TG|UA|UK|UP|WB'

/** Check character over 36 letters and digits, GST Network. */
function isGstin(bare: string): boolean {
  const state = number(bare, 0, 2)
  if (!((state >= 1 && state <= 38) || state === 97 || state === 99)) return false
  let sum = 0
  for (let i = 0; i < 14; i++) {
    const product = Number.parseInt(bare[i] as string, 36) * (i % 2 === 0 ? 1 : 2)
    sum += Math.floor(product / 36) + (product % 36)
  }
  return Number.parseInt(bare[14] as string, 36) === (36 - (sum % 36)) % 36
}

/** GB 11643: ISO 7064 MOD 11-2. */
function isChineseId(bare: string): boolean {
  const sum = weighted(bare, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
  const year = number(bare, 6, 4)
  return year >= 1880 && year < 2030 && isDay(year, number(bare, 10, 2), number(bare, 12, 2)) && '10X98765432'[sum % 11] === bare[17]
}

const NRIC_LETTERS: Readonly<Record<string, readonly [offset: number, letters: string]>> = {
  S: [0, 'JZIHGFEDCBA'],
  T: [4, 'JZIHGFEDCBA'],
  F: [0, 'XWUTRQPNMLK'],
  G: [4, 'XWUTRQPNMLK'],
  M: [3, 'XWUTRQPNJLK'],
}

function isNric(bare: string): boolean {
  const [offset, letters] = NRIC_LETTERS[bare[0] as string] as readonly [number, string]
  const sum = weighted(bare.slice(1), [2, 7, 6, 5, 4, 3, 2]) + offset
  return letters[bare[0] === 'M' ? 10 - (sum % 11) : sum % 11] === bare[8] || letters[sum % 11] === bare[8]
}

function isTaiwanId(bare: string): boolean {
  const value = 10 + 'ABCDEFGHJKLMNPQRSTUVXYWZIO'.indexOf(bare[0] as string)
  return (Math.floor(value / 10) + (value % 10) * 9 + weighted(bare.slice(1), [8, 7, 6, 5, 4, 3, 2, 1, 1])) % 10 === 0
}

const isKoreanDate = (bare: string): boolean => isYearMonthDay(bare) && digit(bare, 6) >= 1 && digit(bare, 6) <= 8
const isKoreanCheck = (bare: string): boolean => (11 - (weighted(bare, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === digit(bare, 12)

export const ASIAN_IDS: readonly IdRule[] = [
  {
    rule: 'in.aadhaar',
    kind: 'national_id',
    shape: /^[2-9]\d{11}$/,
    lengths: [12],
    isValid: isVerhoeff,
    groups: ['4-4-4'],
    grouped: 0.95,
    // One in ten of such numbers of any origin is right: told all the same, since so many write it without gaps.
    bare: 0.58,
    near: 0.97,
    words: /(?<![a-z])(?:aadh?aa?r|uid(?:ai)?|vid)(?![a-z])|\u0906\u0927\u093e\u0930/i,
  },
  {
    rule: 'in.pan',
    kind: 'tax_id',
    shape: /^[A-Z]{3}[ABCEFGHJLPT][A-Z]\d{4}[A-Z]$/,
    lengths: [10],
    // Ten digits of a hash in lower case have this shape.
    isUpperCase: true,
    bare: 0.85,
    near: 0.97,
    words: words('pan', 'permanent account', 'income tax'),
  },
  {
    rule: 'in.pan',
    kind: 'tax_id',
    shape: /^[A-Z]{5}\d{4}[A-Z]$/,
    lengths: [10],
    bare: 0.4,
    near: 0.7,
    words: words('pan', 'permanent account'),
  },
  {
    rule: 'in.gstin',
    kind: 'tax_id',
    shape: /^\d{2}[A-Z]{5}\d{4}[A-Z][1-9A-Z][A-Z][0-9A-Z]$/,
    lengths: [15],
    isValid: isGstin,
    groups: ['2-10-3', '2-5-4-1-1-1-1'],
    grouped: 0.95,
    bare: 0.97,
    words: words('gst(?:in)?'),
  },
  {
    rule: 'in.gstin',
    kind: 'tax_id',
    shape: /^(?:0[1-9]|[12]\d|3[0-8]|97|99)[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]$/,
    lengths: [15],
    bare: 0.55,
    near: 0.9,
    words: words('gst(?:in)?'),
  },
  { rule: 'in.voter', kind: 'national_id', shape: /^[A-Z]{3}\d{7}$/, lengths: [10], near: 0.9, words: words('voter', 'epic', 'election') },
  { rule: 'in.passport', kind: 'passport', shape: /^[A-PR-WY][1-9]\d{6}$/, lengths: [8], near: 0.9, words: words('passport(?:no)?') },
  {
    rule: 'in.driving_licence',
    kind: 'national_id',
    shape: new RegExp(`^(?:${INDIAN_STATES})\\d{2}(?:19|20)\\d{9}$`),
    lengths: [15],
    groups: ['4-11', '2-2-11', '2-2-4-7'],
    grouped: 0.75,
    bare: 0.65,
    near: 0.95,
    words: words('driving', 'licen[cs]e', 'dl'),
  },
  {
    rule: 'in.vehicle',
    kind: 'vehicle',
    shape: new RegExp(`^(?:(?:${INDIAN_STATES})\\d{1,2}[A-Z]{1,3}\\d{4}|\\d{2}BH\\d{4}[A-Z]{1,2})$`),
    lengths: [8, 9, 10, 11],
    groups: ['2-2-2-4', '2-2-1-4', '4-2-4', '2-1-2-4', '2-2-3-4', '4-6', '2-8'],
    grouped: 0.75,
    bare: 0.6,
    near: 0.95,
    words: words('vehicle', 'registration', 'car', 'bike', 'number plate', 'rc'),
  },
  {
    rule: 'in.vehicle',
    kind: 'vehicle',
    shape: new RegExp(`^(?:${INDIAN_STATES})[A-Z]?\\d{4}$`),
    lengths: [6, 7],
    near: 0.7,
    words: words('vehicle', 'registration', 'number plate'),
  },
  {
    rule: 'cn.resident_id',
    kind: 'national_id',
    shape: /^[1-8]\d{16}[\dX]$/,
    lengths: [18],
    isValid: isChineseId,
    groups: ['6-8-4'],
    grouped: 0.95,
    bare: 0.95,
    words: /\u8eab\u4efd\u8bc1|(?<![a-z])resident/i,
  },
  {
    rule: 'tw.national_id',
    kind: 'national_id',
    shape: /^[A-Z][1289]\d{8}$/,
    lengths: [10],
    isValid: isTaiwanId,
    bare: 0.45,
    near: 0.95,
    words: /\u8eab\u5206\u8b49|(?<![a-z])(?:national id|taiwan|arc)(?![a-z])/i,
  },
  {
    rule: 'jp.my_number',
    kind: 'national_id',
    shape: /^\d{12}$/,
    lengths: [12],
    isValid: (bare) => {
      const rest = weighted(bare, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
      return (rest <= 1 ? 0 : 11 - rest) === digit(bare, 11)
    },
    near: 0.95,
    words: /\u30de\u30a4\u30ca\u30f3\u30d0\u30fc|\u500b\u4eba\u756a\u53f7|(?<![a-z])my ?number(?![a-z])/i,
  },
  {
    rule: 'kr.rrn',
    kind: 'national_id',
    shape: /^\d{13}$/,
    lengths: [13],
    isValid: isKoreanDate,
    groups: ['6-7'],
    grouped: 0.85,
    near: 0.95,
    words: /\uc8fc\ubbfc|\uc678\uad6d\uc778|(?<![a-z])(?:rrn|frn|resident|korean)(?![a-z])/i,
  },
  {
    rule: 'kr.rrn',
    kind: 'national_id',
    shape: /^\d{13}$/,
    lengths: [13],
    isValid: (bare) => isKoreanDate(bare) && isKoreanCheck(bare),
    bare: 0.4,
    words: /\uc8fc\ubbfc/,
  },
  {
    rule: 'kr.business',
    kind: 'tax_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => {
      const sum = weighted(bare, [1, 3, 7, 1, 3, 7, 1, 3, 5]) + Math.floor((digit(bare, 8) * 5) / 10)
      return (10 - (sum % 10)) % 10 === digit(bare, 9)
    },
    groups: ['3-2-5'],
    grouped: 0.7,
    near: 0.9,
    words: /\uc0ac\uc5c5\uc790|(?<![a-z])(?:brn|business)(?![a-z])/i,
  },
  {
    rule: 'kr.driving_licence',
    kind: 'national_id',
    shape: /^(?:1[1-9]|2[0-68])\d{10}$/,
    lengths: [12],
    groups: ['2-2-6-2'],
    grouped: 0.8,
    near: 0.85,
    words: /\uc6b4\uc804\uba74\ud5c8|(?<![a-z])(?:licen[cs]e|driving)(?![a-z])/i,
  },
  {
    rule: 'sg.nric',
    kind: 'national_id',
    shape: /^[STFGM]\d{7}[A-Z]$/,
    lengths: [9],
    isValid: isNric,
    bare: 0.8,
    near: 0.97,
    words: words('nric', 'fin', 'ic'),
  },
  {
    rule: 'sg.uen',
    kind: 'tax_id',
    shape: /^(?:\d{8}|(?:19|20)\d{7}|[TSR]\d{2}[A-Z]{2}\d{4})[A-Z]$/,
    lengths: [9, 10],
    near: 0.85,
    words: words('uen', 'unique entity'),
  },
  {
    rule: 'my.mykad',
    kind: 'national_id',
    shape: /^\d{6}(?:0[1-9]|[1-5]\d|8[2-9]|9[0-9]|7[1-9])\d{4}$/,
    lengths: [12],
    isValid: (bare) => isYearMonthDay(bare),
    groups: ['6-2-4'],
    grouped: 0.8,
    near: 0.92,
    words: words('mykad', 'nric', 'kad pengenalan', 'ic'),
  },
  {
    rule: 'id.nik',
    kind: 'national_id',
    shape: /^[1-9]\d{15}$/,
    lengths: [16],
    isValid: (bare) => isDay(number(bare, 10, 2), number(bare, 8, 2), number(bare, 6, 2) % 40),
    near: 0.92,
    words: words('nik', 'ktp', 'nomor induk'),
  },
  {
    rule: 'th.national_id',
    kind: 'national_id',
    shape: /^[1-8]\d{12}$/,
    lengths: [13],
    isValid: (bare) => (11 - (weighted(bare, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === digit(bare, 12),
    groups: ['1-4-5-2-1'],
    grouped: 0.95,
    near: 0.95,
    words: /\u0e1a\u0e31\u0e15\u0e23\u0e1b\u0e23\u0e30\u0e0a\u0e32\u0e0a\u0e19|(?<![a-z])(?:thai|citizen|national id|tnin)(?![a-z])/i,
  },
  {
    rule: 'ph.tin',
    kind: 'tax_id',
    shape: /^\d{9}(?:\d{3}|\d{5})?$/,
    lengths: [9, 12, 14],
    near: 0.85,
    words: words('tin', 'bir'),
  },
  {
    rule: 'il.teudat_zehut',
    kind: 'national_id',
    shape: /^\d{9}$/,
    lengths: [9],
    isValid: isLuhn,
    near: 0.9,
    words: /\u05ea\u05e2\u05d5\u05d3\u05ea \u05d6\u05d4\u05d5\u05ea|(?<![a-z])(?:teudat|israeli id)(?![a-z])/i,
  },
  {
    rule: 'ae.emirates_id',
    kind: 'national_id',
    shape: /^784(?:19|20)\d{10}$/,
    lengths: [15],
    groups: ['3-4-7-1'],
    grouped: 0.95,
    bare: 0.7,
    words: words('emirates'),
  },
  {
    rule: 'za.id',
    kind: 'national_id',
    shape: /^\d{10}[012][89]\d$/,
    lengths: [13],
    isValid: (bare) => isYearMonthDay(bare) && isLuhn(bare),
    groups: ['6-4-3', '6-4-2-1'],
    grouped: 0.85,
    bare: 0.7,
    near: 0.97,
    words: words('south african?', 'id number', 'sa id'),
  },
  {
    rule: 'ng.nin',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    near: 0.85,
    words: words('nin', 'bvn', 'national identification'),
  },
  {
    rule: 'au.tfn',
    kind: 'tax_id',
    shape: /^\d{9}$/,
    lengths: [9],
    isValid: (bare) => weighted(bare, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0,
    groups: ['3-3-3'],
    grouped: 0.5,
    near: 0.95,
    words: words('tfn', 'tax file'),
  },
  {
    rule: 'au.abn',
    kind: 'tax_id',
    shape: /^[1-9]\d{10}$/,
    lengths: [11],
    isValid: (bare) => weighted(bare, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) % 89 === 10,
    groups: ['2-3-3-3'],
    grouped: 0.85,
    bare: 0.35,
    near: 0.95,
    words: words('abn', 'business number'),
  },
  {
    rule: 'au.acn',
    kind: 'tax_id',
    shape: /^\d{9}$/,
    lengths: [9],
    isValid: (bare) => (10 - (weighted(bare, [8, 7, 6, 5, 4, 3, 2, 1]) % 10)) % 10 === digit(bare, 8),
    groups: ['3-3-3'],
    grouped: 0.5,
    near: 0.95,
    words: words('acn', 'company number'),
  },
  {
    rule: 'au.medicare',
    kind: 'national_id',
    shape: /^[2-6]\d{9}$/,
    lengths: [10],
    isValid: (bare) => weighted(bare, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === digit(bare, 8),
    groups: ['4-5-1'],
    grouped: 0.85,
    near: 0.95,
    words: words('medicare'),
  },
  {
    rule: 'nz.ird',
    kind: 'tax_id',
    shape: /^\d{8,9}$/,
    lengths: [8, 9],
    near: 0.88,
    words: words('ird', 'inland revenue'),
  },
]
