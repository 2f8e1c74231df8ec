/** Numbers that states of western Europe give to people. Facts from the issuers' own descriptions. */
import { isDay, isLuhn, isMod11Of10, weighted } from './checksums.ts'
import { digit, isYearMonthDay, isDayMonthYear, number, type IdRule, words } from './id-rules.ts'

const DNI_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE'

function isItalianCode(bare: string): boolean {
  const odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
  let sum = 0
  for (let i = 0; i < 15; i++) {
    const value = Number.parseInt(bare[i] as string, 36)
    const place = value > 9 ? value - 10 : value
    sum += i % 2 === 0 ? (odd[place] as number) : place
  }
  return String.fromCharCode(65 + (sum % 26)) === bare[15]
}

function isSpanishNif(bare: string): boolean {
  const numeric = bare.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)))
  return DNI_LETTERS[Number(numeric) % 23] === bare.at(-1)
}

function isSpanishCif(bare: string): boolean {
  let sum = 0
  for (let i = 1; i <= 7; i++) {
    const value = digit(bare, i) * (i % 2 === 1 ? 2 : 1)
    sum += value > 9 ? value - 9 : value
  }
  const check = (10 - (sum % 10)) % 10
  return bare[8] === String(check) || bare[8] === 'JABCDEFGHI'[check]
}

function isGermanPension(bare: string): boolean {
  if (!isDay(number(bare, 6, 2), number(bare, 4, 2), number(bare, 2, 2) % 50 || 50)) return false
  const digits = `${bare.slice(0, 8)}${String(bare.charCodeAt(8) - 64).padStart(2, '0')}${bare.slice(9)}`
  const weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]
  let sum = 0
  for (let i = 0; i < 12; i++) {
    const value = digit(digits, i) * (weights[i] as number)
    sum += Math.floor(value / 10) + (value % 10)
  }
  return sum % 10 === digit(bare, 11)
}

/** Of its first ten digits one stands two or three times; the check is ISO 7064 MOD 11,10. */
function isGermanTaxId(bare: string): boolean {
  const counts = new Map<string, number>()
  for (const one of bare.slice(0, 10)) counts.set(one, (counts.get(one) ?? 0) + 1)
  const repeated = [...counts.values()].filter((count) => count > 1)
  return isMod11Of10(bare) && repeated.length <= 1 && (repeated[0] ?? 0) <= 3
}

function isGermanHealth(bare: string): boolean {
  const digits = String(bare.charCodeAt(0) - 64).padStart(2, '0') + bare.slice(1, 9)
  let sum = 0
  for (let i = 0; i < 10; i++) {
    const value = digit(digits, i) * (i % 2 === 0 ? 1 : 2)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === digit(bare, 9)
}

function isFrenchNumber(bare: string): boolean {
  const digits = bare.replace('2A', '19').replace('2B', '18')
  return 97 - (Number(digits.slice(0, 13)) % 97) === Number(digits.slice(13))
}

export const WESTERN_EUROPEAN_IDS: readonly IdRule[] = [
  {
    rule: 'uk.nino',
    kind: 'national_id',
    shape: /^(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$/,
    lengths: [9],
    groups: ['2-2-2-2-1', '2-6-1', '8-1'],
    grouped: 0.9,
    bare: 0.6,
    near: 0.97,
    words: words('nino', 'national insurance', 'ni (?:number|no)'),
  },
  {
    rule: 'uk.nhs',
    kind: 'national_id',
    shape: /^\d{10}$/,
    lengths: [10],
    isValid: (bare) => (11 - (weighted(bare, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === digit(bare, 9) && !/^(\d)\1+$/.test(bare),
    groups: ['3-3-4'],
    grouped: 0.57,
    near: 0.97,
    words: words('nhs', 'health service', 'patient'),
  },
  {
    rule: 'uk.driving_licence',
    kind: 'national_id',
    shape: /^[A-Z]{1,5}9{0,4}(?<=^.{5})\d[0156]\d(?:0[1-9]|[12]\d|3[01])\d[A-Z9]{2}[A-Z0-9][A-Z]{2}$/,
    lengths: [16],
    bare: 0.85,
    near: 0.97,
    words: words('driv(?:ing|er)', 'licen[cs]e', 'dvla'),
  },
  {
    rule: 'uk.utr',
    kind: 'tax_id',
    shape: /^\d{10}$/,
    lengths: [10],
    near: 0.85,
    words: words('utr', 'unique taxpayer'),
  },
  {
    rule: 'de.tax_id',
    kind: 'tax_id',
    shape: /^[1-9]\d{10}$/,
    lengths: [11],
    isValid: isGermanTaxId,
    groups: ['2-3-3-3'],
    grouped: 0.8,
    bare: 0.3,
    near: 0.95,
    words: words('steuer\\w*', 'tax', 'idnr', 'tin'),
  },
  {
    rule: 'de.tax_number',
    kind: 'tax_id',
    shape: /^\d{10,13}$/,
    lengths: [10, 11, 13],
    groups: ['3/3/5', '2/3/5', '3/4/4', '5/5', '3 3 5'],
    near: 0.8,
    words: words('steuer-?(?:nummer|nr)', 'tax number', 'finanzamt'),
  },
  {
    rule: 'de.pension',
    kind: 'national_id',
    shape: /^\d{8}[A-Z]\d{3}$/,
    lengths: [12],
    isValid: isGermanPension,
    groups: ['2-6-1-3'],
    grouped: 0.9,
    bare: 0.75,
    near: 0.95,
    words: words('renten\\w*', 'sozialversicherung\\w*', 'social security', 'sv-?nummer'),
  },
  {
    rule: 'de.health',
    kind: 'national_id',
    shape: /^[A-Z]\d{9}$/,
    lengths: [10],
    isValid: isGermanHealth,
    bare: 0.3,
    near: 0.95,
    words: words('kranken\\w*', 'kvnr', 'versicherten\\w*', 'health insurance', 'egk'),
  },
  {
    rule: 'de.physician',
    kind: 'national_id',
    shape: /^\d{9}$/,
    lengths: [9],
    near: 0.7,
    words: words('lanr', 'arztnummer', 'bsnr', 'betriebsst\u00e4tten\\w*'),
  },
  {
    rule: 'fr.nir',
    kind: 'national_id',
    shape: /^[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[AB])\d{8}$/,
    lengths: [15],
    isValid: isFrenchNumber,
    groups: ['1-2-2-2-3-3-2', '13-2'],
    grouped: 0.95,
    bare: 0.75,
    near: 0.97,
    words: words('nir', 'insee', 's\u00e9curit\u00e9 sociale', 'securite sociale'),
  },
  {
    rule: 'es.nif',
    kind: 'national_id',
    shape: /^(?:\d{7,8}|[XYZ]\d{7})[A-Z]$/,
    lengths: [8, 9],
    isValid: isSpanishNif,
    groups: ['8-1', '1-7-1', '7-1', '2.3.3-1'],
    grouped: 0.75,
    bare: 0.55,
    near: 0.95,
    words: words('nif', 'dni', 'nie', 'documento'),
  },
  {
    rule: 'es.cif',
    kind: 'tax_id',
    shape: /^[ABCDEFGHJNPQRSUVW]\d{7}[0-9A-J]$/,
    lengths: [9],
    isValid: isSpanishCif,
    near: 0.9,
    words: words('cif', 'nif', 'identificaci\u00f3n fiscal'),
  },
  {
    rule: 'it.fiscal_code',
    kind: 'national_id',
    shape: /^[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]$/,
    lengths: [16],
    isValid: isItalianCode,
    groups: ['3-3-5-5', '6-2-3-5'],
    grouped: 0.95,
    bare: 0.95,
    words: words('codice fiscale', 'cf'),
  },
  {
    rule: 'it.vat',
    kind: 'tax_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: isLuhn,
    near: 0.85,
    words: words('partita iva', 'p\\.? ?iva', 'vat'),
  },
  {
    rule: 'nl.bsn',
    kind: 'national_id',
    shape: /^\d{9}$/,
    lengths: [9],
    isValid: (bare) => weighted(bare, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0 && bare !== '000000000',
    near: 0.92,
    words: words('bsn', 'burgerservicenummer', 'sofi\\w*'),
  },
  {
    rule: 'be.national_number',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: (bare) =>
      isYearMonthDay(bare, { month: 20 }) &&
      [bare.slice(0, 9), `2${bare.slice(0, 9)}`].some((base) => 97 - (Number(base) % 97) === number(bare, 9, 2)),
    groups: ['2.2.2-3.2', '6-3-2', '2-2-2-3-2'],
    grouped: 0.95,
    bare: 0.55,
    near: 0.97,
    words: words('rijksregister\\w*', 'registre national', 'niss', 'insz'),
  },
  {
    rule: 'ch.ahv',
    kind: 'national_id',
    shape: /^756\d{10}$/,
    lengths: [13],
    isValid: (bare) => (10 - (weighted(bare, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]) % 10)) % 10 === digit(bare, 12),
    groups: ['3.4.4.2', '3-4-4-2'],
    grouped: 0.97,
    bare: 0.8,
    words: words('ahv', 'avs', 'avn'),
  },
  {
    rule: 'at.social_insurance',
    kind: 'national_id',
    shape: /^[1-9]\d{9}$/,
    lengths: [10],
    isValid: (bare) => weighted(bare, [3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 === digit(bare, 3) && isDayMonthYear(bare.slice(4)),
    groups: ['4-6'],
    grouped: 0.4,
    near: 0.95,
    words: words('sozialversicherung\\w*', 'svnr'),
  },
  {
    rule: 'pt.nif',
    kind: 'tax_id',
    shape: /^[1235689]\d{8}$/,
    lengths: [9],
    isValid: (bare) => ((11 - (weighted(bare, [9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11) % 10 === digit(bare, 8),
    near: 0.92,
    words: words('nif', 'contribuinte'),
  },
  {
    rule: 'ie.pps',
    kind: 'national_id',
    shape: /^\d{7}[A-W][A-IW]?$/,
    lengths: [8, 9],
    isValid: (bare) => {
      const second = bare[8] === undefined || bare[8] === 'W' ? 0 : bare.charCodeAt(8) - 64
      return 'WABCDEFGHIJKLMNOPQRSTUV'[(weighted(bare, [8, 7, 6, 5, 4, 3, 2]) + 9 * second) % 23] === bare[7]
    },
    groups: ['7-1', '7-2'],
    bare: 0.4,
    near: 0.95,
    words: words('pps(?:n|no)?', 'public service number'),
  },
]
